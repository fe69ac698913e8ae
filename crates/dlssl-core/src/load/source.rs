//! From a file name to a "name → pointer" source. The only file that knows libloading.

use std::ffi::{CStr, c_void};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

/// A loaded library: gives addresses by name.
pub(crate) trait Image: Send + Sync {
    /// Looks a symbol up in the library and what it depends on.
    fn symbol(&self, name: &CStr) -> Option<NonNull<c_void>>;

    /// Where the dynamic section lies of the one library that this is a handle of, whose symbols come before those of its
    /// dependencies. `None` for the process as a whole, and where it is not known.
    fn dynamic(&self) -> Option<usize> {
        None
    }
}

/// Opens libraries: the dynamic linker's, or a test's own.
pub(crate) trait Opener {
    /// Opens a library by name or path.
    ///
    /// # Errors
    /// The dynamic linker's words.
    fn open(&self, name: &Path) -> Result<Arc<dyn Image>, String>;

    /// Opens a private copy: what it exports wins over what the process offers, and nobody else sees it.
    ///
    /// # Errors
    /// The dynamic linker's words.
    fn open_private(&self, name: &Path) -> Result<Arc<dyn Image>, String>;

    /// Whether the process already holds a library of this name.
    fn holds(&self, name: &Path) -> bool;

    /// What the process offers to everyone: the program itself and what was opened globally.
    fn process(&self) -> Option<Arc<dyn Image>>;

    /// Whether `name` can be looked at as a file before it is opened.
    fn is_real(&self) -> bool;
}

/// The dynamic linker.
pub(crate) struct System;

/// The operating system's own words, which libloading keeps as the source of its error.
fn words(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), words)
}

#[cfg(unix)]
mod system {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

    use super::*;

    /// Kept open for ever: `ManuallyDrop` because exit handlers, thread-local destructors and error strings of
    /// the library outlive any `dlclose`.
    struct Opened {
        library: std::mem::ManuallyDrop<Library>,
        dynamic: Option<usize>,
    }

    impl Opened {
        fn new(library: Library) -> Self {
            let handle = library.into_raw();
            // SAFETY: the handle that was just taken out, open and not closed elsewhere.
            let library = std::mem::ManuallyDrop::new(unsafe { Library::from_raw(handle) });
            Self { library, dynamic: dynamic(handle) }
        }
    }

    impl Image for Opened {
        fn symbol(&self, name: &CStr) -> Option<NonNull<c_void>> {
            // SAFETY: a data pointer is asked for; nothing is called or read through it here.
            let symbol = unsafe { self.library.get::<*mut c_void>(name.to_bytes_with_nul()) }.ok()?;
            NonNull::new(symbol.into_raw())
        }

        fn dynamic(&self) -> Option<usize> {
            self.dynamic
        }
    }

    /// Where the dynamic section lies of the library that a handle is of.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn dynamic(handle: *mut c_void) -> Option<usize> {
        /// What `<link.h>` shows of `struct link_map`.
        #[repr(C)]
        struct LinkMap {
            base: usize,
            name: *const std::ffi::c_char,
            dynamic: *const c_void,
        }
        let mut map: *const LinkMap = std::ptr::null();
        // SAFETY: an open handle; for this request the linker writes one pointer.
        let result = unsafe { libc::dlinfo(handle, libc::RTLD_DI_LINKMAP, (&raw mut map).cast()) };
        // SAFETY: where it succeeds, the pointer is to the linker's record, which lives as long as the handle is open.
        (result == 0 && !map.is_null()).then(|| unsafe { (*map).dynamic as usize })
    }

    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    fn dynamic(_: *mut c_void) -> Option<usize> {
        None
    }

    /// Why the linker must not see a file, though it would take it.
    ///
    /// musl reads packed relative relocations from 1.2.4 on. An older one takes such a file all the same, and calls its constructors
    /// through pointers that nobody has moved: the process dies. Up to 1.2.3, and no longer, `open64` is another name of `open`.
    #[cfg(target_env = "musl")]
    fn unfit(name: &Path) -> Option<String> {
        if !super::super::soname::is_packed(name) {
            return None;
        }
        let process = Library::this();
        let address = |name: &[u8]| {
            // SAFETY: a data pointer is asked for; nothing is called or read through it.
            unsafe { process.get::<*mut c_void>(name) }.ok().and_then(|symbol| NonNull::new(symbol.into_raw()))
        };
        let old = address(b"open64\0").filter(|found| Some(*found) == address(b"open\0"));
        old.map(|_| {
            "its relocations are packed (DT_RELR), which musl reads from 1.2.4 on, and this one is older".into()
        })
    }

    fn open(name: &Path, flags: std::ffi::c_int) -> Result<Arc<dyn Image>, String> {
        #[cfg(target_env = "musl")]
        if let Some(why) = unfit(name) {
            return Err(why);
        }
        // SAFETY: runs the library's initialisers. The name is a platform default, with the trust of the
        // system's dynamic linker, or the caller of an `unsafe` method of `Loader` vouched for it, or it is a copy of
        // such a file.
        match unsafe { Library::open(Some(name), flags) } {
            Ok(library) => Ok(Arc::new(Opened::new(library))),
            Err(error) => Err(words(&error)),
        }
    }

    impl Opener for System {
        fn open(&self, name: &Path) -> Result<Arc<dyn Image>, String> {
            open(name, RTLD_NOW | RTLD_LOCAL)
        }

        fn open_private(&self, name: &Path) -> Result<Arc<dyn Image>, String> {
            #[cfg(all(target_os = "linux", target_env = "gnu"))]
            {
                open(name, RTLD_NOW | RTLD_LOCAL | libc::RTLD_DEEPBIND)
            }
            #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
            {
                let _ = name;
                Err("this platform has no deep binding".into())
            }
        }

        fn holds(&self, name: &Path) -> bool {
            #[cfg(any(target_os = "linux", target_os = "macos", target_os = "freebsd", target_os = "android"))]
            {
                // SAFETY: RTLD_NOLOAD opens nothing new, so no initialiser runs.
                match unsafe { Library::open(Some(name), RTLD_NOW | RTLD_LOCAL | libc::RTLD_NOLOAD) } {
                    Ok(library) => {
                        std::mem::forget(library);
                        true
                    }
                    Err(_) => false,
                }
            }
            #[cfg(not(any(target_os = "linux", target_os = "macos", target_os = "freebsd", target_os = "android")))]
            {
                // Unknown: taken as held, which only makes the proof more careful.
                let _ = name;
                true
            }
        }

        fn process(&self) -> Option<Arc<dyn Image>> {
            let library = std::mem::ManuallyDrop::new(Library::this());
            Some(Arc::new(Opened { library, dynamic: None }))
        }

        fn is_real(&self) -> bool {
            true
        }
    }
}

