//! rustls on aws-lc-rs.

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    StreamOwned,
};

use crate::peer::{Local, Peer, Step, Stream, drive};
use crate::pki::{NAME, Pki};
use crate::transport::{Socket, memory};

/// Configurations of both sides.
pub struct Rustls {
    client: Arc<ClientConfig>,
    resuming: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
}

impl Rustls {
    /// Builds the configurations.
    pub fn new(pki: &Pki) -> Result<Self, Box<dyn Error>> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(pki.root_der.clone()))?;
        let resuming = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut client = resuming.clone();
        client.resumption = rustls::client::Resumption::disabled();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pki.key_der.clone()));
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(pki.leaf_der.clone())], key)?;
        // As OpenSSL does: the session is in the ticket.
        server.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
        Ok(Rustls { client: Arc::new(client), resuming: Arc::new(resuming), server: Arc::new(server) })
    }

    fn ask<S: Read + Write + 'static>(&self, stream: S, resume: bool) -> Step<StreamOwned<ClientConnection, S>> {
        let config = if resume { &self.resuming } else { &self.client };
        let name = ServerName::try_from(NAME).expect("a name");
        let connection = ClientConnection::new(Arc::clone(config), name).expect("a connection");
        step(StreamOwned::new(connection, stream))
    }

    fn answer<S: Read + Write + 'static>(&self, stream: S) -> Step<StreamOwned<ServerConnection, S>> {
        let connection = ServerConnection::new(Arc::clone(&self.server)).expect("a connection");
        step(StreamOwned::new(connection, stream))
    }
}

fn step<C, D, S>(mut stream: StreamOwned<C, S>) -> Step<StreamOwned<C, S>>
where
    C: std::ops::DerefMut<Target = ConnectionCommon<D>> + 'static,
    D: rustls::SideData + 'static,
    S: Read + Write + 'static,
{
    while stream.conn.is_handshaking() || stream.conn.wants_write() {
        match stream.conn.complete_io(&mut stream.sock) {
            Ok(_) => {}
            Err(error) if is_pause(&error) => return Step::Later(Box::new(move || step(stream))),
            Err(error) => panic!("rustls: {error}"),
        }
    }
    Step::Done(stream)
}

fn is_pause(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

impl Peer for Rustls {
    fn name(&self) -> &str {
        "rustls"
    }

    fn in_memory(&self, resume: bool) -> Option<Local> {
        let (a, b) = memory();
        let (client, server) = drive(self.ask(a, resume), self.answer(b));
        Some((Box::new(client), Box::new(server)))
    }

    fn client(&self, socket: Socket, resume: bool) -> Step<Box<dyn Stream + Send>> {
        self.ask(socket, resume).map(|stream| Box::new(stream) as Box<dyn Stream + Send>)
    }

    fn server(&self, socket: Socket) -> Step<Box<dyn Stream + Send>> {
        self.answer(socket).map(|stream| Box::new(stream) as Box<dyn Stream + Send>)
    }
}

impl<C, D, S> Stream for StreamOwned<C, S>
where
    C: std::ops::DerefMut<Target = ConnectionCommon<D>>,
    D: rustls::SideData,
    S: Read + Write,
{
    fn resumed(&self) -> bool {
        self.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    fn close(&mut self) {
        self.conn.send_close_notify();
        self.conn.write_tls(&mut self.sock).expect("a peer that listens");
    }
}
