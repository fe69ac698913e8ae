//! One connector for a whole program, and another for a while.

use std::cell::RefCell;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::Connector;
use crate::error::Error;

/// Without a lock: a child of a fork could find one held.
static PROCESS: ArcSwapOption<Connector> = ArcSwapOption::const_empty();

thread_local! {
    static SCOPED: RefCell<Vec<Connector>> = const { RefCell::new(Vec::new()) };
}

/// Gives the connector that this thread is to use: the innermost of [`with_default_connector`], else the process's,
/// which is made by [`Connector::following`] unless [`set_default_connector`] says otherwise. Made once, so that sessions and roots
/// are shared.
///
/// # Errors
/// As for [`ConnectorBuilder::build`](crate::ConnectorBuilder::build); a later call tries again.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// # let library = dlssl::current()?;
/// # dlssl::set_default_connector(dlssl::Connector::builder(&library).roots(scene.roots()).build()?);
/// let tcp = std::net::TcpStream::connect(server)?;
/// let tls = dlssl::default_connector()?.connect("example.org", tcp)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn default_connector() -> Result<Connector, Error> {
    if let Some(connector) = SCOPED.with_borrow(|scoped| scoped.last().cloned()) {
        return Ok(connector);
    }
    if let Some(connector) = &*PROCESS.load() {
        return Ok(Connector::clone(connector));
    }
    let made = Arc::new(Connector::following().build()?);
    // Of threads that race the first wins, so that all share its sessions.
    let before = PROCESS.compare_and_swap(&None::<Arc<Connector>>, Some(Arc::clone(&made)));
    Ok(Connector::clone(before.as_ref().unwrap_or(&made)))
}

/// Makes this the process's connector; gives the one before.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// let library = dlssl::current()?;
/// let roots = dlssl::Roots::file("ca.pem");
/// dlssl::set_default_connector(dlssl::Connector::builder(&library).roots(roots).alpn(["h2"]).build()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn set_default_connector(connector: Connector) -> Option<Connector> {
    PROCESS.swap(Some(Arc::new(connector))).map(|before| Connector::clone(&before))
}

/// Runs `body` with another connector for this thread, also where it panics.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// # let server = scene.server();
/// let library = dlssl::current()?;
/// let connector = dlssl::Connector::builder(&library).roots(dlssl::Roots::file("ca.pem")).build()?;
/// let tcp = std::net::TcpStream::connect(server)?;
/// // Code that calls `dlssl::default_connector()` trusts that root here.
/// let body = || dlssl::default_connector()?.connect("example.org", tcp).map_err(dlssl::Error::from);
/// println!("{}", dlssl::with_default_connector(&connector, body)?.protocol_name());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn with_default_connector<R>(connector: &Connector, body: impl FnOnce() -> R) -> R {
    struct Restore;
    impl Drop for Restore {
        fn drop(&mut self) {
            let last = SCOPED.with_borrow_mut(Vec::pop);
            drop(last);
        }
    }
    SCOPED.with_borrow_mut(|scoped| scoped.push(connector.clone()));
    let _restore = Restore;
    body()
}
