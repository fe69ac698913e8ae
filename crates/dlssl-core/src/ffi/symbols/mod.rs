//! The functions of C, one list for each header.

pub mod asn1;
pub mod bio;
pub mod conf;
pub mod crypto;
pub mod ec;
pub mod err;
pub mod evp;
pub mod hmac;
pub mod objects;
pub mod pem;
pub mod pkcs12;
pub mod provider;
pub mod rand;
pub mod ssl;
pub mod ssl_config;
pub mod ssl_handshake;
pub mod ssl_session;
pub mod stack;
pub mod x509;
pub mod x509_vfy;
pub mod x509v3;

use std::ffi::c_void;
use std::ptr::NonNull;

use super::spec::SymbolSpec;

macro_rules! tables {
    ($($field:ident: $table:ident),* $(,)?) => {
        /// Every function of one loaded library, one table for each C header.
        #[derive(Clone, Copy, Debug)]
        pub struct Functions {
            $(
                #[doc = concat!("Functions of the header that `", stringify!($field), "` is named after.")]
                pub $field: $field::$table,
            )*
        }

        impl Functions {
            /// Makes the tables from one pointer for each entry of [`specs`], in its order.
            ///
            /// `None` when a required pointer is missing.
            ///
            /// # Safety
            /// Each pointer must be the C function that the entry in the same place describes.
            pub(crate) unsafe fn fill(pointers: &[Option<NonNull<c_void>>]) -> Option<Self> {
                let mut pointers = pointers.iter().copied();
                Some(Self {
                    // SAFETY: the tables take their pointers in the order of `specs`; the caller vouches for each.
                    $($field: unsafe { $field::$table::fill(&mut pointers)? },)*
                })
            }
        }

        /// Data about every function, in the order of the tables.
        pub fn specs() -> impl Iterator<Item = &'static SymbolSpec> {
            [$($field::$table::SPECS),*].into_iter().flatten()
        }
    };
}

tables! {
    asn1: Asn1,
    bio: Bio,
    conf: Conf,
    crypto: Crypto,
    ec: Ec,
    err: Err,
    evp: Evp,
    objects: Objects,
    hmac: Hmac,
    pem: Pem,
    pkcs12: Pkcs12,
    provider: Provider,
    rand: Rand,
    ssl: Ssl,
    ssl_config: SslConfig,
    ssl_handshake: SslHandshake,
    ssl_session: SslSession,
    stack: Stack,
    x509: X509Functions,
    x509_vfy: X509Vfy,
    x509v3: X509v3,
}
