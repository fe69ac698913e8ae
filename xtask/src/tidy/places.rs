//! Rules about what may stand only in certain files: the library that opens libraries, and `unsafe`.

use super::Found;
use super::tree::{File, Tree};

/// The one file that opens libraries.
const SOURCE: &str = "crates/dlssl-core/src/load/source.rs";

/// The modules of the safe crate in which `unsafe` is at home.
const UNSAFE_MODULES: [&str; 3] = ["raw", "bio", "callback"];

const SAFE_CRATE: &str = "crates/dlssl/src/";

const COMMAND: &str = "crates/dlssl-cli/src/main.rs";

pub(super) fn libloading(file: &File, _: &Tree) -> Vec<Found> {
    if !file.is_below("crates/") || file.path == SOURCE {
        return Vec::new();
    }
    lines_with_word(file, "libloading").map(|line| (line, format!("only {SOURCE} names `libloading`"))).collect()
}

pub(super) fn unsafe_code(file: &File, _: &Tree) -> Vec<Found> {
    let Some(inner) = file.path.strip_prefix(SAFE_CRATE) else {
        return Vec::new();
    };
    let module = inner.split('/').next().unwrap_or(inner);
    if UNSAFE_MODULES.contains(&module.trim_end_matches(".rs")) {
        return Vec::new();
    }
    let allowed = UNSAFE_MODULES.join("`, `");
    lines_with_word(file, "unsafe")
        .filter(|line| *line < file.first_test_line())
        .map(|line| (line, format!("`unsafe` belongs to the modules `{allowed}`")))
        .collect()
}

/// The command does without `unsafe`, or has a comment that says where it cannot.
pub(super) fn command_without_unsafe(file: &File, _: &Tree) -> Vec<Found> {
    if file.path != COMMAND || file.lexed.code.contains("forbid(unsafe_code)") {
        return Vec::new();
    }
    let says_why =
        file.text.lines().filter_map(|line| line.split_once("//")).any(|(_, comment)| comment.contains("unsafe"));
    if file.lexed.code.contains("deny(unsafe_code)") && says_why {
        return Vec::new();
    }
    let message = "needs `#![forbid(unsafe_code)]`, or `#![deny(unsafe_code)]` and a comment on `unsafe`";
    vec![(1, message.into())]
}

fn lines_with_word<'a>(file: &'a File, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let has = move |line: &str| {
        line.match_indices(word)
            .any(|(at, _)| !line[..at].ends_with(is_word) && !line[at + word.len()..].starts_with(is_word))
    };
    let lines = file.lexed.code.lines().zip(1..);
    lines.filter(move |(line, _)| has(line)).map(|(_, number)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rule: fn(&File, &Tree) -> Vec<Found>, path: &str, text: &str) -> Vec<usize> {
        let found = rule(&File::new(path, text), &Tree::default());
        found.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn one_file_opens_libraries() {
        let text = "//! Uses libloading.\nuse libloading::Library;\n";
        assert_eq!(lines(libloading, "crates/dlssl-core/src/load/mod.rs", text), [2]);
        assert!(lines(libloading, SOURCE, text).is_empty());
        assert!(lines(libloading, "xtask/src/main.rs", text).is_empty());
    }

    #[test]
    fn unsafe_stays_in_its_modules() {
        let text = "//! unsafe\n#![deny(unsafe_code)]\nunsafe { f() }\n#[cfg(test)]\nunsafe {}\n";
        assert_eq!(lines(unsafe_code, "crates/dlssl/src/stream/io.rs", text), [3]);
        for path in ["raw/call.rs", "bio/mod.rs", "callback.rs"] {
            assert!(lines(unsafe_code, &format!("{SAFE_CRATE}{path}"), text).is_empty());
        }
        assert_eq!(lines(unsafe_code, "crates/dlssl/src/rawer.rs", text), [3]);
        assert!(lines(unsafe_code, "crates/dlssl-core/src/library.rs", text).is_empty());
    }

    #[test]
    fn the_command_takes_a_stand_on_unsafe() {
        let rule = command_without_unsafe;
        assert_eq!(lines(rule, COMMAND, "//! Main.\nfn main() {}\n"), [1]);
        assert!(lines(rule, COMMAND, "#![forbid(unsafe_code)]\n").is_empty());
        assert_eq!(lines(rule, COMMAND, "#![deny(unsafe_code)]\n"), [1]);
        let told = "// Naming files is unsafe: see args.rs.\n#![deny(unsafe_code)]\n";
        assert!(lines(rule, COMMAND, told).is_empty());
    }
}
