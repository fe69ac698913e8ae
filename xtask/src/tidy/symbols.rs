//! The rule that a C function is named in one place: as a literal under `ffi`, and where a library is
//! asked who it is.

use super::Found;
use super::tree::{File, Tree};

/// Where names of C functions are at home.
const AT_HOME: [&str; 2] = ["crates/dlssl-core/src/ffi/", "crates/dlssl-core/src/load/identify.rs"];

/// How the functions of both libraries begin.
const PREFIXES: [&str; 27] = [
    "ASN1_", "BIO_", "CRYPTO_", "DH_", "DTLS_", "DTLSv1_", "ENGINE_", "ERR_", "EVP_", "FIPS_", "OBJ_", "OPENSSL_",
    "OSSL_", "OpenSSL_", "PEM_", "PKCS12_", "RAND_", "RSA_", "SSL_", "SSLeay", "SSLv23_", "TLS_", "TLSv1_", "X509_",
    "d2i_", "i2d_", "sk_",
];

/// Beginnings of constants, and of a variable, that have small letters too.
const NOT_FUNCTIONS: [&str; 3] = ["SSL_OP_", "OPENSSL_VERSION_", "OPENSSL_ia32cap"];

pub(super) fn declared_in_one_place(file: &File, _: &Tree) -> Vec<Found> {
    if !file.is_below("crates/") || AT_HOME.iter().any(|place| file.is_below(place)) {
        return Vec::new();
    }
    let tests = file.first_test_line();
    let lines: Vec<&str> = file.text.lines().collect();
    let strings = file.lexed.strings.iter();
    strings
        .filter(|(line, text)| *line < tests && is_function(text))
        .filter(|(line, _)| !lines.get(line - 1).is_some_and(|line| is_documentation(line)))
        .map(|(line, text)| (*line, format!("the C function `{text}` belongs under {}", AT_HOME[0])))
        .collect()
}

/// A name with a small letter: `SSL_CERT_FILE` and its like are variables and constants.
fn is_function(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        && !NOT_FUNCTIONS.iter().any(|prefix| text.starts_with(prefix))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && text.trim_start_matches(char::is_uppercase).contains(|c: char| c.is_ascii_lowercase())
}

/// Aliases and links in the documentation of a Rust function.
fn is_documentation(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[doc") || line.starts_with("#![doc") || line.contains("doc(alias")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let found = declared_in_one_place(&File::new(path, text), &Tree::default());
        found.into_iter().map(|(line, _)| line).collect()
    }

    const TEXT: &str = "//! `SSL_new`\nf(c\"SSL_CTX_new\");\ng(\"BIO_read failed\");\n\
                        #[doc(alias = \"SSL_read\")]\nh(\"SSL_CERT_FILE\", \"SSL_OP_NO_TLSv1\");\n";

    #[test]
    fn a_literal_outside_is_found() {
        assert_eq!(lines("crates/dlssl/src/stream/io.rs", TEXT), [2]);
        assert_eq!(lines("crates/dlssl-core/src/compat/peer.rs", TEXT), [2]);
    }

    #[test]
    fn literals_at_home_and_in_tests_are_fine() {
        for home in AT_HOME {
            assert!(lines(&format!("{home}ssl.rs"), TEXT).is_empty());
        }
        assert!(lines("tests/tests/load.rs", TEXT).is_empty());
        assert!(lines("crates/a/src/b.rs", &format!("#[cfg(test)]\n{TEXT}")).is_empty());
    }

    #[test]
    fn names_of_functions_are_told_from_others() {
        for name in ["SSL_new", "OPENSSL_init_ssl", "SSLeay_version", "TLS_method", "ERR_peek_error"] {
            assert!(is_function(name), "{name}");
        }
        for name in ["OPENSSL_DIR", "SSL_CERT_DIR", "SSL error", "TLSv1.2", "OPENSSLDIR", "RSA_PKCS1"] {
            assert!(!is_function(name), "{name}");
        }
    }
}
