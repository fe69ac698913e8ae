//! The handshake itself, and what its failures are called.

use std::io;

use super::attempt::Verdict;
use super::connection::{Connection, Step};
use super::handshake_error::{HandshakeError, MidHandshake};
use super::limits::{Operation, Turn};
use super::{TlsStream, alert};
use crate::bio::stream::is_pause;
use crate::error::{Error, ErrorKind};

/// Handshakes until it is done, fails, or the inner stream is not ready, and tells the log what came of it. `turn` is the
/// time of a handshake that has begun.
pub(super) fn handshake<S>(
    mut connection: Box<Connection<S>>,
    turn: Option<Turn>,
) -> Result<TlsStream<S>, HandshakeError<S>> {
    let mut turn = match connection.begin_handshake(turn) {
        Ok(turn) => turn,
        Err(error) => return Err(paused(connection, None, error)),
    };
    loop {
        let pause = match connection.handshake_step() {
            Ok(Step::Done(())) => {
                connection.release();
                let mut tls = TlsStream::new(*connection);
                log_success(&tls);
                tls.connection.forget_name();
                return Ok(tls);
            }
            Ok(Step::Pause(interest, error)) => connection.wait(&mut turn, interest, error),
            Err(Failure::InnerStream(error) | Failure::Suspended(error)) => Err(error),
            Err(Failure::Tls(error)) => return Err(failed(*connection, error)),
        };
        if let Err(error) = pause {
            return Err(paused(connection, Some(turn), error));
        }
    }
}

fn log_success<S>(tls: &TlsStream<S>) {
    if !log::log_enabled!(target: "dlssl::handshake", log::Level::Debug) {
        return;
    }
    let peer = match tls.connection.session_key() {
        Some(key) => key.name.to_string(),
        None => format!("a client for {}", tls.server_name().unwrap_or("no name")),
    };
    let how = if tls.session_reused() { ", resumed" } else { "" };
    let library = tls.library();
    log::debug!(
        target: "dlssl::handshake",
        "with {peer} done: {} {}{how} ({} {})", tls.protocol_name(), tls.cipher(), library.flavour(), library.version(),
    );
}

/// The end of a handshake that has failed. Nothing that led here is tried a second time.
#[cold]
fn failed<S>(connection: Connection<S>, error: Error) -> HandshakeError<S> {
    let key = connection.session_key();
    if let (Some(cache), Some(key)) = (&connection.context().hooks().sessions, key) {
        cache.forget(key);
    }
    let level = if error.verify().is_some() { log::Level::Warn } else { log::Level::Debug };
    match key {
        Some(key) => log::log!(target: "dlssl::handshake", level, "with {} failed: {error}", key.name),
        None => log::log!(target: "dlssl::handshake", level, "with a client failed: {error}"),
    }
    HandshakeError::failed(error, connection)
}

/// Why a step of a handshake failed.
enum Failure {
    InnerStream(io::Error),
    /// The program's function asked to be asked later; the inner stream has nothing to do with it.
    Suspended(io::Error),
    Tls(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Tls(error)
    }
}

impl<S> Connection<S> {
    /// A handshake's time runs from its beginning, through all its resumptions.
    fn begin_handshake(&mut self, turn: Option<Turn>) -> io::Result<Turn> {
        self.check_process()?;
        self.stash.suspended = false;
        self.begin(Operation::Handshake)?;
        let mut new = self.limits.begin(Operation::Handshake)?;
        if let Some(turn) = turn {
            new.goes_on_with(&turn);
            new.check()?;
        }
        // It runs from here, and not from the first wait: who polls a non-blocking socket never waits here.
        new.until();
        Ok(new)
    }

    fn handshake_step(&mut self) -> Result<Step<()>, Failure> {
        loop {
            // Some versions do not flush a flight and go on to read the answer: what waits goes first.
            if let Step::Pause(interest, error) = self.send_step().map_err(Failure::InnerStream)? {
                return Ok(Step::Pause(interest, error));
            }
            let outcome = self.attempt_handshake();
            if self.has_refused_alpn() {
                self.send_some();
                let words = "the handshake failed: no application protocol (ALPN) in common with the peer";
                return Err(self.error(ErrorKind::Handshake, words).into());
            }
            if let Some(error) = self.take_failure() {
                self.send_some();
                return Err(error.into());
            }
            match outcome {
                // Suites without authentication do not come by default, but a program's own list may hold some.
                Ok(Verdict::Done(_)) if self.lacks_certificate() => {
                    return Err(self.error(ErrorKind::Certificate, "the peer showed no certificate").into());
                }
                Ok(Verdict::Done(_)) if self.lacks_pin() => {
                    let words = "the peer's certificate fits none of the pins";
                    return Err(self.error(ErrorKind::Certificate, words).into());
                }
                Ok(Verdict::Done(_)) => {
                    self.check_resumed()?;
                    self.set_established();
                    // The last flight may still wait to be sent; the first write or read goes on with it.
                    return self.send_step().map(|_| Step::Done(())).map_err(Failure::InnerStream);
                }
                Ok(Verdict::Later(_, pause)) if self.stash.suspended => return Err(Failure::Suspended(pause)),
                Ok(Verdict::Later(..)) if self.unsent() > 0 => {}
                Ok(Verdict::Later(interest, pause)) => return Ok(Step::Pause(interest, pause)),
                Ok(Verdict::Closed) => {
                    let words = "the peer closed the connection in the handshake";
                    return Err(self.error(ErrorKind::Handshake, words).into());
                }
                Err(error) => {
                    // The alert that says why is for the peer; that it arrives cannot be made sure of. An inner stream
                    // that has failed is left alone.
                    if error.kind() != ErrorKind::Io {
                        self.send_some();
                    }
                    return Err(in_handshake(error).into());
                }
            }
        }
    }
}

/// A pause that the caller can go on from, or the end.
fn paused<S>(connection: Box<Connection<S>>, turn: Option<Turn>, error: io::Error) -> HandshakeError<S> {
    if is_pause(&error) {
        // A time that is over is no time to go on with.
        let turn = turn.filter(|turn| turn.check().is_ok());
        HandshakeError::Blocked(MidHandshake::new(connection, turn, error))
    } else {
        let error = connection.error(ErrorKind::Io, "the inner stream failed").with_io(error);
        failed(*connection, error)
    }
}

/// A breach of the protocol during the handshake is a failed handshake.
fn in_handshake(error: Error) -> Error {
    if error.kind() == ErrorKind::Protocol {
        let words = alert::words(error.queue())
            .map_or_else(|| "the handshake failed".to_owned(), |words| format!("the handshake failed: {words}"));
        let kind = if alert::lacks_certificate(error.queue()) { ErrorKind::Certificate } else { ErrorKind::Handshake };
        error.rephrased(kind, words)
    } else if error.kind() == ErrorKind::UnexpectedEof {
        let words =
            "the peer closed the connection in the handshake and did not say why; perhaps it does not speak TLS";
        error.rephrased(ErrorKind::UnexpectedEof, words)
    } else {
        error
    }
}
