//! Fixtures that the integration tests share; nothing here is published.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a fixture that fails is a failed test, and a panic says where"
)]

pub mod builds;
pub mod cli;
pub mod client;
pub mod example;
pub mod examples;
pub mod forked;
pub mod fuzz;
pub mod harness;
pub mod hello;
pub mod library;
pub mod load_report;
pub mod mutate;
pub mod openssl_pki;
#[cfg(doctest)]
pub mod pages;
pub mod peers;
pub mod pem;
pub mod pki;
#[cfg(unix)]
pub mod postgres;
pub mod process;
pub mod resumption;
pub mod rogue;
pub mod scripts;
pub mod served;
pub mod talk;
pub mod tasks;
pub mod verdicts;
pub mod wire;
