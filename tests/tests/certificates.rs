//! What certificates say: the same on every library, whatever is in them.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::IpAddr;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dlssl::{AltName, Certificate, Error, ErrorKind, KeyKind, Roots};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::library;
use dlssl_tests::openssl_pki::OpensslPki;
use dlssl_tests::pki::{Authority, Leaf, NAME, Pair, Pki};
use dlssl_tests::process::{self, foreign};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, SanType, SerialNumber};
use tempfile::TempDir;
use time::OffsetDateTime;

fn main() -> ExitCode {
    run(vec![
        test("der_and_pem_read_back", der_and_pem),
        test("bundles_keep_their_order", bundles),
        test("files", files),
        test("broken_ones_are_refused", broken),
        test("trusted_certificates_are_refused", trusted).needs("openssl"),
        test("names_in_every_string", names),
        test("names_of_several_values", several_values).needs("openssl"),
        test("texts_that_make_no_sense", malformed),
        test("alternative_names", alternative_names),
        test("validity_in_every_century", validity),
        test("serial_numbers", serials),
        test("fingerprints", fingerprints),
        test("fingerprints_as_openssl_says", fingerprints_of_openssl).needs("openssl"),
        test("digests", digests),
        test("public_keys", public_keys),
        test("rsa_keys", rsa_keys).needs("openssl"),
        test("signature_algorithms", signature_algorithms),
        test("authorities", authorities),
        test("names_that_it_is_for", names_it_is_for),
        test("equality_and_looks", looks),
        test("damaged_ones_never_panic", damaged),
    ])
}

fn read(der: &[u8]) -> Certificate {
    Certificate::from_der(library(), der).unwrap()
}

fn made(change: fn(&mut CertificateParams)) -> Certificate {
    read(&Pki::shared().authority.issue(&Leaf::server(NAME).with(change)).der)
}

fn server() -> &'static Pair {
    &Pki::shared().server
}

fn names_it_is_for() {
    let certificate = made(|params| {
        let names = ["a.example", "*.b.example", "w*.c.example"].map(|name| SanType::DnsName(name.try_into().unwrap()));
        params.subject_alt_names = names.into_iter().chain([SanType::IpAddress([192, 0, 2, 1].into())]).collect();
    });
    for (name, fits) in [
        ("a.example", true),
        ("A.EXAMPLE", true),
        ("a.example.", true),
        ("x.a.example", false),
        ("x.b.example", true),
        ("b.example", false),
        ("x.y.b.example", false),
        ("www.c.example", false),
        ("192.0.2.1", true),
        ("192.0.2.2", false),
        ("::ffff:192.0.2.1", false),
    ] {
        assert_eq!(certificate.is_for(name).unwrap(), fits, "{name}");
    }
    for name in ["", "*.b.example", "a\0.example"] {
        assert_eq!(certificate.is_for(name).unwrap_err().kind(), ErrorKind::InvalidName, "{name:?}");
    }
    // A name in the subject is no name of a host, with or without alternative names beside it.
    let subject_only = made(|params| {
        params.subject_alt_names.clear();
        params.distinguished_name.push(DnType::CommonName, "a.example");
    });
    assert!(!subject_only.is_for("a.example").unwrap());
    assert!(library().take_errors().is_empty());
}

fn der_and_pem() {
    let certificate = read(&server().der);
    assert_eq!(certificate.der(), server().der);
    let pem = certificate.to_pem().unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n") && pem.ends_with("-----END CERTIFICATE-----\n"), "{pem}");
    assert_eq!(Certificate::from_pem(library(), &pem).unwrap(), certificate);
    assert!(server().chain.replace("\r\n", "\n").starts_with(&pem));
}

fn bundles() {
    let root = Pki::shared().authority.root_pem();
    let text = format!("words\n{}between\n{}after\n", server().chain, root);
    let chain = Certificate::chain_from_pem(library(), text).unwrap();
    let names: Vec<String> = chain.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["CN=server.test", "CN=dlssl test intermediate", "CN=dlssl test root"]);
    assert_eq!(chain[0].issuer().unwrap(), chain[1].subject().unwrap());
    assert_eq!(chain[1].issuer().unwrap(), chain[2].subject().unwrap());
}

