//! A server in the classic way: it loads, binds, and forks its workers before there is any thread. Each worker vouches for
//! the fork, so that it goes on with what its parent made, and takes connections from the shared listener: it sends back
//! what it gets.
//!
//! `prefork CHAIN.pem KEY.pem [WORKERS]`: prints its address, and ends with its standard input.

#[cfg(not(unix))]
fn main() {
    eprintln!("there is no fork here");
}

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(chain), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err("usage: prefork CHAIN.pem KEY.pem [WORKERS]".into());
    };
    let count = arguments.next().and_then(|count| count.to_str()?.parse().ok()).unwrap_or(4);

    // Once for all workers: the library, the certificates, the listener.
    let acceptor = dlssl::Acceptor::new(dlssl::Identity::pem_files(chain, key))?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;

    let mut workers = Vec::new();
    for _ in 0..count {
        workers.push(server::fork(|| server::work(&acceptor, &listener))?);
    }
    println!("{}, {} workers, on {}", acceptor.library().version_text(), workers.len(), listener.local_addr()?);
    // Until whoever started us closes it.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    workers.into_iter().try_for_each(server::end)?;
    println!("ended");
    Ok(())
}

#[cfg(unix)]
mod server {
    use std::io::{self, Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use dlssl::Acceptor;

    /// Runs `work` in a child.
    pub(super) fn fork(work: impl FnOnce() -> Result<(), dlssl::LoadFailure>) -> io::Result<libc::pid_t> {
        // SAFETY: this process has one thread, so the child can do what it could.
        let child = unsafe { libc::fork() };
        match child {
            0 => {
                let outcome = work();
                if let Err(failure) = &outcome {
                    eprintln!("{failure}");
                }
                // SAFETY: ends the child, without what the parent has to do at its end.
                unsafe { libc::_exit(i32::from(outcome.is_err())) }
            }
            -1 => Err(io::Error::last_os_error()),
            child => Ok(child),
        }
    }

    /// One worker: it ends by a signal of the parent's.
    pub(super) fn work(acceptor: &Acceptor, listener: &TcpListener) -> Result<(), dlssl::LoadFailure> {
        // From here on random bytes, session caches and ticket keys are this worker's own. Without it, `acceptor` would be
        // an error here: a process that had threads before it forked must load anew (`Acceptor::following`).
        // SAFETY: the parent has no other thread.
        unsafe { dlssl::vouch_for_fork()? };
        // Now there may be threads.
        std::thread::scope(|threads| {
            for socket in listener.incoming() {
                threads.spawn(|| {
                    if let Err(error) = socket.and_then(|socket| echo(acceptor, socket)) {
                        eprintln!("worker {}: {error}", std::process::id());
                    }
                });
            }
        });
        Ok(())
    }

    fn echo(acceptor: &Acceptor, socket: TcpStream) -> io::Result<()> {
        let mut stream = acceptor.accept(socket)?;
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match stream.read(&mut buffer)? {
                0 => break,
                count => stream.write_all(&buffer[..count])?,
            }
        }
        stream.shutdown().map(drop)
    }

    /// Ends a worker, and waits for its end.
    pub(super) fn end(worker: libc::pid_t) -> io::Result<()> {
        let mut status = 0;
        // SAFETY: our own child, not waited for yet, and a place for its status.
        let waited = unsafe {
            libc::kill(worker, libc::SIGTERM);
            libc::waitpid(worker, &raw mut status, 0)
        };
        match waited {
            -1 => Err(io::Error::last_os_error()),
            _ if libc::WIFSIGNALED(status) => Ok(()),
            _ => Err(io::Error::other(format!("worker {worker} had ended before ({status})"))),
        }
    }
}
