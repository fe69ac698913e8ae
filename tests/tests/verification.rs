//! Verification as a program sets it: depth, flags, time, lists, pins, callbacks, optional certificates; and the chains.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use dlssl::{
    Acceptor, Certificate, Connector, ConnectorBuilder, Crls, Error, ErrorKind, Pin, Protocol, Roots, TlsStream,
    Verification, VerifyFlag,
};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{is_openssl_from, library};
use dlssl_tests::openssl_pki::OpensslPki;
use dlssl_tests::pki::{Authority, Leaf, NAME, Pair, Pki};
use dlssl_tests::process::{self, PATIENCE};
use dlssl_tests::talk::{acceptor, connector, protocols, shake};
use dlssl_tests::wire::{End, pipe};

fn main() -> ExitCode {
    run(vec![
        test("chains_of_the_peer", chains),
        test("chains_of_a_client", chains_of_a_client),
        test("no_verified_chain_without_verification", no_verified_chain),
        test("optional_client_certificates", optional),
        test("names_of_authorities_are_sent", names_are_sent).needs("openssl"),
        test("depth", depth),
        test("partial_chain", partial_chain),
        test("flags_by_name", flags),
        test("custom_time", custom_time),
        test("lists_for_the_whole_chain", whole_chain_lists),
        test("bad_lists", bad_lists),
        test("extra_roots", extra_roots),
        test("roots_of_the_machine_are_kept_apart", kept_apart).needs_linux(),
        test("pins", pins),
        test("pins_do_not_replace_verification", pins_and_verification),
        test("pins_alone", pins_alone),
        test("a_certificate_that_nobody_minds", nobody_minds),
        test("callback_sees_everything", callback_sees),
        test("callback_refuses", callback_refuses),
        test("callback_cannot_accept", callback_cannot_accept),
        test("danger_callback_accepts", danger_callback),
        test("danger_callback_meets_our_checks", danger_callback_and_our_checks),
        test("callback_panics", callback_panics),
        test("callback_on_the_server", callback_on_the_server),
        test("wildcards_can_be_refused", no_wildcards),
        test("weak_ones_when_asked_for", weak_when_asked_for).needs("openssl"),
        test("an_old_cross_signature_hurts_nowhere", cross_signature),
    ])
}

fn authority() -> &'static Authority {
    &Pki::shared().authority
}

fn parsed(pem: &str) -> Certificate {
    Certificate::from_pem(library(), pem).unwrap()
}

fn against(builder: &ConnectorBuilder, pair: &Pair) -> Result<TlsStream<End>, Error> {
    let acceptor = Acceptor::builder(library(), pair.identity()).build().unwrap();
    shake(&builder.build().unwrap(), &acceptor, NAME, pipe()).0.map_err(Error::from)
}

/// On every protocol.
fn accepted(builder: &ConnectorBuilder, pair: &Pair) {
    for protocol in protocols() {
        against(&builder.clone().max_protocol(protocol), pair).unwrap();
    }
}

fn refused(builder: &ConnectorBuilder, pair: &Pair) -> Error {
    let mut last = None;
    for protocol in protocols() {
        let error = against(&builder.clone().max_protocol(protocol), pair).expect_err("taken");
        assert_eq!(error.kind(), ErrorKind::Certificate, "{protocol}: {error}");
        last = Some(error);
    }
    last.unwrap()
}

fn server() -> &'static Pair {
    &Pki::shared().server
}

fn chains() {
    for protocol in protocols() {
        let stream = against(&connector().max_protocol(protocol), server()).unwrap();
        let own = Certificate::from_der(library(), &server().der).unwrap();
        assert_eq!(stream.peer_certificate().unwrap(), own);
        let sent = Certificate::chain_from_pem(library(), &server().chain).unwrap();
        assert_eq!(stream.peer_chain(), sent);
        let mut verified = sent;
        verified.push(parsed(authority().root_pem()));
        assert_eq!(stream.verified_chain().unwrap(), verified);
        assert!(stream.verify_result().is_ok());
        assert_eq!(stream.peer_subject().unwrap(), "CN=server.test");
    }
}

