//! The command line: every option, and the checks a single value can be given.

use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use dlssl::Protocol;

use crate::cmd::connect::Starttls;
use crate::library::LibraryOptions;

/// TLS on the OpenSSL or LibreSSL that is installed here, found at run time
#[derive(Debug, Parser)]
#[command(name = "dlssl", version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  dlssl doctor                          which library a program gets here, and why
  dlssl selftest                        prove that TLS works on it
  dlssl connect example.org:443         standard input to the peer, its answer to standard output
  dlssl serve --listen 127.0.0.1:0 --cert cert.pem --key key.pem --http

Environment:
  DLSSL_DIR                       a directory that holds both libssl and libcrypto
  DLSSL_LIBSSL, DLSSL_LIBCRYPTO    the two files themselves";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say which library a program gets on this machine, why, what it can do, and what is wrong
    Doctor(DoctorArgs),
    /// Run a TLS client and server in this process and show that they understand each other
    Selftest(SelftestArgs),
    /// Measure how fast TLS is on a library, or on several in turns
    Bench(BenchArgs),
    /// Open a TLS connection: standard input to the peer, the peer to standard output
    Connect(Box<ConnectArgs>),
    /// Serve TLS connections: an echo, or a short page over HTTP
    Serve(Box<ServeArgs>),
}

#[derive(Debug, Args)]
#[command(after_help = "\
The exit code is 0 when a library loads, whatever else there is to improve.

Examples:
  dlssl doctor
  dlssl doctor --json
  dlssl doctor --lib-dir /opt/openssl/lib")]
pub(crate) struct DoctorArgs {
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) library: LibraryOptions,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Needs no network and leaves no files: the certificates are made in memory, the two ends share a socket pair.

Examples:
  dlssl selftest
  dlssl selftest --lib-dir /opt/openssl/lib --json")]
pub(crate) struct SelftestArgs {
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Then reload to the library in this directory, while a connection on the first one goes on
    #[arg(long, value_name = "DIR")]
    pub(crate) second_lib_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) library: LibraryOptions,
}

#[derive(Debug, Args)]
#[command(after_help = "\
One thread, in memory, both ends on the same library. Other work on the machine changes the figures; several libraries
take turns, so that their ratios stay comparable.

Examples:
  dlssl bench
  dlssl bench --also /opt/openssl-3.5/lib64 --also /opt/libressl/lib
  dlssl bench --json --rounds 21")]
pub(crate) struct BenchArgs {
    /// Print one JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Also measure the library in this directory (may be repeated)
    #[arg(long, value_name = "DIR")]
    pub(crate) also: Vec<PathBuf>,
    /// Rounds in which the libraries take turns; the figures are medians
    #[arg(long, value_name = "N", default_value = "9")]
    pub(crate) rounds: NonZeroU16,
    #[command(flatten)]
    pub(crate) library: LibraryOptions,
}

#[derive(Debug, Args)]
#[command(after_help = "\
At the end of standard input the peer is told (close_notify), and its answer is still read until it closes.
A summary goes to standard error. A peer that closes without close_notify before it was told is a failure;
afterwards it is a note, since many servers close so.

Examples:
  dlssl connect example.org:443
  printf 'GET / HTTP/1.0\\r\\nHost: example.org\\r\\n\\r\\n' | dlssl connect example.org:443
  dlssl connect mail.example.org:25 --starttls smtp
  dlssl connect [::1]:8443 --name localhost --ca ca.pem --timeout 5")]
// Where there is no poll(2) nothing reads them.
#[cfg_attr(not(unix), allow(dead_code))]
pub(crate) struct ConnectArgs {
    /// The peer; an IPv6 address goes in brackets
    #[arg(value_name = "HOST:PORT", value_parser = endpoint)]
    pub(crate) peer: Endpoint,

    /// The name the peer's certificate must carry [default: HOST]
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Trust the certificates in this PEM file, and no others
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// Trust the certificates in this hashed directory, and no others
    #[arg(long, value_name = "DIR")]
    pub(crate) ca_dir: Option<PathBuf>,

    /// Accept any certificate: anyone on the way can read and change what is sent
    #[arg(long)]
    pub(crate) danger_no_verify: bool,

