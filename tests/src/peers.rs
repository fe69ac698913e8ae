//! Other people's TLS servers as children of a test: on a free port of the loopback, accepting before the test goes on, killed on drop.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::pki::Pki;
use crate::process::{PATIENCE, Running, foreign};

/// A TLS version, as the programs spell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// TLS 1.2.
    V12,
    /// TLS 1.3.
    V13,
}

impl Tls {
    /// `1.2` or `1.3`.
    pub fn number(self) -> &'static str {
        match self {
            Tls::V12 => "1.2",
            Tls::V13 => "1.3",
        }
    }

    /// The option of `openssl s_server` and `openssl s_client`.
    pub fn openssl_option(self) -> &'static str {
        match self {
            Tls::V12 => "-tls1_2",
            Tls::V13 => "-tls1_3",
        }
    }

    /// A priority string of GnuTLS.
    pub fn gnutls_priority(self) -> &'static str {
        match self {
            Tls::V12 => "NORMAL:-VERS-ALL:+VERS-TLS1.2",
            Tls::V13 => "NORMAL:-VERS-ALL:+VERS-TLS1.3",
        }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    running: Running,
    port: u16,
}

impl Server {
    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address to connect to.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// What the server has said so far.
    pub fn log(&self) -> String {
        format!("{}{}", self.running.stdout(), self.running.stderr())
    }
}

/// A port that nothing listens on and that this process has not handed out yet.
pub fn free_port() -> u16 {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut given = GIVEN.lock().unwrap();
        if given.get_or_insert_default().insert(port) {
            return port;
        }
    }
}

/// Starts a server and waits until it accepts; another process may take the port first, so it tries three times.
pub fn serve(mut command: impl FnMut(u16) -> Command) -> Server {
    let mut logs = String::new();
    for _ in 0..3 {
        let port = free_port();
        let mut running = Running::start(&mut command(port));
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && running.ended().is_none() {
            let address = (Ipv4Addr::LOCALHOST, port).into();
            if TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok() {
                return Server { running, port };
            }
            thread::sleep(Duration::from_millis(20));
        }
        logs += &format!("{}{}\n", running.stdout(), running.stderr());
    }
    panic!("the server did not start: {logs}");
}

/// `openssl s_server` with the server certificate of `pki` and further options.
pub fn openssl_server(pki: &Pki, options: &[&str]) -> Server {
    serve(|port| {
        let mut command = foreign("openssl");
        command
            .args(["s_server", "-accept", &format!("127.0.0.1:{port}")])
            .args(["-cert", text(pki.server_chain_path())])
            .args(["-cert_chain", text(pki.server_chain_path())])
            .args(["-key", text(pki.server_key_path())])
            .args(options);
        command
    })
}

/// gnutls-serv with the server certificate of `pki` and further options.
pub fn gnutls_server(pki: &Pki, options: &[&str]) -> Server {
    serve(|port| {
        let mut command = foreign("gnutls-serv");
        command
            .args(["--port", &port.to_string(), "--disable-client-cert"])
            .args(["--x509certfile", text(pki.server_chain_path())])
            .args(["--x509keyfile", text(pki.server_key_path())])
            .args(options);
        command
    })
}

/// nginx in the foreground, as the current user, with its whole world under `home`.
pub fn nginx(pki: &Pki, home: &Path, protocols: &str, page: &str) -> Server {
    serve(|port| {
        let home = text(home);
        let conf = format!(
            "daemon off;\nmaster_process off;\npid {home}/pid;\nerror_log stderr;\n\
             events {{ worker_connections 64; }}\n\
             http {{\n access_log off;\n\
             client_body_temp_path {home}/body;\n proxy_temp_path {home}/proxy;\n\
             fastcgi_temp_path {home}/fastcgi;\n uwsgi_temp_path {home}/uwsgi;\n\
             scgi_temp_path {home}/scgi;\n\
             server {{\n listen 127.0.0.1:{port} ssl;\n ssl_protocols {protocols};\n\
             ssl_certificate {};\n ssl_certificate_key {};\n\
             location / {{ return 200 \"{page}\"; }}\n }}\n}}\n",
            text(pki.server_chain_path()),
            text(pki.server_key_path()),
        );
        let file = format!("{home}/nginx.conf");
        std::fs::write(&file, conf).unwrap();
        let mut command = foreign("nginx");
        command.args(["-p", home, "-c", &file, "-e", "stderr"]);
        command
    })
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
