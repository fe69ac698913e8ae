//! Serves a page through hyper, over HTTP/2 or HTTP/1.1 by ALPN, on an OpenSSL of the caller's choice.
//!
//! ```sh
//! cargo run -p dlssl-examples --example https_serve -- [--lib-dir DIR] --cert FILE --key FILE [--listen ADDRESS:PORT]
//! ```
//!
//! It says where it listens and goes on until it is stopped.

use std::convert::Infallible;
use std::process::ExitCode;

use dlssl::{Acceptor, Identity};
use dlssl_examples::{Arguments, Failure};
use dlssl_tokio::TlsListener;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;

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

    // A client may leave without a farewell: where a request ends is said by HTTP itself.
    let acceptor = Acceptor::following(Identity::pem_files(cert, key))
        .alpn(["h2", "http/1.1"])
        .tolerate_missing_close_notify(true)
        .build()?;
    let library = acceptor.library();
    let listener = TlsListener::new(TcpListener::bind(listen).await?, acceptor);
    let mut listener = listener.on_failure(|error| eprintln!("{error}"));
    println!("https://{}/ on {}", listener.local_addr()?, library.version_text());
    loop {
        let (tls, peer) = listener.accept().await;
        tokio::spawn(async move {
            let served =
                auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(tls), service_fn(answer)).await;
            if let Err(error) = served {
                eprintln!("{peer}: {}", dlssl_examples::in_full(&*error));
            }
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = format!("{} over {:?}\n", request.uri().path(), request.version());
    Ok(Response::new(Full::new(Bytes::from(text))))
}