    /// Protocols to offer, the preferred one first
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = alpn)]
    pub(crate) alpn: Vec<String>,

    /// Certificate chain to show to the peer, in PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// Private key of that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) versions: Versions,

    /// Speak this protocol in the clear up to where TLS begins
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    pub(crate) starttls: Option<Starttls>,

    /// Let TLS work on the socket's descriptor instead of through Rust's Read and Write
    #[arg(long)]
    pub(crate) socket_bio: bool,

    /// Give up when nothing moves for so long: connecting, in the handshake, or afterwards [default: never]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) library: LibraryOptions,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The first line on standard output is \"listening on ADDR:PORT\". Ends on SIGINT, SIGTERM and SIGHUP with exit code 0;
under nohup, not on SIGHUP.

Examples:
  dlssl serve --listen 127.0.0.1:8443 --cert cert.pem --key key.pem
  dlssl serve --listen [::]:0 --cert cert.pem --key key.pem --http --alpn http/1.1")]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", value_parser = listen_endpoint)]
    pub(crate) listen: Endpoint<u16>,

    /// Certificate chain, the server's own first, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: PathBuf,

    /// Private key of that certificate, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,

    /// Send back what comes (the default)
    #[arg(long, conflicts_with = "http")]
    pub(crate) echo: bool,

    /// Answer GET with a page that names the library and the cipher
    #[arg(long)]
    pub(crate) http: bool,

    /// Protocols to accept, the preferred one first
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = alpn)]
    pub(crate) alpn: Vec<String>,

    #[command(flatten)]
    pub(crate) versions: Versions,

    /// Let TLS work on the socket's descriptor instead of through Rust's Read and Write
    #[arg(long)]
    pub(crate) socket_bio: bool,

    /// Time for a handshake, for the head of a request, and for each read and write of a connection
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "30")]
    pub(crate) timeout: Duration,

    /// Time for a whole connection, beside one second for each KiB that it moves: so nobody keeps a place by a byte now and then
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "600")]
    pub(crate) max_time: Duration,

    /// Connections at one time; the next one waits until one ends
    #[arg(long, value_name = "NUMBER", default_value = "1024")]
    pub(crate) max_connections: NonZeroUsize,

    #[command(flatten)]
    pub(crate) library: LibraryOptions,
}

/// Bounds for the TLS version.
#[derive(Debug, Args)]
pub(crate) struct Versions {
    /// Oldest TLS version to agree to: 1.0, 1.1, 1.2 or 1.3 [default: 1.2]
    #[arg(long, value_name = "VERSION", value_parser = protocol)]
    pub(crate) min_tls: Option<Protocol>,

    /// Newest TLS version to agree to [default: the library's newest]
    #[arg(long, value_name = "VERSION", value_parser = protocol)]
    pub(crate) max_tls: Option<Protocol>,
}

/// A host and a port as given; resolving it is the command's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint<P = NonZeroU16> {
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: P,
}

impl<P: std::fmt::Display> std::fmt::Display for Endpoint<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

fn endpoint(text: &str) -> Result<Endpoint, String> {
    let Endpoint { host, port } = listen_endpoint(text)?;
    let port = NonZeroU16::new(port).ok_or("port 0 cannot be connected to")?;
    Ok(Endpoint { host, port })
}

fn listen_endpoint(text: &str) -> Result<Endpoint<u16>, String> {
    let (host, port) = text.rsplit_once(':').ok_or("a port is missing: write HOST:PORT")?;
    let host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(inside) => inside,
        // "::1:443" could end in a port or not.
        None if host.contains([':', '[', ']']) => {
            return Err("write an IPv6 address in brackets: [ADDRESS]:PORT".into());
        }
        None => host,
    };
    if host.is_empty() {
        return Err("the host is missing: write HOST:PORT".into());
    }
    // `parse` alone would take "+443".
    if !port.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("\"{port}\" is not a port number"));
    }
    let port = port.parse().map_err(|_| format!("\"{port}\" is not a port number (0 to 65535)"))?;
    Ok(Endpoint { host: host.into(), port })
}

