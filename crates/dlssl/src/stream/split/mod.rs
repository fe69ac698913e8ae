//! One connection for two threads: a half that reads and a half that writes.
//!
//! The connection is behind a lock, which is held while TLS works and never while somebody waits: a step of an operation
//! says what it waits for, the lock is given back, and the half waits by itself.

mod divide;
mod duplex;

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dlssl_core::Library;

pub use divide::Divide;
pub use duplex::Duplex;

use super::connection::{Closing, Connection, Step};
use super::io::{Gather, gathered, or_taken};
use super::limits::{Limits, Operation, Timeouts};
use super::{Shutdown, TlsStream};
use crate::bio::stream::Receiving;
use crate::error::{Error, ErrorKind};
use crate::raw::act;

struct Shared<S> {
    /// What is looked at before the lock: in a child of a fork nobody may be left to give it back.
    library: Library,
    connection: Mutex<Connection<S>>,
}

impl<S> Shared<S> {
    /// Refuses halves that belong to another process.
    fn check_process(&self) -> Result<(), Error> {
        self.library.check_process().map_err(|inherited| Error::from(inherited).of(&self.library))
    }

    /// A panic of user code on one half leaves the connection as good as it would be without halves.
    fn lock(&self) -> MutexGuard<'_, Connection<S>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The half of a connection that reads. See [`TlsStream::split`].
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let tls = scene.tls();
/// use std::io::Write;
/// use std::time::{Duration, Instant};
///
/// let (reader, mut writer) = tls.split()?;
/// let mut reader: dlssl::ReadHalf<std::net::TcpStream> = reader;
/// reader.set_deadline(Some(Instant::now() + Duration::from_secs(10)));
/// writer.write_all(b"hello")?;
/// assert!(reader.peek(&mut [0; 5])? > 0 && reader.has_pending());
/// let whole = reader.rejoin(writer)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReadHalf<S: Divide> {
    shared: Arc<Shared<S>>,
    end: S::Reader,
    limits: Limits,
}

/// The half of a connection that writes. See [`TlsStream::split`].
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let tls = scene.tls();
/// use std::io::Write;
/// use std::time::{Duration, Instant};
///
/// let (reader, writer) = tls.split()?;
/// let mut writer: dlssl::WriteHalf<std::net::TcpStream> = writer;
/// writer.set_deadline(Some(Instant::now() + Duration::from_secs(10)));
/// writer.write_all(b"goodbye")?;
/// assert_eq!(writer.shutdown()?, dlssl::Shutdown::Sent);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WriteHalf<S: Divide> {
    shared: Arc<Shared<S>>,
    end: S::Writer,
    limits: Limits,
    gather: Gather,
}

impl<S: Divide> TlsStream<S> {
    /// Splits the stream into a half that reads and a half that writes, for two threads. A half that waits for the
    /// socket does not keep the other from working.
    ///
    /// It works on sockets by descriptor (`connect_socket`, `accept_socket`) and on a [`Duplex`]. Over a descriptor, what
    /// the reading half has to answer to the peer goes out at once; over a `Duplex` the writing half sends it with its
    /// next call. Deadline and time limits are each half's own from here on.
    ///
    /// # Errors
    /// [`SplitError`], with the stream inside: [`ErrorKind::Unsupported`] for OpenSSL's own socket BIO, and for a socket
    /// that was taken for a plain `Read + Write`; [`ErrorKind::Io`] when the descriptor cannot be duplicated;
    /// [`ErrorKind::Inherited`] in a child of a fork, also of all that the halves do.
    ///
    /// # Examples
    /// ```
    /// # let scene = dlssl_tests::example::scene();
    /// # let tls = scene.tls();
    /// use std::io::{Read, Write};
    ///
    /// let (mut reader, mut writer) = tls.split()?;
    /// let echo = std::thread::spawn(move || {
    ///     let mut bytes = Vec::new();
    ///     reader.read_to_end(&mut bytes).map(|_| bytes)
    /// });
    /// writer.write_all(b"hello")?;
    /// writer.shutdown()?;
    /// assert_eq!(echo.join().expect("no panic")?, b"hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn split(mut self) -> Result<(ReadHalf<S>, WriteHalf<S>), SplitError<S>> {
        let connection = &mut self.connection;
        if let Err(error) = connection.check_process() {
            return Err(SplitError { stream: Box::new(self), error });
        }
        let by_our_bio = connection.is_by_descriptor() && !connection.is_library_socket();
        if S::BY_DESCRIPTOR && !by_our_bio {
            let words = "only our own BIO can be split, over a socket by its descriptor or over a Duplex";
            let error = connection.error(ErrorKind::Unsupported, words);
            return Err(SplitError { stream: Box::new(self), error });
        }
        match connection.inner_mut().divide() {
            Ok((reader, writer)) => {
                let limits = connection.limits.clone();
                let shared = Arc::new(Shared {
                    library: connection.context().library().clone(),
                    connection: Mutex::new(self.connection),
                });
                Ok((
                    ReadHalf { shared: Arc::clone(&shared), end: reader, limits: limits.clone() },
                    WriteHalf { shared, end: writer, limits, gather: self.gather },
                ))
            }
            Err(error) => {
                let error = connection.error(ErrorKind::Io, "cannot split the inner stream").with_io(error);
                Err(SplitError { stream: Box::new(self), error })
            }
        }
    }
}

