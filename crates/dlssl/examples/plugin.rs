//! A plugin that speaks TLS by a library of its own choice, inside of a host that has an OpenSSL too (`plugin_host.c`).
//!
//! The host may fork at any time, with threads inside of the plugin: in the child the plugin loads a copy of its own. It may
//! close the plugin too: dlssl has then pinned it, since the C library keeps its handlers.
//!
//! Every function gives nought for success, and says what is wrong on standard error.

use std::error::Error;
use std::ffi::{CStr, c_char, c_int};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::panic::catch_unwind;
use std::path::Path;
use std::time::Duration;

use dlssl::{Acceptor, Connector, Identity, Loader, Roots};

/// Takes the pair in a folder from now on; the default one when `directory` is null.
///
/// # Safety
/// `directory` must be null or a string that ends with NUL; what lies in that folder is run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plugin_reload(directory: *const c_char) -> c_int {
    // SAFETY: by contract.
    let directory = (!directory.is_null()).then(|| unsafe { CStr::from_ptr(directory) });
    answer(|| {
        let loader = match directory.map(CStr::to_str).transpose()? {
            // SAFETY: by contract.
            Some(directory) => unsafe { Loader::new().directory(directory) },
            None => Loader::new(),
        };
        let reloaded = dlssl::reload_with(loader)?;
        // One write: a worker's line stays in one piece.
        Ok(std::io::stdout().write_all(format!("process {}: {reloaded}\n", std::process::id()).as_bytes())?)
    })
}

/// Connects to itself over the loopback, and checks that what it sends comes back.
///
/// # Safety
/// `directory` must be a string that ends with NUL: where `server.crt`, `server.key` and `root.crt` lie. The certificate
/// must be for `name`, another such string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn plugin_handshake(directory: *const c_char, name: *const c_char) -> c_int {
    // SAFETY: by contract.
    let (directory, name) = unsafe { (CStr::from_ptr(directory), CStr::from_ptr(name)) };
    answer(|| handshake(Path::new(directory.to_str()?), name.to_str()?))
}

fn handshake(directory: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    let identity = Identity::pem_files(directory.join("server.crt"), directory.join("server.key"));
    let acceptor = Acceptor::following(identity).build()?;
    let connector = Connector::following().roots(Roots::file(directory.join("root.crt"))).build()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let patient = |socket: TcpStream| socket.set_read_timeout(Some(Duration::from_secs(30))).map(|()| socket);

    std::thread::scope(|threads| {
        let server = threads.spawn(|| -> std::io::Result<()> {
            let mut stream = acceptor.accept(patient(listener.accept()?.0)?)?;
            let mut got = [0; 4];
            stream.read_exact(&mut got)?;
            stream.write_all(&got)
        });
        let mut stream = connector.connect(name, patient(TcpStream::connect(address)?)?)?;
        stream.write_all(b"ping")?;
        let mut back = [0; 4];
        stream.read_exact(&mut back)?;
        server.join().map_err(|_| "the server's thread panicked")??;
        if &back == b"ping" { Ok(()) } else { Err("what came back is another".into()) }
    })
}

/// Neither an error nor a panic goes over to C.
fn answer(work: impl FnOnce() -> Result<(), Box<dyn Error>> + std::panic::UnwindSafe) -> c_int {
    match catch_unwind(work) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => {
            eprintln!("plugin, process {}: {error}", std::process::id());
            1
        }
        Err(_) => 2,
    }
}