fn files() {
    let dir = TempDir::new().unwrap();
    let (pem, der) = (dir.path().join("a.pem"), dir.path().join("a.der"));
    std::fs::write(&pem, &server().chain).unwrap();
    std::fs::write(&der, &server().der).unwrap();
    assert_eq!(Certificate::chain_from_file(library(), &pem).unwrap().len(), 2);
    assert_eq!(Certificate::from_file(library(), &pem).unwrap(), Certificate::from_file(library(), &der).unwrap());
    let error = Certificate::from_file(library(), dir.path().join("none")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.io_error().is_some(), "{error}");
    // Roots in DER are roots.
    let root = Certificate::from_pem(library(), Pki::shared().authority.root_pem()).unwrap();
    dlssl::Connector::builder(library()).roots(Roots::pem(root.der())).build().unwrap();
}

fn broken() {
    let der = &server().der;
    let mut longer = der.clone();
    longer.push(0);
    let mut elsewhere = der.clone();
    elsewhere[0] = 0x31;
    for bytes in [&[][..], &[0x30], &der[..der.len() - 1], &longer, &elsewhere, b"words"] {
        let error = Certificate::from_der(library(), bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pem, "{error}");
    }
    let pem = &server().chain;
    for text in ["", "words", &pem[..300], &pem.replacen("MII", "M%I", 1)] {
        let error = Certificate::chain_from_pem(library(), text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pem, "{error}");
    }
}

fn trusted() {
    let text = process::run(
        foreign("openssl").args(["x509", "-trustout", "-addtrust", "serverAuth", "-in"]).arg(Pki::shared().root_path()),
        b"",
    )
    .success()
    .stdout;
    assert!(text.contains("BEGIN TRUSTED CERTIFICATE"), "{text}");
    let mixed = format!("{}{text}", server().chain);
    for text in [text, mixed] {
        let error = Certificate::chain_from_pem(library(), &text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Pem, "{error}");
        assert!(error.to_string().contains("TRUSTED CERTIFICATE"), "{error}");
        let roots = dlssl::Connector::builder(library()).roots(Roots::pem(text));
        assert_eq!(roots.build().unwrap_err().kind(), ErrorKind::Pem);
    }
}

fn names() {
    let certificate = made(|params| {
        let mut name = DistinguishedName::new();
        name.push(DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap()));
        name.push(DnType::OrganizationName, DnValue::Utf8String("Müller & Söhne, €".to_owned()));
        name.push(DnType::OrganizationalUnitName, DnValue::BmpString("Ümläut €".try_into().unwrap()));
        name.push(DnType::LocalityName, DnValue::UniversalString("Köln 😀".try_into().unwrap()));
        name.push(DnType::StateOrProvinceName, DnValue::TeletexString("NRW".try_into().unwrap()));
        name.push(DnType::CommonName, DnValue::Ia5String("a@b".try_into().unwrap()));
        name.push(DnType::CustomDnType(vec![1, 2, 3, 4, 5]), DnValue::Utf8String(" odd ".to_owned()));
        params.distinguished_name = name;
    });
    let subject = certificate.subject().unwrap();
    let parts: Vec<(Option<&str>, &str, &str)> =
        subject.attributes().map(|part| (part.short_name(), part.oid(), part.value())).collect();
    assert_eq!(
        parts,
        [
            (Some("C"), "2.5.4.6", "DE"),
            (Some("O"), "2.5.4.10", "Müller & Söhne, €"),
            (Some("OU"), "2.5.4.11", "Ümläut €"),
            (Some("L"), "2.5.4.7", "Köln 😀"),
            (Some("ST"), "2.5.4.8", "NRW"),
            (Some("CN"), "2.5.4.3", "a@b"),
            (None, "1.2.3.4.5", " odd "),
        ]
    );
    assert_eq!(
        subject.to_string(),
        "C=DE, O=Müller & Söhne\\, €, OU=Ümläut €, L=Köln 😀, ST=NRW, CN=a@b, 1.2.3.4.5=\\ odd\\ "
    );
    assert_eq!(certificate.common_names().unwrap(), ["a@b"]);
    assert_eq!(subject.values("2.5.4.10").collect::<Vec<_>>(), subject.values("O").collect::<Vec<_>>());
    assert_eq!(certificate.issuer().unwrap().common_names().collect::<Vec<_>>(), ["dlssl test intermediate"]);
    assert!(made(|p| p.distinguished_name = DistinguishedName::new()).subject().unwrap().is_empty());
}

