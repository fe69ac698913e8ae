//! `cargo xtask docs`: the tables that are written from the lists, and the check that the committed ones are current.

mod symbols;
mod versions;

use std::path::Path;

use dlssl_core::{Flavour, Version};

use crate::{Fallible, report, workspace};

/// A version that has a column.
#[derive(Clone, Copy)]
struct Column {
    flavour: Flavour,
    version: &'static str,
}

impl Column {
    fn version(self) -> Version {
        // The list below is checked by a test.
        Version::parse(self.version).unwrap_or(self.flavour.floor())
    }
}

const fn openssl(version: &'static str) -> Column {
    Column { flavour: Flavour::OpenSsl, version }
}

const fn libressl(version: &'static str) -> Column {
    Column { flavour: Flavour::LibreSsl, version }
}

/// Every version at which something changes, and the newest.
const COLUMNS: [Column; 13] = [
    openssl("1.0.2n"),
    openssl("1.1.0i"),
    openssl("1.1.1w"),
    openssl("3.0.19"),
    openssl("3.5.9"),
    openssl("3.6.5"),
    openssl("4.0.3"),
    libressl("2.7.0"),
    libressl("3.0.2"),
    libressl("3.1.0"),
    libressl("3.4.0"),
    libressl("3.5.0"),
    libressl("4.3.0"),
];

/// Heading of a table with one column for each version.
fn heading(first: &str) -> String {
    let names = COLUMNS.iter().map(|column| format!(" {} {} |", column.flavour, column.version)).collect::<String>();
    format!("| {first} |{names}\n|---|{}\n", "---|".repeat(COLUMNS.len()))
}

/// Writes the documents, or says which are not current; `false` when one is not.
pub(crate) fn command(check: bool) -> Fallible<bool> {
    let root = workspace::root();
    let mut current = true;
    for (name, text) in [("docs/versions.md", versions::text()), ("docs/symbols.md", symbols::text())] {
        let path = root.join(name);
        if is_current(&path, &text) {
            continue;
        }
        if check {
            report::error(&format!("{name} is not what the lists say; run `cargo xtask docs`"));
            current = false;
        } else {
            std::fs::write(&path, text)?;
            anstream::println!("wrote {name}");
        }
    }
    Ok(current)
}

fn is_current(path: &Path, text: &str) -> bool {
    std::fs::read_to_string(path).is_ok_and(|now| now == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_a_version_at_or_above_the_floor() {
        for column in COLUMNS {
            let version = Version::parse(column.version).unwrap();
            assert!(version >= column.flavour.floor(), "{}", column.version);
        }
    }

    #[test]
    fn the_committed_documents_are_current() {
        assert!(command(true).unwrap());
    }
}
