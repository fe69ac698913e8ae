//! Sends back what comes, until the peer says that it is done.

use std::io::{self, ErrorKind, Read, Write};

/// A full record.
const CHUNK: usize = 16 * 1024;

pub(super) fn serve(connection: &mut (impl Read + Write)) -> io::Result<()> {
    let mut space = vec![0; CHUNK];
    loop {
        let count = match connection.read(&mut space) {
            Ok(0) => return connection.flush(),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        connection.write_all(&space[..count])?;
    }
}
