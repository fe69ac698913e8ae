//! Serves a page through hyper, over HTTP/2 or HTTP/1.1 by ALPN, on an OpenSSL of the caller's choice.
//!
//! ```sh
//! cargo run -p dlssl-examples --example https_serve -- [--lib-dir DIR] --cert FILE --key FILE [--listen ADDRESS:PORT]
//! ```
//!
//! It says where it listens and goes on until it is stopped.

use std::convert::Infallible;
use std::process::ExitCode;
use std::time::Duration;

use dlssl::{Acceptor, Identity};
use dlssl_examples::{Arguments, Failure};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The longest that a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

const USAGE: &str = "https_serve [--lib-dir DIR] --cert FILE --key FILE [--listen ADDRESS:PORT]";

#[tokio::main]
async fn main() -> ExitCode {
    dlssl_examples::end(run().await)
}

async fn run() -> Result<(), Failure> {
    let mut arguments = Arguments::of_program(USAGE)?;
    let (cert, key): (String, String) = (arguments.needed("--cert")?, arguments.needed("--key")?);
    let listen = arguments.value("--listen")?.unwrap_or_else(|| "127.0.0.1:0".to_owned());
    arguments.none()?;
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