fn several_values() {
    let pem = process::run(
        foreign("openssl").args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "/dev/null",
            "-multivalue-rdn",
            "-subj",
            "/O=first/OU=left+CN=right/CN=again",
        ]),
        b"",
    )
    .success()
    .stdout;
    let subject = Certificate::from_pem(library(), pem).unwrap().subject().unwrap();
    assert_eq!(subject.common_names().collect::<Vec<_>>(), ["right", "again"]);
    let joined: Vec<bool> = subject.attributes().map(dlssl::Attribute::is_joined).collect();
    assert_eq!(joined, [false, false, true, false]);
    assert_eq!(subject.to_string().matches(" + ").count(), 1, "{subject}");
}

fn is_malformed<T: std::fmt::Debug>(outcome: Result<T, Error>) {
    assert_eq!(outcome.expect_err("sense").kind(), ErrorKind::Malformed);
}

fn malformed() {
    // A NUL that ends the name for C, and not for who signed it.
    let certificate = made(|params| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, DnValue::Utf8String("good.test\0.evil.test".to_owned()));
    });
    is_malformed(certificate.subject());
    is_malformed(certificate.common_names());
    assert_eq!(certificate.dns_names().unwrap(), [NAME]);
    assert!(certificate.to_string().contains("NUL"), "{certificate}");

    let certificate = made(|params| {
        params.subject_alt_names = vec![SanType::DnsName("good.test\0.evil.test".try_into().unwrap())];
    });
    is_malformed(certificate.alt_names());
    is_malformed(certificate.dns_names());
    assert_eq!(certificate.common_names().unwrap(), [NAME]);
}

