//! Reading and writing plain bytes.

use std::io::{self, Read, Write};

use super::TlsStream;
use super::connection::Verdict;
use crate::bio::stream::is_pause;
use crate::error::{Error, ErrorKind};
use crate::raw::Handle;

impl<S> Read for TlsStream<S> {
    /// Gives decrypted bytes; 0 after the peer's `close_notify`. An end without it is `UnexpectedEof`, unless the
    /// context tolerates that.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let connection = &mut self.connection;
        if connection.is_cut_off() && connection.tolerates_cut_off() || connection.ssl().has_received_close() {
            return Ok(0);
        }
        connection.check_alive()?;
        connection.check_deadline()?;
        connection.send_some();
        loop {
            match connection.attempt(Handle::Read(out)) {
                Ok(Verdict::Done(count)) => return Ok(count),
                Ok(Verdict::Closed) => return Ok(0),
                Ok(Verdict::Later(interest, error)) => {
                    connection.wait(interest, error)?;
                    connection.send_some();
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && connection.tolerates_cut_off() => {
                    return Ok(0);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<S> Write for TlsStream<S> {
    /// Encrypts up to one record (16 KiB) of `data` and hands it to the inner stream.
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        self.check_open()?;
        let connection = &mut self.connection;
        connection.check_deadline()?;
        // What C believes to be sent comes first; while it waits, nothing more is taken.
        connection.send_waiting()?;
        loop {
            match connection.attempt(Handle::Write(data)) {
                Ok(Verdict::Done(count)) => {
                    return match connection.send_waiting() {
                        // The bytes are taken; the rest of their record waits for the next call.
                        Err(error) if is_pause(&error) => Ok(count),
                        outcome => outcome.map(|()| count),
                    };
                }
                Ok(Verdict::Closed) => return Err(self.closed().into()),
                Ok(Verdict::Later(interest, error)) => {
                    if let Some(taken) = connection.keep_for_library(data) {
                        return Ok(taken);
                    }
                    connection.wait(interest, error)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends what waits and flushes the inner stream.
    fn flush(&mut self) -> io::Result<()> {
        self.connection.send_waiting()?;
        self.connection.flush_inner()
    }
}

impl<S> TlsStream<S> {
    fn check_open(&self) -> Result<(), Error> {
        if self.connection.ssl().has_sent_close() {
            return Err(self.closed());
        }
        self.connection.check_alive()
    }

    fn closed(&self) -> Error {
        self.connection.error(ErrorKind::Closed, "this side of the connection is closed; nothing more can be sent")
    }
}
