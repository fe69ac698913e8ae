//! The rule that the public API is shown at work: a type has an example or is named in one, a function and a method is
//! called in one. By name, over all examples of the crate; that they compile and pass is for the documentation tests.

use std::collections::HashSet;

use super::Found;
use super::tree::{File, Tree};

/// Crates whose users read documentation, and the parts that mirror C, one name each.
const CRATES: [(&str, &[&str]); 4] = [
    ("crates/dlssl/src/", &["raw/"]),
    ("crates/dlssl-core/src/", &["ffi/", "compat/"]),
    ("crates/dlssl-tokio/src/", &[]),
    ("crates/dlssl-native-tls/src/", &[]),
];

pub(super) fn show_what_is_public(file: &File, tree: &Tree) -> Vec<Found> {
    let Some((folder, mirrors)) = CRATES.iter().find(|(folder, _)| file.path == format!("{folder}lib.rs")) else {
        return Vec::new();
    };
    let exported = exported(&file.lexed.code);
    let sources: Vec<&File> = tree.files.iter().filter(|file| file.is_rust() && file.is_below(folder)).collect();
    let mut shown = Shown::default();
    sources.iter().flat_map(|file| examples(&file.text)).for_each(|line| shown.add(line));
    let looked_at =
        sources.iter().filter(|file| !mirrors.iter().any(|mirror| file.path[folder.len()..].starts_with(mirror)));
    looked_at
        .flat_map(|file| items(file, &exported).into_iter().map(move |item| (file, item)))
        .filter(|(_, item)| !item.is_shown(&shown))
        .map(|(file, item)| (1, format!("`{}` is in no example ({}:{})", item.name, file.path, item.line)))
        .collect()
}

/// Names that the crate's root gives out.
fn exported(code: &str) -> Vec<&str> {
    let uses = code.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    uses.flat_map(|list| list.split(|character: char| !is_part(character))).filter(|word| !word.is_empty()).collect()
}

/// Lines of the code in doc comments.
fn examples(text: &str) -> Vec<&str> {
    let (mut inside, mut lines) = (false, Vec::new());
    for line in text.lines().map(str::trim_start) {
        match line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).map(str::trim_start) {
            Some(doc) if doc.starts_with("```") => inside = !inside,
            Some(doc) if inside => lines.push(doc),
            Some(_) => {}
            None => inside = false,
        }
    }
    lines
}

struct Item<'a> {
    line: usize,
    name: &'a str,
    kind: Kind,
}

enum Kind {
    /// With an example of its own.
    Type {
        has_example: bool,
    },
    Function,
    Method,
}

/// Words of all examples of a crate.
#[derive(Default)]
struct Shown {
    words: HashSet<String>,
    /// Those after a point or two colons.
    called: HashSet<String>,
}

impl Shown {
    fn add(&mut self, line: &str) {
        let mut rest = line;
        while let Some(begin) = rest.find(is_part) {
            let (head, tail) = rest.split_at(begin);
            let (word, tail) = tail.split_at(tail.find(|c| !is_part(c)).unwrap_or(tail.len()));
            if head.ends_with('.') || head.ends_with("::") {
                self.called.insert(word.to_owned());
            }
            self.words.insert(word.to_owned());
            rest = tail;
        }
    }
}

impl Item<'_> {
    fn is_shown(&self, shown: &Shown) -> bool {
        match self.kind {
            Kind::Type { has_example } => has_example || shown.words.contains(self.name),
            Kind::Function => shown.words.contains(self.name),
            Kind::Method => shown.called.contains(self.name),
        }
    }
}

/// Public types, functions and methods of exported names in a file.
fn items<'a>(file: &'a File, exported: &[&str]) -> Vec<Item<'a>> {
    let (mut all, mut owner_counts, mut has_example) = (Vec::new(), true, false);
    let tests = file.first_test_line();
    for (text, line) in file.text.lines().zip(1..).take_while(|(_, line)| *line < tests) {
        let code = text.trim_start();
        if text.starts_with("impl") || text.starts_with("macro_rules!") || text.starts_with("mod ") {
            let of = code.split(" for ").last().unwrap_or(code);
            let is_exported = |word: &str| exported.contains(&word);
            owner_counts = text.starts_with("macro_rules!") || of.split(|c: char| !is_part(c)).any(is_exported);
        }
        if code.starts_with("///") {
            has_example |= code.contains("```");
            continue;
        }
        if let Some((kind, name)) = declared(code) {
            let kind = match kind {
                "fn" if text.starts_with(' ') => owner_counts.then_some(Kind::Method),
                "fn" => exported.contains(&name).then_some(Kind::Function),
                _ if text.starts_with(' ') => None,
                _ => exported.contains(&name).then_some(Kind::Type { has_example }),
            };
            all.extend(kind.map(|kind| Item { line, name, kind }));
        }
        // Attributes come between a comment and what it is about; no other code does.
        has_example &= code.starts_with('#') || code.starts_with(')') || !code.ends_with([';', '{', '}']);
    }
    all
}

/// What a line declares in public, and its name.
fn declared(code: &str) -> Option<(&str, &str)> {
    let rest = code.strip_prefix("pub ")?.trim_start_matches("const ").trim_start_matches("unsafe ");
    let (kind, rest) = rest.split_once(' ')?;
    let name = rest.split(|character: char| !is_part(character)).next()?;
    ["fn", "struct", "enum", "trait"].contains(&kind).then_some((kind, name))
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(code: &str) -> Vec<String> {
        let lib = File::new("crates/dlssl/src/lib.rs", "//! A.\nmod a;\npub use a::{Seen, Shape, free};\n");
        let mut tree = Tree::default();
        tree.files.push(File::new("crates/dlssl/src/a.rs", code));
        show_what_is_public(&lib, &tree).into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn what_is_in_no_example_is_a_fault() {
        let code = "/// A.\npub struct Seen;\nimpl Seen {\n    pub fn go(&self) {}\n}\npub fn free() {}\n";
        assert_eq!(
            faults(code),
            [
                "`Seen` is in no example (crates/dlssl/src/a.rs:2)",
                "`go` is in no example (crates/dlssl/src/a.rs:4)",
                "`free` is in no example (crates/dlssl/src/a.rs:6)"
            ]
        );
    }

    #[test]
    fn what_is_named_in_one_is_shown() {
        let code = "/// ```\n/// free().go();\n/// ```\n#[derive(\n    Clone,\n)]\npub struct Seen;\nimpl Seen {\n    pub fn go(&self) {}\n}\npub fn free() {}\n";
        assert!(faults(code).is_empty(), "{:?}", faults(code));
        // By its whole name, and called.
        assert_eq!(faults("/// ```\n/// go; x.go_on();\n/// ```\nimpl Seen {\n    pub fn go(&self) {}\n}\n").len(), 1);
    }

    #[test]
    fn what_nobody_can_reach_needs_none() {
        let code =
            "pub struct Hidden;\nimpl Hidden {\n    pub fn go(&self) {}\n}\nimpl Seen {\n    fn own(&self) {}\n}\n";
        assert!(faults(code).is_empty());
    }
}