#[cfg(windows)]
mod system {
    use libloading::os::windows::Library;

    use super::*;

    /// Kept open for ever, as on Unix.
    struct Opened(std::mem::ManuallyDrop<Library>);

    impl Image for Opened {
        fn symbol(&self, name: &CStr) -> Option<NonNull<c_void>> {
            // SAFETY: a data pointer is asked for; nothing is called or read through it here.
            let symbol = unsafe { self.0.get::<*mut c_void>(name.to_bytes_with_nul()) }.ok()?;
            NonNull::new(symbol.as_raw_ptr())
        }
    }

    impl Opener for System {
        fn open(&self, name: &Path) -> Result<Arc<dyn Image>, String> {
            // SAFETY: as on Unix.
            match unsafe { Library::new(name) } {
                Ok(library) => Ok(Arc::new(Opened(std::mem::ManuallyDrop::new(library)))),
                Err(error) => Err(words(&error)),
            }
        }

        fn open_private(&self, _: &Path) -> Result<Arc<dyn Image>, String> {
            Err("this platform has no deep binding".into())
        }

        fn holds(&self, name: &Path) -> bool {
            Library::open_already_loaded(name).map(std::mem::forget).is_ok()
        }

        fn process(&self) -> Option<Arc<dyn Image>> {
            let this = Library::this().ok()?;
            Some(Arc::new(Opened(std::mem::ManuallyDrop::new(this))))
        }

        fn is_real(&self) -> bool {
            true
        }
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! Libraries made of Rust functions.

    use std::collections::HashMap;
    use std::path::PathBuf;

    use super::*;

    /// Names and addresses of one made-up library.
    #[derive(Clone, Default)]
    pub(crate) struct FakeImage(pub(crate) HashMap<&'static str, usize>);

    impl Image for FakeImage {
        fn symbol(&self, name: &CStr) -> Option<NonNull<c_void>> {
            NonNull::new(*self.0.get(name.to_str().ok()?)? as *mut c_void)
        }
    }

    /// A made-up dynamic linker.
    #[derive(Clone, Default)]
    pub(crate) struct FakeOpener {
        pub(crate) images: HashMap<PathBuf, FakeImage>,
        pub(crate) refusals: HashMap<PathBuf, String>,
    }

    impl Opener for FakeOpener {
        fn open(&self, name: &Path) -> Result<Arc<dyn Image>, String> {
            if let Some(words) = self.refusals.get(name) {
                return Err(words.clone());
            }
            match self.images.get(name) {
                Some(image) => Ok(Arc::new(image.clone())),
                None => Err(format!("{}: cannot open shared object file: No such file or directory", name.display())),
            }
        }

        fn open_private(&self, name: &Path) -> Result<Arc<dyn Image>, String> {
            self.open(name)
        }

        fn holds(&self, _: &Path) -> bool {
            false
        }

        fn process(&self) -> Option<Arc<dyn Image>> {
            None
        }

        fn is_real(&self) -> bool {
            false
        }
    }
}
