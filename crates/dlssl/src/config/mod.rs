//! Values that configure contexts: plain data, no C.

mod alert;
mod alpn;
mod client_hello;
pub(crate) mod file_state;
pub(crate) mod functions;
pub(crate) mod identity;
mod platform_store;
mod protocol;
pub(crate) mod roots;
pub(crate) mod sessions;
mod ticket_key;
pub(crate) mod tuning;
mod verify;

pub use alert::Alert;
pub use alpn::AlpnAnswer;
pub use client_hello::{ClientHello, HelloAnswer};
pub use functions::InfoEvent;
pub use identity::Identity;
pub(crate) use identity::Source;
pub use protocol::Protocol;
pub use roots::{DefaultRoots, Roots, default_roots};
pub use ticket_key::TicketKey;
pub(crate) use ticket_key::TicketKeys;
pub use tuning::TlsOption;
pub use verify::{Crls, Verification, VerifyFlag};
pub(crate) use verify::{VerifyCallback, VerifySettings};
