//! Features that differ between versions, as plain data: which function or setting decides about each.

use super::options::{
    CLEANSE_PLAINTEXT, DISABLE_TLSEXT_CA_NAMES, ENABLE_MIDDLEBOX_COMPAT, NO_CLIENT_RENEGOTIATION, NO_COMPRESSION,
    NO_SERVER_RENEGOTIATION, NO_SSLV3, OptionSpec, PRIORITIZE_CHACHA,
};
use crate::compat::handshake::{knows_extended_master_secret, tells_servers_the_group};
use crate::compat::protocol::speaks_tls13;
use crate::version::{Flavour, Version};

/// A feature as plain data: what decides about it, and what happens where it is absent.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Name.
    pub name: &'static str,
    /// What a program meets where the library does not have it.
    pub otherwise: &'static str,
    pub(crate) basis: Basis,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Basis {
    /// On every supported version.
    Always,
    /// Where this function is, and does something.
    Function { symbol: &'static str, hollow_on_libressl: bool },
    /// A setting by name.
    Option(OptionSpec),
    /// By flavour and version.
    Version(fn(Flavour, Version) -> bool),
    /// Where this function is, on a library that was built with kernel TLS; and where its file offsets are known, if it takes
    /// such.
    KernelTls { symbol: &'static str, takes_offsets: bool },
}

const fn function(name: &'static str, symbol: &'static str, otherwise: &'static str) -> Feature {
    Feature { name, otherwise, basis: Basis::Function { symbol, hollow_on_libressl: false } }
}

/// A function that LibreSSL documents as without effect: it is never called, or always fails.
const fn hollow(name: &'static str, symbol: &'static str, otherwise: &'static str) -> Feature {
    Feature { name, otherwise, basis: Basis::Function { symbol, hollow_on_libressl: true } }
}

const fn always(name: &'static str) -> Feature {
    Feature { name, otherwise: "", basis: Basis::Always }
}

const fn option(name: &'static str, option: OptionSpec) -> Feature {
    Feature { name, otherwise: "no context can be built", basis: Basis::Option(option) }
}

/// Kernel TLS, which a library of any version can have been built without.
const fn kernel_tls(name: &'static str, otherwise: &'static str, takes_offsets: bool) -> Feature {
    Feature { name, otherwise, basis: Basis::KernelTls { symbol: "SSL_sendfile", takes_offsets } }
}

/// A setting that is an error where the library does not have it.
const fn choice(name: &'static str, option: OptionSpec) -> Feature {
    Feature { name, otherwise: REFUSED, basis: Basis::Option(option) }
}

const REFUSED: &str = "to ask for it is an error (Unsupported)";

fn has_signature_algorithms(flavour: Flavour, _: Version) -> bool {
    flavour == Flavour::OpenSsl
}

/// Every feature that a program may ask for, in the order of the documents.
pub const FEATURES: &[Feature] = &[
    always("TLS 1.2"),
    Feature {
        name: "TLS 1.3",
        otherwise: "TLS 1.2 is negotiated; to demand 1.3 is an error (Unsupported)",
        basis: Basis::Version(speaks_tls13),
    },
    always("bounds on the protocol version"),
    always("host name and IP verification"),
    always("host names looked for in alternative names only"),
    always("keys below 1024 bits (RSA) or 160 (elliptic curves), MD5 and SHA-1 signatures refused"),
    always("verified chain"),
    always("certificate revocation lists"),
    always("pinned certificates and keys"),
    always("validity of a certificate as time"),
    always("SNI"),
    always("ALPN"),
    always("a cut connection told from an orderly end"),
    option("SSL 3.0 refused", NO_SSLV3),
    option("compression refused", NO_COMPRESSION),
    option("renegotiation by the client refused", NO_CLIENT_RENEGOTIATION),
    option("renegotiation by the server refused", NO_SERVER_RENEGOTIATION),
    function("TLS 1.3 cipher suites by name", "SSL_CTX_set_ciphersuites", "to choose them is an error (Unsupported)"),
    function("pending bytes that are not decrypted yet", "SSL_has_pending", "decrypted bytes alone are seen"),
    always("peeking, vectored calls, time limits, one reader and one writer"),
    always("exported keying material"),
    Feature {
        name: "channel binding tls-exporter on TLS 1.2 (extended master secret)",
        otherwise: "an error (Unsupported); tls-unique is there",
        basis: Basis::Version(knows_extended_master_secret),
    },
    always("channel bindings tls-unique (TLS 1.2 and older) and tls-server-end-point"),
    always("session resumption"),
    always("sessions as bytes"),
    always("session store of the program"),
    always("ticket keys of the program, with rotation"),
    hollow("number of TLS 1.3 tickets", "SSL_CTX_set_num_tickets", REFUSED),
    always("certificates by server name"),
    always("server names that are not known refused"),
    always("application protocol chosen, refused or left open by a function"),
    always("certificate status (OCSP stapling)"),
    always("groups by name"),
    Feature {
        name: "signature algorithms by name",
        otherwise: REFUSED,
        basis: Basis::Version(has_signature_algorithms),
    },
    function("security levels", "SSL_CTX_set_security_level", REFUSED),
    always("negotiated group, told to clients"),
    Feature {
        name: "negotiated group, told to servers",
        otherwise: "None",
        basis: Basis::Version(tells_servers_the_group),
    },
    function("pre-shared keys, and which one was used", "SSL_CTX_set_psk_client_callback", REFUSED),
    choice("option PRIORITIZE_CHACHA", PRIORITIZE_CHACHA),
    choice("option ENABLE_MIDDLEBOX_COMPAT", ENABLE_MIDDLEBOX_COMPAT),
    choice("option CLEANSE_PLAINTEXT", CLEANSE_PLAINTEXT),
    kernel_tls("option ENABLE_KTLS", REFUSED, false),
    choice("option DISABLE_TLSEXT_CA_NAMES", DISABLE_TLSEXT_CA_NAMES),
    function("providers by name", "OSSL_PROVIDER_try_load", "ProviderError::Unsupported"),
    hollow("key log", "SSL_CTX_set_keylog_callback", REFUSED),
    hollow("early data", "SSL_write_early_data", REFUSED),
    function("client hello seen first, with a wait", "SSL_CTX_set_client_hello_cb", REFUSED),
    hollow("client certificates asked for after the handshake (TLS 1.3)", "SSL_verify_client_post_handshake", REFUSED),
    kernel_tls("sendfile by kernel TLS", "an error of the call (Unsupported)", true),
];
