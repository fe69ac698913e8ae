//! A client's first message, and what a server makes of it before anything is agreed on.

use std::ffi::c_int;

use dlssl_core::compat::hello::HelloParts;

use super::{Alert, Identity, Protocol};

/// What a client says first, before the server has agreed to anything; see
/// [`client_hello_with`](crate::AcceptorBuilder::client_hello_with).
///
/// The bytes are the peer's: nothing is known of them but that they make a message.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::{Acceptor, Alert, ErrorKind, HelloAnswer, Identity};
///
/// let library = dlssl::current()?;
/// let built = Acceptor::builder(&library, Identity::pem_files("chain.pem", "key.pem"))
///     .client_hello_with(|hello| {
///         println!("{:?} by {:?}, {:?}", hello.server_name(), hello.protocols(), hello.alpn());
///         println!("{:04x?} {:04x?} {:04x?}", hello.cipher_suites(), hello.groups(), hello.signature_algorithms());
///         println!("{:02x?}: {} extensions", hello.random(), hello.extensions().count());
///         // Before TLS 1.3 a session can be named; compression and old versions play no part any more.
///         println!("{:?} {:?} {:#x}", hello.session_id(), hello.compression_methods(), hello.legacy_version());
///         match hello.extension(0) {
///             Some(_) => HelloAnswer::GoOn,
///             None => HelloAnswer::Refuse(Alert::UNRECOGNIZED_NAME),
///         }
///     })
///     .build();
/// match built {
///     Ok(acceptor) => drop(acceptor.accept(scene.caller())?),
///     // OpenSSL before 1.1.1, LibreSSL.
///     Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[doc(alias = "SSL_CTX_set_client_hello_cb")]
pub struct ClientHello<'a> {
    parts: HelloParts<'a>,
}

/// Numbers of extensions that are looked into.
const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const VERSIONS: u16 = 43;

impl<'a> ClientHello<'a> {
    pub(crate) fn new(parts: HelloParts<'a>) -> Self {
        Self { parts }
    }

    /// Host name that the client asks for (SNI).
    #[must_use]
    pub fn server_name(&self) -> Option<&'a str> {
        let (list, _) = sized(self.extension(SERVER_NAME)?, 2)?;
        // One name, of kind 0: the others were never defined.
        let (kind, rest) = list.split_first()?;
        let (name, _) = sized(rest, 2)?;
        std::str::from_utf8(name).ok().filter(|name| *kind == 0 && !name.is_empty())
    }

    /// Application protocols that it offers (ALPN), in its order.
    #[must_use]
    pub fn alpn(&self) -> Vec<&'a [u8]> {
        let list = self.extension(ALPN).and_then(|body| sized(body, 2));
        let mut rest = list.map_or(&[][..], |(list, _)| list);
        let mut all = Vec::new();
        while let Some((protocol, more)) = sized(rest, 1) {
            all.push(protocol);
            rest = more;
        }
        all
    }

    /// Versions of TLS that it speaks, as far as this release knows them, oldest first.
    #[must_use]
    pub fn protocols(&self) -> Vec<Protocol> {
        let offered = self.extension(VERSIONS).and_then(|body| sized(body, 1)).map(|(list, _)| numbers(list));
        let newest = c_int::from(self.legacy_version());
        let speaks = |protocol: &Protocol| match &offered {
            Some(list) => list.iter().any(|version| c_int::from(*version) == protocol.number()),
            // Before TLS 1.3 a client names the newest, and 1.3 itself cannot be named so.
            None => protocol.number() <= newest && *protocol < Protocol::Tls13,
        };
        Protocol::ALL.into_iter().filter(speaks).collect()
    }

    /// Version in the message's head: at most TLS 1.2 (0x0303), also from clients that speak newer ones.
    #[must_use]
    #[doc(alias = "SSL_client_hello_get0_legacy_version")]
    pub fn legacy_version(&self) -> u16 {
        u16::try_from(self.parts.version).unwrap_or(u16::MAX)
    }

    /// The client's random bytes, 32 of them.
    #[must_use]
    #[doc(alias = "SSL_client_hello_get0_random")]
    pub fn random(&self) -> &'a [u8] {
        self.parts.random
    }

    /// Name of the session that it wants to resume; made up in TLS 1.3.
    #[must_use]
    #[doc(alias = "SSL_client_hello_get0_session_id")]
    pub fn session_id(&self) -> &'a [u8] {
        self.parts.session_id
    }

    /// Numbers of the cipher suites that it offers, in its order.
    #[must_use]
    #[doc(alias = "SSL_client_hello_get0_ciphers")]
    pub fn cipher_suites(&self) -> Vec<u16> {
        numbers(self.parts.ciphers)
    }

    /// Numbers of the compression methods that it offers; 0 is none, and none is ever taken.
    #[must_use]
    #[doc(alias = "SSL_client_hello_get0_compression_methods")]
    pub fn compression_methods(&self) -> &'a [u8] {
        self.parts.compressions
    }

    /// Numbers of the groups for key exchange that it offers, in its order.
    #[must_use]
    pub fn groups(&self) -> Vec<u16> {
        self.extension(GROUPS).and_then(|body| sized(body, 2)).map_or_else(Vec::new, |(list, _)| numbers(list))
    }

    /// Numbers of the signature algorithms that it takes, in its order.
    #[must_use]
    pub fn signature_algorithms(&self) -> Vec<u16> {
        let list = self.extension(SIGNATURE_ALGORITHMS).and_then(|body| sized(body, 2));
        list.map_or_else(Vec::new, |(list, _)| numbers(list))
    }

    /// Its extensions, number and body, in its order.
    #[doc(alias = "SSL_client_hello_get1_extensions_present")]
    pub fn extensions(&self) -> impl Iterator<Item = (u16, &'a [u8])> + '_ {
        self.parts.extensions.iter().copied()
    }

    /// Body of one extension.
    #[must_use]
    #[doc(alias = "SSL_client_hello_get0_ext")]
    pub fn extension(&self, number: u16) -> Option<&'a [u8]> {
        self.extensions().find(|(kind, _)| *kind == number).map(|(_, body)| body)
    }
}

