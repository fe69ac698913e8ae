//! One connection: its C object, its side of the BIO, and the steps and waits of which operations are made.

use std::io::{self, ErrorKind as IoKind};
use std::sync::Arc;
use std::time::Instant;

use dlssl_core::{Inherited, Library};

use super::attempt::Verdict;
use super::early::Early;
#[cfg(unix)]
use super::library_socket::LibrarySocket;
use super::limits::{Limits, Operation, Turn};
use super::pace::Pace;
use super::trouble::Trouble;
use crate::bio::stream::{Receiving, StreamBio, is_pause};
use crate::bio::{Bio, Interest};
use crate::context::{Context, SessionKey};
use crate::error::{Error, ErrorKind};
use crate::raw::stash::Stash;
use crate::raw::{Ssl, SslContext, act};
use crate::x509::Certificate;

/// How the connection reaches the world.
pub(super) enum Transport<S> {
    /// Our BIO, over any stream or over a socket by descriptor.
    Ours(StreamBio<S>),
    /// The library's own socket BIO.
    #[cfg(unix)]
    Library(LibrarySocket<S>),
}

pub(super) struct Connection<S> {
    /// Freed before the transport, so that the inner stream is dropped last.
    pub(super) ssl: Ssl,
    pub(super) transport: Transport<S>,
    pub(super) stash: Stash,
    pub(super) limits: Limits,
    pub(super) pace: Pace,
    /// Most bytes of plain text in one record of ours.
    record_size: u16,
    pub(super) waits_for: Option<Interest>,
    /// The inner stream has said "not now" to a read: it may again.
    pub(super) pauses: bool,
    /// The inner stream ended without `close_notify`.
    pub(super) cut_off: bool,
    /// The peer has sent `close_notify`, and C has said so.
    pub(super) peer_closed: bool,
    pub(super) closing: Closing,
    pub(super) trouble: Trouble,
    pub(super) early: Option<Box<Early>>,
}

/// How far our `close_notify` is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// Not made: there may be more to write.
    Not,
    /// Made, and not known to be with the inner stream.
    Made,
    /// With the inner stream, or of no use to anybody.
    Sent,
}

/// What one step of an operation came to, short of an error. A step does not wait by itself.
pub(super) enum Step<T> {
    Done(T),
    /// Not now: what it waits for, and the inner stream's own words.
    Pause(Interest, io::Error),
}

impl<S> Connection<S> {
    pub(super) fn new(ssl: Ssl, transport: Transport<S>, limits: Limits, record_size: usize) -> Self {
        let mut stash = Stash::default();
        #[cfg(unix)]
        if let Transport::Library(library) = &transport
            && ssl.context().hooks().refuse_renegotiation
        {
            stash.set_cut(library.descriptor());
        }
        Self {
            stash,
            ssl,
            transport,
            limits,
            pace: Pace::default(),
            // At most 16 KiB.
            record_size: record_size as u16,
            waits_for: None,
            pauses: false,
            cut_off: false,
            peer_closed: false,
            closing: Closing::Not,
            trouble: Trouble::default(),
            early: None,
        }
    }

    /// Says whom a client asks for, and which certificate a server shows beside its context's own.
    pub(super) fn set_up(&mut self, key: Option<SessionKey>, replaced: Option<Arc<SslContext>>, early: Option<Early>) {
        self.early = early.map(Box::new);
        self.stash.expects_dns = key.as_ref().is_some_and(SessionKey::expects_dns);
        self.stash.session_key = key.map(Box::new);
        if let Some(context) = replaced {
            self.stash.replace_context(context);
        }
    }

    pub(super) fn session_key(&self) -> Option<&SessionKey> {
        self.stash.session_key.as_deref()
    }

    /// Whom a client asked for is of no use any more where no sessions are kept.
    pub(super) fn forget_name(&mut self) {
        if self.context().hooks().sessions.is_none() {
            self.stash.session_key = None;
        }
    }

