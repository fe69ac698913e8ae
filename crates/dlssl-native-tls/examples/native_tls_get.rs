//! Gets a page by the names of native-tls, on the OpenSSL that is named at start-up:
//! `cargo run -p dlssl-native-tls --example native_tls_get -- example.org 443 [DIRECTORY]`.

use std::env;
use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;

// Not needed where the manifest says `native-tls = { package = "dlssl-native-tls", … }`.
use dlssl_native_tls as native_tls;

use native_tls::{TlsConnector, dlssl};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(host), Some(port)) = (arguments.next(), arguments.next()) else {
        return Err("usage: native_tls_get HOST PORT [DIRECTORY of libssl and libcrypto]".into());
    };
    // The only lines that native-tls does not have, and first of all: what is made before them is on another library.
    if let Some(directory) = arguments.next() {
        // SAFETY: who starts the program vouches for what lies there.
        let loader = unsafe { dlssl::Loader::new().directory(directory) };
        dlssl::reload_with(loader)?;
    }

    let tcp = TcpStream::connect((host.as_str(), port.parse()?))?;
    let mut tls = TlsConnector::new()?.connect(&host, tcp)?;
    eprintln!("on {}", tls.library().version_text());
    write!(tls, "GET / HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut page = Vec::new();
    tls.read_to_end(&mut page)?;
    io::stdout().write_all(&page)?;
    tls.shutdown()?;
    Ok(())
}
