//! The rule that a call into C that can fail goes through a wrapper, which leaves the error queue as the host had it.

use super::Found;
use super::tree::{File, Tree};

/// Where C is called; callbacks run inside of a call that has its wrapper.
const CALLERS: &str = "crates/dlssl/src/raw/";

/// How functions begin that leave entries in the queue when they fail. Getters, setters of plain fields and what frees an object
/// do not.
const CAN_FAIL: [&str; 17] = [
    "BIO_new",
    "BIO_puts",
    "BIO_write",
    "EVP_Digest",
    "EVP_get_digestbyname",
    "OBJ_txt2nid",
    "PEM_",
    "SSL_CTX_add",
    "SSL_CTX_load_",
    "SSL_CTX_new",
    "SSL_CTX_use_",
    "SSL_export_",
    "SSL_new",
    "SSL_set_session",
    "X509_dup",
    "d2i_",
    "i2d_",
];

/// The wrappers, and what is written on them: as they are called.
const WRAPPERS: [&str; 6] = ["plain(", "enter(", ".set(", "memory::decode(", "memory::encode(", "::asking("];

/// Judges function by function: who names such a C function also names a wrapper.
pub(super) fn calls_have_wrappers(file: &File, _: &Tree) -> Vec<Found> {
    if !file.is_below(CALLERS) {
        return Vec::new();
    }
    let tests = file.first_test_line();
    let lines: Vec<&str> = file.lexed.code.lines().take(tests - 1).collect();
    let mut found = Vec::new();
    let mut start = 0;
    for (at, line) in lines.iter().enumerate() {
        if is_head(line) {
            start = at;
        }
        let Some(name) = c_function(line) else { continue };
        // rustfmt puts the end of a function below its beginning.
        let indent = lines[start].len() - lines[start].trim_start().len();
        let is_end = |line: &&str| line.len() == indent + 1 && line.ends_with('}') && line.trim_start() == "}";
        let length = lines[start..].iter().position(is_end).unwrap_or(lines.len() - start);
        let body = &lines[start..start + length];
        if !body.iter().any(|line| WRAPPERS.iter().any(|wrapper| line.contains(wrapper))) {
            found.push((at + 1, format!("`{name}` can fail, and is called without `raw::call::plain`")));
        }
    }
    found
}

fn is_head(line: &str) -> bool {
    let line = line.trim_start();
    let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub(super) ")).unwrap_or(line);
    let line = line.strip_prefix("unsafe ").unwrap_or(line);
    line.starts_with("fn ")
}

/// The first C function of a table that is named on a line and can fail.
fn c_function(line: &str) -> Option<&str> {
    line.split('.').skip(1).find_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        CAN_FAIL.iter().any(|start| name.starts_with(start)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        calls_have_wrappers(&File::new(path, text), &Tree::default()).into_iter().map(|(line, _)| line).collect()
    }

    const TEXT: &str = "//! A.\nimpl A {\n    fn good(&self) {\n        let read = functions.x509.d2i_X509;\n        plain(library, || read());\n    \
        }\n\n    pub(crate) unsafe fn bad(&self) {\n        let copy = functions.x509.X509_dup;\n        if copy.is_null() {\n        }\n        \
        copy();\n    }\n\n    fn getter() {\n        (functions.ssl.SSL_get_version)(); // d2i_X509\n    }\n}\n#[cfg(test)]\nmod tests {\n    \
        fn t() {\n        f.x509.d2i_X509();\n    }\n}\n";

    #[test]
    fn a_call_without_a_wrapper_is_found() {
        assert_eq!(lines("crates/dlssl/src/raw/x509.rs", TEXT), [9]);
    }

    #[test]
    fn callbacks_and_other_crates_are_not_asked() {
        assert!(lines("crates/dlssl/src/callback/verify.rs", TEXT).is_empty());
        assert!(lines("crates/dlssl-core/src/compat/time.rs", TEXT).is_empty());
    }
}
