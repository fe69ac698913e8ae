//! Settings that a library cannot honour are typed errors when a context is built, and capabilities are what the lists say.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl::{AcceptorBuilder, CapabilityState, ConnectorBuilder, Error, ErrorKind, Flavour, Protocol, Version};
use dlssl_core::FEATURES;
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{has_kernel_tls, has_tls13, library};
use dlssl_tests::pki::NAME;
use dlssl_tests::talk::{acceptor, connector, protocols, shake};
use dlssl_tests::wire::pipe;

const SUITE: &str = "TLS_AES_128_GCM_SHA256";

fn main() -> ExitCode {
    let choosable = has_ciphersuites();
    let has = || format!("{} lets nobody choose TLS 1.3 cipher suites", library().version_text());
    let lacks = || format!("{} has TLS 1.3 cipher suites to choose", library().version_text());
    let old = || format!("{} has TLS 1.3", library().version_text());
    run(vec![
        test("the_defaults_build", the_defaults_build),
        test("ciphersuites_where_there_are_none", no_ciphersuites).only_if(!choosable, lacks),
        test("ciphersuites_of_nonsense", nonsense_ciphersuites).only_if(choosable, has),
        test("ciphersuites_with_one_unknown", one_unknown_ciphersuite).only_if(choosable, has),
        test("at_least_tls13_where_there_is_none", || refused(Some(Protocol::Tls13), None, ErrorKind::Unsupported))
            .only_if(!has_tls13(), old),
        test("at_most_tls13_where_there_is_none", at_most_tls13).only_if(!has_tls13(), old),
        test("bounds_upside_down", bounds_upside_down),
        test("bounds_below_the_library", bounds_below_the_library),
        test("cipher_lists_of_nonsense", nonsense_cipher_lists),
        test("names_with_a_nul", names_with_a_nul),
        test("alpn_that_does_not_fit", alpn_that_does_not_fit),
        test("capabilities_are_as_listed", capabilities_are_as_listed),
    ])
}

/// By the versions' history, not by what was found in the library.
fn has_ciphersuites() -> bool {
    let floor = if library().flavour() == Flavour::LibreSsl { "3.4.0" } else { "1.1.1" };
    library().version() >= Version::parse(floor).unwrap()
}

/// Both sides with one setting each; both must fail, with this kind and with words.
fn both_fail(
    kind: ErrorKind,
    client: impl FnOnce(ConnectorBuilder) -> ConnectorBuilder,
    server: impl FnOnce(AcceptorBuilder) -> AcceptorBuilder,
) {
    let client = client(connector()).build().map(drop).expect_err("the client builds");
    let server = server(acceptor()).build().map(drop).expect_err("the server builds");
    for error in [client, server] {
        assert_eq!(error.kind(), kind, "{error}");
        told(&error);
    }
}

/// An error of "unsupported" names the library; and no error leaves C's queue behind.
fn told(error: &Error) {
    assert!(!error.to_string().is_empty());
    if error.kind() == ErrorKind::Unsupported {
        assert!(error.to_string().contains(&library().version().to_string()), "{error}");
    }
    let left = library().take_errors();
    assert!(left.is_empty(), "{left}");
}

fn the_defaults_build() {
    connector().build().unwrap();
    acceptor().build().unwrap();
    assert!(library().take_errors().is_empty());
}

fn no_ciphersuites() {
    both_fail(ErrorKind::Unsupported, |c| c.ciphersuites(SUITE), |a| a.ciphersuites(SUITE));
}

fn nonsense_ciphersuites() {
    connector().ciphersuites(SUITE).build().unwrap();
    acceptor().ciphersuites(SUITE).build().unwrap();
    for nonsense in ["TLS_NO_SUCH_SUITE", "ECDHE-ECDSA-AES128-GCM-SHA256", " ", "a\0b"] {
        both_fail(ErrorKind::Configuration, |c| c.ciphersuites(nonsense), |a| a.ciphersuites(nonsense));
    }
}

/// What is named and cannot be had is not passed over.
fn one_unknown_ciphersuite() {
    let list = format!("{SUITE}:TLS_NO_SUCH_SUITE");
    both_fail(ErrorKind::Configuration, |c| c.ciphersuites(&list), |a| a.ciphersuites(&list));
}

