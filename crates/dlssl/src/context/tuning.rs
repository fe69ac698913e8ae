//! Finer settings and functions of the program, applied to a context.

use dlssl_core::compat::configure::Applied;
use dlssl_core::ffi::options::ENABLE_KTLS;

use super::build::{Builder, c_string};
use super::settings::Side;
use crate::error::{Error, ErrorKind};
use crate::raw::SslContext;

impl Builder<'_> {
    /// An error for what the library refuses or does not have.
    pub(super) fn must(&self, applied: Applied, what: &str) -> Result<(), Error> {
        match applied {
            Applied::Done => Ok(()),
            Applied::Refused => Err(Error::new(ErrorKind::Configuration, format!("the library refuses {what}"))),
            Applied::Absent => Err(self.unsupported(what)),
        }
    }

    /// Before cipher suites: the level decides which there are.
    pub(super) fn security_level(&self, context: &SslContext) -> Result<(), Error> {
        let tuning = &self.settings.tuning;
        let Some(level) = tuning.security_level else { return Ok(()) };
        if level > 5 {
            return Err(Error::new(ErrorKind::Configuration, "security levels are 0 to 5"));
        }
        if !tuning.lower_security_level
            && let Some(own) = context.security_level()
            && own > i32::from(level)
        {
            let words = format!("the security level {level} is below the library's own ({own})");
            return Err(Error::new(ErrorKind::Configuration, words));
        }
        self.must(context.set_security_level(level), "a security level")
    }

    pub(super) fn tuning(&self, context: &SslContext) -> Result<(), Error> {
        let tuning = &self.settings.tuning;
        for option in &tuning.options {
            self.apply(context, option.0)?;
        }
        if let Some(list) = &tuning.groups {
            Self::not_empty(list, "groups")?;
            let what = format!("the groups \"{}\"", list.escape_default());
            self.must(context.set_groups(&c_string("the list of groups", list)?), &what)?;
        }
        if let Some(list) = &tuning.signature_algorithms {
            Self::not_empty(list, "signature algorithms")?;
            let c_list = c_string("the list of signature algorithms", list)?;
            let what = format!("the signature algorithms \"{}\"", list.escape_default());
            self.must(context.set_signature_algorithms(&c_list), &what)?;
        }
        if tuning.asks_for_kernel_tls() {
            self.apply(context, ENABLE_KTLS)?;
            if !context.has_kernel_tls() {
                return Err(self.unsupported("kernel TLS, which it was built without"));
            }
        }
        if tuning.release_buffers {
            context.release_buffers();
        }
        Ok(())
    }

    /// An empty list is "none at all" to some versions and "the default" to others.
    fn not_empty(list: &str, what: &str) -> Result<(), Error> {
        if list.split(':').all(|entry| !entry.trim().is_empty()) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Configuration, format!("the list of {what} has an empty entry")))
    }

    pub(super) fn functions(&self, context: &SslContext) -> Result<(), Error> {
        let functions = &self.settings.functions;
        if functions.key_log.is_some() {
            self.must(context.use_key_log(), "a key log")?;
        }
        if functions.psk.is_some() {
            self.must(context.use_psk(self.settings.side == Side::Client), "pre-shared keys")?;
        }
        if self.settings.tuning.post_handshake_auth {
            self.must(context.offer_later_certificate(), "certificates after the handshake")?;
        }
        if self.settings.side == Side::Server {
            if functions.client_hello.is_some() {
                self.must(context.use_hello_callback(), "a look at the client's first message")?;
            }
            let by_name = !self.settings.server_names.is_empty() || functions.server_name.is_some();
            if by_name || functions.refuse_unknown_names {
                self.must(context.use_server_name_callback(), "certificates by name")?;
            }
            // Always: an identity that takes this one's place may bring a status.
            self.must(context.use_status_callback(), "certificate status")?;
        }
        Ok(())
    }
}
