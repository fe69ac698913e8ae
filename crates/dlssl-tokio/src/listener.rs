//! A listener that hands out connections whose handshake is done, and lets nobody hold up the others.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use dlssl::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use crate::TlsStream;
use crate::accept_error::{AcceptError, Cause};

/// The longest that one handshake may take, unless it is told otherwise.
const LIMIT: Duration = Duration::from_secs(10);

/// The most handshakes at a time, unless it is told otherwise: 28 MiB on OpenSSL 3.0.
const MOST: usize = 512;

/// How long a handshake keeps its place when all are taken and somebody waits for one. Who sends what is due needs less, also
/// from the other side of the world.
const PATIENCE: Duration = Duration::from_secs(1);

/// Until it is tried again, when the system has no connection to give: no descriptors or no memory.
const PAUSE: Duration = Duration::from_millis(100);

/// A TCP listener with TLS on it: [`accept`](Self::accept) gives connections whose handshake is done.
///
/// Handshakes run in tasks of their own, on all threads of the runtime: a slow client holds up nobody. Each has a limit, and so
/// has their number. When all places are taken and the next client waits, the handshake that began first gives up its place,
/// once it is older than a second: so clients that say nothing keep none out, and many honest ones at a time wait for
/// their turn. Sockets send small packets without delay (`TCP_NODELAY`).
///
/// With the feature `axum` it is what `axum::serve` takes. Dropping it ends the handshakes that are in progress.
///
/// # Panics
/// Its methods need a tokio runtime with timers and I/O, as the listener below does.
///
/// # Examples
/// ```no_run
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// use dlssl_tokio::TlsListener;
/// use tokio::io::AsyncWriteExt;
/// use tokio::net::TcpListener;
///
/// let identity = dlssl::Identity::pem_files("chain.pem", "key.pem");
/// let acceptor = dlssl::Acceptor::following(identity).alpn(["h2", "http/1.1"]).build()?;
/// let mut listener = TlsListener::new(TcpListener::bind("0.0.0.0:8443").await?, acceptor);
/// println!("on {}", listener.local_addr()?);
/// loop {
///     let (mut tls, peer) = listener.accept().await;
///     tokio::spawn(async move {
///         tls.write_all(format!("hello, {peer}\n").as_bytes()).await?;
///         tls.shutdown().await
///     });
/// }
/// # }
/// ```
pub struct TlsListener {
    tcp: TcpListener,
    acceptor: Acceptor,
    limit: Duration,
    most: usize,
    on_failure: Box<dyn FnMut(&AcceptError) + Send>,
    handshakes: JoinSet<Ended>,
    /// Those in progress, the oldest first.
    begun: VecDeque<Begun>,
    /// Those that had to make room and have not ended yet.
    displaced: Vec<(Id, SocketAddr)>,
    /// When to look again, with nobody to wake us for it.
    alarm: Option<Pin<Box<Sleep>>>,
    /// The system has no connection to give until then.
    pause: Option<Instant>,
}

/// A handshake that has ended by itself: whose, and with what.
type Ended = (SocketAddr, Result<TlsStream<TcpStream>, Cause>);

struct Begun {
    task: AbortHandle,
    peer: SocketAddr,
    at: Instant,
}

impl TlsListener {
    /// Does what the acceptor says with each client that connects.
    #[must_use]
    pub fn new(tcp: TcpListener, acceptor: Acceptor) -> Self {
        Self {
            tcp,
            acceptor,
            limit: LIMIT,
            most: MOST,
            on_failure: Box::new(|_| ()),
            handshakes: JoinSet::new(),
            begun: VecDeque::new(),
            displaced: Vec::new(),
            alarm: None,
            pause: None,
        }
    }

    /// How long one handshake may take: 10 seconds, unless this says otherwise.
    ///
    /// # Examples
    /// ```no_run
    /// # fn quick(listener: dlssl_tokio::TlsListener) {
    /// let listener = listener.handshake_limit(std::time::Duration::from_secs(3)).most_handshakes(100);
    /// # }
    /// ```
    #[must_use]
    pub fn handshake_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// How many handshakes there may be at a time: 512, unless this says otherwise; at least one. Each takes 50 to 60 KiB
    /// (measured on OpenSSL 3.0) and a descriptor. Further clients wait with the system.
    #[must_use]
    pub fn most_handshakes(mut self, most: usize) -> Self {
        self.most = most.max(1);
        self
    }

    /// Is told of every client that could not be served, and of what the system said when it gave no connection. The
    /// same goes to the `log` facade, under `dlssl::listener`.
    ///
    /// # Examples
    /// ```no_run
    /// # fn talkative(listener: dlssl_tokio::TlsListener) {
    /// let listener = listener.on_failure(|error| eprintln!("{error}"));
    /// # }
    /// ```
    #[must_use]
    pub fn on_failure(mut self, told: impl FnMut(&AcceptError) + Send + 'static) -> Self {
        self.on_failure = Box::new(told);
        self
    }

