//! A stream that tokio polls, as dlssl takes one: `Read` and `Write` that say `WouldBlock`.

use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tasks::{Direction, Tasks};

/// The inner stream of a [`TlsStream`](crate::TlsStream) as dlssl sees it.
///
/// It is there to be looked through: `tls.get_ref().get_ref().get_ref()` is the stream that was given to
/// [`connect`](crate::connect) or [`accept`](crate::accept), which [`TlsStream::inner`](crate::TlsStream::inner) gives at once.
///
/// # Examples
/// ```no_run
/// # fn look(tls: &mut dlssl_tokio::TlsStream<tokio::net::TcpStream>) -> std::io::Result<()> {
/// let polled: &mut dlssl_tokio::Polled<_> = tls.get_mut().get_mut();
/// println!("{}", polled.get_ref().peer_addr()?);
/// polled.get_mut().set_nodelay(true)?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Polled<S> {
    stream: S,
    tasks: Tasks,
}

impl<S> Polled<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, tasks: Tasks::new() }
    }

    /// The stream.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream. Reading from it or writing to it breaks the connection.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Gives the stream back.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.stream
    }

    pub(crate) fn enter(&mut self, direction: Direction, waker: &Waker) {
        self.tasks.enter(direction, waker);
    }

    pub(crate) fn tasks(&mut self) -> &mut Tasks {
        &mut self.tasks
    }

    /// Polls the stream for the operation that runs.
    pub(crate) fn poll<T>(
        &mut self,
        towards: Direction,
        mut poll: impl FnMut(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>>
    where
        S: Unpin,
    {
        self.tasks.poll(towards, |context| poll(Pin::new(&mut self.stream), context))
    }
}

impl<S: AsyncRead + Unpin> Read for Polled<S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(out);
        or_would_block(self.poll(Direction::Read, |stream, context| stream.poll_read(context, &mut buffer)))?;
        Ok(buffer.filled().len())
    }
}

impl<S: AsyncWrite + Unpin> Write for Polled<S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        or_would_block(self.poll(Direction::Write, |stream, context| stream.poll_write(context, data)))
    }

    fn flush(&mut self) -> io::Result<()> {
        or_would_block(self.poll(Direction::Write, |stream, context| stream.poll_flush(context)))
    }
}

fn or_would_block<T>(polled: Poll<io::Result<T>>) -> io::Result<T> {
    match polled {
        Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        // It would be taken for a wait of which nobody wakes us.
        Poll::Ready(Err(error)) if error.kind() == ErrorKind::WouldBlock => {
            Err(io::Error::other("the inner stream is broken: it said WouldBlock where it should be pending"))
        }
        Poll::Ready(outcome) => outcome,
    }
}
