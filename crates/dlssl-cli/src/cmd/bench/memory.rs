//! A connection in memory, for one thread: nothing of the kernel's is measured.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSliceMut, Read, Write};
use std::rc::Rc;

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    start: usize,
}

/// One end; says `WouldBlock` when nothing is there.
pub(super) struct End {
    incoming: Rc<RefCell<Queue>>,
    outgoing: Rc<RefCell<Queue>>,
}

/// Both ends.
pub(super) fn ends() -> (End, End) {
    let (one, other) = (Rc::<RefCell<Queue>>::default(), Rc::<RefCell<Queue>>::default());
    (End { incoming: Rc::clone(&one), outgoing: Rc::clone(&other) }, End { incoming: other, outgoing: one })
}

impl Read for End {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(out)])
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let mut queue = self.incoming.borrow_mut();
        if queue.start == queue.bytes.len() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let mut done = 0;
        for out in buffers {
            let part = out.len().min(queue.bytes.len() - queue.start);
            out[..part].copy_from_slice(&queue.bytes[queue.start..queue.start + part]);
            queue.start += part;
            done += part;
        }
        if queue.start == queue.bytes.len() {
            queue.bytes.clear();
            queue.start = 0;
        }
        Ok(done)
    }
}

impl Write for End {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_arrive_in_order_and_then_not_yet() {
        let (mut one, mut other) = ends();
        one.write_all(b"abcde").unwrap();
        let (mut head, mut rest) = ([0; 2], [0; 8]);
        let count = other.read_vectored(&mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut rest)]).unwrap();
        assert_eq!((count, &head, &rest[..3]), (5, b"ab", &b"cde"[..]));
        assert_eq!(other.read(&mut rest).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}
