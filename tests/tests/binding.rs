//! Exported keying material and channel bindings: both sides agree, and so do OpenSSL's and GnuTLS's commands.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};

use dlssl::{ChannelBinding, ErrorKind, Protocol, TlsStream};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::is_openssl_from;
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::process::{Running, foreign, run as run_command};
use dlssl_tests::talk::{Bio, acceptor, connector, protocols, shake_tcp};

const LABEL: &str = "EXPORTER-dlssl-test";

fn main() -> ExitCode {
    run(vec![
        test("exported_material_is_shared", exported),
        test("labels_that_tls_keeps_to_itself", own_labels),
        test("exporter_binding", exporter),
        test("unique_binding", unique),
        test("unique_binding_of_a_resumed_session", unique_resumed),
        test("server_end_point_binding", server_end_point).needs("openssl"),
        test("names", names),
        test("openssl_exports_the_same", openssl).needs("openssl"),
        test("gnutls_binds_the_same", gnutls).needs("gnutls-cli").needs("stdbuf"),
    ])
}

type Pair = (TlsStream<TcpStream>, TlsStream<TcpStream>);

fn pair(bio: Bio, protocol: Protocol) -> Pair {
    let connector = connector().max_protocol(protocol).build().unwrap();
    let (client, server) = shake_tcp(bio, &connector, &acceptor().build().unwrap(), NAME);
    (client.unwrap(), server.unwrap())
}

fn export<S>(stream: &mut TlsStream<S>, label: &str, context: Option<&[u8]>) -> [u8; 40] {
    let mut out = [0; 40];
    stream.export_keying_material(&mut out, label, context).unwrap();
    out
}

fn exported() {
    for protocol in protocols() {
        for bio in Bio::ALL {
            let (mut client, mut server) = pair(bio, protocol);
            let mut seen = Vec::new();
            for label in [LABEL, "EXPORTER-another"] {
                for context in [None, Some(&b"one"[..]), Some(b"another")] {
                    let secret = export(&mut client, label, context);
                    assert_eq!(secret, export(&mut server, label, context), "{protocol} {bio:?} {label} {context:?}");
                    assert!(!seen.contains(&secret), "{protocol} {bio:?} {label} {context:?}");
                    seen.push(secret);
                }
            }
            // Without a context is not the same as with an empty one, up to TLS 1.2.
            let same = export(&mut client, LABEL, None) == export(&mut server, LABEL, Some(b""));
            assert_eq!(same, protocol == Protocol::Tls13);
            let (mut other, _server) = pair(bio, protocol);
            assert_ne!(export(&mut other, LABEL, None), seen[0], "each connection has its own");
        }
    }
}

fn own_labels() {
    let (mut client, _server) = pair(Bio::Stream, Protocol::Tls12);
    let error = client.export_keying_material(&mut [0; 16], "master secret", None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    export(&mut client, LABEL, None);
}

fn agreed((mut client, mut server): Pair, kind: ChannelBinding) -> Result<Vec<u8>, ErrorKind> {
    match (client.channel_binding(kind), server.channel_binding(kind)) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs, "{kind:?}");
            Ok(ours)
        }
        (Err(ours), Err(theirs)) => {
            assert_eq!(ours.kind(), theirs.kind(), "{kind:?}");
            Err(ours.kind())
        }
        different => panic!("{kind:?}: {different:?}"),
    }
}

fn exporter() {
    for protocol in protocols() {
        let has_it = protocol == Protocol::Tls13 || is_openssl_from("1.1.0");
        let binding = agreed(pair(Bio::Stream, protocol), ChannelBinding::Exporter);
        assert_eq!(binding.as_ref().map(Vec::len), if has_it { Ok(32) } else { Err(&ErrorKind::Unsupported) });
        if has_it {
            assert_ne!(binding, agreed(pair(Bio::Stream, protocol), ChannelBinding::Exporter));
        }
    }
}

fn unique() {
    for protocol in protocols() {
        for bio in Bio::ALL {
            let binding = agreed(pair(bio, protocol), ChannelBinding::Unique);
            if protocol == Protocol::Tls13 {
                assert_eq!(binding, Err(ErrorKind::Unsupported));
            } else {
                assert_eq!(binding.as_ref().map(Vec::len), Ok(12));
                assert_ne!(binding, agreed(pair(bio, protocol), ChannelBinding::Unique));
            }
        }
    }
}

