//! One thing done by C: called again while it makes silent progress, then judged.

use std::io::{self, ErrorKind as IoKind};

use dlssl_core::ffi::constants::{
    ERR_LIB_SSL, ERR_LIB_SYS, SSL_ERROR_SSL, SSL_ERROR_SYSCALL, SSL_ERROR_WANT_CLIENT_HELLO_CB, SSL_ERROR_WANT_READ,
    SSL_ERROR_WANT_WRITE, SSL_ERROR_ZERO_RETURN, SSL_R_UNEXPECTED_EOF_WHILE_READING,
};
use dlssl_core::{ErrorStack, Flavour};

use super::alert;
use super::connection::{Connection, Transport};
use crate::bio::stream::{MOST_SILENT, is_pause};
use crate::bio::{Bio, Interest};
use crate::error::{Error, ErrorKind};
use crate::raw::Outcome;
use crate::raw::act::{Act, Kind};

/// What one call into C came to, short of an error.
pub(super) enum Verdict {
    /// It did this much.
    Done(usize),
    /// The peer said that it will send nothing more.
    Closed,
    /// Not now: the inner stream's own words, and what it waits for.
    Later(Interest, io::Error),
}

/// What a call into C came to, if it could be made.
type CallOutcome = io::Result<Result<usize, Outcome>>;

impl<S> Connection<S> {
    /// Does one thing, and judges what C said. The process was looked at.
    pub(super) fn attempt(&mut self, mut what: impl Act) -> Result<Verdict, Error> {
        self.waits_for = None;
        if let Transport::Ours(bio) = &mut self.transport {
            bio.begin_count();
        }
        match self.call(&mut what) {
            Ok(Ok(count)) if self.stash.is_silent() => Ok(Verdict::Done(count)),
            outcome => self.attempt_on(&mut what, outcome),
        }
    }

    /// Goes on with an attempt that C, or a callback, had something to say about.
    #[cold]
    pub(super) fn attempt_on(&mut self, what: &mut dyn Act, mut outcome: CallOutcome) -> Result<Verdict, Error> {
        let shuts_down = what.kind() == Kind::Shutdown;
        for _ in 0..MOST_SILENT {
            let outcome_now = outcome.map_err(|error| self.inner_failed(error))?;
            if let Some(verdict) = self.judge(shuts_down, outcome_now)? {
                return Ok(verdict);
            }
            outcome = self.call(what);
        }
        Err(self.flooded())
    }

    fn flooded(&mut self) -> Error {
        let message = format!("the peer has sent {MOST_SILENT} records in a row that hold no data");
        self.fail(ErrorKind::Protocol, &message, ErrorStack::default())
    }

    /// One call into C.
    fn call<A: Act + ?Sized>(&mut self, what: &mut A) -> CallOutcome {
        self.stash.io = None;
        match &mut self.transport {
            Transport::Ours(bio) => Ok(self.ssl.handle(Some(bio), &mut self.stash, what)),
            #[cfg(unix)]
            Transport::Library(library) => {
                // Taken back once C has returned.
                let _unblocked = library.leave_waiting_to_us()?;
                Ok(self.ssl.handle(None, &mut self.stash, what))
            }
        }
    }

    /// What an answer means; `None` where C has got on without coming to an end, so that it is to be called again.
    fn judge(&mut self, shuts_down: bool, outcome: Result<usize, Outcome>) -> Result<Option<Verdict>, Error> {
        if self.stash.renegotiation {
            return Err(self.fail(ErrorKind::Protocol, "the peer asked for a new handshake", ErrorStack::default()));
        }
        let Outcome { result, code, queue, was_empty, os } = match outcome {
            Ok(count) => {
                self.defer();
                return Ok(Some(Verdict::Done(count)));
            }
            // Shutdown's nought: our close_notify is made, the peer's has not come.
            Err(outcome) if outcome.result == 0 && shuts_down && self.ssl.has_sent_close() => {
                self.defer();
                return Ok(Some(Verdict::Done(0)));
            }
            Err(outcome) => outcome,
        };
        if matches!(&self.transport, Transport::Ours(bio) if bio.is_flooded()) {
            return Err(self.flooded());
        }
        match self.stash.io.take() {
            // C failed for a reason of its own, and then could not send the alert that says so.
            Some((Interest::Write, error)) if !queue.is_empty() => {
                self.stash.io = Some((Interest::Write, error));
                self.defer();
            }
            Some((interest, error)) if is_pause(&error) => return Ok(Some(Verdict::Later(interest, error))),
            Some((_, error)) => return Err(self.inner_failed(error)),
            None => {}
        }
        match code {
            SSL_ERROR_ZERO_RETURN => {
                self.peer_closed = true;
                Ok(Some(Verdict::Closed))
            }
            SSL_ERROR_WANT_CLIENT_HELLO_CB => {
                let pause = io::Error::new(IoKind::WouldBlock, "the program's function asked to wait");
                Ok(Some(Verdict::Later(Interest::Either, pause)))
            }
            SSL_ERROR_WANT_READ => self.wanted(Interest::Read),
            SSL_ERROR_WANT_WRITE => self.wanted(Interest::Write),
            code => Err(self.failure(Outcome { result, code, queue, was_empty, os })),
        }
    }

