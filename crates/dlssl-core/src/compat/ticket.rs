//! Ticket keys: the callback takes an `HMAC_CTX` before OpenSSL 3 and on LibreSSL, an `EVP_MAC_CTX` since.

use std::ffi::{c_int, c_long, c_uchar, c_void};
use std::ptr;

use crate::ffi::constants::SSL_CTRL_SET_TLSEXT_TICKET_KEY_CB;
use crate::ffi::{
    EVP_CIPHER_CTX, EVP_MAC_CTX, Functions, HMAC_CTX, OSSL_PARAM, SSL_CTX, generic_cb, ticket_key_cb, ticket_key_evp_cb,
};

/// Context for the message authentication of one ticket.
#[derive(Clone, Copy, Debug)]
pub enum Mac {
    /// Before OpenSSL 3, and LibreSSL.
    Hmac(*mut HMAC_CTX),
    /// From OpenSSL 3 on.
    Evp(*mut EVP_MAC_CTX),
}

/// `OSSL_PARAM_UTF8_STRING`.
const UTF8_STRING: std::ffi::c_uint = 4;
/// `OSSL_PARAM_OCTET_STRING`.
const OCTET_STRING: std::ffi::c_uint = 5;

/// Installs the callback in the form that the library takes; `false` when it refuses.
///
/// # Safety
/// `ctx` must be a live context of this library.
#[must_use]
pub unsafe fn set_callback(
    functions: &Functions,
    ctx: *mut SSL_CTX,
    older: ticket_key_cb,
    newer: ticket_key_evp_cb,
) -> bool {
    // SAFETY: by contract; the command takes a callback of the older type, whatever its argument's type says.
    unsafe {
        match functions.ssl_session.SSL_CTX_set_tlsext_ticket_key_evp_cb {
            Some(set) => set(ctx, Some(newer)) == 1,
            None => {
                let callback = std::mem::transmute::<ticket_key_cb, generic_cb>(older);
                let set = functions.ssl_session.SSL_CTX_callback_ctrl;
                set(ctx, SSL_CTRL_SET_TLSEXT_TICKET_KEY_CB, Some(callback)) == c_long::from(1)
            }
        }
    }
}

/// Readies both contexts of a ticket for AES-256-CBC and HMAC-SHA-256; `false` when the library refuses.
///
/// # Safety
/// `cipher`, `mac` and `iv` (16 bytes) must be what C handed to the ticket callback of this library.
#[must_use]
pub unsafe fn prepare(
    functions: &Functions,
    cipher: *mut EVP_CIPHER_CTX,
    mac: Mac,
    (cipher_key, mac_key): (&[u8; 32], &[u8; 32]),
    iv: *const c_uchar,
    encrypt: bool,
) -> bool {
    let evp = &functions.evp;
    let init = if encrypt { evp.EVP_EncryptInit_ex } else { evp.EVP_DecryptInit_ex };
    // SAFETY: by contract; keys of the length that the algorithms have.
    if unsafe { init(cipher, (evp.EVP_aes_256_cbc)(), ptr::null_mut(), cipher_key.as_ptr(), iv) } != 1 {
        return false;
    }
    match mac {
        Mac::Hmac(mac) => functions.hmac.HMAC_Init_ex.is_some_and(|init| {
            let key = mac_key.as_ptr().cast::<c_void>();
            // SAFETY: as above.
            unsafe { init(mac, key, mac_key.len() as c_int, (evp.EVP_sha256)(), ptr::null_mut()) == 1 }
        }),
        Mac::Evp(mac) => evp.EVP_MAC_CTX_set_params.is_some_and(|set| {
            let entry = |key: *const std::ffi::c_char, data_type, data: *const c_void, data_size| OSSL_PARAM {
                key,
                data_type,
                data: data.cast_mut(),
                data_size,
                return_size: usize::MAX,
            };
            let params = [
                entry(c"key".as_ptr(), OCTET_STRING, mac_key.as_ptr().cast(), mac_key.len()),
                entry(c"digest".as_ptr(), UTF8_STRING, c"SHA256".as_ptr().cast(), "SHA256".len()),
                entry(ptr::null(), 0, ptr::null(), 0),
            ];
            // SAFETY: by contract; a list that ends with an empty entry, whose data C only reads.
            unsafe { set(mac, params.as_ptr()) == 1 }
        }),
    }
}
