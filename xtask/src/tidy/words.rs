//! Rules about words that must not stand in a file: marks of unfinished work, paths of somebody's machine.

use std::env;

use super::Found;
use super::tree::{File, Tree};
use crate::workspace;

/// What unfinished or unobserved code looks like, with the better way. Comments and strings do not count.
const UNFINISHED: &[(&str, &str)] = &[
    ("todo!", "finish it, or return an error"),
    ("unimplemented!", "finish it, or return an error"),
    ("dbg!", "remove it"),
    ("should_panic", "use `catch_unwind` around the one call that must panic"),
    ("#[ignore", "a test that cannot run says so at run time, with its reason"),
];

/// Split, so that this file does not name what it forbids.
const MARK: &str = concat!("FIX", "ME");

/// Folders in which people and build machines keep their things.
const HOMES: [&str; 3] = [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/")];

/// Known places for everybody that look like somebody's home.
const NOT_HOMES: [&str; 1] = [concat!("/ho", "me/linuxbrew/")];

pub(super) fn unfinished(file: &File, _: &Tree) -> Vec<Found> {
    let mut found = Vec::new();
    for (line, number) in file.lexed.code.lines().zip(1..) {
        for (word, advice) in UNFINISHED {
            if starts_word(line, word) {
                found.push((number, format!("`{word}`: {advice}")));
            }
        }
    }
    for (line, number) in file.text.lines().zip(1..) {
        if line.contains(MARK) {
            found.push((number, format!("`{MARK}`: mend it, or open an issue")));
        }
    }
    found
}

pub(super) fn machine_paths(file: &File, _: &Tree) -> Vec<Found> {
    let mut needles: Vec<String> = HOMES.iter().map(ToString::to_string).collect();
    let root = workspace::root().to_string_lossy().into_owned();
    let home = env::var("HOME").unwrap_or_default();
    for folder in [root, home] {
        // A folder directly below the root is too common a word to be a trace of this machine.
        if folder.matches('/').count() > 1 {
            needles.push(format!("{folder}/"));
        }
    }
    let mut found = Vec::new();
    for (line, number) in file.text.lines().zip(1..) {
        if let Some(needle) = needles.iter().find(|needle| names_path(line, needle)) {
            found.push((number, format!("a path of somebody's machine: {needle}…")));
        }
    }
    found
}

/// Whether `needle` stands in `line` as the beginning of an absolute path.
fn names_path(line: &str, needle: &str) -> bool {
    line.match_indices(needle).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let inside = before.is_some_and(|c| c.is_alphanumeric() || "._-/~*$}".contains(c));
        !inside && !NOT_HOMES.iter().any(|known| line[at..].starts_with(known))
    })
}

fn starts_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rule: fn(&File, &Tree) -> Vec<Found>, path: &str, text: &str) -> Vec<usize> {
        let found = rule(&File::new(path, text), &Tree::default());
        found.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn unfinished_work_is_found() {
        for line in ["todo!()", "dbg!(x)", "unimplemented!()", "#[should_panic]", "#[ignore = \"\"]"] {
            assert_eq!(lines(unfinished, "a.rs", &format!("x\n{line}\n")), [2], "{line}");
        }
        assert_eq!(lines(unfinished, "a.sh", &format!("# {MARK}: later\n")), [1]);
    }

    #[test]
    fn talk_about_it_is_allowed() {
        for line in ["// no todo!() here", "x(\"dbg!\")", "my_todo!()"] {
            assert!(lines(unfinished, "a.rs", line).is_empty(), "{line}");
        }
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for home in HOMES {
            assert_eq!(lines(machine_paths, "a.md", &format!("see {home}me/x\n")), [1], "{home}");
        }
        let here = format!("include {}/x\n", workspace::root().display());
        assert_eq!(lines(machine_paths, "a.md", &here), [1]);
    }

    #[test]
    fn parts_of_other_paths_are_not_homes() {
        for home in HOMES {
            let text = format!("tests{home}x and https://h{home}x\n");
            assert!(lines(machine_paths, "a.md", &text).is_empty(), "{text}");
        }
        let text = format!("{}.linuxbrew/lib\n", NOT_HOMES[0]);
        assert!(lines(machine_paths, "a.md", &text).is_empty());
    }
}
