//! Environment variables that change which library is loaded or what it trusts.

use std::env;

use serde::Serialize;

/// A variable that is set.
#[derive(Debug, Serialize)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) effect: &'static str,
}

/// Name and effect of each variable worth knowing about.
const KNOWN: &[(&str, &str)] = &[
    ("DLSSL_DIR", "dlssl loads both libraries from this directory"),
    ("DLSSL_LIBSSL", "dlssl loads this libssl"),
    ("DLSSL_LIBCRYPTO", "dlssl loads this libcrypto"),
    ("LD_LIBRARY_PATH", "searched before the system's directories"),
    ("LD_PRELOAD", "loaded before everything else"),
    ("DYLD_LIBRARY_PATH", "searched before the system's directories"),
    ("DYLD_FALLBACK_LIBRARY_PATH", "searched after the system's directories"),
    ("DYLD_INSERT_LIBRARIES", "loaded before everything else"),
    ("OPENSSL_CONF", "the library reads this configuration file"),
    ("OPENSSL_CONF_INCLUDE", "where the configuration's includes are found"),
    ("OPENSSL_MODULES", "the library takes its providers from here"),
    ("OPENSSL_ENGINES", "the library takes its engines from here"),
    ("OPENSSL_ia32cap", "masks the processor features the library may use"),
    ("SSL_CERT_FILE", "the library's default file of roots"),
    ("SSL_CERT_DIR", "the library's default directory of roots"),
];

/// The known variables that are set, in the order above.
pub(super) fn seen() -> Vec<Variable> {
    pick(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

fn pick(lookup: impl Fn(&str) -> Option<String>) -> Vec<Variable> {
    KNOWN.iter().filter_map(|&(name, effect)| Some(Variable { name, value: lookup(name)?, effect })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_set_and_in_order() {
        let set = ["SSL_CERT_FILE", "DLSSL_DIR", "HOME"];
        let found = pick(|name| set.contains(&name).then(|| "x".into()));
        let names: Vec<_> = found.iter().map(|variable| variable.name).collect();
        assert_eq!(names, ["DLSSL_DIR", "SSL_CERT_FILE"]);
    }
}
