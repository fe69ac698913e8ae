//! Rules that a page is in the lists where it belongs: the index, and, when it has Rust in it, what the tests' crate compiles.

use super::Found;
use super::tree::{File, Tree};

const LIST: &str = "tests/src/pages.rs";

pub(super) fn are_compiled(file: &File, tree: &Tree) -> Vec<Found> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let Some(line) = file.text.lines().position(|line| line.trim_start().starts_with("```rust")) else {
        return Vec::new();
    };
    let named = format!("\"../../{}\"", file.path);
    let listed = tree.files.iter().any(|list| list.path == LIST && list.text.contains(&named));
    if listed { Vec::new() } else { vec![(line + 1, format!("nobody compiles this: the page is not in {LIST}"))] }
}

const INDEX: &str = "docs/README.md";

pub(super) fn are_in_the_index(file: &File, tree: &Tree) -> Vec<Found> {
    let Some(name) = file.path.strip_prefix("docs/").filter(|name| name.ends_with(".md") && !name.contains('/')) else {
        return Vec::new();
    };
    let link = format!("]({name}");
    let listed = tree.files.iter().any(|index| index.path == INDEX && index.text.contains(&link));
    if listed || file.path == INDEX { Vec::new() } else { vec![(1, format!("the page is not in {INDEX}"))] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> Vec<usize> {
        let mut tree = Tree::default();
        tree.files.push(File::new(LIST, "pages! { A: \"../../docs/a.md\", }"));
        are_compiled(&File::new(path, text), &tree).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_page_with_code_is_listed() {
        let text = "# A\n```rust,no_run\nx\n```\n";
        assert!(faults("docs/a.md", text).is_empty());
        assert_eq!(faults("docs/b.md", text), [2]);
        assert!(faults("docs/b.md", "```sh\nx\n```\n").is_empty());
    }

    #[test]
    fn every_page_is_in_the_index() {
        let mut tree = Tree::default();
        tree.files.push(File::new(INDEX, "| [a](a.md) |"));
        let faults = |path: &str| are_in_the_index(&File::new(path, "# A\n"), &tree).len();
        assert_eq!([faults("docs/a.md"), faults("docs/b.md"), faults(INDEX), faults("docs/more/b.md")], [0, 1, 0, 0]);
    }
}
