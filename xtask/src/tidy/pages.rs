//! The rule that what a page for people who come from another library names as the counterpart is there: a public type,
//! and a method, variant or constant of that name in a file that knows the type; and that a test calls what is a method.

use super::Found;
use super::tree::{File, Tree};

pub(super) fn name_what_exists(file: &File, tree: &Tree) -> Vec<Found> {
    if !(file.is_below("docs/from-") && file.path.ends_with(".md")) {
        return Vec::new();
    }
    let sources: Vec<&str> = tree
        .files
        .iter()
        .filter(|file| {
            file.is_rust() && (file.is_below("crates/dlssl/src/") || file.is_below("crates/dlssl-core/src/"))
        })
        .map(|file| file.lexed.code.as_str())
        .collect();
    let tests: Vec<&str> = tree
        .files
        .iter()
        .filter(|file| file.is_rust() && file.is_below("tests/"))
        .map(|file| file.lexed.code.as_str())
        .collect();
    let mut found = Vec::new();
    for (line, number) in file.text.lines().zip(1..).filter(|(line, _)| line.starts_with('|')) {
        for name in names(line).into_iter().filter(|name| !exists(name, &sources)) {
            found.push((number, format!("`{name}` is not there")));
        }
        for name in names(line).into_iter().filter(|name| !tests.is_empty() && !is_tested(name, &tests)) {
            found.push((number, format!("`{name}` is in no test")));
        }
    }
    found
}

/// The paths in code font in the last column, without arguments and without those of the standard library.
fn names(row: &str) -> Vec<&str> {
    let column = row.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default();
    let spans = column.split('`').skip(1).step_by(2);
    let paths = spans.map(|span| span.split('(').next().unwrap_or(span));
    paths.filter(|path| path.contains("::") && !path.starts_with("std::")).collect()
}

fn exists(path: &str, sources: &[&str]) -> bool {
    let Some((owner, item)) = path.split_once("::") else { return false };
    let public =
        |word: &str| ["fn", "struct", "enum", "trait"].iter().any(|kind| any(sources, &format!("pub {kind} {word}")));
    if owner == "dlssl" {
        return public(item);
    }
    if !public(owner) {
        return false;
    }
    // Builders of both sides have methods by macros in files that do not name them.
    if owner.ends_with("Builder") || owner.ends_with("Configuration") {
        return any(sources, &format!("pub fn {item}"));
    }
    let method = format!("fn {item}");
    // A variant or constant has a capital.
    let declares =
        |source: &str| has_word(source, &method) || item.starts_with(char::is_uppercase) && has_word(source, item);
    sources.iter().any(|source| has_word(source, owner) && declares(source))
}

/// Whether a test calls it; what has a capital is reached by what is called.
fn is_tested(path: &str, tests: &[&str]) -> bool {
    let item = path.rsplit("::").next().unwrap_or(path);
    item.starts_with(char::is_uppercase) || [".", "::"].iter().any(|before| any_after(tests, before, item))
}

fn any_after(sources: &[&str], before: &str, word: &str) -> bool {
    let called = format!("{before}{word}");
    sources.iter().any(|source| {
        let ends = |at: usize| !source[at + called.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
        source.match_indices(&called).any(|(at, _)| ends(at))
    })
}

fn any(sources: &[&str], words: &str) -> bool {
    sources.iter().any(|source| has_word(source, words))
}

/// Whether the words stand there, not as the beginning or end of longer ones.
fn has_word(source: &str, words: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    source
        .match_indices(words)
        .any(|(at, _)| !source[..at].ends_with(is_part) && !source[at + words.len()..].starts_with(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(page: &str) -> Vec<Found> {
        let mut tree = Tree::default();
        let code = "pub struct Connector;\nimpl Connector { pub fn connect(&self) {} }\npub enum Kind { Io }\npub fn reload() {}";
        tree.files.push(File::new("crates/dlssl/src/lib.rs", code));
        name_what_exists(&File::new("docs/from-there.md", page), &tree)
    }

    #[test]
    fn what_exists_is_found_in_the_last_column_only() {
        assert_eq!(
            faults("| `Other::thing` | `Connector::connect(x)`, `Kind::Io`, `dlssl::reload`, `std::io::Read` |"),
            []
        );
        assert_eq!(faults("`Connector::gone` outside of a table"), []);
    }

    #[test]
    fn what_no_test_calls_is_a_fault() {
        let mut tree = Tree::default();
        tree.files.push(File::new(
            "crates/dlssl/src/lib.rs",
            "pub struct Connector;\nimpl Connector { pub fn connect() {} pub fn configure() {} }",
        ));
        tree.files.push(File::new(
            "tests/tests/a.rs",
            "fn a() { x.connect_socket(); Connector::configure(); } // x.connect()",
        ));
        let page = "| a | `Connector::connect` |\n| b | `Connector::configure` |";
        let found = name_what_exists(&File::new("docs/from-there.md", page), &tree);
        assert_eq!(found, [(1, "`Connector::connect` is in no test".to_owned())]);
    }

    #[test]
    fn what_does_not_exist_is_a_fault() {
        for name in ["Connector::conn", "Nobody::connect", "Kind::Tls", "dlssl::load", "Connector::connects"] {
            assert_eq!(faults(&format!("\n| a | `{name}` |")), [(2, format!("`{name}` is not there"))]);
        }
    }
}
