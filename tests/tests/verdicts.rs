//! Verdicts on certificates: dlssl's against the right one and the loaded library's own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;

use dlssl_tests::harness::{run, test};
use dlssl_tests::library::library;
use dlssl_tests::verdicts::case::{Case, Suite};
use dlssl_tests::verdicts::cases::{GROUPS, made_by_openssl};
use dlssl_tests::verdicts::known::KNOWN;
use dlssl_tests::verdicts::{Judged, judge};

/// A file of cases, or a folder of them: x509-limbo's `limbo.json`, or one's own.
const CASES: &str = "DLSSL_LIMBO";

fn main() -> ExitCode {
    let mut tests: Vec<_> = GROUPS.iter().map(|(name, make)| test(name, || all_as_known(&make()))).collect();
    let users = std::env::var_os(CASES);
    let unset = || format!("{CASES} names no cases");
    tests.extend([
        test("rsa", || all_as_known(&made_by_openssl())).needs("openssl"),
        test("known_differences_name_cases", known_names),
        test("cases_are_read_back", read_back),
        test("a_users_own_cases", users_own).only_if(users.is_some(), unset),
    ]);
    run(tests)
}

/// Each case as expected or as known, and none more permissive than the library.
fn all_as_known(cases: &[Case]) {
    let judged: Vec<_> = cases.iter().map(|case| judge(case, Some(KNOWN))).collect();
    fail_with_faults(&judged);
}

fn fail_with_faults(judged: &[Judged]) {
    let lines: Vec<_> =
        judged.iter().flat_map(|one| one.faults.iter().map(move |f| format!("{}: {f}", one.id))).collect();
    assert!(lines.is_empty(), "{}:\n{}", library().version_text(), lines.join("\n"));
}

fn known_names() {
    let all: Vec<_> = GROUPS.iter().flat_map(|(_, make)| make()).map(|case| case.id).collect();
    let ids: HashSet<_> = all.iter().collect();
    assert_eq!(ids.len(), all.len(), "an identifier is there twice");
    for (group, make) in GROUPS {
        assert!(make().iter().all(|case| case.id.starts_with(&format!("{group}::"))), "{group}");
    }
    for known in KNOWN.iter().filter(|known| !known.id.starts_with("rsa::")) {
        assert!(all.iter().any(|id| id == known.id), "{} is no case", known.id);
    }
}

fn read_back() {
    let suite = Suite { version: 1, testcases: GROUPS.iter().flat_map(|(_, make)| make()).collect() };
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("cases.json"), serde_json::to_string(&suite).unwrap()).unwrap();
    std::fs::write(dir.path().join("README"), "not read").unwrap();
    assert_eq!(Suite::read(dir.path()).unwrap(), suite);
    // Lists may be null or missing, and fields unknown.
    let mut value = serde_json::to_value(&suite.testcases[0]).unwrap();
    let object = value.as_object_mut().unwrap();
    object.insert("features".to_owned(), serde_json::Value::Null);
    object.insert("news".to_owned(), true.into());
    object.remove("crls");
    assert_eq!(serde_json::from_value::<Case>(value).unwrap(), suite.testcases[0]);
    let error = Suite::read(&dir.path().join("nothing.json")).unwrap_err();
    assert!(error.contains("nothing.json"), "{error}");
}

/// Only what must never be: there is no list of differences for them.
fn users_own() {
    let suite = Suite::read(Path::new(&std::env::var_os(CASES).unwrap())).unwrap();
    let judged: Vec<_> = suite.testcases.iter().map(|case| judge(case, None)).collect();
    for one in judged.iter().filter(|one| one.differs()) {
        println!("{}: {:?} expected, dlssl says {:?}", one.id, one.expected, one.ours);
    }
    fail_with_faults(&judged);
}
