//! One connection: its C object, its side of the BIO, and what C's answers mean.

use std::io::{self, ErrorKind as IoKind};
use std::sync::Arc;
use std::time::Instant;

use dlssl_core::ErrorStack;
use dlssl_core::ffi::constants::{
    ERR_LIB_SSL, SSL_ERROR_SSL, SSL_ERROR_SYSCALL, SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE, SSL_ERROR_ZERO_RETURN,
    SSL_R_UNEXPECTED_EOF_WHILE_READING,
};

use super::early::Early;
use crate::bio::stream::{StreamBio, is_pause};
use crate::bio::{Bio, Interest};
use crate::callback::Verify;
use crate::context::{Context, SessionKey};
use crate::error::{Error, ErrorKind};
use crate::hostname::ServerName;
use crate::raw::call::Stash;
use crate::raw::{Handle, MOST_IN_RECORD, Ssl, SslContext, verify_error_text};
use crate::x509::{Certificate, weak};

/// How the connection reaches the world.
pub(super) enum Transport<S> {
    /// Our BIO, over any stream or over a socket by descriptor.
    Ours(StreamBio<S>),
    /// The library's own socket BIO.
    Library(LibrarySocket<S>),
}

/// A socket that the library reads from and writes to by itself.
pub(super) struct LibrarySocket<S> {
    pub(super) socket: S,
    /// The descriptor that C uses: our own, so that it stays what it is when the program replaces `socket`.
    #[cfg(unix)]
    pub(super) descriptor: std::os::fd::OwnedFd,
    /// Taken from the program, refused by the socket: C holds a record of it and wants the same bytes again.
    pub(super) again: Vec<u8>,
}

pub(super) struct Connection<S> {
    ssl: Ssl,
    transport: Transport<S>,
    stash: Stash,
    context: Context,
    deadline: Option<Instant>,
    waits_for: Option<Interest>,
    /// The inner stream ended without `close_notify`.
    cut_off: bool,
    /// What ended the connection for good.
    failed: Option<String>,
    /// Error of a write that the call in which it came up could not give; the next that sends does.
    deferred: Option<io::Error>,
    /// Our `close_notify` is made, and not known to be with the inner stream.
    closing: bool,
    /// What is to be done before the handshake.
    pub(super) early: Early,
    /// What a server took before the handshake was done.
    pub(super) taken_early: Vec<u8>,
}

/// What one call into C came to, short of an error.
pub(super) enum Verdict {
    /// It did this much.
    Done(usize),
    /// The peer said that it will send nothing more.
    Closed,
    /// Not now: the inner stream's own words, and what it waits for.
    Later(Interest, io::Error),
}

/// Calls that make no progress and give no reason, before they count as `WouldBlock`.
const MOST_IDLE_CALLS: usize = 64;

/// Whether the session of a connection was made with the care that its context takes.
pub(super) fn check_session(ssl: &Ssl, context: &Context, key: &SessionKey) -> Result<(), Error> {
    if !context.requires_certificate() {
        return Ok(());
    }
    let library = context.library();
    let refused =
        |what: &str| Err(Error::new(ErrorKind::Certificate, format!("the resumed session {what}")).of(library));
    let code = ssl.verify_result();
    if code != 0 {
        let text = verify_error_text(library, code);
        return refused(&format!("is with a certificate that was not accepted: {text}"));
    }
    let no_wildcards = context.refuses_wildcards();
    let is_for = |name: &ServerName| {
        ssl.peer_certificate().and_then(Certificate::new).is_some_and(|certificate| {
            certificate.raw().is_for(name, no_wildcards)
                && (matches!(name, ServerName::Ip(_)) || weak::has_dns_name(&certificate))
        })
    };
    if key.check_name && !is_for(&key.name) {
        return refused(&format!("is with a certificate that is not valid for {}", key.name));
    }
    Ok(())
}

impl<S> Connection<S> {
    pub(super) fn new(ssl: Ssl, transport: Transport<S>, context: Context, deadline: Option<Instant>) -> Self {
        let cut = match &transport {
            #[cfg(unix)]
            Transport::Library(library) => Some(std::os::fd::AsRawFd::as_raw_fd(&library.descriptor)),
            _ => None,
        };
        let verify = Verify {
            policy: Some(Arc::clone(context.verify_policy())),
            expects_dns: ssl.expects_dns(),
            ..Verify::default()
        };
        Self {
            ssl,
            transport,
            stash: Stash {
                cut,
                verify,
                hooks: Some(Arc::clone(context.hooks())),
                contexts: vec![Arc::clone(context.raw())],
                ..Stash::default()
            },
            context,
            deadline,
            waits_for: None,
            cut_off: false,
            failed: None,
            deferred: None,
            closing: false,
            early: Early::default(),
            taken_early: Vec::new(),
        }
    }

