//! Objects of two loads must not meet in one call.

use dlssl_core::Library;

use super::{Error, ErrorKind};

/// Refuses what was made on another generation than `own`. `what` names it, such as "the session".
pub(crate) fn check_same_generation(own: &Library, other: &Library, what: &str) -> Result<(), Error> {
    if own.is_same_generation(other) {
        return Ok(());
    }
    let words = format!(
        "{what} belongs to {} (generation {}), and this is {} (generation {})",
        other.version_text(),
        other.generation(),
        own.version_text(),
        own.generation()
    );
    Err(Error::new(ErrorKind::MixedGenerations, words).of(own))
}
