//! What the kernel does for a connection, and files that it sends.

use std::ffi::c_int;

use dlssl_core::ErrorStack;
use dlssl_core::compat::kernel_tls as compat;
use dlssl_core::ffi::constants::{ERR_LIB_SSL, SSL_ERROR_SYSCALL, SSL_R_UNINITIALIZED};

use super::{Outcome, Ssl, SslContext};

impl SslContext {
    /// Whether the library was built with kernel TLS.
    pub(crate) fn has_kernel_tls(&self) -> bool {
        compat::is_built_in(self.library().functions())
    }
}

impl Ssl {
    /// Whether the kernel encrypts what is sent.
    pub(crate) fn kernel_sends(&self) -> bool {
        // SAFETY: live connection of this library.
        unsafe { compat::sends(self.library().functions(), self.as_ptr()) }
    }

    /// Whether the kernel decrypts what is received.
    pub(crate) fn kernel_receives(&self) -> bool {
        // SAFETY: live connection of this library.
        unsafe { compat::receives(self.library().functions(), self.as_ptr()) }
    }

    /// Sends part of a file: inside of a call that may do I/O. Of a call that a signal ended nothing is to be told.
    #[cfg(unix)]
    pub(super) fn send_file(&self, part: FilePart<'_>) -> c_int {
        use std::os::fd::AsRawFd;
        let FilePart { file, offset, len } = part;
        loop {
            // SAFETY: live connection of this library; the descriptor is open for as long as it is borrowed.
            let sent =
                unsafe { compat::send_file(self.library().functions(), self.as_ptr(), file.as_raw_fd(), offset, len) };
            if sent >= 0 || std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
                return sent;
            }
        }
    }
}

/// OpenSSL 3.0 says "uninitialized" of a connection that works, whatever the system said of the file or the socket.
pub(super) fn with_system_error(outcome: Outcome) -> Outcome {
    match outcome.queue.has(ERR_LIB_SSL, SSL_R_UNINITIALIZED) {
        true => Outcome { code: SSL_ERROR_SYSCALL, queue: ErrorStack::default(), ..outcome },
        false => outcome,
    }
}

/// Part of a file, for the kernel to send.
#[cfg(unix)]
#[derive(Clone, Copy)]
pub(crate) struct FilePart<'a> {
    pub(crate) file: std::os::fd::BorrowedFd<'a>,
    pub(crate) offset: i64,
    pub(crate) len: usize,
}
