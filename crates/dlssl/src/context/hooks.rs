//! What the callbacks of a context's connections need. It lives with the built context, so that one that is built
//! again begins with empty caches.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use dlssl_core::{Library, environment_is_trusted};

use super::build::Builder;
use super::cache::SessionCache;
use super::identities::{Identities, Recipe};
use super::settings::{Settings, Side};
use crate::config::TicketKeys;
use crate::config::functions::{Function, HelloFunction, InfoFunction, KeyLog, KeyLogFunction, Psk, StapleFunction};
use crate::config::sessions::Store;
use crate::error::{Error, ErrorKind};

pub(crate) struct Hooks {
    /// A client's sessions by name.
    pub(crate) sessions: Option<SessionCache>,
    /// A server's sessions, where the program keeps them.
    pub(crate) store: Option<Store>,
    pub(crate) ticket_keys: TicketKeys,
    pub(crate) client_hello: Option<Function<HelloFunction>>,
    pub(crate) identities: Option<Identities>,
    /// A server ends handshakes for names that it has no certificate for.
    pub(crate) refuse_unknown_names: bool,
    pub(crate) staple: Option<Function<StapleFunction>>,
    pub(crate) key_log: Option<KeyLogTarget>,
    pub(crate) info: Option<Function<InfoFunction>>,
    pub(crate) psk: Option<Psk>,
    /// The information callback refuses renegotiation, which the library cannot.
    pub(crate) refuse_renegotiation: bool,
    /// A client asks for a certificate status.
    pub(crate) request_ocsp: bool,
    /// A server takes early data.
    pub(crate) takes_early_data: bool,
}

/// Makes the hooks of a context.
pub(super) fn make(library: &Library, settings: &Settings, id_context: Vec<u8>) -> Result<Hooks, Error> {
    let server = settings.side == Side::Server;
    let functions = &settings.functions;
    let identities = if server {
        let recipe = Recipe { library: library.clone(), settings: settings.clone(), id_context };
        Some(Identities::new(recipe)?)
    } else {
        None
    };
    let key_log = match &functions.key_log {
        None => None,
        Some(KeyLog::Function(function)) => Some(KeyLogTarget::Function(function.clone())),
        Some(KeyLog::Environment) => key_log_file()?,
    };
    Ok(Hooks {
        sessions: (!server && settings.sessions.cache).then(|| SessionCache::new(settings.sessions.most)),
        store: settings.sessions.store.clone(),
        ticket_keys: settings.sessions.ticket_keys.clone(),
        client_hello: functions.client_hello.clone(),
        identities,
        refuse_unknown_names: functions.refuse_unknown_names,
        staple: functions.staple.clone(),
        key_log,
        info: functions.info.clone(),
        psk: functions.psk.clone(),
        refuse_renegotiation: Builder { library, settings }.refuses_renegotiation(),
        request_ocsp: settings.tuning.request_ocsp,
        takes_early_data: settings.sessions.early_data.is_some(),
    })
}

/// Opens the file that the variable names; a process with more rights than who started it does not.
fn key_log_file() -> Result<Option<KeyLogTarget>, Error> {
    const VARIABLE: &str = "SSLKEYLOGFILE";
    let path = std::env::var_os(VARIABLE).filter(|path| !path.is_empty() && environment_is_trusted());
    let Some(path) = path.map(PathBuf::from) else { return Ok(None) };
    let file = File::options().append(true).create(true).open(&path).map_err(|error| {
        Error::new(ErrorKind::Io, format!("cannot append to {} ({VARIABLE})", path.display())).with_io(error)
    })?;
    Ok(Some(KeyLogTarget::File(Mutex::new(file))))
}

/// Where lines of the key log go.
pub(crate) enum KeyLogTarget {
    Function(Function<KeyLogFunction>),
    File(Mutex<File>),
}

impl KeyLogTarget {
    pub(crate) fn line(&self, line: &str) {
        match self {
            Self::Function(function) => (function.0)(line),
            Self::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                // One write for a line, since several processes may append. A full disk is no reason to end a
                // connection.
                let _ = file.write_all(format!("{line}\n").as_bytes());
            }
        }
    }
}
