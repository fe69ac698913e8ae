//! An inner stream made of a part to read from and a part to write to.

use std::fmt;
use std::io::{self, ErrorKind, IoSliceMut, Read, Write};
use std::time::Instant;

use super::divide::{Divide, Rest, give_way};
use crate::bio::stream::is_pause;

/// Bytes that a reading half asks its part for at a time: a record and some.
const ROOM: usize = 20 * 1024;
/// Answers to the peer that wait for the writing half, before reading stops.
const MOST_ANSWERS: usize = 64 * 1024;

/// A part to read from and a part to write to, joined to one stream, so that TLS can go over it
/// and [split](crate::TlsStream::split) into halves that two threads use.
///
/// While it is split, each half waits in the calls of its own part, and of nothing else.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// use std::io::{Read, Write};
///
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("ca.pem")).build()?;
/// let tcp = std::net::TcpStream::connect(server)?;
/// let pipe = dlssl::Duplex::new(tcp.try_clone()?, tcp);
/// println!("{:?} {:?}", pipe.reader(), pipe.writer());
/// let (mut reader, mut writer) = connector.connect("example.org", pipe)?.split()?;
/// std::thread::scope(|scope| {
///     let reading = scope.spawn(|| reader.read_exact(&mut [0; 5]));
///     writer.write_all(b"hello")?;
///     reading.join().expect("no panic")
/// })?;
/// let tls = reader.rejoin(writer)?;
/// let (reader, writer) = tls.into_inner()?.0.into_parts().ok_or("it is whole")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Duplex<R, W> {
    /// `None` while a half has it.
    reader: Option<R>,
    writer: Option<W>,
    /// From the reading half: `incoming[taken..]` is for TLS.
    incoming: Vec<u8>,
    taken: usize,
    at_end: bool,
    /// For the writing half.
    outgoing: Vec<u8>,
}

impl<R, W> Duplex<R, W> {
    /// Joins them.
    pub fn new(reader: R, writer: W) -> Self {
        Self {
            reader: Some(reader),
            writer: Some(writer),
            incoming: Vec::new(),
            taken: 0,
            at_end: false,
            outgoing: Vec::new(),
        }
    }

    /// The part that is read from; `None` while the stream is split.
    pub fn reader(&self) -> Option<&R> {
        self.reader.as_ref()
    }

    /// The part that is written to; `None` while the stream is split.
    pub fn writer(&self) -> Option<&W> {
        self.writer.as_ref()
    }

    /// Takes them apart; `None` while the stream is split.
    pub fn into_parts(self) -> Option<(R, W)> {
        self.reader.zip(self.writer)
    }

    fn take(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = out.len().min(self.incoming.len() - self.taken);
        if count == 0 && !out.is_empty() && !self.at_end {
            return Err(ErrorKind::WouldBlock.into());
        }
        out[..count].copy_from_slice(&self.incoming[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

impl<R: Read, W> Read for Duplex<R, W> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.reader {
            Some(reader) => reader.read(out),
            None => self.take(out),
        }
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if let Some(reader) = &mut self.reader {
            return reader.read_vectored(buffers);
        }
        let mut total = 0;
        for buffer in buffers {
            match self.take(buffer) {
                Ok(count) => total += count,
                Err(_) if total > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }
}

impl<R, W: Write> Write for Duplex<R, W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match &mut self.writer {
            Some(writer) => writer.write(data),
            None if self.outgoing.len() >= MOST_ANSWERS => Err(ErrorKind::WouldBlock.into()),
            None => {
                self.outgoing.extend_from_slice(data);
                Ok(data.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl<R, W> fmt::Debug for Duplex<R, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Duplex").field("split", &self.reader.is_none()).finish_non_exhaustive()
    }
}

/// The reading half's part, and what it gave.
pub struct DuplexReader<R> {
    inner: R,
    buffer: Vec<u8>,
    filled: usize,
    at_end: bool,
}

/// The writing half's part, and what it has not taken: `unsent[sent..]`.
pub struct DuplexWriter<W> {
    inner: W,
    unsent: Vec<u8>,
    sent: usize,
    /// Why nothing can be sent any more.
    broken: Option<String>,
    /// A write runs; still set afterwards when it panicked.
    writing: bool,
}

impl<R> fmt::Debug for DuplexReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DuplexReader").finish_non_exhaustive()
    }
}

impl<W> fmt::Debug for DuplexWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DuplexWriter").finish_non_exhaustive()
    }
}

impl<W: Write> DuplexWriter<W> {
    fn put(&mut self) -> io::Result<usize> {
        let data = &self.unsent[self.sent..];
        match self.inner.write(data)? {
            0 => Err(io::Error::new(ErrorKind::WriteZero, "the inner stream took no byte")),
            count if count > data.len() => Err(io::Error::other(format!(
                "the inner stream is broken: write of {} bytes reported {count}",
                data.len()
            ))),
            count => Ok(count),
        }
    }
}

impl<R: Read, W: Write> Divide for Duplex<R, W> {
    type Reader = DuplexReader<R>;
    type Writer = DuplexWriter<W>;
    const BY_DESCRIPTOR: bool = false;

