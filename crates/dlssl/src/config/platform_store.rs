//! The platform's own store of trusted certificates, where it is no folder: Windows and macOS.

/// Its certificates in DER; `None` where there is no such store.
///
/// What cannot be read of it is left out, and told to the log: one certificate that is broken must not take the others away.
#[cfg(any(windows, target_os = "macos"))]
pub(super) fn certificates() -> Option<Vec<Vec<u8>>> {
    // The crate looks at these first. We have, too, unless the process has more rights than who started it: then they do
    // not count, and neither does the answer.
    let named = |name: &str| std::env::var_os(name).is_some();
    if !dlssl_core::environment_is_trusted() && (named("SSL_CERT_FILE") || named("SSL_CERT_DIR")) {
        return None;
    }
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        log::warn!(target: "dlssl::roots", "the platform's store of certificates: {error}");
    }
    Some(found.certs.iter().map(|certificate| certificate.as_ref().to_vec()).collect())
}

/// Its certificates in DER; `None` where there is no such store.
#[cfg(not(any(windows, target_os = "macos")))]
pub(super) fn certificates() -> Option<Vec<Vec<u8>>> {
    None
}
