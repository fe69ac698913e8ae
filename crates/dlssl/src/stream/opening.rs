//! A connection before its handshake: what it starts with, its C object, its transport.

use std::io::{Read, Write};
use std::sync::Arc;

use dlssl_core::ErrorStack;
use dlssl_core::compat::configure::Applied;

use super::TlsStream;
use super::connection::{Connection, Transport};
use super::early::Early;
use super::handshake::handshake;
use super::handshake_error::HandshakeError;
#[cfg(unix)]
use super::library_socket::LibrarySocket;
use super::limits::Limits;
use super::resumed::check_session;
use crate::bio::stream::{AHEAD, Functions, StreamBio};
use crate::context::{Context, Identities, SessionKey};
use crate::error::{Error, ErrorKind};
use crate::hostname::ServerName;
use crate::raw::call::Row;
use crate::raw::{MOST_IN_RECORD, Ssl, SslContext};
use crate::session::Session;

/// What a connection starts with.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// Bytes of the peer that were read already.
    pub(crate) received: Vec<u8>,
    pub(crate) limits: Limits,
    /// Size of the read-ahead buffer in bytes.
    pub(crate) read_ahead: usize,
    /// Most bytes of plain text in one record of ours.
    pub(crate) record_size: usize,
}

impl Default for Start {
    fn default() -> Self {
        Self { received: Vec::new(), limits: Limits::default(), read_ahead: AHEAD, record_size: MOST_IN_RECORD }
    }
}

impl Start {
    fn check(&self) -> Result<(), Error> {
        let sizes = [
            ("the read-ahead buffer", self.read_ahead, 512, 1024 * 1024),
            ("a record", self.record_size, 512, MOST_IN_RECORD),
        ];
        for (what, size, least, most) in sizes {
            if !(least..=most).contains(&size) {
                let words = format!("{what} has {least} to {most} bytes, not {size}");
                return Err(Error::new(ErrorKind::Configuration, words));
            }
        }
        Ok(())
    }
}

/// A connection that has no transport yet.
pub(crate) struct Opening {
    ssl: Ssl,
    start: Start,
    /// Whom a client asks for.
    key: Option<SessionKey>,
    /// Context of the certificate that took the first one's place.
    replaced: Option<Arc<SslContext>>,
    early: Option<Early>,
}

impl Opening {
    fn new(context: &Context, start: Start, row: &Row<'_>) -> Result<Self, Error> {
        let ssl = Ssl::new(context, row).map_err(failed(context, "cannot make a connection"))?;
        Ok(Self { ssl, start, key: None, replaced: None, early: None })
    }

    /// The client's side: the name to ask for and to check, and a session to go on with.
    pub(crate) fn client(
        context: &Context,
        start: Start,
        key: SessionKey,
        session: Option<Session>,
        early: Option<Vec<u8>>,
    ) -> Result<Self, Error> {
        check(context, &start)?;
        let row = Row::begin(context.library());
        let mut opening = Self::new(context, start, &row)?;
        let ssl = &mut opening.ssl;
        ssl.set_client();
        if key.check_name {
            let expected = ssl.expect_name(&key.name, context.refuses_wildcards(), &row);
            expected.map_err(failed(context, "cannot set the name to verify"))?;
        }
        match &key.name {
            ServerName::Dns(host) if key.sni => ssl
                .set_server_name_indication(host, &row)
                .map_err(failed(context, "cannot set the name to send (SNI)"))?,
            // SNI has no IP addresses (RFC 6066).
            _ => {}
        }
        let hooks = context.hooks();
        if hooks.request_ocsp && ssl.request_status() != Applied::Done {
            let words = "the library cannot ask for a certificate status";
            return Err(Error::new(ErrorKind::Unsupported, words).of(context.library()));
        }
        let remembered = || hooks.sessions.as_ref()?.take(&key);
        if let Some(session) = session.or_else(remembered) {
            ssl.offer_session(session.raw(), session.offered(), &row)
                .map_err(failed(context, "cannot offer the session"))?;
            if let Some(data) = early.filter(|data| takes_early(&session, data, context, &key)) {
                // The session decides who can read it: so that is looked at before, and not only after.
                check_session(&opening.ssl, &key)?;
                opening.early = Some(Early::Send(data));
            }
        }
        opening.key = Some(key);
        Ok(opening)
    }

