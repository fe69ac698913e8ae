//! Memory BIO for programs: a queue of bytes inside the library.

use std::ffi::CString;
use std::fmt;
use std::io::{self, Read, Write};

use dlssl_core::Library;
use dlssl_core::ffi::BIO;

use crate::error::{Error, ErrorKind};
use crate::raw::MemBuf;

/// Bytes in the library's memory: what is written can be read, in order
/// ([`BIO_s_mem`](https://docs.openssl.org/master/man3/BIO_s_mem/)).
///
/// Empty is the end of a read, not an error. Useful with functions of the library that read from or print to a BIO.
///
/// ```
/// use std::io::{Read, Write};
///
/// let library = dlssl::current()?;
/// let mut memory = dlssl::MemoryBio::new(&library)?;
/// memory.puts("one\ntwo\n")?;
/// assert_eq!(memory.gets(80)?.as_deref(), Some(&b"one\n"[..]));
/// memory.write_all(b"three")?;
/// assert_eq!(memory.pending(), 9);
/// // For a function of C that prints to a BIO or reads from one.
/// assert!(!memory.as_ptr().is_null());
///
/// let mut copy = Vec::new();
/// dlssl::MemoryBio::from_bytes(&library, b"bytes")?.read_to_end(&mut copy)?;
/// assert_eq!(copy, b"bytes");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "BIO_s_mem")]
pub struct MemoryBio {
    buffer: MemBuf,
}

impl MemoryBio {
    /// Makes an empty one.
    ///
    /// # Errors
    /// [`ErrorKind::Library`] when the library is out of memory. Of this and all others: [`ErrorKind::Inherited`] in a
    /// child of a fork.
    #[doc(alias = "BIO_new")]
    pub fn new(library: &Library) -> Result<Self, Error> {
        Self::from_bytes(library, &[])
    }

    /// Makes one that holds a copy of `bytes`.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    #[doc(alias = "BIO_new_mem_buf")]
    pub fn from_bytes(library: &Library, bytes: &[u8]) -> Result<Self, Error> {
        check_process(library)?;
        match MemBuf::holding(library, bytes) {
            Ok(buffer) => Ok(Self { buffer }),
            Err(queue) => Err(failed(library, "cannot make a memory BIO").with_queue(queue)),
        }
    }

    /// Bytes that it holds ([`BIO_pending`](https://docs.openssl.org/master/man3/BIO_ctrl/)).
    #[must_use]
    #[doc(alias = "BIO_pending")]
    pub fn pending(&self) -> usize {
        self.buffer.pending()
    }

    /// Takes one line out, with its newline, of at most `max` bytes; `None` when it is empty
    /// ([`BIO_gets`](https://docs.openssl.org/master/man3/BIO_read/)). A longer line comes in pieces.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when `max` is nought.
    #[doc(alias = "BIO_gets")]
    pub fn gets(&mut self, max: usize) -> Result<Option<Vec<u8>>, Error> {
        if max == 0 {
            return Err(Error::new(ErrorKind::Configuration, "a line of at most no byte cannot be read"));
        }
        check_process(self.library())?;
        // One more for the NUL that C closes the line with; never more than there is.
        let mut line = vec![0; max.min(self.pending()) + 1];
        let count = self.buffer.gets(&mut line);
        line.truncate(count);
        Ok((count > 0).then_some(line))
    }

    /// Puts a text in ([`BIO_puts`](https://docs.openssl.org/master/man3/BIO_read/)); gives its length.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the text holds a NUL, [`ErrorKind::Library`] when the library is out of
    /// memory.
    #[doc(alias = "BIO_puts")]
    pub fn puts(&mut self, text: &str) -> Result<usize, Error> {
        let Ok(text) = CString::new(text) else {
            return Err(Error::new(ErrorKind::Configuration, "the text holds a NUL byte; use write"));
        };
        check_process(self.library())?;
        self.buffer
            .puts(&text)
            .map_err(|queue| failed(self.buffer.library(), "cannot write to a memory BIO").with_queue(queue))
    }

    /// The library that it belongs to.
    #[must_use]
    pub fn library(&self) -> &Library {
        self.buffer.library()
    }

    /// The pointer, for functions that are not wrapped; freed when `self` is dropped.
    #[must_use]
    pub fn as_ptr(&self) -> *mut BIO {
        self.buffer.as_ptr()
    }
}

fn check_process(library: &Library) -> Result<(), Error> {
    library.check_process().map_err(|inherited| Error::from(inherited).of(library))
}

fn failed(library: &Library, what: &str) -> Error {
    Error::new(ErrorKind::Library, what).of(library)
}

impl Read for MemoryBio {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        check_process(self.library())?;
        Ok(self.buffer.read(out))
    }
}

impl Write for MemoryBio {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        check_process(self.library())?;
        let outcome = self.buffer.write(data);
        outcome.map_err(|queue| failed(self.buffer.library(), "cannot write to a memory BIO").with_queue(queue).into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for MemoryBio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBio").field("pending", &self.pending()).finish_non_exhaustive()
    }
}
