//! The orderly end of a connection, and the way back to the inner stream.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use super::TlsStream;
use super::connection::Verdict;
use crate::bio::Interest;
use crate::error::{Error, ErrorKind};
use crate::raw::Handle;

/// How far an orderly end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Our `close_notify` is sent; the peer's has not arrived.
    Sent,
    /// Both sides have said that they will send nothing more.
    Received,
}

impl<S> TlsStream<S> {
    /// Ends the connection in order. The first call sends `close_notify`; reading is still possible. A further call
    /// waits for the peer's. ([`SSL_shutdown`](https://docs.openssl.org/master/man3/SSL_shutdown/).)
    ///
    /// # Errors
    /// The inner stream's own, `WouldBlock` included: then call again. `UnexpectedEof` when the peer ends without
    /// `close_notify` and the context does not tolerate that; `InvalidData` when the peer still sends data: read it
    /// first.
    #[doc(alias = "SSL_shutdown")]
    pub fn shutdown(&mut self) -> io::Result<Shutdown> {
        let connection = &mut self.connection;
        connection.check_alive()?;
        connection.send_waiting()?;
        loop {
            if connection.is_closing() {
                // The alert is with the inner stream before anything else is said.
                connection.flush_inner()?;
                connection.set_closing(false);
                let both = connection.ssl().has_received_close();
                return Ok(if both { Shutdown::Received } else { Shutdown::Sent });
            }
            let sent_before = connection.ssl().has_sent_close();
            if sent_before && connection.is_cut_off() && connection.tolerates_cut_off() {
                return Ok(Shutdown::Received);
            }
            let outcome = match connection.attempt(Handle::Shutdown) {
                // C says that it has sent its alert also where its own socket BIO could not take it.
                Ok(Verdict::Later(Interest::Write, error)) if connection.is_library_socket() => {
                    connection.wait(Interest::Write, error)?;
                    continue;
                }
                outcome => outcome,
            };
            if !sent_before
                && connection.ssl().has_sent_close()
                && !matches!(&outcome, Err(error) if error.kind() == ErrorKind::Io)
            {
                connection.set_closing(true);
                connection.send_waiting()?;
                continue;
            }
            match outcome {
                Ok(Verdict::Done(0)) => return Ok(Shutdown::Sent),
                Ok(Verdict::Done(_) | Verdict::Closed) => return Ok(Shutdown::Received),
                Ok(Verdict::Later(interest, error)) => connection.wait(interest, error)?,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && connection.tolerates_cut_off() => {
                    return Ok(Shutdown::Received);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Gives the inner stream back, with bytes of the peer that were received and not read: what follows the peer's
    /// `close_notify`, if anything. Sends nothing.
    ///
    /// # Errors
    /// [`IntoInnerError`] while bytes wait to be sent, with the stream inside: flush it, or drop it.
    pub fn into_inner(self) -> Result<(S, Vec<u8>), IntoInnerError<S>> {
        if self.has_unsent() {
            let error = self.connection.error(
                ErrorKind::WouldBlock,
                format!("{} bytes of TLS wait to be sent; flush first", self.connection.unsent()),
            );
            return Err(IntoInnerError { stream: Box::new(self), error });
        }
        Ok(self.connection.into_parts())
    }
}

/// The inner stream cannot be given back: bytes wait to be sent.
pub struct IntoInnerError<S> {
    stream: Box<TlsStream<S>>,
    error: Error,
}

impl<S> IntoInnerError<S> {
    /// Why.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The stream as it was.
    #[must_use]
    pub fn into_stream(self) -> TlsStream<S> {
        *self.stream
    }
}

impl<S> fmt::Display for IntoInnerError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<S> fmt::Debug for IntoInnerError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoInnerError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<S> StdError for IntoInnerError<S> {}
