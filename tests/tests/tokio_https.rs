//! The connector for hyper's client: HTTP/2 and HTTP/1.1, addresses, what is refused, limits, proxies, reloads under a pool.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::future::{Future, pending};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use dlssl::{Acceptor, Connector, ErrorKind, Loader, Slot};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{OTHER_LIB_DIR, library, loader};
use dlssl_tests::pki::{Authority, Leaf, NAME, Pki};
use dlssl_tests::talk::{acceptor, connector, pattern};
use dlssl_tests::tasks::block_on;
use dlssl_tokio::{HttpsConnector, HttpsError, HttpsErrorKind, HttpsStream, TlsInfo, TlsListener};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri, Version};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connect, HttpConnector, capture_connection};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

fn main() -> ExitCode {
    let other = std::env::var_os(OTHER_LIB_DIR).is_some_and(|folder| !folder.is_empty());
    let has_ipv6 = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    run(vec![
        test("http2_or_http1_as_alpn_agrees", versions),
        test("a_megabyte_each_way", bulk),
        test("names_and_addresses", || names(Ipv4Addr::LOCALHOST.into(), "127.0.0.1")),
        test("addresses_in_brackets", || names(Ipv6Addr::LOCALHOST.into(), "[::1]"))
            .only_if(has_ipv6, || "no IPv6 on the loopback".to_owned()),
        test("a_stranger_is_a_typed_error", stranger),
        test("plain_http_is_refused_unless_allowed", plain),
        test("bad_addresses_reach_no_network", bad_addresses),
        test("connecting_and_handshake_have_a_limit", limits),
        test("through_a_proxy", proxy),
        test("a_pool_goes_on_and_new_connections_follow_a_reload", reload),
        test("a_new_connection_takes_the_other_version", reload_to_another)
            .needs_linux()
            .only_if(other, || format!("{OTHER_LIB_DIR} is not set")),
    ])
}

type Https<C> = Client<HttpsConnector<C>, Full<Bytes>>;

fn client<C>(connector: HttpsConnector<C>) -> Https<C>
where
    HttpsConnector<C>: Connect + Clone + Send + Sync + 'static,
{
    Client::builder(TokioExecutor::new()).build(connector)
}

/// A connector below that knows one address, and how often it was asked.
#[derive(Clone)]
struct Dial(SocketAddr, Arc<AtomicUsize>);

impl Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        self.1.fetch_add(1, Ordering::SeqCst);
        let address = self.0;
        Box::pin(async move { TcpStream::connect(address).await.map(TokioIo::new) })
    }
}

/// A connector for the server's usual name, and how many connections it made.
fn dialing(tls: Connector, address: SocketAddr) -> (HttpsConnector<Dial>, Arc<AtomicUsize>) {
    let count = Arc::default();
    (HttpsConnector::over(tls, Dial(address, Arc::clone(&count))), count)
}

/// Sends back what it gets.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let from = request.headers().get("x-from").cloned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut response = Response::new(Full::new(body));
    response.headers_mut().extend(from.map(|from| (hyper::header::FROM, from)));
    Ok(response)
}

/// A server in the background of this runtime.
async fn serve(acceptor: Acceptor, ip: IpAddr) -> SocketAddr {
    let listener = TlsListener::new(TcpListener::bind((ip, 0)).await.unwrap(), acceptor);
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve_on(listener));
    address
}

async fn serve_on(mut listener: TlsListener) {
    loop {
        let (tls, _) = listener.accept().await;
        tokio::spawn(async move {
            // How it ends is the client's affair.
            let _ =
                auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(tls), service_fn(echo)).await;
        });
    }
}

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn page() -> Uri {
    format!("https://{NAME}/page").parse().unwrap()
}

/// Asks for the page; what is known of the connection it came by.
async fn ask<C>(client: &Https<C>) -> TlsInfo
where
    HttpsConnector<C>: Connect + Clone + Send + Sync + 'static,
{
    let answer = client.get(page()).await.unwrap();
    let info = answer.extensions().get::<TlsInfo>().unwrap().clone();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().len(), 0);
    info
}

/// What the connector said, out of the client's error.
fn why(error: &ClientError) -> &HttpsError {
    assert!(error.is_connect(), "{error:?}");
    HttpsError::find(error).unwrap()
}