    /// Waits for the next connection whose handshake is done, and gives it with the peer's address. Those that fail are told to
    /// [`on_failure`](Self::on_failure), and are no end of it.
    ///
    /// Nothing is lost when this is dropped. Handshakes go on without it; new clients are accepted only in it.
    pub async fn accept(&mut self) -> (TlsStream<TcpStream>, SocketAddr) {
        poll_fn(|context| self.poll_accept(context)).await
    }

    /// The same, for who polls: the task of this context is woken when it is worth while to ask again.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn next(listener: &mut dlssl_tokio::TlsListener) {
    /// let (tls, peer) = std::future::poll_fn(|context| listener.poll_accept(context)).await;
    /// # }
    /// ```
    pub fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<(TlsStream<TcpStream>, SocketAddr)> {
        loop {
            while let Poll::Ready(Some(ended)) = self.handshakes.poll_join_next_with_id(context) {
                if let Some(done) = self.ended(ended) {
                    return Poll::Ready(done);
                }
            }
            if self.waits(context) {
                return Poll::Pending;
            }
            match self.tcp.poll_accept(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok((tcp, peer))) => self.begin(tcp, peer),
                Poll::Ready(Err(error)) => self.none_to_accept(error),
            }
        }
    }

    /// Address that it listens on.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Whether no further client is to be accepted for now; the task is woken when that changes.
    fn waits(&mut self, context: &mut Context<'_>) -> bool {
        loop {
            let patience = match self.begun.front() {
                Some(oldest) if self.begun.len() >= self.most => Some(oldest.at + PATIENCE),
                _ => None,
            };
            let now = Instant::now();
            let Some(until) = self.pause.max(patience).filter(|until| *until > now) else {
                (self.pause, self.alarm) = (None, None);
                return false;
            };
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
            if alarm.deadline() != until {
                alarm.as_mut().reset(until);
            }
            if alarm.as_mut().poll(context).is_pending() {
                return true;
            }
            self.alarm = None;
        }
    }

    fn begin(&mut self, tcp: TcpStream, peer: SocketAddr) {
        if self.begun.len() >= self.most
            && let Some(oldest) = self.begun.pop_front()
        {
            oldest.task.abort();
            self.displaced.push((oldest.task.id(), oldest.peer));
        }
        let (acceptor, limit) = (self.acceptor.clone(), self.limit);
        let task = self.handshakes.spawn(async move {
            // A socket that is closed already says so to the handshake too.
            let _ = tcp.set_nodelay(true);
            let outcome = match timeout(limit, crate::accept(&acceptor, tcp)).await {
                Ok(Ok(tls)) => Ok(tls),
                Ok(Err(failed)) => Err(Cause::Handshake(failed.into_error())),
                Err(_) => Err(Cause::Late(limit)),
            };
            (peer, outcome)
        });
        self.begun.push_back(Begun { task, peer, at: Instant::now() });
    }

    /// What comes of a task that has ended.
    fn ended(&mut self, ended: Result<(Id, Ended), JoinError>) -> Option<(TlsStream<TcpStream>, SocketAddr)> {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let place = self.begun.iter().position(|begun| begun.task.id() == id);
        let begun = place.and_then(|place| self.begun.remove(place)).map(|begun| begun.peer);
        let place = self.displaced.iter().position(|(displaced, _)| *displaced == id);
        let displaced = place.map(|place| self.displaced.swap_remove(place).1);
        let (peer, cause) = match ended {
            // Perhaps just before it would have had to go.
            Ok((_, (peer, Ok(tls)))) => return Some((tls, peer)),
            Ok((_, (peer, Err(cause)))) => (Some(peer), cause),
            Err(error) if error.is_panic() => (begun.or(displaced), Cause::Panicked),
            Err(_) => (begun.or(displaced), Cause::Displaced),
        };
        self.fail(&AcceptError::new(peer, cause));
        None
    }

    fn none_to_accept(&mut self, error: io::Error) {
        // One client that has gone again says nothing about the next.
        let is_of_one = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
        );
        if !is_of_one {
            self.pause = Some(Instant::now() + PAUSE);
        }
        self.fail(&AcceptError::new(None, Cause::Listener(error)));
    }

    fn fail(&mut self, error: &AcceptError) {
        let level = if error.peer().is_some() { log::Level::Debug } else { log::Level::Error };
        log::log!(target: "dlssl::listener", level, "{error}");
        (self.on_failure)(error);
    }
}

impl fmt::Debug for TlsListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsListener")
            .field("tcp", &self.tcp)
            .field("handshakes", &self.begun.len())
            .finish_non_exhaustive()
    }
}
