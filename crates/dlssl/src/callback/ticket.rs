//! Ticket keys: the first one encrypts, all decrypt.

use std::ffi::{c_int, c_uchar};

use dlssl_core::compat::ticket::{Mac, prepare};
use dlssl_core::ffi::{EVP_CIPHER_CTX, EVP_MAC_CTX, HMAC_CTX, SSL, memory};

use super::in_callback;
use crate::config::TicketKey;

/// What C takes for an answer.
const ERROR: c_int = -1;
const UNKNOWN_KEY: c_int = 0;
const DONE: c_int = 1;
/// The ticket is good, and the client is to get a new one.
const DONE_AND_RENEW: c_int = 2;

/// Bytes of a key's name in a ticket.
const NAME: isize = 16;
/// Bytes of the initialisation vector.
const IV: isize = 16;

pub(crate) unsafe extern "C" fn ticket_key_older(
    _: *mut SSL,
    name: *mut c_uchar,
    iv: *mut c_uchar,
    cipher: *mut EVP_CIPHER_CTX,
    mac: *mut HMAC_CTX,
    encrypt: c_int,
) -> c_int {
    // SAFETY: C's own arguments.
    unsafe { answer(name, iv, cipher, Mac::Hmac(mac), encrypt == 1) }
}

pub(crate) unsafe extern "C" fn ticket_key_newer(
    _: *mut SSL,
    name: *mut c_uchar,
    iv: *mut c_uchar,
    cipher: *mut EVP_CIPHER_CTX,
    mac: *mut EVP_MAC_CTX,
    encrypt: c_int,
) -> c_int {
    // SAFETY: C's own arguments.
    unsafe { answer(name, iv, cipher, Mac::Evp(mac), encrypt == 1) }
}

/// Picks the key and readies C's two contexts.
///
/// # Safety
/// The arguments must be those of the ticket callback.
unsafe fn answer(name: *mut c_uchar, iv: *mut c_uchar, cipher: *mut EVP_CIPHER_CTX, mac: Mac, encrypt: bool) -> c_int {
    in_callback(ERROR, |frame| {
        let Some(keys) = frame.hooks().and_then(|hooks| hooks.ticket_keys.current()) else {
            return UNKNOWN_KEY;
        };
        // SAFETY: C hands 16 bytes each, its own, for us to read (decrypting) or fill (encrypting).
        let (name, iv) = unsafe { (memory::slice_mut(name, NAME), memory::slice_mut(iv, IV)) };
        let place = if encrypt { Some(0) } else { keys.iter().position(|key| key.name() == name) };
        let Some((place, key)) = place.and_then(|place| Some((place, keys.get(place)?))) else { return UNKNOWN_KEY };
        if encrypt {
            name.copy_from_slice(TicketKey::name(key));
            if frame.library.random(iv).is_err() {
                return ERROR;
            }
        }
        let functions = frame.library.functions();
        // SAFETY: the contexts are C's own of this library, the vector has 16 bytes.
        let ready = unsafe { prepare(functions, cipher, mac, (key.cipher_key(), key.mac_key()), iv.as_ptr(), encrypt) };
        match (ready, place) {
            (false, _) => ERROR,
            (true, 0) => DONE,
            (true, _) => DONE_AND_RENEW,
        }
    })
}
