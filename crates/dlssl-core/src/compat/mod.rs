//! Functions of the newest shape over every version: the only place that knows where versions differ.

pub mod bio;
pub mod error;
pub mod options;
pub mod protocol;
pub(crate) mod rand;
pub mod stack;
pub mod time;
pub mod verify;
