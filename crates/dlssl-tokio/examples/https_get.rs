//! Gets a page through hyper, over HTTP/2 or HTTP/1.1 by ALPN, on an OpenSSL of the caller's choice.
//!
//! ```sh
//! cargo run -p dlssl-tokio --example https_get -- [--lib-dir DIR] [--ca FILE] [--http1] https://HOST[:PORT]/PATH
//! ```
//!
//! The page goes to standard output, what it came by to standard error.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use dlssl::{Connector, Loader, Roots};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::HOST;
use hyper::{Request, Response, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

type Fallible<T> = Result<T, Box<dyn Error>>;

#[derive(Default)]
struct Options {
    lib_dir: Option<String>,
    ca: Option<String>,
    http1: bool,
    url: String,
}

fn options() -> Fallible<Options> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--lib-dir" => options.lib_dir = Some(value()?),
            "--ca" => options.ca = Some(value()?),
            "--http1" => options.http1 = true,
            option if option.starts_with('-') => return Err(format!("no such option: {option}").into()),
            _ => options.url = argument,
        }
    }
    if options.url.is_empty() {
        return Err("usage: https_get [--lib-dir DIR] [--ca FILE] [--http1] https://HOST[:PORT]/PATH".into());
    }
    Ok(options)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Fallible<()> {
    let options = options()?;
    if let Some(directory) = &options.lib_dir {
        // SAFETY: whoever calls this program vouches for the code that lies there.
        dlssl::reload_with(unsafe { Loader::new().directory(directory) })?;
    }
    let protocols: &[&str] = if options.http1 { &["http/1.1"] } else { &["h2", "http/1.1"] };
    let mut connector = Connector::following().alpn(protocols.iter().copied());
    if let Some(file) = &options.ca {
        connector = connector.roots(Roots::file(file));
    }
    let (response, connection) = get(&connector.build()?, &options.url.parse()?).await?;
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
