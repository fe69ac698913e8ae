//! A client's sessions by name: bounded, the least recently used name goes first.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::Protocol;
use crate::hostname::ServerName;
use crate::session::Session;

/// Names that are remembered unless told otherwise.
const MOST_NAMES: usize = 256;
/// Tickets of one TLS 1.3 server: each is good for one connection.
const MOST_TICKETS: usize = 4;

/// What a session may be used for again: the same name, asked for and checked in the same way. Everything else is the
/// same for all connections of one context, to which the cache belongs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey {
    pub(crate) name: ServerName,
    pub(crate) check_name: bool,
    pub(crate) sni: bool,
}

impl SessionKey {
    /// Whether the certificate must be for a host name.
    pub(crate) fn expects_dns(&self) -> bool {
        self.check_name && matches!(self.name, ServerName::Dns(_))
    }
}

/// A lock of the standard library: one with global tables would not survive a fork.
pub(crate) struct SessionCache {
    most: usize,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    by_key: HashMap<SessionKey, Entry>,
    /// Counts uses, to find the entry that was used longest ago.
    clock: u64,
}

#[derive(Default)]
struct Entry {
    sessions: Vec<Session>,
    used: u64,
}

impl Entry {
    fn keep(&mut self, session: Session, now: u64) {
        self.used = now;
        if session.protocol() != Some(Protocol::Tls13) {
            self.sessions.clear();
        } else if self.sessions.len() >= MOST_TICKETS {
            self.sessions.remove(0);
        }
        self.sessions.push(session);
    }
}

impl SessionCache {
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self { most: most.unwrap_or(MOST_NAMES), names: Mutex::default() }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a session. Of TLS 1.3 several, of older versions the newest.
    pub(crate) fn put(&self, key: &SessionKey, session: Session) {
        if self.most == 0 {
            return;
        }
        let mut names = self.names();
        names.clock += 1;
        let now = names.clock;
        if let Some(entry) = names.by_key.get_mut(key) {
            entry.keep(session, now);
            return;
        }
        if names.by_key.len() >= self.most
            && let Some(oldest) = names.by_key.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone())
        {
            names.by_key.remove(&oldest);
        }
        names.by_key.entry(key.clone()).or_default().keep(session, now);
    }

    /// Gives the newest session that is still good; one of TLS 1.3 is not given twice.
    pub(crate) fn take(&self, key: &SessionKey) -> Option<Session> {
        let mut names = self.names();
        names.clock += 1;
        let now = names.clock;
        let entry = names.by_key.get_mut(key)?;
        entry.used = now;
        entry.sessions.retain(|session| !session.has_expired());
        let newest = entry.sessions.pop().and_then(Session::for_offer);
        if let Some(session) = newest.as_ref().filter(|session| session.protocol() != Some(Protocol::Tls13)) {
            entry.sessions.push(session.clone());
        }
        if entry.sessions.is_empty() {
            names.by_key.remove(key);
        }
        newest
    }

    /// Forgets everything under a name.
    pub(crate) fn forget(&self, key: &SessionKey) {
        self.names().by_key.remove(key);
    }
}
