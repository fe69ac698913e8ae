//! The stream after its handshake: reading, writing, deadline, the orderly end, and the way back to the inner stream.

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::TlsInfo;
use crate::alarm::Alarm;
use crate::polled::Polled;
use crate::tasks::Direction;

/// Most bytes of plain text in one record of TLS, and so in one read.
const RECORD: usize = 16 * 1024;

/// TLS over a stream of tokio's: [`AsyncRead`] and [`AsyncWrite`] of plain bytes.
///
/// A write that is done has handed its bytes to the inner stream, or keeps the rest of one record, which the next call of
/// any kind sends first: flush before a long silence. `AsyncWriteExt::shutdown` sends `close_notify` and closes the
/// inner stream for writing; what the peer still sends can be read. Dropping the stream says nothing to the peer.
///
/// An end without `close_notify` is `UnexpectedEof`, unless the context tolerates that. Errors are those of
/// [`dlssl::TlsStream`]: the inner stream's own as they are, all others with a [`dlssl::Error`] as payload.
///
/// # Examples
/// ```no_run
/// # async fn echo(tls: dlssl_tokio::TlsStream<tokio::net::TcpStream>) -> std::io::Result<()> {
/// use tokio::io::AsyncWriteExt;
///
/// let (mut reader, mut writer) = tokio::io::split(tls);
/// tokio::io::copy(&mut reader, &mut writer).await?;
/// writer.shutdown().await
/// # }
/// ```
///
/// What it runs on, and until when:
/// ```no_run
/// # fn look(tls: &mut dlssl_tokio::TlsStream<tokio::net::TcpStream>) -> std::io::Result<()> {
/// use std::time::{Duration, Instant};
///
/// println!("{} to {}", tls.get_ref().cipher(), tls.inner().peer_addr()?);
/// tls.inner_mut().set_nodelay(true)?;
/// let unread = tls.get_mut().peek(&mut [0; 16]);
/// tls.set_deadline(Some(Instant::now() + Duration::from_secs(10)));
/// # Ok(()) }
/// ```
pub struct TlsStream<S> {
    tls: dlssl::TlsStream<Polled<S>>,
    alarm: Alarm,
    /// Our `close_notify` is with the inner stream.
    closed: bool,
}

impl<S> TlsStream<S> {
    pub(crate) fn new(tls: dlssl::TlsStream<Polled<S>>) -> Self {
        Self { tls, alarm: Alarm::default(), closed: false }
    }

    /// What is known of the connection: version, cipher suite, ALPN, certificates, session, library.
    #[must_use]
    pub fn get_ref(&self) -> &dlssl::TlsStream<Polled<S>> {
        &self.tls
    }

