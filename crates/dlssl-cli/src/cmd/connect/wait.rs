//! Waiting with poll(2) until one of a few descriptors has something to do.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Waits until one of `wanted` is ready or `deadline` has passed; says which are ready, none on expiry.
///
/// An entry without any flag is not watched: poll would still report a hang-up on it, over and over.
pub(super) fn wait<const N: usize>(
    wanted: [(BorrowedFd<'_>, PollFlags); N],
    deadline: Option<Instant>,
) -> io::Result<[bool; N]> {
    let mut ready = [false; N];
    let (places, mut watched): (Vec<usize>, Vec<PollFd<'_>>) = wanted
        .iter()
        .enumerate()
        .filter(|(_, (_, flags))| !flags.is_empty())
        .map(|(place, (fd, flags))| (place, PollFd::from_borrowed_fd(*fd, *flags)))
        .unzip();
    loop {
        let left = deadline.map(|at| timespec(at.saturating_duration_since(Instant::now())));
        match poll(&mut watched, left.as_ref()) {
            Ok(_) => break,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for (place, entry) in places.into_iter().zip(&watched) {
        // Errors and hang-ups count as ready: the read or write that follows says what they mean.
        ready[place] = !entry.revents().is_empty();
    }
    Ok(ready)
}

fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: time.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: time.subsec_nanos().into() }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn says_who_is_ready() {
        let (mut one, two) = UnixStream::pair().unwrap();
        let soon = || Some(Instant::now() + Duration::from_millis(10));
        let fds = |two: PollFlags, one: PollFlags, w: &UnixStream, r: &UnixStream| {
            wait([(r.as_fd(), two), (w.as_fd(), one)], soon()).unwrap()
        };
        assert_eq!(fds(PollFlags::IN, PollFlags::empty(), &one, &two), [false, false]);
        assert_eq!(fds(PollFlags::IN, PollFlags::OUT, &one, &two), [false, true]);
        one.write_all(b"x").unwrap();
        assert_eq!(fds(PollFlags::IN, PollFlags::OUT, &one, &two), [true, true]);
    }

    #[test]
    fn a_hang_up_nobody_asked_for_is_not_reported() {
        let (one, two) = UnixStream::pair().unwrap();
        drop(two);
        let soon = Some(Instant::now() + Duration::from_millis(1));
        assert_eq!(wait([(one.as_fd(), PollFlags::empty())], soon).unwrap(), [false]);
        assert_eq!(wait([(one.as_fd(), PollFlags::IN)], soon).unwrap(), [true]);
    }
}