fn chains_of_a_client() {
    for protocol in protocols() {
        let connector = connector().identity(Pki::shared().client.identity()).max_protocol(protocol).build().unwrap();
        let acceptor = acceptor().client_roots(authority().roots()).build().unwrap();
        let (client, server) = shake(&connector, &acceptor, NAME, pipe());
        let (_client, server) = (client.unwrap(), server.unwrap());
        assert_eq!(server.peer_chain(), Certificate::chain_from_pem(library(), &Pki::shared().client.chain).unwrap());
        assert_eq!(server.verified_chain().unwrap().len(), 3);
        assert_eq!(server.peer_certificate().unwrap().to_string(), "CN=client under test");
    }
}

fn no_verified_chain() {
    let careless = connector().danger_accept_invalid_certificates(true).danger_accept_invalid_names(true);
    let stream = against(&careless, &Leaf::server(NAME).self_signed()).unwrap();
    assert_eq!(stream.verified_chain(), None);
    assert_eq!(stream.peer_chain().len(), 1);
    // A client that shows nothing.
    let (client, server) = shake(&connector().build().unwrap(), &acceptor().build().unwrap(), NAME, pipe());
    let (_client, server) = (client.unwrap(), server.unwrap());
    assert_eq!((server.peer_certificate(), server.verified_chain()), (None, None));
    assert!(server.peer_chain().is_empty());
}

fn optional() {
    let acceptor = acceptor().optional_client_roots(authority().roots()).build().unwrap();
    let stranger = Authority::new("a stranger").issue(&Leaf::client("stranger"));
    let clients = [
        (connector(), Ok(None)),
        (connector().identity(Pki::shared().client.identity()), Ok(Some("CN=client under test"))),
        (connector().identity(stranger.identity()), Err(ErrorKind::Certificate)),
    ];
    for (client, expected) in clients {
        for protocol in protocols() {
            let (client, server) =
                shake(&client.clone().max_protocol(protocol).build().unwrap(), &acceptor, NAME, pipe());
            let server = server.map(|stream| stream.peer_certificate().map(|c| c.to_string())).map_err(|e| e.kind());
            assert_eq!(server, expected.map(|name| name.map(str::to_owned)), "{protocol}");
            drop(client);
        }
    }
}

/// `openssl s_client` says which authorities the server named.
fn names_are_sent() {
    use dlssl_tests::process::{foreign, run};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let other = Authority::new("another");
    // The same root twice is named once.
    let roots = authority().roots().and(other.roots()).and(Roots::file(Pki::shared().root_path()));
    let acceptor = acceptor().client_roots(roots).build().unwrap();
    let server = std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = acceptor.accept(socket);
    });
    let said = run(foreign("openssl").args(["s_client", "-tls1_2", "-connect"]).arg(format!("127.0.0.1:{port}")), b"");
    server.join().unwrap();
    let names: Vec<&str> = said
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("Acceptable client certificate CA names"))
        .skip(1)
        .take_while(|line| line.starts_with("CN"))
        .collect();
    assert_eq!(names.len(), 2, "{}", said.stdout);
    assert!(names[0].contains("dlssl test root") && names[1].contains("another root"), "{names:?}");
}

fn depth() {
    // One intermediate.
    accepted(&connector().verify_depth(1), server());
    accepted(&connector().verify_depth(u32::MAX), server());
    let error = refused(&connector().verify_depth(0), server());
    assert!(error.verify().is_some(), "{error}");
    let trusting = Roots::pem(authority().intermediate_pem());
    accepted(&connector().roots(trusting).verify_flags([VerifyFlag::PartialChain]).verify_depth(0), server());
}

fn partial_chain() {
    let trusting = connector().roots(Roots::pem(authority().intermediate_pem()));
    refused(&trusting, server());
    let partial = trusting.verify_flags([VerifyFlag::PartialChain]);
    accepted(&partial, server());
    assert_eq!(against(&partial, server()).unwrap().verified_chain().unwrap().len(), 2);
}

