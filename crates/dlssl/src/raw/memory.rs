//! Memory BIOs: what C reads from and prints to.

use std::ffi::{c_int, c_long};
use std::ptr;

use dlssl_core::ffi::constants::{BIO_C_SET_BUF_MEM_EOF_RETURN, BIO_CTRL_PENDING};
use dlssl_core::{ErrorStack, Library};

use super::call::plain;
use super::owner;

owner! {
    /// A memory BIO.
    MemBuf, BIO, bio.BIO_free
}

impl MemBuf {
    /// An empty one.
    pub(crate) fn new(library: &Library) -> Result<Self, ErrorStack> {
        let bio = &library.functions().bio;
        // SAFETY: the library's own method.
        let pointer = plain(library, || unsafe { (bio.BIO_new)((bio.BIO_s_mem)()) }, |bio| bio.is_null())?;
        // SAFETY: just made, owned by nobody else.
        let this = unsafe { Self::from_raw(library, pointer) }.ok_or_else(ErrorStack::default)?;
        // An empty memory BIO says "end", not "try again".
        // SAFETY: live BIO; the command takes no pointer.
        unsafe { (bio.BIO_ctrl)(this.as_ptr(), BIO_C_SET_BUF_MEM_EOF_RETURN, 0, ptr::null_mut()) };
        Ok(this)
    }

    /// One that holds a copy of `bytes`.
    pub(crate) fn holding(library: &Library, bytes: &[u8]) -> Result<Self, ErrorStack> {
        let mut this = Self::new(library)?;
        for chunk in bytes.chunks(c_int::MAX as usize) {
            this.write(chunk)?;
        }
        Ok(this)
    }

    /// Bytes it holds.
    pub(crate) fn pending(&self) -> usize {
        // SAFETY: live BIO; the command takes no pointer.
        let pending =
            unsafe { (self.library.functions().bio.BIO_ctrl)(self.as_ptr(), BIO_CTRL_PENDING, 0, ptr::null_mut()) };
        usize::try_from(pending).unwrap_or(0)
    }

    /// Takes bytes out; 0 when it is empty.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> usize {
        let len = c_int::try_from(out.len()).unwrap_or(c_int::MAX);
        // SAFETY: live BIO; writes at most `len` bytes into a slice at least as long.
        let count = unsafe { (self.library.functions().bio.BIO_read)(self.as_ptr(), out.as_mut_ptr().cast(), len) };
        usize::try_from(count).unwrap_or(0)
    }

    /// Puts all of `data` in (at most `c_int::MAX` bytes of it).
    pub(crate) fn write(&mut self, data: &[u8]) -> Result<usize, ErrorStack> {
        if data.is_empty() {
            return Ok(0);
        }
        let len = c_int::try_from(data.len()).unwrap_or(c_int::MAX);
        let write = self.library.functions().bio.BIO_write;
        // SAFETY: live BIO; reads at most `len` bytes of a slice at least as long.
        let count =
            plain(&self.library, || unsafe { write(self.as_ptr(), data.as_ptr().cast(), len) }, |count| *count <= 0)?;
        // Positive: a failure was told apart above.
        Ok(count as usize)
    }

    /// Takes a line out, its newline included, of at most `out.len() - 1` bytes; 0 when it is empty.
    pub(crate) fn gets(&mut self, out: &mut [u8]) -> usize {
        let size = c_int::try_from(out.len()).unwrap_or(c_int::MAX);
        // SAFETY: live BIO; writes at most `size` bytes, the closing NUL included, into a slice at least as long.
        let count = unsafe { (self.library.functions().bio.BIO_gets)(self.as_ptr(), out.as_mut_ptr().cast(), size) };
        usize::try_from(count).unwrap_or(0)
    }

    /// Puts a text in, without its NUL.
    pub(crate) fn puts(&mut self, text: &std::ffi::CStr) -> Result<usize, ErrorStack> {
        let puts = self.library.functions().bio.BIO_puts;
        // SAFETY: live BIO; a string that ends with NUL.
        let count = plain(&self.library, || unsafe { puts(self.as_ptr(), text.as_ptr()) }, |count| *count < 0)?;
        Ok(usize::try_from(count).unwrap_or(0))
    }

    /// Takes everything out.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let mut all = vec![0; self.pending()];
        let mut filled = 0;
        while filled < all.len() {
            match self.read(&mut all[filled..]) {
                0 => break,
                count => filled += count,
            }
        }
        all.truncate(filled);
        all
    }

    pub(crate) fn library(&self) -> &Library {
        &self.library
    }
}

/// Reads one object in DER, and says whether it took all of the bytes.
pub(super) fn decode<T>(
    library: &Library,
    der: &[u8],
    read: impl FnOnce(*mut *const u8, c_long) -> *mut T,
) -> Result<(*mut T, bool), ErrorStack> {
    let len = c_long::try_from(der.len()).map_err(|_| ErrorStack::default())?;
    let mut at = der.as_ptr();
    let object = plain(library, || read(&raw mut at, len), |object| object.is_null())?;
    Ok((object, at == der.as_ptr_range().end))
}

/// Writes one object in DER: `write` gives the length, and moves the pointer that it is handed, if any, behind the bytes.
pub(super) fn encode(library: &Library, write: impl Fn(*mut *mut u8) -> c_int) -> Option<Vec<u8>> {
    let len = plain(library, || write(ptr::null_mut()), |len| *len <= 0).ok()?;
    let mut der = vec![0u8; usize::try_from(len).ok()?];
    // Our own copy of the pointer.
    let mut end = der.as_mut_ptr();
    let written = plain(library, || write(&raw mut end), |len| *len <= 0).ok()?;
    (written == len).then_some(der)
}

/// `c_long` of a small number, for control commands.
pub(super) fn long(number: c_int) -> c_long {
    c_long::from(number)
}
