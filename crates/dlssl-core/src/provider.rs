//! Providers of OpenSSL 3: loaded by name, also into a private copy.
//!
//! A module such as `legacy.so` asks for libcrypto by its ordinary name. Beside a private copy it would be bound to another
//! library, so it gets the same treatment: a copy that asks for the private name, handed to libcrypto as if built in.

use std::ffi::{CStr, CString, c_int};
use std::path::{Path, PathBuf};
use std::ptr;

use crate::error::ErrorStack;
use crate::ffi::symbols::provider::PROVIDER_ENTRY;
use crate::ffi::{OSSL_provider_init_fn, memory};
use crate::fork::{self, Hold};
use crate::isolate;
use crate::library::{Library, Parts};
use crate::load::{System, environment_is_trusted};

/// Why a provider is not there.
///
/// # Examples
/// ```
/// use dlssl_core::ProviderError;
///
/// match dlssl_core::current()?.load_provider("no-such-provider") {
///     Err(ProviderError::Unsupported { text }) => println!("{text} has no providers"),
///     other => assert!(other.is_err(), "there is none of that name"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProviderError {
    /// The library has no providers: OpenSSL before 3.0, and LibreSSL.
    #[error("{text} has no providers; they came with OpenSSL 3.0")]
    Unsupported {
        /// The library's version text.
        text: String,
    },
    /// The library was loaded before the fork that made this process.
    #[error(transparent)]
    Inherited(#[from] crate::Inherited),
    /// Not a name that C can take.
    #[error("a provider's name is plain text without NUL")]
    Name,
    /// The library cannot load it.
    #[error("{text} cannot load the provider {name}: {queue}")]
    Library {
        /// The provider.
        name: String,
        /// The library's version text.
        text: String,
        /// Its error queue.
        queue: ErrorStack,
    },
    /// Its module cannot be brought beside a private copy.
    #[error("the module {} cannot be loaded beside a private copy: {why}", path.display())]
    Module {
        /// The module.
        path: PathBuf,
        /// What stands in the way.
        why: String,
    },
}

impl Library {
    /// Loads a provider by name, such as `legacy` or `fips`, beside those that are active, for good and for every generation
    /// on this mapping ([`OSSL_PROVIDER_try_load`](https://docs.openssl.org/master/man3/OSSL_PROVIDER/)). Its module is
    /// looked for in `OPENSSL_MODULES` (unless the process runs set-user-id), else in the library's own folder for modules.
    ///
    /// # Errors
    /// [`ProviderError`].
    ///
    /// # Examples
    /// ```
    /// let library = dlssl_core::current()?;
    /// match library.load_provider("legacy") {
    ///     Ok(()) => assert!(library.has_provider("legacy")),
    ///     Err(error) => println!("{error}"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "OSSL_PROVIDER_try_load")]
    #[doc(alias = "OSSL_PROVIDER_load")]
    pub fn load_provider(&self, name: &str) -> Result<(), ProviderError> {
        self.check_process()?;
        let parts = self.parts();
        let Some(load) = parts.functions.provider.OSSL_PROVIDER_try_load else {
            return Err(ProviderError::Unsupported { text: parts.text.clone() });
        };
        let c_name = CString::new(name).map_err(|_| ProviderError::Name)?;
        let hold = fork::hold();
        let mut own = None;
        if parts.renamed.is_some() && !self.has_provider(name) && !name.contains('/') {
            let module = folder(parts).map(|folder| folder.join(name).with_extension("so"));
            if let Some(module) = module.filter(|module| module.is_file())
                && !hand_over(parts, &module, &c_name, &hold)?
            {
                own = Some(OwnModules::new(parts, &[module])?);
            }
        }
        // SAFETY: null is the default context; the name ends with NUL and lives through the call; other providers stay.
        let provider = unsafe { load(ptr::null_mut(), c_name.as_ptr(), 1) };
        drop(own);
        let queue = self.take_errors();
        if provider.is_null() {
            return Err(ProviderError::Library { name: name.to_owned(), text: parts.text.clone(), queue });
        }
        Ok(())
    }

    /// Whether a provider is active; `false` where there are none
    /// ([`OSSL_PROVIDER_available`](https://docs.openssl.org/master/man3/OSSL_PROVIDER/)).
    #[must_use]
    #[doc(alias = "OSSL_PROVIDER_available")]
    pub fn has_provider(&self, name: &str) -> bool {
        let (Some(available), Ok(name)) = (self.functions().provider.OSSL_PROVIDER_available, CString::new(name))
        else {
            return false;
        };
        // SAFETY: as for `load_provider`.
        !self.is_inherited() && unsafe { available(ptr::null_mut(), name.as_ptr()) } == 1
    }
}

