//! Initialisation of a library: explicit, before any other call, without its exit handler where it lets us.
//!
//! Cleaning up at exit races with threads that still run. From OpenSSL 1.1.1 on a flag leaves it out, which counts
//! when nobody in the process initialised that library before; the others do not register one, but for 1.1.0.

use std::ffi::{CString, c_int};
use std::path::PathBuf;

use super::identify::Identity;
use super::locks;
use crate::compat;
use crate::error::{ErrorStack, LoadFailure};
use crate::ffi::Functions;
use crate::ffi::options::{INIT_LOAD_CONFIG, INIT_NO_ATEXIT, INIT_NO_LOAD_CONFIG, OptionSpec, Setting};
use crate::version::{Flavour, Version};

/// Which configuration file the library reads when it is initialised.
///
/// # Examples
/// ```
/// let library = dlssl_core::Loader::new().configuration(dlssl_core::Configuration::None).load()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Configuration {
    /// The library's own (`openssl.cnf` in its OPENSSLDIR, or what `OPENSSL_CONF` names), where it has one.
    #[default]
    Library,
    /// None.
    None,
    /// This file.
    File(PathBuf),
}

/// Whether this library reads the file that `OPENSSL_CONF` names even in a process that runs set-user-id. Such a file can name
/// code to run.
pub(super) fn believes_the_environment(identity: &Identity) -> bool {
    identity.flavour == Flavour::OpenSsl && identity.version < Version::new(1, 1, 1)
}

/// Initialises a library. Harmless when it is already, except before 1.1.0 under threads that use it.
///
/// # Errors
/// [`LoadFailure::Initialisation`] with the library's words, [`LoadFailure::Setting`] where it cannot read a
/// chosen file.
pub(crate) fn initialise(
    functions: &Functions,
    identity: &Identity,
    configuration: &Configuration,
) -> Result<(), LoadFailure> {
    match functions.ssl.OPENSSL_init_ssl {
        Some(init) => {
            let wanted = match configuration {
                Configuration::Library => INIT_LOAD_CONFIG,
                Configuration::None | Configuration::File(_) => INIT_NO_LOAD_CONFIG,
            };
            let flags = bits(wanted, identity) | bits(INIT_NO_ATEXIT, identity);
            // SAFETY: flags of this library by name; null settings are the documented default.
            check(functions, identity, || unsafe { init(flags, std::ptr::null()) })?;
        }
        None => initialise_before_1_1_0(functions, identity, configuration)?,
    }
    match configuration {
        Configuration::File(_) => read_configuration(functions, identity, configuration),
        Configuration::Library | Configuration::None => Ok(()),
    }
}

/// Value of a flag in this library; nought where it has none (then it has nothing to ask for either: 1.1.0's exit
/// handler cannot be left out).
fn bits(option: OptionSpec, identity: &Identity) -> u64 {
    match option.resolve(identity.flavour, identity.version) {
        Setting::Bits(bits) => bits,
        _ => 0,
    }
}

fn initialise_before_1_1_0(
    functions: &Functions,
    identity: &Identity,
    configuration: &Configuration,
) -> Result<(), LoadFailure> {
    let (Some(library_init), Some(load_error_strings), Some(add_all_algorithms)) = (
        functions.ssl.SSL_library_init,
        functions.ssl.SSL_load_error_strings,
        functions.evp.OPENSSL_add_all_algorithms_noconf,
    ) else {
        return Err(LoadFailure::Setting {
            text: identity.text.clone(),
            what: "be initialised: it has no function for it",
        });
    };
    install_locks(functions, identity)?;
    // SAFETY: the order that these versions document; all may be repeated, while no other thread is in the library.
    check(functions, identity, || unsafe {
        let result = library_init();
        load_error_strings();
        add_all_algorithms();
        result
    })?;
    if *configuration == Configuration::Library
        && let Some(load) = functions.conf.CONF_modules_load_file
    {
        // SAFETY: null names mean the library's own file and section; flags: a missing file and a module that
        // fails are not errors, as `OPENSSL_config` of these versions has it.
        unsafe { load(std::ptr::null(), std::ptr::null(), IGNORE_MISSING_FILE | IGNORE_ERRORS) };
        compat::error::clear(functions);
    }
    Ok(())
}

/// `CONF_MFLAGS_DEFAULT_SECTION`.
const DEFAULT_SECTION: std::ffi::c_ulong = 0x20;
/// `CONF_MFLAGS_IGNORE_RETURN_CODES`, with faults of modules left out.
const IGNORE_RETURN_CODES: std::ffi::c_ulong = 0x100;
/// `CONF_MFLAGS_IGNORE_ERRORS`.
const IGNORE_ERRORS: std::ffi::c_ulong = 0x1;
/// `CONF_MFLAGS_IGNORE_MISSING_FILE`.
const IGNORE_MISSING_FILE: std::ffi::c_ulong = 0x10;

/// Reads a configuration file into a library that is initialised without one. The library's own may be missing or have
/// faults, as when the library reads it by itself.
pub(crate) fn read_configuration(
    functions: &Functions,
    identity: &Identity,
    configuration: &Configuration,
) -> Result<(), LoadFailure> {
    let setting = |what| LoadFailure::Setting { text: identity.text.clone(), what };
    let load = functions.conf.CONF_modules_load_file.ok_or_else(|| setting("read a configuration file"));
    match configuration {
        Configuration::None => Ok(()),
        Configuration::Library => {
            let flags = DEFAULT_SECTION | IGNORE_MISSING_FILE | IGNORE_RETURN_CODES;
            let load = load?;
            // SAFETY: null names mean the library's own file and section.
            check(functions, identity, || unsafe { load(std::ptr::null(), std::ptr::null(), flags) })
        }
        Configuration::File(file) => {
            let name = file.to_str().and_then(|name| CString::new(name).ok());
            let name = name.ok_or_else(|| setting("take a configuration file whose name is not plain text"))?;
            let load = load?;
            // SAFETY: a string that ends with NUL and lives through the call; null means the default section.
            check(functions, identity, || unsafe { load(name.as_ptr(), std::ptr::null(), 0) })
        }
    }
}

/// Runs one step; a result below one is a failure, with what the error queue says.
fn check(functions: &Functions, identity: &Identity, step: impl FnOnce() -> c_int) -> Result<(), LoadFailure> {
    if step() >= 1 {
        // A configuration file that is not there leaves an entry behind on some versions.
        compat::error::clear(functions);
        return Ok(());
    }
    let queue = ErrorStack::new(compat::error::drain(functions, identity.flavour, identity.version));
    Err(LoadFailure::Initialisation { text: identity.text.clone(), queue })
}

/// Gives a library before 1.1.0 its locks, unless another component of the process did. Threads it tells apart by
/// the address of `errno`, which is right on every Unix.
fn install_locks(functions: &Functions, identity: &Identity) -> Result<(), LoadFailure> {
    let crypto = &functions.crypto;
    let (Some(count), Some(get), Some(set)) =
        (crypto.CRYPTO_num_locks, crypto.CRYPTO_get_locking_callback, crypto.CRYPTO_set_locking_callback)
    else {
        return Ok(());
    };
    // SAFETY: plain getters, and a setter of a callback that lives as long as the program.
    unsafe {
        if get().is_some() {
            return Ok(());
        }
        if usize::try_from(count()).is_ok_and(|count| count > locks::MOST_LOCKS) {
            return Err(LoadFailure::Setting {
                text: identity.text.clone(),
                what: "be used: it wants more locks than known",
            });
        }
        set(Some(locks::lock));
    }
    Ok(())
}
