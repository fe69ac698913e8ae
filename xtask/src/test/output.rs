//! Reading what a test executable prints: libtest's form, which libtest-mimic shares.

/// A skipped test and the reason it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    pub(crate) name: String,
    pub(crate) reason: Option<String>,
}

/// All that was read from one run, summed over its summary lines (doctests print several).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// How many summary lines there were; none means that the executable died.
    pub(crate) summaries: usize,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
    pub(crate) failures: Vec<String>,
    pub(crate) skips: Vec<Skip>,
}

/// The name of the test that a line of output is about, for showing what goes on.
pub(crate) fn test_name(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some(name.trim())
}

pub(crate) fn read(output: &str) -> Counts {
    let mut counts = Counts::default();
    for line in output.lines() {
        if let Some(rest) = line.strip_prefix("test result: ") {
            read_summary(rest, &mut counts);
        } else if let Some((name, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) {
            read_outcome(name, outcome.trim(), &mut counts);
        }
    }
    counts
}

/// `ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`
fn read_summary(rest: &str, counts: &mut Counts) {
    let Some((_, numbers)) = rest.split_once(". ") else {
        return;
    };
    counts.summaries += 1;
    for part in numbers.split(';') {
        let Some((number, word)) = part.trim().split_once(' ') else {
            continue;
        };
        let Ok(number) = number.parse::<usize>() else {
            continue;
        };
        match word {
            "passed" => counts.passed += number,
            "failed" => counts.failed += number,
            "ignored" => counts.ignored += number,
            _ => {}
        }
    }
}

/// The reason of a skip stands in brackets before the name (libtest-mimic's kind: `[skipped: reason]`), or
/// after the outcome: `ignored (reason)`, `ignored, reason`.
fn read_outcome(name: &str, outcome: &str, counts: &mut Counts) {
    let (kind, name) = split_kind(name.trim());
    if let Some(after) = outcome.strip_prefix("ignored") {
        let after = after.trim_start_matches([',', ' ']);
        let after = after.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(after);
        let reason = [after, kind.unwrap_or_default()].into_iter().find(|text| !text.is_empty());
        counts.skips.push(Skip { name: name.to_owned(), reason: reason.map(str::to_owned) });
    } else if outcome.starts_with("FAILED") {
        counts.failures.push(name.to_owned());
    }
}

fn split_kind(name: &str) -> (Option<&str>, &str) {
    let Some((kind, rest)) = name.strip_prefix('[').and_then(|n| n.split_once(']')) else {
        return (None, name);
    };
    (Some(kind.strip_prefix("skipped: ").unwrap_or(kind)), rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passing_run_is_read() {
        let counts = read(
            "running 2 tests\ntest a::b ... ok\ntest c ... ok\n\n\
             test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.00s\n",
        );
        assert_eq!((counts.summaries, counts.passed, counts.failed), (1, 2, 0));
    }

    #[test]
    fn failures_are_named() {
        let counts = read(
            "test a ... FAILED\ntest b ... ok\n\
             test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n",
        );
        assert_eq!((counts.passed, counts.failed), (1, 1));
        assert_eq!(counts.failures, ["a"]);
    }

    #[test]
    fn the_reason_of_a_skip_is_found_in_all_three_places() {
        let counts = read(
            "test [skipped: nginx is not installed] peers::nginx   ... ignored\n\
             test late ... ignored (no TLS 1.3 here)\n\
             test plain ... ignored, slow\n\
             test bare ... ignored\n",
        );
        let skip = |name: &str, reason: Option<&str>| Skip { name: name.to_owned(), reason: reason.map(str::to_owned) };
        assert_eq!(
            counts.skips,
            [
                skip("peers::nginx", Some("nginx is not installed")),
                skip("late", Some("no TLS 1.3 here")),
                skip("plain", Some("slow")),
                skip("bare", None),
            ]
        );
        assert_eq!(counts.summaries, 0);
    }

    #[test]
    fn summaries_add_up() {
        let line = "test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out\n";
        let counts = read(&line.repeat(2));
        assert_eq!((counts.summaries, counts.passed, counts.ignored), (2, 2, 4));
    }
}
