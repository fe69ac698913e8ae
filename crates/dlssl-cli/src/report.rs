//! Output for people (aligned lines, marks, colours) and for programs (JSON).
//!
//! Colours are always written; the streams of `anstream` drop them when nobody sees them.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::failure::Failure;

const HEADING: Style = Style::new().bold();
const KEY: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default();

/// Starts a section.
pub(crate) fn heading(out: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(out, "{HEADING}{text}{HEADING:#}")
}

/// Writes keys and values in two columns; the further lines of a value stay in its column.
pub(crate) fn pairs(out: &mut impl Write, rows: &[(&str, String)]) -> io::Result<()> {
    let width = rows.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    for (key, value) in rows {
        let mut key: &str = key;
        // An empty value still shows its key.
        for line in value.split('\n') {
            let line = clean(line);
            writeln!(out, "  {KEY}{key:width$}{KEY:#}  {line}")?;
            key = "";
        }
    }
    Ok(())
}

/// A line about something that worked.
pub(crate) fn done(out: &mut impl Write, text: &str) -> io::Result<()> {
    let text = clean(text);
    writeln!(out, "{GOOD}✓{GOOD:#} {text}")
}

/// A line about something that did not.
pub(crate) fn failed(out: &mut impl Write, text: &str) -> io::Result<()> {
    let text = clean(text);
    writeln!(out, "{BAD}✗{BAD:#} {text}")
}

/// A line about something that does not apply here.
pub(crate) fn skipped(out: &mut impl Write, text: &str) -> io::Result<()> {
    let text = clean(text);
    writeln!(out, "{KEY}–{KEY:#} {text}")
}

/// A line about something to look at.
pub(crate) fn warning(out: &mut impl Write, text: &str) -> io::Result<()> {
    let text = clean(text);
    writeln!(out, "{WARN}!{WARN:#} {text}")
}

/// What went wrong.
pub(crate) fn error(out: &mut impl Write, text: &str) -> io::Result<()> {
    let text = clean_lines(text);
    writeln!(out, "{BAD}error:{BAD:#} {text}")
}

/// What to do about the line above.
pub(crate) fn advice(out: &mut impl Write, text: &str) -> io::Result<()> {
    let text = clean(text);
    writeln!(out, "  {GOOD}try:{GOOD:#} {text}")
}

/// Writes one JSON object, readable, with a newline.
pub(crate) fn json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)?;
    out.flush()
}

/// A reader that has seen enough (`dlssl doctor | head -1`) is no failure.
pub(crate) fn unless_closed(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(Failure::output),
    }
}

/// Makes control characters visible: names of peers and files may hold any, and a terminal obeys them.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(char::is_control) {
        text.chars().map(Visible).map(|c| c.to_string()).collect::<String>().into()
    } else {
        text.into()
    }
}

/// The same for text of several lines.
pub(crate) fn clean_lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(clean).collect();
    lines.join("\n")
}

/// A character, escaped when it is a control character.
struct Visible(char);

impl Display for Visible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_control() { write!(f, "{}", self.0.escape_default()) } else { write!(f, "{}", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        let bytes = anstream::adapter::strip_bytes(&out).into_vec();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn values_line_up() {
        let rows = [("library", "OpenSSL".into()), ("why", "one\ntwo".into()), ("roots", String::new())];
        let text = plain(|out| pairs(out, &rows));
        assert_eq!(text, "  library  OpenSSL\n  why      one\n           two\n  roots    \n");
        assert_eq!(plain(|out| pairs(out, &[])), "");
    }

    #[test]
    fn marks() {
        assert_eq!(plain(|out| done(out, "yes")), "✓ yes\n");
        assert_eq!(plain(|out| failed(out, "no")), "✗ no\n");
    }

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        assert_eq!(clean("CN=\u{1b}[2Jx\n"), "CN=\\u{1b}[2Jx\\n");
        assert_eq!(clean("CN=é"), "CN=é");
        assert_eq!(clean_lines("a\nb\tc"), "a\nb\\tc");
    }

    #[test]
    fn json_ends_in_a_newline() {
        assert_eq!(plain(|out| json(out, &[1])), "[\n  1\n]\n");
    }
}
