//! The rule that a link in a Markdown file points at a file or folder of the tree, and at a heading that is there.

use super::Found;
use super::tree::{File, Tree};

pub(super) fn lead_somewhere(file: &File, tree: &Tree) -> Vec<Found> {
    if !file.path.ends_with(".md") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut in_code = false;
    for (line, number) in file.text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for target in targets(line).into_iter().filter(|target| is_relative(target)) {
            let path = target.split('#').next().unwrap_or(target);
            let leads = resolve(&file.path, path).is_some_and(|path| path.is_empty() || tree.paths.contains(&path));
            if !leads {
                found.push((number, format!("the link `{target}` leads nowhere")));
            }
        }
        for target in targets(line).into_iter().filter(|target| !target.contains("://")) {
            let Some((path, heading)) = target.split_once('#') else { continue };
            let page = if path.is_empty() { Some(file.path.clone()) } else { resolve(&file.path, path) };
            let text = match page {
                Some(page) if page == file.path => Some(&file.text),
                Some(page) => tree.files.iter().find(|file| file.path == page).map(|file| &file.text),
                None => None,
            };
            if text.is_some_and(|text| !headings(text).any(|there| there == heading)) {
                found.push((number, format!("there is no heading for the link `{target}`")));
            }
        }
    }
    found
}

/// The targets of `[text](target)` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let mut targets: Vec<&str> = line
        .match_indices("](")
        .filter_map(|(at, open)| line[at + open.len()..].split_once(')'))
        .map(|(target, _)| target)
        .collect();
    if line.starts_with('[') {
        targets.extend(line.split_once("]: ").map(|(_, target)| target.trim()));
    }
    targets
}

/// The names by which a page's headings are linked: small letters, hyphens for spaces, and no other signs.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let mut in_code = false;
    let titles = text.lines().filter_map(move |line| {
        in_code ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        (!in_code && title.len() < line.len()).then(|| title.strip_prefix(' ')).flatten()
    });
    titles.map(|title| {
        let kept = title.chars().filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
        kept.flat_map(char::to_lowercase).map(|sign| if sign == ' ' { '-' } else { sign }).collect()
    })
}

fn is_relative(target: &str) -> bool {
    !target.starts_with('#') && !target.contains("://") && !target.starts_with("mailto:")
}

/// The path in the tree that a link in `from` means; nothing when it leaves the tree.
fn resolve(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        let mut tree = Tree::default();
        for path in ["README.md", "docs", "docs/a.md"] {
            tree.paths.insert(path.to_owned());
        }
        let found = lead_somewhere(&File::new("docs/a.md", text), &tree);
        found.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        assert_eq!(lines("x\n[b](b.md) [c](../c.md)\n"), [2, 2]);
        assert_eq!(lines("[out](../../README.md)\n"), [1]);
        assert_eq!(lines("[name]: gone.md\n"), [1]);
    }

    #[test]
    fn good_links_pass() {
        let text = "# Top\n[r](../README.md) [a](a.md#top) [d](../docs/) [h](#top) [w](https://example.org/x.md)\n\
                    ```\n[code](none.md)\n```\n";
        assert!(lines(text).is_empty());
    }

    #[test]
    fn a_heading_that_is_not_there_is_found() {
        let text = "# What `it` costs, and why\n[a](#what-it-costs-and-why) [b](a.md#what-it-costs)\n\
                    ```\n# code\n```\n[c](#code)\n";
        assert_eq!(lines(text), [2, 6]);
    }
}
