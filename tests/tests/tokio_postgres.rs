//! tokio-postgres over our streams to a real PostgreSQL: channel binding, refusals, a library that is exchanged, a man in the middle.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::error::Error as _;
use std::process::ExitCode;
use std::sync::{Arc, RwLock};

use dlssl::{Connector, ConnectorBuilder, ErrorKind, Roots, Slot};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{library, loader};
use dlssl_tests::openssl_pki::OpensslPki;
use dlssl_tests::pki::{Authority, NAME, Pair, Pki};
use dlssl_tests::postgres::{PASSWORD, Postgres, USER};
use dlssl_tests::talk::{connector, protocols};
use dlssl_tests::tasks::block_on;
use dlssl_tokio::{PostgresConnector, PostgresHandshake};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error};

/// One server for all tests. Who has it shown another certificate has it alone.
static SERVER: RwLock<Option<Postgres>> = RwLock::new(None);

fn main() -> ExitCode {
    let outcome = run([
        test("bound_on_each_protocol", bound),
        test("another_certificate_is_refused", refused),
        test("no_name_no_connection", no_name),
        test("wrong_password", wrong_password),
        test("raw_connection_with_settings_of_its_own", raw),
        test("another_library_in_the_middle_of_a_pool", reloaded),
        test("the_man_in_the_middle_is_found_out", middle),
        test("each_digest", digests).needs("openssl"),
    ]
    .into_iter()
    .map(|test| test.needs("postgres").needs("initdb").needs("sh"))
    .collect());
    SERVER.write().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    outcome
}

/// With the server, which others use at the same time.
fn with_server(use_it: impl FnOnce(&Postgres)) {
    {
        let mut server = SERVER.write().unwrap();
        if server.is_none() {
            *server = Some(Postgres::start(&Pki::shared().server));
        }
    }
    use_it(SERVER.read().unwrap().as_ref().unwrap());
}

fn config(port: u16) -> Config {
    let mut config = Config::new();
    config.host(NAME).hostaddr([127, 0, 0, 1].into()).port(port).user(USER).password(PASSWORD).dbname("postgres");
    config.ssl_mode(SslMode::Require).channel_binding(ChannelBinding::Require);
    config
}

