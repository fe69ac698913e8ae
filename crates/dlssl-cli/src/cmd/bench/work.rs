//! The works: full records, one byte to and fro, handshakes.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use dlssl::{Acceptor, Connector, HandshakeError, Identity, Library, Roots, TlsStream};

use super::memory::{self, End};
use crate::certificate::Certificates;

/// The name in the server's certificate; reserved, so it can be nobody's.
pub(super) const NAME: &str = "bench.dlssl.example";
const RECORD: usize = 16 * 1024;

/// One work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Bulk,
    PingPong,
    Full,
    Resumed,
}

/// All of them, in the order of the table.
pub(super) const WORKS: [Kind; 4] = [Kind::Bulk, Kind::PingPong, Kind::Full, Kind::Resumed];

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Bulk => "records of 16 KiB",
            Kind::PingPong => "one byte to and fro",
            Kind::Full => "full handshakes",
            Kind::Resumed => "resumed handshakes",
        }
    }

    /// How often for a first guess at the time.
    pub(super) fn guess(self) -> u32 {
        match self {
            Kind::Bulk | Kind::PingPong => 300,
            Kind::Full | Kind::Resumed => 5,
        }
    }

    /// What people want to read, from seconds for one.
    pub(super) fn value(self, seconds: f64) -> (f64, &'static str) {
        match self {
            Kind::Bulk => (RECORD as f64 / seconds / 1e6, "MB/s"),
            Kind::PingPong => (seconds * 1e6, "µs"),
            Kind::Full | Kind::Resumed => (1.0 / seconds, "/s"),
        }
    }
}

/// A library's two ends.
pub(super) struct Ends {
    forgetful: Connector,
    connector: Connector,
    acceptor: Acceptor,
}

type Pair = (TlsStream<End>, TlsStream<End>);

impl Ends {
    pub(super) fn new(library: &Library, certificates: &Certificates) -> Result<Self, dlssl::Error> {
        let connector = || Connector::builder(library).roots(Roots::pem(certificates.root.clone()));
        let identity = Identity::pem(certificates.leaf.clone(), certificates.key.clone());
        Ok(Self {
            forgetful: connector().session_cache(false).build()?,
            connector: connector().build()?,
            acceptor: Acceptor::builder(library, identity).build()?,
        })
    }

    /// Does a work so often; how long it took.
    pub(super) fn work(&self, kind: Kind, times: u32) -> io::Result<Duration> {
        match kind {
            Kind::Bulk => {
                let (mut client, mut server) = settled(&self.forgetful, &self.acceptor)?;
                let record = vec![0x5a; RECORD];
                let mut received = vec![0; RECORD];
                let start = Instant::now();
                for _ in 0..times {
                    client.write_all(&record)?;
                    server.read_exact(&mut received)?;
                }
                let time = start.elapsed();
                if received == record { Ok(time) } else { Err(io::Error::other("bytes arrived changed")) }
            }
            Kind::PingPong => {
                let (mut client, mut server) = settled(&self.forgetful, &self.acceptor)?;
                let start = Instant::now();
                for _ in 0..times {
                    to_and_fro(&mut client, &mut server)?;
                }
                Ok(start.elapsed())
            }
            Kind::Full => handshakes(&self.forgetful, &self.acceptor, false, times),
            Kind::Resumed => handshakes(&self.connector, &self.acceptor, true, times),
        }
    }
}

/// Handshakes with a byte each way and a close, as a short connection has them.
fn handshakes(connector: &Connector, acceptor: &Acceptor, resumed: bool, times: u32) -> io::Result<Duration> {
    // The first has nothing to resume.
    settled(connector, acceptor)?.0.shutdown()?;
    let start = Instant::now();
    for _ in 0..times {
        let (mut client, _server) = settled(connector, acceptor)?;
        if client.session_reused() != resumed {
            return Err(io::Error::other(if resumed { "no session was resumed" } else { "a session was resumed" }));
        }
        client.shutdown()?;
    }
    Ok(start.elapsed())
}

/// Connected, and past what a server sends after its handshake.
fn settled(connector: &Connector, acceptor: &Acceptor) -> io::Result<Pair> {
    let (one, other) = memory::ends();
    let mut client = connector.connect(NAME, one);
    let mut server = acceptor.accept(other);
    let (mut client, mut server) = loop {
        (client, server) = match (client, server) {
            (Ok(client), Ok(server)) => break (client, server),
            (client, server) => (forward(client)?, forward(server)?),
        };
    };
    to_and_fro(&mut server, &mut client)?;
    Ok((client, server))
}

type Shaken = Result<TlsStream<End>, HandshakeError<End>>;

fn forward(end: Shaken) -> io::Result<Shaken> {
    match end {
        Err(HandshakeError::Blocked(middle)) => Ok(middle.resume()),
        Err(error) => Err(io::Error::other(error.to_string())),
        done => Ok(done),
    }
}

fn to_and_fro(from: &mut TlsStream<End>, to: &mut TlsStream<End>) -> io::Result<()> {
    let mut byte = [0];
    from.write_all(b"?")?;
    to.read_exact(&mut byte)?;
    to.write_all(b"!")?;
    from.read_exact(&mut byte)
}
