//! Inner streams that can be taken apart: what the halves do with them, inside the lock and outside.

use std::io;
use std::time::Instant;

/// What is left over when the halves of an inner stream come together again.
#[derive(Debug, Default)]
pub struct Rest {
    /// Received and not handed to TLS.
    pub(crate) received: Vec<u8>,
    /// Made by TLS and not sent.
    pub(crate) unsent: Vec<u8>,
    /// Why nothing can be sent any more.
    pub(crate) broken: Option<String>,
}

mod sealed {
    pub trait Sealed {}
    #[cfg(unix)]
    impl<S: std::os::fd::AsFd> Sealed for S {}
    impl<R, W> Sealed for crate::Duplex<R, W> {}
}

/// Inner streams that [`TlsStream::split`](crate::TlsStream::split) can take apart: sockets by descriptor, and
/// [`Duplex`](crate::Duplex). Nobody else can implement it.
///
/// # Examples
/// ```
/// fn is_divided<S: dlssl::Divide>() {}
/// # #[cfg(unix)]
/// is_divided::<std::net::TcpStream>();
/// is_divided::<dlssl::Duplex<std::io::Stdin, std::io::Stdout>>();
/// ```
pub trait Divide: Sized + sealed::Sealed {
    /// What the reading half has of it.
    type Reader;
    /// What the writing half has of it.
    type Writer;

    #[doc(hidden)]
    const BY_DESCRIPTOR: bool;

    #[doc(hidden)]
    fn divide(&mut self) -> io::Result<(Self::Reader, Self::Writer)>;

    #[doc(hidden)]
    fn unite(&mut self, reader: Self::Reader, writer: Self::Writer) -> Rest;

    /// Waits for bytes of the peer, outside the lock; `sends`: until some can be sent, too, and `receives` not only that.
    #[doc(hidden)]
    fn receive(reader: &mut Self::Reader, receives: bool, sends: bool, until: Option<Instant>) -> io::Result<()>;

    /// Takes over what was received, inside the lock.
    #[doc(hidden)]
    fn fill(&mut self, reader: &mut Self::Reader);

    /// Gives away what is to be sent, inside the lock.
    #[doc(hidden)]
    fn drain(&mut self, writer: &mut Self::Writer);

    /// Sends what was given away, outside the lock.
    #[doc(hidden)]
    fn send(writer: &mut Self::Writer) -> io::Result<()>;

    /// Waits until more can be sent, outside the lock; `for_reader`: until the other half may have read something.
    #[doc(hidden)]
    fn wait_to_send(writer: &mut Self::Writer, for_reader: bool, until: Option<Instant>) -> io::Result<()>;

    #[doc(hidden)]
    fn flush(writer: &mut Self::Writer) -> io::Result<()>;
}

/// Lets the other half read for a moment.
///
/// C may want to read before it writes: a message of the peer's that comes after the handshake, in several records, has
/// begun. The other half is the one that reads; this happens too seldom to have it call.
pub(super) fn give_way(until: Option<Instant>) -> io::Result<()> {
    const MOMENT: std::time::Duration = std::time::Duration::from_millis(5);
    if until.is_some_and(|until| Instant::now() >= until) {
        return Err(crate::bio::timed_out());
    }
    std::thread::sleep(MOMENT);
    Ok(())
}

#[cfg(unix)]
mod socket {
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};
    use std::sync::Arc;

    use super::{Divide, Instant, Rest, give_way, io};
    use crate::bio::Interest;
    use crate::bio::descriptor;

    /// A half's own hold on the socket, to wait for it without the lock.
    #[derive(Debug)]
    pub struct SocketEnd(Arc<OwnedFd>);

    /// Reads and writes of a descriptor do not wait, so they happen inside the lock.
    impl<S: AsFd> Divide for S {
        type Reader = SocketEnd;
        type Writer = SocketEnd;
        const BY_DESCRIPTOR: bool = true;

        fn divide(&mut self) -> io::Result<(SocketEnd, SocketEnd)> {
            let descriptor = Arc::new(self.as_fd().try_clone_to_owned()?);
            Ok((SocketEnd(Arc::clone(&descriptor)), SocketEnd(descriptor)))
        }

        fn unite(&mut self, _: SocketEnd, _: SocketEnd) -> Rest {
            Rest::default()
        }

        fn receive(reader: &mut SocketEnd, receives: bool, sends: bool, until: Option<Instant>) -> io::Result<()> {
            let interest = match (receives, sends) {
                (true, true) => Interest::Either,
                (false, true) => Interest::Write,
                _ => Interest::Read,
            };
            descriptor::wait(&reader.0, interest, until)
        }

        fn fill(&mut self, _: &mut SocketEnd) {}

        fn drain(&mut self, _: &mut SocketEnd) {}

        fn send(_: &mut SocketEnd) -> io::Result<()> {
            Ok(())
        }

        fn wait_to_send(writer: &mut SocketEnd, for_reader: bool, until: Option<Instant>) -> io::Result<()> {
            if !for_reader {
                return descriptor::wait(&writer.0, Interest::Write, until);
            }
            // Who does not wait for the socket does not wait for the other half either.
            if descriptor::is_non_blocking(writer.0.as_raw_fd())? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            give_way(until)
        }

        fn flush(_: &mut SocketEnd) -> io::Result<()> {
            Ok(())
        }
    }
}
