//! Environment variables that change which library is loaded or what it trusts.

use std::env;
use std::ffi::{OsStr, OsString};

use serde::Serialize;

use crate::library::LibraryOptions;

/// A variable that is set.
#[derive(Debug, Serialize)]
pub(super) struct Variable {
    pub(super) name: &'static str,
    /// As it is: it may name a file.
    #[serde(serialize_with = "lossy")]
    pub(super) value: OsString,
    pub(super) effect: &'static str,
}

fn lossy<S: serde::Serializer>(value: &OsStr, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&value.to_string_lossy())
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

/// What takes a variable's effect away.
#[derive(Clone, Copy)]
struct Overruled {
    /// A library was named on the command line.
    named: bool,
    /// The process has more rights than who started it.
    set_user_id: bool,
}

impl Overruled {
    fn effect(self, name: &str, value: &OsStr, effect: &'static str) -> &'static str {
        if self.set_user_id && !name.ends_with("_ia32cap") {
            "ignored: this process runs set-user-id"
        } else if self.named && name.starts_with("DLSSL_") {
            "ignored: a library is named on the command line"
        } else if value.is_empty() && name.starts_with("DLSSL_") {
            "ignored: it is empty"
        } else {
            effect
        }
    }
}

/// The known variables that are set, in the order above.
pub(super) fn seen(options: &LibraryOptions) -> Vec<Variable> {
    let overruled = Overruled { named: options.names_a_library(), set_user_id: !dlssl::environment_is_trusted() };
    pick(overruled, |name| env::var_os(name))
}

fn pick(overruled: Overruled, lookup: impl Fn(&str) -> Option<OsString>) -> Vec<Variable> {
    let variable = |&(name, effect): &(&'static str, &'static str)| {
        let value = lookup(name)?;
        Some(Variable { name, effect: overruled.effect(name, &value, effect), value })
    };
    KNOWN.iter().filter_map(variable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_set_and_in_order() {
        let set = ["SSL_CERT_FILE", "DLSSL_DIR", "HOME"];
        let found =
            pick(Overruled { named: false, set_user_id: false }, |name| set.contains(&name).then(|| "x".into()));
        let names: Vec<_> = found.iter().map(|variable| variable.name).collect();
        assert_eq!(names, ["DLSSL_DIR", "SSL_CERT_FILE"]);
    }

    #[test]
    fn what_has_no_effect_is_said_to_have_none() {
        let effects = |named, set_user_id| -> Vec<bool> {
            let found = pick(Overruled { named, set_user_id }, |_| Some("x".into()));
            ["DLSSL_DIR", "OPENSSL_CONF", "OPENSSL_ia32cap"]
                .map(|name| found.iter().any(|one| one.name == name && one.effect.starts_with("ignored")))
                .to_vec()
        };
        assert_eq!(effects(false, false), [false, false, false]);
        assert_eq!(effects(true, false), [true, false, false]);
        assert_eq!(effects(false, true), [true, true, false]);
        let empty = pick(Overruled { named: false, set_user_id: false }, |_| Some(OsString::new()));
        let ignored = |one: &Variable| one.effect.starts_with("ignored");
        assert!(empty.iter().all(|one| ignored(one) == one.name.starts_with("DLSSL_")));
    }
}
