//! Works on tokio: dlssl-tokio beside tokio-openssl, on one thread of one runtime, in turns.

use std::error::Error;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::process::Command;
use std::task::Poll;
use std::time::Duration;

use dlssl::{Acceptor, Connector, Identity, Roots};
use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::{Builder, Runtime};

use crate::clock::OwnTime;
use crate::peers;
use crate::pki::{NAME, Pki};
use crate::turns::{at, median};
use crate::works::{RECORD, resident};

/// Connections of the ping-pong.
const MANY: usize = 64;

/// The peers, the first being the one to compare with.
pub const NAMES: [&str; 2] = ["tokio-openssl", "dlssl-tokio"];

/// What tasks read and write.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// A TLS implementation for tokio.
trait Tls {
    /// Both ends of a connection, after their handshakes.
    async fn shake<S: Stream>(&self, ends: (S, S)) -> (impl Stream, impl Stream);
}

struct Ours {
    connector: Connector,
    acceptor: Acceptor,
}

impl Ours {
    fn new(pki: &Pki, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let library = peers::load(folder)?;
        let identity = Identity::pem(pki.leaf_pem.clone(), pki.key_pem.clone());
        let connector = Connector::builder(&library).roots(Roots::pem(pki.root_pem.clone()));
        Ok(Ours {
            connector: connector.session_cache(false).build()?,
            acceptor: Acceptor::builder(&library, identity).build()?,
        })
    }
}

impl Tls for Ours {
    async fn shake<S: Stream>(&self, (client, server): (S, S)) -> (impl Stream, impl Stream) {
        let client = dlssl_tokio::connect(&self.connector, NAME, client);
        let ends = tokio::join!(client, dlssl_tokio::accept(&self.acceptor, server));
        (ends.0.expect("a handshake"), ends.1.expect("a handshake"))
    }
}

struct TokioOpenssl {
    client: SslContext,
    server: SslContext,
}

impl TokioOpenssl {
    fn new(pki: &Pki) -> Result<Self, Box<dyn Error>> {
        let mut client = SslContextBuilder::new(SslMethod::tls_client())?;
        client.cert_store_mut().add_cert(X509::from_pem(pki.root_pem.as_bytes())?)?;
        client.set_verify(SslVerifyMode::PEER);
        let mut server = SslContextBuilder::new(SslMethod::tls_server())?;
        server.set_certificate(&*X509::from_pem(pki.leaf_pem.as_bytes())?)?;
        server.set_private_key(&*PKey::private_key_from_pem(pki.key_pem.as_bytes())?)?;
        Ok(TokioOpenssl { client: client.build(), server: server.build() })
    }
}

impl Tls for TokioOpenssl {
    async fn shake<S: Stream>(&self, (client, server): (S, S)) -> (impl Stream, impl Stream) {
        let mut ssl = Ssl::new(&self.client).expect("a connection");
        ssl.set_hostname(NAME).expect("SNI");
        ssl.param_mut().set_host(NAME).expect("a name to check");
        let mut client = tokio_openssl::SslStream::new(ssl, client).expect("a stream");
        let ssl = Ssl::new(&self.server).expect("a connection");
        let mut server = tokio_openssl::SslStream::new(ssl, server).expect("a stream");
        let ends = tokio::join!(Pin::new(&mut client).connect(), Pin::new(&mut server).accept());
        ends.0.expect("a handshake");
        ends.1.expect("a handshake");
        (client, server)
    }
}

/// What is done.
#[derive(Clone, Copy)]
enum Work {
    /// Full records from one task to another.
    Bulk { tcp: bool },
    /// One byte to and fro on 64 connections at a time.
    PingPong { tcp: bool },
}

const WORKS: [(&str, Work, usize); 4] = [
    ("bulk, socketpair", Work::Bulk { tcp: false }, 500),
    ("bulk, TCP", Work::Bulk { tcp: true }, 500),
    ("ping-pong of 1 B on 64 connections, socketpair", Work::PingPong { tcp: false }, 1000),
    ("ping-pong of 1 B on 64 connections, TCP", Work::PingPong { tcp: true }, 1000),
];