    /// Says whom a client asks for, and which certificate a server shows beside its context's own.
    pub(super) fn set_up(&mut self, key: Option<SessionKey>, replaced: Option<Arc<SslContext>>, early: Early) {
        self.early = early;
        self.stash.session_key = key;
        self.stash.contexts.extend(replaced);
    }

    pub(super) fn session_key(&self) -> Option<&SessionKey> {
        self.stash.session_key.as_ref()
    }

    /// Error of a callback that ended the handshake.
    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.stash.failure.take()
    }

    /// Refuses a client's session that was made with less care than this connection is to take: in resuming, the
    /// library verifies nothing.
    pub(super) fn check_resumed(&self) -> Result<(), Error> {
        let Some(key) = &self.stash.session_key else { return Ok(()) };
        if !self.ssl.session_reused() {
            return Ok(());
        }
        check_session(&self.ssl, &self.context, key)
    }

    pub(super) fn ssl(&self) -> &Ssl {
        &self.ssl
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    pub(super) fn inner(&self) -> &S {
        match &self.transport {
            Transport::Ours(bio) => bio.stream(),
            Transport::Library(library) => &library.socket,
        }
    }

    pub(super) fn inner_mut(&mut self) -> &mut S {
        match &mut self.transport {
            Transport::Ours(bio) => bio.stream_mut(),
            Transport::Library(library) => &mut library.socket,
        }
    }

    /// Gives the inner stream back, with what was received and not asked for.
    pub(super) fn into_parts(self) -> (S, Vec<u8>) {
        match self.transport {
            Transport::Ours(bio) => bio.into_parts(),
            Transport::Library(library) => (library.socket, Vec::new()),
        }
    }

    pub(super) fn set_deadline(&mut self, at: Option<Instant>) {
        self.deadline = at;
    }

    pub(super) fn waits_for(&self) -> Option<Interest> {
        self.waits_for
    }

    pub(super) fn unsent(&self) -> usize {
        match &self.transport {
            Transport::Ours(bio) => bio.unsent(),
            Transport::Library(library) => library.again.len(),
        }
    }

    pub(super) fn has_pending(&self) -> bool {
        let ahead = match &self.transport {
            Transport::Ours(bio) => bio.received(),
            Transport::Library(_) => 0,
        };
        ahead > 0 || self.ssl.has_pending()
    }

    /// Whether a missing `close_notify` counts as an orderly end. A record that is cut short never does.
    pub(super) fn tolerates_cut_off(&self) -> bool {
        let inside = match &self.transport {
            Transport::Ours(bio) => bio.is_inside_record(),
            Transport::Library(_) => false,
        };
        self.context.tolerates_missing_close_notify() && !inside
    }

    pub(super) fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    /// Whether the context demands a certificate and the peer showed none.
    pub(super) fn lacks_certificate(&self) -> bool {
        self.context.requires_certificate() && self.ssl.peer_certificate().is_none()
    }

    /// Whether the peer's certificate, which nobody verifies, fits none of the pins.
    pub(super) fn lacks_pin(&self) -> bool {
        let policy = self.context.verify_policy();
        policy.ignored && !policy.pins.is_empty() && {
            let own = self.ssl.peer_certificate().and_then(Certificate::new);
            !policy.is_pinned(own.as_slice())
        }
    }

    /// The verified chain; empty where there is none.
    pub(super) fn verified_chain(&self) -> &[Certificate] {
        &self.stash.verify.chain
    }

    /// The handshake is done.
    pub(super) fn set_established(&mut self) {
        self.stash.established = true;
        self.ssl.set_keep_session(true);
        // A chain that was refused before another was accepted is no news any more.
        self.stash.verify.failure = None;
        if let Transport::Ours(bio) = &mut self.transport {
            bio.set_established();
        }
    }

    /// Whether the server shared no application protocol with the client.
    pub(super) fn has_refused_alpn(&self) -> bool {
        self.stash.alpn_refused
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(super) fn set_closing(&mut self, closing: bool) {
        self.closing = closing;
    }

    /// Refuses to go on with a connection that belongs to another process: it sends nothing from here.
    pub(super) fn check_process(&self) -> Result<(), Error> {
        let library = self.context.library();
        library.check_process().map_err(|inherited| Error::from(inherited).of(library))
    }

    /// Refuses to go on with a connection that has failed, or that was inherited.
    pub(super) fn check_alive(&self) -> Result<(), Error> {
        self.check_process()?;
        match &self.failed {
            None => Ok(()),
            Some(reason) => Err(self.error(ErrorKind::Protocol, format!("the connection has failed: {reason}"))),
        }
    }

    pub(super) fn error(&self, kind: ErrorKind, message: impl Into<String>) -> Error {
        Error::new(kind, message).of(self.context.library())
    }

    /// Keeps an error that the call at hand cannot give; the first one stays.
    fn defer(&mut self) {
        if let Some((_, error)) = self.stash.io.take().filter(|(_, error)| !is_pause(error)) {
            self.deferred.get_or_insert(error);
        }
    }

    /// Gives the error that a call before this one could not give.
    fn take_deferred(&mut self) -> io::Result<()> {
        self.deferred.take().map_or(Ok(()), Err)
    }

    /// Sends what waits; a pause of the inner stream is waited for where we can.
    pub(super) fn send_waiting(&mut self) -> io::Result<()> {
        self.check_process()?;
        self.take_deferred()?;
        self.write_again()?;
        loop {
            let Transport::Ours(bio) = &mut self.transport else { return Ok(()) };
            match bio.send_waiting() {
                Err(error) if is_pause(&error) => self.wait(Interest::Write, error)?,
                outcome => return outcome,
            }
        }
    }

    /// Sends what waits as far as it goes, without waiting. That it fails for good is for the next call to say that
    /// has to send: what the peer has sent can still be read.
    pub(super) fn send_some(&mut self) {
        if let Err(error) = self.try_send_some() {
            self.deferred.get_or_insert(error);
        }
    }

    fn try_send_some(&mut self) -> io::Result<()> {
        self.check_process()?;
        match self.write_again() {
            Err(error) if is_pause(&error) => return Ok(()),
            outcome => outcome?,
        }
        let Transport::Ours(bio) = &mut self.transport else { return Ok(()) };
        if bio.unsent() == 0 {
            return Ok(());
        }
        match bio.send_waiting() {
            Err(error) if is_pause(&error) => Ok(()),
            outcome => outcome,
        }
    }

    /// Keeps what the library's own BIO did not get rid of, and says how much that is: C holds a record of it, and
    /// would send that for whatever bytes come next.
    pub(super) fn keep_for_library(&mut self, data: &[u8]) -> Option<usize> {
        let Transport::Library(library) = &mut self.transport else { return None };
        library.again = data[..data.len().min(MOST_IN_RECORD)].to_vec();
        Some(library.again.len())
    }

    /// Gives C the bytes again that it has a record of.
    fn write_again(&mut self) -> io::Result<()> {
        let Transport::Library(library) = &mut self.transport else { return Ok(()) };
        if library.again.is_empty() {
            return Ok(());
        }
        let mut again = std::mem::take(&mut library.again);
        let outcome = self.attempt(Handle::Write(&again));
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
            Verdict::Later(_, error) => {
                self.waits_for = Some(Interest::Write);
                Err(error)
            }
            _ => self.write_again(),
        }
    }

    /// Fails once the deadline has passed.
    pub(super) fn check_deadline(&self) -> io::Result<()> {
        match self.deadline {
            Some(at) if Instant::now() >= at => {
                Err(io::Error::new(IoKind::TimedOut, "the deadline of the stream has passed"))
            }
            _ => Ok(()),
        }
    }

    /// Whether C answers for the socket itself.
    pub(super) fn is_library_socket(&self) -> bool {
        matches!(self.transport, Transport::Library(_))
    }

    /// Flushes the inner stream.
    pub(super) fn flush_inner(&mut self) -> io::Result<()> {
        let Transport::Ours(bio) = &mut self.transport else { return Ok(()) };
        bio.flush()
    }

    /// After a pause: waits where the transport leaves waiting to us, and says to try again; else gives the inner
    /// stream's own words.
    pub(super) fn wait(&mut self, interest: Interest, error: io::Error) -> io::Result<()> {
        let interest = if interest == Interest::Read && self.unsent() > 0 { Interest::Either } else { interest };
        self.waits_for = Some(interest);
        if let Transport::Ours(bio) = &self.transport
            && let Some(wait) = bio.wait()
            && error.kind() == IoKind::WouldBlock
        {
            wait(bio.stream(), interest, self.deadline)?;
            self.waits_for = None;
            return Ok(());
        }
        Err(error)
    }

    /// Does one thing, and judges what C said.
    pub(super) fn attempt(&mut self, mut what: Handle<'_>) -> Result<Verdict, Error> {
        self.check_process()?;
        self.waits_for = None;
        for _ in 0..MOST_IDLE_CALLS {
            let again = match &mut what {
                Handle::Handshake => Handle::Handshake,
                Handle::Read(out) => Handle::Read(out),
                Handle::Write(data) => Handle::Write(data),
                Handle::Shutdown => Handle::Shutdown,
                Handle::EarlyWrite(data) => Handle::EarlyWrite(data),
                Handle::EarlyRead(out, finished) => Handle::EarlyRead(out, finished),
            };
            self.stash.io = None;
            let bio: Option<&mut dyn Bio> = match &mut self.transport {
                Transport::Ours(bio) => Some(bio),
                Transport::Library(_) => None,
            };
            let outcome = self.ssl.handle(bio, &mut self.stash, again);
            if self.stash.renegotiation {
                return Err(self.fail(
                    ErrorKind::Protocol,
                    "the peer asked for a new handshake",
                    ErrorStack::default(),
                ));
            }
            if outcome.result > 0 {
                self.defer();
                // Positive, so it fits.
                return Ok(Verdict::Done(outcome.result as usize));
            }
            // Shutdown's nought: our close_notify is made, the peer's has not come.
            if outcome.result == 0 && matches!(what, Handle::Shutdown) && self.ssl.has_sent_close() {
                self.defer();
                return Ok(Verdict::Done(0));
            }
            match self.stash.io.take() {
                // C failed for a reason of its own, and then could not send the alert that says so.
                Some((Interest::Write, error)) if !outcome.queue.is_empty() => {
                    self.stash.io = Some((Interest::Write, error));
                    self.defer();
                }
                Some((interest, error)) if is_pause(&error) => return Ok(Verdict::Later(interest, error)),
                Some((_, error)) => return Err(self.inner_failed(error)),
                None => {}
            }
            let interest = if outcome.code == SSL_ERROR_WANT_WRITE { Interest::Write } else { Interest::Read };
            match outcome.code {
                SSL_ERROR_ZERO_RETURN => return Ok(Verdict::Closed),
                SSL_ERROR_WANT_READ | SSL_ERROR_WANT_WRITE => match &self.transport {
                    Transport::Library(_) => {
                        return Ok(Verdict::Later(interest, IoKind::WouldBlock.into()));
                    }
                    Transport::Ours(bio) if bio.is_at_end() => return Err(self.cut()),
                    // A record without data for us, such as a session ticket.
                    Transport::Ours(_) => {}
                },
                code => return Err(self.judge(code, outcome.result, outcome.queue, outcome.os)),
            }
        }
        Ok(Verdict::Later(Interest::Read, IoKind::WouldBlock.into()))
    }

    /// Makes an error of an answer that is neither progress nor a pause.
    fn judge(&mut self, code: i32, result: i32, queue: ErrorStack, os: io::Error) -> Error {
        // OpenSSL 3 names the missing close_notify in its queue; older versions and LibreSSL leave the queue empty.
        let named = queue.has(ERR_LIB_SSL, SSL_R_UNEXPECTED_EOF_WHILE_READING);
        let unnamed = queue.is_empty()
            && match &self.transport {
                Transport::Ours(bio) => bio.is_at_end(),
                Transport::Library(_) => {
                    code == SSL_ERROR_SYSCALL && (result == 0 || os.raw_os_error().unwrap_or(0) == 0)
                }
            };
        if named || unnamed {
            return self.cut();
        }
        if let Some(verify) = self.stash.verify.failure.take() {
            return self.fail(ErrorKind::Certificate, "the peer's certificate was refused", queue).with_verify(verify);
        }
        match code {
            SSL_ERROR_SYSCALL if queue.is_empty() && self.is_library_socket() => self.inner_failed(os),
            SSL_ERROR_SSL | SSL_ERROR_SYSCALL => self.fail(ErrorKind::Protocol, "TLS failed", queue),
            code => self.fail(ErrorKind::Library, &format!("the library gave an unexpected answer ({code})"), queue),
        }
    }

    fn inner_failed(&self, error: io::Error) -> Error {
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
        self.failed = Some(error.to_string());
        self.ssl.set_keep_session(false);
        error
    }
}
