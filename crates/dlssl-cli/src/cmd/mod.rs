//! The commands, one module each.

pub(crate) mod connect;
pub(crate) mod doctor;
pub(crate) mod selftest;
pub(crate) mod serve;