impl<S: Divide> ReadHalf<S> {
    /// Repeats a step until it is done; waits without the lock.
    fn drive<T>(&mut self, mut step: impl FnMut(&mut Connection<S>) -> io::Result<Step<T>>) -> io::Result<T> {
        self.shared.check_process()?;
        let mut turn = self.limits.begin(Operation::Read)?;
        loop {
            let (interest, error) = {
                let mut connection = self.shared.lock();
                connection.inner_mut().fill(&mut self.end);
                connection.set_receiving(Receiving::Arrived);
                match step(&mut connection)? {
                    Step::Done(done) => return Ok(done),
                    Step::Pause(interest, error) => {
                        connection.release_at_pause();
                        (connection.interest(interest), error)
                    }
                }
            };
            if error.kind() != io::ErrorKind::WouldBlock {
                return Err(error);
            }
            S::receive(&mut self.end, interest.reads(), interest.writes(), turn.until())?;
        }
    }

    /// As [`TlsStream::peek`].
    ///
    /// # Errors
    /// As for reads.
    #[doc(alias = "SSL_peek")]
    pub fn peek(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.read_or_peek(out, |connection, out| connection.read_step(act::Peek(out)))
    }

    fn read_or_peek(
        &mut self,
        out: &mut [u8],
        step: fn(&mut Connection<S>, &mut [u8]) -> io::Result<Step<usize>>,
    ) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        self.drive(|connection| {
            if connection.check_readable()? {
                return Ok(Step::Done(0));
            }
            step(connection, out)
        })
    }

    /// As [`TlsStream::has_pending`]; `false` in a child of a fork.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.shared.check_process().is_ok() && self.shared.lock().has_pending()
    }

    /// Latest time for all further reads, or none; see [`TlsStream::set_deadline`].
    pub fn set_deadline(&mut self, at: Option<Instant>) {
        self.limits.set_deadline(at);
    }

    /// Time limits for this half's calls; of them, that for reads counts.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.limits.set_timeouts(timeouts);
    }

    /// Puts the halves together again. The deadline and time limits are then this half's.
    ///
    /// # Errors
    /// [`RejoinError`], with both inside, when they are not of one connection.
    pub fn rejoin(self, writer: WriteHalf<S>) -> Result<TlsStream<S>, RejoinError<S>> {
        if !Arc::ptr_eq(&self.shared, &writer.shared) {
            return Err(RejoinError { halves: Box::new((self, writer)) });
        }
        let Self { shared, end: reader, limits } = self;
        let WriteHalf { shared: other, end: writer, gather, .. } = writer;
        drop(other);
        #[expect(clippy::expect_used, reason = "`split` makes two references, and both are here")]
        let shared = Arc::into_inner(shared).expect("the only reference");
        let mut connection = shared.connection.into_inner().unwrap_or_else(PoisonError::into_inner);
        let rest = connection.inner_mut().unite(reader, writer);
        connection.take_back(rest.received, rest.unsent, rest.broken);
        connection.limits = limits;
        Ok(TlsStream { connection, gather })
    }
}

impl<S: Divide> Read for ReadHalf<S> {
    /// As for [`TlsStream`].
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.read_or_peek(out, |connection, out| connection.read_step(act::Read(out)))
    }
}