fn versions() {
    block_on(async {
        let both = serve(acceptor().alpn(["h2", "http/1.1"]).build().unwrap(), LOCAL).await;
        for (offered, agreed, version) in [
            (&["h2", "http/1.1"][..], Some(&b"h2"[..]), Version::HTTP_2),
            (&["http/1.1"], Some(b"http/1.1"), Version::HTTP_11),
            (&[], None, Version::HTTP_11),
        ] {
            let tls = connector().alpn(offered).build().unwrap();
            let (connector, connections) = dialing(tls, both);
            let client = client(connector);
            let answer = client.get(page()).await.unwrap();
            assert_eq!(answer.version(), version);
            let info = answer.extensions().get::<TlsInfo>().unwrap();
            assert_eq!(info.alpn(), agreed);
            assert_eq!(info.library().version_text(), library().version_text());
            assert_eq!(info.peer_certificate().unwrap().der(), Pki::shared().server.der);
            assert!(info.protocol().is_some() && info.protocol_name().starts_with("TLSv1."), "{info:?}");
            assert!(!info.cipher().is_empty() && !info.session_reused(), "{info:?}");
            drop(answer);
            // Once more, over the same.
            ask(&client).await;
            assert_eq!(connections.load(Ordering::SeqCst), 1);
        }
    });
}

fn bulk() {
    block_on(async {
        let address = serve(acceptor().alpn(["h2", "http/1.1"]).build().unwrap(), LOCAL).await;
        let bytes = Bytes::from(pattern(1 << 20, 7));
        for protocol in ["h2", "http/1.1"] {
            let client = client(dialing(connector().alpn([protocol]).build().unwrap(), address).0);
            let request = || Request::post(page()).header("x-from", protocol).body(Full::new(bytes.clone())).unwrap();
            let (one, two) = tokio::join!(client.request(request()), client.request(request()));
            for answer in [one.unwrap(), two.unwrap()] {
                assert_eq!(answer.headers()[hyper::header::FROM], protocol);
                assert!(answer.into_body().collect().await.unwrap().to_bytes() == bytes, "another body came back");
            }
        }
    });
}

/// By name and by address, with hyper's own TCP connector.
fn names(ip: IpAddr, host: &str) {
    let identity = Pki::shared().authority.issue(&Leaf::server("localhost").and_address(ip)).identity();
    let identity = Acceptor::builder(library(), identity).build().unwrap();
    let only_name = Pki::shared().authority.issue(&Leaf::server("localhost")).identity();
    let only_name = Acceptor::builder(library(), only_name).build().unwrap();
    let host = host.to_owned();
    block_on(async {
        let (good, bad) = (serve(identity, ip).await, serve(only_name, ip).await);
        let client = client(HttpsConnector::new(connector().build().unwrap()));
        for host in ["localhost", &host] {
            let address: Uri = format!("https://{host}:{}/", good.port()).parse().unwrap();
            // A machine's "localhost" may be of one kind only.
            if host == "localhost" && ip.is_ipv6() {
                continue;
            }
            assert!(client.get(address).await.unwrap().status().is_success());
        }
        let error = client.get(format!("https://{host}:{}/", bad.port()).parse().unwrap()).await.unwrap_err();
        let error = why(&error);
        assert_eq!(error.kind(), HttpsErrorKind::Tls);
        assert_eq!(error.tls().unwrap().kind(), ErrorKind::Certificate, "{error}");
        assert_eq!(error.address(), format!("https://{host}:{}", bad.port()));
    });
}

fn stranger() {
    let roots = Authority::new("a stranger").roots();
    let strict = Connector::builder(library()).roots(roots).build().unwrap();
    block_on(async {
        let address = serve(acceptor().build().unwrap(), LOCAL).await;
        let error = client(dialing(strict, address).0).get(page()).await.unwrap_err();
        let error = why(&error);
        assert_eq!(error.kind(), HttpsErrorKind::Tls);
        assert!(error.tls().unwrap().verify().is_some(), "{error:?}");
        assert!(
            format!("{error:#}").starts_with(&format!("https://{NAME}: no TLS: the peer's certificate was refused")),
            "{error:#}"
        );
        assert_eq!(error.to_string(), format!("https://{NAME}: no TLS"), "what lies below is said by that");
        assert_eq!(error.tls().unwrap().library(), Some(library().version_text()));
    });
}