    /// The same, to be changed. What would wait says `WouldBlock` there, and nobody is woken for it.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut dlssl::TlsStream<Polled<S>> {
        &mut self.tls
    }

    /// What is known of the connection now, to be kept apart from it.
    #[must_use]
    pub fn info(&self) -> TlsInfo {
        TlsInfo::of(&self.tls)
    }

    /// The inner stream.
    #[must_use]
    pub fn inner(&self) -> &S {
        self.tls.get_ref().get_ref()
    }

    /// The inner stream. Reading from it or writing to it breaks the connection.
    #[must_use]
    pub fn inner_mut(&mut self) -> &mut S {
        self.tls.get_mut().get_mut()
    }

    /// Latest time for everything that follows, or none. Past it, calls fail with `TimedOut`; the stream stays usable with
    /// a new deadline. Who waits already notices when it is polled next.
    ///
    /// The runtime must have timers enabled, or the first call that waits panics.
    pub fn set_deadline(&mut self, at: Option<Instant>) {
        self.tls.set_deadline(at);
    }

    /// Gives the inner stream back, with bytes of the peer that were received and not read: what follows its
    /// `close_notify`, if anything. Sends nothing.
    ///
    /// # Errors
    /// [`IntoInnerError`] while bytes wait to be sent, with the stream inside: flush it, or drop it.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn plain_again(mut tls: dlssl_tokio::TlsStream<tokio::net::TcpStream>) -> std::io::Result<()> {
    /// tls.close().await?;
    /// let (tcp, first_bytes) = tls.into_inner()?;
    /// # Ok(()) }
    /// ```
    pub fn into_inner(self) -> Result<(S, Vec<u8>), IntoInnerError<S>> {
        let Self { tls, alarm, closed } = self;
        match tls.into_inner() {
            Ok((stream, received)) => Ok((stream.into_inner(), received)),
            Err(error) => {
                let text = error.to_string();
                let stream = Self { tls: error.into_stream(), alarm, closed };
                Err(IntoInnerError { stream: Box::new(stream), text })
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream<S> {
    /// Sends `close_notify` and leaves the inner stream open: nothing more can be written, and what the peer still sends can
    /// be read. Where the connection is to end altogether, `AsyncWriteExt::shutdown` closes the inner stream for writing too.
    ///
    /// # Errors
    /// As for writes.
    #[doc(alias = "SSL_shutdown")]
    pub async fn close_notify(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_close_notify(context)).await
    }

    /// Closes both ways and leaves the inner stream open: sends `close_notify`, then reads until the peer's. Gives how many
    /// bytes the peer had still sent; they are lost. It can be called again after it was dropped, and counts anew.
    ///
    /// # Errors
    /// As for writes and reads: `UnexpectedEof` when the peer ends without `close_notify` and the context does not tolerate
    /// that.
    #[doc(alias = "SSL_shutdown")]
    pub async fn close(&mut self) -> io::Result<u64> {
        self.close_notify().await?;
        let mut lost = 0;
        poll_fn(|context| {
            let mut bytes = [0; 1024];
            loop {
                match ready!(self.poll_tls(Direction::Read, context, |tls| tls.read(&mut bytes)))? {
                    0 => return Poll::Ready(Ok(lost)),
                    count => lost += count as u64,
                }
            }
        })
        .await
    }

    fn poll_close_notify(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed {
            ready!(self.poll_tls(Direction::Write, context, |tls| tls.shutdown()))?;
            self.closed = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Does one thing with the connection for the task of this context.
    fn poll_tls<T>(
        &mut self,
        direction: Direction,
        context: &mut Context<'_>,
        call: impl FnOnce(&mut dlssl::TlsStream<Polled<S>>) -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        self.tls.get_mut().enter(direction, context.waker());
        let outcome = match call(&mut self.tls) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => match self.wait(context.waker()) {
                Ok(()) => return Poll::Pending,
                Err(late) => Err(late),
            },
            outcome => outcome,
        };
        self.tls.get_mut().tasks().leave();
        Poll::Ready(outcome)
    }

    /// Makes sure that a pause ends: the inner stream wakes this task, or the deadline does.
    fn wait(&mut self, waker: &Waker) -> io::Result<()> {
        let deadline = self.tls.deadline();
        let tasks = self.tls.get_mut().tasks();
        if !tasks.waits() {
            // Many records without data for us: the others first.
            waker.wake_by_ref();
        }
        self.alarm.poll(deadline, || tasks.everybody())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let room = out.initialize_unfilled_to(out.remaining().min(RECORD));
        let count = ready!(self.get_mut().poll_tls(Direction::Read, context, |tls| tls.read(room)))?;
        out.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<S> {
    /// Encrypts up to one record (16 KiB, or what was set) and hands it to the inner stream.
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll_tls(Direction::Write, context, |tls| tls.write(data))
    }

    /// Puts small buffers together into one record.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_tls(Direction::Write, context, |tls| tls.write_vectored(buffers))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Sends what waits and flushes the inner stream.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_tls(Direction::Write, context, |tls| tls.flush())
    }

    /// Sends `close_notify`, then closes the inner stream for writing.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_close_notify(context))?;
        let deadline = this.tls.deadline();
        let polled = this.tls.get_mut();
        polled.enter(Direction::Write, context.waker());
        let outcome = polled.poll(Direction::Write, |stream, context| stream.poll_shutdown(context));
        let outcome = match outcome {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => match this.alarm.poll(deadline, || polled.tasks().everybody()) {
                Ok(()) => return Poll::Pending,
                Err(late) => Err(late),
            },
        };
        polled.tasks().leave();
        Poll::Ready(outcome)
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tls.fmt(f)
    }
}

/// The inner stream cannot be given back: bytes wait to be sent.
///
/// # Examples
/// ```no_run
/// use dlssl_tokio::{IntoInnerError, TlsStream};
/// use tokio::io::AsyncWriteExt;
///
/// # async fn plain(tls: TlsStream<tokio::net::TcpStream>) -> std::io::Result<()> {
/// if let Err(error) = tls.into_inner() {
///     let error: IntoInnerError<_> = error;
///     error.into_stream().flush().await?;
/// }
/// # Ok(()) }
/// ```
pub struct IntoInnerError<S> {
    stream: Box<TlsStream<S>>,
    text: String,
}

impl<S> IntoInnerError<S> {
    /// The stream as it was.
    #[must_use]
    pub fn into_stream(self) -> TlsStream<S> {
        *self.stream
    }
}

impl<S> fmt::Display for IntoInnerError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<S> fmt::Debug for IntoInnerError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoInnerError").field("text", &self.text).finish_non_exhaustive()
    }
}

impl<S> StdError for IntoInnerError<S> {}

impl<S> From<IntoInnerError<S>> for io::Error {
    fn from(error: IntoInnerError<S>) -> Self {
        Self::other(error.text)
    }
}
