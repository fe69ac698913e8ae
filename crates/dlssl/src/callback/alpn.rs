//! ALPN: the list on the wire, and the server's choice (`SSL_CTX_set_alpn_select_cb`).

use std::ffi::{c_int, c_uchar, c_uint, c_void};

use dlssl_core::ffi::constants::{SSL_TLSEXT_ERR_ALERT_FATAL, SSL_TLSEXT_ERR_NOACK, SSL_TLSEXT_ERR_OK};
use dlssl_core::ffi::{SSL, memory};

use super::in_callback;
use crate::config::AlpnAnswer;
use crate::config::functions::{AlpnFunction, Function};

/// How a server chooses.
#[derive(Debug)]
pub(crate) enum AlpnChoice {
    /// Its protocols, most wanted first.
    List(Vec<Vec<u8>>),
    Function(Function<AlpnFunction>),
}

/// Writes protocol names as ALPN has them: each with one byte of length before it. `None` when a name is empty or
/// longer than 255 bytes, or the whole list longer than 65,535.
pub(crate) fn wire(protocols: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    for protocol in protocols {
        let len = u8::try_from(protocol.len()).ok().filter(|len| *len > 0)?;
        wire.push(len);
        wire.extend_from_slice(protocol);
    }
    (wire.len() <= usize::from(u16::MAX)).then_some(wire)
}

/// Reads such a list back; a truncated last entry ends it.
fn entries(mut wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = wire.split_first()?;
        let (entry, rest) = rest.split_at_checked(usize::from(*len))?;
        wire = rest;
        Some(entry)
    })
}

impl AlpnChoice {
    /// Chooses among the client's protocols: a list's most wanted one, or what the function says.
    fn choose<'a>(&self, offered: &'a [u8]) -> AlpnAnswer<'a> {
        match self {
            Self::List(list) => list.iter().find_map(|wanted| entries(offered).find(|entry| entry == wanted)).into(),
            Self::Function(function) => {
                let offered: Vec<_> = entries(offered).collect();
                match (function.0)(&offered) {
                    // What was not offered cannot be chosen; and so the answer lies in the client's list.
                    AlpnAnswer::Protocol(chosen) => offered.into_iter().find(|entry| *entry == chosen).into(),
                    answer => answer,
                }
            }
        }
    }
}

/// Chooses; without a common protocol the handshake fails with `no_application_protocol`, as RFC 7301 has it. OpenSSL
/// 1.0.2 goes on without a protocol all the same: so it is noted for the method that made the call.
pub(crate) unsafe extern "C" fn select(
    _: *mut SSL,
    out: *mut *const c_uchar,
    out_len: *mut c_uchar,
    offered: *const c_uchar,
    offered_len: c_uint,
    choice: *mut c_void,
) -> c_int {
    // SAFETY: `choice` is the `AlpnChoice` of the context, which lives as long as every connection made from it; C
    // hands the client's list with its length.
    let (choice, offered) =
        unsafe { (&*choice.cast::<AlpnChoice>(), memory::slice(offered, isize::try_from(offered_len).unwrap_or(0))) };
    match in_callback(AlpnAnswer::Refuse, |_| choice.choose(offered)) {
        AlpnAnswer::Protocol(chosen) => {
            // SAFETY: both are C's own variables; the name lies in the client's list, which C keeps until it has
            // copied the choice. An entry is at most 255 bytes long.
            unsafe {
                *out = chosen.as_ptr();
                *out_len = chosen.len() as c_uchar;
            }
            SSL_TLSEXT_ERR_OK
        }
        AlpnAnswer::Nothing => SSL_TLSEXT_ERR_NOACK,
        AlpnAnswer::Refuse => {
            in_callback((), |frame| frame.stash.alpn_refused = true);
            SSL_TLSEXT_ERR_ALERT_FATAL
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(names: &[&str]) -> Vec<Vec<u8>> {
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_servers_order_decides() {
        let offered = wire(&names(&["http/1.1", "h2"])).unwrap();
        assert_eq!(AlpnChoice::List(names(&["h2", "http/1.1"])).choose(&offered), AlpnAnswer::Protocol(b"h2"));
        assert_eq!(AlpnChoice::List(names(&["spdy/1"])).choose(&offered), AlpnAnswer::Refuse);
    }

    #[test]
    fn names_that_do_not_fit_are_refused() {
        assert_eq!(wire(&names(&[""])), None);
        assert_eq!(wire(&[vec![b'x'; 256]]), None);
        assert_eq!(wire(&names(&["h2"])).unwrap(), b"\x02h2");
    }

    proptest! {
        #[test]
        fn any_list_is_read(wire in proptest::collection::vec(any::<u8>(), 0..64)) {
            let total: usize = entries(&wire).map(|entry| entry.len() + 1).sum();
            prop_assert!(total <= wire.len());
        }

        #[test]
        fn a_list_reads_back(list in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..9), 0..9)) {
            let wire = wire(&list).unwrap();
            prop_assert_eq!(entries(&wire).map(<[u8]>::to_vec).collect::<Vec<_>>(), list);
        }
    }
}
