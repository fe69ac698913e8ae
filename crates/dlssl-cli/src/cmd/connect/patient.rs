//! A socket that never blocks, made to wait, for as long as nothing moving is tolerated: the part before TLS.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::wait::wait;

pub(super) struct Patient<'s> {
    pub(super) socket: &'s TcpStream,
    pub(super) patience: Option<Duration>,
}

impl Patient<'_> {
    fn retry(&self, flags: PollFlags, mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
        loop {
            match call() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let deadline = self.patience.and_then(|time| Instant::now().checked_add(time));
                    if wait([(self.socket.as_fd(), flags)], deadline)? == [false] {
                        return Err(ErrorKind::TimedOut.into());
                    }
                }
                outcome => return outcome,
            }
        }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut socket = self.socket;
        self.retry(PollFlags::IN, || socket.read(out))
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut socket = self.socket;
        self.retry(PollFlags::OUT, || socket.write(data))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
