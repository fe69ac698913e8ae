//! What is remembered of connections, as plain data.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use super::TicketKeys;
use crate::session::SessionStore;

/// Sessions of one side.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    /// Client: remember sessions by name. Server: keep sessions of clients without tickets.
    pub(crate) cache: bool,
    /// Most names (client) or sessions (server); `None` is the default.
    pub(crate) most: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) tickets: bool,
    pub(crate) ticket_keys: TicketKeys,
    pub(crate) ticket_count: Option<usize>,
    pub(crate) id_context: Option<Vec<u8>>,
    pub(crate) store: Option<Store>,
    /// Bytes of early data that a server takes.
    pub(crate) early_data: Option<NonZeroU32>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            cache: true,
            most: None,
            timeout: None,
            tickets: true,
            ticket_keys: TicketKeys::default(),
            ticket_count: None,
            id_context: None,
            store: None,
            early_data: None,
        }
    }
}

/// The program's own store.
#[derive(Clone)]
pub(crate) struct Store(pub(crate) Arc<dyn SessionStore>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionStore")
    }
}
