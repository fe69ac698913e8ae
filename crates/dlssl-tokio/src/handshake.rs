//! Handshakes: plain async functions over dlssl's own connectors and acceptors.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::task::Poll;
use std::time::{Duration, Instant};

use dlssl::{
    AcceptConfiguration, Acceptor, ConnectConfiguration, Connector, FailedHandshake, HandshakeError, MidHandshake,
};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::TlsStream;
use crate::alarm::Alarm;
use crate::polled::Polled;
use crate::tasks::Direction;

/// Size of the read-ahead buffer. `AsyncRead` has no vectored reads, by which the rest of a long record and the beginning of the
/// next come together: what is read ahead of a long one is only copied once more.
pub(crate) const AHEAD: usize = 1024;

/// Handshakes as a client. `name` is the host name or IP address that the certificate must be for.
///
/// A connector that [follows](Connector::following) loads and builds anew here, once after each reload: some milliseconds in
/// which this thread does nothing else.
///
/// # Errors
/// [`FailedHandshake`] with the inner stream, of every kind that [`Connector::connect`] has. It becomes a
/// [`dlssl::Error`] or an [`io::Error`](std::io::Error) with `?`.
///
/// # Examples
/// ```no_run
/// # async fn page() -> Result<(), Box<dyn std::error::Error>> {
/// let connector = dlssl::Connector::new()?;
/// let tcp = tokio::net::TcpStream::connect(("example.org", 443)).await?;
/// let tls = dlssl_tokio::connect(&connector, "example.org", tcp).await?;
/// println!("{}", tls.get_ref().cipher());
/// # Ok(()) }
/// ```
#[doc(alias = "SSL_connect")]
pub async fn connect<S>(connector: &Connector, name: &str, stream: S) -> Result<TlsStream<S>, FailedHandshake<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match connector.configure(name) {
        Ok(configuration) => connect_with(configuration.read_ahead(AHEAD), stream).await,
        Err(error) => Err(FailedHandshake::new(error, stream)),
    }
}

/// Handshakes as a client with settings of this connection's own ([`Connector::configure`]): a session, early data, bytes
/// that were read already, a deadline, another size of the read-ahead buffer than the 1 KiB of [`connect`].
///
/// # Errors
/// As for [`connect`]; of kind [`TimedOut`](dlssl::ErrorKind::TimedOut) past its deadline or its limit for handshakes.
///
/// # Panics
/// With a deadline or a limit for the handshake, outside of a tokio runtime that has timers.
///
/// # Examples
/// ```no_run
/// # async fn page(tcp: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::{Duration, Instant};
///
/// let configuration = dlssl::Connector::new()?.configure("example.org")?;
/// let deadline = Instant::now() + Duration::from_secs(10);
/// let tls = dlssl_tokio::connect_with(configuration.deadline(deadline), tcp).await?;
/// # Ok(()) }
/// ```
#[doc(alias = "SSL_connect")]
pub async fn connect_with<S>(configuration: ConnectConfiguration, stream: S) -> Result<TlsStream<S>, FailedHandshake<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    shake(move |stream| configuration.connect(stream), stream).await
}

/// Handshakes as a server.
///
/// A function that looks at the client's first message and answers [`HelloAnswer::Wait`](dlssl::HelloAnswer::Wait) is asked again
/// every few milliseconds; for that the runtime must have timers.
///
/// # Errors
/// [`FailedHandshake`] with the inner stream, of every kind that [`Acceptor::accept`] has.
///
/// # Examples
/// ```no_run
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// use tokio::io::AsyncWriteExt;
///
/// let identity = dlssl::Identity::pem_files("chain.pem", "key.pem");
/// let acceptor = dlssl::Acceptor::following(identity).build()?;
/// let listener = tokio::net::TcpListener::bind(("127.0.0.1", 8443)).await?;
/// loop {
///     let (tcp, _) = listener.accept().await?;
///     let acceptor = acceptor.clone();
///     tokio::spawn(async move {
///         // Each handshake in a task of its own, and not for ever.
///         let limit = std::time::Duration::from_secs(10);
///         let mut tls = tokio::time::timeout(limit, dlssl_tokio::accept(&acceptor, tcp)).await??;
///         tls.write_all(b"hello\n").await?;
///         tls.shutdown().await
///     });
/// }
/// # }
/// ```
#[doc(alias = "SSL_accept")]
pub async fn accept<S>(acceptor: &Acceptor, stream: S) -> Result<TlsStream<S>, FailedHandshake<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match acceptor.configure() {
        Ok(configuration) => accept_with(configuration.read_ahead(AHEAD), stream).await,
        Err(error) => Err(FailedHandshake::new(error, stream)),
    }
}

