//! The orderly end of a connection, and the way back to the inner stream.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use dlssl_core::{Flavour, Version};

use super::TlsStream;
use super::attempt::Verdict;
use super::connection::{Closing, Connection, Step};
use super::limits::Operation;
use crate::bio::Interest;
use crate::error::{Error, ErrorKind};
use crate::raw::act;

/// How far an orderly end has come.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let mut tls = scene.tls();
/// if tls.shutdown()? == dlssl::Shutdown::Sent {
///     std::io::copy(&mut tls, &mut std::io::sink())?; // what the peer still has to say
///     assert_eq!(tls.shutdown()?, dlssl::Shutdown::Received);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Our `close_notify` is sent; the peer's has not arrived.
    Sent,
    /// Both sides have said that they will send nothing more.
    Received,
}

impl<S> Connection<S> {
    /// Makes our `close_notify` and sends it; once it is sent, looks for the peer's.
    pub(super) fn shutdown_step(&mut self) -> io::Result<Step<Shutdown>> {
        loop {
            if let Step::Pause(interest, error) = self.send_step()? {
                return Ok(Step::Pause(interest, error));
            }
            if self.closing == Closing::Made {
                // The alert is with the inner stream before anything else is said.
                self.flush_inner()?;
                self.closing = Closing::Sent;
                return Ok(Step::Done(self.how_far()));
            }
            if self.cut_off && self.tolerates_cut_off() && (self.closing == Closing::Sent || self.cut_off_is_fatal()) {
                self.closing = Closing::Sent;
                return Ok(Step::Done(Shutdown::Received));
            }
            let outcome = match self.attempt(act::Shutdown) {
                // C says that it has sent its alert also where its own socket BIO could not take it.
                Ok(Verdict::Later(Interest::Write, error)) if self.is_library_socket() => {
                    return Ok(Step::Pause(Interest::Write, error));
                }
                outcome => outcome,
            };
            if self.closing == Closing::Not
                && self.ssl().has_sent_close()
                && !matches!(&outcome, Err(error) if error.kind() == ErrorKind::Io)
            {
                self.closing = Closing::Made;
                continue;
            }
            return match outcome {
                Ok(Verdict::Done(0)) => Ok(Step::Done(Shutdown::Sent)),
                Ok(Verdict::Done(_) | Verdict::Closed) => {
                    self.peer_closed = true;
                    Ok(Step::Done(Shutdown::Received))
                }
                Ok(Verdict::Later(interest, error)) => Ok(Step::Pause(interest, error)),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && self.tolerates_cut_off() => {
                    Ok(Step::Done(Shutdown::Received))
                }
                Err(error) => Err(error.into()),
            };
        }
    }

    /// Whether the library takes an end without `close_notify` for a fatal fault, after which it sends no `close_notify` either
    /// ("shutdown while in init").
    fn cut_off_is_fatal(&self) -> bool {
        let library = self.context().library();
        library.flavour() == Flavour::OpenSsl && library.version() >= Version::new(3, 0, 0)
    }

    /// How far it has come once ours is sent.
    pub(super) fn how_far(&self) -> Shutdown {
        let is_over = self.ssl().has_received_close() || self.cut_off && self.tolerates_cut_off();
        if is_over { Shutdown::Received } else { Shutdown::Sent }
    }
}

impl<S> TlsStream<S> {
    /// Ends the connection in order. The first call sends `close_notify`: nothing more can be written, and what the peer
    /// still sends can be read. A further call waits for the peer's.
    /// ([`SSL_shutdown`](https://docs.openssl.org/master/man3/SSL_shutdown/).)
    ///
    /// # Errors
    /// The inner stream's own, `WouldBlock` included, and `TimedOut`: then call again. `UnexpectedEof` when the peer
    /// ends without `close_notify` and the context does not tolerate that; `InvalidData` when the peer still sends data:
    /// read it first.
    #[doc(alias = "SSL_shutdown")]
    pub fn shutdown(&mut self) -> io::Result<Shutdown> {
        self.connection.check_alive()?;
        self.connection.drive(Operation::Shutdown, Connection::shutdown_step)
    }

    /// Closes both ways: sends `close_notify`, then reads until the peer's, within one
    /// [time limit](crate::Timeouts::shutdown). Gives how many bytes the peer had still sent; they are lost.
    ///
    /// # Errors
    /// As for [`shutdown`](Self::shutdown), without `InvalidData`. After `WouldBlock` or `TimedOut` it can be called
    /// again, and counts anew.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let mut tls = scene.tls();
    /// tls.set_timeouts(dlssl::Timeouts::new().shutdown(std::time::Duration::from_secs(10)));
    /// assert_eq!(tls.close()?, 0, "nothing is lost");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "SSL_shutdown")]
    pub fn close(&mut self) -> io::Result<u64> {
        self.connection.check_alive()?;
        let mut lost = 0;
        let mut bytes = [0; 1024];
        self.connection.drive(Operation::Shutdown, |connection| {
            if connection.closing != Closing::Sent
                && let Step::Pause(interest, error) = connection.shutdown_step()?
            {
                return Ok(Step::Pause(interest, error));
            }
            while !connection.check_readable()? {
                match connection.read_step(act::Read(&mut bytes))? {
                    Step::Done(0) => break,
                    Step::Done(count) => lost += count as u64,
                    Step::Pause(interest, error) => return Ok(Step::Pause(interest, error)),
                }
            }
            Ok(Step::Done(()))
        })?;
        Ok(lost)
    }

    /// Gives the inner stream back, with bytes of the peer that were received and not read: what follows the peer's
    /// `close_notify`, if anything. Sends nothing.
    ///
    /// # Errors
    /// [`IntoInnerError`] with the stream inside: while bytes wait to be sent (flush it, or drop it), and with
    /// [kernel TLS](Self::kernel_tls), whose socket stays encrypted whatever is written to it.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let mut tls = scene.tls();
    /// // FTP's CCC: TLS ends, and the socket goes on in plain text.
    /// tls.close()?;
    /// let (tcp, already_read) = tls.into_inner()?;
    /// assert!(already_read.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_inner(self) -> Result<(S, Vec<u8>), IntoInnerError<S>> {
        if self.kernel_tls().any() {
            let words = "the kernel does TLS on the socket, and does not stop; it cannot be given back";
            let error = self.connection.error(ErrorKind::Unsupported, words);
            return Err(IntoInnerError { stream: Box::new(self), error });
        }
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

/// The inner stream cannot be given back: bytes wait to be sent, or the kernel does TLS on it.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let mut tls = scene.tls();
/// use std::io::Write;
///
/// tls.write_all(b"what the other side still has to read")?;
/// match tls.into_inner() {
///     Ok((tcp, already_read)) => println!("{tcp:?}, {} bytes", already_read.len()),
///     Err(error) => {
///         let error: dlssl::IntoInnerError<_> = error;
///         println!("{}", error.error());
///         // The stream is still there.
///         error.into_stream().flush()?;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
