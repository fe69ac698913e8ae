//! Whether library and kernel have kernel TLS, and what a connection over the loopback makes of it.

use dlssl::{KernelTls, Library};
use serde::Serialize;

/// Where Linux lists what can be put on top of TCP; only what is loaded.
const LISTED: &str = "/proc/sys/net/ipv4/tcp_available_ulp";

#[derive(Debug, Default, Serialize)]
pub(super) struct KernelTlsReport {
    /// Whether the library was built with it.
    pub(super) library: bool,
    /// Whether the kernel has it; absent where it does not say.
    pub(super) kernel: Option<bool>,
    /// Protocol and cipher suite of the connection that tried it.
    pub(super) tried: Option<String>,
    /// Whether the kernel encrypted what that connection sent.
    pub(super) sending: bool,
    /// Whether the kernel decrypted what it received.
    pub(super) receiving: bool,
    /// Why there was no such connection.
    pub(super) obstacle: Option<String>,
}

/// Tries it. The kernel is asked afterwards: a connection of root's loads the module.
pub(super) fn examine(library: &Library) -> KernelTlsReport {
    let mut capabilities = library.capabilities().into_iter();
    let library_has = capabilities.any(|known| known.name == "option ENABLE_KTLS" && known.state.works());
    let mut report = KernelTlsReport { library: library_has, ..Default::default() };
    if library_has {
        match attempt::run(library) {
            Ok((words, kernel)) => {
                report.tried = Some(words);
                KernelTls { sending: report.sending, receiving: report.receiving, .. } = kernel;
            }
            Err(error) => report.obstacle = Some(error),
        }
    }
    report.kernel = std::fs::read_to_string(LISTED).ok().map(|list| lists_tls(&list));
    report
}

fn lists_tls(list: &str) -> bool {
    list.split_whitespace().any(|name| name == "tls")
}

impl KernelTlsReport {
    /// The findings in words.
    pub(super) fn rows(&self) -> Vec<(&'static str, String)> {
        let library =
            if self.library { "built with it" } else { "has none (OpenSSL from 3.0 on can be built with it)" };
        let kernel = match self.kernel {
            Some(true) => "has it",
            Some(false) => "has none, or the module tls is not loaded",
            None => "does not say",
        };
        let mut rows = vec![("library", library.to_owned()), ("kernel", kernel.to_owned())];
        if let Some(tried) = &self.tried {
            let encrypts = if self.sending { "the kernel encrypts" } else { "the library encrypts" };
            let decrypts = if self.receiving { "the kernel decrypts" } else { "the library decrypts" };
            rows.push(("tried", format!("{tried}: {encrypts}, {decrypts}")));
        }
        if let Some(obstacle) = &self.obstacle {
            rows.push(("not tried", obstacle.clone()));
        }
        rows
    }
}

#[cfg(unix)]
mod attempt {
    use std::io;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::thread;
    use std::time::{Duration, Instant};

    use dlssl::{Acceptor, Connector, Identity, KernelTls, Library, Roots};

    use crate::certificate;

    const NAME: &str = "doctor.dlssl.test";

    /// Longer than any handshake with oneself.
    const PATIENCE: Duration = Duration::from_secs(10);

    /// Protocol and cipher suite of a connection with oneself, and what the kernel does for its server.
    pub(super) fn run(library: &Library) -> Result<(String, KernelTls), String> {
        let certificates = certificate::make(NAME).map_err(|error| format!("no certificate: {error}"))?;
        let identity = Identity::pem(certificates.leaf.as_bytes(), certificates.key.as_bytes());
        let roots = Roots::pem(certificates.root.as_bytes());
        let acceptor = Acceptor::builder(library, identity).kernel_tls(true).build().map_err(said)?;
        let connector = Connector::builder(library).roots(roots).kernel_tls(true).build().map_err(said)?;
        let (near, far) = connected().map_err(|error| format!("no connection over the loopback: {error}"))?;
        let end = Instant::now() + PATIENCE;
        thread::scope(|scope| {
            let server = scope.spawn(move || {
                let tls = acceptor.configure()?.deadline(end).accept_openssl_socket(far)?;
                Ok::<_, dlssl::Error>((format!("{} {}", tls.protocol_name(), tls.cipher()), tls.kernel_tls()))
            });
            let client = connector.configure(NAME).map_err(said)?.deadline(end).connect_openssl_socket(near);
            let client = client.map_err(|error| said(error.into()));
            match server.join() {
                Ok(server) => client.and(server.map_err(said)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    #[allow(clippy::needless_pass_by_value, reason = "as `map_err` has it")]
    fn said(error: dlssl::Error) -> String {
        error.to_string()
    }

    fn connected() -> io::Result<(TcpStream, TcpStream)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let near = TcpStream::connect(listener.local_addr()?)?;
        let (far, _) = listener.accept()?;
        Ok((near, far))
    }
}

#[cfg(not(unix))]
mod attempt {
    use dlssl::{KernelTls, Library};

    pub(super) fn run(_library: &Library) -> Result<(String, KernelTls), String> {
        Err("OpenSSL's own socket BIO is offered on Unix only".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_is_read() {
        assert!(lists_tls("espintcp mptcp tls\n"));
        assert!(!lists_tls("espintcp mptcp\n"));
        assert!(!lists_tls("tls-not\n"));
    }

    #[test]
    fn findings_become_words() {
        let report = KernelTlsReport {
            library: true,
            kernel: Some(true),
            tried: Some("TLSv1.3 SUITE".into()),
            sending: true,
            ..Default::default()
        };
        let rows = report.rows();
        assert_eq!(rows.last().unwrap().1, "TLSv1.3 SUITE: the kernel encrypts, the library decrypts");
        assert!(KernelTlsReport::default().rows()[0].1.contains("has none"));
    }
}
