//! `cargo xtask tidy`: the house rules as code. A unit test runs them over the tree as well.
//!
//! A rule is a function over one file's path and text; the table below is all there are.

mod examples;
mod form;
mod lexer;
mod links;
mod manifest;
mod pages;
mod places;
mod queue;
mod snippets;
mod symbols;
mod tree;
mod words;

use std::fmt;
use std::io;
use std::path::Path;

use crate::{Fallible, report, workspace};

use tree::{File, Tree};

/// Something that a rule objects to. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// A line and what is wrong with it.
type Found = (usize, String);

type Rule = fn(&File, &Tree) -> Vec<Found>;

const RULES: &[Rule] = &[
    form::first_line,
    form::white_space,
    form::not_empty,
    form::length,
    words::unfinished,
    words::machine_paths,
    manifest::complete,
    places::libloading,
    places::unsafe_code,
    places::command_without_unsafe,
    symbols::declared_in_one_place,
    queue::calls_have_wrappers,
    links::lead_somewhere,
    pages::name_what_exists,
    snippets::are_compiled,
    examples::show_what_is_public,
    snippets::are_in_the_index,
];

pub(crate) fn command() -> Fallible<bool> {
    let faults = check(workspace::root())?;
    for fault in &faults {
        anstream::println!("{fault}");
    }
    if !faults.is_empty() {
        let count = faults.len();
        let word = if count == 1 { "fault" } else { "faults" };
        report::error(&format!("tidy found {count} {word}"));
    }
    Ok(faults.is_empty())
}

fn check(root: &Path) -> io::Result<Vec<Fault>> {
    let tree = Tree::read(root)?;
    let mut faults: Vec<Fault> = tree.files.iter().flat_map(|file| faults(file, &tree)).collect();
    faults.sort();
    Ok(faults)
}

fn faults(file: &File, tree: &Tree) -> Vec<Fault> {
    let found = RULES.iter().flat_map(|rule| rule(file, tree));
    found.map(|(line, message)| Fault { path: file.path.clone(), line, message }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        let faults = check(workspace::root()).unwrap();
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }

    #[test]
    fn a_fault_is_shown_with_path_and_line() {
        let file = File::new("src/a.rs", "//! A.\nfn a() {} \n");
        let shown: Vec<_> = faults(&file, &Tree::default()).iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["src/a.rs:2: trailing white space"]);
    }
}
