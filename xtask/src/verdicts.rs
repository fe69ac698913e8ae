//! `cargo xtask verdicts`: cases of certificates judged on every build: dlssl's verdict, the library's own and the right one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::args::VerdictOptions;
use crate::{Fallible, libs, report, workspace};

const PAGE: &str = "docs/verdicts.md";
/// In the page: what stands below is written by this command.
const MARK: &str = "<!-- written by cargo xtask verdicts --page -->\n";

pub(crate) fn command(options: &VerdictOptions) -> Fallible<bool> {
    let folder = options.into.clone().unwrap_or_else(|| workspace::root().join("target/verdicts"));
    fs::create_dir_all(&folder)?;
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--quiet", "--package", "dlssl-tests", "--bin", "judge"]);
    if !cargo.status()?.success() {
        return Ok(false);
    }
    let program = workspace::target_folder().join("debug/judge");
    if let Some(file) = &options.write_cases {
        return Ok(std::process::Command::new(&program).arg("--write").arg(file).status()?.success());
    }
    let mut good = true;
    let mut runs = BTreeMap::new();
    for row in
        libs::catalogue().iter().filter(|row| options.lib.is_empty() || options.lib.iter().any(|n| n == row.name))
    {
        let Some(located) = libs::locate(row.name)? else {
            anstream::println!("{}: not built, so not judged", row.name);
            continue;
        };
        let mut command = std::process::Command::new(&program);
        command.envs(located.environment).env_remove("DLSSL_TEST_LIB_DIR");
        if let Some(lib) = &located.lib_dir {
            command.env("DLSSL_TEST_LIB_DIR", lib);
        }
        if let Some(cases) = &options.cases {
            command.arg("--cases").arg(cases);
        }
        let output = command.stderr(std::process::Stdio::inherit()).output()?;
        let run: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("{}: no report ({error}, {})", row.name, output.status))?;
        for one in judged(&run) {
            for fault in one["faults"].as_array().into_iter().flatten() {
                report::error(&format!("{}: {}: {}", row.name, text(&one["id"]), text(fault)));
            }
        }
        good &= output.status.success();
        runs.insert(row.name, run);
    }
    if options.lib.is_empty() && options.cases.is_none() {
        for id in needless(&runs) {
            report::error(&format!("{id} is listed as a difference, and is none on any build"));
            good = false;
        }
    }
    let page = page(&runs);
    anstream::print!("{}", page.split("\n## ").next().unwrap_or(&page));
    fs::write(folder.join("verdicts.json"), serde_json::to_string_pretty(&json!(runs))? + "\n")?;
    fs::write(folder.join("verdicts.md"), &page)?;
    if options.page {
        into_page(&workspace::root().join(PAGE), &page)?;
    }
    anstream::println!("written to {}", folder.display());
    Ok(good)
}

fn into_page(path: &Path, table: &str) -> Fallible<()> {
    let text = fs::read_to_string(path)?;
    let (head, _) = text.split_once(MARK).ok_or("the page has lost its mark")?;
    Ok(fs::write(path, format!("{head}{MARK}\n{table}"))?)
}

type Runs = BTreeMap<&'static str, Value>;

