//! What the peers talk over: queues in memory, and connected sockets.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

/// One direction in memory.
#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    start: usize,
}

/// One end of a connection in memory; says `WouldBlock` when nothing is there.
pub struct MemoryEnd {
    incoming: Rc<RefCell<Queue>>,
    outgoing: Rc<RefCell<Queue>>,
}

/// Both ends of a connection in memory.
pub fn memory() -> (MemoryEnd, MemoryEnd) {
    let (a, b) = (Rc::<RefCell<Queue>>::default(), Rc::<RefCell<Queue>>::default());
    (MemoryEnd { incoming: Rc::clone(&a), outgoing: Rc::clone(&b) }, MemoryEnd { incoming: b, outgoing: a })
}

impl Read for MemoryEnd {
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

impl Write for MemoryEnd {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.outgoing.borrow_mut().bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let mut queue = self.outgoing.borrow_mut();
        parts.iter().for_each(|part| queue.bytes.extend_from_slice(part));
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket of either kind.
pub enum Socket {
    /// One end of a socketpair.
    Unix(UnixStream),
    /// One end of a TCP connection on the loopback.
    Tcp(TcpStream),
}

impl Socket {
    /// A connected pair within the kernel.
    pub fn unix_pair() -> (Self, Self) {
        let (a, b) = UnixStream::pair().expect("a socketpair");
        (Socket::Unix(a), Socket::Unix(b))
    }

    /// A connected pair over the loopback, without Nagle's delay.
    pub fn tcp_pair() -> (Self, Self) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on the loopback");
        let client = TcpStream::connect(listener.local_addr().expect("its address")).expect("a connection");
        let (server, _) = listener.accept().expect("a connection");
        for socket in [&client, &server] {
            socket.set_nodelay(true).expect("an option of TCP");
        }
        (Socket::Tcp(client), Socket::Tcp(server))
    }

    /// Whether calls wait.
    pub fn set_nonblocking(&self, on: bool) {
        match self {
            Socket::Unix(socket) => socket.set_nonblocking(on),
            Socket::Tcp(socket) => socket.set_nonblocking(on),
        }
        .expect("a flag of an open socket");
    }

    /// Another handle of the same socket.
    pub fn again(&self) -> Self {
        match self {
            Socket::Unix(socket) => Socket::Unix(socket.try_clone().expect("a descriptor")),
            Socket::Tcp(socket) => Socket::Tcp(socket.try_clone().expect("a descriptor")),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.read(out),
            Socket::Tcp(socket) => socket.read(out),
        }
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.read_vectored(buffers),
            Socket::Tcp(socket) => socket.read_vectored(buffers),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.write(data),
            Socket::Tcp(socket) => socket.write(data),
        }
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Unix(socket) => socket.write_vectored(parts),
            Socket::Tcp(socket) => socket.write_vectored(parts),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Unix(socket) => socket.as_fd(),
            Socket::Tcp(socket) => socket.as_fd(),
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
