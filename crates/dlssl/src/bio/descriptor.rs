//! Sockets by descriptor: blocks in no call but a read that may, never changes the socket, never raises SIGPIPE.
//!
//! Another owner may share the socket, so its `O_NONBLOCK` stays as it is: each call asks not to wait
//! (`MSG_DONTWAIT`), and waiting is `poll` with the stream's deadline, outside of C. A read that has no deadline, and that
//! nobody else waits for, may wait by itself if the owner's flag says so: one call instead of three more.

use std::io::{self, ErrorKind, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Instant;

use super::{Interest, timed_out};

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd"))]
const QUIET: libc::c_int = libc::MSG_NOSIGNAL;
// macOS has no such flag; there `SO_NOSIGPIPE` is the program's to set.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "openbsd")))]
const QUIET: libc::c_int = 0;

/// What a read that may wait, or not, asks for.
fn flags_for(waits: bool) -> libc::c_int {
    if waits { 0 } else { libc::MSG_DONTWAIT }
}

/// One `recv`.
pub(crate) fn receive<S: AsFd>(socket: &mut S, out: &mut [u8], waits: bool) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open for as long as `socket` is borrowed; writes into a live slice.
    done(unsafe { libc::recv(fd, out.as_mut_ptr().cast(), out.len(), flags_for(waits)) })
}

/// One `recvmsg`.
pub(crate) fn receive_vectored<S: AsFd>(
    socket: &mut S,
    buffers: &mut [IoSliceMut<'_>],
    waits: bool,
) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: all zeroes is an empty message header.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    // `IoSliceMut` is documented to have the layout of `iovec`.
    message.msg_iov = buffers.as_mut_ptr().cast();
    message.msg_iovlen = buffers.len() as _;
    // SAFETY: as for `receive`; the header points at live buffers.
    done(unsafe { libc::recvmsg(fd, &raw mut message, flags_for(waits)) })
}

/// One `send`.
pub(crate) fn send<S: AsFd>(socket: &mut S, data: &[u8]) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: as for `receive`; reads a live slice.
    done(unsafe { libc::send(fd, data.as_ptr().cast(), data.len(), libc::MSG_DONTWAIT | QUIET) })
}

/// Waits until the socket can be read or written. At once `WouldBlock` when its owner made it non-blocking: then
/// waiting is the owner's business.
pub(crate) fn wait<S: AsFd>(socket: &S, interest: Interest, until: Option<Instant>) -> io::Result<()> {
    let fd = socket.as_fd();
    if is_non_blocking(fd.as_raw_fd())? {
        return Err(ErrorKind::WouldBlock.into());
    }
    poll(fd, interest, until)
}

/// Waits until the socket can be read or written, whoever owns it.
pub(crate) fn poll(socket: BorrowedFd<'_>, interest: Interest, until: Option<Instant>) -> io::Result<()> {
    loop {
        let timeout = match until {
            None => -1,
            Some(until) => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(timed_out());
                }
                // Rounded up, so that it does not wake early and spin.
                libc::c_int::try_from(left.as_millis() + 1).unwrap_or(libc::c_int::MAX)
            }
        };
        match poll_once(socket, interest, timeout) {
            0 => {}
            // Errors of the socket come out of the call that follows.
            count if count > 0 => return Ok(()),
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// Whether the socket can be read or written now.
pub(crate) fn is_ready(socket: BorrowedFd<'_>, interest: Interest) -> bool {
    poll_once(socket, interest, 0) > 0
}

/// One `poll`, of milliseconds.
fn poll_once(socket: BorrowedFd<'_>, interest: Interest, timeout: libc::c_int) -> libc::c_int {
    let events = match interest {
        Interest::Read => libc::POLLIN,
        Interest::Write => libc::POLLOUT,
        Interest::Either => libc::POLLIN | libc::POLLOUT,
    };
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events, revents: 0 };
    // SAFETY: one live record.
    unsafe { libc::poll(&raw mut poll, 1, timeout) }
}

/// A socket that says "not now" while this lives, although its owner would wait.
pub(crate) struct Unblocked<'a> {
    socket: BorrowedFd<'a>,
    flags: libc::c_int,
}

/// Keeps calls on a socket from waiting; `None` where its owner does so already. The flag belongs to the socket, so all
/// who share it see it for as long.
pub(crate) fn unblock(socket: BorrowedFd<'_>) -> io::Result<Option<Unblocked<'_>>> {
    let flags = flags(socket.as_raw_fd())?;
    if flags & libc::O_NONBLOCK != 0 {
        return Ok(None);
    }
    set_flags(socket.as_raw_fd(), flags | libc::O_NONBLOCK)?;
    Ok(Some(Unblocked { socket, flags }))
}

impl Drop for Unblocked<'_> {
    fn drop(&mut self) {
        // What was possible a moment ago.
        let _ = set_flags(self.socket.as_raw_fd(), self.flags);
    }
}

fn flags(fd: RawFd) -> io::Result<libc::c_int> {
    // SAFETY: reads the flags of an open descriptor.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
    if flags < 0 { Err(io::Error::last_os_error()) } else { Ok(flags) }
}

fn set_flags(fd: RawFd, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: sets the flags of an open descriptor.
    if unsafe { libc::fcntl(fd, libc::F_SETFL, flags) } < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether the owner of a socket waits by other means than blocking calls.
pub(crate) fn is_non_blocking(fd: RawFd) -> io::Result<bool> {
    Ok(flags(fd)? & libc::O_NONBLOCK != 0)
}

fn done(count: isize) -> io::Result<usize> {
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}
