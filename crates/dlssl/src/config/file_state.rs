//! What files are like, so that one can tell whether they have changed since.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::roots::hashed_files;

/// How long a change must be past before the next one is sure to have another time: two seconds on the coarsest file systems.
const TICK: Duration = Duration::from_secs(2);

/// State of a file of certificates and of the certificates in a directory; `None` where it cannot be told from another one:
/// after a change of this moment, or in the future.
pub(crate) fn state(file: Option<&Path>, directory: Option<&Path>) -> Option<Vec<u8>> {
    let newest = SystemTime::now().checked_sub(TICK)?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    state_until(newest, file, directory)
}

fn state_until(newest: u128, file: Option<&Path>, directory: Option<&Path>) -> Option<Vec<u8>> {
    let mut state = Vec::new();
    let directories: Vec<PathBuf> = directory.map(std::env::split_paths).into_iter().flatten().collect();
    for path in &directories {
        add_path(&mut state, path);
    }
    let hashed = directories.iter().flat_map(|path| hashed_files(path));
    for path in file.map(Path::to_owned).into_iter().chain(hashed) {
        add_path(&mut state, &path);
        // A name that leads nowhere is passed over by C too.
        match std::fs::metadata(&path) {
            Ok(of) => add_numbers(&mut state, &of, newest)?,
            Err(_) => state.push(0),
        }
    }
    Some(state)
}

fn add_path(state: &mut Vec<u8>, path: &Path) {
    state.extend(path.as_os_str().as_encoded_bytes());
    state.push(0);
}

/// What tells a file from what was there before: which it is, and when it was changed. `None` after `newest`.
fn add_numbers(state: &mut Vec<u8>, of: &std::fs::Metadata, newest: u128) -> Option<()> {
    #[cfg(unix)]
    let changed = {
        use std::os::unix::fs::MetadataExt;
        state.extend(of.dev().to_ne_bytes());
        state.extend(of.ino().to_ne_bytes());
        // Also when its time was set by hand.
        u128::try_from(of.ctime()).ok()? * 1_000_000_000 + u128::try_from(of.ctime_nsec()).ok()?
    };
    #[cfg(not(unix))]
    let changed = 0_u128;
    let modified = of.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    state.extend(of.len().to_ne_bytes());
    state.extend(modified.to_ne_bytes());
    state.extend(changed.to_ne_bytes());
    (modified.max(changed) <= newest).then_some(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn every_change_shows() {
        let dir = tempfile::tempdir().unwrap();
        let (file, hashed) = (dir.path().join("ca.pem"), dir.path().join("0a1b2c3d.0"));
        fs::write(&file, "one").unwrap();
        fs::write(&hashed, "two").unwrap();
        let now = || state_until(u128::MAX, Some(&file), Some(dir.path())).unwrap();
        let before = now();
        assert_eq!(now(), before);
        assert_ne!(state_until(u128::MAX, Some(&file), None).unwrap(), before);
        let mut seen = vec![before];
        let mut changed = || {
            let now = now();
            assert!(!seen.contains(&now), "a change that does not show");
            seen.push(now);
        };
        fs::write(&hashed, "longer").unwrap();
        changed();
        // Another file of the same length in its place.
        fs::write(dir.path().join("new"), "new").unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        changed();
        fs::write(dir.path().join("0a1b2c3d.1"), "three").unwrap();
        changed();
        fs::remove_file(&file).unwrap();
        changed();
    }

    #[test]
    fn a_change_of_this_moment_may_not_be_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        fs::write(&file, "one").unwrap();
        assert_eq!(state(Some(&file), None), None);
        let later = SystemTime::now() + TICK;
        let later = later.duration_since(UNIX_EPOCH).unwrap().as_nanos();
        assert!(state_until(later, Some(&file), None).is_some());
    }
}
