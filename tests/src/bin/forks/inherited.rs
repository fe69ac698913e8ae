//! What was made before a fork, in the child: a typed error each, nothing sent, nothing that hangs.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::os::unix::net::UnixStream;

use dlssl::{
    ChannelBinding, Connector, Error, ErrorKind, HandshakeError, Isolation, LoadFailure, MemoryBio, RandomError, Slot,
};
use dlssl_tests::forked::{Said, Way, spawn};
use dlssl_tests::library::{PRIVATE_COPIES, loader};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::talk::{self, pattern};

use super::talk::{acceptor, connector, draw, echo, pair, sockets};

pub(super) fn run() {
    let library = dlssl::current().expect("a library");
    let (staying, taking) = (talk_with(&library), acceptor_on(&library));
    let ends = pair(&staying, &taking).expect("a connection");
    let memory = MemoryBio::from_bytes(&library, b"one\ntwo\n").expect("a memory BIO");
    let (split, mut whole) = halves(&staying, &taking);
    // The child takes them out of its own memory.
    let mut made = Some((ends, split, memory, staying, taking));
    // Half of a handshake: the client has spoken and waits.
    let (quiet, _peer) = sockets();
    quiet.set_nonblocking(true).expect("a socket that does not wait");
    let Err(HandshakeError::Blocked(blocked)) = talk_with(&library).connect(NAME, quiet) else {
        panic!("the handshake does not wait")
    };
    let mut blocked = Some(blocked);

    let child = spawn(Way::Fork, || {
        let ((mut client, mut server), split, mut memory, staying, taking) = made.take().ok_or("taken twice")?;
        let is = |what: &str, kind: Option<ErrorKind>| match kind {
            Some(ErrorKind::Inherited) => Ok(()),
            other => Err(format!("{what}: {other:?}")),
        };
        is("connect", failed(&staying.connect(NAME, sockets().0)))?;
        is("accept", failed(&taking.accept(sockets().0)))?;
        is(
            "configure",
            staying.configure(NAME).and_then(|c| c.connect(sockets().0).map_err(into_error)).err().map(|e| e.kind()),
        )?;
        is("a builder's build", Connector::builder(&library).build().err().map(|e| e.kind()))?;
        for (side, stream) in [("client", &mut client), ("server", &mut server)] {
            is(&format!("{side}: read"), of_io(stream.read(&mut [0; 8])))?;
            is(&format!("{side}: write"), of_io(stream.write(b"not to be sent")))?;
            is(&format!("{side}: flush"), of_io(stream.flush()))?;
            is(&format!("{side}: shutdown"), of_io(stream.shutdown()))?;
            is(&format!("{side}: close"), of_io(stream.close()))?;
            is(&format!("{side}: peek"), of_io(stream.peek(&mut [0; 8])))?;
            is(&format!("{side}: read_ready"), of_io(stream.read_ready()))?;
            is(&format!("{side}: read_vectored"), of_io(stream.read_vectored(&mut [IoSliceMut::new(&mut [0; 8])])))?;
            let parts = [IoSlice::new(b"not"), IoSlice::new(b"to be sent")];
            is(&format!("{side}: write_vectored"), of_io(stream.write_vectored(&parts)))?;
            let exported = stream.export_keying_material(&mut [0; 16], "EXPORTER-test", None);
            is(&format!("{side}: exporter"), exported.err().map(|e| e.kind()))?;
            for kind in [ChannelBinding::Exporter, ChannelBinding::Unique, ChannelBinding::ServerEndPoint] {
                is(&format!("{side}: {}", kind.name()), stream.channel_binding(kind).err().map(|e| e.kind()))?;
            }
        }
        let (mut reader, mut writer) = split;
        is("a half: read", of_io(reader.read(&mut [0; 8])))?;
        is("a half: peek", of_io(reader.peek(&mut [0; 8])))?;
        is("a half: write", of_io(writer.write(b"not to be sent")))?;
        is("a half: write_vectored", of_io(writer.write_vectored(&[IoSlice::new(b"not to be sent")])))?;
        is("a half: flush", of_io(writer.flush()))?;
        is("a half: shutdown", of_io(writer.shutdown()))?;
        if reader.has_pending() {
            return Err("a half says that bytes wait".into());
        }
        let joined = reader.rejoin(writer).map_err(|e| e.to_string())?;
        is("splitting", joined.split().err().map(|e| e.error().kind()))?;
        is("going on with a handshake", blocked.take().and_then(|blocked| failed(&blocked.resume())))?;
        is("memory: read", of_io(memory.read(&mut [0; 8])))?;
        is("memory: write", of_io(memory.write(b"x")))?;
        is("memory: gets", memory.gets(80).err().map(|e| e.kind()))?;
        is("memory: puts", memory.puts("x").err().map(|e| e.kind()))?;
        is("a new memory BIO", MemoryBio::new(&library).err().map(|e| e.kind()))?;
        if !matches!(library.random(&mut [0; 8]), Err(RandomError::Inherited(_))) {
            return Err("random bytes of an inherited library".into());
        }
        if !library.is_inherited() || library.check_process().is_ok() || library.is_current() {
            return Err("the library does not know that it was inherited".into());
        }
        drop((client, server, memory, staying, taking));
        // And life goes on.
        echo(&connector(), &acceptor())?;
        draw(&dlssl::current().map_err(|e| e.to_string())?)
    });
    child.finish().expect("the child");

    // The parent's connection has heard of nothing.
    let ((mut client, mut server), (mut reader, mut writer), mut memory, staying, taking) = made.expect("still here");
    assert!(!library.is_inherited() && library.is_current());
    for seed in 0..3 {
        talk::send(&mut client, &mut server, &pattern(100_000, seed));
        talk::send(&mut server, &mut client, &pattern(50_000, seed + 10));
    }
    client.shutdown().expect("an end");
    assert_eq!(server.read(&mut [0; 8]).expect("an orderly end"), 0);
    writer.write_all(b"ping").expect("the half goes on");
    let mut got = [0; 4];
    whole.read_exact(&mut got).expect("what the half sent");
    whole.write_all(&got).expect("an answer");
    reader.read_exact(&mut got).expect("the other half goes on");
    assert_eq!(&got, b"ping");
    assert_eq!(memory.gets(80).expect("a line").as_deref(), Some(&b"one\n"[..]));
    drop(blocked);
    echo(&staying, &taking).expect("the parent's own go on");
}

