//! Contexts that trust the machine's own roots, which here are a file of the test's (`SSL_CERT_FILE`): what they share, and
//! what they do not.

use std::path::PathBuf;
use std::time::Duration;

use dlssl::{Acceptor, Connector, ConnectorBuilder, Crls, Flavour, Roots, VerifyFlag};
use dlssl_tests::library::library;
use dlssl_tests::pki::{Authority, Leaf, NAME};
use dlssl_tests::talk::shake;
use dlssl_tests::wire::pipe;

/// So much text that reading it shows in the process's count of bytes.
const LARGE: usize = 1 << 20;
/// Of each site's certificate.
const NUMBER: u64 = 6666;

struct Site {
    authority: Authority,
    acceptor: Acceptor,
}

impl Site {
    fn new(name: &str) -> Self {
        let authority = Authority::new(name);
        let leaf = Leaf::server(NAME).with(|leaf| leaf.serial_number = Some(NUMBER.into()));
        let identity = authority.issue(&leaf).identity();
        Self { acceptor: Acceptor::builder(library(), identity).build().unwrap(), authority }
    }

    /// Makes this site's root the machine's only one, and waits until that is no change of the moment.
    fn becomes_trusted(&self) {
        let file = PathBuf::from(std::env::var_os("SSL_CERT_FILE").unwrap());
        let new = file.with_extension("new");
        std::fs::write(&new, format!("{}{}", self.authority.root_pem(), "# a comment\n".repeat(LARGE / 12))).unwrap();
        std::fs::rename(new, file).unwrap();
        std::thread::sleep(Duration::from_millis(2200));
    }

    fn is_trusted_by(&self, connector: &Connector) -> bool {
        let (client, server) = shake(connector, &self.acceptor, NAME, pipe());
        client.is_ok() && server.is_ok()
    }
}

pub(crate) fn main() {
    let (first, second) = (Site::new("first"), Site::new("second"));
    first.becomes_trusted();
    // A resumed session is verified by nobody.
    let plain = || Connector::builder(library()).session_cache(false);
    let trusted = |builder: ConnectorBuilder| {
        let connector = builder.build().unwrap();
        (first.is_trusted_by(&connector), second.is_trusted_by(&connector))
    };

    // Read once, where contexts can share.
    let (earlier, reads) = counted(|| plain().build().unwrap());
    assert!(reads > LARGE, "{reads} bytes read");
    let (_, reads) = counted(|| plain().alpn(["h2"]).build().unwrap());
    assert_eq!(reads < LARGE, library().flavour() == Flavour::OpenSsl, "{reads} bytes read");

    // What one is given, the others have not: those before and those after.
    let only_first = |when: &str| {
        assert!(first.is_trusted_by(&earlier) && !second.is_trusted_by(&earlier), "{when}: one from before");
        assert_eq!(trusted(plain()), (true, false), "{when}: one from after");
    };
    only_first("at first");
    let both = Roots::default().and(second.authority.roots());
    assert_eq!(trusted(plain().roots(both)), (true, true));
    only_first("a root of its own");
    assert_eq!(trusted(plain().roots(second.authority.roots())), (false, true));
    only_first("another root alone");
    let list = first.authority.crl(&[NUMBER]);
    assert_eq!(trusted(plain().crls(Crls::bytes(list))), (false, false));
    only_first("a revocation list");
    assert_eq!(trusted(plain().verify_flags([VerifyFlag::CrlCheckAll])), (false, false));
    only_first("a flag");
    // Before 2038, which not every machine can count beyond.
    let distant = std::time::SystemTime::now() + Duration::from_secs(300_000_000);
    assert_eq!(trusted(plain().verify_time(distant)), (false, false));
    only_first("another time");
    add_by_pointer(&second);
    only_first("a root that was added past us");

    // Another file in its place is read anew; who had read the one before keeps to it.
    second.becomes_trusted();
    for _ in 0..2 {
        assert_eq!(trusted(plain()), (false, true), "another file");
    }
    assert!(first.is_trusted_by(&earlier) && !second.is_trusted_by(&earlier));
    // The file is still the one that was read last; that it was is no reason not to look.
    std::fs::remove_file(std::env::var_os("SSL_CERT_FILE").unwrap()).unwrap();
    assert_eq!(plain().build().unwrap_err().kind(), dlssl::ErrorKind::NoRoots);
    println!("kept apart");
}

/// Puts a root into the store of a context of its own, as a program may by pointer.
fn add_by_pointer(site: &Site) {
    let connector = Connector::builder(library()).build().unwrap();
    let root = dlssl::Certificate::from_pem(library(), site.authority.root_pem()).unwrap();
    let functions = library().functions();
    // SAFETY: a live context, from which no connection is made meanwhile, its store, and a live certificate.
    let added = unsafe {
        let store = (functions.ssl.SSL_CTX_get_cert_store)(connector.context().as_ptr());
        (functions.x509_vfy.X509_STORE_add_cert)(store, root.as_ptr())
    };
    assert_eq!(added, 1);
}

/// Runs something, and counts the bytes that the process reads meanwhile.
fn counted<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = bytes_read();
    let result = work();
    (result, bytes_read() - before)
}

fn bytes_read() -> usize {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}