fn refused(min: Option<Protocol>, max: Option<Protocol>, kind: ErrorKind) {
    let client = |c: ConnectorBuilder| {
        let c = min.into_iter().fold(c, ConnectorBuilder::min_protocol);
        max.into_iter().fold(c, ConnectorBuilder::max_protocol)
    };
    let server = |a: AcceptorBuilder| {
        let a = min.into_iter().fold(a, AcceptorBuilder::min_protocol);
        max.into_iter().fold(a, AcceptorBuilder::max_protocol)
    };
    both_fail(kind, client, server);
}

/// A bound above what there is bounds nothing.
fn at_most_tls13() {
    let client = connector().max_protocol(Protocol::Tls13).build().unwrap();
    let server = acceptor().max_protocol(Protocol::Tls13).build().unwrap();
    let (client, server) = shake(&client, &server, NAME, pipe());
    assert_eq!(client.unwrap().protocol(), Some(Protocol::Tls12));
    server.unwrap();
}

fn bounds_upside_down() {
    refused(Some(Protocol::Tls13), Some(Protocol::Tls12), ErrorKind::Configuration);
    refused(Some(Protocol::Tls11), Some(Protocol::Tls10), ErrorKind::Configuration);
    // The oldest is TLS 1.2 unless told otherwise.
    refused(None, Some(Protocol::Tls11), ErrorKind::Configuration);
    refused(None, Some(Protocol::Tls10), ErrorKind::Configuration);
}

/// Old versions that the library may have lost: an error that says so, or contexts that go no higher than they were told.
fn bounds_below_the_library() {
    for version in [Protocol::Tls10, Protocol::Tls11] {
        let client = connector().min_protocol(version).max_protocol(version).build();
        let server = acceptor().min_protocol(version).build();
        match (client, server) {
            (Ok(client), Ok(server)) => {
                let (client, server) = shake(&client, &server, NAME, pipe());
                for protocol in [client.ok().and_then(|c| c.protocol()), server.ok().and_then(|s| s.protocol())] {
                    assert!(protocol.is_none_or(|got| got == version), "{protocol:?}");
                }
                let _ = library().take_errors();
            }
            (client, server) => {
                for error in [client.map(drop).err(), server.map(drop).err()].into_iter().flatten() {
                    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
                    told(&error);
                }
            }
        }
    }
    // The bounds of today hold exactly.
    for version in protocols() {
        let client = connector().min_protocol(version).max_protocol(version).build().unwrap();
        let (client, server) = shake(&client, &acceptor().build().unwrap(), NAME, pipe());
        assert_eq!((client.unwrap().protocol(), server.unwrap().protocol()), (Some(version), Some(version)));
    }
}

fn nonsense_cipher_lists() {
    for nonsense in ["NO-SUCH-CIPHER", "!ALL", " ", "", "a\0b"] {
        both_fail(ErrorKind::Configuration, |c| c.cipher_list(nonsense), |a| a.cipher_list(nonsense));
    }
}

fn names_with_a_nul() {
    let error = connector().build().unwrap().configure("a\0b").map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidName);
    told(&error);
}

fn alpn_that_does_not_fit() {
    let long = "x".repeat(256);
    both_fail(ErrorKind::Configuration, |c| c.alpn([&long]), |a| a.alpn([&long]));
    both_fail(ErrorKind::Configuration, |c| c.alpn([""]), |a| a.alpn([""]));
}

/// What a library can have been built without.
const KERNEL_TLS: [&str; 2] = ["option ENABLE_KTLS", "sendfile by kernel TLS"];

fn capabilities_are_as_listed() {
    let (flavour, version) = (library().flavour(), library().version());
    let found = library().capabilities();
    assert_eq!(found.len(), FEATURES.len());
    for (found, feature) in found.iter().zip(FEATURES) {
        assert_eq!(found.name, feature.name);
        match feature.expected(flavour, version) {
            // Which the version does not tell; nor the width of file offsets in the library.
            CapabilityState::Present
                if KERNEL_TLS.contains(&feature.name) && !has_kernel_tls()
                    || feature.name == KERNEL_TLS[1] && cfg!(target_pointer_width = "32") =>
            {
                assert_eq!(found.state, CapabilityState::WithoutEffect, "{}", feature.name);
            }
            expected => assert_eq!(found.state, expected, "{}", feature.name),
        }
    }
    let state = |name: &str| found.iter().find(|c| c.name == name).unwrap().state.to_string();
    assert_eq!(state("TLS 1.3") == "present", has_tls13());
    assert_eq!(state("TLS 1.3 cipher suites by name") == "present", has_ciphersuites());
}
