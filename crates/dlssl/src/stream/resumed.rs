//! Whether a resumed session was made with the care that its connection takes: in resuming, the library verifies nothing.
//!
//! One that the context kept by itself was verified by its own rules, for the same name. So the name is looked for in the certificate
//! of one that came from the program, or was kept where the program may have overruled the library.

use super::connection::Connection;
use crate::context::{Context, SessionKey};
use crate::error::{Error, ErrorKind};
use crate::hostname::ServerName;
use crate::raw::{Ssl, verify_error_text};
use crate::x509::Certificate;

/// Whether the session of a connection was made with the care that its context takes. `is_vouched`: the context made it, for this
/// name.
pub(super) fn check_session(ssl: &Ssl, context: &Context, key: &SessionKey, is_vouched: bool) -> Result<(), Error> {
    if !context.requires_certificate() {
        return Ok(());
    }
    let library = context.library();
    let refused =
        |what: &str| Err(Error::new(ErrorKind::Certificate, format!("the resumed session {what}")).of(library));
    let code = ssl.verify_result();
    if code != 0 {
        let text = verify_error_text(library, code);
        return refused(&format!("is with a certificate that was not accepted: {text}"));
    }
    let no_wildcards = context.refuses_wildcards();
    let is_for = |name: &ServerName| {
        ssl.peer_certificate().is_some_and(|raw| Certificate::is_raw_for_name(raw, name, no_wildcards))
    };
    if key.check_name && !is_vouched && !is_for(&key.name) {
        return refused(&format!("is with a certificate that is not valid for {}", key.name));
    }
    Ok(())
}

impl<S> Connection<S> {
    /// Refuses a client's session that was made with less care than this connection is to take: in resuming, the
    /// library verifies nothing.
    pub(super) fn check_resumed(&self) -> Result<(), Error> {
        let Some(key) = &self.stash.session_key else { return Ok(()) };
        if !self.ssl.session_reused() {
            return Ok(());
        }
        check_session(&self.ssl, self.context(), key, self.stash.vouches)
    }
}
