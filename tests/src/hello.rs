//! The first messages of a handshake as bytes: made by hand, and read by hand, so that no library decides what a test sees.

/// The cipher suite that says "no renegotiation so far" instead of being one.
const SCSV: u16 = 0x00ff;

/// What a hand-made client says first.
#[derive(Debug, Clone)]
pub struct Offer {
    /// Version in the message, such as `0x0303`; the record says the same, but never more than TLS 1.0.
    pub version: u16,
    /// Cipher suites.
    pub ciphers: Vec<u16>,
    /// Compression methods; 0 is none, 1 is DEFLATE.
    pub compression: Vec<u8>,
}

impl Offer {
    /// TLS 1.2 with suites that both kinds of key can use.
    pub fn good() -> Self {
        Offer { version: 0x0303, ciphers: vec![0xc02b, 0xc02f], compression: vec![0] }
    }

    /// The whole record.
    pub fn record(&self) -> Vec<u8> {
        record(22, self.version.min(0x0301), &self.message(0))
    }

    /// The same with so many bytes of padding (RFC 7685), in as many records as that takes.
    pub fn padded(&self, padding: usize) -> Vec<u8> {
        self.message(padding).chunks(16_384).flat_map(|part| record(22, self.version.min(0x0301), part)).collect()
    }

    fn message(&self, padding: usize) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0); // no session
        let ciphers: Vec<u8> = self.ciphers.iter().chain(&[SCSV]).flat_map(|c| c.to_be_bytes()).collect();
        body.extend(with_length(2, &ciphers));
        body.extend(with_length(1, &self.compression));
        // SSL 3.0 has no extensions.
        if self.version > 0x0300 {
            let mut extensions = [
                extension(10, &with_length(2, &[0, 23, 0, 24])), // groups: P-256, P-384
                extension(11, &with_length(1, &[0])),            // points: uncompressed
                // Signatures: ECDSA and RSA (both paddings) with SHA-256, and both with SHA-1.
                extension(13, &with_length(2, &[4, 3, 4, 1, 8, 4, 2, 3, 2, 1])),
            ]
            .concat();
            if padding > 0 {
                extensions.extend(extension(21, &vec![0; padding]));
            }
            body.extend(with_length(2, &extensions));
        }
        handshake(1, &body)
    }
}

/// The client hello that clients of the time before SSL 3.0 sent, with `newest` as the newest version on offer.
pub fn sslv2_record(newest: u16) -> Vec<u8> {
    let suites = [[0x01, 0x00, 0x80], [0x07, 0x00, 0xc0], [0x00, 0x00, 0x2f]].concat();
    let mut body = vec![1];
    body.extend(newest.to_be_bytes());
    body.extend([0, 9, 0, 0, 0, 16]);
    body.extend(suites);
    body.extend([7; 16]);
    let len = u16::try_from(body.len()).unwrap() | 0x8000;
    [&len.to_be_bytes()[..], &body].concat()
}

/// A server's first message that picks this version and cipher suite, as a whole record.
pub fn server_record(version: u16, cipher: u16) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([9; 32]);
    body.push(0);
    body.extend(cipher.to_be_bytes());
    body.push(0);
    // The empty "renegotiation info": without it new clients stop before they look at anything else.
    body.extend(with_length(2, &extension(0xff01, &[0])));
    record(22, version, &handshake(2, &body))
}

/// What a hand-made peer sees in the other's first bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing.
    Silence,
    /// An alert: its level (1 a warning, 2 fatal) and description.
    Alert(u8, u8),
    /// A client hello.
    Client(Client),
    /// A server hello.
    Server(Server),
    /// Something else, by its first bytes.
    Other(Vec<u8>),
}

/// A client hello, as far as the tests ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Cipher suites.
    pub ciphers: Vec<u16>,
    /// Compression methods.
    pub compression: Vec<u8>,
    /// Versions on offer: the extension's list, else the one in the message.
    pub versions: Vec<u16>,
}

