//! Serves a page through hyper, over HTTP/2 or HTTP/1.1 by ALPN, on an OpenSSL of the caller's choice.
//!
//! ```sh
//! cargo run -p dlssl-tokio --example https_serve -- [--lib-dir DIR] --cert FILE --key FILE [--listen ADDRESS:PORT]
//! ```
//!
//! It says where it listens and goes on until it is stopped.

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use dlssl::{Acceptor, Identity, Loader};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

type Failure = Box<dyn Error + Send + Sync>;

/// The longest that a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failure> {
    let (mut lib_dir, mut cert, mut key, mut listen) = (None, None, None, "127.0.0.1:0".to_owned());
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
        match option.as_str() {
            "--lib-dir" => lib_dir = Some(value),
            "--cert" => cert = Some(value),
            "--key" => key = Some(value),
            "--listen" => listen = value,
            _ => return Err(format!("no such option: {option}").into()),
        }
    }
    let (Some(cert), Some(key)) = (cert, key) else {
        return Err("usage: https_serve [--lib-dir DIR] --cert FILE --key FILE [--listen ADDRESS:PORT]".into());
    };
    if let Some(directory) = lib_dir {
        // SAFETY: whoever calls this program vouches for the code that lies there.
        dlssl::reload_with(unsafe { Loader::new().directory(directory) })?;
    }
    let acceptor = Acceptor::following(Identity::pem_files(cert, key)).alpn(["h2", "http/1.1"]).build()?;
    let listener = TcpListener::bind(&listen).await?;
    println!("https://{}/ on {}", listener.local_addr()?, acceptor.library().version_text());
    loop {
        let (tcp, peer) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(&acceptor, tcp).await {
                eprintln!("{peer}: {error}");
            }
        });
    }
}

/// Answers one client for as long as it asks.
async fn serve(acceptor: &Acceptor, tcp: TcpStream) -> Result<(), Failure> {
    tcp.set_nodelay(true)?;
    let tls = timeout(HANDSHAKE, dlssl_tokio::accept(acceptor, tcp)).await??;
    let answer = service_fn(|request: Request<Incoming>| async move {
        let text = format!("{} over {:?}\n", request.uri().path(), request.version());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
    });
    auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(tls), answer).await
}
