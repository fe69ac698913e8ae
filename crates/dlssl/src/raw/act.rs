//! What can be done on a connection: one function of C each, which may read and write.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;

#[cfg(unix)]
use super::kernel_tls::FilePart;
use super::ssl::Ssl;

/// Most bytes of plain text in one record (RFC 8446, section 5.1).
pub(crate) const MOST_IN_RECORD: usize = 16 * 1024;

/// One thing to do on a connection, called as often as C wants to be.
pub(crate) trait Act {
    fn kind(&self) -> Kind;

    /// Calls C: inside of [`Ssl::handle`] alone.
    fn call(&mut self, ssl: &Ssl) -> c_int;
}

/// What a call does, as far as its outcome is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// On the data path, as is `Write`.
    Read,
    Write,
    Shutdown,
    /// A result of nought is the end of the file, and no failure.
    #[cfg(unix)]
    SendFile,
    Other,
}

impl Kind {
    #[inline]
    pub(super) fn is_on_data_path(self) -> bool {
        matches!(self, Self::Read | Self::Write)
    }

    pub(super) fn sends_file(self) -> bool {
        #[cfg(unix)]
        return self == Self::SendFile;
        #[cfg(not(unix))]
        false
    }
}

pub(crate) struct Handshake;

pub(crate) struct Shutdown;

pub(crate) struct Read<'a>(pub(crate) &'a mut [u8]);

/// As `Read`, and what is read stays to be read.
pub(crate) struct Peek<'a>(pub(crate) &'a mut [u8]);

/// At most [`MOST_IN_RECORD`] bytes.
pub(crate) struct Write<'a>(pub(crate) &'a [u8]);

/// Part of a file, by the kernel.
#[cfg(unix)]
pub(crate) struct SendFile<'a>(pub(crate) FilePart<'a>);

/// A client's early data, all of it.
pub(crate) struct EarlyWrite<'a>(pub(crate) &'a [u8]);

/// A server's early data, some of it; whether that was the last.
pub(crate) struct EarlyRead<'a>(pub(crate) &'a mut Vec<u8>, pub(crate) &'a mut bool);

/// A read or a write, called once: one type for both, so that they can share their code.
pub(crate) struct Transfer<'a> {
    bytes: *mut u8,
    len: c_int,
    kind: Kind,
    lives: PhantomData<&'a mut [u8]>,
}

impl<'a> Transfer<'a> {
    #[inline]
    pub(crate) fn read(out: &'a mut [u8]) -> Self {
        Self { bytes: out.as_mut_ptr(), len: clamp(out.len()), kind: Kind::Read, lives: PhantomData }
    }

    /// At most [`MOST_IN_RECORD`] bytes.
    #[inline]
    pub(crate) fn write(data: &'a [u8]) -> Self {
        Self {
            bytes: data.as_ptr().cast_mut(),
            len: clamp_to_record(data.len()),
            kind: Kind::Write,
            lives: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Calls C: inside of [`Ssl::transfer`] alone.
    #[inline(always)]
    pub(super) fn call(self, ssl: &Ssl) -> c_int {
        let functions = &ssl.library().functions().ssl;
        let bytes = self.bytes.cast::<c_void>();
        // SAFETY: live connection; a buffer with its length, borrowed through the call, and for reads alone written to.
        unsafe {
            match self.kind {
                Kind::Read => (functions.SSL_read)(ssl.as_ptr(), bytes, self.len),
                _ => (functions.SSL_write)(ssl.as_ptr(), bytes, self.len),
            }
        }
    }
}

/// With more, some suites of OpenSSL before 3.5 make several records at once, and could take part of the data and then
/// say "not now".
#[inline]
fn clamp_to_record(len: usize) -> c_int {
    clamp(len.min(MOST_IN_RECORD))
}

#[inline]
fn clamp(len: usize) -> c_int {
    c_int::try_from(len).unwrap_or(c_int::MAX)
}

impl Act for Read<'_> {
    #[inline]
    fn kind(&self) -> Kind {
        Kind::Read
    }

    #[inline]
    fn call(&mut self, ssl: &Ssl) -> c_int {
        let read = ssl.library().functions().ssl.SSL_read;
        // SAFETY: live connection; a buffer with its length, which lives through the call.
        unsafe { read(ssl.as_ptr(), self.0.as_mut_ptr().cast(), clamp(self.0.len())) }
    }
}

impl Act for Peek<'_> {
    fn kind(&self) -> Kind {
        Kind::Read
    }

    fn call(&mut self, ssl: &Ssl) -> c_int {
        let peek = ssl.library().functions().ssl.SSL_peek;
        // SAFETY: as for reads.
        unsafe { peek(ssl.as_ptr(), self.0.as_mut_ptr().cast(), clamp(self.0.len())) }
    }
}

impl Act for Write<'_> {
    #[inline]
    fn kind(&self) -> Kind {
        Kind::Write
    }

    #[inline]
    fn call(&mut self, ssl: &Ssl) -> c_int {
        let write = ssl.library().functions().ssl.SSL_write;
        // SAFETY: live connection; at most the buffer's length, which lives through the call.
        unsafe { write(ssl.as_ptr(), self.0.as_ptr().cast(), clamp_to_record(self.0.len())) }
    }
}

impl Act for Handshake {
    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn call(&mut self, ssl: &Ssl) -> c_int {
        // SAFETY: live connection.
        unsafe { (ssl.library().functions().ssl.SSL_do_handshake)(ssl.as_ptr()) }
    }
}

impl Act for Shutdown {
    fn kind(&self) -> Kind {
        Kind::Shutdown
    }

    fn call(&mut self, ssl: &Ssl) -> c_int {
        // SAFETY: live connection.
        unsafe { (ssl.library().functions().ssl.SSL_shutdown)(ssl.as_ptr()) }
    }
}

#[cfg(unix)]
impl Act for SendFile<'_> {
    fn kind(&self) -> Kind {
        Kind::SendFile
    }

    fn call(&mut self, ssl: &Ssl) -> c_int {
        ssl.send_file(self.0)
    }
}

impl Act for EarlyWrite<'_> {
    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn call(&mut self, ssl: &Ssl) -> c_int {
        ssl.write_early(self.0)
    }
}

impl Act for EarlyRead<'_> {
    fn kind(&self) -> Kind {
        Kind::Other
    }

    fn call(&mut self, ssl: &Ssl) -> c_int {
        ssl.read_early(self.0, self.1)
    }
}
