//! `SSL_CTX_set_info_callback`: alerts for the log, the program's own function, and the refusal of renegotiation where
//! no option does it (OpenSSL before 1.1.0h, LibreSSL's client).

use std::ffi::c_int;

use dlssl_core::ffi::constants::{SSL_CB_ALERT, SSL_CB_HANDSHAKE_START, SSL_CB_READ, TLS1_3_VERSION};
use dlssl_core::ffi::{SSL, memory};

use super::{Frame, in_callback};
use crate::config::InfoEvent;

/// Hears alerts, for the log. C calls it some twenty times in a handshake, and for next to nothing: all else is turned away
/// before anything is looked up.
pub(crate) unsafe extern "C" fn info_on_alerts(ssl: *const SSL, place: c_int, value: c_int) {
    if place & SSL_CB_ALERT != 0 {
        hear(ssl, place, value);
    }
}

/// Hears what the state machine does; not called for data.
pub(crate) unsafe extern "C" fn info(ssl: *const SSL, place: c_int, value: c_int) {
    hear(ssl, place, value);
}

fn hear(ssl: *const SSL, place: c_int, value: c_int) {
    in_callback((), |frame| {
        let Some(hooks) = frame.hooks() else { return };
        if hooks.refuse_renegotiation && place & SSL_CB_HANDSHAKE_START != 0 {
            refuse_renegotiation(frame, ssl);
        }
        let alert = place & SSL_CB_ALERT != 0;
        let logged = alert && log::log_enabled!(target: "dlssl::alert", log::Level::Debug);
        if hooks.info.is_none() && !logged {
            return;
        }
        let config = &frame.library.functions().ssl_config;
        let text = |text| {
            // SAFETY: static strings of the library.
            unsafe { memory::text(text) }.unwrap_or_default()
        };
        // SAFETY: numbers give static strings.
        let words = alert.then(|| unsafe {
            let level = text((config.SSL_alert_type_string_long)(value));
            format!("{level} {}", text((config.SSL_alert_desc_string_long)(value)))
        });
        if let (true, Some(words)) = (logged, &words) {
            let direction = if place & SSL_CB_READ != 0 { "received" } else { "sent" };
            log::debug!(target: "dlssl::alert", "{direction} alert: {words}");
        }
        if let Some(function) = &hooks.info {
            // SAFETY: C hands the live connection; a static string.
            let state = text(unsafe { (config.SSL_state_string_long)(ssl) });
            (function.0)(&InfoEvent { place, value, state, alert: words });
        }
    });
}

/// Notes that a second handshake begins. From then on the BIO neither sends nor receives (the socket under
/// OpenSSL's own is shut down), so that it goes no further, and the method that made the call fails.
fn refuse_renegotiation(frame: &mut Frame<'_>, ssl: *const SSL) {
    // SAFETY: the live connection of the frame's library; plain getter.
    let version = unsafe { (frame.library.functions().ssl.SSL_version)(ssl) };
    // TLS 1.3 has no renegotiation; what begins there is a ticket or a new key.
    if frame.stash.established && version < TLS1_3_VERSION {
        frame.stash.renegotiation = true;
        frame.bio = None;
        #[cfg(unix)]
        if let Some(descriptor) = frame.stash.cut() {
            // SAFETY: the connection's own duplicate of its socket, open as long as the connection.
            unsafe { libc::shutdown(descriptor, libc::SHUT_RDWR) };
        }
    }
}
