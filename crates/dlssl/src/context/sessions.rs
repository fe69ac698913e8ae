//! Settings of sessions, applied to a context.

use dlssl_core::Library;
use dlssl_core::ffi::options::NO_TICKET;

use super::build::Builder;
use super::settings::{PeerCertificate, Settings, Side};
use crate::error::{Error, ErrorKind};
use crate::raw::SslContext;

/// Most bytes of an application's name in sessions.
const LONGEST_ID_CONTEXT: usize = 32;

/// Name of the application in a server's sessions: only sessions with the same one are resumed.
///
/// A server that asks for certificates takes a name that nobody else has, unless told one: a client that was let in
/// under other rules, by a server that shares ticket keys or a store, must not get in by resuming.
pub(super) fn id_context(library: &Library, settings: &Settings) -> Result<Vec<u8>, Error> {
    match &settings.sessions.id_context {
        Some(id) if id.is_empty() || id.len() > LONGEST_ID_CONTEXT => {
            Err(Error::new(ErrorKind::Configuration, "the application's name in sessions has 1 to 32 bytes"))
        }
        Some(id) => Ok(id.clone()),
        None if settings.side == Side::Server && settings.peer_certificate != PeerCertificate::Ignored => {
            let mut id = vec![0; LONGEST_ID_CONTEXT];
            library.random(&mut id)?;
            Ok(id)
        }
        None => Ok(b"dlssl".to_vec()),
    }
}

impl Builder<'_> {
    pub(super) fn sessions(&self, context: &SslContext) -> Result<(), Error> {
        let sessions = &self.settings.sessions;
        if !sessions.tickets {
            self.apply(context, NO_TICKET)?;
        }
        match self.settings.side {
            Side::Client if sessions.cache => context.hand_out_client_sessions(),
            Side::Server if sessions.store.is_some() => context.store_server_sessions(),
            Side::Server if sessions.cache => context.keep_server_sessions(sessions.most),
            _ => context.keep_no_sessions(),
        }
        if let Some(time) = sessions.timeout {
            context.set_session_timeout(time.as_secs().max(1));
        }
        if let Some(count) = sessions.ticket_count
            && !context.set_ticket_count(count)
        {
            return Err(self.unsupported("a number of TLS 1.3 tickets"));
        }
        if let Some(most) = sessions.early_data {
            if !sessions.cache || sessions.store.is_some() {
                let words = "early data needs the server's own session cache, which tells repeated messages";
                return Err(Error::new(ErrorKind::Configuration, words));
            }
            self.must(context.take_early_data(most.get()), "early data")?;
        }
        if let Some(keys) = sessions.ticket_keys.current() {
            if keys.is_empty() {
                return Err(Error::new(ErrorKind::Configuration, "the list of ticket keys is empty"));
            }
            if !context.use_ticket_callback() {
                return Err(self.unsupported("ticket keys of the program"));
            }
        }
        Ok(())
    }
}
