//! Several OpenSSLs in one process: a host's own and ours, alike in name or not, opened locally or for everyone.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use dlssl_tests::builds::{Build, builds, none_given};
use dlssl_tests::harness::{Test, run, test};
use dlssl_tests::process;
use serde_json::Value;
use tempfile::TempDir;

/// The host's library, ours, and whether the two go by one name.
const PAIRS: [(&str, &str, bool); 8] = [
    ("system", "openssl-3.5.5", true),
    ("system", "openssl-3.0.8", true),
    ("openssl-3.5.5", "openssl-3.0.8", true),
    ("openssl-1.1.1w", "openssl-1.1.0i", true),
    ("system", "libressl-3.1.0", false),
    ("libressl-3.0.2", "libressl-3.1.0", false),
    ("openssl-1.0.2n", "openssl-4.0.3", false),
    ("openssl-4.0.3", "openssl-1.0.2n", false),
];

fn main() -> ExitCode {
    let all = builds();
    let mut tests = Vec::new();
    for (host, ours, alike) in PAIRS {
        let find = |name: &str| all.iter().find(|build| build.name == name).cloned();
        for visibility in ["local", "global"] {
            let (host, ours) = (find(host), find(ours));
            let are_there = host.is_some() && ours.is_some();
            tests.push(on_linux(
                test(&format!("{}_beside_{visibility}_{}", name(&ours), name(&host)), move || {
                    beside(&host.unwrap(), visibility, &ours.unwrap(), alike);
                })
                .only_if(are_there, none_given),
            ));
        }
    }
    let are_some = !all.is_empty();
    let (everything, copies, twins, default) = (all.clone(), all.clone(), all.clone(), all);
    tests.extend(
        [
            test("all_builds_in_one_process", move || together(&everything, "load")).only_if(are_some, none_given),
            test("private_copies_of_all_builds", move || together(&copies, "always")).only_if(are_some, none_given),
            test("the_same_version_from_other_files", move || twin(&twins)).only_if(are_some, none_given),
            test("the_default_search_beside_another", move || default_search(&default)).only_if(are_some, none_given),
        ]
        .map(on_linux),
    );
    run(tests)
}

fn on_linux(test: Test) -> Test {
    test.needs_linux()
}

fn name(build: &Option<Build>) -> String {
    build.as_ref().map_or_else(|| "absent".to_owned(), |build| build.name.clone())
}

/// What one run of the host program said: a line for each load, and how many talks were good.
struct Said {
    loads: Vec<Value>,
    talks: u64,
    all: String,
}

fn host(builds: &[&Build], arguments: &[(&str, &Path)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coexist"));
    let mut paths: Vec<&str> = builds.iter().filter_map(|build| build.search_path.as_deref()).collect();
    paths.dedup();
    builds[0].set_environment(&mut command);
    if !paths.is_empty() {
        command.env("LD_LIBRARY_PATH", paths.join(":"));
    }
    for (word, folder) in arguments {
        command.arg(word);
        if !folder.as_os_str().is_empty() {
            command.arg(folder);
        }
    }
    let outcome = process::run(&mut command, b"").success();
    let mut lines: Vec<Value> = outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let talks = lines.pop().unwrap()["talks"].as_u64().unwrap();
    Said { loads: lines, talks, all: outcome.stdout }
}

/// The folder of a build; the system's is asked of the loader.
fn folder(build: &Build) -> PathBuf {
    build.directory.clone().unwrap_or_else(|| {
        let said = host(&[build], &[("default", Path::new(""))]);
        Path::new(said.loads[0]["libssl"].as_str().unwrap()).parent().unwrap().to_owned()
    })
}

/// The host has its own; ours is loaded beside it, then the host's is shared, and all talk with each other.
fn beside(host_build: &Build, visibility: &str, ours: &Build, alike: bool) {
    let (theirs, own) = (folder(host_build), folder(ours));
    let both = [host_build, ours];
    let said = host(&both, &[(visibility, &theirs), ("load", &own), ("load", &theirs), ("always", &own)]);
    let [first, shared, always] = &said.loads[..] else { panic!("{}", said.all) };
    assert!(first["ok"] == true && ours.is_of(first["version"].as_str().unwrap()), "{first:#}");
    assert_eq!(first["private"], alike || visibility == "global", "{first:#}");
    if first["private"] == true {
        let why = first["why"].as_str().unwrap();
        assert!(alike == why.contains("under that name"), "{why}");
        assert!(first["text"].as_str().unwrap().contains(why), "{first:#}");
    }
    assert!(shared["private"] == false && host_build.is_of(shared["version"].as_str().unwrap()), "{shared:#}");
    assert!(shared["text"].as_str().unwrap().contains("shared with whoever loaded it"), "{shared:#}");
    // One copy serves both, when there is one.
    assert_eq!(always["mapping"] == first["mapping"], first["private"] == true, "{always:#}");
    assert_eq!(said.talks, 9, "{}", said.all);

    // As they are, files of a name that is taken are refused, and the refusal names both halves.
    if alike {
        let said = host(&both, &[(visibility, &theirs), ("never", &own)]);
        assert_eq!(said.loads[0]["code"], "mismatched-pair", "{}", said.all);
        let message = said.loads[0]["message"].as_str().unwrap();
        assert!(message.contains("libssl") && message.contains("libcrypto"), "{message}");
    }
}

/// Every build at once, each a client of each.
fn together(all: &[Build], word: &str) {
    let folders: Vec<PathBuf> = all.iter().map(folder).collect();
    let arguments: Vec<(&str, &Path)> = folders.iter().map(|folder| (word, folder.as_path())).collect();
    let said = host(&all.iter().collect::<Vec<_>>(), &arguments);
    for (build, load) in all.iter().zip(&said.loads) {
        assert!(load["ok"] == true && build.is_of(load["version"].as_str().unwrap()), "{}: {load:#}", build.name);
        assert!(word != "always" || load["private"] == true, "{load:#}");
    }
    let count = u64::try_from(all.len()).unwrap();
    assert_eq!(said.talks, count * count, "{}", said.all);
}

/// The host has files of the same version, at another place: they are not taken for ours.
fn twin(all: &[Build]) {
    let Some(build) = all.iter().find(|build| build.name == "openssl-3.5.5") else { return };
    let twin = TempDir::new().unwrap();
    let own = folder(build);
    for file in ["libssl.so.3", "libcrypto.so.3"] {
        std::fs::copy(own.join(file), twin.path().join(file)).unwrap();
    }
    for visibility in ["local", "global"] {
        let said = host(&[build], &[(visibility, twin.path()), ("load", &own), ("load", twin.path())]);
        assert_eq!(said.loads[0]["private"], true, "{}", said.all);
        assert_eq!(said.loads[1]["private"], false, "{}", said.all);
        assert_eq!(said.talks, 4, "{}", said.all);
    }
}

/// The host has a pair of the platform's names from elsewhere: the default search still gives the platform's.
fn default_search(all: &[Build]) {
    let find = |name: &str| all.iter().find(|build| build.name == name);
    let (Some(system), Some(other)) = (find("system"), find("openssl-3.0.8")) else { return };
    let own = folder(system);
    for visibility in ["local", "global"] {
        let said = host(&[other], &[(visibility, &folder(other)), ("default", Path::new(""))]);
        let load = &said.loads[0];
        assert!(
            load["private"] == true && Path::new(load["libssl"].as_str().unwrap()).parent() == Some(&own),
            "{load:#}"
        );
    }
}
