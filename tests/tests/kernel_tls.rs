//! Kernel TLS over OpenSSL's own socket BIO, and files that the kernel sends; and what is said where there is none.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl_tests::harness::{run, test};

#[cfg(not(unix))]
fn main() -> ExitCode {
    run(vec![dlssl_tests::harness::not_here("kernel_tls", "Unix")])
}

#[cfg(unix)]
fn main() -> ExitCode {
    use dlssl_tests::library::{has_kernel_tls, library};
    use on_unix::kernel_has_tls;

    let name = || library().version_text().to_owned();
    let with = |t: dlssl_tests::harness::Test| {
        t.only_if(has_kernel_tls(), || format!("{} was built without kernel TLS", name()))
            .only_if(kernel_has_tls(), || "the kernel has no TLS (module tls)".to_owned())
    };
    let mut tests = vec![
        test("refused_where_the_library_has_none", on_unix::refused)
            .only_if(!has_kernel_tls(), || format!("{} has kernel TLS", name())),
        test("files_are_sent_by_no_other_means", on_unix::no_other_means),
        test("asked_for_in_vain", on_unix::in_vain)
            .only_if(has_kernel_tls(), || format!("{} was built without kernel TLS", name()))
            .only_if(!kernel_has_tls(), || "the kernel has TLS".to_owned()),
    ];
    tests.extend(
        [
            test("kernel_encrypts_and_the_peer_understands", on_unix::understood),
            test("kernel_sends_files", on_unix::files),
            test("kernel_sends_no_file_after_the_end", on_unix::closed),
            test("kernel_sends_and_the_peer_does_not_read", on_unix::blocked),
            test("kernel_sends_until_the_deadline", on_unix::deadline),
            test("kernel_cannot_send_what_is_no_file", on_unix::no_file),
            test("kernel_sends_to_a_peer_that_is_gone", on_unix::gone),
            test("kernel_keeps_the_socket", on_unix::kept),
        ]
        .map(with),
    );
    run(tests)
}

#[cfg(unix)]
mod on_unix {
    use std::fs::File;
    use std::io::{ErrorKind as IoKind, Read, Write};
    use std::net::TcpStream;
    use std::os::fd::AsRawFd;
    use std::time::{Duration, Instant};

    use dlssl::{Acceptor, AcceptorBuilder, Error, ErrorKind, KernelTls, Protocol, Shutdown, TlsStream};
    use dlssl_tests::library::{has_kernel_tls, library};
    use dlssl_tests::pki::NAME;
    use dlssl_tests::process::PATIENCE;
    use dlssl_tests::talk::{
        Bio, accept_by, acceptor, both, connect_by, connector, pattern, protocols, send, tcp_pair, tls_pair,
    };

