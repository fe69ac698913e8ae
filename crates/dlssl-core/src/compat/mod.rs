//! Functions of the newest shape over every version: the only place that knows where versions differ.

pub mod bio;
pub mod configure;
pub mod early_data;
pub mod error;
pub mod handshake;
pub mod hello;
pub mod kernel_tls;
pub mod options;
pub mod pkcs12;
pub mod protocol;
pub(crate) mod rand;
pub mod roots;
pub mod session;
pub mod stack;
pub mod ticket;
pub mod time;
pub mod verify;
