//! STARTTLS: the part of a protocol that comes before TLS, up to the word that TLS begins.
//!
//! Each protocol is a function over [`Plain`], which reads no more than it must be able to check: what the peer sent
//! beyond its last answer is refused, for it was sent in the clear and would otherwise count as said under TLS.

mod binary;
mod lines;
mod plain;
mod xmpp;

use std::io::{Read, Write};

use clap::ValueEnum;

pub(crate) use plain::Error;
use plain::Plain;

/// Protocols that begin in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Starttls {
    Smtp,
    Imap,
    Pop3,
    Nntp,
    Ftp,
    Xmpp,
    Postgres,
    Mysql,
    Ldap,
}

/// Brings the peer to where TLS begins. `name` is what XMPP asks for.
pub(crate) fn begin<S: Read + Write>(stream: &mut S, protocol: Starttls, name: &str) -> Result<(), Error> {
    let mut plain = Plain::new(stream);
    match protocol {
        Starttls::Smtp => lines::smtp(&mut plain),
        Starttls::Imap => lines::imap(&mut plain),
        Starttls::Pop3 => lines::pop3(&mut plain),
        Starttls::Nntp => lines::nntp(&mut plain),
        Starttls::Ftp => lines::ftp(&mut plain),
        Starttls::Xmpp => xmpp::xmpp(&mut plain, name),
        Starttls::Postgres => binary::postgres(&mut plain),
        Starttls::Mysql => binary::mysql(&mut plain),
        Starttls::Ldap => binary::ldap(&mut plain),
    }?;
    plain.finish()
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor};

    use proptest::prelude::*;

    use super::*;

    /// A peer that says its part in pieces of one size, whatever it hears.
    struct Peer {
        says: Cursor<Vec<u8>>,
        piece: usize,
        heard: Vec<u8>,
    }

    impl Read for Peer {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let room = out.len().min(self.piece);
            self.says.read(&mut out[..room])
        }
    }

    impl Write for Peer {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            self.heard.extend_from_slice(data);
            Ok(data.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn talk(protocol: Starttls, says: &[u8], piece: usize) -> (Result<(), Error>, Vec<u8>) {
        let mut peer = Peer { says: Cursor::new(says.to_vec()), piece, heard: Vec::new() };
        (begin(&mut peer, protocol, "example.org"), peer.heard)
    }

    fn mysql_greeting(capabilities: u16) -> Vec<u8> {
        let mut body = b"\x0a8.0.36\0".to_vec();
        body.extend([1, 0, 0, 0]);
        body.extend(*b"12345678\0");
        body.extend(capabilities.to_le_bytes());
        body.extend([45, 2, 0]);
        let mut packet = vec![body.len() as u8, 0, 0, 0];
        packet.extend(body);
        packet
    }

    const FEATURES: &str = "<?xml version='1.0'?><stream:stream from='example.org' id='1' version='1.0'>\
        <stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>\
        <proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

    /// What a peer of each protocol says that is ready for TLS, and what it must have heard.
    fn ready(protocol: Starttls) -> (Vec<u8>, &'static str) {
        match protocol {
            Starttls::Smtp => (
                b"220-mail.example.org\r\n220 ESMTP\r\n250-hello\r\n250-SIZE 1\r\n250 starttls\r\n220 go\r\n".to_vec(),
                "EHLO localhost\r\nSTARTTLS\r\n",
            ),
            Starttls::Imap => {
                (b"* OK [CAPABILITY IMAP4rev1] hi\r\n* a word between\r\na1 OK go\r\n".to_vec(), "a1 STARTTLS\r\n")
            }
            Starttls::Pop3 => (b"+OK hi\r\n+OK go\r\n".to_vec(), "STLS\r\n"),
            Starttls::Nntp => (b"201 hi\r\n382 go\r\n".to_vec(), "STARTTLS\r\n"),
            Starttls::Ftp => (b"220-one\r\n two\r\n220 hi\r\n234 go\r\n".to_vec(), "AUTH TLS\r\n"),
            Starttls::Xmpp => (FEATURES.as_bytes().to_vec(), "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
            Starttls::Postgres => (b"S".to_vec(), "\0\0\0\x08\x04\u{d2}\x16\x2f"),
            Starttls::Mysql => (mysql_greeting(0xFFFF), "\x20\0\0\x01"),
            Starttls::Ldap => {
                (b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00".to_vec(), "1.3.6.1.4.1.1466.20037")
            }
        }
    }

    fn contains(heard: &[u8], part: &str) -> bool {
        // The commands that hold other bytes are compared as Latin-1.
        let part: Vec<u8> = part.chars().map(|c| c as u8).collect();
        heard.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn each_protocol_comes_to_tls() {
        for protocol in Starttls::value_variants() {
            let (says, hears) = ready(*protocol);
            for piece in [1, 2, 7, 4096] {
                let (outcome, heard) = talk(*protocol, &says, piece);
                assert!(outcome.is_ok(), "{protocol:?} {piece}: {outcome:?}");
                assert!(contains(&heard, hears), "{protocol:?}: {heard:?}");
            }
        }
    }

    /// The attack: what follows the answer in the clear would be taken for something said under TLS.
    #[test]
    fn nothing_may_follow_the_answer() {
        for protocol in Starttls::value_variants() {
            let (mut says, _) = ready(*protocol);
            says.extend(b"\r\n250 trust me\r\n");
            let (outcome, _) = talk(*protocol, &says, 4096);
            assert!(matches!(outcome, Err(Error::Injected { .. })), "{protocol:?}: {outcome:?}");
        }
    }

    #[test]
    fn a_peer_that_ends_early() {
        for protocol in Starttls::value_variants() {
            let (says, _) = ready(*protocol);
            for cut in 0..says.len() {
                let (outcome, _) = talk(*protocol, &says[..cut], 3);
                assert!(matches!(outcome, Err(Error::Closed)), "{protocol:?} {cut}: {outcome:?}");
            }
        }
    }

    #[test]
    fn refusals_are_told() {
        let refusals: [(Starttls, &[u8]); 14] = [
            (Starttls::Smtp, b"554 no\r\n"),
            (Starttls::Smtp, b"220 hi\r\n250-hello\r\n250 SIZE 1\r\n"),
            (Starttls::Smtp, b"220 hi\r\n250 STARTTLS\r\n454 not now\r\n"),
            (Starttls::Imap, b"* BYE busy\r\n"),
            (Starttls::Imap, b"* PREAUTH you are in\r\n"),
            (Starttls::Imap, b"* OK hi\r\na1 NO never\r\n"),
            (Starttls::Pop3, b"+OK hi\r\n-ERR what?\r\n"),
            (Starttls::Nntp, b"200 hi\r\n502 no\r\n"),
            (Starttls::Ftp, b"220 hi\r\n500 what?\r\n"),
            (Starttls::Xmpp, b"<stream:stream><stream:features><mechanisms/></stream:features>"),
            (
                Starttls::Xmpp,
                b"<stream:stream><stream:features><starttls/></stream:features><failure xmlns='x'/></stream:stream>",
            ),
            (Starttls::Postgres, b"N"),
            (Starttls::Mysql, b"\x09\0\0\0\xff\x10\x04too bu"),
            (Starttls::Ldap, b"\x30\x0e\x02\x01\x01\x78\x09\x0a\x01\x02\x04\x00\x04\x02no"),
        ];
        for (protocol, says) in refusals {
            let (outcome, _) = talk(protocol, says, 4096);
            assert!(matches!(outcome, Err(Error::Refused(_))), "{protocol:?} {says:?}: {outcome:?}");
        }
        let (outcome, _) = talk(Starttls::Mysql, &mysql_greeting(0), 4096);
        assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");
    }

    #[test]
    fn endless_answers_end() {
        let endless: [(Starttls, &[u8]); 4] = [
            (Starttls::Smtp, b"220-and\r\n"),
            (Starttls::Imap, b"* and\r\n"),
            (Starttls::Pop3, b"xxxxxxxx"),
            (Starttls::Xmpp, b"<and/>"),
        ];
        for (protocol, part) in endless {
            let mut says = if protocol == Starttls::Imap { b"* OK hi\r\n".to_vec() } else { Vec::new() };
            says.extend(part.repeat(100_000));
            let (outcome, _) = talk(protocol, &says, 4096);
            assert!(matches!(outcome, Err(Error::TooLong)), "{protocol:?}: {outcome:?}");
        }
    }

    /// The first byte says which protocol, the rest is what the peer says. However it comes, it means the same: the errors are of
    /// one kind, and TLS never begins where more stands behind the answer, once it is there.
    const FUZZED: dlssl_tests::fuzz::Target = ("starttls", |input| {
        let Some((first, says)) = input.split_first() else { return };
        let all = Starttls::value_variants();
        let protocol = all[usize::from(first.wrapping_sub(b'0')) % all.len()];
        let kind = |outcome: &Result<(), Error>| outcome.as_ref().map_err(std::mem::discriminant).copied();
        let (whole, heard) = talk(protocol, says, usize::MAX);
        let mut slow = Peer { says: Cursor::new(says.to_vec()), piece: 1, heard: Vec::new() };
        let bytewise = begin(&mut slow, protocol, "example.org");
        match (&whole, &bytewise) {
            // A peer that waits for the answer cannot be told from one that did not.
            (Err(Error::Injected { bytes }), Ok(())) => assert!((1..says.len()).contains(bytes)),
            _ => assert_eq!(kind(&whole), kind(&bytewise), "{protocol:?}: {whole:?}, byte by byte {bytewise:?}"),
        }
        match &whole {
            Ok(()) => {
                assert!(contains(&heard, ready(protocol).1), "{protocol:?}: TLS was not asked for");
                // More could not come with the answer than fits into one read.
                let read = slow.says.position();
                assert!(read == says.len() as u64 || says.len() > 1024, "{protocol:?}: {read} bytes were the answer");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    });

    #[test]
    fn starttls_corpus() {
        dlssl_tests::fuzz::corpus(FUZZED);
    }

    #[test]
    fn starttls_changed() {
        dlssl_tests::fuzz::changed(FUZZED);
    }

    proptest! {
        #[test]
        fn any_peer_is_stood(
            number in 0..9usize,
            says in proptest::collection::vec(any::<u8>(), 0..300),
            piece in 1usize..50,
        ) {
            let _ = talk(Starttls::value_variants()[number], &says, piece);
        }

        #[test]
        fn a_good_peer_with_one_byte_changed_is_stood(number in 0..9usize, place in 0usize..400, byte: u8, piece in 1usize..50) {
            let protocol = Starttls::value_variants()[number];
            let (mut says, _) = ready(protocol);
            let place = place % says.len();
            says[place] = byte;
            let _ = talk(protocol, &says, piece);
        }

        #[test]
        fn lines_of_text_are_stood(number in 0..5usize, says in "([0-9]{3}[- ]|[*+a-z ]|\r\n){0,60}") {
            let _ = talk(Starttls::value_variants()[number], says.as_bytes(), 16);
        }
    }
}