impl Work {
    /// Does it this many times; the thread's time for that.
    fn run(self, tls: &impl Tls, times: usize) -> Duration {
        let runtime = runtime();
        match self {
            Work::Bulk { tcp: false } => runtime.block_on(async { bulk(tls.shake(unix_pair()).await, times).await }),
            Work::Bulk { tcp: true } => {
                runtime.block_on(async { bulk(tls.shake(tcp_pair().await).await, times).await })
            }
            Work::PingPong { tcp } => runtime.block_on(async {
                // Both ends are of two types: so are their tasks.
                let mut ready = Vec::new();
                for _ in 0..MANY {
                    let (begin, begins) = tokio::sync::oneshot::channel();
                    let times = times / MANY;
                    let tasks = if tcp {
                        let (client, server) = tls.shake(tcp_pair().await).await;
                        players(client, server, begins, times).await
                    } else {
                        let (client, server) = tls.shake(unix_pair()).await;
                        players(client, server, begins, times).await
                    };
                    ready.push((begin, tasks));
                }
                let start = OwnTime::now();
                let mut tasks = Vec::new();
                for (begin, players) in ready {
                    let _ = begin.send(());
                    tasks.extend(players);
                }
                for task in tasks {
                    task.await.expect("a task that does not panic");
                }
                start.elapsed()
            }),
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn unix_pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("a socketpair")
}

async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port on the loopback");
    let client = TcpStream::connect(listener.local_addr().expect("its address")).await.expect("a connection");
    let (server, _) = listener.accept().await.expect("a connection");
    for socket in [&client, &server] {
        socket.set_nodelay(true).expect("an option of TCP");
    }
    (client, server)
}

/// A byte each way: what comes after the handshake is then behind us.
async fn settle(client: &mut impl Stream, server: &mut impl Stream) {
    for _ in 0..2 {
        server.write_all(&[1]).await.expect("an open connection");
        client.read_exact(&mut [0]).await.expect("an open connection");
        client.write_all(&[1]).await.expect("an open connection");
        server.read_exact(&mut [0]).await.expect("an open connection");
    }
}

async fn bulk((mut client, mut server): (impl Stream, impl Stream), times: usize) -> Duration {
    settle(&mut client, &mut server).await;
    let start = OwnTime::now();
    let writer = tokio::spawn(async move {
        let message = vec![0x5a; RECORD];
        for _ in 0..times {
            client.write_all(&message).await.expect("an open connection");
        }
        client.flush().await.expect("an open connection");
        client
    });
    let mut received = vec![0; RECORD];
    for _ in 0..times {
        server.read_exact(&mut received).await.expect("an open connection");
    }
    let elapsed = start.elapsed();
    drop(writer.await);
    elapsed
}

type Task = tokio::task::JoinHandle<()>;

async fn players(
    mut client: impl Stream,
    mut server: impl Stream,
    begins: tokio::sync::oneshot::Receiver<()>,
    times: usize,
) -> [Task; 2] {
    settle(&mut client, &mut server).await;
    let asks = tokio::spawn(async move {
        let _ = begins.await;
        for _ in 0..times {
            client.write_all(&[1]).await.expect("an open connection");
            client.read_exact(&mut [0]).await.expect("an open connection");
        }
    });
    let answers = tokio::spawn(async move {
        for _ in 0..times {
            server.read_exact(&mut [0]).await.expect("an open connection");
            server.write_all(&[1]).await.expect("an open connection");
        }
    });
    [asks, answers]
}

/// Holds many pairs, each of which has exchanged `bytes` each way and is waited for by a read: resident KiB for one pair.
fn hold(tls: &impl Tls, pairs: usize, bytes: usize) -> f64 {
    runtime().block_on(async {
        let message = vec![0x5a; bytes];
        let mut received = vec![0; bytes];
        let mut all: Vec<Box<dyn Stream>> = Vec::new();
        let mut before = 0.0;
        for at in 0..50 + pairs {
            // What the first few cost once and for all is not theirs.
            if at == 50 {
                before = resident();
            }
            let (mut client, mut server) = tls.shake(unix_pair()).await;
            settle(&mut client, &mut server).await;
            client.write_all(&message).await.expect("an open connection");
            server.read_exact(&mut received).await.expect("an open connection");
            server.write_all(&message).await.expect("an open connection");
            client.read_exact(&mut received).await.expect("an open connection");
            waits(&mut client).await;
            waits(&mut server).await;
            all.push(Box::new(client));
            all.push(Box::new(server));
        }
        (resident() - before) / pairs as f64
    })
}

/// Begins a read that nothing comes for.
async fn waits(stream: &mut impl Stream) {
    poll_fn(|context| {
        assert!(Pin::new(&mut *stream).poll_read(context, &mut ReadBuf::new(&mut [0])).is_pending());
        Poll::Ready(())
    })
    .await;
}

/// Resident KiB for an idle pair of one peer, in this process.
pub fn held(name: &str, pki: &Pki, folder: &Path, pairs: usize, bytes: usize) -> Result<f64, Box<dyn Error>> {
    Ok(match name {
        "tokio-openssl" => hold(&TokioOpenssl::new(pki)?, pairs, bytes),
        "dlssl-tokio" => hold(&Ours::new(pki, folder)?, pairs, bytes),
        other => return Err(format!("no such peer: {other}; there are {NAMES:?}").into()),
    })
}

/// One work of one peer.
pub fn work(name: &str, pki: &Pki, folder: &Path, work: usize, times: usize) -> Result<(), Box<dyn Error>> {
    let (_, work, _) = WORKS.get(work).ok_or("no such work")?;
    match name {
        "tokio-openssl" => work.run(&TokioOpenssl::new(pki)?, times),
        "dlssl-tokio" => work.run(&Ours::new(pki, folder)?, times),
        other => return Err(format!("no such peer: {other}; there are {NAMES:?}").into()),
    };
    Ok(())
}

/// All of it: tables on standard output.
pub fn suite(pki: &Pki, folder: &Path, rounds: usize, turn: Duration, pairs: usize) -> Result<(), Box<dyn Error>> {
    let (theirs, ours) = (TokioOpenssl::new(pki)?, Ours::new(pki, folder)?);
    println!("{}, {rounds} rounds\n", peers::same_library(folder)?);
    println!("| tokio, one thread | tokio-openssl | dlssl-tokio | speed: tokio-openssl = 1 | middle half |");
    println!("|---|---|---|---|---|");
    for (name, work, guess) in WORKS {
        let once = work.run(&theirs, guess);
        let times = (guess as f64 * turn.as_secs_f64() / once.as_secs_f64().max(1e-6)).ceil() as usize;
        let (mut base, mut own, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            // Who begins changes.
            let (a, b) = if round % 2 == 0 {
                let a = work.run(&theirs, times);
                (a, work.run(&ours, times))
            } else {
                let b = work.run(&ours, times);
                (work.run(&theirs, times), b)
            };
            base.push(a.as_secs_f64() * 1e9 / times as f64);
            own.push(b.as_secs_f64() * 1e9 / times as f64);
            ratios.push(a.as_secs_f64() / b.as_secs_f64());
        }
        ratios.sort_by(f64::total_cmp);
        println!(
            "| {name} | {:.0} ns | {:.0} ns | {:.2} | {:.2} to {:.2} |",
            median(&base),
            median(&own),
            median(&ratios),
            at(&ratios, 1, 4),
            at(&ratios, 3, 4)
        );
    }
    println!("\n| resident KiB for an idle pair, of {pairs} | dlssl, blocking | dlssl-tokio | tokio-openssl |");
    println!("|---|---|---|---|");
    for bytes in [1, RECORD] {
        let of = |name: &str| -> Result<f64, Box<dyn Error>> {
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("held").arg(folder).args([name, &pairs.to_string(), &bytes.to_string()]);
            Ok(String::from_utf8(command.output()?.stdout)?.trim().parse()?)
        };
        println!(
            "| after {bytes} B each way | {:.1} | {:.1} | {:.1} |",
            of("dlssl")?,
            of("dlssl-tokio")?,
            of("tokio-openssl")?
        );
    }
    Ok(())
}