/// The first `Finished` message is the client's, and the server's where a session is resumed.
fn unique_resumed() {
    for bio in Bio::ALL {
        let connector = connector().max_protocol(Protocol::Tls12).build().unwrap();
        let acceptor = acceptor().build().unwrap();
        let mut seen = Vec::new();
        for resumed in [false, true, true] {
            let (client, server) = shake_tcp(bio, &connector, &acceptor, NAME);
            let (client, server) = (client.unwrap(), server.unwrap());
            assert_eq!((client.session_reused(), server.session_reused()), (resumed, resumed), "{bio:?}");
            let (of_client, of_server) = (finished(&client), finished(&server));
            assert_ne!(of_client, of_server);
            let first = if resumed { of_server } else { of_client };
            assert_eq!(agreed((client, server), ChannelBinding::Unique), Ok(first.clone()), "{bio:?} {resumed}");
            assert!(!seen.contains(&first), "each connection has its own");
            seen.push(first);
        }
    }
}

/// This side's own `Finished` message, as C has it.
fn finished(stream: &TlsStream<TcpStream>) -> Vec<u8> {
    let mut out = vec![0; 64];
    // SAFETY: live connection; writes at most the length given, and says how long the message is.
    let len = unsafe {
        (stream.library().functions().ssl.SSL_get_finished)(stream.as_ptr(), out.as_mut_ptr().cast(), out.len())
    };
    out.truncate(len);
    out
}

fn server_end_point() {
    for protocol in protocols() {
        for bio in Bio::ALL {
            let binding = agreed(pair(bio, protocol), ChannelBinding::ServerEndPoint).unwrap();
            assert_eq!(hex(&binding), sha256(&Pki::shared().server.der), "{protocol} {bio:?}");
        }
    }
}

/// By another implementation: the certificates of the tests are signed with SHA-256.
fn sha256(bytes: &[u8]) -> String {
    let mut command = foreign("openssl");
    let outcome = run_command(command.args(["dgst", "-sha256", "-r"]), bytes).success();
    outcome.stdout.split(' ').next().unwrap().to_owned()
}

fn names() {
    assert_eq!(ChannelBinding::Exporter.name(), "tls-exporter");
    assert_eq!(ChannelBinding::Unique.name(), "tls-unique");
    assert_eq!(ChannelBinding::ServerEndPoint.name(), "tls-server-end-point");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs a client of somebody else's against our server; gives our stream and the client.
fn foreign_client(protocol: Protocol, command: impl FnOnce(u16) -> Command) -> (TlsStream<TcpStream>, Running) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = Running::start(&mut command(listener.local_addr().unwrap().port()));
    let (socket, _) = listener.accept().unwrap();
    socket.set_read_timeout(Some(dlssl_tests::process::PATIENCE)).unwrap();
    let acceptor = acceptor().min_protocol(protocol).max_protocol(protocol).build().unwrap();
    (acceptor.accept(socket).unwrap(), client)
}

fn openssl() {
    for protocol in protocols() {
        let (mut server, mut client) = foreign_client(protocol, |port| {
            let mut command = foreign("openssl");
            command.args(["s_client", "-connect", &format!("127.0.0.1:{port}")]);
            command.args(["-keymatexport", LABEL, "-keymatexportlen", "40"]);
            command
        });
        server.write_all(b"hello\n").unwrap();
        client.wait_until("hello", |out, _| out.contains("hello"));
        let expected = hex(&export(&mut server, LABEL, None)).to_uppercase();
        client.wait_until(&expected, |out, _| out.contains(&expected));
        client.close_input();
        let _ = server.read(&mut [0; 1]);
    }
}

fn gnutls() {
    for protocol in protocols() {
        let (mut server, mut client) = foreign_client(protocol, |port| {
            let mut command = foreign("stdbuf");
            command.args(["-oL", "gnutls-cli", "--verbose", "--port", &port.to_string(), "--insecure", "127.0.0.1"]);
            command
        });
        server.write_all(b"hello\n").unwrap();
        client.wait_until("hello", |out, _| out.contains("hello"));
        let said = client.stdout();
        let mut compared = 0;
        for kind in [ChannelBinding::Unique, ChannelBinding::ServerEndPoint, ChannelBinding::Exporter] {
            let label = format!("'{}': ", kind.name());
            // It prints the exporter's only from some version on, and tls-unique for TLS 1.3, where there is none.
            let Some(theirs) = said.lines().find_map(|line| line.split_once(&label).map(|(_, value)| value.trim()))
            else {
                continue;
            };
            let Ok(ours) = server.channel_binding(kind) else { continue };
            assert_eq!(hex(&ours), theirs, "{protocol} {kind:?}\n{said}");
            compared += 1;
        }
        assert!(compared > 0, "{said}");
        println!("{protocol}: {compared} compared");
        client.close_input();
    }
}