fn protocol(text: &str) -> Result<Protocol, String> {
    text.parse().map_err(|_| "write 1.0, 1.1, 1.2 or 1.3".to_string())
}

fn alpn(text: &str) -> Result<String, String> {
    match text.len() {
        1..=255 => Ok(text.into()),
        0 => Err("a protocol name cannot be empty".into()),
        _ => Err("a protocol name has at most 255 bytes".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let refused = || "write a number of seconds above 0, such as 5 or 0.5".to_string();
    let number: f64 = text.parse().map_err(|_| refused())?;
    match Duration::try_from_secs_f64(number) {
        // More than a year is as good as never, and some kernels refuse it.
        Ok(time) if !time.is_zero() => Ok(time.min(Duration::from_secs(365 * 24 * 3600))),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Command, ErrorKind> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.command).map_err(|error| error.kind())
    }

    fn connect(line: &str) -> Result<Box<ConnectArgs>, ErrorKind> {
        match parse(line)? {
            Command::Connect(args) => Ok(args),
            other => panic!("not connect: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_help() {
        for command in Cli::command().get_subcommands() {
            for arg in command.get_arguments() {
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                assert!(!help.is_empty(), "{} {}", command.get_name(), arg.get_id());
                assert!(!help.contains('\n'), "{} {}", command.get_name(), arg.get_id());
            }
        }
    }

    #[test]
    fn endpoints() {
        let host = |text| endpoint(text).map(|e| (e.host, e.port.get()));
        assert_eq!(host("example.org:443"), Ok(("example.org".into(), 443)));
        assert_eq!(host("[::1]:443"), Ok(("::1".into(), 443)));
        assert_eq!(host("[fe80::1%eth0]:1"), Ok(("fe80::1%eth0".into(), 1)));
        for wrong in [
            "",
            ":",
            "example.org",
            "example.org:",
            ":443",
            "[]:443",
            "::1:443",
            "[::1]",
            "[::1:443",
            "a:0",
            "a:65536",
            "a:+1",
            "a:-1",
            "a: 1",
            "a:https",
        ] {
            assert!(endpoint(wrong).is_err(), "{wrong}");
        }
        assert!(listen_endpoint("127.0.0.1:0").is_ok());
    }

    #[test]
    fn an_endpoint_reads_back_as_it_is_shown() {
        for text in ["example.org:443", "[::1]:443", "127.0.0.1:80"] {
            assert_eq!(endpoint(text).map(|e| e.to_string()), Ok(text.into()));
        }
    }

    #[test]
    fn durations() {
        assert_eq!(seconds("5"), Ok(Duration::from_secs(5)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for wrong in ["0", "-1", "NaN", "inf", "1e300", "five", ""] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn versions() {
        let args = connect("dlssl connect a:1 --min-tls 1.2 --max-tls TLSv1.3").unwrap();
        assert_eq!(args.versions.min_tls, Some(Protocol::Tls12));
        assert_eq!(args.versions.max_tls, Some(Protocol::Tls13));
        assert!(connect("dlssl connect a:1 --min-tls 1.4").is_err());
    }

    #[test]
    fn alpn_is_a_list() {
        let args = connect("dlssl connect a:1 --alpn h2,http/1.1").unwrap();
        assert_eq!(args.alpn, ["h2", "http/1.1"]);
        assert!(connect("dlssl connect a:1 --alpn h2,").is_err());
        assert!(alpn(&"x".repeat(256)).is_err());
    }

    #[test]
    fn halves_of_a_pair_need_each_other() {
        for wrong in [
            "connect a:1 --cert c",
            "connect a:1 --key k",
            "doctor --libssl s",
            "doctor --libcrypto c",
            "serve --listen a:0 --cert c",
        ] {
            let kind = parse(&format!("dlssl {wrong}")).err();
            assert_eq!(kind, Some(ErrorKind::MissingRequiredArgument), "{wrong}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        for wrong in
            ["doctor --lib-dir d --libssl s --libcrypto c", "serve --listen a:0 --cert c --key k --echo --http"]
        {
            let kind = parse(&format!("dlssl {wrong}")).err();
            assert_eq!(kind, Some(ErrorKind::ArgumentConflict), "{wrong}");
        }
    }
}
