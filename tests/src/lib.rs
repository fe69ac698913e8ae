//! Fixtures that the integration tests share; nothing here is published.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a fixture that fails is a failed test, and a panic says where"
)]

pub mod builds;
pub mod cli;
pub mod client;
pub mod examples;
pub mod forked;
pub mod harness;
pub mod hello;
pub mod library;
pub mod load_report;
pub mod openssl_pki;
pub mod peers;
pub mod pki;
pub mod process;
pub mod resumption;
pub mod served;
pub mod talk;
pub mod wire;

/// The code in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The code in the page about reloading compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/reload.md")]
pub struct Reload;

/// The code about STARTTLS compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/starttls.md")]
pub struct Starttls;

/// The code for people who come from CL+SSL compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/from-cl-plus-ssl.md")]
pub struct FromClPlusSsl;

/// The code for people who come from rust-openssl compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/from-rust-openssl.md")]
pub struct FromRustOpenssl;
