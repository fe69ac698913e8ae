//! `docs/symbols.md`: for developers, which function and which setting is in which version.

use std::fmt::Write as _;

use dlssl_core::ffi::options::{OPTIONS, Setting};
use dlssl_core::ffi::{SymbolSpec, specs};

use super::{COLUMNS, heading};

const INTRODUCTION: &str = "\
# C functions and settings by version

Written by `cargo xtask docs` from the lists in `dlssl-core/src/ffi`; do not edit. `cargo xtask headers` compares the
lists with real headers and export tables.

**●**: the newest name is exported. **○**: loaded under its older name. **–**: absent. Functions in bold are required: a
library without one is refused.

";

pub(super) fn text() -> String {
    let mut out = INTRODUCTION.to_owned();
    let mut header = "";
    for spec in specs() {
        if spec.header() != header {
            header = spec.header();
            let _ = write!(out, "\n## `{header}` ({})\n\n{}", spec.half(), heading("function"));
        }
        let name = if spec.is_required() { format!("**{}**", spec.field()) } else { spec.field().to_owned() };
        let _ = write!(out, "| {name}{} |", older(spec));
        for column in COLUMNS {
            let mark = if spec.expected_in(column.flavour, column.version()) {
                "●"
            } else if spec.names().count() > 1 {
                "○"
            } else {
                "–"
            };
            let _ = write!(out, " {mark} |");
        }
        out.push('\n');
    }
    let _ = write!(out, "\n## Settings\n\nThe value, or what the library does by itself.\n\n{}", heading("setting"));
    for option in OPTIONS {
        let _ = write!(out, "| {} |", option.name);
        for column in COLUMNS {
            let word = match option.resolve(column.flavour, column.version()) {
                Setting::Bits(bits) => format!("{bits:#x}"),
                Setting::Inherent => "always".to_owned(),
                Setting::Emulated => "dlssl".to_owned(),
                _ => "–".to_owned(),
            };
            let _ = write!(out, " {word} |");
        }
        out.push('\n');
    }
    out
}

/// The older name, for the cell of the name.
fn older(spec: &SymbolSpec) -> String {
    spec.names().nth(1).map(|older| format!(" (was {older})")).unwrap_or_default()
}
