//! `TlsStream`: reads and writes of plain bytes, and what native-tls tells of a connection.

use std::fmt;
use std::io::{self, IoSlice, Read, Write};

use dlssl::ErrorKind;

use crate::records::Records;
use crate::{Certificate, Result};

/// TLS over an inner stream.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use std::io::{Read, Write};
///
/// use dlssl_native_tls::TlsConnector;
///
/// # let root = dlssl_native_tls::Certificate::from_pem(&std::fs::read("ca.pem")?)?;
/// let mut builder = TlsConnector::builder();
/// builder.add_root_certificate(root).disable_built_in_roots(true).request_alpns(&["http/1.1"]);
/// let mut tls = builder.build()?.connect("example.org", std::net::TcpStream::connect(server)?)?;
/// println!("{} on {}", tls.get_ref().peer_addr()?, tls.library().version_text());
/// assert_eq!(tls.negotiated_alpn()?.as_deref(), Some(&b"http/1.1"[..]));
/// assert!(tls.peer_certificate()?.is_some());
/// assert_eq!(tls.tls_server_end_point()?.ok_or("none")?.len(), 32);
///
/// tls.get_mut().set_nodelay(true)?;
/// tls.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
/// let mut first = [0; 1];
/// tls.read_exact(&mut first)?;
/// assert!(tls.buffered_read_size()? > 0, "the rest of the record");
/// tls.shutdown()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TlsStream<S> {
    tls: dlssl::TlsStream<Records<S>>,
}

impl<S> TlsStream<S> {
    pub(crate) fn new(tls: dlssl::TlsStream<Records<S>>) -> Self {
        Self { tls }
    }

    /// The inner stream.
    #[must_use]
    pub fn get_ref(&self) -> &S {
        self.tls.get_ref().get_ref()
    }

    /// The inner stream. Reading from it or writing to it breaks the connection.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut S {
        self.tls.get_mut().get_mut()
    }

    /// The library that it runs on. native-tls has no such method.
    #[must_use]
    pub fn library(&self) -> &dlssl::Library {
        self.tls.library()
    }
}

impl<S: Read + Write> TlsStream<S> {
    /// Bytes that the next reads give without touching the inner stream. Where it is 0, all that the peer has sent is still in
    /// the inner stream: wait for that to become readable.
    ///
    /// # Errors
    /// None; native-tls has them.
    pub fn buffered_read_size(&self) -> Result<usize> {
        Ok(self.tls.pending())
    }

    /// The peer's own certificate; `None` where it showed none.
    ///
    /// # Errors
    /// None; native-tls has them.
    pub fn peer_certificate(&self) -> Result<Option<Certificate>> {
        Ok(self.tls.peer_certificate().map(Certificate))
    }

    /// The channel binding `tls-server-end-point` ([RFC 5929](https://www.rfc-editor.org/rfc/rfc5929#section-4)); `None` for a
    /// certificate whose signature has no digest of its own (Ed25519).
    ///
    /// # Errors
    /// As for [`dlssl::TlsStream::server_end_point`].
    pub fn tls_server_end_point(&self) -> Result<Option<Vec<u8>>> {
        match self.tls.server_end_point() {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The application protocol that ALPN selected.
    ///
    /// # Errors
    /// None; native-tls has them.
    pub fn negotiated_alpn(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.tls.alpn().map(<[u8]>::to_vec))
    }

    /// Ends the connection in order: sends `close_notify`. A further call waits for the peer's.
    ///
    /// # Errors
    /// As for [`dlssl::TlsStream::shutdown`].
    pub fn shutdown(&mut self) -> io::Result<()> {
        self.tls.shutdown().map(drop)
    }
}

impl<S: Read + Write> Read for TlsStream<S> {
    /// Gives decrypted bytes; 0 after the peer's `close_notify`. An end without it is `UnexpectedEof`.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.tls.read(out)
    }
}

impl<S: Read + Write> Write for TlsStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tls.write(bytes)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.tls.write_vectored(buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tls.flush()
    }
}

impl<S> fmt::Debug for TlsStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.tls.fmt(f)
    }
}
