//! `dlssl serve`: a TLS server with one thread per connection, an echo or a page over HTTP.

mod allowance;
mod connection;
mod echo;
mod http;
mod paced;
mod places;
mod signals;

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use dlssl::{Acceptor, Identity};

use self::connection::Connection;
use self::places::Places;
use crate::args::ServeArgs;
use crate::failure::Failure;
use crate::report;

/// What connections get to end in when the server is told to stop.
const FAREWELL: Duration = Duration::from_secs(1);
/// Pause after an error of `accept`: most mean that something has run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    let service = if args.http { Service::Http } else { Service::Echo };
    if service == Service::Http && args.alpn.iter().any(|protocol| protocol == "h2") {
        return Err(Failure::new("--http speaks HTTP/1.1, and --alpn offers h2").advice("use --alpn http/1.1"));
    }
    let acceptor = acceptor(args)?;
    let listener = TcpListener::bind((args.listen.host.as_str(), args.listen.port)).map_err(|error| {
        Failure::new(format_args!("cannot listen on {}: {error}", args.listen))
            .advice("port 0 takes a free port; ports below 1024 usually need privileges")
    })?;
    let address =
        listener.local_addr().map_err(|error| Failure::new(format_args!("cannot tell the address: {error}")))?;

    // Before the address is told: whoever reads it may send the signal at once.
    let stopped = signals::watch().map_err(|error| Failure::new(format_args!("cannot watch for signals: {error}")))?;

    let places = Places::new(args.max_connections.get());
    let server = Server {
        acceptor,
        service,
        socket_bio: args.socket_bio,
        time: args.timeout,
        most: args.max_time,
        places: places.clone(),
    };
    // Not joined: it sits in `accept`, outside of TLS, until the process ends.
    thread::Builder::new()
        .name("accept".into())
        .spawn(move || server.accept_all(&listener))
        .map_err(|error| Failure::new(format_args!("cannot start a thread: {error}")))?;

    announce(address).map_err(Failure::output)?;

    // An error means that the handler is gone, which it never is.
    let _ = stopped.recv();
    places.close(FAREWELL);
    Ok(())
}

fn acceptor(args: &ServeArgs) -> Result<Acceptor, Failure> {
    let library = args.library.load()?;
    let builder = Acceptor::builder(&library, Identity::pem_files(&args.cert, &args.key));
    let builder = crate::cmd::with_tls_settings!(builder, args);
    builder.build().map_err(|error| {
        Failure::new(format_args!("cannot set up TLS: {error}"))
            .advice("--cert is the chain in PEM, the server's own certificate first; --key its key")
    })
}

fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on {address}")?;
    out.flush()
}

/// What is done with a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Service {
    Echo,
    Http,
}

#[derive(Clone)]
struct Server {
    acceptor: Acceptor,
    service: Service,
    socket_bio: bool,
    /// What a peer gets for each thing that it is waited for.
    time: Duration,
    /// What a connection has beside what its bytes earn.
    most: Duration,
    places: Places,
}

impl Server {
    fn accept_all(&self, listener: &TcpListener) {
        // Without a free place nothing is accepted; without any, the server is ending.
        while let Some(place) = self.places.wait() {
            let (socket, peer) = match listener.accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    log(format_args!("accept: {error}"));
                    thread::sleep(ACCEPT_PAUSE);
                    continue;
                }
            };
            let server = self.clone();
            let thread = thread::Builder::new().name(peer.to_string()).spawn(move || {
                // Registered for as long as the thread runs, a panic included.
                let _place = match place.take(&socket) {
                    Ok(place) => place,
                    Err(error) => {
                        return log(format_args!("{peer}: {error}"));
                    }
                };
                match server.serve(socket) {
                    Err(error) if !server.places.is_closed() => {
                        log(format_args!("{peer}: {error}"));
                    }
                    _ => {}
                }
            });
            if let Err(error) = thread {
                log(format_args!("{peer}: cannot start a thread: {error}"));
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }

    fn serve(&self, socket: TcpStream) -> Result<(), String> {
        let mut connection = Connection::accept(&self.acceptor, socket, self.socket_bio, self.time, self.most)?;
        let complaint = match self.service {
            Service::Echo => echo::serve(&mut connection).map(|()| None),
            Service::Http => http::serve(&mut connection),
        }
        .map_err(|error| error.to_string())?;
        connection.close().map_err(|error| format!("while closing: {error}"))?;
        match complaint {
            Some(complaint) => Err(format!("refused a request: {complaint}")),
            None => Ok(()),
        }
    }
}

/// One line on standard error, whatever a peer has put into it.
fn log(line: std::fmt::Arguments<'_>) {
    let line = line.to_string();
    // One write per line, so that threads do not mix theirs; nobody reading is no reason to stop.
    let _ = anstream::stderr().lock().write_all(format!("{}\n", report::clean(&line)).as_bytes());
}
