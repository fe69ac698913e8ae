//! dlssl, over `Read + Write` and over a socket by descriptor.

use std::error::Error;
use std::io::{Read, Write};
use std::path::Path;

use dlssl::{Acceptor, Connector, HandshakeError, Identity, Isolation, Library, Loader, Roots, TlsStream};

use crate::peer::{Local, Peer, Step, Stream, drive};
use crate::pki::{NAME, Pki};
use crate::transport::{Socket, memory};

/// Ours.
pub struct Ours {
    name: String,
    connector: Connector,
    /// One that remembers sessions.
    resuming: Connector,
    acceptor: Acceptor,
    bio: Bio,
}

/// How it reaches a socket.
#[derive(Clone, Copy, PartialEq)]
pub enum Bio {
    /// By `Read + Write`.
    Stream,
    /// By descriptor.
    Socket,
}

/// Loads what the program is linked to.
pub fn load(folder: &Path) -> Result<Library, Box<dyn Error>> {
    // SAFETY: whoever runs the bench names the folder, and the process has run its initialisers already.
    Ok(unsafe { Loader::new().directory(folder) }.isolation(Isolation::Never).load()?)
}

impl Ours {
    /// On the library that the program is linked to.
    pub fn new(pki: &Pki, folder: &Path, bio: Bio) -> Result<Self, Box<dyn Error>> {
        let name = if bio == Bio::Stream { "dlssl" } else { "dlssl socket" };
        Self::on(load(folder)?, name.to_owned(), pki, bio)
    }

    /// On another library, under its name.
    pub fn apart(pki: &Pki, folder: &Path, bio: Bio) -> Result<Self, Box<dyn Error>> {
        // SAFETY: whoever runs the bench names the folder.
        let library = unsafe { Loader::new().directory(folder) }.load()?;
        let mut words = library.version_text().split_whitespace();
        let name = format!("{} {}", words.next().unwrap_or_default(), words.next().unwrap_or_default());
        Self::on(library, name, pki, bio)
    }

    fn on(library: Library, name: String, pki: &Pki, bio: Bio) -> Result<Self, Box<dyn Error>> {
        let connector = || Connector::builder(&library).roots(Roots::pem(pki.root_pem.clone()));
        let identity = Identity::pem(pki.leaf_pem.clone(), pki.key_pem.clone());
        Ok(Ours {
            name,
            connector: connector().session_cache(false).build()?,
            resuming: connector().build()?,
            acceptor: Acceptor::builder(&library, identity).build()?,
            bio,
        })
    }

    fn connector(&self, resume: bool) -> &Connector {
        if resume { &self.resuming } else { &self.connector }
    }
}

fn step<S: 'static>(outcome: Result<TlsStream<S>, HandshakeError<S>>) -> Step<TlsStream<S>> {
    match outcome {
        Ok(stream) => Step::Done(stream),
        Err(HandshakeError::Blocked(middle)) => Step::Later(Box::new(move || step(middle.resume()))),
        Err(error) => panic!("dlssl: {error}"),
    }
}

impl Peer for Ours {
    fn name(&self) -> &str {
        &self.name
    }

    fn in_memory(&self, resume: bool) -> Option<Local> {
        if self.bio == Bio::Socket {
            return None;
        }
        let (a, b) = memory();
        let (client, server) = drive(step(self.connector(resume).connect(NAME, a)), step(self.acceptor.accept(b)));
        Some((Box::new(client), Box::new(server)))
    }

    fn client(&self, socket: Socket, resume: bool) -> Step<Box<dyn Stream + Send>> {
        let connector = self.connector(resume);
        match self.bio {
            Bio::Stream => step(connector.connect(NAME, socket)),
            Bio::Socket => step(connector.connect_socket(NAME, socket)),
        }
        .map(boxed)
    }

    fn server(&self, socket: Socket) -> Step<Box<dyn Stream + Send>> {
        match self.bio {
            Bio::Stream => step(self.acceptor.accept(socket)),
            Bio::Socket => step(self.acceptor.accept_socket(socket)),
        }
        .map(boxed)
    }
}

fn boxed(stream: TlsStream<Socket>) -> Box<dyn Stream + Send> {
    Box::new(stream)
}

impl<S> Stream for TlsStream<S>
where
    TlsStream<S>: Read + Write,
{
    fn resumed(&self) -> bool {
        self.session_reused()
    }

    fn close(&mut self) {
        self.shutdown().expect("a peer that listens");
    }
}