/// By this connector; the connection itself is a task of the runtime's.
async fn connect(config: &Config, connector: ConnectorBuilder) -> Result<Client, Error> {
    let (client, connection) = config.connect(PostgresConnector::new(connector.build().unwrap())).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn protocol_of(client: &Client) -> String {
    let row = client.query_one("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).await.unwrap();
    row.get(0)
}

/// The code that the server refused with.
fn code(error: &Error) -> Option<&SqlState> {
    error.as_db_error().map(|error| error.code())
}

/// What dlssl said, below what tokio-postgres says.
fn ours(error: &Error) -> ErrorKind {
    error.source().and_then(|source| source.downcast_ref::<dlssl::Error>()).expect("an error of dlssl's").kind()
}

fn bound() {
    with_server(|server| {
        for protocol in protocols() {
            block_on(async {
                let client = connect(&config(server.port()), connector().max_protocol(protocol)).await.unwrap();
                assert_eq!(protocol_of(&client).await, protocol.to_string().replace("TLS ", "TLSv"));
                // More than one record each way.
                let long = "x".repeat(200_000);
                let row = client.query_one("SELECT $1::text || '.'", &[&long]).await.unwrap();
                assert_eq!(row.get::<_, String>(0), long + ".");
            });
        }
    });
}

fn refused() {
    with_server(|server| {
        block_on(async {
            let other = Authority::new("another");
            let stranger = Connector::builder(library()).roots(other.roots());
            assert_eq!(ours(&connect(&config(server.port()), stranger).await.unwrap_err()), ErrorKind::Certificate);
            let mut misnamed = Config::new();
            misnamed.host("other.test").hostaddr([127, 0, 0, 1].into()).port(server.port());
            misnamed.user(USER).password(PASSWORD).ssl_mode(SslMode::Require);
            assert_eq!(ours(&connect(&misnamed, connector()).await.unwrap_err()), ErrorKind::Certificate);
        });
    });
}

fn no_name() {
    with_server(|server| {
        block_on(async {
            let mut config = Config::new();
            config.hostaddr([127, 0, 0, 1].into()).port(server.port()).user(USER).ssl_mode(SslMode::Require);
            assert!(connect(&config, connector()).await.is_err());
            let mut config = config.clone();
            config.host("not a name");
            assert_eq!(ours(&connect(&config, connector()).await.unwrap_err()), ErrorKind::InvalidName);
        });
    });
}

fn wrong_password() {
    with_server(|server| {
        block_on(async {
            let mut config = config(server.port());
            config.password("a password");
            let error = connect(&config, connector()).await.unwrap_err();
            assert_eq!(code(&error), Some(&SqlState::INVALID_PASSWORD), "{error:?}");
        });
    });
}

fn raw() {
    with_server(|server| {
        block_on(async {
            let tcp = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
            let configuration = connector().build().unwrap().configure(NAME).unwrap();
            let late = PostgresHandshake::new(configuration.clone().deadline(std::time::Instant::now()));
            let again = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
            let error = config(server.port()).connect_raw(again, late).await.map(drop).unwrap_err();
            assert_eq!(ours(&error), ErrorKind::TimedOut);
            let handshake = PostgresHandshake::new(configuration);
            let (client, connection) = config(server.port()).connect_raw(tcp, handshake).await.unwrap();
            tokio::spawn(connection);
            client.simple_query("SELECT 1").await.unwrap();
        });
    });
}

/// What is open goes on with the library that it began with; what is new takes the new one.
fn reloaded() {
    with_server(|server| {
        block_on(async {
            let slot = Arc::new(Slot::new(loader()));
            let following =
                Connector::following_slot(Arc::clone(&slot)).roots(Pki::shared().authority.roots()).build().unwrap();
            let tls = PostgresConnector::new(following);
            let mut pool = Vec::new();
            for round in 0..4 {
                let (client, connection) = config(server.port()).connect(tls.clone()).await.unwrap();
                tokio::spawn(connection);
                pool.push(client);
                if round == 1 {
                    let before = slot.current().unwrap().generation();
                    assert_ne!(slot.reload().unwrap().new_library().generation(), before);
                }
                for client in &pool {
                    client.simple_query("SELECT 1").await.unwrap();
                }
            }
        });
    });
}

/// Plays the server's part with a certificate of his own, and the client's part with the server.
async fn relay(listener: TcpListener, port: u16) {
    let (mut client, _) = listener.accept().await.unwrap();
    let mut request = [0; 8];
    client.read_exact(&mut request).await.unwrap();
    client.write_all(b"S").await.unwrap();
    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    server.write_all(&request).await.unwrap();
    server.read_exact(&mut request[..1]).await.unwrap();
    assert_eq!(request[0], b'S');
    let mut server = dlssl_tokio::connect(&connector().build().unwrap(), NAME, server).await.unwrap();
    let mut client = dlssl_tokio::accept(&acceptor_of_his_own(), client).await.unwrap();
    // However it ends.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

fn acceptor_of_his_own() -> dlssl::Acceptor {
    let other = Authority::new("the man in the middle").issue(&dlssl_tests::pki::Leaf::server(NAME));
    dlssl::Acceptor::builder(library(), other.identity()).build().unwrap()
}

fn middle() {
    with_server(|server| {
        block_on(async {
            // He gets through where nothing is bound: so it is the binding that finds him out.
            for (binding, gets_through) in [(ChannelBinding::Disable, true), (ChannelBinding::Require, false)] {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                let port = listener.local_addr().unwrap().port();
                let relay = tokio::spawn(relay(listener, server.port()));
                let mut config = config(port);
                config.channel_binding(binding);
                let gullible = connector().danger_accept_invalid_certificates(true);
                match connect(&config, gullible).await {
                    Ok(client) => {
                        assert!(gets_through);
                        client.simple_query("SELECT 1").await.unwrap();
                    }
                    Err(error) => {
                        assert!(!gets_through, "{error:?}");
                        let said = error.as_db_error().expect("the server's word").message().to_owned();
                        assert!(said.contains("channel binding"), "{said}");
                    }
                }
                relay.abort();
            }
        });
    });
}

/// The server computes the binding by itself: both have the same idea of which digest it is.
fn digests() {
    let pki = OpensslPki::new();
    with_server(|_| ());
    let mut server = SERVER.write().unwrap();
    let server = server.as_mut().unwrap();
    for digest in ["-sha256", "-sha384", "-sha512", "-sha1", "-md5"] {
        let pair = self_signed(&pki, digest);
        server.show(&pair);
        block_on(async {
            let trusting = Connector::builder(library())
                .roots(Roots::pem(pair.chain.clone()))
                .danger_accept_weak_certificates(true);
            let client = connect(&config(server.port()), trusting).await;
            client.unwrap_or_else(|error| panic!("{digest}: {error:?}\n{}", server.log()));
        });
    }
    server.show(&Pki::shared().server);
}

/// Its own root: of its signature nobody asks that it be a good one.
fn self_signed(pki: &OpensslPki, digest: &str) -> Pair {
    let (certificate, key) = (pki.path("self.crt"), pki.path("self.key"));
    let mut command = dlssl_tests::process::foreign("openssl");
    command.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", digest, "-subj", "/CN=self"]);
    command.args(["-addext", &format!("subjectAltName=DNS:{NAME}"), "-out"]).arg(&certificate).arg("-keyout").arg(&key);
    dlssl_tests::process::run(&mut command, b"").success();
    let read = |file| std::fs::read_to_string(file).unwrap();
    Pair { chain: read(&certificate), key: read(&key), der: Vec::new() }
}