fn talk_with(library: &dlssl::Library) -> Connector {
    Connector::builder(library).roots(Pki::shared().authority.roots()).build().expect("a connector")
}

fn acceptor_on(library: &dlssl::Library) -> dlssl::Acceptor {
    dlssl::Acceptor::builder(library, Pki::shared().server.identity()).build().expect("an acceptor")
}

type Halves = (dlssl::ReadHalf<UnixStream>, dlssl::WriteHalf<UnixStream>);

/// A client in two halves, and its server.
fn halves(connector: &Connector, acceptor: &dlssl::Acceptor) -> (Halves, dlssl::TlsStream<UnixStream>) {
    let (a, b) = sockets();
    let (client, server) = std::thread::scope(|scope| {
        let server = scope.spawn(|| acceptor.configure().expect("a server").accept_socket(b));
        let client = connector.configure(NAME).expect("a client").connect_socket(a);
        (client.expect("a connection"), server.join().expect("no panic").expect("a connection"))
    });
    (client.split().expect("two halves"), server)
}

fn into_error<S>(error: HandshakeError<S>) -> Error {
    match error {
        HandshakeError::Failed(failed) => failed.into_error(),
        _ => panic!("a handshake that waits"),
    }
}

fn failed<T, S>(outcome: &Result<T, HandshakeError<S>>) -> Option<ErrorKind> {
    match outcome {
        Err(HandshakeError::Failed(failed)) => Some(failed.error().kind()),
        _ => None,
    }
}

