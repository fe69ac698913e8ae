//! Writes to a peer that is gone, with SIGPIPE at its deadly default; prints the error's kind.

use std::io::Write;
use std::time::{Duration, Instant};

use dlssl_tests::talk::{Bio, tls_pair};

pub(crate) fn main(bio: &str) {
    // SAFETY: the default action is no handler; nothing else in this process sets one.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    let bio = match bio {
        "stream" => Bio::Stream,
        "descriptor" => Bio::Descriptor,
        other => panic!("no such BIO: {other}"),
    };
    let (mut client, server) = tls_pair(bio);
    drop(server);
    let end = Instant::now() + Duration::from_secs(10);
    // The first write after the close may still succeed: the peer's reset takes its time.
    while Instant::now() < end {
        if let Err(error) = client.write_all(&[7; 4096]).and_then(|()| client.flush()) {
            println!("survived: {:?}: {error}", error.kind());
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("a closed peer takes everything");
}
