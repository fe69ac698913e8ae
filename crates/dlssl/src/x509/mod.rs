//! Certificates and keys: what they are and what they say. C parses and checks them; their parts are read from the DER in
//! Rust, so that they mean the same on every library.

mod alt_name;
#[cfg(feature = "fuzzing")]
pub(crate) mod any;
mod certificate;
mod der;
mod digest;
mod name;
mod parse;
mod password;
pub(crate) mod pem;
mod pin;
mod private_key;
mod public_key;
pub(crate) mod sound;
mod string;
mod validity;
pub(crate) mod weak;

pub use alt_name::AltName;
pub use certificate::Certificate;
pub(crate) use certificate::subject_line;
pub use digest::{Digest, digest};
pub use name::{Attribute, Name};
pub(crate) use parse::{issuer_der, subject_der};
pub use password::Password;
pub use pin::Pin;
pub use private_key::PrivateKey;
pub use public_key::{KeyKind, PublicKey};
pub use validity::Validity;
pub(crate) use validity::seconds;

/// What makes no sense inside a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);
