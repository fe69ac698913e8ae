//! Gets a page through ureq, which blocks and needs no runtime, on an OpenSSL of the caller's choice.
//!
//! ```sh
//! cargo run -p dlssl-examples --example ureq_get -- [--lib-dir DIR] [--ca FILE] [--limit SECONDS] https://HOST[:PORT]/PATH
//! ```
//!
//! The page goes to standard output, what it came by to standard error. The part that a program of your own takes over is the
//! module `tls`: ureq does not promise that its traits for connectors stay as they are, so dlssl has no crate with them.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use dlssl::{Connector, Roots};
use dlssl_examples::{Arguments, Failure};
use ureq::Agent;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, TcpConnector};

const USAGE: &str = "ureq_get [--lib-dir DIR] [--ca FILE] [--limit SECONDS] https://HOST[:PORT]/PATH";

fn main() -> ExitCode {
    dlssl_examples::end(run())
}

fn run() -> Result<(), Failure> {
    let mut arguments = Arguments::of_program(USAGE)?;
    let mut tls = Connector::following();
    if let Some(file) = arguments.value::<String>("--ca")? {
        tls = tls.roots(Roots::file(file));
    }
    let limit = arguments.value("--limit")?.map(Duration::from_secs);
    let address: String = arguments.last("address")?;

    let connector =
        ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default()).chain(tls::Tls(tls.build()?));
    let config = Agent::config_builder().https_only(true).timeout_global(limit).build();
    let agent = Agent::with_parts(config, connector, DefaultResolver::default());

    let page = agent.get(&address).call()?.body_mut().read_to_vec()?;
    Ok(std::io::stdout().write_all(&page)?)
}

/// Dlssl in the place that ureq has for TLS.
mod tls {
    use std::io::{self, ErrorKind, Read, Write};

    use ureq::unversioned::transport::{
        Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
    };
    use ureq::{Error, http::Uri};

    /// Does TLS over what the connectors before it have connected, where the address asks for it.
    #[derive(Debug)]
    pub(crate) struct Tls(pub(crate) dlssl::Connector);

    /// One connection.
    #[derive(Debug)]
    pub(crate) struct TlsTransport {
        buffers: LazyBuffers,
        stream: dlssl::TlsStream<TransportAdapter>,
    }

    impl<In: Transport> Connector<In> for Tls {
        type Out = Either<In, TlsTransport>;

        fn connect(&self, details: &ConnectionDetails<'_>, below: Option<In>) -> Result<Option<Self::Out>, Error> {
            let Some(below) = below else { return Ok(None) };
            if !details.needs_tls() || below.is_tls() {
                return Ok(Some(Either::A(below)));
            }
            let host = details.uri.host().ok_or_else(|| no_host(details.uri))?;
            let mut below = TransportAdapter::new(below.boxed(), details.current_time.clone());
            below.set_timeout(details.timeout);
            let stream = self.0.connect(host, below).map_err(|error| io::Error::from(error.into_failed()))?;
            eprintln!("{} {}, on {}", stream.protocol_name(), stream.cipher(), stream.library().version_text());
            let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
            Ok(Some(Either::B(TlsTransport { buffers, stream })))
        }
    }

    fn no_host(uri: &Uri) -> Error {
        Error::BadUri(format!("{uri} has no host"))
    }

    impl Transport for TlsTransport {
        fn buffers(&mut self) -> &mut dyn Buffers {
            &mut self.buffers
        }

        fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
            self.stream.get_mut().set_timeout(timeout);
            self.stream.write_all(&self.buffers.output()[..amount])?;
            Ok(self.stream.flush()?)
        }

        fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
            self.stream.get_mut().set_timeout(timeout);
            // ureq takes these for the end of a page without a length: one that was cut off would pass for whole.
            let count = self.stream.read(self.buffers.input_append_buf()).map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset => {
                    io::Error::other(error)
                }
                _ => error,
            })?;
            self.buffers.input_appended(count);
            Ok(count > 0)
        }

        fn is_open(&mut self) -> bool {
            self.stream.get_mut().get_mut().is_open()
        }

        fn is_tls(&self) -> bool {
            true
        }
    }
}