    /// Error of a callback that ended the handshake.
    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.stash.take_failure()
    }

    pub(super) fn ssl(&self) -> &Ssl {
        &self.ssl
    }

    pub(super) fn context(&self) -> &Context {
        self.ssl.context()
    }

    pub(super) fn inner(&self) -> &S {
        match &self.transport {
            Transport::Ours(bio) => bio.stream(),
            #[cfg(unix)]
            Transport::Library(library) => &library.socket,
        }
    }

    pub(super) fn inner_mut(&mut self) -> &mut S {
        match &mut self.transport {
            Transport::Ours(bio) => bio.stream_mut(),
            #[cfg(unix)]
            Transport::Library(library) => &mut library.socket,
        }
    }

    /// Gives the inner stream back, with what was received and not asked for.
    pub(super) fn into_parts(self) -> (S, Vec<u8>) {
        match self.transport {
            Transport::Ours(bio) => bio.into_parts(),
            #[cfg(unix)]
            Transport::Library(library) => (library.socket, Vec::new()),
        }
    }

    pub(super) fn set_deadline(&mut self, at: Option<Instant>) {
        self.limits.set_deadline(at);
    }

    pub(super) fn waits_for(&self) -> Option<Interest> {
        self.waits_for
    }

    pub(super) fn unsent(&self) -> usize {
        match &self.transport {
            Transport::Ours(bio) => bio.unsent(),
            #[cfg(unix)]
            Transport::Library(library) => library.again.len(),
        }
    }

    pub(super) fn has_pending(&self) -> bool {
        let ahead = match &self.transport {
            Transport::Ours(bio) => bio.received(),
            #[cfg(unix)]
            Transport::Library(_) => 0,
        };
        ahead > 0 || self.ssl.has_pending()
    }

    /// Whether a missing `close_notify` counts as an orderly end. A record that is cut short never does.
    pub(super) fn tolerates_cut_off(&self) -> bool {
        let inside = match &self.transport {
            Transport::Ours(bio) => bio.is_inside_record(),
            #[cfg(unix)]
            Transport::Library(_) => false,
        };
        self.context().tolerates_missing_close_notify() && !inside
    }

    /// Whether the context demands a certificate and the peer showed none.
    pub(super) fn lacks_certificate(&self) -> bool {
        // A chain that was verified begins with it.
        self.context().requires_certificate() && self.stash.chain.is_none() && self.ssl.peer_certificate().is_none()
    }

    /// Whether the peer's certificate, which nobody verifies, fits none of the pins.
    pub(super) fn lacks_pin(&self) -> bool {
        let policy = self.context().verify_policy();
        policy.ignored && !policy.pins.is_empty() && {
            let own = self.ssl.peer_certificate().and_then(Certificate::new);
            !policy.is_pinned(own.as_slice())
        }
    }

    /// Whether the handshake waits for the program alone.
    pub(super) fn is_suspended(&self) -> bool {
        self.stash.suspended
    }

    /// The verified chain; empty where there is none.
    pub(super) fn verified_chain(&self) -> &[Certificate] {
        self.stash.chain.certificates(&self.ssl)
    }

    /// The handshake is done.
    pub(super) fn set_established(&mut self) {
        self.stash.established = true;
        self.ssl.set_keep_session(true);
        // A chain that was refused before another was accepted is no news any more.
        self.stash.take_refusal();
        if let Transport::Ours(bio) = &mut self.transport {
            bio.set_established();
        }
    }

    /// Whether the server shared no application protocol with the client.
    pub(super) fn has_refused_alpn(&self) -> bool {
        self.stash.alpn_refused
    }

    /// Refuses to go on with a connection that belongs to another process: it sends nothing from here.
    #[inline]
    pub(super) fn check_process(&self) -> Result<(), Error> {
        let library = self.context().library();
        library.check_process().map_err(|error| inherited(error, library))
    }

    /// Refuses to go on with a connection that has failed, or that was inherited.
    #[inline]
    pub(super) fn check_alive(&self) -> Result<(), Error> {
        self.check_process()?;
        self.check_sound()
    }

    /// The same where the process was looked at.
    #[inline]
    pub(super) fn check_sound(&self) -> Result<(), Error> {
        if self.trouble.is_none() { Ok(()) } else { self.check_failed() }
    }

    #[cold]
    fn check_failed(&self) -> Result<(), Error> {
        match self.trouble.failed() {
            None => Ok(()),
            Some(reason) => Err(self.error(ErrorKind::Protocol, format!("the connection has failed: {reason}"))),
        }
    }

    pub(super) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, message).of(self.context().library())
    }

    /// Keeps an error that the call at hand cannot give; the first one stays.
    pub(super) fn defer(&mut self) {
        if let Some((_, error)) = self.stash.io.take().filter(|(_, error)| !is_pause(error)) {
            self.trouble.defer(error);
        }
    }

    /// Whether a step that sends what waits would find nothing to do and nothing to say.
    #[inline]
    fn has_no_rest(&self) -> bool {
        let none = match &self.transport {
            Transport::Ours(bio) => bio.has_no_rest(),
            #[cfg(unix)]
            Transport::Library(library) => library.again.is_empty(),
        };
        none && self.trouble.is_none()
    }

    /// Sends what waits.
    #[inline]
    pub(super) fn send_step(&mut self) -> io::Result<Step<()>> {
        if self.has_no_rest() { Ok(Step::Done(())) } else { self.send_rest() }
    }

    #[cold]
    fn send_rest(&mut self) -> io::Result<Step<()>> {
        self.check_process()?;
        self.trouble.take_deferred()?;
        if let Step::Pause(interest, error) = self.write_again()? {
            return Ok(Step::Pause(interest, error));
        }
        match &mut self.transport {
            Transport::Ours(bio) => match bio.send_waiting() {
                Err(error) if is_pause(&error) => Ok(Step::Pause(Interest::Write, error)),
                outcome => outcome.map(Step::Done),
            },
            #[cfg(unix)]
            Transport::Library(_) => Ok(Step::Done(())),
        }
    }

    /// Sends what waits as far as it goes, without waiting. That it fails for good is for the next call to say that
    /// has to send: what the peer has sent can still be read.
    #[inline]
    pub(super) fn send_some(&mut self) {
        if !self.has_no_rest()
            && let Err(error) = self.try_send_some()
        {
            self.trouble.defer(error);
        }
    }

    #[cold]
    fn try_send_some(&mut self) -> io::Result<()> {
        self.check_process()?;
        self.write_again()?;
        match &mut self.transport {
            Transport::Ours(bio) if bio.unsent() > 0 => match bio.send_waiting() {
                Err(error) if is_pause(&error) => Ok(()),
                outcome => outcome,
            },
            _ => Ok(()),
        }
    }

    /// Keeps what the library's own BIO did not get rid of, and says how much that is: C holds a record of it, and
    /// would send that for whatever bytes come next.
    #[cfg_attr(not(unix), allow(unused_variables))]
    pub(super) fn keep_for_library(&mut self, data: &[u8]) -> Option<usize> {
        match &mut self.transport {
            Transport::Ours(_) => None,
            #[cfg(unix)]
            Transport::Library(library) => {
                library.again = data.to_vec();
                Some(library.again.len())
            }
        }
    }

    /// Gives C the bytes again that it has a record of.
    fn write_again(&mut self) -> io::Result<Step<()>> {
        #[cfg(unix)]
        while let Transport::Library(library) = &mut self.transport {
            if library.again.is_empty() {
                break;
            }
            let mut again = std::mem::take(&mut library.again);
            let outcome = self.attempt(act::Write(&again));
            let done = match &outcome {
                Ok(Verdict::Done(count)) => *count,
                // A connection that has failed sends nothing any more.
                Err(_) => again.len(),
                Ok(_) => 0,
            };
            again.drain(..done.min(again.len()));
            if let Transport::Library(library) = &mut self.transport {
                library.again = again;
            }
            match outcome? {
                Verdict::Done(_) => {}
                Verdict::Later(_, error) => return Ok(Step::Pause(Interest::Write, error)),
                Verdict::Closed => break,
            }
        }
        Ok(Step::Done(()))
    }

    #[inline]
    pub(super) fn record_size(&self) -> usize {
        usize::from(self.record_size)
    }

    /// Whether it works on a descriptor that is never waited for in a call.
    pub(super) fn is_by_descriptor(&self) -> bool {
        match &self.transport {
            Transport::Ours(bio) => bio.wait().is_some(),
            #[cfg(unix)]
            Transport::Library(_) => true,
        }
    }

    /// Whether our BIO may ask the inner stream for bytes, or has only those that it holds.
    #[inline]
    pub(super) fn set_receiving(&mut self, receiving: Receiving) {
        match &mut self.transport {
            Transport::Ours(bio) => bio.set_receiving(receiving),
            #[cfg(unix)]
            Transport::Library(_) => {}
        }
    }

    /// Takes over what the halves of an inner stream had left when they came together.
    pub(super) fn take_back(&mut self, received: Vec<u8>, unsent: Vec<u8>, broken: Option<String>) {
        match &mut self.transport {
            Transport::Ours(bio) => bio.take_back(received, unsent, broken),
            #[cfg(unix)]
            Transport::Library(_) => {}
        }
    }

    /// The part of `data` that one record takes.
    #[inline]
    pub(super) fn one_record<'d>(&self, data: &'d [u8]) -> &'d [u8] {
        &data[..data.len().min(self.record_size())]
    }

    /// Whether C answers for the socket itself.
    pub(super) fn is_library_socket(&self) -> bool {
        !matches!(self.transport, Transport::Ours(_))
    }

    /// Flushes the inner stream.
    pub(super) fn flush_inner(&mut self) -> io::Result<()> {
        match &mut self.transport {
            Transport::Ours(bio) => bio.flush(),
            #[cfg(unix)]
            Transport::Library(_) => Ok(()),
        }
    }

    /// Repeats a step until it is done, waiting in between where the transport leaves that to us.
    pub(super) fn drive<T>(
        &mut self,
        operation: Operation,
        mut step: impl FnMut(&mut Self) -> io::Result<Step<T>>,
    ) -> io::Result<T> {
        self.begin(operation)?;
        let first = step(self)?;
        self.drive_from(operation, first, step)
    }

    /// The same with the first step done.
    pub(super) fn drive_from<T>(
        &mut self,
        operation: Operation,
        first: Step<T>,
        step: impl FnMut(&mut Self) -> io::Result<Step<T>>,
    ) -> io::Result<T> {
        match first {
            Step::Done(done) => {
                if self.pace.is_calm() {
                    self.release();
                }
                Ok(done)
            }
            Step::Pause(interest, error) => self.drive_on(operation, (interest, error), step),
        }
    }

    /// Gives buffers that hold nothing back to the heap, until they are needed again; whether all did.
    #[cold]
    pub(super) fn release(&mut self) -> bool {
        let Transport::Ours(bio) = &mut self.transport else { return false };
        let idle =
            self.stash.established && self.trouble.failed().is_none() && !bio.is_inside_record() && bio.has_no_rest();
        let ours = bio.release();
        self.ssl.free_buffers(idle) && ours
    }

    /// The same, where a pause begins and the connection does little.
    pub(super) fn release_at_pause(&mut self) {
        if self.stash.established && self.pace.is_calm_at_pause() {
            self.release();
        }
    }

    /// Goes on with an operation that has to wait.
    #[cold]
    fn drive_on<T>(
        &mut self,
        operation: Operation,
        (mut interest, mut error): (Interest, io::Error),
        mut step: impl FnMut(&mut Self) -> io::Result<Step<T>>,
    ) -> io::Result<T> {
        let mut turn = self.limits.begin(operation)?;
        loop {
            self.wait(&mut turn, interest, error)?;
            match step(self)? {
                Step::Done(done) => return Ok(done),
                Step::Pause(next_interest, next_error) => (interest, error) = (next_interest, next_error),
            }
        }
    }

    /// Begins an operation. The process was looked at.
    #[inline]
    pub(super) fn begin(&mut self, operation: Operation) -> io::Result<()> {
        // What has a bound is waited for outside of the call, by us.
        let bounded = self.limits.are_for(operation);
        if bounded {
            self.limits.check()?;
        }
        // A wait in the call holds C's buffers, which only matters where it may be long.
        let waits = !bounded && (self.pace.is_busy() || !self.stash.established);
        self.set_receiving(if waits { Receiving::Waiting } else { Receiving::Arrived });
        self.set_waiting(if bounded { Waiting::Ours } else { Waiting::Calls });
        Ok(())
    }

    /// Tells the library's own socket BIO who waits. When that is we, C comes back after each record that holds no data,
    /// as it does over ours: else such records could keep it beyond any bound.
    #[inline]
    #[cfg_attr(not(unix), allow(unused_variables))]
    pub(super) fn set_waiting(&mut self, waiting: Waiting) {
        match &mut self.transport {
            Transport::Ours(_) => {}
            #[cfg(unix)]
            Transport::Library(library) => {
                library.is_ours_to_wait = waiting == Waiting::Ours;
                self.ssl.set_auto_retry(waiting == Waiting::Calls);
            }
        }
    }

    /// What a pause waits for: with bytes to be sent, also for those.
    pub(super) fn interest(&self, interest: Interest) -> Interest {
        if interest == Interest::Read && self.unsent() > 0 { Interest::Either } else { interest }
    }

    /// After a pause: waits where the transport leaves waiting to us, and says to try again; else gives the inner
    /// stream's own words.
    pub(super) fn wait(&mut self, turn: &mut Turn, interest: Interest, error: io::Error) -> io::Result<()> {
        let interest = self.interest(interest);
        self.waits_for = Some(interest);
        self.release_at_pause();
        if error.kind() != IoKind::WouldBlock {
            return Err(error);
        }
        match &self.transport {
            Transport::Ours(bio) => match bio.wait() {
                Some(wait) => wait(bio.stream(), interest, turn.until())?,
                None => return Err(error),
            },
            #[cfg(unix)]
            Transport::Library(library) => match library.waits_by_call() {
                true => library.wait(interest, turn.until())?,
                false => return Err(error),
            },
        }
        self.waits_for = None;
        Ok(())
    }
}

#[cold]
fn inherited(error: Inherited, library: &Library) -> Error {
    Error::from(error).of(library)
}

/// Who waits for the library's own socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// The calls of C, for as long as it takes.
    Calls,
    /// We, with a bound.
    Ours,
}