impl<S: Divide> WriteHalf<S> {
    /// Repeats a step until it is done; sends and waits without the lock.
    fn drive<T>(
        &mut self,
        operation: Operation,
        mut step: impl FnMut(&mut Connection<S>) -> io::Result<Step<T>>,
    ) -> io::Result<T> {
        self.shared.check_process()?;
        let mut turn = self.limits.begin(operation)?;
        // What is left of earlier calls goes first.
        S::send(&mut self.end)?;
        loop {
            let outcome = {
                let mut connection = self.shared.lock();
                // Reading is the other half's: it would not learn of what was received here.
                connection.set_receiving(Receiving::No);
                let outcome = step(&mut connection);
                connection.inner_mut().drain(&mut self.end);
                outcome
            };
            // Whatever came of it, what C has made is for the peer.
            S::send(&mut self.end)?;
            match outcome? {
                Step::Done(done) => return Ok(done),
                Step::Pause(_, error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Step::Pause(interest, _) => S::wait_to_send(&mut self.end, !interest.writes(), turn.until())?,
            }
        }
    }

    fn drive_write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        let mut taken = None;
        let outcome = self.drive(Operation::Write, |connection| {
            if taken.is_none() {
                connection.check_writable()?;
            }
            connection.write_step(data, &mut taken)
        });
        or_taken(outcome, taken)
    }

    /// Sends `close_notify`: nothing more can be written, and what the peer still sends can be read by the other half.
    ///
    /// # Errors
    /// The inner stream's own, `WouldBlock` included, and `TimedOut`: then call again.
    #[doc(alias = "SSL_shutdown")]
    pub fn shutdown(&mut self) -> io::Result<Shutdown> {
        let how_far = self.drive(Operation::Shutdown, |connection| {
            if connection.closing == Closing::Sent {
                return Ok(Step::Done(connection.how_far()));
            }
            connection.check_alive()?;
            connection.shutdown_step()
        })?;
        S::flush(&mut self.end)?;
        Ok(how_far)
    }

    /// Latest time for all further calls, or none; see [`TlsStream::set_deadline`].
    pub fn set_deadline(&mut self, at: Option<Instant>) {
        self.limits.set_deadline(at);
    }

    /// Time limits for this half's calls; of them, those for writes and for closing count.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.limits.set_timeouts(timeouts);
    }
}

impl<S: Divide> Write for WriteHalf<S> {
    /// As for [`TlsStream`].
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.drive_write(data)
    }

    /// As for [`TlsStream`].
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.shared.check_process()?;
        let record_size = self.shared.lock().record_size();
        let mut gather = self.gather.take().unwrap_or_default();
        let outcome = match gathered(buffers, record_size, &mut gather) {
            Some(alone) => self.drive_write(alone),
            None => self.drive_write(&gather),
        };
        self.gather = Some(gather);
        outcome
    }

    fn flush(&mut self) -> io::Result<()> {
        self.drive(Operation::Write, Connection::send_step)?;
        S::flush(&mut self.end)
    }
}

impl<S: Divide> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadHalf").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<S: Divide> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteHalf").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// The stream cannot be split.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// # let library = dlssl::current()?;
/// # let connector = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("ca.pem")).build()?;
/// // A socket that was taken for a plain `Read + Write` would be waited for under the lock.
/// let tls = connector.connect("example.org", std::net::TcpStream::connect(server)?)?;
/// let error: dlssl::SplitError<_> = tls.split().unwrap_err();
/// println!("{}", error.error());
/// error.into_stream().shutdown()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SplitError<S> {
    stream: Box<TlsStream<S>>,
    error: Error,
}

impl<S> SplitError<S> {
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

impl<S> fmt::Display for SplitError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<S> fmt::Debug for SplitError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SplitError").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<S> StdError for SplitError<S> {}

impl<S> From<SplitError<S>> for Error {
    fn from(error: SplitError<S>) -> Self {
        error.error
    }
}

/// Two halves that are not of one connection.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// let (one, two) = (scene.tls().split()?, scene.tls().split()?);
/// let error: dlssl::RejoinError<_> = one.0.rejoin(two.1).unwrap_err();
/// let (reader, of_another) = error.into_halves();
/// reader.rejoin(one.1)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RejoinError<S: Divide> {
    halves: Box<(ReadHalf<S>, WriteHalf<S>)>,
}

impl<S: Divide> RejoinError<S> {
    /// The halves as they were.
    #[must_use]
    pub fn into_halves(self) -> (ReadHalf<S>, WriteHalf<S>) {
        *self.halves
    }
}

impl<S: Divide> fmt::Display for RejoinError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are not of one connection")
    }
}

impl<S: Divide> fmt::Debug for RejoinError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RejoinError").finish_non_exhaustive()
    }
}

impl<S: Divide> StdError for RejoinError<S> {}
