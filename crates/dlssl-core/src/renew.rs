//! What a reload renews besides the library: random generators from the operating system, and whatever is kept to be
//! secret or used once (session caches, ticket keys), by a count that contexts compare.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::compat::rand;
use crate::error::LoadFailure;
use crate::fork::{self, Hold};
use crate::load::registry;

/// Bytes for each library: more than the seed of any generator.
const SEED: usize = 64;

static RENEWALS: AtomicU64 = AtomicU64::new(0);

/// How often this process has renewed what must not be shared with its own past: at each reload, and when a fork is
/// vouched for. What holds session caches or ticket keys of an older count builds them anew.
///
/// # Examples
/// ```
/// let before = dlssl_core::renewals();
/// dlssl_core::reload()?;
/// assert!(dlssl_core::renewals() > before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn renewals() -> u64 {
    RENEWALS.load(Ordering::Acquire)
}

/// Gives the generators of every library that is mapped in this process fresh bytes; how many libraries there are.
///
/// # Errors
/// [`LoadFailure::Reseed`].
pub(crate) fn renew(hold: &Hold) -> Result<usize, LoadFailure> {
    let mut renewed = 0;
    for entry in registry::mapped(hold).iter().filter(|entry| !entry.parts.mapping.is_inherited()) {
        let parts = &entry.parts;
        let failed = |why: String| LoadFailure::Reseed { text: parts.text.clone(), why };
        let mut seed = [0; SEED];
        getrandom::fill(&mut seed).map_err(|error| failed(error.to_string()))?;
        if !rand::renew(&parts.functions, parts.flavour, parts.inside_libcrypto, &seed) {
            return Err(failed("it reports that it has no good seed".into()));
        }
        renewed += 1;
    }
    RENEWALS.fetch_add(1, Ordering::AcqRel);
    Ok(renewed)
}

/// Takes libraries that were loaded before a fork for this child's own, with the contexts and streams made on them. Their
/// random generators get fresh bytes; session caches and automatic ticket keys are renewed. How many were taken.
///
/// For the classic server that loads, forks, and starts threads only then: its children need no copies of their own. In a
/// process that was not forked it does nothing.
///
/// # Errors
/// [`LoadFailure::Reseed`]; nothing is taken then.
///
/// # Safety
/// When this process was forked, no other thread was inside a call into these libraries or held one of their locks: as a
/// rule, there was no other thread that used them. Otherwise calls may wait for ever, or find data half written.
///
/// # Examples
/// ```
/// let library = dlssl_core::current()?;
/// // … fork; then, in the child:
/// // SAFETY: the parent had no other thread.
/// unsafe { dlssl_core::vouch_for_fork()? };
/// assert!(!library.is_inherited());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub unsafe fn vouch_for_fork() -> Result<usize, LoadFailure> {
    let hold = fork::hold();
    let inherited: Vec<_> = registry::mapped(&hold)
        .iter()
        .map(|entry| entry.parts.mapping)
        .filter(|mapping| mapping.is_inherited())
        .collect();
    if inherited.is_empty() {
        return Ok(0);
    }
    let before: Vec<_> = inherited.iter().map(|mapping| mapping.adopt()).collect();
    match renew(&hold) {
        Ok(_) => Ok(inherited.len()),
        Err(failure) => {
            inherited.iter().zip(before).for_each(|(mapping, process)| mapping.give_back(process));
            Err(failure)
        }
    }
}
