//! The places for connections: a bound on how many there are, and a way to end them all.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A fixed number of places; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    free: usize,
    closed: bool,
    next: u64,
    /// A second handle to each socket in use.
    sockets: HashMap<u64, TcpStream>,
}

impl Places {
    pub(super) fn new(count: usize) -> Self {
        let state = State { free: count, closed: false, next: 0, sockets: HashMap::new() };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }))
    }

    /// Waits for a free place; `None` once closed.
    pub(super) fn wait(&self) -> Option<FreePlace> {
        let mut state = self.0.lock();
        while state.free == 0 && !state.closed {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return None;
        }
        state.free -= 1;
        Some(FreePlace(self.clone()))
    }

    /// Whether the server is ending, and errors of connections are its own doing.
    pub(super) fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// Gives out no more places, cuts the connections that are open, and waits for them to notice.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.0.lock();
        state.closed = true;
        for socket in state.sockets.values() {
            // A thread that reads or writes there now gets an end of file or an error.
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.0.changed.notify_all();
        // The result says whether time ran out, and then it is enough anyway.
        let _ = self.0.changed.wait_timeout_while(state, patience, |state| !state.sockets.is_empty());
    }
}

impl Shared {
    /// A panic while the lock was held leaves a state that is still right: each change is one step.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is kept for the next connection; dropping it frees it.
#[derive(Debug)]
pub(super) struct FreePlace(Places);

impl FreePlace {
    /// Puts a connection into the place.
    pub(super) fn take(self, socket: &TcpStream) -> io::Result<TakenPlace> {
        let other = socket.try_clone()?;
        let mut state = self.0.0.lock();
        if state.closed {
            return Err(io::Error::other("the server is ending"));
        }
        let number = state.next;
        state.next += 1;
        state.sockets.insert(number, other);
        drop(state);
        Ok(TakenPlace { number, place: self })
    }
}

impl Drop for FreePlace {
    fn drop(&mut self) {
        self.0.0.lock().free += 1;
        self.0.0.changed.notify_all();
    }
}

/// A place with a connection in it; dropping it frees it.
#[derive(Debug)]
pub(super) struct TakenPlace {
    number: u64,
    place: FreePlace,
}

impl Drop for TakenPlace {
    fn drop(&mut self) {
        self.place.0.0.lock().sockets.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;
    use std::thread;
    use std::time::Instant;

    use super::*;

    fn sockets() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (one, listener.accept().unwrap().0)
    }

    #[test]
    fn a_full_house_waits_for_someone_to_leave() {
        let places = Places::new(1);
        let first = places.wait().unwrap();
        let waiting = thread::spawn({
            let places = places.clone();
            move || places.wait().is_some()
        });
        thread::sleep(Duration::from_millis(20));
        assert!(!waiting.is_finished());
        drop(first);
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn closing_ends_reads_and_waits_for_the_threads() {
        let places = Places::new(2);
        let (_one, mut two) = sockets();
        let taken = places.wait().unwrap().take(&two).unwrap();
        let reader = thread::spawn(move || {
            let count = two.read(&mut [0]).unwrap();
            drop(taken);
            count
        });
        let start = Instant::now();
        places.close(Duration::from_secs(30));
        assert!(start.elapsed() < Duration::from_secs(10));
        assert_eq!(reader.join().unwrap(), 0);
        assert!(places.wait().is_none());
    }

    #[test]
    fn closing_does_not_wait_for_ever() {
        let places = Places::new(1);
        let (_one, two) = sockets();
        let _taken = places.wait().unwrap().take(&two).unwrap();
        places.close(Duration::from_millis(10));
    }

    #[test]
    fn a_socket_that_comes_too_late_is_refused() {
        let places = Places::new(1);
        let free = places.wait().unwrap();
        places.close(Duration::from_millis(1));
        let (_one, two) = sockets();
        assert!(free.take(&two).is_err());
    }
}
