//! OpenSSL and LibreSSL loaded when the program runs.
//!
//! Finds a libssl and a libcrypto, proves that the two belong together, fills a table of C functions and can do it
//! again while the program runs. Raw: `unsafe` is at home here, TLS policy and I/O are not. For TLS streams see the
//! crate `dlssl`.
//!
//! ```
//! let library = dlssl_core::current()?;
//! println!("{}", library.explain());
//! let mut key = [0; 32];
//! library.random(&mut key)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//! - [`ffi`]: what C offers, each function and constant declared once with the versions that have it.
//! - [`Loader`]: from a choice to a checked [`Library`]; [`Explanation`] records how.
//! - [`compat`]: version differences, the newest shape over all.
//! - [`Slot`], [`current`], [`reload`]: generations; [`Isolation`]: two libraries in one process.

// What belongs to descriptors, forks and ELF is left out elsewhere, and with it the only use of some things.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports, unused_variables, irrefutable_let_patterns))]

mod capability;
pub mod compat;
mod error;
mod explanation;
pub mod ffi;
mod fork;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod isolate;
mod library;
mod load;
mod mapping;
mod provider;
mod reload;
mod renew;
mod slot;
mod version;

pub use capability::{Capability, CapabilityState};
pub use error::{ErrorEntry, ErrorStack, Inherited, LoadError, LoadFailure, RandomError};
pub use explanation::{Attempt, Explanation, Failure, Step, Taken};
pub use ffi::Half;
pub use ffi::features::{FEATURES, Feature};
pub use library::{Generation, Library};
pub use load::{Configuration, Isolation, Loader, environment_is_trusted};
pub use provider::ProviderError;
pub use reload::Reloaded;
pub use renew::{renewals, vouch_for_fork};
pub use slot::{Slot, current, process_slot, reload, reload_with};
pub use version::{Flavour, Version, VersionRange};