/// A server hello, as far as the tests ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Version in the message.
    pub version: u16,
    /// Cipher suite.
    pub cipher: u16,
    /// Compression method.
    pub compression: u8,
}

/// Reads the first record.
pub fn read(bytes: &[u8]) -> Seen {
    let other = || Seen::Other(bytes[..bytes.len().min(16)].to_vec());
    match bytes {
        [] => Seen::Silence,
        [21, _, _, 0, 2, level, what, ..] => Seen::Alert(*level, *what),
        [22, _, _, _, _, 1, _, _, _, body @ ..] => client(body).map_or_else(other, Seen::Client),
        [22, _, _, _, _, 2, _, _, _, body @ ..] => server(body).map_or_else(other, Seen::Server),
        _ => other(),
    }
}

fn client(body: &[u8]) -> Option<Client> {
    let mut rest = body;
    let legacy = pair(take(&mut rest, 2)?);
    take(&mut rest, 32)?;
    counted(&mut rest, 1)?;
    let ciphers = counted(&mut rest, 2)?.chunks_exact(2).map(pair).collect();
    let compression = counted(&mut rest, 1)?.to_vec();
    let mut versions = vec![legacy];
    let mut extensions = counted(&mut rest, 2).unwrap_or_default();
    while !extensions.is_empty() {
        let kind = pair(take(&mut extensions, 2)?);
        let mut content = counted(&mut extensions, 2)?;
        if kind == 43 {
            versions = counted(&mut content, 1)?.chunks_exact(2).map(pair).collect();
        }
    }
    Some(Client { ciphers, compression, versions })
}

fn server(body: &[u8]) -> Option<Server> {
    let mut rest = body;
    let version = pair(take(&mut rest, 2)?);
    take(&mut rest, 32)?;
    counted(&mut rest, 1)?;
    let cipher = pair(take(&mut rest, 2)?);
    Some(Server { version, cipher, compression: take(&mut rest, 1)?[0] })
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (front, back) = rest.split_at_checked(len)?;
    *rest = back;
    Some(front)
}

/// A part behind its length of `width` bytes.
fn counted<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let len = take(rest, width)?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
    take(rest, len)
}

fn pair(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[0], bytes[1]])
}

fn with_length(width: usize, content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&len[4 - width..], content].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_length(2, content)].concat()
}

fn handshake(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &with_length(3, body)].concat()
}

fn record(kind: u8, version: u16, content: &[u8]) -> Vec<u8> {
    [&[kind][..], &version.to_be_bytes(), &with_length(2, content)].concat()
}

/// Whether a suite has no authentication, no encryption, export strength, RC4, DES or 3DES.
pub fn is_weak(cipher: u16) -> bool {
    matches!(cipher,
        // The SSL 3.0 suites up to 3DES, and Kerberos with them; 0x0007 is IDEA, 0x0020 and 0x0024 are RC4.
        0x0000..=0x0006 | 0x0008..=0x001b | 0x001e..=0x002e
        | 0x0034 | 0x003a | 0x003b | 0x0046 | 0x0060..=0x0066 | 0x006c | 0x006d | 0x0089
        | 0x008a | 0x008b | 0x008e | 0x008f | 0x0092 | 0x0093 | 0x009b | 0x00a6 | 0x00a7
        | 0x00b0 | 0x00b1 | 0x00b4 | 0x00b5 | 0x00b8 | 0x00b9 | 0x00bf | 0x00c5
        | 0xc001..=0xc003 | 0xc006..=0xc008 | 0xc00b..=0xc00d | 0xc010..=0xc012
        | 0xc015..=0xc01c | 0xc033 | 0xc034 | 0xc039..=0xc03b | 0xc046 | 0xc047 | 0xc05a | 0xc05b
        | 0xc084 | 0xc085)
}

/// Every weak suite.
pub fn weak_ciphers() -> impl Iterator<Item = u16> {
    (0..=u16::MAX).filter(|cipher| is_weak(*cipher))
}
