//! The folder that keeps finished builds over clean checkouts: its layout, its lock, its stamps.
//!
//! A build is put together in a folder beside its place and moved there when it is complete, so whatever has
//! its name is whole. A stamp inside says by which recipe it was made; another recipe makes it again.

use std::env;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::build;
use super::catalogue::{Recipe, Row};
use crate::Fallible;
use crate::report::NOTE;

const STAMP: &str = "stamp.json";

/// Builds that are not finished begin with this.
const UNFINISHED: &str = ".building-";

/// The cache, which need not exist yet.
#[derive(Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// What a finished build says of itself.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    recipe: String,
}

/// Kept as long as this process may write to the cache.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Cache {
    /// The user's own cache.
    ///
    /// # Errors
    ///
    /// When the environment does not say where the user keeps such things.
    pub(crate) fn of_user() -> Fallible<Cache> {
        let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
        let base = base.ok_or("no place for a cache: neither XDG_CACHE_HOME nor HOME is set to an absolute path")?;
        Ok(Cache::at(base.join("dlssl/libs")))
    }

    pub(crate) fn at(root: PathBuf) -> Cache {
        Cache { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where a build lives when it is finished.
    pub(crate) fn place(&self, row: &Row) -> PathBuf {
        self.root.join(row.name)
    }

    /// What was said while a build was made.
    pub(crate) fn log(&self, row: &Row) -> PathBuf {
        self.root.join("logs").join(format!("{}.log", row.name))
    }

    pub(crate) fn state(&self, row: &Row) -> State {
        let place = self.place(row);
        match fs::read(place.join(STAMP)).ok().and_then(|text| serde_json::from_slice::<Stamp>(&text).ok()) {
            Some(stamp) if stamp == stamp_of(row) => State::Finished,
            Some(_) => State::Outdated,
            None if place.exists() => State::Outdated,
            None => State::Absent,
        }
    }

    /// Waits until no other run writes to the cache, and keeps others out; clears what interrupted runs left.
    pub(crate) fn lock(&self) -> Fallible<Lock> {
        let within = |error: io::Error| format!("the cache {}: {error}", self.root.display());
        fs::create_dir_all(&self.root).map_err(within)?;
        let file = File::options().create(true).append(true).open(self.root.join(".lock")).map_err(within)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                anstream::println!("{NOTE}another run{NOTE:#} is at work in {}: waiting for it", self.root.display());
                file.lock().map_err(within)?;
            }
            Err(TryLockError::Error(error)) => return Err(within(error).into()),
        }
        for entry in fs::read_dir(&self.root).map_err(within)? {
            let entry = entry.map_err(within)?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_dir_all(entry.path()).map_err(within)?;
            }
        }
        Ok(Lock { _file: file })
    }

    /// A folder to make a build in, gone when it is dropped.
    pub(crate) fn workshop(&self, row: &Row, _lock: &Lock) -> io::Result<TempDir> {
        tempfile::Builder::new().prefix(&format!("{UNFINISHED}{}-", row.name)).tempdir_in(&self.root)
    }

    /// Moves the result of a build to its place, with its stamp.
    pub(crate) fn finish(&self, row: &Row, out: &Path, _lock: &Lock) -> Fallible<()> {
        fs::write(out.join(STAMP), serde_json::to_string_pretty(&stamp_of(row))? + "\n")?;
        let place = self.place(row);
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        Ok(fs::rename(out, &place)?)
    }
}

/// Whether a build can be used as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Finished,
    /// Made by another recipe.
    Outdated,
    Absent,
}

/// All that decides what comes out, as text: equal recipes make equal builds.
fn stamp_of(row: &Row) -> Stamp {
    let script = match row.recipe {
        Recipe::OpenSsl { trimmed: true, .. } => build::VERSION_SCRIPT,
        _ => "",
    };
    Stamp { recipe: format!("revision {}: {:?}\n{script}", build::REVISION, row.recipe) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libs::catalogue::{catalogue, find};

    fn cache() -> (TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("dlssl/libs"));
        (folder, cache)
    }

    fn finish(cache: &Cache, row: &Row, content: &str) {
        let lock = cache.lock().unwrap();
        let workshop = cache.workshop(row, &lock).unwrap();
        let out = workshop.path().join("out");
        fs::create_dir_all(out.join("lib")).unwrap();
        fs::write(out.join("lib/libssl.so"), content).unwrap();
        cache.finish(row, &out, &lock).unwrap();
    }

    #[test]
    fn a_build_is_absent_until_it_is_finished() {
        let (_folder, cache) = cache();
        let row = find("openssl-3.0.8").unwrap();
        assert_eq!(cache.state(row), State::Absent);
        finish(&cache, row, "one");
        assert_eq!(cache.state(row), State::Finished);
        finish(&cache, row, "two");
        assert_eq!(fs::read_to_string(cache.place(row).join("lib/libssl.so")).unwrap(), "two");
    }

    #[test]
    fn another_recipe_or_no_stamp_makes_it_outdated() {
        let (_folder, cache) = cache();
        let (row, other) = (find("openssl-3.5.5").unwrap(), find("openssl-3.6.3").unwrap());
        finish(&cache, row, "");
        fs::rename(cache.place(row), cache.place(other)).unwrap();
        assert_eq!(cache.state(other), State::Outdated);
        fs::remove_file(cache.place(other).join(STAMP)).unwrap();
        assert_eq!(cache.state(other), State::Outdated);
    }

    #[test]
    fn what_an_interrupted_run_left_is_cleared() {
        let (_folder, cache) = cache();
        let row = find("openssl-3.0.8").unwrap();
        let lock = cache.lock().unwrap();
        let left = cache.workshop(row, &lock).unwrap().keep();
        drop(lock);
        finish(&cache, row, "");
        assert!(!left.exists());
        assert_eq!(cache.state(row), State::Finished);
    }

    #[test]
    fn recipes_have_stamps_of_their_own() {
        let mut stamps: Vec<_> = catalogue().iter().map(|row| stamp_of(row).recipe).collect();
        stamps.sort();
        stamps.dedup();
        assert_eq!(stamps.len(), catalogue().len());
        let trimmed = stamp_of(find("openssl-4.0.3").unwrap()).recipe;
        assert!(trimmed.contains(build::VERSION_SCRIPT));
    }

    #[test]
    fn only_one_run_holds_the_lock() {
        let (_folder, cache) = cache();
        let lock = cache.lock().unwrap();
        let second = File::open(cache.root().join(".lock")).unwrap();
        assert!(matches!(second.try_lock(), Err(TryLockError::WouldBlock)));
        drop(lock);
        second.try_lock().unwrap();
    }
}
