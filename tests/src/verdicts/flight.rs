//! A server's first flight of TLS 1.2, written by hand: any certificate can be shown to a client, without its key and
//! without a library that would have to take it first.
//!
//! A client verifies the chain before it needs a signature. After the flight the stream ends, so a client that complains
//! about the end has accepted the chain.

use super::der::concat;

/// ECDHE-ECDSA-AES128-GCM-SHA256 and ECDHE-RSA-AES128-GCM-SHA256.
const SUITES: [[u8; 2]; 2] = [[0xC0, 0x2B], [0xC0, 0x2F]];
/// `rsaEncryption`, in DER.
const RSA: [u8; 11] = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1];
/// Bytes of a record at most.
const RECORD: usize = 1 << 14;

/// Records with a server's hello and its certificates, its own first.
pub fn flight(chain: &[Vec<u8>]) -> Vec<u8> {
    let is_rsa = chain.first().is_some_and(|der| der.windows(RSA.len()).any(|window| window == RSA));
    // The client's offer to renegotiate securely is answered, as newer clients demand.
    let extensions = [0xFF, 1, 0, 1, 0];
    let hello = concat(&[
        &[3, 3][..],
        &[0x5A; 32],
        &[0],
        &SUITES[usize::from(is_rsa)],
        &[0],
        &(extensions.len() as u16).to_be_bytes(),
        &extensions,
    ]);
    let list: Vec<u8> = chain.iter().flat_map(|der| concat(&[&length(der)[..], der])).collect();
    let messages = concat(&[message(2, &hello), message(11, &concat(&[&length(&list)[..], &list]))]);
    let records = messages.chunks(RECORD);
    records.flat_map(|part| concat(&[&[22, 3, 3][..], &(part.len() as u16).to_be_bytes(), part])).collect()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    concat(&[&[kind][..], &length(body), body])
}

/// The length in three bytes.
fn length(bytes: &[u8]) -> [u8; 3] {
    let [.., a, b, c] = bytes.len().to_be_bytes();
    [a, b, c]
}
