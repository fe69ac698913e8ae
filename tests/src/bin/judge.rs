//! `judge [--cases FILE-OR-FOLDER] [--write FILE]`: judges cases on the library under test and says what came of it, as
//! JSON; or writes our own cases, for others to judge. `cargo xtask verdicts` runs it on every build.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a failed run, and a panic says where"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use dlssl_tests::library::library;
use dlssl_tests::verdicts::case::{Case, Suite};
use dlssl_tests::verdicts::cases::{GROUPS, made_by_openssl};
use dlssl_tests::verdicts::judge;
use dlssl_tests::verdicts::known::KNOWN;
use dlssl_tests::{pki, process};
use serde_json::json;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let mut given = None;
    while let Some(argument) = arguments.next() {
        let value = PathBuf::from(arguments.next().expect("an option has a value"));
        match argument.to_str() {
            Some("--cases") => given = Some(Suite::read(&value).unwrap_or_else(|error| panic!("{error}"))),
            Some("--write") => {
                let suite = Suite { version: 1, testcases: own() };
                std::fs::write(value, serde_json::to_string_pretty(&suite).unwrap() + "\n").unwrap();
                return ExitCode::SUCCESS;
            }
            _ => panic!("{argument:?} is no option"),
        }
    }
    let known = given.is_none().then_some(KNOWN);
    let cases = given.map_or_else(own, |suite| suite.testcases);
    let listed: Vec<_> = known.unwrap_or_default().iter().map(|entry| entry.id).collect();
    let judged: Vec<_> = cases.iter().map(|case| judge(case, known)).collect();
    let words = cases.iter().map(|case| (case.id.clone(), case.description.clone().into()));
    let report = json!({
        "library": library().version_text(),
        "listed": listed,
        "judged": judged,
        "descriptions": words.collect::<serde_json::Map<_, _>>(),
    });
    println!("{report}");
    pki::remove_shared_files();
    ExitCode::from(u8::from(judged.iter().any(|one| !one.faults.is_empty())))
}

fn own() -> Vec<Case> {
    let mut cases: Vec<_> = GROUPS.iter().flat_map(|(_, make)| make()).collect();
    if process::find("openssl").is_some() {
        cases.extend(made_by_openssl());
    } else {
        eprintln!("the cases with RSA are left out: openssl is not installed");
    }
    cases
}
