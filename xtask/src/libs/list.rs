//! `cargo xtask libs list`: the catalogue as a table, each finished build asked who it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anstyle::Style;

use super::cache::{Cache, State};
use super::catalogue::{Plan, Recipe, Row, catalogue};
use super::log::about;
use super::{identify, located, tools, who_is};
use crate::Fallible;
use crate::report::{BAD, GOOD, NOTE};

/// One line of the table.
#[derive(Debug)]
struct Line {
    name: String,
    plan: &'static str,
    state: (Style, &'static str),
    version: String,
    headers: bool,
    cold: String,
    source: String,
}

/// Shows the catalogue, and each folder given; `false` when something that is there is not what it should be.
pub(crate) fn command(folders: &[PathBuf]) -> Fallible<bool> {
    let cache = Cache::of_user()?;
    let mut lines: Vec<Line> = catalogue().iter().map(|row| of_row(&cache, row)).collect();
    lines.extend(folders.iter().map(|folder| of_folder(folder)));
    anstream::print!("{}", table(&lines));
    println!("cache: {}", cache.root().display());
    for plan in [Plan::Ordinary, Plan::Nightly] {
        let rows = || catalogue().iter().filter(|row| row.plan == plan);
        let all = rows().map(|row| row.estimate).sum();
        let left = rows().filter(|row| located(&cache, row).is_none()).map(|row| row.estimate).sum();
        println!("{}: {} from nothing on two cores, {} left to do", word(plan), minutes(all), minutes(left));
    }
    Ok(lines.iter().all(|line| line.state.0 != BAD))
}

fn of_row(cache: &Cache, row: &Row) -> Line {
    let mut headers = row.has_headers();
    let (state, version) = match located(cache, row) {
        Some(found) => {
            headers = found.include_dir.is_some();
            loaded(who_is(row, found.lib_dir.as_deref()).map(|identity| identity.text))
        }
        None => match (tools::obstacle(&row.recipe), cache.state(row)) {
            (Some(reason), _) => ((NOTE, "unavailable"), reason),
            (None, State::Outdated) => ((NOTE, "outdated"), "its recipe has changed".to_owned()),
            (None, _) => ((Style::new(), "absent"), expected(row)),
        },
    };
    Line {
        name: row.name.to_owned(),
        plan: word(row.plan),
        state,
        version,
        headers,
        cold: if row.recipe == Recipe::System { "-".to_owned() } else { seconds(row.estimate) },
        source: row.recipe.source(),
    }
}

/// What a row is to be, before it could be asked.
fn expected(row: &Row) -> String {
    match (row.flavour(), row.version()) {
        (Some(flavour), Some(version)) => format!("({flavour} {version})"),
        _ => String::new(),
    }
}

/// Any installed pair, by the folder it lies in.
fn of_folder(folder: &Path) -> Line {
    let (state, version) = loaded(identify::ask(Some(folder), &[]).map(|identity| identity.text));
    let include = folder.parent().is_some_and(|prefix| prefix.join("include/openssl/ssl.h").is_file());
    Line {
        name: folder.display().to_string(),
        plan: "-",
        state,
        version,
        headers: include,
        cold: "-".to_owned(),
        source: "given".to_owned(),
    }
}

fn loaded(answer: Result<String, String>) -> ((Style, &'static str), String) {
    match answer {
        Ok(text) => ((GOOD, "ready"), text),
        Err(reason) => ((BAD, "FAILED"), reason),
    }
}

/// Words that do not fit into a column (the reasons) come on lines of their own.
fn table(lines: &[Line]) -> String {
    let width = |text: fn(&Line) -> &str| lines.iter().map(|line| text(line).chars().count()).max().unwrap_or(0);
    let names = width(|line| &line.name);
    let versions = width(|line| if line.has_version() { &line.version } else { "" }).max("version".len());
    let mut text = format!(
        "{:names$}  {:8}  {:11}  {:versions$}  {:7}  {:>7}  source\n",
        "name", "run", "state", "version", "headers", "cold"
    );
    for line in lines {
        let (style, state) = line.state;
        let version = if line.has_version() { &line.version } else { "" };
        let headers = if line.headers { "yes" } else { "no" };
        text += &format!(
            "{:names$}  {:8}  {style}{state:11}{style:#}  {version:versions$}  {headers:7}  {:>7}  {}\n",
            line.name, line.plan, line.cold, line.source
        );
        if !line.has_version() {
            text += &line.version.lines().map(|reason| format!("    {reason}\n")).collect::<String>();
        }
    }
    text
}

impl Line {
    fn has_version(&self) -> bool {
        matches!(self.state.1, "ready" | "absent")
    }
}

fn word(plan: Plan) -> &'static str {
    match plan {
        Plan::Ordinary => "ordinary",
        Plan::Nightly => "nightly",
    }
}

fn seconds(count: u32) -> String {
    format!("{count} s")
}

fn minutes(count: u32) -> String {
    about(Duration::from_secs(count.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(state: (Style, &'static str), version: &str) -> Line {
        Line {
            name: "openssl-3.0.8".to_owned(),
            plan: "ordinary",
            state,
            version: version.to_owned(),
            headers: true,
            cold: seconds(7),
            source: "crate".to_owned(),
        }
    }

    #[test]
    fn a_reason_stands_on_lines_of_its_own() {
        let plain = Style::new();
        let text =
            table(&[line((plain, "ready"), "OpenSSL 3.0.8"), line((plain, "unavailable"), "not installed: make")]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[1].contains("OpenSSL 3.0.8  yes"), "{text}");
        assert_eq!(lines[3], "    not installed: make");
    }
}