/// Each flag is taken by each library; what those do that change the verdict is tested by itself.
fn flags() {
    let all = [
        VerifyFlag::ExtendedCrlSupport,
        VerifyFlag::UseDeltas,
        VerifyFlag::AllowProxyCerts,
        VerifyFlag::PolicyCheck,
        VerifyFlag::CheckRootSignature,
        VerifyFlag::PartialChain,
        VerifyFlag::NoAltChains,
        VerifyFlag::TrustedFirst,
    ];
    for flag in all {
        accepted(&connector().verify_flags([flag]), server());
    }
    accepted(&connector().verify_flags(all), server());
    // Lists are demanded, and none is there; a policy is, and none is stated.
    for flag in [VerifyFlag::CrlCheck, VerifyFlag::CrlCheckAll, VerifyFlag::ExplicitPolicy] {
        refused(&connector().verify_flags([flag]), server());
    }
    connector().verify_flags([VerifyFlag::X509Strict]).build().unwrap();
}

fn custom_time() {
    let day = Duration::from_secs(24 * 60 * 60);
    let now = SystemTime::now();
    accepted(&connector().verify_time(now + 10 * day), server());
    let error = refused(&connector().verify_time(now + 40 * day), server());
    assert!(error.verify().unwrap().reason().contains("expired"), "{error}");
    let error = refused(&connector().verify_time(now - 20 * day), server());
    assert!(error.verify().unwrap().reason().contains("not yet valid"), "{error}");
    let past = authority().issue(&Leaf::server(NAME).expired());
    refused(&connector(), &past);
    accepted(&connector().verify_time(now - 5 * day), &past);
}

fn whole_chain_lists() {
    let leaf_only = connector().crls(Crls::bytes(authority().crl(&[])));
    accepted(&leaf_only, server());
    // The intermediate's issuer has published none.
    refused(&leaf_only.verify_flags([VerifyFlag::CrlCheckAll]), server());
    let both = Crls::bytes(authority().crl(&[]) + &authority().root_crl(&[]));
    accepted(&connector().crls(both.clone()).verify_flags([VerifyFlag::CrlCheckAll]), server());
    // A list twice does no harm.
    accepted(&connector().crls(both.clone()).crls(both), server());
    // A stranger's list says nothing about our certificates.
    refused(&connector().crls(Crls::bytes(Authority::new("a stranger").crl(&[]))), server());
}

fn bad_lists() {
    let good = authority().crl(&[]);
    for text in ["", "words", &good[..good.len() / 2], authority().root_pem(), &good.replace("\nM", "\n%")] {
        let error = connector().crls(Crls::bytes(text)).build().expect_err(text);
        assert_eq!(error.kind(), ErrorKind::Pem, "{error}");
    }
    let error = connector().crls(Crls::file("/nonexistent/list.pem")).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
}

fn extra_roots() {
    // Where there are default roots, ours come beside them.
    if dlssl::default_roots(library()).is_err() {
        return;
    }
    let builder = Connector::builder(library());
    accepted(&builder.clone().roots(Roots::default().and(authority().roots())), server());
    refused(&builder, server());
}

/// In a process of its own, whose environment names the file.
fn kept_apart() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
    command.arg("machine-roots").env("SSL_CERT_FILE", dir.path().join("roots.pem")).env_remove("SSL_CERT_DIR");
    let outcome = process::run(&mut command, b"").success();
    assert_eq!(outcome.stdout, "kept apart\n");
}

fn pin_of(certificate: &Certificate) -> [Pin; 2] {
    [Pin::certificate(certificate).unwrap(), Pin::key(&certificate.public_key().unwrap()).unwrap()]
}

