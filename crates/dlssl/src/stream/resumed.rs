//! Whether a resumed session was made with the care that its connection takes: in resuming, the library verifies nothing.
//!
//! The name is looked for in the certificate once: not for a session that the context kept by itself, under that name, after the library
//! or we had found it. So it is for one that came from the program, or from a handshake in which the program may have overruled the library.

use super::connection::Connection;
use crate::context::SessionKey;
use crate::error::{Error, ErrorKind};
use crate::hostname::ServerName;
use crate::raw::{Offered, Ssl, verify_error_text};
use crate::x509::Certificate;

/// Whether the session that a connection offers or resumes was made with the care that its context takes.
pub(super) fn check_session(ssl: &Ssl, key: &SessionKey) -> Result<(), Error> {
    let context = ssl.context();
    // Who showed no certificate where one was not required had the pre-shared key.
    if context.verify_policy().ignored || !context.requires_certificate() && ssl.peer_certificate().is_none() {
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
    if key.check_name && ssl.offered() != Some(Offered::Vouched) && !is_for(&key.name) {
        return refused(&format!("is with a certificate that is not valid for {}", key.name));
    }
    Ok(())
}

impl<S> Connection<S> {
    /// Refuses a client's session that was made with less care than this connection is to take: in resuming, the
    /// library verifies nothing.
    pub(super) fn check_resumed(&mut self) -> Result<(), Error> {
        let Some(key) = &self.stash.session_key else { return Ok(()) };
        if !self.ssl.session_reused() {
            return Ok(());
        }
        check_session(&self.ssl, key)?;
        self.stash.vouches = true;
        Ok(())
    }
}
