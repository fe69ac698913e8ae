//! Plain words for how a handshake fails: the peer's alert, or what this side could not agree to.

use dlssl_core::ErrorStack;
use dlssl_core::ffi::constants::ERR_LIB_SSL;

/// OpenSSL and LibreSSL give a received alert the reason number 1000 and its own.
const ALERT: i32 = 1000;

/// Alerts of a peer that ends a handshake (RFC 8446, section 6.2).
const ALERTS: [(i32, &str); 13] = [
    (40, "the peer has no settings in common with this side"),
    (42, "the peer refuses this side's certificate"),
    (43, "the peer does not take certificates of this kind"),
    (44, "the peer says that this side's certificate is revoked"),
    (45, "the peer says that this side's certificate has expired"),
    (46, "the peer refuses this side's certificate"),
    (48, "the peer does not trust the issuer of this side's certificate"),
    (49, "the peer denies access"),
    (70, "the peer has no TLS version in common with this side"),
    (71, "the peer finds this side's settings too weak"),
    (112, "the peer does not serve this name"),
    (116, "the peer demands a certificate"),
    (120, "the peer has no application protocol (ALPN) in common with this side"),
];

/// Reasons of this side (`SSL_R_…`), with the same number in every version.
const REASONS: [(i32, &str); 10] = [
    (156, "the peer speaks plain HTTP"),
    (193, "no cipher suite in common with the peer"),
    (191, "no TLS version is left to speak"),
    // OpenSSL 3.5.5 looks at a record's length before it looks whether it is one. Of TLS it says the same, then with reason.
    (198, "the peer does not speak TLS, or sent a record that is too long"),
    (NO_CERTIFICATE, "the peer showed no certificate"),
    (235, "no application protocol (ALPN) in common with the peer"),
    (252, "the peer does not speak TLS, or no version in common"),
    (258, "no TLS version in common with the peer"),
    (266, "the peer chose a TLS version that was not offered"),
    (267, "the peer does not speak TLS, or no version in common"),
];

/// Reason for which a peer without a certificate is refused (`SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE`).
const NO_CERTIFICATE: i32 = 199;

/// Whether this side demanded a certificate and got none.
pub(super) fn lacks_certificate(queue: &ErrorStack) -> bool {
    queue.has(ERR_LIB_SSL, NO_CERTIFICATE)
}

/// Words for the first entry that is known.
pub(super) fn words(queue: &ErrorStack) -> Option<&'static str> {
    queue.entries().iter().filter(|entry| entry.library_number() == ERR_LIB_SSL).find_map(|entry| {
        let reason = entry.reason_number();
        let (table, number): (&[_], _) = if reason > ALERT { (&ALERTS, reason - ALERT) } else { (&REASONS, reason) };
        table.iter().find(|(known, _)| *known == number).map(|(_, words)| *words)
    })
}
