//! The files that the rules look at: all that are text and belong to the repository.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::lexer::{self, Lexed};

/// Folders at the top that hold no source: what is built, and version control's own.
const NOT_OURS: [&str; 2] = ["target", ".git"];

/// Inputs for the readers of bytes from outside: each is as it has to be.
const BYTES: &str = "tests/corpus/";

/// One file, with slashes in its path on every platform.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
    /// Rust source taken apart; empty for other files.
    pub(crate) lexed: Lexed,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> File {
        let lexed = if path.ends_with(".rs") { lexer::lex(text) } else { Lexed::default() };
        File { path: path.to_owned(), text: text.to_owned(), lexed }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    pub(crate) fn is_below(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }

    /// The first line of the tests: by house rule they come last in a file.
    pub(crate) fn first_test_line(&self) -> usize {
        let is_test_attribute = |line: &str| {
            let line = line.trim_start();
            line.starts_with("#[cfg(") && line.contains("test")
        };
        if self.path.contains("/tests/") || self.path.ends_with("/tests.rs") {
            return 1;
        }
        let code = self.lexed.code.lines();
        code.zip(1..).find(|(line, _)| is_test_attribute(line)).map_or(usize::MAX, |(_, number)| number)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
    /// Every file and folder, also those that are not text.
    pub(crate) paths: BTreeSet<String>,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> io::Result<Tree> {
        let mut tree = Tree::default();
        tree.read_folder(root, "")?;
        Ok(tree)
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
        entries.sort();
        for entry in entries {
            let name = entry.file_name().unwrap_or_default().to_string_lossy();
            if prefix.is_empty() && NOT_OURS.contains(&name.as_ref()) {
                continue;
            }
            let path = format!("{prefix}{name}");
            if entry.is_dir() {
                self.read_folder(&entry, &format!("{path}/"))?;
            } else if prefix.starts_with(BYTES) {
                // No text, even where it looks like one.
            } else if let Ok(text) = String::from_utf8(fs::read(&entry)?) {
                self.files.push(File::new(&path, &text));
            }
            self.paths.insert(path);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_of_a_file_are_found() {
        let file = File::new("crates/a/src/b.rs", "//! B.\nfn b() {}\n#[cfg(test)]\nmod tests {}\n");
        assert_eq!(file.first_test_line(), 3);
        assert_eq!(File::new("tests/tests/a.rs", "").first_test_line(), 1);
        assert_eq!(File::new("crates/a/src/b.rs", "").first_test_line(), usize::MAX);
    }

    #[test]
    fn folders_and_files_are_read_but_not_what_was_built() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("a/b")).unwrap();
        fs::create_dir_all(root.path().join("target/debug")).unwrap();
        fs::write(root.path().join("a/b/c.md"), "text\n").unwrap();
        fs::write(root.path().join("a/blob"), [0xff, 0xfe]).unwrap();
        fs::write(root.path().join("target/debug/x.rs"), "").unwrap();
        let tree = Tree::read(root.path()).unwrap();
        let files: Vec<_> = tree.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files, ["a/b/c.md"]);
        let paths: Vec<_> = tree.paths.iter().map(String::as_str).collect();
        assert_eq!(paths, ["a", "a/b", "a/b/c.md", "a/blob"]);
    }
}
