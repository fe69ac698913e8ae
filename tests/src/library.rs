//! The library under test: chosen by the environment of the test run, loaded once, and handed on to child processes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use dlssl::{Flavour, Library, Loader, Version};

/// A directory that holds both libraries under test.
pub const LIB_DIR: &str = "DLSSL_TEST_LIB_DIR";
/// The libssl under test, together with [`LIBCRYPTO`].
pub const LIBSSL: &str = "DLSSL_TEST_LIBSSL";
/// The libcrypto under test, together with [`LIBSSL`].
pub const LIBCRYPTO: &str = "DLSSL_TEST_LIBCRYPTO";
/// A directory with another OpenSSL, for tests that need two of them.
pub const OTHER_LIB_DIR: &str = "DLSSL_TEST_OTHER_LIB_DIR";

/// Whether this platform has private copies.
pub const PRIVATE_COPIES: bool = cfg!(all(target_os = "linux", target_env = "gnu"));

/// What the environment says about the library under test.
#[derive(Debug, Clone)]
pub enum Choice {
    /// The platform's own.
    Default,
    /// A directory with both.
    Directory(PathBuf),
    /// Two files: libssl, libcrypto.
    Files(PathBuf, PathBuf),
}

/// Reads the choice from the environment.
pub fn choice() -> Choice {
    let var = |name| std::env::var_os(name).filter(|v: &OsString| !v.is_empty());
    match (var(LIBSSL), var(LIBCRYPTO), var(LIB_DIR)) {
        (Some(ssl), Some(crypto), _) => Choice::Files(ssl.into(), crypto.into()),
        (_, _, Some(dir)) => Choice::Directory(dir.into()),
        _ => Choice::Default,
    }
}

/// A loader for the library under test.
pub fn loader() -> Loader {
    match choice() {
        Choice::Default => Loader::new(),
        // SAFETY: whoever set the variable asked for this library's code to run in the test process.
        Choice::Directory(dir) => unsafe { Loader::new().directory(dir) },
        // SAFETY: as above, for the two files.
        Choice::Files(ssl, crypto) => unsafe { Loader::new().files(ssl, crypto) },
    }
}

/// The library under test.
///
/// # Panics
/// With the whole explanation when it does not load.
pub fn library() -> &'static Library {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    let loaded = LIBRARY.get_or_init(|| loader().load().map_err(|e| format!("{e}\n{}", e.explanation())));
    match loaded {
        Ok(library) => library,
        Err(text) => panic!("the library under test does not load: {text}"),
    }
}

/// Whether the library under test speaks TLS 1.3.
pub fn has_tls13() -> bool {
    let floor = match library().flavour() {
        Flavour::LibreSsl => Version::parse("3.2.0"),
        _ => Version::parse("1.1.1"),
    };
    floor.is_some_and(|floor| library().version() >= floor)
}

/// Whether the library under test is an OpenSSL of at least this version.
pub fn is_openssl_from(version: &str) -> bool {
    library().flavour() == Flavour::OpenSsl && Version::parse(version).is_some_and(|v| library().version() >= v)
}

/// Whether the library under test was built with kernel TLS, by the evidence of its libssl: only then does that import
/// the system's `sendfile`. (dlssl asks the library by other means.)
pub fn has_kernel_tls() -> bool {
    use object::{Object, ObjectSymbol};
    let bytes = std::fs::read(library().libssl_path()).unwrap_or_default();
    // The second on 32-bit machines.
    let is_sendfile = |name: &str| matches!(name, "sendfile" | "sendfile64");
    let imports = |file: object::File<'_>| {
        file.dynamic_symbols().any(|symbol| symbol.is_undefined() && symbol.name().is_ok_and(is_sendfile))
    };
    is_openssl_from("3.0.0") && object::File::parse(&*bytes).is_ok_and(imports)
}

/// The choice as options of the `dlssl` command.
pub fn cli_options() -> Vec<OsString> {
    match choice() {
        Choice::Default => Vec::new(),
        Choice::Directory(dir) => vec!["--lib-dir".into(), dir.into()],
        Choice::Files(ssl, crypto) => vec!["--libssl".into(), ssl.into(), "--libcrypto".into(), crypto.into()],
    }
}

/// The choice as arguments of the helper programs that load.
pub fn probe_options() -> Vec<OsString> {
    match choice() {
        Choice::Default => Vec::new(),
        Choice::Directory(dir) => vec!["--dir".into(), dir.into()],
        Choice::Files(ssl, crypto) => vec!["--files".into(), ssl.into(), crypto.into()],
    }
}

/// The choice as the variables that dlssl itself reads; without a choice they stay as they are.
pub fn set_environment(command: &mut Command) {
    match choice() {
        Choice::Default => {}
        Choice::Directory(dir) => {
            clear_environment(command);
            command.env("DLSSL_DIR", dir);
        }
        Choice::Files(ssl, crypto) => {
            clear_environment(command);
            command.env("DLSSL_LIBSSL", ssl).env("DLSSL_LIBCRYPTO", crypto);
        }
    }
}

/// Takes dlssl's own variables out of a child's environment.
pub fn clear_environment(command: &mut Command) {
    for name in ["DLSSL_DIR", "DLSSL_LIBSSL", "DLSSL_LIBCRYPTO"] {
        command.env_remove(name);
    }
}
