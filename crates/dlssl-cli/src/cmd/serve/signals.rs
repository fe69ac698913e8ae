//! The signals that end the server.

use std::sync::mpsc;

/// Watches for SIGINT, SIGTERM and SIGHUP; the receiver hears of each. A SIGHUP that is ignored, as `nohup` has it, stays so.
///
/// # Errors
/// The system's, or that they are watched for already.
pub(super) fn watch() -> Result<mpsc::Receiver<()>, ctrlc::Error> {
    let (stop, stopped) = mpsc::channel();
    let was_ignored = ignore_hang_up();
    ctrlc::set_handler(move || {
        // A second signal finds nobody who listens, and changes nothing.
        let _ = stop.send(());
    })?;
    if was_ignored {
        ignore_hang_up();
    }
    Ok(stopped)
}

/// Ignores SIGHUP; says whether it was ignored already.
#[cfg(unix)]
#[allow(unsafe_code)]
fn ignore_hang_up() -> bool {
    // SAFETY: ignoring runs no code of ours at a bad time.
    unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) == libc::SIG_IGN }
}

#[cfg(not(unix))]
fn ignore_hang_up() -> bool {
    false
}
