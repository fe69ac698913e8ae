//! What is done with an inner stream, taken where its traits are known.

use std::io::{self, IoSliceMut, Read, Write};
use std::ops::Deref;

#[cfg(unix)]
use super::descriptor;

/// Whether the inner stream may be asked for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiving {
    /// It is as if none had arrived.
    No,
    /// For those that have arrived, where there is a way to ask so.
    Arrived,
    /// It may wait for them, if its owner lets it.
    Waiting,
}

/// The inner stream's functions, as plain pointers: taken where its traits are known, used where they are not. Reads are
/// told whether they may wait; what waits by itself anyway does not listen.
pub(crate) struct Table<S> {
    pub(super) read: fn(&mut S, &mut [u8], bool) -> io::Result<usize>,
    pub(super) read_vectored: fn(&mut S, &mut [IoSliceMut<'_>], bool) -> io::Result<usize>,
    pub(super) write: fn(&mut S, &[u8]) -> io::Result<usize>,
    pub(super) flush: fn(&mut S) -> io::Result<()>,
    pub(super) wait: Option<super::Wait<S>>,
}

/// Where they stand: one pointer in each connection, of which there are thousands. As a reference that lives as long as the program it
/// would ask the same of `S`.
pub(crate) struct Functions<S>(*const Table<S>);

impl<S> Deref for Functions<S> {
    type Target = Table<S>;

    #[inline]
    fn deref(&self) -> &Table<S> {
        // SAFETY: one of the constants below, which the program holds as long as it runs, and nobody changes.
        unsafe { &*self.0 }
    }
}

// SAFETY: addresses of code in a constant; they can be read from anywhere, whatever `S` is.
unsafe impl<S> Send for Functions<S> {}
// SAFETY: as above.
unsafe impl<S> Sync for Functions<S> {}

impl<S: Read + Write> Functions<S> {
    /// Those of any `Read + Write`. It blocks, or says `WouldBlock`, by itself.
    pub(crate) fn of_stream() -> Self {
        Self(Self::OF_STREAM)
    }

    const OF_STREAM: *const Table<S> = &Table {
        read: |stream, out, _| stream.read(out),
        read_vectored: |stream, buffers, _| stream.read_vectored(buffers),
        write: S::write,
        flush: S::flush,
        wait: None,
    };
}

#[cfg(unix)]
impl<S: std::os::fd::AsFd> Functions<S> {
    /// Those of a descriptor that is a socket.
    pub(crate) fn of_socket() -> Self {
        Self(Self::OF_SOCKET)
    }

    const OF_SOCKET: *const Table<S> = &Table {
        read: descriptor::receive,
        read_vectored: descriptor::receive_vectored,
        write: descriptor::send,
        flush: |_| Ok(()),
        wait: Some(descriptor::wait),
    };
}
