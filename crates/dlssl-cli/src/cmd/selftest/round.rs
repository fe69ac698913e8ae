//! One generation's checks: every protocol over every BIO, and a certificate that must be refused.

use std::fmt;
use std::thread;
use std::time::Instant;

use dlssl::{
    Acceptor, Connector, Error, ErrorKind, Generation, HandshakeError, Identity, Library, Protocol, Roots, TlsStream,
};
use serde::Serialize;

use super::exchange;
#[cfg(unix)]
use super::pair::PATIENCE;
use super::pair::{self, Socket};
use super::{NAME, WRONG_NAME};
use crate::certificate::Certificates;
use crate::failure::Failure;

/// How TLS reaches the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Bio {
    Stream,
    #[cfg(unix)]
    Socket,
}

impl fmt::Display for Bio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "the stream BIO",
            #[cfg(unix)]
            Self::Socket => "the socket BIO",
        })
    }
}

/// A check that was made, in words and in parts.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Check {
    pub(super) what: String,
    pub(super) skipped: bool,
    library: String,
    generation: Generation,
    protocol: Option<String>,
    cipher: Option<String>,
    bio: Option<Bio>,
    bytes_each_way: Option<usize>,
    milliseconds: Option<u128>,
}

impl Check {
    pub(super) fn note(what: String, library: &Library) -> Self {
        Self {
            what,
            skipped: false,
            library: library.version_text().to_string(),
            generation: library.generation(),
            protocol: None,
            cipher: None,
            bio: None,
            bytes_each_way: None,
            milliseconds: None,
        }
    }

    fn skipped(what: String, library: &Library) -> Self {
        Self { skipped: true, ..Self::note(what, library) }
    }

    pub(super) fn renamed(self, what: &str) -> Self {
        Self { what: format!("{} {what}", self.library), ..self }
    }
}

/// A check to make.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan {
    Transfer(Protocol, Bio),
    WrongName(Bio),
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transfer(protocol, bio) => write!(f, "{protocol} over {bio}"),
            Self::WrongName(bio) => write!(f, "a wrong name is refused over {bio}"),
        }
    }
}

/// All checks for one library.
pub(super) fn plans() -> Vec<Plan> {
    let bios = [
        Bio::Stream,
        #[cfg(unix)]
        Bio::Socket,
    ];
    let transfers = [Protocol::Tls12, Protocol::Tls13]
        .into_iter()
        .flat_map(|protocol| bios.map(|bio| Plan::Transfer(protocol, bio)));
    transfers.chain(bios.map(Plan::WrongName)).collect()
}

impl Plan {
    pub(super) fn run(self, library: &Library, certificates: &Certificates) -> Result<Check, Failure> {
        match self {
            Self::Transfer(protocol, bio) => transfer(library, certificates, Some(protocol), bio),
            Self::WrongName(bio) => wrong_name(library, certificates, bio),
        }
    }
}

/// Sends data both ways; with exactly `protocol` when given, else with the newest both have.
pub(super) fn transfer(
    library: &Library,
    certificates: &Certificates,
    protocol: Option<Protocol>,
    bio: Bio,
) -> Result<Check, Failure> {
    let ends = match Ends::new(library, library, certificates, protocol) {
        Ok(ends) => ends,
        Err(error) if error.kind() == ErrorKind::Unsupported && protocol == Some(Protocol::Tls13) => {
            let what = format!("{} has no {}", library.version_text(), Protocol::Tls13);
            return Ok(Check::skipped(what, library));
        }
        Err(error) => return Err(Failure::new(format_args!("cannot set up TLS: {error}"))),
    };
    let start = Instant::now();
    let (client, server) = ends.talk(NAME, bio)?;
    let milliseconds = start.elapsed().as_millis();
    let (protocol, cipher) = match (client, server) {
        (Ok(agreed), Ok(_)) => agreed,
        (client, server) => return Err(both(client.err(), server.err(), bio)),
    };
    let what = format!("{protocol} {cipher} over {bio}: 1 MiB each way");
    Ok(Check {
        protocol: Some(protocol),
        cipher: Some(cipher),
        bio: Some(bio),
        bytes_each_way: Some(exchange::AMOUNT),
        milliseconds: Some(milliseconds),
        ..Check::note(what, library)
    })
}

/// Client and server on two libraries in one process.
pub(super) fn across(client: &Library, server: &Library, certificates: &Certificates) -> Result<Check, Failure> {
    let ends = Ends::new(client, server, certificates, None)
        .map_err(|error| Failure::new(format_args!("cannot set up TLS: {error}")))?;
    let (near, far) = ends.talk(NAME, Bio::Stream)?;
    let (protocol, cipher) = match (near, far) {
        (Ok(agreed), Ok(_)) => agreed,
        (near, far) => return Err(both(near.err(), far.err(), Bio::Stream)),
    };
    let what = format!("{} to {}: {protocol} {cipher}, 1 MiB each way", client.version_text(), server.version_text());
    Ok(Check { protocol: Some(protocol), cipher: Some(cipher), ..Check::note(what, client) })
}

/// A connection that is open: its client here, its server in a thread.
pub(super) struct Open {
    client: TlsStream<Socket>,
    server: thread::JoinHandle<Outcome>,
}