/// Brings every module of a private copy's folder beside it, so that its configuration file may name them: those that want
/// libcrypto are handed over, the names of which come back; the others are found while [`OwnModules`] lives.
pub(crate) fn bring_all<'a>(
    parts: &'a Parts,
    hold: &Hold,
) -> Result<(Vec<String>, Option<OwnModules<'a>>), ProviderError> {
    let Some(entries) = folder(parts).and_then(|folder| std::fs::read_dir(folder).ok()) else {
        return Ok((Vec::new(), None));
    };
    let (mut names, mut others) = (Vec::new(), Vec::new());
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_stem().and_then(|name| CString::new(name.as_encoded_bytes()).ok());
        let Some(name) = name.filter(|_| path.extension().is_some_and(|extension| extension == "so")) else { continue };
        if hand_over(parts, &path, &name, hold)? {
            names.push(name.to_string_lossy().into_owned());
        } else {
            others.push(path);
        }
    }
    let own = if others.is_empty() { None } else { Some(OwnModules::new(parts, &others)?) };
    Ok((names, own))
}

/// Modules that do not ask for libcrypto by its name, such as `fips.so`, which reads its own file to check itself and so
/// cannot be handed over: the library loads them from a folder of links to unchanged copies for as long as this lives. From
/// their own files they would be one mapping with another library's, and its state theirs.
pub(crate) struct OwnModules<'a> {
    parts: &'a Parts,
    _folder: tempfile::TempDir,
    _copies: Vec<isolate::Placed>,
}

impl<'a> OwnModules<'a> {
    fn new(parts: &'a Parts, modules: &[PathBuf]) -> Result<Self, ProviderError> {
        let failed = |path: &Path, why: String| ProviderError::Module { path: path.to_owned(), why };
        let all = modules.first().map(PathBuf::as_path).unwrap_or(Path::new(""));
        let folder =
            tempfile::Builder::new().prefix("dlssl-").tempdir().map_err(|error| failed(all, error.to_string()))?;
        let mut copies = Vec::new();
        for module in modules {
            let copy = isolate::unchanged(module).map_err(|why| failed(module, why))?;
            let name = module.file_name().unwrap_or(module.as_os_str());
            link(&copy.path, &folder.path().join(name)).map_err(|error| failed(module, error.to_string()))?;
            copies.push(copy);
        }
        let path = CString::new(folder.path().as_os_str().as_encoded_bytes());
        let path = path.map_err(|error| failed(all, error.to_string()))?;
        if !look_in(parts, Some(&path)) {
            return Err(failed(all, "libcrypto takes no folder for modules".into()));
        }
        Ok(Self { parts, _folder: folder, _copies: copies })
    }
}

impl Drop for OwnModules<'_> {
    fn drop(&mut self) {
        look_in(self.parts, None);
    }
}

/// Tells libcrypto where to look for modules; `None` is where it looks by itself.
fn look_in(parts: &Parts, folder: Option<&CStr>) -> bool {
    let Some(set) = parts.functions.provider.OSSL_PROVIDER_set_default_search_path else { return false };
    // SAFETY: null is the default context; the path is null or ends with NUL, and is copied.
    unsafe { set(ptr::null_mut(), folder.map_or(ptr::null(), CStr::as_ptr)) == 1 }
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(to, at)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// Folder of the library's modules.
fn folder(parts: &Parts) -> Option<PathBuf> {
    /// `OPENSSL_MODULES_DIR` of `OpenSSL_version`.
    const MODULES_DIR: c_int = 8;
    if let Some(folder) = std::env::var_os("OPENSSL_MODULES").filter(|_| environment_is_trusted()) {
        return Some(folder.into());
    }
    // SAFETY: takes a number and gives a static string.
    let text = unsafe { memory::text((parts.functions.crypto.OpenSSL_version)(MODULES_DIR)) }?;
    let (_, rest) = text.split_once('"')?;
    rest.split_once('"').map(|(inside, _)| PathBuf::from(inside))
}

/// Gives libcrypto a module as if it were built in. `false` when the module does not want libcrypto: it can be loaded as it
/// is.
fn hand_over(parts: &Parts, module: &Path, name: &CStr, _: &Hold) -> Result<bool, ProviderError> {
    let failed = |why: String| ProviderError::Module { path: module.to_owned(), why };
    let (Some(add), Some((old, new))) = (parts.functions.provider.OSSL_PROVIDER_add_builtin, &parts.renamed) else {
        return Ok(false);
    };
    let Some(image) = isolate::module(&System, module, old, new).map_err(failed)? else { return Ok(false) };
    let init = image.symbol(PROVIDER_ENTRY).ok_or_else(|| failed("it is no provider".into()))?;
    // SAFETY: every provider module exports this function with this signature; the image is never closed.
    let init = unsafe { std::mem::transmute::<ptr::NonNull<std::ffi::c_void>, OSSL_provider_init_fn>(init) };
    // SAFETY: null is the default context; the name is copied.
    if unsafe { add(ptr::null_mut(), name.as_ptr(), init) } != 1 {
        return Err(failed("libcrypto does not take it".into()));
    }
    Ok(true)
}
