//! Gets a page through hyper, over HTTP/2 or HTTP/1.1 by ALPN, on an OpenSSL of the caller's choice.
//!
//! ```sh
//! cargo run -p dlssl-examples --example https_get -- [--lib-dir DIR] [--ca FILE] [--http1] https://HOST[:PORT]/PATH
//! ```
//!
//! The page goes to standard output, what it came by to standard error.

use std::io::Write;
use std::process::ExitCode;

use dlssl::{Connector, Roots};
use dlssl_examples::{Arguments, Failure};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::HOST;
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const USAGE: &str = "https_get [--lib-dir DIR] [--ca FILE] [--http1] https://HOST[:PORT]/PATH";

type Fallible<T> = Result<T, Failure>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    dlssl_examples::end(run().await)
}

async fn run() -> Fallible<()> {
    let mut arguments = Arguments::of_program(USAGE)?;
    let ca: Option<String> = arguments.value("--ca")?;
    let http1 = arguments.flag("--http1");
    let uri: Uri = arguments.last("address")?;
    let protocols: &[&str] = if http1 { &["http/1.1"] } else { &["h2", "http/1.1"] };
    let mut connector = Connector::following().alpn(protocols.iter().copied());
    if let Some(file) = ca {
        connector = connector.roots(Roots::file(file));
    }
    let (response, connection) = get(&connector.build()?, &uri).await?;
    if !response.status().is_success() {
        return Err(format!("the server says {}", response.status()).into());
    }
    let page = response.into_body().collect().await?.to_bytes();
    std::io::stdout().write_all(&page)?;
    // So that the server sees an orderly end.
    connection.await??;
    Ok(())
}

/// Asks for one page; what drives its connection ends when the answer has been read.
async fn get(connector: &Connector, uri: &Uri) -> Fallible<(Response<Incoming>, JoinHandle<hyper::Result<()>>)> {
    if uri.scheme_str() != Some("https") {
        return Err(format!("{uri} is not an https address").into());
    }
    let host = uri.host().ok_or("the address has no host")?;
    // An IPv6 address stands in brackets there.
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let tcp = TcpStream::connect((name, uri.port_u16().unwrap_or(443))).await?;
    tcp.set_nodelay(true)?;
    let tls = dlssl_tokio::connect(connector, name, tcp).await?;

    let known = tls.get_ref();
    let is_http2 = known.alpn() == Some(b"h2");
    let http = if is_http2 { "HTTP/2" } else { "HTTP/1.1" };
    eprintln!("{http}, {} {}, on {}", known.protocol_name(), known.cipher(), known.library().version_text());

    let request = Request::get(uri.clone());
    if is_http2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls)).await?;
        let connection = tokio::spawn(connection);
        Ok((sender.send_request(request.body(Empty::<Bytes>::new())?).await?, connection))
    } else {
        let authority = uri.authority().ok_or("the address has no host")?.as_str();
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = request.uri(path).header(HOST, authority).body(Empty::<Bytes>::new())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
        let connection = tokio::spawn(connection);
        Ok((sender.send_request(request).await?, connection))
    }
}
