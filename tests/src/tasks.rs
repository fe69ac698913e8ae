//! What tests of the tokio streams share: a runtime with an end, connected streams, and inner streams that keep a task waiting.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read, Write};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use dlssl::{Acceptor, Connector};
use dlssl_tokio::TlsStream;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

use crate::pki::NAME;
use crate::process::PATIENCE;
use crate::talk::{acceptor, connector};

/// Runs a future on a thread of its own runtime, for at most [`PATIENCE`].
///
/// # Panics
/// When it takes longer: something waits that nobody will wake.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("a task that is never woken") })
}

/// A connected pair of TCP sockets on the loopback.
pub async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (client, server)
}

/// Both ends of a connection.
pub type Ends<S> = (TlsStream<S>, TlsStream<S>);

/// Both ends of a connection over a pair of streams, by these contexts. The client reads once it is done: where nearly nothing
/// fits on the way, the server has to get rid of its tickets.
pub async fn shake<S>(connector: &Connector, acceptor: &Acceptor, (client, server): (S, S)) -> Ends<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut client = pin!(dlssl_tokio::connect(connector, NAME, client));
    let mut server = pin!(dlssl_tokio::accept(acceptor, server));
    let mut ends = (None, None);
    poll_fn(|context| {
        if ends.1.is_none()
            && let Poll::Ready(outcome) = server.as_mut().poll(context)
        {
            ends.1 = Some(outcome.unwrap());
        }
        match &mut ends.0 {
            None => {
                if let Poll::Ready(outcome) = client.as_mut().poll(context) {
                    ends.0 = Some(outcome.unwrap());
                    context.waker().wake_by_ref();
                }
            }
            Some(client) if ends.1.is_none() => {
                let polled = Pin::new(client).poll_read(context, &mut ReadBuf::new(&mut [0]));
                assert!(polled.is_pending(), "nothing was sent, and yet: {polled:?}");
            }
            Some(_) => {}
        }
        match (ends.0.take(), ends.1.take()) {
            (Some(client), Some(server)) => Poll::Ready((client, server)),
            waits => {
                ends = waits;
                Poll::Pending
            }
        }
    })
    .await
}

/// The same with default settings.
pub async fn tls_over<S>(ends: (S, S)) -> Ends<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    shake(&connector().build().unwrap(), &acceptor().build().unwrap(), ends).await
}

/// Both ends in memory, with room for this many bytes on the way.
pub async fn memory_pair(room: usize) -> Ends<DuplexStream> {
    tls_over(tokio::io::duplex(room)).await
}

/// A non-blocking stream of the standard library's kind: where it says `WouldBlock`, the task is woken at once.
#[derive(Debug)]
pub struct Eager<S>(pub S);

impl<S> Eager<S> {
    fn poll<T>(&mut self, context: &Context<'_>, mut call: impl FnMut(&mut S) -> io::Result<T>) -> Poll<io::Result<T>> {
        loop {
            match call(&mut self.0) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }
}

impl<S: Read + Unpin> AsyncRead for Eager<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = out.initialize_unfilled();
        let count = std::task::ready!(self.get_mut().poll(context, |stream| stream.read(room)))?;
        out.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<S: Write + Unpin> AsyncWrite for Eager<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll(context, |stream| stream.write(data))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll(context, Write::flush)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

/// A stream that is not ready when a script says so, and then wakes the *last* task that asked in that direction: as little as
/// the contract promises.
#[derive(Debug)]
pub struct Grudging<S> {
    inner: S,
    /// Over and over, in each direction by itself.
    delays: Vec<bool>,
    at: [usize; 2],
    /// Who is to be woken, for each direction; `None` where nobody waits.
    waiting: Arc<Mutex<[Option<Waker>; 2]>>,
}

impl<S> Grudging<S> {
    /// Wraps a stream; `true` in the script is a delay, and not all are. To be polled within a runtime.
    pub fn new(inner: S, delays: Vec<bool>) -> Self {
        assert!(delays.contains(&false), "it would never be ready");
        Self { inner, delays, at: [0; 2], waiting: Arc::default() }
    }

    fn delays(&mut self, direction: usize, context: &Context<'_>) -> bool {
        let slot = &mut self.waiting.lock().unwrap()[direction];
        if slot.is_some() {
            // Whoever asked before is forgotten.
            *slot = Some(context.waker().clone());
            return true;
        }
        let at = &mut self.at[direction];
        *at = (*at + 1) % self.delays.len();
        let waits = self.delays[*at];
        if waits {
            *slot = Some(context.waker().clone());
            let waiting = Arc::clone(&self.waiting);
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                let last = waiting.lock().unwrap()[direction].take();
                last.unwrap().wake();
            });
        }
        waits
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Grudging<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.delays(0, context) { Poll::Pending } else { Pin::new(&mut self.inner).poll_read(context, out) }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Grudging<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        if self.delays(1, context) { Poll::Pending } else { Pin::new(&mut self.inner).poll_write(context, data) }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
