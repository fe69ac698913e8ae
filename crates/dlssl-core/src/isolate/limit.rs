//! The bound on private copies: each takes some of the process's thread-local keys, which are few and never given back.

use crate::error::LoadFailure;

/// Keys that a copy may take (OpenSSL 3.x: 6 or 7) and some for the host.
#[cfg(unix)]
const KEYS: usize = 24;

/// Refuses another copy when keys run short: a library that gets none fails in ways that it does not report.
///
/// # Errors
/// [`LoadFailure::TooManyCopies`].
#[cfg(unix)]
pub(super) fn check() -> Result<(), LoadFailure> {
    let mut keys = Vec::with_capacity(KEYS);
    let enough = loop {
        let mut key = 0;
        // SAFETY: a place for the key; no destructor.
        if unsafe { libc::pthread_key_create(&raw mut key, None) } != 0 {
            break false;
        }
        keys.push(key);
        if keys.len() == KEYS {
            break true;
        }
    };
    for key in keys {
        // SAFETY: made above and used by nobody.
        unsafe { libc::pthread_key_delete(key) };
    }
    if enough { Ok(()) } else { Err(LoadFailure::TooManyCopies) }
}

#[cfg(not(unix))]
pub(super) fn check() -> Result<(), LoadFailure> {
    Ok(())
}