    pub(crate) fn server(context: &Context, start: Start) -> Result<Self, Error> {
        check(context, &start)?;
        let mut opening = Self::new(context, start, &Row::begin(context.library()))?;
        opening.ssl.set_server();
        opening.replaced = context.hooks().identities.as_ref().and_then(Identities::replaced);
        if let Some(context) = &opening.replaced {
            opening.ssl.switch_context(context);
        }
        if context.hooks().takes_early_data {
            opening.early = Some(Early::Take(Vec::new()));
        }
        Ok(opening)
    }

    pub(crate) fn stream<S: Read + Write>(self, stream: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        self.ours(stream, Functions::of_stream())
    }

    #[cfg(unix)]
    pub(crate) fn socket<S: std::os::fd::AsFd>(self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        self.ours(socket, Functions::of_socket())
    }

    #[cfg(unix)]
    pub(crate) fn openssl_socket<S: std::os::fd::AsFd>(self, socket: S) -> Result<TlsStream<S>, HandshakeError<S>> {
        match self.use_descriptor(&socket) {
            Ok(descriptor) => self.handshake(Transport::Library(LibrarySocket::new(socket, descriptor))),
            Err(error) => Err(HandshakeError::before(error, socket)),
        }
    }

    #[cfg(unix)]
    fn use_descriptor(&self, socket: &impl std::os::fd::AsFd) -> Result<std::os::fd::OwnedFd, Error> {
        use std::os::fd::AsRawFd;
        if !self.start.received.is_empty() {
            let words = "OpenSSL's socket BIO cannot start on received bytes";
            return Err(Error::new(ErrorKind::Configuration, words).of(self.ssl.library()));
        }
        let descriptor = socket.as_fd().try_clone_to_owned().map_err(|error| {
            Error::new(ErrorKind::Io, "cannot duplicate the socket's descriptor").with_io(error).of(self.ssl.library())
        })?;
        self.ssl.use_descriptor(descriptor.as_raw_fd()).map_err(failed(self.ssl.context(), "cannot use the socket"))?;
        Ok(descriptor)
    }

    fn ours<S>(mut self, stream: S, functions: Functions<S>) -> Result<TlsStream<S>, HandshakeError<S>> {
        if let Err(queue) = self.ssl.use_our_bio() {
            return Err(HandshakeError::before(failed(self.ssl.context(), "cannot make a BIO")(queue), stream));
        }
        let received = std::mem::take(&mut self.start.received);
        let bio = StreamBio::new(stream, functions, received, self.start.read_ahead);
        self.handshake(Transport::Ours(bio))
    }

    fn handshake<S>(self, transport: Transport<S>) -> Result<TlsStream<S>, HandshakeError<S>> {
        let Start { limits, record_size, .. } = self.start;
        let mut connection = Box::new(Connection::new(self.ssl, transport, limits, record_size));
        connection.set_up(self.key, self.replaced, self.early);
        handshake(connection, None)
    }
}

/// Whether early data may go with a session: as much as its server takes, for the name and the application protocol of then.
fn takes_early(session: &Session, data: &[u8], context: &Context, key: &SessionKey) -> bool {
    let (name, protocol) = session.raw().agreed();
    let asked = match &key.name {
        ServerName::Dns(host) if key.sni => host.as_bytes(),
        _ => &[],
    };
    (1..=session.raw().most_early_data()).contains(&data.len())
        && (name.is_empty() || name == asked)
        && (protocol.is_empty() || context.offers(protocol))
}

/// Refuses what is known to be refused before C is called at all.
fn check(context: &Context, start: &Start) -> Result<(), Error> {
    let library = context.library();
    library.check_process().map_err(|inherited| Error::from(inherited).of(library))?;
    start.check().map_err(|error| error.of(library))
}

fn failed<'a>(context: &'a Context, what: &'static str) -> impl Fn(ErrorStack) -> Error + 'a {
    move |queue| Error::new(ErrorKind::Library, what).with_queue(queue).of(context.library())
}
