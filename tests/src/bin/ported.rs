//! A program as it is written to native-tls 0.2, with its features `alpn` and `alpn-accept`: it names that crate and the
//! standard library alone, so that the same file compiles with either.
//!
//! `ported serve CHAIN KEY` and `ported serve-pkcs12 FILE PASSWORD` print their port, and take two clients: one that refuses
//! their name, and one to whom they say back what it says. `ported get ROOT NAME PORT` is both. Each tells what it sees.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use native_tls::{
    Certificate, HandshakeError, Identity, MidHandshakeTlsStream, Protocol, TlsAcceptor, TlsAcceptorBuilder,
    TlsConnector, TlsConnectorBuilder, TlsStream,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", chain, key] => serve(Identity::from_pkcs8(&fs::read(chain)?, &fs::read(key)?)?),
        ["serve-pkcs12", file, password] => serve(Identity::from_pkcs12(&fs::read(file)?, password)?),
        ["get", root, name, port] => get(&fs::read(root)?, name, port.parse()?),
        _ => Err("not so; see the first lines of the source".into()),
    }
}

fn serve(identity: Identity) -> Result<(), Box<dyn Error>> {
    let mut builder: TlsAcceptorBuilder = TlsAcceptor::builder(identity);
    builder.min_protocol_version(Some(Protocol::Tlsv12)).max_protocol_version(None).accept_alpn(&["echo"]);
    let acceptor: TlsAcceptor = builder.build()?.clone();

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    // With TLS 1.3 it may learn of the refusal only when it reads.
    let (tcp, _) = listener.accept()?;
    let refused = match finish(acceptor.accept(tcp)) {
        Ok(mut tls) => tls.read(&mut [0; 1]).is_err(),
        Err(_) => true,
    };
    println!("refused: {refused}");

    let (tcp, _) = listener.accept()?;
    tcp.set_nonblocking(true)?;
    let mut tls = finish(acceptor.accept(tcp))?;
    tls.get_mut().set_nonblocking(false)?;
    report(&tls)?;
    let mut bytes = [0; 4096];
    loop {
        match tls.read(&mut bytes)? {
            0 => break,
            count => tls.write_all(&bytes[..count])?,
        }
    }
    tls.flush()?;
    tls.shutdown()?;
    Ok(())
}

fn get(root: &[u8], name: &str, port: u16) -> Result<(), Box<dyn Error>> {
    let root = Certificate::stack_from_pem(root)?.remove(0);
    let mut builder: TlsConnectorBuilder = TlsConnector::builder();
    builder
        .add_root_certificate(Certificate::from_der(&root.to_der()?)?)
        .disable_built_in_roots(true)
        .danger_accept_invalid_certs(false)
        .danger_accept_invalid_hostnames(false)
        .use_sni(true)
        .request_alpns(&["other", "echo"]);
    let connector: TlsConnector = builder.build()?.clone();

    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    let refused = matches!(connector.connect("another.test", tcp), Err(HandshakeError::Failure(_)));
    println!("refused: {refused}");

    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    tcp.set_nonblocking(true)?;
    let mut tls = finish(connector.connect(name, tcp))?;
    tls.get_ref().set_nonblocking(false)?;
    report(&tls)?;
    println!("peer: {}", tls.peer_certificate()?.is_some());
    tls.write_all(b"hello")?;
    let mut first = [0; 1];
    tls.read_exact(&mut first)?;
    println!("buffered: {}", tls.buffered_read_size()?);
    let mut rest = [0; 4];
    tls.read_exact(&mut rest)?;
    println!("echo: {}", first[0] == b'h' && &rest == b"ello");
    tls.shutdown()?;
    println!("end: {}", tls.read(&mut first)? == 0);
    Ok(())
}

/// Goes on until it is done.
fn finish(
    mut step: Result<TlsStream<TcpStream>, HandshakeError<TcpStream>>,
) -> native_tls::Result<TlsStream<TcpStream>> {
    loop {
        let waiting: MidHandshakeTlsStream<TcpStream> = match step {
            Ok(tls) => return Ok(tls),
            Err(HandshakeError::Failure(error)) => return Err(error),
            Err(HandshakeError::WouldBlock(waiting)) => waiting,
        };
        thread::sleep(Duration::from_millis(1));
        step = waiting.handshake();
    }
}

/// What both sides have to see alike.
fn report(tls: &TlsStream<TcpStream>) -> native_tls::Result<()> {
    println!("alpn: {}", tls.negotiated_alpn()?.as_deref() == Some(&b"echo"[..]));
    println!("end point: {:?}", tls.tls_server_end_point()?);
    Ok(())
}