/// All tables, as Markdown.
fn page(runs: &Runs) -> String {
    let mut page = String::from(
        "| library | cases | dlssl: accepted, wrongly | refused, wrongly | the library alone: accepted, wrongly | refused, wrongly | whole handshakes |\n|---|---|---|---|---|---|---|\n",
    );
    for run in runs.values() {
        let count = |of: &dyn Fn(&Value) -> bool| judged(run).filter(|one| of(one)).count();
        let wrong = |who: &'static str, accepted: bool| {
            count(&move |one| is_accepted(&one[who]) == Some(accepted) && is_right(one) != accepted)
        };
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} | {} |",
            text(&run["library"]),
            judged(run).count(),
            wrong("ours", true),
            wrong("ours", false),
            wrong("theirs", true),
            wrong("theirs", false),
            count(&|one| one["handshake"] == true),
        );
    }
    let mut differing: BTreeMap<String, (bool, Vec<&str>, String)> = BTreeMap::new();
    for (name, run) in runs {
        for one in judged(run).filter(|one| is_accepted(&one["ours"]).is_some_and(|ours| ours != is_right(one))) {
            let entry = differing.entry(text(&one["id"]).to_owned());
            let entry = entry.or_insert_with(|| (is_right(one), Vec::new(), text(&one["known"]).to_owned()));
            entry.1.push(name);
        }
    }
    page += "\n## Where dlssl differs\n\n| case | what | right | dlssl differs on | why |\n|---|---|---|---|---|\n";
    let words = |id: &str| runs.values().map(|run| text(&run["descriptions"][id])).find(|words| !words.is_empty());
    for (id, (right, names, why)) in &differing {
        let names = if names.len() == runs.len() { "every library".to_owned() } else { names.join(", ") };
        let _ = writeln!(page, "| {id} | {} | {} | {names} | {why} |", cell(words(id)), verdict(*right));
    }
    page += "\n## All cases\n\n| case | what | right |\n|---|---|---|\n";
    let mut all = BTreeMap::new();
    for one in runs.values().flat_map(judged) {
        all.insert(text(&one["id"]), is_right(one));
    }
    for (id, right) in all {
        let _ = writeln!(page, "| {id} | {} | {} |", cell(words(id)), verdict(right));
    }
    page
}

/// Listed differences that are on no build.
fn needless(runs: &Runs) -> Vec<&str> {
    let mut listed: Vec<_> =
        runs.values().flat_map(|run| run["listed"].as_array().into_iter().flatten()).map(text).collect();
    listed.sort_unstable();
    listed.dedup();
    listed.retain(|id| !runs.values().flat_map(judged).any(|one| one["id"] == *id && !one["known"].is_null()));
    listed
}

fn judged(run: &Value) -> impl Iterator<Item = &Value> {
    run["judged"].as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn cell(words: Option<&str>) -> String {
    words.unwrap_or_default().lines().next().unwrap_or_default().replace('|', "\\|")
}

fn verdict(accepted: bool) -> &'static str {
    if accepted { "accepted" } else { "refused" }
}

fn is_right(one: &Value) -> bool {
    one["expected"] == "SUCCESS"
}

/// `None` where it was not tried.
fn is_accepted(verdict: &Value) -> Option<bool> {
    verdict.get("Ok").map(|verdict| verdict == "accepted")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: &str, expected: &str, ours: Value, theirs: Value) -> Value {
        json!({"id": id, "expected": expected, "ours": ours, "theirs": theirs, "known": "because", "handshake": true})
    }

    #[test]
    fn verdicts_are_counted_and_differences_named() {
        let accepted = json!({"Ok": "accepted"});
        let refused = json!({"Ok": {"refused": "expired"}});
        let judged = [
            one("a::right", "SUCCESS", accepted.clone(), accepted.clone()),
            one("a::lax", "FAILURE", accepted.clone(), accepted),
            one("a::strict", "SUCCESS", refused.clone(), refused),
            one("a::untried", "SUCCESS", json!({"Err": "no key"}), json!({"Err": "no key"})),
        ];
        let run = json!({"library": "OpenSSL 9", "judged": judged, "listed": ["a::lax", "a::gone"],
            "descriptions": {"a::lax": "Odd | it is.\nMore."}});
        let runs = Runs::from([("nine", run)]);
        assert_eq!(needless(&runs), ["a::gone"]);
        let page = page(&runs);
        assert!(page.contains("| OpenSSL 9 | 4 | 1 | 1 | 1 | 1 | 4 |"), "{page}");
        assert!(page.contains("| a::lax | Odd \\| it is. | refused | every library | because |"), "{page}");
        assert!(page.contains("| a::strict |  | accepted | every library | because |"), "{page}");
        assert!(!page.contains("| a::untried |  | accepted | every"), "{page}");
    }

    #[test]
    fn only_what_is_below_the_mark_is_replaced() {
        let dir = tempfile::TempDir::new().unwrap();
        let file = dir.path().join("page.md");
        fs::write(&file, format!("# Head\n{MARK}old")).unwrap();
        into_page(&file, "new\n").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("# Head\n{MARK}\nnew\n"));
        fs::write(&file, "no mark").unwrap();
        assert!(into_page(&file, "new").is_err());
    }
}