fn pins() {
    // The same from the numbers.
    let certificate = Certificate::from_der(library(), &server().der).unwrap();
    let sum = |digest: dlssl::Digest| <[u8; 32]>::try_from(digest.as_bytes()).unwrap();
    let of_whole = Pin::certificate_sha256(sum(certificate.fingerprint("SHA256").unwrap()));
    let of_key = Pin::key_sha256(sum(certificate.public_key().unwrap().sha256().unwrap()));
    assert_eq!([of_whole, of_key], pin_of(&certificate));
    let (leaf, root) = (Certificate::from_der(library(), &server().der).unwrap(), parsed(authority().root_pem()));
    let stranger = parsed(Authority::new("a stranger").root_pem());
    for certificate in [&leaf, &parsed(authority().intermediate_pem()), &root] {
        for pin in pin_of(certificate) {
            accepted(&connector().pins([pin]), server());
            // One of several is enough.
            accepted(&connector().pins(pin_of(&stranger)).pins([pin]), server());
        }
    }
    for pin in pin_of(&stranger) {
        let error = refused(&connector().pins([pin]), server());
        assert!(error.to_string().contains("pinned"), "{error}");
        assert_eq!(error.verify().unwrap().certificate(), Some(&leaf));
    }
    // A pinned certificate that the peer merely sends along is no part of the verified chain.
    let mut padded = server().clone();
    padded.chain += stranger.to_pem().unwrap().as_str();
    for pin in pin_of(&stranger) {
        refused(&connector().pins([pin]), &padded);
    }
}

fn pins_and_verification() {
    for pair in [Leaf::server(NAME).self_signed(), authority().issue(&Leaf::server("other.test"))] {
        let leaf = Certificate::from_der(library(), &pair.der).unwrap();
        refused(&connector().pins(pin_of(&leaf)), &pair);
    }
}

fn pins_alone() {
    let pair = Leaf::server("whatever.test").self_signed();
    let leaf = Certificate::from_der(library(), &pair.der).unwrap();
    let careless = connector().danger_accept_invalid_certificates(true).danger_accept_invalid_names(true);
    for pin in pin_of(&leaf) {
        accepted(&careless.clone().pins([pin]), &pair);
        refused(&careless.clone().pins([pin]), &Leaf::server("whatever.test").self_signed());
    }
}

type Seen = Arc<Mutex<Vec<Verification>>>;

/// What fails after it is called by its own name.
fn nobody_minds() {
    let careless = connector().danger_accept_invalid_certificates(true).max_protocol(Protocol::Tls12).build().unwrap();
    let stranger = Leaf::server(NAME).self_signed();
    let acceptor = Acceptor::builder(library(), stranger.identity()).client_roots(authority().roots()).build().unwrap();
    let error = Error::from(shake(&careless, &acceptor, NAME, pipe()).0.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
    assert!(error.verify().is_none() && error.to_string().contains("alert"), "{error}");
    let _ = library().take_errors();
}

fn recorder() -> (Seen, impl Fn(&Verification) -> bool + Clone + Send + Sync + 'static) {
    let seen = Seen::default();
    let recorder = Arc::clone(&seen);
    (seen, move |step: &Verification| {
        recorder.lock().unwrap().push(step.clone());
        true
    })
}

fn callback_sees() {
    let (seen, judge) = recorder();
    against(&connector().verify_callback(judge.clone()), server()).unwrap();
    let steps = std::mem::take(&mut *seen.lock().unwrap());
    assert!(steps.iter().all(|step| step.is_accepted() && step.code() == 0), "{steps:?}");
    let mut seen_at: Vec<u32> = steps.iter().map(Verification::depth).collect();
    seen_at.sort_unstable();
    seen_at.dedup();
    assert_eq!(seen_at, [0, 1, 2]);
    for step in &steps {
        assert_eq!(step.chain().len(), 3);
        assert_eq!(step.certificate(), Some(&step.chain()[step.depth() as usize]));
    }
    refused(&connector().verify_callback(judge), &authority().issue(&Leaf::server(NAME).expired()));
    let steps = seen.lock().unwrap();
    let fault = steps.iter().find(|step| !step.is_accepted()).expect("a fault");
    assert_eq!((fault.depth(), fault.code()), (0, 10));
    assert!(fault.reason().contains("expired"), "{fault:?}");
    assert_eq!(fault.certificate().unwrap().dns_names().unwrap(), [NAME]);
}

fn callback_refuses() {
    let builder = connector().verify_callback(|step| step.depth() != 1);
    let error = refused(&builder, server());
    let verify = error.verify().unwrap();
    assert_eq!((verify.depth(), verify.code()), (1, 50), "{error}");
    assert_eq!(verify.subject(), "CN=dlssl test intermediate");
    assert!(error.to_string().contains("the program's own"), "{error}");
}

fn callback_cannot_accept() {
    for pair in [Leaf::server(NAME).self_signed(), authority().issue(&Leaf::server("other.test"))] {
        refused(&connector().verify_callback(|_| true), &pair);
    }
}

fn danger_callback() {
    let pairs = [
        Leaf::server(NAME).self_signed(),
        authority().issue(&Leaf::server(NAME).expired()),
        authority().issue(&Leaf::server("other.test")),
    ];
    for pair in &pairs {
        accepted(&connector().danger_verify_callback(|_| true), pair);
        let error = refused(&connector().danger_verify_callback(|_| false), pair);
        assert!(error.verify().is_some(), "{error}");
        // It takes one fault, and not another.
        refused(&connector().danger_verify_callback(|step| step.is_accepted() || step.code() == 9999), pair);
    }
    // What was overruled can be seen afterwards, and no chain is called verified.
    let stream = against(&connector().danger_verify_callback(|_| true), &pairs[1]).unwrap();
    assert!(!stream.verify_result().is_ok());
    assert_eq!(stream.verified_chain(), None);
}

fn danger_callback_and_our_checks() {
    let nameless = authority().issue(&Leaf::server(NAME).with(|params| params.subject_alt_names.clear()));
    accepted(&connector().danger_verify_callback(|_| true), &nameless);
    // But a pin that does not fit is final.
    let stranger = parsed(Authority::new("a stranger").root_pem());
    refused(&connector().danger_verify_callback(|_| true).pins(pin_of(&stranger)), server());
}

fn callback_panics() {
    let connector = connector().verify_callback(|_| panic!("the judge")).build().unwrap();
    let acceptor = acceptor().build().unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| shake(&connector, &acceptor, NAME, pipe())));
    let panic = outcome.expect_err("no panic");
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"the judge"));
    assert!(library().take_errors().is_empty());
}

