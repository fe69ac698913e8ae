//! TLS on an OpenSSL or LibreSSL that is loaded when the program runs, not linked.
//!
//! ```no_run
//! use std::io::{Read, Write};
//!
//! // The platform's library, roots that exist, TLS 1.2 or newer, certificate and name verified.
//! let tcp = std::net::TcpStream::connect(("example.org", 443))?;
//! let mut tls = dlssl::Connector::new()?.connect("example.org", tcp)?;
//! tls.write_all(b"GET / HTTP/1.0\r\nHost: example.org\r\n\r\n")?;
//!
//! // The operator's choice, at start-up.
//! // SAFETY: the operator vouches for what lies there.
//! let loader = unsafe { dlssl::Loader::new().directory("/opt/openssl-3.5/lib64") };
//! let library = loader.load()?;
//! println!("{}", library.explain());
//! let connector = dlssl::Connector::builder(&library).alpn(["h2", "http/1.1"]).build()?;
//!
//! // Another library for what is made from now on; what is open keeps the old one.
//! println!("{}", dlssl::reload_with(loader)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where things are
//! - [`Connector`] and [`Acceptor`] hold what connections share and make [`TlsStream`]s.
//! - [`Loader`], [`Library`], [`current`] and [`reload`] come from `dlssl-core`: which library it is.
//! - [`Timeouts`] and [`TlsStream::set_deadline`] bound waiting; [`TlsStream::split`] makes a half that reads and a half
//!   that writes, for two threads.
//! - [`Certificate`] and [`PrivateKey`], and what verification makes of them: [`VerifyFlag`], [`Crls`], [`Pin`].
//! - [`Error`] and [`ErrorKind`] say what went wrong, the same on every library.
//!
//! # Limits
//! - Two libraries of one name in one process, and a file that was replaced under its own path, need private copies,
//!   which need glibc on Linux: see [`Isolation`]. Elsewhere they are typed errors ([`LoadFailure::MismatchedPair`],
//!   [`LoadFailure::Replaced`]), never a mixed pair.
//! - What was made before a `fork` is [`ErrorKind::Inherited`] in the child; [`Connector::following`] and [`current`] load
//!   anew there. See [`vouch_for_fork`] for the server that forks before it has threads. A child made by a raw `clone`, or
//!   while the host itself was inside `dlopen`, may find the dynamic linker's locks held.
//! - DTLS and QUIC are not part of this crate.

#![deny(unsafe_code)]
// What belongs to descriptors, forks and ELF is left out elsewhere, and with it the only use of some things.
#![cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, unused_imports, unused_mut, unused_variables, irrefutable_let_patterns)
)]

#[allow(unsafe_code)]
mod bio;
#[allow(unsafe_code)]
mod callback;
mod config;
mod context;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hostname;
#[allow(unsafe_code)]
mod raw;
mod session;
mod stream;
mod x509;

pub use bio::MemoryBio;
pub use config::{
    Alert, AlpnAnswer, ClientHello, Crls, DefaultRoots, HelloAnswer, Identity, InfoEvent, Protocol, Roots, TicketKey,
    TlsOption, Verification, VerifyFlag, default_roots,
};
pub use context::{
    AcceptConfiguration, Acceptor, AcceptorBuilder, ConnectConfiguration, Connector, ConnectorBuilder, Context,
    default_connector, set_default_connector, with_default_connector,
};
pub use dlssl_core::{
    Capability, CapabilityState, Configuration, ErrorEntry, ErrorStack, Explanation, Flavour, Generation, Half,
    Inherited, Isolation, Library, LoadError, LoadFailure, Loader, ProviderError, RandomError, Reloaded, Slot, Version,
    current, environment_is_trusted, process_slot, reload, reload_with, renewals, vouch_for_fork,
};
pub use error::{Error, ErrorKind, VerifyFailure};
pub use session::{Session, SessionStore};
pub use stream::{
    ChannelBinding, Divide, Duplex, FailedHandshake, HandshakeError, IntoInnerError, KernelTls, MidHandshake, ReadHalf,
    RejoinError, Shutdown, SplitError, Timeouts, TlsStream, VerifyResult, WriteHalf,
};
pub use x509::{
    AltName, Attribute, Certificate, Digest, KeyKind, Name, Password, Pin, PrivateKey, PublicKey, Validity, digest,
};
