//! `dlssl connect` against gnutls-serv: a peer of another family.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::ExitCode;

use dlssl_tests::client::{Client, combinations};
use dlssl_tests::harness::run;
use dlssl_tests::peers::gnutls_server;
use dlssl_tests::pki::Pki;

fn main() -> ExitCode {
    let mut tests = combinations("echo", |tls, bio| {
        let server = gnutls_server(Pki::shared(), &["--echo", "--priority", tls.gnutls_priority()]);
        let mut client = Client::start(server.port(), bio, &[]);
        client.write(b"who is there?\n");
        client.expect("who is there?");
        client.write(b"only me\n");
        client.expect("only me");
        client.end(tls);
    });
    tests.extend(combinations("page", |tls, bio| {
        let server = gnutls_server(Pki::shared(), &["--http", "--priority", tls.gnutls_priority()]);
        let client = Client::start(server.port(), bio, &[]);
        client.get("GnuTLS", tls);
    }));
    run(tests.into_iter().map(|t| t.needs("gnutls-serv")).collect())
}
