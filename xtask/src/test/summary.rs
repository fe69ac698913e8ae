//! The results of all suites: the table, what was skipped and why, JSON, and the last line.

use std::collections::BTreeMap;
use std::time::Duration;

use anstyle::Style;
use serde::Serialize;

use super::output::Skip;
use crate::report::{BAD, GOOD, NOTE, seconds};

/// What became of one suite in one place.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outcome {
    /// What kind of run it was: `unit`, `documentation`, the library under test, `no library`.
    pub(crate) pass: String,
    pub(crate) suite: String,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    pub(crate) failures: Vec<String>,
    pub(crate) skips: Vec<SkipReport>,
    /// What went wrong with the executable as a whole.
    pub(crate) fault: Option<String>,
    #[serde(rename = "seconds", serialize_with = "as_seconds")]
    pub(crate) took: Duration,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct SkipReport {
    pub(crate) test: String,
    pub(crate) reason: String,
}

impl From<Skip> for SkipReport {
    fn from(skip: Skip) -> Self {
        SkipReport { test: skip.name, reason: skip.reason.unwrap_or_else(|| "no reason given".to_owned()) }
    }
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn as_seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

impl Outcome {
    pub(crate) fn is_good(&self) -> bool {
        self.failed == 0
    }

    pub(crate) fn line(&self) -> String {
        let (style, word) = if self.is_good() { (GOOD, "ok    ") } else { (BAD, "FAILED") };
        format!(
            "  {style}{word}{style:#} {}: {} passed, {} failed, {} skipped ({})",
            self.suite,
            self.passed,
            self.failed,
            self.skipped,
            seconds(self.took)
        )
    }
}

/// The sums over all suites.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
}

impl std::ops::Add for Totals {
    type Output = Totals;

    fn add(self, other: Totals) -> Totals {
        Totals {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }
}

impl Totals {
    /// The very last line of a test run; other programs read it.
    pub(crate) fn last_line(&self) -> String {
        format!("dlssl: {} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

pub(crate) fn totals(outcomes: &[Outcome]) -> Totals {
    outcomes.iter().fold(Totals::default(), |sum, one| Totals {
        passed: sum.passed + one.passed,
        failed: sum.failed + one.failed,
        skipped: sum.skipped + one.skipped,
    })
}

/// Everything after the progress lines, but for the last line: a row for each pass, what was skipped, what failed.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    let mut passes: Vec<&str> = Vec::new();
    for one in outcomes {
        if !passes.contains(&one.pass.as_str()) {
            passes.push(&one.pass);
        }
    }
    let width = passes.iter().map(|pass| pass.chars().count()).max().unwrap_or(0).max("library".len());
    let mut text = format!("{:width$}  {:>7} {:>7} {:>7} {:>9}\n", "", "passed", "failed", "skipped", "time");
    for pass in passes {
        let of_pass: Vec<Outcome> = outcomes.iter().filter(|one| one.pass == pass).cloned().collect();
        let sum = totals(&of_pass);
        let style = if sum.failed == 0 { Style::new() } else { BAD };
        let took = seconds(of_pass.iter().map(|one| one.took).sum());
        text += &format!(
            "{style}{pass:width$}  {:>7} {:>7} {:>7} {took:>9}{style:#}\n",
            sum.passed, sum.failed, sum.skipped
        );
    }
    text + &skipped(outcomes) + &failed(outcomes)
}

/// The skipped tests, gathered by reason and test: one missing thing often explains many of them.
fn skipped(outcomes: &[Outcome]) -> String {
    let mut reasons: BTreeMap<&str, BTreeMap<String, Vec<&str>>> = BTreeMap::new();
    for one in outcomes {
        for skip in &one.skips {
            let tests = reasons.entry(&skip.reason).or_default();
            tests.entry(format!("{}: {}", one.suite, skip.test)).or_default().push(&one.pass);
        }
    }
    let mut text = String::new();
    for (reason, tests) in reasons {
        text += &format!("{NOTE}skipped{NOTE:#}: {reason}\n");
        for (test, passes) in tests {
            text += &format!("    {test}  [{}]\n", passes.join(", "));
        }
    }
    text
}

fn failed(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for one in outcomes.iter().filter(|one| !one.is_good()) {
        text += &format!("{BAD}failed{BAD:#}: {}  [{}]\n", one.suite, one.pass);
        let faults = one.failures.iter().chain(&one.fault);
        for fault in faults {
            text += &format!("    {fault}\n");
        }
    }
    text
}

pub(crate) fn json(outcomes: &[Outcome]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&serde_json::json!({
        "totals": totals(outcomes),
        "suites": outcomes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(suite: &str, failed: usize) -> Outcome {
        Outcome {
            pass: "system".to_owned(),
            suite: suite.to_owned(),
            passed: 5,
            failed,
            skipped: 1,
            failures: vec!["a::b".to_owned(); failed],
            skips: vec![SkipReport { test: "peer".to_owned(), reason: "nginx is not installed".to_owned() }],
            fault: None,
            took: Duration::from_millis(1234),
        }
    }

    #[test]
    fn the_last_line_holds_the_sums() {
        let totals = totals(&[outcome("one", 0), outcome("two", 2)]);
        assert_eq!(totals.last_line(), "dlssl: 10 passed, 2 failed, 2 skipped");
    }

    #[test]
    fn the_table_names_failures_and_gathers_skips_by_reason() {
        let text = table(&[outcome("one", 0), outcome("two", 1)]);
        assert_eq!(text.matches("nginx is not installed").count(), 1, "{text}");
        assert!(text.contains("one: peer"), "{text}");
        assert!(text.contains("two: peer"), "{text}");
        assert!(text.contains("a::b"), "{text}");
    }

    #[test]
    fn json_has_totals_and_suites() {
        let text = json(&[outcome("one", 1)]).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["totals"]["failed"], 1);
        assert_eq!(value["suites"][0]["skips"][0]["test"], "peer");
        assert_eq!(value["suites"][0]["seconds"], 1.234);
    }
}
