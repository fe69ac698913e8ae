//! Forks at any moment from a process with eight busy threads; each child connects and draws.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dlssl::{Acceptor, Connector, Slot};
use dlssl_tests::forked::{Child, Said, Way, spawn};
use dlssl_tests::library::loader;
use dlssl_tests::talk::pattern;

use super::talk::{BLOCK, PATIENCE, acceptor, connector, draw, echo, ping};

/// Children at a time: they compete with the parent's threads for the processor.
const AT_ONCE: usize = 3;

/// Stops the threads when it is dropped, by a panic too.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) fn run(count: usize) {
    let (connector, acceptor) = (connector(), acceptor());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let address = listener.local_addr().expect("its address");
    let blocks = Mutex::new(Vec::new());
    let stop = AtomicBool::new(false);
    let busy = |work: &dyn Fn() -> Said| {
        while !stop.load(Ordering::Relaxed) {
            let block = work().expect("a busy thread of the parent");
            blocks.lock().expect("blocks").push(block);
        }
    };
    std::thread::scope(|scope| {
        let busy = &busy;
        let (connector, acceptor) = (&connector, &acceptor);
        for _ in 0..2 {
            scope.spawn(move || busy(&|| echo(connector, acceptor).map(|()| Vec::new())));
            scope.spawn(move || busy(&|| draw(&dlssl::current().map_err(|e| e.to_string())?)));
            scope.spawn(move || busy(&|| dlssl::reload().map(|_| Vec::new()).map_err(|e| e.to_string())));
        }
        scope.spawn(move || busy(&|| draw(&Slot::new(loader()).current().map_err(|e| e.to_string())?)));
        let serving = &stop;
        scope.spawn(move || serve(&listener, acceptor, serving));
        let stopping = Stop(&stop);

        let mut draws: Vec<Vec<u8>> = Vec::new();
        let mut running: Vec<Child> = Vec::new();
        let mut failures = Vec::new();
        let moments = pattern(count, u64::from(std::process::id()));
        for (number, moment) in moments.into_iter().enumerate() {
            std::thread::sleep(Duration::from_micros(u64::from(moment) * 20));
            running.push(spawn(Way::Fork, || child(number, connector, acceptor, address)));
            if running.len() >= AT_ONCE {
                collect(running.remove(0), number, &mut draws, &mut failures);
            }
            if failures.len() > 2 {
                break;
            }
        }
        running.into_iter().for_each(|child| collect(child, count, &mut draws, &mut failures));
        drop(stopping);
        // The last look at the flag comes with a connection.
        let _ = TcpStream::connect(address);
        assert!(failures.is_empty(), "{} of {count} children:\n{}", failures.len(), failures.join("\n"));
        assert_eq!(draws.len(), count * 2);
        blocks.lock().expect("blocks").append(&mut draws);
    });
    let mut blocks = blocks.into_inner().expect("blocks");
    blocks.retain(|block| !block.is_empty());
    assert!(blocks.len() > count * 2, "the parent drew too");
    let different: HashSet<&Vec<u8>> = blocks.iter().collect();
    assert_eq!(different.len(), blocks.len(), "two draws are equal");
}

fn collect(child: Child, number: usize, draws: &mut Vec<Vec<u8>>, failures: &mut Vec<String>) {
    match child.finish() {
        Ok(said) => draws.extend(said.chunks(BLOCK).map(<[u8]>::to_vec)),
        Err(what) => failures.push(format!("about number {number}: {what}")),
    }
}

/// Connects to a server in the child itself, or to the parent's, with what the parent made and with its own.
fn child(number: usize, connector: &Connector, acceptor: &Acceptor, address: SocketAddr) -> Said {
    let own = || Connector::new().map_err(|e| format!("a new connector: {e}"));
    match number % 4 {
        0 => echo(connector, acceptor)?,
        1 => echo(&own()?, acceptor)?,
        2 => ping(connector, dial(address)?)?,
        _ => ping(&own()?, dial(address)?)?,
    }
    let library = dlssl::current().map_err(|e| e.to_string())?;
    if !library.is_private_copy() {
        return Err(format!("an inherited mapping: {}", library.explain()));
    }
    Ok([draw(&library)?, draw(&own()?.library())?].concat())
}

fn dial(address: SocketAddr) -> Result<TcpStream, String> {
    let socket = TcpStream::connect(address).map_err(|e| e.to_string())?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(|e| e.to_string())?;
    Ok(socket)
}

/// The parent's server, one connection after another; a child that dies is no reason for it to stop.
fn serve(listener: &TcpListener, acceptor: &Acceptor, stop: &AtomicBool) {
    for socket in listener.incoming() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(socket) = socket else { continue };
        let _ = socket.set_read_timeout(Some(PATIENCE));
        let Ok(mut stream) = acceptor.accept(socket) else { continue };
        let mut buffer = [0; 64];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = stream.shutdown();
    }
}
