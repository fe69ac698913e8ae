//! Building everything once, and the list of test executables that cargo says it made.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::Fallible;
use crate::workspace;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The tests inside a crate's own files.
    Unit,
    /// An executable from a `tests` folder.
    Integration,
}

/// One test executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suite {
    pub(crate) package: String,
    pub(crate) target: String,
    pub(crate) kind: Kind,
    pub(crate) executable: PathBuf,
    /// The crate's own folder, where cargo would run it.
    pub(crate) folder: PathBuf,
}

impl Suite {
    pub(crate) fn name(&self) -> String {
        if self.kind == Kind::Unit { self.package.clone() } else { format!("{}::{}", self.package, self.target) }
    }
}

/// What there is to run.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) suites: Vec<Suite>,
    /// The `dlssl` command.
    pub(crate) dlssl: PathBuf,
}

/// Builds all tests and all programs.
///
/// # Errors
///
/// When cargo cannot be run, when it fails (it has then said why), or when the `dlssl` program is not among its products.
pub(crate) fn everything() -> Fallible<Built> {
    let programs = artifacts(&["build", "--workspace", "--bins"])?;
    let tests = artifacts(&["test", "--workspace", "--no-run"])?;
    let dlssl = programs
        .iter()
        .find(|artifact| artifact.target.name == "dlssl" && artifact.target.is("bin"))
        .and_then(|artifact| artifact.executable.clone())
        .ok_or("cargo built no program named dlssl")?;
    let mut suites: Vec<Suite> = tests.into_iter().filter_map(Artifact::into_suite).collect();
    suites.sort_by_key(Suite::name);
    Ok(Built { suites, dlssl })
}

/// Builds one integration test.
pub(crate) fn one(package: &str, target: &str) -> Fallible<Suite> {
    let tests = artifacts(&["test", "--no-run", "--package", package, "--test", target])?;
    let suite = tests.into_iter().filter_map(Artifact::into_suite).find(|suite| suite.target == target);
    suite.ok_or_else(|| format!("cargo built no test named {target}").into())
}

/// A line of cargo's JSON output, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Artifact {
    package_id: String,
    manifest_path: PathBuf,
    target: Target,
    profile: Profile,
    executable: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

impl Target {
    fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|own| own == kind)
    }
}

impl Artifact {
    fn into_suite(self) -> Option<Suite> {
        if !self.profile.test {
            return None;
        }
        let kind = if self.target.is("test") { Kind::Integration } else { Kind::Unit };
        Some(Suite {
            package: package_name(&self.package_id).to_owned(),
            kind,
            executable: self.executable?,
            folder: self.manifest_path.parent().unwrap_or(Path::new(".")).into(),
            target: self.target.name,
        })
    }
}

/// The name in `path+file:///folder/name#0.1.0` or `path+file:///folder#name@0.1.0`.
fn package_name(id: &str) -> &str {
    let (place, version) = id.rsplit_once('#').unwrap_or((id, ""));
    match version.split_once('@') {
        Some((name, _)) => name,
        None => place.rsplit('/').next().unwrap_or(place),
    }
}

fn artifacts(arguments: &[&str]) -> Fallible<Vec<Artifact>> {
    let mut command: Command = workspace::cargo();
    command.args(arguments);
    command.args(["--locked", "--message-format=json-render-diagnostics"]);
    let mut cargo = command.stdout(Stdio::piped()).spawn()?;
    let mut found = Vec::new();
    if let Some(output) = cargo.stdout.take() {
        for line in BufReader::new(output).lines() {
            found.extend(parse(&line?));
        }
    }
    let status = cargo.wait()?;
    if !status.success() {
        return Err(format!("cargo {} failed: {status}", arguments.join(" ")).into());
    }
    Ok(found)
}

/// Lines that are about something else have no `executable` or no `profile`.
fn parse(line: &str) -> Option<Artifact> {
    let artifact: Artifact = serde_json::from_str(line).ok()?;
    artifact.executable.is_some().then_some(artifact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_package_id_are_read() {
        assert_eq!(package_name("path+file:///c/dlssl-core#0.1.0"), "dlssl-core");
        assert_eq!(package_name("path+file:///c/tests#dlssl-tests@0.1.0"), "dlssl-tests");
    }

    #[test]
    fn only_test_executables_become_suites() {
        let line = |kind: &str, test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"path+file:///c/one#0.1.0",
                "manifest_path":"/c/one/Cargo.toml","target":{{"name":"t","kind":["{kind}"]}},
                "profile":{{"test":{test}}},"executable":{executable}}}"#
            )
        };
        let suite = |line: String| parse(&line).and_then(Artifact::into_suite);
        let unit = suite(line("lib", true, "\"/t/one\"")).unwrap();
        assert_eq!((unit.kind, unit.name()), (Kind::Unit, "one".to_owned()));
        assert_eq!(unit.folder, Path::new("/c/one"));
        let integration = suite(line("test", true, "\"/t/one\"")).unwrap();
        assert_eq!(integration.name(), "one::t");
        assert_eq!(suite(line("bin", false, "\"/t/one\"")), None);
        assert_eq!(suite(line("lib", true, "null")), None);
        assert_eq!(suite(r#"{"reason":"build-finished","success":true}"#.to_owned()), None);
    }
}
