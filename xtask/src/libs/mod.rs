//! `cargo xtask libs`: real builds of OpenSSL and LibreSSL to test on, made once and kept in the user's cache.
//!
//! Other commands use [`find`], [`ensure`] and [`locate`]. A build counts as what it says when it is loaded.

mod build;
mod cache;
mod catalogue;
mod fetch;
mod identify;
mod list;
mod log;
mod tools;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::Fallible;
use crate::args::LibsCommand;
use crate::report::{self, BAD, GOOD, NOTE};

use cache::{Cache, Lock, State};
pub(crate) use catalogue::{Plan, Recipe, Row, catalogue, find};
pub(crate) use identify::Identity;
use log::Log;

/// Where a build is and what a program needs to run on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    /// The folder with libssl and libcrypto; `None` for the system's, which is found by itself.
    pub(crate) lib_dir: Option<PathBuf>,
    /// The folder that holds `openssl/ssl.h`, where the build has headers.
    pub(crate) include_dir: Option<PathBuf>,
    /// Variables to set for a process that loads it.
    pub(crate) environment: Vec<(&'static str, OsString)>,
}

/// What became of a build that was asked for.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// There, and loaded once to be sure.
    Ready(Identity),
    /// This machine cannot make it; the reason names what is missing.
    Unavailable(String),
    /// It should have worked.
    Failed(String),
}

pub(crate) fn command(command: LibsCommand) -> Fallible<bool> {
    match command {
        LibsCommand::List { lib_dir } => list::command(&lib_dir),
        LibsCommand::Get { names, all } => get(&names, all),
        LibsCommand::Path { name, include, env } => path(&name, include, env),
        LibsCommand::Identify { folder } => identify::answer(folder.as_deref()),
    }
}

/// Where a finished build is; `None` when it has not been made, or by another recipe.
///
/// # Errors
///
/// When no build has this name, or there is no place for a cache.
pub(crate) fn locate(name: &str) -> Fallible<Option<Located>> {
    Ok(located(&Cache::of_user()?, find(name)?))
}

/// What a build says of itself, by loading it; `None` where it is not there.
///
/// # Errors
///
/// When there is no place for a cache.
pub(crate) fn identity_of(row: &'static Row) -> Fallible<Option<Identity>> {
    Ok(locate(row.name)?.and_then(|located| who_is(row, located.lib_dir.as_deref()).ok()))
}

/// A folder of that name in the user's cache, beside the builds.
///
/// # Errors
///
/// When there is no place for a cache.
pub(crate) fn cache_beside(name: &str) -> Fallible<PathBuf> {
    Ok(Cache::of_user()?.root().with_file_name(name))
}

/// Makes what is missing, one after the other, and loads each.
///
/// # Errors
///
/// When the cache cannot be used at all; what goes wrong with one build is its outcome.
pub(crate) fn ensure(rows: &[&'static Row]) -> Fallible<Vec<(&'static Row, Outcome)>> {
    let cache = Cache::of_user()?;
    let mut lock = None;
    let mut outcomes = Vec::new();
    for row in rows {
        let start = Instant::now();
        let outcome = ensure_one(&cache, row, &mut lock)?;
        anstream::println!("{}", line(row, &outcome, start.elapsed()));
        outcomes.push((*row, outcome));
    }
    Ok(outcomes)
}

fn ensure_one(cache: &Cache, row: &Row, lock: &mut Option<Lock>) -> Fallible<Outcome> {
    if located(cache, row).is_none() {
        if let Some(reason) = tools::obstacle(&row.recipe) {
            return Ok(Outcome::Unavailable(reason));
        }
        // Taken only when there is something to make: a warm cache serves any number of runs at once.
        let lock = match lock {
            Some(lock) => lock,
            None => lock.insert(cache.lock()?),
        };
        // Another run may have made it while this one waited.
        if located(cache, row).is_none()
            && let Err(error) = make(cache, row, lock)
        {
            return Ok(Outcome::Failed(error.to_string()));
        }
    }
    let Some(located) = located(cache, row) else {
        return Ok(Outcome::Failed(format!("not found in {}", cache.root().display())));
    };
    Ok(match who_is(row, located.lib_dir.as_deref()) {
        Ok(identity) => Outcome::Ready(identity),
        Err(reason) if row.recipe == Recipe::System => Outcome::Unavailable(reason),
        Err(reason) => Outcome::Failed(reason),
    })
}

fn make(cache: &Cache, row: &Row, lock: &Lock) -> Fallible<()> {
    let workshop = cache.workshop(row, lock)?;
    let folders = build::Folders {
        work: workshop.path().join("work"),
        out: workshop.path().join("out"),
        prefix: cache.place(row),
    };
    for folder in [&folders.work, &folders.out] {
        fs::create_dir(folder)?;
    }
    let mut log = Log::begin(&cache.log(row), row.name, Duration::from_secs(row.estimate.into()))?;
    build::run(&row.recipe, &folders, &mut log)?;
    drop(log);
    // Before it gets its name: what has a name in the cache is what the name says.
    who_is(row, Some(&folders.out.join("lib")))?;
    cache.finish(row, &folders.out, lock)
}

/// Loads a build and compares what it says with the catalogue.
fn who_is(row: &Row, lib_dir: Option<&Path>) -> Result<Identity, String> {
    let identity = identify::ask(lib_dir, &environment(row, lib_dir))?;
    match row.text {
        Some(text) if text != identity.text => {
            Err(format!("it says \"{}\" when it is loaded, not \"{text}\"", identity.text))
        }
        _ => Ok(identity),
    }
}

fn located(cache: &Cache, row: &Row) -> Option<Located> {
    let headers = |folder: PathBuf| folder.join("openssl/ssl.h").is_file().then_some(folder);
    if row.recipe == Recipe::System {
        let include_dir = headers(PathBuf::from("/usr/include"));
        return Some(Located { lib_dir: None, include_dir, environment: Vec::new() });
    }
    if cache.state(row) != State::Finished {
        return None;
    }
    let place = cache.place(row);
    let lib_dir = place.join("lib");
    let environment = environment(row, Some(&lib_dir));
    Some(Located { lib_dir: Some(lib_dir), include_dir: headers(place.join("include")), environment })
}

fn environment(row: &Row, lib_dir: Option<&Path>) -> Vec<(&'static str, OsString)> {
    let path = lib_dir.filter(|_| row.needs_library_path);
    path.map(|path| ("LD_LIBRARY_PATH", path.into())).into_iter().collect()
}

fn get(names: &[String], all: bool) -> Fallible<bool> {
    let rows: Vec<&Row> = if names.is_empty() {
        catalogue().iter().filter(|row| all || row.plan == Plan::Ordinary).collect()
    } else {
        names.iter().map(|name| find(name)).collect::<Fallible<_>>()?
    };
    let outcomes = ensure(&rows)?;
    Ok(outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Ready(..))))
}

