//! The peers, one file each.

mod ours;
mod plain_c;
mod rust_openssl;
mod rustls;

use std::error::Error;
use std::path::Path;

use dlssl::Half;

pub use ours::{Bio, Ours};
pub use rustls::Rustls;

use crate::peer::Peer;
use crate::pki::Pki;

pub use ours::load;

/// Names of all peers, the first being the one that the others are compared with.
pub const NAMES: [&str; 5] = ["rust-openssl", "C", "rustls", "dlssl", "dlssl socket"];

/// Makes the peers of these names; ours on the libraries in `folder`, which are those that the program is linked to.
pub fn make(names: &[&str], pki: &Pki, folder: &Path) -> Result<Vec<Box<dyn Peer>>, Box<dyn Error>> {
    let mut peers: Vec<Box<dyn Peer>> = Vec::new();
    for name in names {
        peers.push(match *name {
            "rust-openssl" => Box::new(rust_openssl::RustOpenssl::new(pki)?),
            "C" => Box::new(plain_c::PlainC::new(pki)?),
            "rustls" => Box::new(rustls::Rustls::new(pki)?),
            "dlssl" => Box::new(ours::Ours::new(pki, folder, ours::Bio::Stream)?),
            "dlssl socket" => Box::new(ours::Ours::new(pki, folder, ours::Bio::Socket)?),
            other => return Err(format!("no such peer: {other}; there are {NAMES:?}").into()),
        });
    }
    Ok(peers)
}

/// Checks that the linked peers and ours run on one library, and gives its text.
pub fn same_library(folder: &Path) -> Result<String, Box<dyn Error>> {
    let linked = openssl::version::version().to_owned();
    let library = ours::load(folder)?;
    let loaded = library.version_text().to_owned();
    if linked != loaded {
        return Err(format!("the peers run on {linked}, dlssl on {loaded}").into());
    }
    // The text could be the same in two copies; a function's address is not.
    // SAFETY: only the address is looked at.
    let ours = unsafe { library.symbol(Half::Ssl, c"SSL_read") }.map(|address| address.as_ptr() as usize);
    if ours != Some(openssl_sys::SSL_read as *const () as usize) {
        return Err("dlssl and the peers have each a copy of the library".into());
    }
    Ok(loaded)
}
