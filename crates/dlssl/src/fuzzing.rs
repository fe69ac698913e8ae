//! What takes bytes from outside, for fuzzing: each function takes any bytes, and panics when a promise is broken.
//!
//! Behind the feature `fuzzing`, and no part of what the crate promises.

use crate::hostname::ServerName;
pub use crate::x509::any::{certificate, pin};

/// A name is a host's, an address, or refused; nothing else gets to C.
pub fn host_name(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match ServerName::parse(&text) {
        Ok(ServerName::Dns(host)) => {
            assert!(!host.is_empty() && host.len() <= 253);
            assert!(host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{host:?}");
            let again = ServerName::parse(&host).ok();
            assert_eq!(again, Some(ServerName::Dns(host)));
        }
        Ok(ServerName::Ip(address)) => {
            let again = ServerName::parse(&address.to_string()).ok();
            assert_eq!(again, Some(ServerName::Ip(address)));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