/// One page over a connection without TLS.
async fn plain_server() -> SocketAddr {
    let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let n = tcp.read(&mut request).await.unwrap();
        assert!(request[..n].starts_with(b"GET /page HTTP/1.1\r\n"));
        tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nplain").await.unwrap();
    });
    address
}

fn plain() {
    block_on(async {
        let (refuses, asked) = dialing(connector().build().unwrap(), plain_server().await);
        let address: Uri = "http://user:secret@plain.test:8080/page".parse().unwrap();
        let error = client(refuses.clone()).get(address.clone()).await.unwrap_err();
        assert_eq!(why(&error).kind(), HttpsErrorKind::PlainHttp);
        assert_eq!(
            why(&error).to_string(),
            "http://plain.test:8080: plain HTTP is refused (HttpsConnector::allow_plain_http allows it)"
        );
        assert_eq!(asked.load(Ordering::SeqCst), 0, "somebody was connected to");

        let answer = client(refuses.allow_plain_http(true)).get(address).await.unwrap();
        assert!(answer.extensions().get::<TlsInfo>().is_none());
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "plain");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    });
}

fn bad_addresses() {
    block_on(async {
        let nowhere = SocketAddr::from((LOCAL, 9));
        let tls = connector().build().unwrap();
        let (connector, asked) = dialing(tls.clone(), nowhere);
        let mut connector = connector.allow_plain_http(true);
        for (address, kind) in [
            ("ftp://server.test/", HttpsErrorKind::Address),
            ("/page", HttpsErrorKind::Address),
            ("https://server.test.1/", HttpsErrorKind::Tls),
            ("https://a*b.test/", HttpsErrorKind::Tls),
        ] {
            let Ok(uri) = address.parse() else { panic!("{address} is no address for hyper either") };
            let error = connector.call(uri).await.unwrap_err();
            let error = HttpsError::find(&*error).unwrap();
            assert_eq!(error.kind(), kind, "{address}: {error}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        // And a good one, where nobody listens.
        let free = std::net::TcpListener::bind((LOCAL, 0)).unwrap().local_addr().unwrap();
        let error = client(dialing(tls, free).0).get(page()).await.unwrap_err();
        assert_eq!(why(&error).kind(), HttpsErrorKind::Connect, "{error:?}");
        let error = why(&error);
        assert_eq!(error.to_string(), format!("https://{NAME}: no connection"));
        // The system's words, once.
        let refused = TcpStream::connect(free).await.unwrap_err().to_string();
        let full = format!("{error:#}");
        assert!(full.starts_with(&format!("https://{NAME}: no connection: ")) && full.ends_with(&refused), "{full}");
        assert_eq!(full.matches(&refused).count(), 1, "{full}");
    });
}

/// A connector below that never connects.
#[derive(Clone)]
struct Never;

impl Service<Uri> for Never {
    type Response = TokioIo<TcpStream>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(pending())
    }
}

fn limits() {
    const LIMIT: Duration = Duration::from_millis(200);
    block_on(async {
        let tls = connector().build().unwrap();
        // Connected by the system, and never answered.
        let silent = TcpListener::bind((LOCAL, 0)).await.unwrap();
        let (connector, _) = dialing(tls.clone(), silent.local_addr().unwrap());
        let start = Instant::now();
        let error = client(connector.limit(LIMIT)).get(page()).await.unwrap_err();
        assert_eq!(why(&error).kind(), HttpsErrorKind::TimedOut);
        assert!(why(&error).to_string().ends_with("the handshake has not ended within 200ms"), "{error:?}");
        let error = client(HttpsConnector::over(tls.clone(), Never).limit(LIMIT)).get(page()).await.unwrap_err();
        assert!(why(&error).to_string().ends_with("no connection within 200ms"), "{error:?}");
        assert!(start.elapsed() >= 2 * LIMIT, "{:?}", start.elapsed());
        // Without a limit it waits for longer than that.
        let (connector, _) = dialing(tls, silent.local_addr().unwrap());
        let client = client(connector.limit(None));
        let waits = tokio::time::timeout(3 * LIMIT, client.get(page())).await;
        assert!(waits.is_err(), "{waits:?}");
    });
}

fn proxy() {
    block_on(async {
        let target = serve(acceptor().alpn(["h2"]).build().unwrap(), LOCAL).await;
        let listener = TcpListener::bind((LOCAL, 0)).await.unwrap();
        let proxy: Uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let proxied = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(tcp.read_u8().await.unwrap());
            }
            assert!(head.starts_with(format!("CONNECT {NAME}:443 HTTP/1.1\r\n").as_bytes()));
            tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            // How it ends is the client's affair.
            let _ = copy_bidirectional(&mut tcp, &mut TcpStream::connect(target).await.unwrap()).await;
        });
        let connector =
            HttpsConnector::over(connector().alpn(["h2"]).build().unwrap(), Tunnel::new(proxy, HttpConnector::new()));
        let client = client(connector);
        assert_eq!(ask(&client).await.alpn(), Some(&b"h2"[..]));
        drop(client);
        proxied.await.unwrap();
    });
}