fn of_io<T>(outcome: io::Result<T>) -> Option<ErrorKind> {
    outcome.err()?.get_ref()?.downcast_ref::<Error>().map(Error::kind)
}

/// Loads in a child: what may not be a copy is an error, and the rest is one.
pub(super) fn loads() {
    // A plain load, so that the process holds the files under their own names.
    let held = dlssl::current().expect("a library");
    let child = spawn(Way::Fork, || {
        let refusal = |what: &str, outcome: Result<dlssl::Library, dlssl::LoadError>| match outcome {
            Ok(library) => Err(format!("{what}: {}", library.explain())),
            Err(error)
                if matches!(cause(error.failure()), LoadFailure::Inherited { .. })
                    && error.to_string().contains("private copies") == PRIVATE_COPIES =>
            {
                Ok(())
            }
            Err(error) => Err(format!("{what}: {error}\n{}", error.explanation())),
        };
        refusal("never", loader().isolation(Isolation::Never).load())?;
        refusal("already loaded", dlssl::Loader::new().already_loaded().load())?;
        refusal("never, from a slot", Slot::new(loader().isolation(Isolation::Never)).current())?;
        // A reload that fails changes nothing: the slot still loads as it did.
        let reload = dlssl::reload_with(loader().isolation(Isolation::Never));
        refusal("never, by reload", reload.map(|reloaded| reloaded.new_library().clone()))?;
        if !PRIVATE_COPIES {
            refusal("by itself", loader().load())?;
            return refusal("from the slot", dlssl::current()).map(|()| Vec::new());
        }
        let one = dlssl::current().map_err(|e| e.to_string())?;
        let two = loader().load().map_err(|e| e.to_string())?;
        if !one.is_private_copy() || one.mapping() != two.mapping() || one.mapping() == held.mapping() {
            return Err(format!("not one copy of the child's own: {}", two.explain()));
        }
        if !one.explain().to_string().contains("forked") {
            return Err(format!("it does not say why: {}", one.explain()));
        }
        let reloaded = dlssl::reload().map_err(|e| e.to_string())?;
        if reloaded.new_library().mapping() != one.mapping() || reloaded.reseeded() != 1 {
            return Err(format!("{reloaded}, seeded {}", reloaded.reseeded()));
        }
        draw(&two)
    });
    child.finish().expect("the child");
    assert!(loader().isolation(Isolation::Never).load().is_ok(), "the parent is none");
    assert!(dlssl::Loader::new().already_loaded().load().is_ok(), "the parent is none");
}

fn cause(failure: &LoadFailure) -> &LoadFailure {
    match failure {
        LoadFailure::Environment { cause: inner, .. } => cause(inner),
        other => other,
    }
}

/// A child of a child, and a child of that.
pub(super) fn generations() {
    fn descend(depth: usize, made_above: &Connector) -> Said {
        let (acceptor, library) = (acceptor(), dlssl::current().map_err(|e| e.to_string())?);
        echo(made_above, &acceptor)?;
        let mut blocks = draw(&library)?;
        if depth > 0 {
            for _ in 0..2 {
                let staying = talk_with(&library);
                let child = spawn(Way::Fork, || match failed(&staying.connect(NAME, sockets().0)) {
                    Some(ErrorKind::Inherited) => descend(depth - 1, made_above),
                    other => Err(format!("at depth {depth}: {other:?}")),
                });
                blocks.extend(child.finish()?);
            }
            // What the children did is no matter here.
            echo(made_above, &acceptor)?;
            if !library.is_current() {
                return Err(format!("at depth {depth}, the library was exchanged"));
            }
        }
        Ok(blocks)
    }
    let blocks = descend(2, &connector()).expect("all of them");
    let blocks: Vec<&[u8]> = blocks.chunks(super::talk::BLOCK).collect();
    assert_eq!(blocks.len(), 7);
    let different: std::collections::HashSet<&&[u8]> = blocks.iter().collect();
    assert_eq!(different.len(), blocks.len(), "two draws are equal");
}
