//! `dlssl connect`: a TLS connection between standard input and output and a peer.

#[cfg(unix)]
mod dial;
#[cfg(unix)]
mod handshake;
#[cfg(unix)]
mod patient;
#[cfg(unix)]
mod relay;
#[cfg_attr(not(unix), allow(dead_code))]
mod starttls;
#[cfg(unix)]
mod wait;

pub(crate) use starttls::Starttls;

use crate::args::ConnectArgs;
use crate::failure::Failure;

#[cfg(not(unix))]
pub(crate) fn run(_args: &ConnectArgs) -> Result<(), Failure> {
    Err(Failure::new("connect needs poll(2) on standard input, which this system does not have")
        .advice("dlssl selftest and dlssl serve work here"))
}

#[cfg(unix)]
pub(crate) fn run(args: &ConnectArgs) -> Result<(), Failure> {
    let connector = connector(args)?;
    let socket = dial::dial(&args.peer, args.timeout)?;
    if let Some(protocol) = args.starttls {
        start_tls(&socket, protocol, args)?;
    }
    let mut tls = handshake::handshake(&connector, name(args), socket, args)?;

    let mut totals = relay::Totals::default();
    let outcome = relay::relay(&mut tls, &std::io::stdin(), &std::io::stdout(), args.timeout, &mut totals);
    // Said after a failure too: how far it came is what the reader wants to know then.
    let mut lines = summary(&tls, &totals) + "\n";
    if let Ok(relay::End::Untold) = outcome {
        lines +=
            "note: the peer closed without a close_notify of its own: whether its answer is whole cannot be told\n";
    }
    // Standard error may be closed; the bytes have arrived all the same.
    let _ = std::io::Write::write_all(&mut anstream::stderr(), lines.as_bytes());
    outcome.map(|_| ())
}

/// Speaks the protocol in the clear up to where TLS begins.
#[cfg(unix)]
fn start_tls(socket: &std::net::TcpStream, protocol: Starttls, args: &ConnectArgs) -> Result<(), Failure> {
    use starttls::Error;

    let mut socket = patient::Patient { socket, patience: args.timeout };
    starttls::begin(&mut socket, protocol, name(args)).map_err(|error| match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            handshake::silent("the dialogue before TLS", args.timeout)
        }
        error => Failure::new(format_args!("no TLS with {}: {error}", args.peer)),
    })
}

/// The name to verify and to ask for: the one given, else the host without its IPv6 zone.
#[cfg(unix)]
fn name(args: &ConnectArgs) -> &str {
    match &args.name {
        Some(name) => name,
        None => args.peer.host.split('%').next().unwrap_or_default(),
    }
}

#[cfg(unix)]
fn connector(args: &ConnectArgs) -> Result<dlssl::Connector, Failure> {
    use dlssl::{Identity, Roots};

    let library = args.library.load()?;
    let mut builder = dlssl::Connector::builder(&library)
        .danger_accept_invalid_certificates(args.danger_no_verify)
        .danger_accept_invalid_names(args.danger_no_verify);
    if args.danger_no_verify && args.ca.is_none() && args.ca_dir.is_none() {
        // A machine without any root can still look at a peer.
        builder = builder.roots(Roots::none());
    }
    match (&args.ca, &args.ca_dir) {
        (Some(file), Some(dir)) => {
            builder = builder.roots(Roots::file(file).and(Roots::directory(dir)));
        }
        (Some(file), None) => builder = builder.roots(Roots::file(file)),
        (None, Some(dir)) => builder = builder.roots(Roots::directory(dir)),
        (None, None) => {}
    }
    if let (Some(cert), Some(key)) = (&args.cert, &args.key) {
        builder = builder.identity(Identity::pem_files(cert, key));
    }
    let builder = crate::cmd::with_tls_settings!(builder, args);
    builder.build().map_err(|error| {
        let failure = Failure::new(format_args!("cannot set up TLS: {error}"));
        match error.kind() {
            dlssl::ErrorKind::NoRoots => {
                failure.advice("--ca FILE trusts the certificates of a file, --ca-dir DIR those of a folder")
            }
            _ => failure,
        }
    })
}

/// One line: what was agreed, with whom, on which library, and how much went over it.
#[cfg(unix)]
fn summary<S>(tls: &dlssl::TlsStream<S>, totals: &relay::Totals) -> String {
    let mut parts = vec![format!("{} {}", tls.protocol_name(), tls.cipher())];
    if let Some(protocol) = tls.alpn() {
        parts.push(format!("ALPN {}", String::from_utf8_lossy(protocol)));
    }
    if let Some(subject) = tls.peer_subject() {
        parts.push(subject);
    }
    let library = tls.library();
    parts.push(format!("{} {}", library.flavour(), library.version()));
    parts.push(format!("sent {} B", totals.sent));
    parts.push(format!("received {} B", totals.received));
    crate::report::clean(&parts.join(", ")).into_owned()
}
