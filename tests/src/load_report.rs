//! One load in a process of its own, reported as a line of JSON: a bad library must not stay behind in the test's process.

use std::ffi::OsString;
use std::process::Command;

use dlssl::{Isolation, Library, LoadError, Loader};
use serde_json::{Value, json};

use crate::process;

/// Loads as the arguments say and prints the report; for the helper programs.
///
/// Arguments: `--files SSL CRYPTO`, `--dir DIR`, `--already-loaded`, `--no-environment`, `--never` and `--always` (private
/// copies); none: the default search.
pub fn main(mut arguments: impl Iterator<Item = OsString>) {
    let mut loader = Loader::new();
    while let Some(argument) = arguments.next() {
        let mut next = || arguments.next().unwrap();
        loader = match argument.to_str() {
            // SAFETY: the test that started this process names the files and wants them run.
            Some("--files") => unsafe { loader.files(next(), next()) },
            // SAFETY: as above.
            Some("--dir") => unsafe { loader.directory(next()) },
            Some("--already-loaded") => loader.already_loaded(),
            Some("--never") => loader.isolation(Isolation::Never),
            Some("--always") => loader.isolation(Isolation::Always),
            Some("--no-environment") => loader.environment(false),
            other => panic!("unknown argument {other:?}"),
        };
    }
    let report = match loader.load() {
        Ok(library) => loaded(&library),
        Err(error) => refused(&error),
    };
    println!("{report}");
}

fn loaded(library: &Library) -> Value {
    json!({
        "ok": true,
        "version": library.version_text(),
        "number": library.version().to_string(),
        "private": library.is_private_copy(),
        "known": library.is_known_version(),
        "libssl": library.libssl_path(),
        "libcrypto": library.libcrypto_path(),
        "text": library.explain().to_string(),
        "explanation": parsed(&library.explain().to_json()),
    })
}

fn refused(error: &LoadError) -> Value {
    json!({
        "ok": false,
        "code": error.code(),
        "message": error.to_string(),
        "debug": format!("{:?}", error.failure()),
        "text": error.explanation().to_string(),
        "explanation": parsed(&error.explanation().to_json()),
    })
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

/// Runs a helper program that ends in [`main`] and reads its report.
///
/// # Panics
/// When the helper did not end by itself with success: no load may abort or kill the process.
pub fn run(helper: &mut Command) -> Report {
    let outcome = process::run(helper, b"").success();
    let last = outcome.stdout.lines().last().unwrap_or_default();
    Report(serde_json::from_str(last).unwrap_or_else(|e| panic!("{e}: {outcome:?}")))
}

/// What a helper program said.
#[derive(Debug, Clone)]
pub struct Report(pub Value);

impl Report {
    /// A text field, empty when absent.
    pub fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    /// Whether the load succeeded.
    pub fn ok(&self) -> bool {
        self.0["ok"] == true
    }

    /// A field that is true or false.
    pub fn is(&self, field: &str) -> bool {
        self.0[field] == true
    }

    /// All that the report says, message, text and JSON, for searching.
    pub fn all(&self) -> String {
        format!("{}\n{}\n{}", self.text("message"), self.text("text"), self.0["explanation"])
    }

    /// Checks the code of a refusal, and that message, text and JSON each name all of these.
    pub fn refused_as(&self, code: &str, names: &[&str]) {
        assert!(!self.ok(), "loaded: {}", self.0);
        assert_eq!(self.text("code"), code, "{}", self.all());
        assert!(!self.text("message").is_empty());
        let json = self.0["explanation"].to_string();
        for name in names {
            assert!(self.text("text").contains(name), "the text lacks {name:?}: {}", self.text("text"));
            assert!(json.contains(name), "the JSON lacks {name:?}: {json}");
        }
    }
}
