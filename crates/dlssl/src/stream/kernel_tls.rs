//! Kernel TLS: what the kernel does for a connection, and files that it sends without a copy.

use std::fmt;
#[cfg(unix)]
use std::io;

#[cfg(unix)]
use dlssl_core::compat::kernel_tls::SENDS_FILES;

use super::TlsStream;
#[cfg(unix)]
use super::attempt::Verdict;
#[cfg(unix)]
use super::connection::{Connection, Step};
#[cfg(unix)]
use super::limits::Operation;
#[cfg(unix)]
use crate::error::{Error, ErrorKind};
#[cfg(unix)]
use crate::raw::{FilePart, act};

/// In which directions the kernel does a connection's encryption: see [`TlsStream::kernel_tls`].
///
/// # Examples
/// ```
/// let both = dlssl::KernelTls::default();
/// assert!(!both.sending && !both.receiving && !both.any());
/// assert_eq!(both.to_string(), "the library encrypts and decrypts");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KernelTls {
    /// The kernel encrypts what is sent, so that it can [send files](TlsStream::send_file).
    pub sending: bool,
    /// The kernel decrypts what is received.
    pub receiving: bool,
}

impl KernelTls {
    /// Whether it does so in any direction.
    #[must_use]
    pub fn any(self) -> bool {
        self.sending || self.receiving
    }
}

impl fmt::Display for KernelTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.sending, self.receiving) {
            (true, true) => "the kernel encrypts and decrypts",
            (true, false) => "the kernel encrypts, the library decrypts",
            (false, true) => "the library encrypts, the kernel decrypts",
            (false, false) => "the library encrypts and decrypts",
        })
    }
}

impl<S> TlsStream<S> {
    /// Whether the kernel encrypts and decrypts for this connection. That it was
    /// [asked for](crate::ConnectorBuilder::kernel_tls) is not enough: the library, the kernel, the protocol and the
    /// cipher suite each have a say, and OpenSSL does without where one of them cannot.
    #[must_use]
    #[doc(alias = "BIO_get_ktls_send")]
    #[doc(alias = "BIO_get_ktls_recv")]
    pub fn kernel_tls(&self) -> KernelTls {
        let ssl = self.connection.ssl();
        KernelTls { sending: ssl.kernel_sends(), receiving: ssl.kernel_receives() }
    }

    /// Has the kernel send part of a file, without a copy through this process
    /// ([`SSL_sendfile`](https://docs.openssl.org/master/man3/SSL_write/)): `len` bytes from `offset` on, neither of
    /// which touches the file's own position. Gives how many bytes were taken, which can be fewer; 0 at the file's end.
    ///
    /// It works where [`kernel_tls`](Self::kernel_tls) says `sending`, and never does by copying what the kernel cannot
    /// do: for that there is [`std::io::copy`]. A connection that ends under it raises SIGPIPE, as all writes of
    /// OpenSSL's own socket BIO do; Rust programs ignore that unless told otherwise. OpenSSL from 3.0 on.
    ///
    /// # Errors
    /// [`Unsupported`](io::ErrorKind::Unsupported) where the kernel does not encrypt for this connection, or the machine has 32 bits, and why;
    /// nothing is sent then, and the connection is as it was. `WouldBlock` and `TimedOut` as for writes, with nothing
    /// taken. The system's own error, where the file cannot be read, or not by this way (a directory, a pipe): the
    /// connection can still be used.
    ///
    /// # Examples
    /// ```no_run
    /// # fn page(tls: &mut dlssl::TlsStream<std::net::TcpStream>) -> std::io::Result<()> {
    /// use std::fs::File;
    ///
    /// let mut file = File::open("page.html")?;
    /// if tls.kernel_tls().sending {
    ///     let (mut sent, size) = (0, file.metadata()?.len());
    ///     while sent < size {
    ///         match tls.send_file(&file, sent, (size - sent) as usize)? {
    ///             0 => break, // it has become shorter
    ///             count => sent += count as u64,
    ///         }
    ///     }
    /// } else {
    ///     std::io::copy(&mut file, tls)?;
    /// }
    /// # Ok(()) }
    /// ```
    #[cfg(unix)]
    #[doc(alias = "SSL_sendfile")]
    pub fn send_file(&mut self, file: &std::fs::File, offset: u64, len: usize) -> io::Result<usize> {
        use std::os::fd::AsFd;
        self.connection.check_writable()?;
        self.connection.check_kernel_sends()?;
        let Some((offset, len)) = present(file, offset, len)? else { return Ok(0) };
        let part = FilePart { file: file.as_fd(), offset, len };
        self.connection.drive(Operation::Write, |connection| connection.send_file_step(part))
    }
}

#[cfg(unix)]
impl<S> Connection<S> {
    fn check_kernel_sends(&self) -> Result<(), Error> {
        let sends = self.ssl().kernel_sends();
        if sends && SENDS_FILES {
            return Ok(());
        }
        let why = if sends {
            "on a machine of 32 bits the library does not tell how wide its file offsets are".to_owned()
        } else if !self.is_library_socket() {
            "the connection is not over OpenSSL's own socket BIO".to_owned()
        } else if !self.context().asks_for_kernel_tls() {
            "kernel TLS was not asked for".to_owned()
        } else {
            let (suite, protocol) = (self.ssl().cipher_name(), self.ssl().version_name());
            format!("library and kernel have no kernel TLS together for {suite} of {protocol}")
        };
        Err(self.error(ErrorKind::Unsupported, format!("the kernel cannot send files here: {why}")))
    }

    fn send_file_step(&mut self, part: FilePart<'_>) -> io::Result<Step<usize>> {
        if let Step::Pause(interest, error) = self.send_step()? {
            return Ok(Step::Pause(interest, error));
        }
        match self.attempt(act::SendFile(part)) {
            Ok(Verdict::Done(count)) => Ok(Step::Done(count)),
            Ok(Verdict::Closed) => Err(self.closed().into()),
            Ok(Verdict::Later(interest, error)) => Ok(Step::Pause(interest, error)),
            Err(error) => Err(error.into()),
        }
    }
}

/// What there is of a part of a file; `None` where that is nothing. A kernel that is asked for more than there is has reason
/// to hold the last record back, for the rest of it.
#[cfg(unix)]
fn present(file: &std::fs::File, offset: u64, len: usize) -> io::Result<Option<(i64, usize)>> {
    let data = file.metadata()?;
    // Of what is no file, such as a device, nobody knows the length.
    let len = match data.is_file() {
        true => len.min(usize::try_from(data.len().saturating_sub(offset)).unwrap_or(usize::MAX)),
        false => len,
    };
    let offset = i64::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
    Ok((len > 0).then_some((offset, len)))
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn no_more_than_there_is() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        assert_eq!(present(&file, 0, 4).unwrap(), Some((0, 4)));
        assert_eq!(present(&file, 7, usize::MAX).unwrap(), Some((7, 3)));
        for (offset, len) in [(10, 1), (11, 1), (u64::MAX >> 1, 1), (0, 0)] {
            assert_eq!(present(&file, offset, len).unwrap(), None, "{offset} {len}");
        }
        assert_eq!(present(&file, u64::MAX, 1).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
