//! Children by `fork` and by raw `clone`: each answers through a pipe, and one that does not answer in time is killed, with
//! a stack of it where gdb is there.
#![cfg(target_os = "linux")]

use std::io::{PipeReader, Read, Write};
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process;

/// The longest that a child may take: far more than any needs on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How a child is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `fork`, with its handlers.
    Fork,
    /// The system call alone: neither the C library nor we hear of it. In a process-id namespace of its own, so that each
    /// child has the number 1: needs root.
    Clone,
}

/// What a child says: bytes, or what went wrong.
pub type Said = Result<Vec<u8>, String>;

/// A running child; killed on drop.
#[derive(Debug)]
pub struct Child {
    pid: libc::pid_t,
    pipe: PipeReader,
    ended: bool,
}

/// Makes a child that runs `body`, says its outcome and ends at once, without handlers of the program's end.
///
/// # Panics
/// When there is no child.
pub fn spawn(way: Way, body: impl FnOnce() -> Said) -> Child {
    try_spawn(way, body).unwrap_or_else(|error| panic!("no child: {error}"))
}

/// As [`spawn`], where it may not be permitted.
///
/// # Errors
/// The operating system's.
pub fn try_spawn(way: Way, body: impl FnOnce() -> Said) -> std::io::Result<Child> {
    let (pipe, mut answer) = std::io::pipe()?;
    // SAFETY: the child runs what it is the business of the tests to run there, and ends by `_exit`. The raw call has no
    // stack of its own and shares nothing, as `fork` itself has it.
    let pid = unsafe {
        match way {
            Way::Fork => libc::fork(),
            Way::Clone => {
                let flags = libc::c_long::from(libc::CLONE_NEWPID | libc::SIGCHLD);
                libc::pid_t::try_from(libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0)).unwrap_or(-1)
            }
        }
    };
    if pid < 0 {
        return Err(std::io::Error::last_os_error());
    }
    if pid == 0 {
        let said = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(words(&*panic)));
        let message = match said {
            Ok(bytes) => [&b"+"[..], &bytes].concat(),
            Err(words) => [&b"-"[..], words.as_bytes()].concat(),
        };
        let code = i32::from(answer.write_all(&message).is_err());
        // SAFETY: ends the process.
        unsafe { libc::_exit(code) };
    }
    Ok(Child { pid, pipe, ended: false })
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".into())
}

impl Child {
    /// What the child says and how it ends.
    ///
    /// # Errors
    /// Its own words, or that it hung, with its stack, or that it died.
    pub fn finish(mut self) -> Said {
        let end = Instant::now() + PATIENCE;
        let mut all = Vec::new();
        loop {
            let mut poll = libc::pollfd { fd: self.pipe.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("a child hangs; it said {:?}\n{}", String::from_utf8_lossy(&all), self.stack()));
            }
            let wait = libc::c_int::try_from(left.as_millis()).unwrap_or(libc::c_int::MAX).max(1);
            // SAFETY: one live entry.
            if unsafe { libc::poll(&raw mut poll, 1, wait) } <= 0 {
                continue;
            }
            let mut chunk = [0; 4096];
            match self.pipe.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => all.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        let status = self.wait(end)?;
        match (status, all.split_first()) {
            (0, Some((b'+', said))) => Ok(said.to_vec()),
            (_, Some((b'-', said))) => Err(String::from_utf8_lossy(said).into_owned()),
            (status, _) => Err(format!("a child died: wait status {status:#x}, after {} bytes", all.len())),
        }
    }

    fn wait(&mut self, end: Instant) -> Result<libc::c_int, String> {
        loop {
            let mut status = 0;
            // SAFETY: our own child, and a place for its status.
            match unsafe { libc::waitpid(self.pid, &raw mut status, libc::WNOHANG) } {
                0 if Instant::now() < end => std::thread::sleep(Duration::from_millis(1)),
                0 => return Err(format!("a child does not end\n{}", self.stack())),
                _ => {
                    self.ended = true;
                    return Ok(status);
                }
            }
        }
    }

    /// Where the child is, in gdb's words.
    fn stack(&self) -> String {
        if process::find("gdb").is_none() {
            return "(no gdb, so no stack)".into();
        }
        let mut gdb = Command::new("gdb");
        gdb.args(["-nx", "-batch", "-ex", "thread apply all backtrace 40", "-p"]).arg(self.pid.to_string());
        gdb.env_remove("LD_LIBRARY_PATH").env("DEBUGINFOD_URLS", "");
        let mut running = process::Running::start(&mut gdb);
        let end = Instant::now() + PATIENCE;
        while running.ended().is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        running.stdout()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: our own child, not waited for yet.
            unsafe {
                libc::kill(self.pid, libc::SIGKILL);
                libc::waitpid(self.pid, std::ptr::null_mut(), 0);
            }
        }
    }
}
