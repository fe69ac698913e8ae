//! How long each phase of a CI run may take on the two cores it has. More is a warning: machines differ, and only a person can
//! tell a slow one from a slow change.

use std::time::Duration;

use crate::report::{NOTE, seconds};

/// What the name of a phase begins with, and seconds.
const BUDGETS: &[(&str, u64)] = &[
    ("format", 10),
    ("clippy", 180),
    ("rustdoc", 60),
    ("tidy", 10),
    ("documents", 10),
    ("packages", 120),
    ("peers", 180),
    ("build", 300),
    // From an empty cache.
    ("libraries", 2100),
    ("headers and exports", 60),
    ("unit tests", 60),
    ("documentation tests", 120),
    // The system's library has the most to do: what is skipped elsewhere, and long forms.
    ("integration tests, library: system", 240),
    // On each other build.
    ("integration tests", 120),
    ("all builds together", 180),
    ("no library", 60),
];

/// A whole run.
const WHOLE: Duration = Duration::from_secs(60 * 60);

/// A row for each phase, the sum, and a warning for each that took too long or has no budget.
pub(crate) fn table(phases: &[(String, Duration)]) -> String {
    let whole = ("everything".to_owned(), phases.iter().map(|(_, took)| *took).sum());
    let width = phases.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(whole.0.len());
    let mut text = format!("{:width$}  {:>9}  {:>9}\n", "phase", "took", "budget");
    let mut warnings = String::new();
    for (name, took) in phases.iter().chain([&whole]) {
        let budget = if *name == whole.0 { Some(WHOLE) } else { budget(name) };
        let shown = budget.map_or_else(|| "none".to_owned(), |budget| format!("{} s", budget.as_secs()));
        text += &format!("{name:width$}  {:>9}  {shown:>9}\n", seconds(*took));
        match budget {
            Some(budget) if *took <= budget => {}
            Some(_) => warnings += &format!("{NOTE}over budget{NOTE:#}: {name} ({} of {shown})\n", seconds(*took)),
            None => warnings += &format!("{NOTE}no budget{NOTE:#}: {name}; it is set in xtask/src/budget.rs\n"),
        }
    }
    text + &warnings
}

fn budget(phase: &str) -> Option<Duration> {
    let (_, seconds) = BUDGETS.iter().find(|(name, _)| phase.starts_with(name))?;
    Some(Duration::from_secs(*seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(phases: &[(&str, u64)]) -> Vec<String> {
        let phases: Vec<_> =
            phases.iter().map(|(name, took)| ((*name).to_owned(), Duration::from_secs(*took))).collect();
        anstream::adapter::strip_str(&table(&phases)).to_string().lines().map(str::to_owned).collect()
    }

    #[test]
    fn each_phase_and_the_sum_have_a_row() {
        assert_eq!(
            lines(&[("format", 2), ("integration tests, library: x", 90)]),
            [
                "phase                               took     budget",
                "format                             2.0 s       10 s",
                "integration tests, library: x     90.0 s      120 s",
                "everything                        92.0 s     3600 s",
            ]
        );
    }

    #[test]
    fn what_took_too_long_or_has_no_budget_is_a_warning() {
        let text = lines(&[("format", 11), ("nothing we know", 1)]).join("\n");
        assert!(text.contains("over budget: format (11.0 s of 10 s)"), "{text}");
        assert!(text.contains("no budget: nothing we know"), "{text}");
        assert!(!text.contains("budget: everything"), "{text}");
    }
}
