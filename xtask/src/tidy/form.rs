//! Rules about the form of a file: its first line, white space, length.

use super::Found;
use super::tree::{File, Tree};

/// A file longer than this is read in no one sitting; it holds more than one concept.
const MOST_LINES: usize = 600;

/// The first line of a source file says what lives there.
pub(super) fn first_line(file: &File, _: &Tree) -> Vec<Found> {
    let good = file
        .text
        .lines()
        .next()
        .is_some_and(|line| line.strip_prefix("//! ").is_some_and(|text| !text.trim().is_empty()));
    if file.is_rust() && !good {
        vec![(1, "the first line must be `//!` and say what lives in this file".into())]
    } else {
        Vec::new()
    }
}

pub(super) fn white_space(file: &File, _: &Tree) -> Vec<Found> {
    let mut found = Vec::new();
    for (line, number) in file.text.split('\n').zip(1..) {
        if line.ends_with([' ', '\t', '\r']) {
            found.push((number, "trailing white space".into()));
        }
        if file.is_rust() && line.contains('\t') {
            found.push((number, "a tab".into()));
        }
    }
    let last = file.text.lines().count().max(1);
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        found.push((last, "no line end at the end of the file".into()));
    }
    if file.text.ends_with("\n\n") {
        found.push((last, "empty lines at the end of the file".into()));
    }
    found
}

/// A document, a table or a plot that a failed run left empty tells nobody anything.
pub(super) fn not_empty(file: &File, _: &Tree) -> Vec<Found> {
    if file.is_below("docs/") && file.text.trim().is_empty() {
        vec![(1, "an empty document".into())]
    } else {
        Vec::new()
    }
}

pub(super) fn length(file: &File, _: &Tree) -> Vec<Found> {
    let lines = file.text.lines().count();
    if file.is_rust() && lines > MOST_LINES {
        let message = format!("{lines} lines, more than {MOST_LINES}: a file holds one concept");
        vec![(MOST_LINES + 1, message)]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rule: fn(&File, &Tree) -> Vec<Found>, path: &str, text: &str) -> Vec<usize> {
        let found = rule(&File::new(path, text), &Tree::default());
        found.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_source_file_says_what_it_is() {
        assert_eq!(lines(first_line, "a.rs", "use b;\n"), [1]);
        assert_eq!(lines(first_line, "a.rs", "//!\n"), [1]);
        assert_eq!(lines(first_line, "a.rs", ""), [1]);
        assert!(lines(first_line, "a.rs", "//! A.\n").is_empty());
        assert!(lines(first_line, "a.md", "A\n").is_empty());
    }

    #[test]
    fn documents_say_something() {
        assert_eq!(lines(not_empty, "docs/performance/peers.md", "\n"), [1]);
        assert!(lines(not_empty, "docs/performance/peers.json", "{}\n").is_empty());
        assert!(lines(not_empty, "crates/a/py.typed", "").is_empty());
    }

    #[test]
    fn white_space_is_kept_in_order() {
        assert_eq!(lines(white_space, "a.md", "a \nb\n"), [1]);
        assert_eq!(lines(white_space, "a.md", "a\r\n"), [1]);
        assert_eq!(lines(white_space, "a.rs", "a\n\tb\n"), [2]);
        assert!(lines(white_space, "Makefile", "a:\n\tb\n").is_empty());
        assert_eq!(lines(white_space, "a.md", "a\nb"), [2]);
        assert_eq!(lines(white_space, "a.md", "a\n\n"), [2]);
        assert!(lines(white_space, "a.md", "").is_empty());
    }

    #[test]
    fn a_long_file_is_reported() {
        assert_eq!(lines(length, "a.rs", &"x\n".repeat(MOST_LINES + 5)), [MOST_LINES + 1]);
        assert!(lines(length, "a.rs", &"x\n".repeat(MOST_LINES)).is_empty());
        assert!(lines(length, "Cargo.lock", &"x\n".repeat(MOST_LINES + 5)).is_empty());
    }
}
