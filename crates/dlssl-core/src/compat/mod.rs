//! Functions of the newest shape over every version: the only place that knows where versions differ.

pub mod bio;
pub mod error;
pub mod handshake;
pub mod options;
pub mod protocol;
pub(crate) mod rand;
