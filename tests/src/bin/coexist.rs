//! A host that already has OpenSSLs, and then loads some more: all of them talk with each other in the end.
//!
//! Arguments, in order: `local DIR` and `global DIR` open the two libraries in a folder as a host would; `load DIR` and
//! `always DIR` load the pair in a folder with dlssl, the latter as a private copy; `default` takes the default search.
//! Prints one line of JSON for each load, and one for the talk.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails by panicking")]

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use dlssl::{Acceptor, Connector, Isolation, Library, Loader};
use dlssl_tests::pki::{NAME, Pki};
use dlssl_tests::talk;
use serde_json::json;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let mut loaded: Vec<Library> = Vec::new();
    while let Some(word) = arguments.next() {
        let mut folder = || PathBuf::from(arguments.next().expect("a folder follows"));
        let loader = match word.to_str() {
            Some("local") => {
                host_opens(&folder(), libc::RTLD_LOCAL);
                continue;
            }
            Some("global") => {
                host_opens(&folder(), libc::RTLD_GLOBAL);
                continue;
            }
            // SAFETY: the test that started this process names the folder and wants its libraries run.
            Some("load") => unsafe { Loader::new().directory(folder()) },
            // SAFETY: as above.
            Some("always") => unsafe { Loader::new().directory(folder()) }.isolation(Isolation::Always),
            // SAFETY: as above.
            Some("never") => unsafe { Loader::new().directory(folder()) }.isolation(Isolation::Never),
            Some("default") => Loader::new(),
            Some("held") => Loader::new().already_loaded(),
            _ => panic!("unknown argument {}", word.display()),
        };
        match loader.load() {
            Ok(library) => {
                println!("{}", report(&library));
                loaded.push(library);
            }
            Err(error) => println!("{}", json!({"ok": false, "code": error.code(), "message": error.to_string()})),
        }
    }
    let talks = talk(&loaded);
    println!("{}", json!({"talks": talks}));
}

fn report(library: &Library) -> serde_json::Value {
    let taken = library.explain().taken.clone().expect("it was taken");
    json!({
        "ok": true,
        "version": library.version_text(),
        "libssl": library.libssl_path(),
        "libcrypto": library.libcrypto_path(),
        "private": library.is_private_copy(),
        "why": taken.private_copy,
        "mapping": library.mapping(),
        "text": library.explain().to_string(),
    })
}

/// Opens libcrypto and libssl as a host would that knows nothing of dlssl.
fn host_opens(folder: &Path, visibility: i32) {
    for half in ["libcrypto", "libssl"] {
        let file = find(folder, half);
        let name = CString::new(file.as_os_str().as_bytes()).expect("no NUL in a path");
        // SAFETY: the test that started this process wants this library's code run.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | visibility) };
        assert!(!handle.is_null(), "the host cannot open {}", file.display());
    }
}

fn find(folder: &Path, half: &str) -> PathBuf {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let rest = name.strip_prefix(half).unwrap_or_default();
            (rest.starts_with(".so") || rest.starts_with('-') && rest.contains(".so")) && !path.is_symlink()
        })
        .collect();
    files.sort();
    files.into_iter().next().expect("the folder has both libraries")
}

/// Every loaded library as a client of every other: how many handshakes with an echo were good.
fn talk(libraries: &[Library]) -> usize {
    use std::io::{Read as _, Write as _};
    let pki = Pki::shared();
    let acceptors: Vec<Acceptor> = libraries
        .iter()
        .map(|library| Acceptor::builder(library, pki.server.identity()).build().expect("an acceptor"))
        .collect();
    let mut good = 0;
    for library in libraries {
        let connector = Connector::builder(library).roots(pki.authority.roots()).build().expect("a connector");
        for acceptor in &acceptors {
            let (client, server) = talk::shake(&connector, acceptor, NAME, talk::tcp_pair());
            let (mut client, mut server) = match (client, server) {
                (Ok(client), Ok(server)) => (client, server),
                (client, server) => {
                    let what = |error: Option<String>| error.unwrap_or_default();
                    println!(
                        "{}",
                        json!({
                            "client": library.version_text(),
                            "server": acceptor.library().version_text(),
                            "error": [what(client.err().map(|e| e.to_string())), what(server.err().map(|e| e.to_string()))],
                        })
                    );
                    continue;
                }
            };
            client.write_all(b"ping").expect("a write");
            let mut got = [0; 4];
            server.read_exact(&mut got).expect("a read");
            server.write_all(&got).expect("a write");
            client.read_exact(&mut got).expect("a read");
            good += usize::from(&got == b"ping");
        }
    }
    good
}