/// Prints one path, or variables in the form that `env` takes.
fn path(name: &str, include: bool, env: bool) -> Fallible<bool> {
    let row = find(name)?;
    let located = locate(name)?.ok_or_else(|| format!("{name} is not there: cargo xtask libs get {name}"))?;
    if include {
        let folder = located.include_dir.ok_or_else(|| format!("{name} has no headers"))?;
        println!("{}", folder.display());
        return Ok(true);
    }
    if env {
        let chosen = located.lib_dir.map(|folder| ("DLSSL_DIR", folder.into()));
        for (variable, value) in chosen.into_iter().chain(located.environment) {
            println!("{variable}={}", value.display());
        }
        return Ok(true);
    }
    let folder = match located.lib_dir {
        Some(folder) => folder,
        None => who_is(row, None)?.libssl.parent().unwrap_or(Path::new("/")).to_owned(),
    };
    println!("{}", folder.display());
    Ok(true)
}

fn line(row: &Row, outcome: &Outcome, took: Duration) -> String {
    let took = report::seconds(took);
    match outcome {
        Outcome::Ready(identity) => {
            format!("  {GOOD}ready{GOOD:#}  {:22} {}  ({took})", row.name, identity.text)
        }
        Outcome::Unavailable(reason) => format!("  {NOTE}unavailable{NOTE:#} {}: {reason}", row.name),
        Outcome::Failed(reason) => format!("  {BAD}FAILED{BAD:#} {}: {reason}  ({took})", row.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_wheel_needs_its_folder_on_the_path_and_others_do_not() {
        let folder = Path::new("/c/lib");
        let old = environment(find("openssl-1.0.2n").unwrap(), Some(folder));
        assert_eq!(old, [("LD_LIBRARY_PATH", OsString::from("/c/lib"))]);
        assert!(environment(find("openssl-3.5.9").unwrap(), Some(folder)).is_empty());
    }

    #[test]
    fn the_system_is_always_there_and_a_build_only_when_finished() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().to_owned());
        assert_eq!(located(&cache, find("system").unwrap()).unwrap().lib_dir, None);
        let row = find("openssl-3.0.8").unwrap();
        assert_eq!(located(&cache, row), None);
        let lock = cache.lock().unwrap();
        let out = cache.workshop(row, &lock).unwrap().path().join("out");
        fs::create_dir_all(out.join("include/openssl")).unwrap();
        fs::write(out.join("include/openssl/ssl.h"), "").unwrap();
        cache.finish(row, &out, &lock).unwrap();
        let located = located(&cache, row).unwrap();
        assert_eq!(located.lib_dir.unwrap(), folder.path().join("openssl-3.0.8/lib"));
        assert_eq!(located.include_dir.unwrap(), folder.path().join("openssl-3.0.8/include"));
    }
}
