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
use dlssl_tokio::{HttpsConnector, TlsInfo};
use http_body_util::{BodyExt, Empty};
use hyper::Uri;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

const USAGE: &str = "https_get [--lib-dir DIR] [--ca FILE] [--http1] https://HOST[:PORT]/PATH";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    dlssl_examples::end(run().await)
}

async fn run() -> Result<(), Failure> {
    let mut arguments = Arguments::of_program(USAGE)?;
    let protocols: &[&str] = if arguments.flag("--http1") { &["http/1.1"] } else { &["h2", "http/1.1"] };
    let mut tls = Connector::following().alpn(protocols);
    if let Some(file) = arguments.value::<String>("--ca")? {
        tls = tls.roots(Roots::file(file));
    }
    let address: Uri = arguments.last("address")?;

    let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(HttpsConnector::new(tls.build()?));
    let answer = client.get(address).await?;
    if let Some(tls) = answer.extensions().get::<TlsInfo>() {
        let (protocol, cipher, library) = (tls.protocol_name(), tls.cipher(), tls.library().version_text());
        eprintln!("{:?}, {protocol} {cipher}, on {library}", answer.version());
    }
    if !answer.status().is_success() {
        return Err(format!("the server says {}", answer.status()).into());
    }
    let page = answer.into_body().collect().await?.to_bytes();
    Ok(std::io::stdout().write_all(&page)?)
}