fn following(slot: &Arc<Slot>, protocol: &str) -> Connector {
    let roots = Pki::shared().authority.roots();
    Connector::following_slot(Arc::clone(slot)).roots(roots).alpn([protocol]).build().unwrap()
}

fn reload() {
    for protocol in ["h2", "http/1.1"] {
        let slot = Arc::new(Slot::new(loader()));
        let first = slot.current().unwrap();
        block_on(async {
            let address = serve(acceptor().alpn([protocol]).build().unwrap(), LOCAL).await;
            let (connector, connections) = dialing(following(&slot, protocol), address);
            let pooled = client(connector.clone());
            assert!(ask(&pooled).await.library().is_same_generation(&first));
            let second = slot.reload().unwrap().new_library().clone();

            // The pool has one, and it works.
            assert!(ask(&pooled).await.library().is_same_generation(&first));
            assert_eq!(connections.load(Ordering::SeqCst), 1);
            // Another client has none.
            assert!(ask(&client(connector)).await.library().is_same_generation(&second));
            assert_eq!(connections.load(Ordering::SeqCst), 2);

            // Who does not want the old one any more says so; the client's next is new.
            let mut last = Request::get(page()).body(Full::default()).unwrap();
            let used = capture_connection(&mut last);
            let answer = pooled.request(last).await.unwrap();
            assert!(answer.extensions().get::<TlsInfo>().unwrap().library().is_same_generation(&first));
            used.connection_metadata().as_ref().unwrap().poison();
            drop(answer);
            assert!(ask(&pooled).await.library().is_same_generation(&second));
            assert_eq!(connections.load(Ordering::SeqCst), 3);
        });
    }
}

fn reload_to_another() {
    let slot = Arc::new(Slot::new(loader()));
    let first = slot.current().unwrap();
    block_on(async {
        let address = serve(acceptor().alpn(["h2"]).build().unwrap(), LOCAL).await;
        let (connector, connections) = dialing(following(&slot, "h2"), address);
        let pooled = client(connector.clone());
        ask(&pooled).await;
        // SAFETY: the test run names this folder as another build of the library.
        let other = unsafe { Loader::new().directory(std::env::var_os(OTHER_LIB_DIR).unwrap()) };
        let second = slot.reload_with(other).unwrap().new_library().clone();
        assert_ne!(first.version_text(), second.version_text());
        // At the same time, in turns.
        let fresh = client(connector);
        for _ in 0..3 {
            let (old, new) = tokio::join!(ask(&pooled), ask(&fresh));
            assert_eq!(old.library().version_text(), first.version_text());
            assert_eq!(new.library().version_text(), second.version_text());
        }
        assert_eq!(connections.load(Ordering::SeqCst), 2);
    });
}

/// What a client needs of it.
const _: fn() = || {
    fn is_fit<T: Send + Sync + Clone>() {}
    is_fit::<HttpsConnector>();
    fn moves<T: Send + Unpin>() {}
    moves::<HttpsStream<TokioIo<TcpStream>>>();
};