/// Splits off a part with its length, of so many bytes, before it.
fn sized(bytes: &[u8], length: usize) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(length)?;
    rest.split_at_checked(head.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)))
}

/// Numbers of two bytes each.
fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// What a server does about a client's first message.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::{Acceptor, Alert, ErrorKind, HandshakeError, HelloAnswer, Identity};
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// static FETCHED: AtomicBool = AtomicBool::new(false);
///
/// let library = dlssl::current()?;
/// let built = Acceptor::builder(&library, Identity::pem_files("chain.pem", "key.pem"))
///     .client_hello_with(|hello| match hello.alpn().as_slice() {
///         // A certificate by protocol, as ACME's tls-alpn-01 has it.
///         [b"acme-tls/1"] => HelloAnswer::Identity(Identity::pem_files("challenge.pem", "key.pem")),
///         [b"gopher"] => HelloAnswer::Refuse(Alert::NO_APPLICATION_PROTOCOL),
///         _ if FETCHED.load(Ordering::SeqCst) => HelloAnswer::GoOn,
///         _ => HelloAnswer::Wait,
///     })
///     .build();
/// # if let Err(error) = &built { assert_eq!(error.kind(), ErrorKind::Unsupported); return Ok(()); }
/// match built?.accept(scene.caller()) {
///     Err(HandshakeError::Blocked(waiting)) if waiting.is_suspended() => {
///         // Other connections have their turn; when it is time:
///         FETCHED.store(true, Ordering::SeqCst);
///         println!("{}", waiting.resume()?.protocol_name());
///     }
///     other => println!("{other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HelloAnswer {
    /// Goes on; the certificate is chosen by name, as ever.
    GoOn,
    /// Goes on with this certificate, whatever the name. Give clones of identities that you keep: each is read once.
    Identity(Identity),
    /// Not now: the handshake comes back as [`HandshakeError::Blocked`](crate::HandshakeError::Blocked), and the function
    /// is asked again when it is [resumed](crate::MidHandshake::resume).
    Wait,
    /// Ends the handshake.
    Refuse(Alert),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(extensions: Vec<(u16, &[u8])>) -> ClientHello<'_> {
        ClientHello::new(HelloParts {
            version: 0x303,
            ciphers: &[0x13, 0x01, 0xc0, 0x2b],
            extensions,
            ..<_>::default()
        })
    }

    #[test]
    fn extensions_are_read() {
        let names = b"\x00\x0c\x00\x00\x09host.test";
        let hello = hello(vec![
            (SERVER_NAME, names),
            (ALPN, b"\x00\x0c\x02h2\x08http/1.1"),
            (VERSIONS, b"\x06\x7a\x7a\x03\x04\x03\x03"),
            (GROUPS, b"\x00\x04\x00\x1d\x00\x17"),
            (SIGNATURE_ALGORITHMS, b"\x00\x02\x04\x03"),
        ]);
        assert_eq!(hello.server_name(), Some("host.test"));
        assert_eq!(hello.alpn(), [&b"h2"[..], b"http/1.1"]);
        assert_eq!(hello.protocols(), [Protocol::Tls12, Protocol::Tls13]);
        assert_eq!((hello.groups(), hello.signature_algorithms()), (vec![0x1d, 0x17], vec![0x403]));
        assert_eq!(hello.cipher_suites(), [0x1301, 0xc02b]);
        assert_eq!(hello.extensions().count(), 5);
    }

    #[test]
    fn what_is_not_there_or_broken_is_nothing() {
        let broken = hello(vec![(SERVER_NAME, b"\x00\xff\x00"), (ALPN, b"\x00\x04\x09ab"), (VERSIONS, b"")]);
        assert_eq!((broken.server_name(), broken.alpn().len()), (None, 0));
        let bare = hello(Vec::new());
        assert_eq!(bare.protocols(), [Protocol::Tls10, Protocol::Tls11, Protocol::Tls12]);
        assert_eq!((bare.server_name(), bare.groups().len(), bare.extension(7)), (None, 0, None));
    }
}