/// Handshakes as a server with settings of this connection's own ([`Acceptor::configure`]).
///
/// # Errors
/// As for [`accept`]; of kind [`TimedOut`](dlssl::ErrorKind::TimedOut) past its deadline or its limit for handshakes.
///
/// # Panics
/// As for [`connect_with`].
///
/// # Examples
/// ```no_run
/// # async fn serve(acceptor: dlssl::Acceptor, tcp: tokio::net::TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// let limits = dlssl::Timeouts::new().handshake(std::time::Duration::from_secs(10));
/// let tls = dlssl_tokio::accept_with(acceptor.configure()?.timeouts(limits), tcp).await?;
/// println!("{:?}", tls.get_ref().server_name());
/// # Ok(()) }
/// ```
#[doc(alias = "SSL_accept")]
pub async fn accept_with<S>(configuration: AcceptConfiguration, stream: S) -> Result<TlsStream<S>, FailedHandshake<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    shake(move |stream| configuration.accept(stream), stream).await
}

/// After how long the program's function is asked again that looks at a first message and has nothing to say yet.
const ASKS_AGAIN: Duration = Duration::from_millis(5);

/// How far a handshake is.
enum Stage<B, S> {
    Begins(B, Polled<S>),
    Waits(MidHandshake<Polled<S>>),
}

async fn shake<S, B>(begin: B, stream: S) -> Result<TlsStream<S>, FailedHandshake<S>>
where
    B: FnOnce(Polled<S>) -> Result<dlssl::TlsStream<Polled<S>>, HandshakeError<Polled<S>>>,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut alarm = Alarm::default();
    let mut stage = Some(Stage::Begins(begin, Polled::new(stream)));
    poll_fn(|context| {
        let outcome = match stage.take() {
            Some(Stage::Begins(begin, mut stream)) => {
                stream.enter(Direction::Write, context.waker());
                begin(stream)
            }
            Some(Stage::Waits(mut waiting)) => {
                waiting.get_mut().enter(Direction::Write, context.waker());
                waiting.resume()
            }
            // Not polled again once it is done: `poll_fn` is awaited right here.
            None => return Poll::Pending,
        };
        match outcome {
            Ok(mut tls) => {
                tls.get_mut().tasks().leave();
                Poll::Ready(Ok(TlsStream::new(tls)))
            }
            Err(HandshakeError::Blocked(mut waiting)) if waiting.error().kind() == ErrorKind::WouldBlock => {
                let asks_again = waiting.is_suspended().then(|| Instant::now() + ASKS_AGAIN);
                let next = asks_again.into_iter().chain(waiting.until()).min();
                let is_due = alarm.poll(next, || context.waker().clone()).is_err();
                if is_due && next == waiting.until() {
                    // Going on says that its time is over. Tokio's clock counts, which tests move on: by any other there may be some left.
                    waiting.set_deadline(Some(Instant::now()));
                }
                if is_due || asks_again.is_none() && !waiting.get_mut().tasks().waits() {
                    context.waker().wake_by_ref();
                }
                stage = Some(Stage::Waits(waiting));
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error.into_failed().map(Polled::into_inner))),
        }
    })
    .await
}
