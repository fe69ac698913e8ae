//! `dlssl connect` against nginx.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl_tests::client::{Client, combinations};
use dlssl_tests::harness::run;
use dlssl_tests::peers::nginx;
use dlssl_tests::pki::Pki;
use tempfile::TempDir;

fn main() -> ExitCode {
    let mut tests = combinations("page", |tls, bio| {
        let home = TempDir::new().unwrap();
        let protocols = format!("TLSv{}", tls.number());
        let server = nginx(Pki::shared(), home.path(), &protocols, "greetings from nginx\\n");
        let client = Client::start(server.port(), bio, &[]);
        client.get("greetings from nginx", tls);
    });
    // One request after another on one connection.
    tests.extend(combinations("kept_alive", |tls, bio| {
        let home = TempDir::new().unwrap();
        let protocols = format!("TLSv{}", tls.number());
        let server = nginx(Pki::shared(), home.path(), &protocols, "page of $request_uri;");
        let mut client = Client::start(server.port(), bio, &["--alpn", "http/1.1"]);
        for page in ["/one", "/two", "/three"] {
            client.write(format!("GET {page} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
            client.expect(&format!("page of {page};"));
        }
        client.end(tls);
    }));
    run(tests.into_iter().map(|t| t.needs("nginx")).collect())
}