/// Opens a connection and leaves it open.
pub(super) fn open(library: &Library, certificates: &Certificates) -> Result<Open, Failure> {
    let failed = |what: &dyn fmt::Display| Failure::new(format_args!("cannot open a connection: {what}"));
    let ends = Ends::new(library, library, certificates, None).map_err(|error| failed(&error))?;
    let (near, far) = pair::sockets().map_err(|error| failed(&error))?;
    let acceptor = ends.acceptor.clone();
    let server = thread::spawn(move || serve(&acceptor, far, Bio::Stream));
    let client = ends.connector.connect(NAME, near).map_err(|error| failed(&error))?;
    Ok(Open { client, server })
}

impl Open {
    /// Sends and receives as any other, to the end.
    pub(super) fn go_on(mut self) -> Result<(), Failure> {
        let client = exchange::client(&mut self.client);
        drop(self.client);
        let server = match self.server.join() {
            Ok(server) => server,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        match (client, server) {
            (Ok(()), Ok(_)) => Ok(()),
            (client, server) => Err(both(client.err().map(Trouble::from), server.err(), Bio::Stream)),
        }
    }
}

/// Expects the client to refuse a certificate for another name.
fn wrong_name(library: &Library, certificates: &Certificates, bio: Bio) -> Result<Check, Failure> {
    let ends = Ends::new(library, library, certificates, None)
        .map_err(|error| Failure::new(format_args!("cannot set up TLS: {error}")))?;
    let (client, _) = ends.talk(WRONG_NAME, bio)?;
    match client {
        Err(Trouble::Tls(error)) if error.kind() == ErrorKind::Certificate => {
            let what = format!("a certificate for another name is refused over {bio}");
            Ok(Check { bio: Some(bio), ..Check::note(what, library) })
        }
        Err(trouble) => Err(Failure::new(format_args!(
            "a certificate for another name was refused over {bio}, but not as such: {trouble}"
        ))),
        Ok(_) => Err(Failure::new(format_args!("a certificate for {NAME} was accepted as {WRONG_NAME} over {bio}"))
            .advice("do not use this library for TLS, and report this")),
    }
}

/// Client and server, set up but not connected.
struct Ends {
    connector: Connector,
    acceptor: Acceptor,
}

/// Protocol and cipher, or what went wrong at one end.
type Outcome = Result<(String, String), Trouble>;

impl Ends {
    fn new(
        client: &Library,
        server: &Library,
        certificates: &Certificates,
        protocol: Option<Protocol>,
    ) -> Result<Self, Error> {
        let identity = Identity::pem(certificates.leaf.as_bytes(), certificates.key.as_bytes());
        let mut server = Acceptor::builder(server, identity);
        let mut client = Connector::builder(client).roots(Roots::pem(certificates.root.as_bytes()));
        if let Some(protocol) = protocol {
            server = server.min_protocol(protocol).max_protocol(protocol);
            client = client.min_protocol(protocol).max_protocol(protocol);
        }
        Ok(Self { connector: client.build()?, acceptor: server.build()? })
    }

    /// Runs both ends, the server in a thread of its own, to the end of each.
    fn talk(&self, name: &str, bio: Bio) -> Result<(Outcome, Outcome), Failure> {
        let (near, far) =
            pair::sockets().map_err(|error| Failure::new(format_args!("cannot make a pair of sockets: {error}")))?;
        let acceptor = self.acceptor.clone();
        let server = thread::Builder::new()
            .name("server".into())
            .spawn(move || serve(&acceptor, far, bio))
            .map_err(|error| Failure::new(format_args!("cannot start a thread: {error}")))?;
        // The client's socket is closed before the join, so a server that waits for it ends too.
        let client = self.call(name, near, bio);
        match server.join() {
            Ok(server) => Ok((client, server)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }

    fn call(&self, name: &str, socket: Socket, bio: Bio) -> Outcome {
        let configured = self.connector.configure(name)?;
        let mut tls = match bio {
            Bio::Stream => configured.connect(socket),
            #[cfg(unix)]
            Bio::Socket => configured.deadline(Instant::now() + PATIENCE).connect_socket(socket),
        }?;
        exchange::client(&mut tls)?;
        Ok(agreed(&tls))
    }
}

fn serve(acceptor: &Acceptor, socket: Socket, bio: Bio) -> Outcome {
    let configured = acceptor.configure()?;
    let mut tls = match bio {
        Bio::Stream => configured.accept(socket),
        #[cfg(unix)]
        Bio::Socket => configured.deadline(Instant::now() + PATIENCE).accept_socket(socket),
    }?;
    exchange::server(&mut tls)?;
    Ok(agreed(&tls))
}

fn agreed<S>(tls: &TlsStream<S>) -> (String, String) {
    (tls.protocol_name().to_string(), tls.cipher().to_string())
}

/// What can go wrong at one end.
enum Trouble {
    Tls(Error),
    Io(std::io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Tls(error)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl<S> From<HandshakeError<S>> for Trouble {
    fn from(error: HandshakeError<S>) -> Self {
        // A handshake that would block has run into the socket's time limit.
        Self::Tls(error.into())
    }
}

/// One failure out of both ends': which of the two is the cause, the reader sees best.
fn both(client: Option<Trouble>, server: Option<Trouble>, bio: Bio) -> Failure {
    let side = |name, trouble: Option<Trouble>| match trouble {
        Some(trouble) => format!("{name}: {trouble}"),
        None => format!("{name}: fine"),
    };
    let (client, server) = (side("client", client), side("server", server));
    Failure::new(format_args!("no exchange over {bio}; {client}; {server}"))
}
