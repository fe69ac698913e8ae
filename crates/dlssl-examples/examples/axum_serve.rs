//! Serves pages with axum, over HTTP/2 or HTTP/1.1 by ALPN, on an OpenSSL of the caller's choice.
//!
//! ```sh
//! cargo run -p dlssl-examples --example axum_serve -- [--lib-dir DIR] --cert FILE --key FILE [--client-ca FILE]
//!     [--listen ADDRESS:PORT]
//! ```
//!
//! With `--client-ca`, clients may show a certificate, which must be by one of these. It says where it listens and goes on until
//! its standard input ends; then it lets those finish who are being served.

use std::process::ExitCode;

use axum::Router;
use axum::extract::{ConnectInfo, Path};
use axum::http::Version;
use axum::routing::get;
use dlssl::{Acceptor, Identity, Roots};
use dlssl_examples::{Arguments, Failure};
use dlssl_tokio::{TlsListener, TlsPeer};
use tokio::net::TcpListener;

const USAGE: &str = "axum_serve [--lib-dir DIR] --cert FILE --key FILE [--client-ca FILE] [--listen ADDRESS:PORT]";

#[tokio::main]
async fn main() -> ExitCode {
    dlssl_examples::end(run().await)
}

async fn run() -> Result<(), Failure> {
    let mut arguments = Arguments::of_program(USAGE)?;
    let (cert, key): (String, String) = (arguments.needed("--cert")?, arguments.needed("--key")?);
    let listen = arguments.value("--listen")?.unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let client_ca: Option<String> = arguments.value("--client-ca")?;
    arguments.none()?;

    // A client may leave without a farewell: where a request ends is said by HTTP itself.
    let mut acceptor = Acceptor::following(Identity::pem_files(cert, key))
        .alpn(["h2", "http/1.1"])
        .tolerate_missing_close_notify(true);
    if let Some(file) = client_ca {
        acceptor = acceptor.optional_client_roots(Roots::file(file));
    }
    let acceptor = acceptor.build()?;
    let library = acceptor.library();
    let listener = TlsListener::new(TcpListener::bind(listen).await?, acceptor);
    let listener = listener.on_failure(|error| eprintln!("{error}"));
    println!("https://{}/ on {}", listener.local_addr()?, library.version_text());

    let pages = Router::new().route("/who", get(who)).route("/hello/{name}", get(hello));
    axum::serve(listener, pages.into_make_service_with_connect_info::<TlsPeer>())
        .with_graceful_shutdown(end_of_input())
        .await?;
    println!("ended");
    Ok(())
}

async fn hello(Path(name): Path<String>, version: Version) -> String {
    format!("hello, {name}, over {version:?}\n")
}

async fn who(ConnectInfo(peer): ConnectInfo<TlsPeer>) -> String {
    let tls = peer.tls();
    let name = tls.peer_certificate().map_or_else(|| "somebody".to_owned(), ToString::to_string);
    format!("{name} by {} on {}\n", tls.protocol_name(), tls.library().version_text())
}

/// Until whoever started us closes it.
async fn end_of_input() {
    let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
}
