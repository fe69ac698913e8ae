//! A library that is exchanged on disk while it is in use, again and again.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::process::{Command, ExitCode};

use dlssl_tests::builds::{builds, none_given};
use dlssl_tests::harness::{run, test};
use dlssl_tests::process;
use serde_json::Value;
use tempfile::TempDir;

/// Builds of one name, which take turns at one path.
const TURNS: [(&str, &str); 2] = [("openssl-3.0.8", "openssl-3.5.5"), ("openssl-1.1.0i", "openssl-1.1.1w")];

fn main() -> ExitCode {
    let mut tests = Vec::new();
    for (at, (old, new)) in TURNS.into_iter().enumerate() {
        // The first for the whole time, as a service would; the others for as long as shows a fault of that version.
        let seconds = if at == 0 { "60" } else { "6" };
        let are_there = folder(old).is_some() && folder(new).is_some();
        tests.push(
            test(&format!("streams_while_{old}_and_{new}_are_renamed_in_turn"), move || {
                stream(old, new, seconds, "rename");
            })
            .needs_linux()
            .only_if(are_there, none_given),
        );
        tests.push(
            test(&format!("streams_while_{old}_and_{new}_are_overwritten_in_turn"), move || {
                stream(old, new, "6", "overwrite");
            })
            .needs_linux()
            .only_if(are_there, none_given),
        );
    }
    let (old, new) = TURNS[0];
    tests.push(
        test("ten_thousand_reloads", move || many_reloads(old, new))
            .needs_linux()
            .only_if(folder(old).is_some() && folder(new).is_some(), none_given),
    );
    run(tests)
}

fn folder(name: &str) -> Option<String> {
    let build = builds().into_iter().find(|build| build.name == name)?;
    build.directory.map(|folder| folder.to_str().unwrap().to_owned())
}

fn upgrade(arguments: &[&str]) -> Value {
    let place = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_upgrade"));
    command.arg(arguments[0]).arg(place.path()).args(&arguments[1..]);
    let outcome = process::run_for(&mut command, b"", std::time::Duration::from_secs(280)).success();
    println!("{}", outcome.stdout.trim());
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// 200 connections stream and come back byte for byte, new ones are on the new version, and two versions are mapped in all.
fn stream(old: &str, new: &str, seconds: &str, way: &str) {
    let said = upgrade(&["stream", &folder(old).unwrap(), &folder(new).unwrap(), "200", seconds, way]);
    assert!(said["reloads"].as_u64().unwrap() > 10, "{said}");
    assert!(said["connections"].as_u64().unwrap() >= 200, "{said}");
    assert_eq!(said["stale"], 0, "a new connection was on an old library: {said}");
    assert_eq!((&said["versions"], &said["mappings"]), (&2.into(), &2.into()), "{said}");
}

/// Each reload renews; what two versions take, ten thousand reloads take.
fn many_reloads(old: &str, new: &str) {
    let said = upgrade(&["reloads", &folder(old).unwrap(), &folder(new).unwrap(), "10000"]);
    for what in ["descriptors", "mapped"] {
        assert_eq!(said[what][0], said[what][1], "{what} grow: {said}");
    }
    let (early, late) = (said["kib"][0].as_u64().unwrap(), said["kib"][1].as_u64().unwrap());
    assert!(late < early + 8 * 1024, "memory grows: {said}");
}
