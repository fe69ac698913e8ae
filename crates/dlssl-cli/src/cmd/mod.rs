//! The commands, one module each.

pub(crate) mod bench;
pub(crate) mod connect;
pub(crate) mod doctor;
mod progress;
pub(crate) mod selftest;
pub(crate) mod serve;

/// Puts what both sides can be told about TLS on a builder; the two builders are different types.
macro_rules! with_tls_settings {
    ($builder:expr, $args:expr) => {{
        let mut builder = $builder;
        if !$args.alpn.is_empty() {
            builder = builder.alpn(&$args.alpn);
        }
        if let Some(version) = $args.versions.min_tls {
            builder = builder.min_protocol(version);
        }
        if let Some(version) = $args.versions.max_tls {
            builder = builder.max_protocol(version);
        }
        builder
    }};
}
use with_tls_settings;
