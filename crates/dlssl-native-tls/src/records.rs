//! `Records`: an inner stream that is never read beyond the record at hand.
//!
//! A program that waits for its socket by `poll` asks `buffered_read_size` first, and native-tls has no other question. So what
//! is not decrypted has to stay in the socket: dlssl would read ahead, and know of it by `has_pending`.

use std::io::{self, IoSlice, Read, Write};

/// Bytes of a record's head: type, version, length.
const HEAD: usize = 5;

pub(crate) struct Records<S> {
    stream: S,
    head: [u8; HEAD],
    in_head: usize,
    /// How much of the body is to come.
    left: usize,
}

impl<S> Records<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, head: [0; HEAD], in_head: 0, left: 0 }
    }

    pub(crate) fn get_ref(&self) -> &S {
        &self.stream
    }

    pub(crate) fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// How much may be read next. Of the head alone as long as it does not tell how long the body is.
    fn room(&self) -> usize {
        if self.left > 0 { self.left } else { HEAD - self.in_head }
    }

    /// Notes what was read; at most [`room`](Self::room).
    fn advance(&mut self, bytes: &[u8]) {
        if self.left > 0 {
            self.left -= bytes.len();
            return;
        }
        self.head[self.in_head..][..bytes.len()].copy_from_slice(bytes);
        self.in_head += bytes.len();
        if self.in_head == HEAD {
            self.in_head = 0;
            self.left = usize::from(u16::from_be_bytes([self.head[3], self.head[4]]));
        }
    }
}

impl<S: Read> Read for Records<S> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = self.room().min(out.len());
        let count = self.stream.read(&mut out[..most])?;
        if count > most {
            return Err(io::Error::other(format!("the inner stream read {count} bytes into a buffer of {most}")));
        }
        self.advance(&out[..count]);
        Ok(count)
    }
}

impl<S: Write> Write for Records<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.write_vectored(buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] = &[23, 3, 3, 0, 3, 1, 2, 3, 21, 3, 3, 0, 0, 22, 3, 3, 0, 1, 9];

    #[test]
    fn no_read_crosses_a_record() {
        for size in 1..TWO.len() {
            let mut records = Records::new(TWO);
            let mut place = 0;
            let mut buffer = [0; TWO.len()];
            loop {
                let count = records.read(&mut buffer[..size]).unwrap();
                if count == 0 {
                    break;
                }
                assert_eq!(buffer[..count], TWO[place..place + count]);
                // Where a head or a body ends.
                let border = [5, 8, 13, 18, 19].into_iter().find(|border| *border > place).unwrap();
                assert!(place + count <= border, "{size}: from {place} to {}", place + count);
                place += count;
            }
            assert_eq!(place, TWO.len());
        }
    }

    #[test]
    fn an_inner_stream_that_boasts_is_an_error() {
        struct Boaster;
        impl Read for Boaster {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                Ok(out.len() + 1)
            }
        }
        assert!(Records::new(Boaster).read(&mut [0; 64]).is_err());
    }
}
