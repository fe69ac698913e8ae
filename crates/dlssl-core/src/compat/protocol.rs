//! Bounds on the protocol version: functions on LibreSSL, control commands from OpenSSL 1.1.0, options on 1.0.2.

use std::ffi::{c_int, c_long};

use crate::ffi::constants::{
    SSL_CTRL_GET_MIN_PROTO_VERSION, SSL_CTRL_SET_MAX_PROTO_VERSION, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_1_VERSION,
    TLS1_2_VERSION, TLS1_3_VERSION, TLS1_VERSION,
};
use crate::ffi::options::{NO_SSLV2, NO_SSLV3, NO_TLSV1, NO_TLSV1_1, NO_TLSV1_2, OptionSpec, Setting};
use crate::ffi::{Functions, SSL_CTX};
use crate::version::{Flavour, Version};

/// Bounds of the versions that a context may negotiate, as C's numbers (`0x0303` is TLS 1.2); `None` is no bound.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// Lowest.
    pub min: Option<c_int>,
    /// Highest.
    pub max: Option<c_int>,
}

/// A bound that the library cannot keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundRefused {
    /// C's number of the version.
    pub version: c_int,
}

/// Newest version that 1.0.2 speaks.
const NEWEST_BEFORE_BOUNDS: c_int = TLS1_2_VERSION;

/// Sets the bounds.
///
/// # Errors
/// The bound that the library does not know.
///
/// # Safety
/// `ctx` must be a live context of this library.
pub unsafe fn set_bounds(
    functions: &Functions,
    (flavour, version): (Flavour, Version),
    ctx: *mut SSL_CTX,
    bounds: Bounds,
) -> Result<(), BoundRefused> {
    let ssl = &functions.ssl;
    if flavour == Flavour::OpenSsl && version < Version::new(1, 1, 0) {
        // SAFETY: by contract.
        return unsafe { set_by_options(functions, (flavour, version), ctx, bounds) };
    }
    let apply = |bound: Option<c_int>, function: Option<unsafe extern "C" fn(*mut SSL_CTX, u16) -> c_int>, command| {
        let Some(bound) = bound else { return Ok(()) };
        // SAFETY: by contract; a command that the library does not know gives 0.
        let accepted = unsafe {
            match function {
                Some(set) => u16::try_from(bound).is_ok_and(|bound| set(ctx, bound) == 1),
                None => (ssl.SSL_CTX_ctrl)(ctx, command, c_long::from(bound), std::ptr::null_mut()) == 1,
            }
        };
        if accepted { Ok(()) } else { Err(BoundRefused { version: bound }) }
    };
    // LibreSSL before 3.2 and OpenSSL 1.1.0 take a maximum above what they speak as "up to the newest".
    apply(bounds.min, ssl.SSL_CTX_set_min_proto_version, SSL_CTRL_SET_MIN_PROTO_VERSION)?;
    apply(bounds.max, ssl.SSL_CTX_set_max_proto_version, SSL_CTRL_SET_MAX_PROTO_VERSION)
}

/// Each version with the option that refuses it, oldest first; SSL is always refused below.
const REFUSALS: [(c_int, OptionSpec); 3] =
    [(TLS1_VERSION, NO_TLSV1), (TLS1_1_VERSION, NO_TLSV1_1), (TLS1_2_VERSION, NO_TLSV1_2)];

unsafe fn set_by_options(
    functions: &Functions,
    (flavour, version): (Flavour, Version),
    ctx: *mut SSL_CTX,
    bounds: Bounds,
) -> Result<(), BoundRefused> {
    let (min, max) = (bounds.min.unwrap_or(TLS1_VERSION), bounds.max.unwrap_or(NEWEST_BEFORE_BOUNDS));
    if min > NEWEST_BEFORE_BOUNDS {
        return Err(BoundRefused { version: min });
    }
    let refused = REFUSALS.iter().filter(|(version, _)| *version < min || *version > max).map(|(_, option)| option);
    let mut bits = 0;
    for option in refused.chain([&NO_SSLV2, &NO_SSLV3]) {
        match option.resolve(flavour, version) {
            Setting::Bits(bit) => bits |= bit,
            Setting::Inherent | Setting::Emulated => {}
            Setting::Missing => return Err(BoundRefused { version: min }),
        }
    }
    // SAFETY: by contract.
    if unsafe { super::options::set(functions, ctx, bits) } { Ok(()) } else { Err(BoundRefused { version: min }) }
}

/// Lowest version that a context would speak as it is, by the configuration file or the distribution's policy; `None`
/// where nothing bounds it or it cannot be asked (OpenSSL before 1.1.0).
///
/// # Safety
/// `ctx` must be a live context of this library.
#[must_use]
pub unsafe fn min_of_context(functions: &Functions, flavour: Flavour, ctx: *mut SSL_CTX) -> Option<c_int> {
    // The command is OpenSSL's; an unknown one gives nought, which is "no bound" too. LibreSSL has no such policies.
    if flavour != Flavour::OpenSsl {
        return None;
    }
    // SAFETY: by contract; the command takes no pointer.
    let min = unsafe { (functions.ssl.SSL_CTX_ctrl)(ctx, SSL_CTRL_GET_MIN_PROTO_VERSION, 0, std::ptr::null_mut()) };
    c_int::try_from(min).ok().filter(|min| *min > 0)
}

/// Whether the library speaks TLS 1.3.
#[must_use]
pub fn speaks_tls13(flavour: Flavour, version: Version) -> bool {
    match flavour {
        Flavour::OpenSsl => version >= Version::new(1, 1, 1),
        // 3.2 was the first with both sides.
        Flavour::LibreSsl => version >= Version::new(3, 2, 0),
    }
}

/// Newest version that the library speaks, as C's number.
#[must_use]
pub fn newest(flavour: Flavour, version: Version) -> c_int {
    if speaks_tls13(flavour, version) { TLS1_3_VERSION } else { TLS1_2_VERSION }
}