    /// C wants to go on, and our BIO has not said that the inner stream would not: it has dealt with a record without
    /// data.
    fn wanted(&mut self, direction: Interest) -> Result<Option<Verdict>, Error> {
        match &self.transport {
            #[cfg(unix)]
            Transport::Library(library) => Ok(match library.is_ready(direction) {
                true => None,
                false => Some(Verdict::Later(direction, IoKind::WouldBlock.into())),
            }),
            Transport::Ours(bio) if bio.is_at_end() => Err(self.cut()),
            Transport::Ours(_) => Ok(None),
        }
    }

    /// Makes an error of an answer that is neither progress nor a pause.
    fn failure(&mut self, outcome: Outcome) -> Error {
        let Outcome { result, code, queue, was_empty, os } = outcome;
        // OpenSSL 3 names the missing close_notify in its queue; older versions and LibreSSL leave the queue empty. In a
        // queue that others may have written to, neither says anything, and C that found the end has failed for that.
        let named = was_empty && queue.has(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
        // LibreSSL gives 0 for an end, and -1 without a word for some faults of the peer.
        let is_libressl = self.context().library().flavour() == Flavour::LibreSsl;
        let is_told = os.raw_os_error().unwrap_or(0) != 0;
        let unnamed = (queue.is_empty() || !was_empty)
            && match &self.transport {
                Transport::Ours(bio) => bio.is_at_end(),
                #[cfg(unix)]
                Transport::Library(_) => code == SSL_ERROR_SYSCALL && (result == 0 || !is_told && !is_libressl),
            };
        if named || unnamed {
            return self.cut();
        }
        if let Some(verify) = self.stash.take_refusal() {
            return self.fail(ErrorKind::Certificate, "the peer's certificate was refused", queue).with_verify(verify);
        }
        if self.stash.established && alert::lacks_certificate(&queue) {
            return self.fail(ErrorKind::Certificate, "the peer showed no certificate", queue);
        }
        let system = queue.entries().iter().find(|entry| entry.library_number() == ERR_LIB_SYS);
        match (code, system) {
            (SSL_ERROR_SYSCALL, Some(system)) if self.is_library_socket() => {
                let number = system.reason_number();
                self.inner_failed(io::Error::from_raw_os_error(number)).with_queue(queue)
            }
            (SSL_ERROR_SYSCALL, None) if queue.is_empty() && self.is_library_socket() && is_told && !is_pause(&os) => {
                self.inner_failed(os)
            }
            (SSL_ERROR_SSL | SSL_ERROR_SYSCALL, _) => self.fail(ErrorKind::Protocol, "TLS failed", queue),
            (code, _) => {
                self.fail(ErrorKind::Library, &format!("the library gave an unexpected answer ({code})"), queue)
            }
        }
    }

    pub(super) fn inner_failed(&self, error: io::Error) -> Error {
        self.error(ErrorKind::Io, "the inner stream failed").with_io(error)
    }

    /// The inner stream has ended and the peer has not said that it would.
    fn cut(&mut self) -> Error {
        self.cut_off = true;
        self.error(ErrorKind::UnexpectedEof, "the connection ended without close_notify; data may be missing")
    }

    /// The connection is of no use any more.
    fn fail(&mut self, kind: ErrorKind, message: &str, queue: ErrorStack) -> Error {
        let error = self.error(kind, message).with_queue(queue);
        self.trouble.fail(error.to_string());
        self.ssl.set_keep_session(false);
        error
    }
}