    fn divide(&mut self) -> io::Result<(Self::Reader, Self::Writer)> {
        let parts = self.reader.take().zip(self.writer.take());
        let (reader, writer) = parts.ok_or_else(|| io::Error::other("the stream is split already"))?;
        Ok((
            DuplexReader { inner: reader, buffer: vec![0; ROOM], filled: 0, at_end: false },
            DuplexWriter { inner: writer, unsent: Vec::new(), sent: 0, broken: None, writing: false },
        ))
    }

    fn unite(&mut self, mut reader: Self::Reader, mut writer: Self::Writer) -> Rest {
        self.fill(&mut reader);
        self.drain(&mut writer);
        self.reader = Some(reader.inner);
        self.writer = Some(writer.inner);
        let mut received = std::mem::take(&mut self.incoming);
        received.drain(..std::mem::take(&mut self.taken));
        writer.unsent.drain(..writer.sent);
        Rest {
            received,
            unsent: writer.unsent,
            broken: writer.broken.or_else(|| writer.writing.then(|| "it panicked".to_owned())),
        }
    }

    fn receive(reader: &mut Self::Reader, receives: bool, _: bool, _: Option<Instant>) -> io::Result<()> {
        if !receives {
            let words = "answers to the peer wait for the writing half: flush it";
            return Err(io::Error::new(ErrorKind::WouldBlock, words));
        }
        if reader.filled > 0 || reader.at_end {
            return Ok(());
        }
        loop {
            match reader.inner.read(&mut reader.buffer) {
                Ok(count) if count > reader.buffer.len() => {
                    return Err(io::Error::other(format!(
                        "the inner stream is broken: read of {} bytes reported {count}",
                        reader.buffer.len()
                    )));
                }
                Ok(count) => {
                    reader.filled = count;
                    reader.at_end = count == 0;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn fill(&mut self, reader: &mut Self::Reader) {
        if self.taken == self.incoming.len() {
            self.incoming.clear();
            self.taken = 0;
        }
        self.incoming.extend_from_slice(&reader.buffer[..std::mem::take(&mut reader.filled)]);
        self.at_end |= reader.at_end;
    }

    fn drain(&mut self, writer: &mut Self::Writer) {
        if writer.unsent.is_empty() {
            std::mem::swap(&mut writer.unsent, &mut self.outgoing);
        } else {
            writer.unsent.append(&mut self.outgoing);
        }
    }

    fn send(writer: &mut Self::Writer) -> io::Result<()> {
        let earlier = if writer.writing { Some("it panicked") } else { writer.broken.as_deref() };
        if let Some(broken) = earlier {
            let words = format!("an earlier write to the inner stream failed ({broken}); nothing can be sent any more");
            return Err(io::Error::new(ErrorKind::BrokenPipe, words));
        }
        while writer.sent < writer.unsent.len() {
            writer.writing = true;
            let outcome = writer.put();
            writer.writing = false;
            match outcome {
                Ok(count) => writer.sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    if !is_pause(&error) {
                        writer.broken = Some(error.to_string());
                    }
                    return Err(error);
                }
            }
        }
        writer.unsent.clear();
        writer.sent = 0;
        Ok(())
    }

    fn wait_to_send(_: &mut Self::Writer, for_reader: bool, until: Option<Instant>) -> io::Result<()> {
        // What stood in the way of sending was given away and sent.
        if for_reader { give_way(until) } else { Ok(()) }
    }

    fn flush(writer: &mut Self::Writer) -> io::Result<()> {
        Self::send(writer)?;
        writer.inner.flush()
    }
}