fn callback_on_the_server() {
    let (seen, judge) = recorder();
    let acceptor = acceptor().client_roots(authority().roots()).verify_callback(judge).build().unwrap();
    let connector = connector().identity(Pki::shared().client.identity()).build().unwrap();
    let (client, server) = shake(&connector, &acceptor, NAME, pipe());
    let (mut client, mut server) = (client.unwrap(), server.unwrap());
    server.write_all(b"hi").unwrap();
    client.read_exact(&mut [0; 2]).unwrap();
    let steps = seen.lock().unwrap();
    assert!(steps.iter().any(|step| step.certificate().unwrap().to_string() == "CN=client under test"), "{steps:?}");
}

fn no_wildcards() {
    let pair = authority().issue(&Leaf::server("*.wild.test"));
    let acceptor = Acceptor::builder(library(), pair.identity()).build().unwrap();
    let meet = |builder: ConnectorBuilder| shake(&builder.build().unwrap(), &acceptor, "a.wild.test", pipe()).0;
    meet(connector()).unwrap();
    assert_eq!(meet(connector().allow_wildcards(false)).unwrap_err().kind(), ErrorKind::Certificate);
    accepted(&connector().allow_wildcards(false), server());
}

fn weak_when_asked_for() {
    let pki = OpensslPki::new();
    for (key, digest) in [("rsa:768", "-sha256"), ("rsa:2048", "-sha1")] {
        let pair = pki.issue(key, digest);
        let mut server = Acceptor::builder(library(), pair.identity());
        let client = Connector::builder(library()).roots(pki.roots()).danger_accept_weak_certificates(true);
        if is_openssl_from("1.1.0") {
            server = server.cipher_list("ALL:@SECLEVEL=0");
        }
        let server = server.build().unwrap();
        shake(&client.build().unwrap(), &server, NAME, pipe())
            .0
            .unwrap_or_else(|error| panic!("{key} {digest}: {error}"));
    }
}

/// The peer also sends a certificate for the root's name and key that an older authority has signed, and which has
/// expired. Both authorities are trusted; the shorter way is taken.
fn cross_signature() {
    let mut pair = server().clone();
    let older = Authority::new("older");
    pair.chain += &authority().cross_signed_root(&older);
    accepted(&connector(), &pair);
    accepted(&connector().roots(authority().roots().and(older.roots())), &pair);
}