    /// Whether the kernel takes TLS on a socket, asked of a connected one.
    #[cfg(target_os = "linux")]
    pub(super) fn kernel_has_tls() -> bool {
        let (socket, _peer) = tcp_pair();
        let name = b"tls\0";
        // SAFETY: an open socket, and a name with its length.
        let result =
            unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_TCP, libc::TCP_ULP, name.as_ptr().cast(), 4) };
        result == 0
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn kernel_has_tls() -> bool {
        false
    }

    pub(super) fn refused() {
        let errors = [
            connector().kernel_tls(true).build().map(drop).unwrap_err(),
            acceptor().kernel_tls(true).build().map(drop).unwrap_err(),
            connector().option(dlssl::TlsOption::ENABLE_KTLS).build().map(drop).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.to_string().contains("TLS"), "{error}");
        }
        connector().kernel_tls(true).kernel_tls(false).build().unwrap();
    }

    /// What is said where files cannot be sent, and that the connection goes on.
    fn says(tls: &mut TlsStream<TcpStream>, peer: &mut TlsStream<TcpStream>, why: &str) {
        assert_eq!(tls.kernel_tls(), KernelTls::default());
        let error = tls.send_file(&file(b"not to be sent"), 0, 14).unwrap_err();
        assert_eq!(error.kind(), IoKind::Unsupported);
        let error = Error::from_io(&error).unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(why), "{error}");
        send(tls, peer, b"goes on");
    }

    pub(super) fn no_other_means() {
        for bio in Bio::ALL {
            let (mut client, mut server) = tls_pair(bio);
            let why = if bio == Bio::OpensslSocket { "not asked for" } else { "socket BIO" };
            says(&mut client, &mut server, why);
            says(&mut server, &mut client, why);
        }
        if has_kernel_tls() {
            // Our BIO knows nothing of it, whatever was asked for.
            let acceptor = acceptor().kernel_tls(true).build().unwrap();
            let connector = connector().kernel_tls(true).build().unwrap();
            let (a, b) = tcp_pair();
            let (client, server) =
                both(|| connect_by(Bio::Descriptor, &connector, NAME, a), || accept_by(Bio::Stream, &acceptor, b));
            let (mut client, mut server) = (client.unwrap(), server.unwrap());
            says(&mut client, &mut server, "socket BIO");
            says(&mut server, &mut client, "socket BIO");
        }
    }

    pub(super) fn in_vain() {
        for protocol in protocols() {
            let (mut server, mut client) = pair(acceptor().min_protocol(protocol).max_protocol(protocol));
            says(&mut server, &mut client, "library and kernel");
            let (socket, _) = server.into_inner().unwrap();
            socket.shutdown(std::net::Shutdown::Both).unwrap();
        }
    }

    /// A server on OpenSSL's own socket BIO with kernel TLS asked for, and a client on our BIO, without.
    fn pair(acceptor: AcceptorBuilder) -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
        shaken(&acceptor.kernel_tls(true).build().unwrap())
    }

    fn shaken(acceptor: &Acceptor) -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
        let (a, b) = tcp_pair();
        let connector = connector().build().unwrap();
        let (client, server) =
            both(|| connect_by(Bio::Stream, &connector, NAME, a), || accept_by(Bio::OpensslSocket, acceptor, b));
        (server.unwrap(), client.unwrap())
    }

    /// The server sends by the kernel.
    fn sending_pair() -> (TlsStream<TcpStream>, TlsStream<TcpStream>) {
        let (server, client) = pair(acceptor());
        assert!(server.kernel_tls().sending, "{:?}: {}", server, server.kernel_tls());
        (server, client)
    }

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// Every suite that Linux has known since 5.11, both ways, against the library's own records at the other end.
    pub(super) fn understood() {
        let plans = [
            (Protocol::Tls12, "ECDHE-ECDSA-AES128-GCM-SHA256"),
            (Protocol::Tls12, "ECDHE-ECDSA-AES256-GCM-SHA384"),
            (Protocol::Tls12, "ECDHE-ECDSA-CHACHA20-POLY1305"),
            (Protocol::Tls13, "TLS_AES_128_GCM_SHA256"),
            (Protocol::Tls13, "TLS_AES_256_GCM_SHA384"),
            (Protocol::Tls13, "TLS_CHACHA20_POLY1305_SHA256"),
        ];
        for (protocol, suite) in plans {
            let acceptor = acceptor().min_protocol(protocol).max_protocol(protocol);
            let acceptor = match protocol {
                Protocol::Tls13 => acceptor.ciphersuites(suite),
                _ => acceptor.cipher_list(suite),
            };
            let (mut server, mut client) = pair(acceptor);
            assert_eq!(server.cipher(), suite);
            let kernel = server.kernel_tls();
            println!("{} {protocol} {suite}: {kernel}", library().version_text());
            assert!(kernel.sending, "{suite}");
            // OpenSSL hands reading over in TLS 1.2 first; in 1.3 it does from 3.2 on.
            assert!(kernel.receiving || protocol == Protocol::Tls13, "{suite}");
            assert_eq!(client.kernel_tls(), KernelTls::default());
            let bytes = pattern(300_000, 1);
            send(&mut server, &mut client, &bytes);
            send(&mut client, &mut server, &bytes);
            assert_eq!(server.shutdown().unwrap(), Shutdown::Sent);
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
            assert_eq!(client.shutdown().unwrap(), Shutdown::Received);
            assert_eq!(server.shutdown().unwrap(), Shutdown::Received);
        }
    }

    /// Sends until everything is taken.
    fn send_all(tls: &mut TlsStream<TcpStream>, file: &File, mut offset: u64, mut len: usize) {
        while len > 0 {
            let sent = tls.send_file(file, offset, len).unwrap();
            assert!((1..=len).contains(&sent), "{sent} of {len}");
            offset += sent as u64;
            len -= sent;
        }
    }

    fn received(tls: &mut TlsStream<TcpStream>, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        tls.read_exact(&mut bytes).unwrap();
        bytes
    }

    pub(super) fn files() {
        let (mut server, mut client) = sending_pair();
        let whole = pattern(1_000_003, 2);
        let file = file(&whole);
        let parts =
            [(0, 1), (5, 16_384), (0, 16_385), (100, 70_000), (0, whole.len()), (whole.len() - 3, 3), (1, 65_536)];
        for (offset, len) in parts {
            let ((), bytes) = both(
                || {
                    server.write_all(b"<").unwrap();
                    send_all(&mut server, &file, offset as u64, len);
                    server.write_all(b">").unwrap();
                },
                || received(&mut client, len + 2),
            );
            let expected = [b"<", &whole[offset..offset + len], b">"].concat();
            assert!(bytes == expected, "{len} bytes from {offset}");
        }
        // More than there is, with nothing after it that would push it out.
        let (sent, bytes) = both(|| server.send_file(&file, 1_000_000, 50_000).unwrap(), || received(&mut client, 3));
        assert_eq!((sent, &bytes[..]), (3, &whole[1_000_000..]));
        assert_eq!(server.send_file(&file, 1_000_003, 1).unwrap(), 0);
        assert_eq!(server.send_file(&file, 5_000_000, 1).unwrap(), 0);
        assert_eq!(server.send_file(&file, 0, 0).unwrap(), 0);
        send(&mut client, &mut server, b"the other way");
    }

    pub(super) fn closed() {
        let (mut server, mut client) = sending_pair();
        server.shutdown().unwrap();
        let error = server.send_file(&file(b"late"), 0, 4).unwrap_err();
        assert_eq!(Error::from_io(&error).unwrap().kind(), ErrorKind::Closed);
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    }

    /// Sends a file that is larger than all buffers, as far as that goes.
    fn fill(tls: &mut TlsStream<TcpStream>, file: &File, offset: &mut u64) -> std::io::Error {
        loop {
            match tls.send_file(file, *offset, 16_000_000 - *offset as usize) {
                Ok(0) => panic!("all of it is sent, and nobody reads"),
                Ok(sent) => *offset += sent as u64,
                Err(error) => return error,
            }
        }
    }

    pub(super) fn blocked() {
        let (mut server, mut client) = sending_pair();
        let whole = pattern(16_000_000, 3);
        let file = file(&whole);
        server.get_ref().set_nonblocking(true).unwrap();
        let mut offset = 0;
        let error = fill(&mut server, &file, &mut offset);
        assert_eq!(error.kind(), IoKind::WouldBlock);
        assert!(server.wants_write() && !server.wants_read());
        server.get_ref().set_nonblocking(false).unwrap();
        let ((), bytes) = both(
            || send_all(&mut server, &file, offset, whole.len() - offset as usize),
            || received(&mut client, whole.len()),
        );
        assert!(bytes == whole);
    }

    pub(super) fn deadline() {
        let (mut server, mut client) = sending_pair();
        let whole = pattern(16_000_000, 4);
        let file = file(&whole);
        server.set_deadline(Some(Instant::now() + Duration::from_millis(500)));
        let start = Instant::now();
        let mut offset = 0;
        let error = fill(&mut server, &file, &mut offset);
        assert_eq!(error.kind(), IoKind::TimedOut);
        assert!((Duration::from_millis(400)..PATIENCE).contains(&start.elapsed()), "{:?}", start.elapsed());
        server.set_deadline(Some(Instant::now() + PATIENCE));
        let ((), bytes) = both(
            || send_all(&mut server, &file, offset, whole.len() - offset as usize),
            || received(&mut client, whole.len()),
        );
        assert!(bytes == whole);
    }

    pub(super) fn no_file() {
        let (mut server, mut client) = sending_pair();
        for path in ["/", "/dev/null"] {
            let outcome = server.send_file(&File::open(path).unwrap(), 0, 10);
            println!("{path}: {outcome:?}");
            if path == "/" {
                assert!(outcome.is_err());
            }
            send(&mut server, &mut client, b"goes on");
        }
        let (pipe, mut end) = std::io::pipe().unwrap();
        end.write_all(b"in a pipe").unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(pipe));
        let error = server.send_file(&pipe, 0, 9).unwrap_err();
        assert!(error.raw_os_error().is_some(), "{error:?}");
        send(&mut server, &mut client, b"goes on");
        assert!(library().take_errors().is_empty());
    }

    /// Rust programs ignore SIGPIPE.
    pub(super) fn gone() {
        let (mut server, client) = sending_pair();
        drop(client);
        let file = file(&pattern(1_000_000, 5));
        let error = (0..1000)
            .find_map(|_| {
                std::thread::sleep(Duration::from_millis(1));
                server.send_file(&file, 0, 1_000_000).err()
            })
            .expect("a peer that is gone is told");
        assert!(matches!(error.kind(), IoKind::BrokenPipe | IoKind::ConnectionReset), "{error:?}");
        assert!(library().take_errors().is_empty());
    }

    /// What is written to its socket would go out encrypted, so it is not handed back as a plain one.
    pub(super) fn kept() {
        let (server, mut client) = sending_pair();
        let refused = server.into_inner().unwrap_err();
        assert_eq!(refused.error().kind(), ErrorKind::Unsupported);
        assert!(refused.to_string().contains("kernel"), "{refused}");
        let mut server = refused.into_stream();
        send(&mut server, &mut client, b"goes on");
    }
}
