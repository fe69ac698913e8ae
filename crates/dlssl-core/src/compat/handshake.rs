//! What a finished handshake came to, and certificates that are asked for after it.

use std::ffi::{c_int, c_void};
use std::ptr;

use super::configure::Applied;
use crate::ffi::constants::{
    EVP_PKEY_EC, SSL_CTRL_GET_EXTMS_SUPPORT, SSL_CTRL_GET_NEGOTIATED_GROUP, SSL_CTRL_GET_SERVER_TMP_KEY,
    SSL_CTRL_GET_SHARED_GROUP, TLS1_3_VERSION,
};
use crate::ffi::{EVP_PKEY, Functions, SSL, SSL_CTX, memory};
use crate::version::{Flavour, Version};

/// Whether a library knows the extended master secret (RFC 7627).
#[must_use]
pub fn knows_extended_master_secret(flavour: Flavour, version: Version) -> bool {
    flavour == Flavour::OpenSsl && version >= Version::new(1, 1, 0)
}

/// Whether it came to an extended master secret; never where the library knows none.
///
/// # Safety
/// `ssl` must be a live connection of this library.
#[must_use]
pub unsafe fn has_extended_master_secret(
    functions: &Functions,
    flavour: Flavour,
    version: Version,
    ssl: *mut SSL,
) -> bool {
    knows_extended_master_secret(flavour, version)
        // SAFETY: by contract; the command takes no pointer.
        && unsafe { (functions.ssl.SSL_ctrl)(ssl, SSL_CTRL_GET_EXTMS_SUPPORT, 0, ptr::null_mut()) == 1 }
}

/// Whether a server learns from the library which group was agreed on; clients always do.
#[must_use]
pub fn tells_servers_the_group(flavour: Flavour, _: Version) -> bool {
    flavour == Flavour::OpenSsl
}

/// Name of the group for key exchange that was agreed on, as IANA has it; `None` where keys were exchanged otherwise,
/// and where the library does not tell. On a resumed session of TLS 1.2, which exchanges no keys, the answer may be about
/// the session's first connection.
///
/// # Safety
/// `ssl` must be a live connection of this library, after its handshake.
#[must_use]
pub unsafe fn negotiated_group(functions: &Functions, flavour: Flavour, ssl: *mut SSL) -> Option<String> {
    // SAFETY: by contract, here and below; the commands take no pointer or write one into our variable.
    unsafe {
        if let Some(name_of) = functions.ssl_handshake.SSL_group_to_name {
            let id = (functions.ssl.SSL_ctrl)(ssl, SSL_CTRL_GET_NEGOTIATED_GROUP, 0, ptr::null_mut());
            let id = c_int::try_from(id).ok().filter(|id| *id != 0)?;
            return memory::text(name_of(ssl, id)).map(iana_name);
        }
        let older = (functions.ssl.SSL_version)(ssl) < TLS1_3_VERSION;
        if flavour == Flavour::OpenSsl && older && (functions.ssl.SSL_is_server)(ssl) == 1 {
            let suite = memory::text((functions.ssl.SSL_CIPHER_get_name)((functions.ssl.SSL_get_current_cipher)(ssl)));
            suite.filter(|suite| suite.contains("ECDH"))?;
            // The first that both sides have, which is the one that the server takes.
            let nid = (functions.ssl.SSL_ctrl)(ssl, SSL_CTRL_GET_SHARED_GROUP, 0, ptr::null_mut());
            return object_name(functions, c_int::try_from(nid).ok()?);
        }
        let mut key: *mut EVP_PKEY = ptr::null_mut();
        let out = (&raw mut key).cast::<c_void>();
        if (functions.ssl.SSL_ctrl)(ssl, SSL_CTRL_GET_SERVER_TMP_KEY, 0, out) != 1 || key.is_null() {
            return None;
        }
        let name = group_of_key(functions, key);
        (functions.evp.EVP_PKEY_free)(key);
        name
    }
}

/// # Safety
/// `key` must be a live key of this library.
unsafe fn group_of_key(functions: &Functions, key: *mut EVP_PKEY) -> Option<String> {
    // SAFETY: by contract; the elliptic key is a reference of ours, and owns its group.
    unsafe {
        let kind = (functions.evp.EVP_PKEY_get_id)(key);
        if kind != EVP_PKEY_EC {
            return object_name(functions, kind).filter(|name| matches!(name.as_str(), "x25519" | "x448"));
        }
        let ec = &functions.ec;
        let key = (functions.evp.EVP_PKEY_get1_EC_KEY?)(key);
        if key.is_null() {
            return None;
        }
        let nid = ec.EC_KEY_get0_group.zip(ec.EC_GROUP_get_curve_name).map(|(group, name)| name(group(key)));
        if let Some(free) = ec.EC_KEY_free {
            free(key);
        }
        object_name(functions, nid?)
    }
}

fn object_name(functions: &Functions, nid: c_int) -> Option<String> {
    // SAFETY: any number may be asked for; the answer is a static string or null.
    unsafe { memory::text((functions.objects.OBJ_nid2sn)(nid)) }.filter(|_| nid > 0).map(iana_name)
}

/// Name in IANA's list of groups; libcrypto's own differ for a few.
fn iana_name(name: String) -> String {
    match name.as_str() {
        "prime256v1" => "secp256r1".to_owned(),
        "prime192v1" => "secp192r1".to_owned(),
        "X25519" | "X448" => name.to_ascii_lowercase(),
        _ => name,
    }
}

/// Name of the pre-shared key that TLS 1.2 agreed on, also by a resumed session; with TLS 1.3 the library keeps none.
///
/// # Safety
/// `ssl` must be a live connection of this library.
#[must_use]
pub unsafe fn psk_identity(functions: &Functions, ssl: *mut SSL) -> Option<String> {
    // SAFETY: by contract; null, or a string that the session keeps.
    functions.ssl_handshake.SSL_get_psk_identity.and_then(|get| unsafe { memory::text(get(ssl)) })
}

/// Has a client say that it can be asked for a certificate after the handshake.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn offer_later_certificate(functions: &Functions, flavour: Flavour, ctx: *mut SSL_CTX) -> Applied {
    match functions.ssl_handshake.SSL_CTX_set_post_handshake_auth {
        // LibreSSL's does nothing.
        Some(set) if flavour == Flavour::OpenSsl => {
            // SAFETY: by contract.
            unsafe { set(ctx, 1) };
            Applied::Done
        }
        _ => Applied::Absent,
    }
}

/// Whether a library's server can ask for a certificate after the handshake.
#[must_use]
pub fn asks_for_later_certificates(functions: &Functions, flavour: Flavour) -> bool {
    flavour == Flavour::OpenSsl && functions.ssl_handshake.SSL_verify_client_post_handshake.is_some()
}

/// Makes a server ask for a certificate with its next message, which the next step of a handshake sends.
///
/// # Safety
/// `ssl` must be a live connection of this library, a server's, after its handshake.
pub unsafe fn ask_for_certificate(functions: &Functions, flavour: Flavour, ssl: *mut SSL) -> Applied {
    match functions.ssl_handshake.SSL_verify_client_post_handshake {
        Some(ask) if flavour == Flavour::OpenSsl => {
            // SAFETY: by contract.
            if unsafe { ask(ssl) } == 1 { Applied::Done } else { Applied::Refused }
        }
        _ => Applied::Absent,
    }
}
