//! Values that configure contexts: plain data, no C.

mod identity;
mod protocol;
pub(crate) mod roots;
mod verify;

pub use identity::Identity;
pub(crate) use identity::Source;
pub use protocol::Protocol;
pub use roots::{DefaultRoots, Roots, default_roots};
pub use verify::{Crls, Verification, VerifyFlag};
pub(crate) use verify::{VerifyCallback, VerifySettings};