fn alternative_names() {
    let certificate = made(|params| {
        params.subject_alt_names = vec![
            SanType::DnsName("a.test".try_into().unwrap()),
            SanType::IpAddress(IpAddr::from([192, 0, 2, 1])),
            SanType::Rfc822Name("me@a.test".try_into().unwrap()),
            SanType::URI("https://a.test/x".try_into().unwrap()),
            SanType::DnsName("*.b.test".try_into().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
            SanType::OtherName((vec![1, 2, 3], "odd".into())),
        ];
    });
    let all = certificate.alt_names().unwrap();
    assert_eq!(all.len(), 7);
    assert!(matches!(&all[6], AltName::Other(der) if !der.is_empty()), "{all:?}");
    assert_eq!(certificate.dns_names().unwrap(), ["a.test", "*.b.test"]);
    let addresses: [IpAddr; 2] = [[192, 0, 2, 1].into(), "2001:db8::1".parse().unwrap()];
    assert_eq!(certificate.ip_addresses().unwrap(), addresses);
    assert_eq!(certificate.emails().unwrap(), ["me@a.test"]);
    assert_eq!(certificate.uris().unwrap(), ["https://a.test/x"]);
    assert_eq!(made(|params| params.subject_alt_names.clear()).alt_names().unwrap(), []);
}

fn moment(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn validity() {
    // 1949, 1969, 2049 and 2050, 2200, and the last second that there is.
    let certificate = made(|params| {
        params.not_before = moment(-662_688_001);
        params.not_after = moment(253_402_300_799);
    });
    let valid = certificate.validity().unwrap();
    assert_eq!((valid.not_before_seconds(), valid.not_after_seconds()), (-662_688_001, 253_402_300_799));
    assert_eq!(valid.not_before(), UNIX_EPOCH - Duration::from_secs(662_688_001));
    assert_eq!(valid.to_string(), "1948-12-31T23:59:59Z to 9999-12-31T23:59:59Z");
    assert!(valid.contains(SystemTime::now()));
    let certificate = made(|params| {
        params.not_before = moment(-1);
        params.not_after = moment(2_524_607_999);
    });
    assert_eq!(certificate.validity().unwrap().to_string(), "1969-12-31T23:59:59Z to 2049-12-31T23:59:59Z");
    let certificate = made(|params| {
        params.not_before = moment(2_524_608_000);
        params.not_after = moment(7_258_118_400);
    });
    let valid = certificate.validity().unwrap();
    assert_eq!(valid.to_string(), "2050-01-01T00:00:00Z to 2200-01-01T00:00:00Z");
    assert!(!valid.contains(SystemTime::now()));
}

fn serials() {
    let certificate = made(|params| params.serial_number = Some(SerialNumber::from(vec![0x00, 0x80, 1, 2])));
    assert_eq!(certificate.serial().unwrap(), [0x80, 1, 2]);
    let certificate = made(|params| params.serial_number = Some(SerialNumber::from(7u64)));
    assert_eq!(certificate.serial().unwrap(), [7]);
}

fn fingerprints() {
    let certificate = read(&server().der);
    for (name, len) in [("SHA1", 20), ("SHA256", 32), ("SHA512", 64)] {
        let fingerprint = certificate.fingerprint(name).unwrap();
        assert_eq!(fingerprint.as_bytes().len(), len);
        assert_eq!(fingerprint, dlssl::digest(library(), name, &server().der).unwrap());
        assert_eq!(fingerprint.to_string().len(), len * 3 - 1);
    }
    for name in ["", "no such digest", "SHA256\0"] {
        assert_eq!(certificate.fingerprint(name).unwrap_err().kind(), ErrorKind::Unsupported, "{name:?}");
    }
}

fn fingerprints_of_openssl() {
    let ask = |options: &[&str]| {
        let mut command = foreign("openssl");
        command.args(["x509", "-noout"]).args(options).arg("-in").arg(Pki::shared().server_chain_path());
        let said = process::run(&mut command, b"").success().stdout;
        said.trim().rsplit_once('=').unwrap().1.to_owned()
    };
    let certificate = read(&server().der);
    assert_eq!(certificate.fingerprint("SHA256").unwrap().to_string(), ask(&["-fingerprint", "-sha256"]));
    let serial: String = certificate.serial().unwrap().iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(serial, ask(&["-serial"]));
}

fn digests() {
    let of = |name, data| dlssl::digest(library(), name, data).unwrap().to_string();
    assert_eq!(of("SHA1", b"abc"), "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D");
    assert!(of("SHA256", b"").starts_with("E3:B0:C4:42:98:FC:1C:14:"));
}

fn public_keys() {
    let key = read(&server().der).public_key().unwrap();
    assert_eq!((key.kind(), key.bits()), (&KeyKind::Ec, Some(256)));
    assert_eq!(key.to_string(), "EC (256 bits)");
    assert_eq!(key.sha256().unwrap(), dlssl::digest(library(), "SHA256", key.der()).unwrap());
    // It is a part of the certificate.
    let der = &server().der;
    assert!(der.windows(key.der().len()).any(|window| window == key.der()));
    assert_ne!(key, read(&Pki::shared().client.der).public_key().unwrap());
}

fn rsa_keys() {
    let certificate = read(&OpensslPki::new().issue("rsa:2048", "-sha256").der);
    let key = certificate.public_key().unwrap();
    assert_eq!((key.kind(), key.bits()), (&KeyKind::Rsa, Some(2048)));
    assert_eq!(certificate.signature_algorithm().unwrap(), "sha256WithRSAEncryption");
    assert_eq!(certificate.serial().unwrap(), [77]);
}

fn signature_algorithms() {
    assert_eq!(read(&server().der).signature_algorithm().unwrap(), "ecdsa-with-SHA256");
}

fn authorities() {
    assert!(!read(&server().der).is_ca().unwrap());
    for pem in [Pki::shared().authority.root_pem(), Pki::shared().authority.intermediate_pem()] {
        assert!(Certificate::from_pem(library(), pem).unwrap().is_ca().unwrap());
    }
}

fn looks() {
    let (one, same) = (read(&server().der), read(&server().der));
    assert_eq!(one, same.clone());
    assert_ne!(one, read(&Pki::shared().client.der));
    let text = format!("{one:?}");
    for part in ["CN=server.test", "CN=dlssl test intermediate", "server.test", "Z to "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(one.to_string(), "CN=server.test");
    assert!(one.library().is_same_generation(library()));
}

/// Whatever single thing is changed: it is refused, or it can be asked everything.
fn damaged() {
    let der = Authority::new("damaged").issue(&Leaf::server(NAME)).der;
    let mut runner = TestRunner::new(Config { cases: 600, failure_persistence: None, ..Config::default() });
    let change = (0..der.len(), any::<u8>());
    runner
        .run(&change, |(place, byte)| {
            let mut der = der.clone();
            der[place] = byte;
            if let Ok(certificate) = Certificate::from_der(library(), &der) {
                let kinds = [
                    certificate.subject().err(),
                    certificate.issuer().err(),
                    certificate.alt_names().err(),
                    certificate.validity().err(),
                    certificate.serial().err(),
                    certificate.public_key().err(),
                    certificate.signature_algorithm().err(),
                    certificate.is_ca().err(),
                ];
                for error in kinds.into_iter().flatten() {
                    prop_assert_eq!(error.kind(), ErrorKind::Malformed);
                }
                let _ = format!("{certificate:?}");
            }
            prop_assert!(library().take_errors().is_empty());
            Ok(())
        })
        .unwrap();
}
