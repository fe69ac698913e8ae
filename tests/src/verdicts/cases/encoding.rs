//! Serial numbers, versions, names and bytes that are odd.

use super::{Case, Draft, Pki, server};
use crate::verdicts::certificate::{Certificate, name};
use crate::verdicts::der::{concat, sequence, set, tlv};

pub(super) fn cases() -> Vec<Case> {
    let pki = Pki::new();
    let serial = |id, serial: &[u8]| pki.leaf(id, |leaf| leaf.with(|leaf| leaf.serial = serial.to_vec()));
    let version = |id, version| pki.leaf(id, |leaf| leaf.with(|leaf| leaf.version = version));
    let finished = |id, finish: fn(Vec<u8>) -> Vec<u8>| pki.leaf(id, |leaf| leaf.with(|leaf| leaf.finish = finish));
    let subject = |id, subject: Vec<u8>| pki.leaf(id, |leaf| leaf.with(|leaf| leaf.subject = subject));
    let text = |tag, bytes: &[u8]| name(&[("2.5.4.3", tlv(tag, bytes))]);
    vec![
        serial("encoding::serial-long", &[0x7F; 20]).good("A serial number of 20 bytes."),
        serial("encoding::serial-too-long", &[0x7F; 40]).bad("A serial number of 40 bytes: 20 are the most."),
        serial("encoding::serial-zero", &[0]).bad("Serial number 0: RFC 5280 wants a positive one."),
        serial("encoding::serial-negative", &[0x80]).bad("A negative serial number."),
        serial("encoding::serial-padded", &[0, 1]).bad("A needless zero before the number, which is not DER."),
        serial("encoding::serial-empty", &[]).bad("A number without a byte."),
        serial("encoding::serial-of-22", &[0x7F; 22]).bad("A serial number of 22 bytes."),
        pki.leaf("encoding::version-1", |leaf| leaf.of_version_1())
            .bad("A server's certificate of version 1, which has no names."),
        pki.leaf("encoding::issuer-left-out", |leaf| leaf.with(|leaf| leaf.issuer = Some(sequence::<Vec<u8>>(&[]))))
            .bad("It names no issuer."),
        version("encoding::version-2", Some(1)).bad("Version 2 has no extensions."),
        version("encoding::version-4", Some(3)).bad("There is no version 4."),
        version("encoding::version-128", Some(127)).bad("Nor version 128."),
        finished("encoding::bytes-after", |der| concat(&[&der[..], &[0]])).bad("A byte after the certificate."),
        finished("encoding::cut", |der| der[..der.len() - 1].to_vec()).bad("The last byte is gone."),
        finished("encoding::long-length", |der| concat(&[&[0x30, 0x83, 0, der[2], der[3]][..], &der[4..]]))
            .bad("A length with a needless byte, which is not DER."),
        finished("encoding::indefinite", |der| concat(&[&[0x30, 0x80][..], &der[4..], &[0, 0]]))
            .bad("The length is left open, which is not DER."),
        finished("encoding::not-a-certificate", |_| b"no certificate at all".to_vec()).bad("No DER."),
        finished("encoding::empty", |_| vec![0x30, 0]).bad("An empty sequence."),
        finished("encoding::set", |mut der| {
            der[0] = 0x31;
            der
        })
        .bad("A set in place of the sequence."),
        subject("encoding::subject-bmp", text(0x1E, b"\0a\0 \0s\0e\0r\0v\0e\0r")).good("A subject in BMPString."),
        subject("encoding::subject-t61", text(0x14, b"a server \xE9")).good("A subject in TeletexString."),
        subject("encoding::subject-universal", text(0x1C, b"\0\0\0a")).good("A subject in UniversalString."),
        subject("encoding::subject-bad-utf8", text(0x0C, b"a server \xFF")).bad("A subject that is no UTF-8."),
        subject("encoding::subject-two-at-once", {
            let one = |id: &str, value: &[u8]| sequence(&[crate::verdicts::der::oid(id), tlv(0x0C, value)]);
            sequence(&[set(&[one("2.5.4.3", b"a"), one("2.5.4.10", b"b")])])
        })
        .good("Two attributes in one step."),
        subject("encoding::subject-long", text(0x0C, &[b'a'; 5000])).good("A name of 5000 letters."),
        issuer_spelled_otherwise(&pki),
        empty_issuer(),
    ]
}

/// The issuer's name with other capitals, spaces and string type: the same by RFC 5280.
fn issuer_spelled_otherwise(pki: &Pki) -> Case {
    let spelled = name(&[("2.5.4.3", tlv(0x13, b"  VERDICT   Intermediate "))]);
    let leaf = server().with(|leaf| leaf.issuer = Some(spelled)).signed_by(&pki.middle);
    pki.draft("encoding::issuer-spelled-otherwise", &leaf)
        .good("Capitals, spaces and string type of the issuer's name do not count.")
}

fn empty_issuer() -> Case {
    let root = Certificate::authority("x").with(|root| root.subject = sequence::<Vec<u8>>(&[])).self_signed();
    Draft::new("encoding::issuer-empty", &[&root], &[], &server().signed_by(&root)).bad("An issuer has a name.")
}
