//! The rule for `Cargo.toml`: every crate says its licence and what it is, and takes the common lints.

use super::Found;
use super::tree::{File, Tree};

pub(super) fn complete(file: &File, _: &Tree) -> Vec<Found> {
    let is_manifest = file.path == "Cargo.toml" || file.path.ends_with("/Cargo.toml");
    let has_package = file.text.lines().any(|line| line.trim() == "[package]");
    if !is_manifest || !has_package {
        return Vec::new();
    }
    let mut found = Vec::new();
    for key in ["license", "description"] {
        if !has(&file.text, "[package]", key) {
            found.push((1, format!("the crate has no `{key}`")));
        }
    }
    // A package with a workspace of its own cannot take them.
    let is_apart = file.text.lines().any(|line| line.trim() == "[workspace]");
    if !is_apart && !has(&file.text, "[lints]", "workspace") {
        found.push((1, "the crate does not take the lints of the workspace".into()));
    }
    found
}

/// Whether a section sets `key`, plainly or as `key.workspace`.
fn has(text: &str, section: &str, key: &str) -> bool {
    text.lines()
        .map(str::trim)
        .skip_while(|line| *line != section)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .any(|(name, value)| {
            let name = name.trim();
            let name = name.strip_suffix(".workspace").unwrap_or(name);
            name == key && !matches!(value.trim(), "" | "\"\"" | "false")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let found = complete(&File::new("crates/a/Cargo.toml", text), &Tree::default());
        found.into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn a_full_manifest_passes() {
        let text = "[package]\nlicense.workspace = true\ndescription = \"a\"\n\n[lints]\nworkspace = true\n";
        assert!(messages(text).is_empty());
        assert!(messages("[workspace]\nmembers = []\n").is_empty());
    }

    #[test]
    fn what_is_missing_is_named() {
        let found = messages("[package]\nname = \"a\"\ndescription = \"\"\n[dependencies]\nlicense = \"1\"\n");
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].contains("license"));
        assert!(found[1].contains("description"));
        assert!(found[2].contains("lints"));
    }
}
