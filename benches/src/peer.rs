//! What every peer can do: handshakes in memory and on sockets, with or without an earlier session.

use std::io::{Read, Write};

use crate::transport::Socket;

/// One end of a TLS connection.
pub trait Stream: Read + Write {
    /// Whether the handshake resumed a session.
    fn resumed(&self) -> bool;

    /// Says that nothing more comes: without it OpenSSL lets nobody resume the session.
    fn close(&mut self);
}

/// Both ends, for one thread.
pub type Local = (Box<dyn Stream>, Box<dyn Stream>);
/// Both ends, each for a thread of its own.
pub type Shared = (Box<dyn Stream + Send>, Box<dyn Stream + Send>);

/// A handshake that is done, or has to wait for the other end.
pub enum Step<T> {
    /// Done.
    Done(T),
    /// To be called when the other end has had its turn.
    Later(Box<dyn FnOnce() -> Step<T>>),
}

impl<T: 'static> Step<T> {
    /// Makes something else of what is done.
    pub fn map<U: 'static>(self, change: impl FnOnce(T) -> U + 'static) -> Step<U> {
        match self {
            Step::Done(value) => Step::Done(change(value)),
            Step::Later(go_on) => Step::Later(Box::new(move || go_on().map(change))),
        }
    }

    /// Gives what is done, on a transport that waits by itself.
    pub fn done(self) -> T {
        match self {
            Step::Done(value) => value,
            Step::Later(_) => panic!("a blocking socket did not block"),
        }
    }
}

/// Lets both ends take turns until both are done.
pub fn drive<C: 'static, S: 'static>(mut client: Step<C>, mut server: Step<S>) -> (C, S) {
    loop {
        (client, server) = match (client, server) {
            (Step::Done(client), Step::Done(server)) => return (client, server),
            (client, server) => (forward(client), forward(server)),
        }
    }
}

fn forward<T>(step: Step<T>) -> Step<T> {
    match step {
        Step::Done(value) => Step::Done(value),
        Step::Later(go_on) => go_on(),
    }
}

/// A TLS implementation as it is bound.
pub trait Peer: Sync {
    /// Its name in tables.
    fn name(&self) -> &str;

    /// Handshakes in memory, where it can.
    fn in_memory(&self, resume: bool) -> Option<Local>;

    /// The client's handshake on a socket.
    fn client(&self, socket: Socket, resume: bool) -> Step<Box<dyn Stream + Send>>;

    /// The server's handshake on a socket.
    fn server(&self, socket: Socket) -> Step<Box<dyn Stream + Send>>;
}

/// Handshakes on sockets with one thread; the sockets block afterwards.
pub fn on_sockets(peer: &dyn Peer, (client, server): (Socket, Socket), resume: bool) -> Shared {
    let handles = (client.again(), server.again());
    handles.0.set_nonblocking(true);
    handles.1.set_nonblocking(true);
    let ends = drive(peer.client(client, resume), peer.server(server));
    handles.0.set_nonblocking(false);
    handles.1.set_nonblocking(false);
    ends
}
