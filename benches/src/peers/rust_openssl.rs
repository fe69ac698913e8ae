//! rust-openssl: the crate `openssl`.

use std::error::Error;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use openssl::pkey::PKey;
use openssl::ssl::{
    HandshakeError, Ssl, SslContext, SslContextBuilder, SslMethod, SslSession, SslSessionCacheMode, SslStream,
    SslVerifyMode, SslVersion,
};
use openssl::x509::X509;

use crate::peer::{Local, Peer, Step, Stream, drive};
use crate::pki::{NAME, Pki};
use crate::transport::{Socket, memory};

/// Contexts of both sides, and the last session that the client got.
pub struct RustOpenssl {
    client: SslContext,
    server: SslContext,
    session: Arc<Mutex<Option<SslSession>>>,
}

impl RustOpenssl {
    /// Builds the contexts.
    pub fn new(pki: &Pki) -> Result<Self, Box<dyn Error>> {
        let session = Arc::new(Mutex::new(None));
        let mut client = SslContextBuilder::new(SslMethod::tls_client())?;
        // As dlssl does by itself: hellos of equal length, whose hashes fill equally many blocks.
        client.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        client.cert_store_mut().add_cert(X509::from_pem(pki.root_pem.as_bytes())?)?;
        client.set_verify(SslVerifyMode::PEER);
        client.set_session_cache_mode(SslSessionCacheMode::CLIENT | SslSessionCacheMode::NO_INTERNAL);
        let keep = Arc::clone(&session);
        client.set_new_session_callback(move |_, session| {
            if let Ok(mut kept) = keep.lock() {
                *kept = Some(session);
            }
        });
        let mut server = SslContextBuilder::new(SslMethod::tls_server())?;
        server.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        server.set_certificate(&*X509::from_pem(pki.leaf_pem.as_bytes())?)?;
        server.set_private_key(&*PKey::private_key_from_pem(pki.key_pem.as_bytes())?)?;
        server.set_session_id_context(b"bench")?;
        Ok(RustOpenssl { client: client.build(), server: server.build(), session })
    }

    fn ask<S: Read + Write + 'static>(&self, stream: S, resume: bool) -> Step<SslStream<S>> {
        let mut ssl = Ssl::new(&self.client).expect("a connection");
        ssl.set_hostname(NAME).expect("SNI");
        ssl.param_mut().set_host(NAME).expect("a name to check");
        // Kept too: a server of TLS 1.2 that resumes sends no new one.
        let session = if resume { self.session.lock().expect("no panic while it was held").clone() } else { None };
        if let Some(session) = session {
            // SAFETY: the session was made by the same context.
            unsafe { ssl.set_session(&session) }.expect("a session");
        }
        step(ssl.connect(stream))
    }

    fn answer<S: Read + Write + 'static>(&self, stream: S) -> Step<SslStream<S>> {
        step(Ssl::new(&self.server).expect("a connection").accept(stream))
    }
}

fn step<S: Read + Write + 'static>(outcome: Result<SslStream<S>, HandshakeError<S>>) -> Step<SslStream<S>> {
    match outcome {
        Ok(stream) => Step::Done(stream),
        Err(HandshakeError::WouldBlock(middle)) => Step::Later(Box::new(move || step(middle.handshake()))),
        Err(HandshakeError::Failure(middle)) => panic!("rust-openssl: {}", middle.error()),
        Err(HandshakeError::SetupFailure(error)) => panic!("rust-openssl: {error}"),
    }
}

impl Peer for RustOpenssl {
    fn name(&self) -> &str {
        "rust-openssl"
    }

    fn in_memory(&self, resume: bool) -> Option<Local> {
        let (a, b) = memory();
        let (client, server) = drive(self.ask(a, resume), self.answer(b));
        Some((Box::new(client), Box::new(server)))
    }

    fn client(&self, socket: Socket, resume: bool) -> Step<Box<dyn Stream + Send>> {
        self.ask(socket, resume).map(boxed)
    }

    fn server(&self, socket: Socket) -> Step<Box<dyn Stream + Send>> {
        self.answer(socket).map(boxed)
    }
}

fn boxed(stream: SslStream<Socket>) -> Box<dyn Stream + Send> {
    Box::new(stream)
}

impl<S: Read + Write> Stream for SslStream<S> {
    fn resumed(&self) -> bool {
        self.ssl().session_reused()
    }

    fn close(&mut self) {
        self.shutdown().expect("a peer that listens");
    }
}
