//! Early data (0-RTT): what goes with the first message of a resumed handshake.

use super::TlsStream;
use super::attempt::Verdict;
use super::connection::Connection;
use crate::error::Error;
use crate::raw::Handle;

/// What is to be done before the handshake proper.
#[derive(Default)]
pub(super) enum Early {
    #[default]
    Nothing,
    /// A client sends this.
    Send(Vec<u8>),
    /// A server takes what comes; this came already.
    Take(Vec<u8>),
}

impl<S> Connection<S> {
    /// Goes one step on with the handshake, early data first.
    pub(super) fn attempt_handshake(&mut self) -> Result<Verdict, Error> {
        match std::mem::take(&mut self.early) {
            Early::Nothing => {}
            Early::Send(data) => {
                let outcome = self.attempt(Handle::EarlyWrite(&data));
                if !matches!(outcome, Ok(Verdict::Done(_))) {
                    // The same bytes again after a pause.
                    self.early = Early::Send(data);
                    return outcome;
                }
            }
            Early::Take(mut taken) => {
                let mut finished = false;
                while !finished {
                    let outcome = self.attempt(Handle::EarlyRead(&mut taken, &mut finished));
                    if !matches!(outcome, Ok(Verdict::Done(_))) {
                        self.early = Early::Take(taken);
                        return outcome;
                    }
                }
                self.taken_early = taken;
            }
        }
        self.attempt(Handle::Handshake)
    }
}

impl<S> TlsStream<S> {
    /// Whether the server took the client's early data. If not, it is to be sent again in the ordinary way.
    #[must_use]
    #[doc(alias = "SSL_get_early_data_status")]
    pub fn early_data_accepted(&self) -> bool {
        self.connection.ssl().is_early_data_accepted()
    }

    /// Takes what a client sent early, on the server's side. **Who listened can send it again**, to this server or to
    /// another with the same ticket keys: only what does no harm when it is done twice may be done on it.
    #[doc(alias = "SSL_read_early_data")]
    pub fn danger_take_early_data(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.connection.taken_early)
    }
}
