//! `openssl/asn1.h`: strings and times inside certificates.

use std::ffi::{c_int, c_uchar};

use crate::ffi::macros::symbols;
use crate::ffi::types::*;

symbols! {
    /// Functions of `openssl/asn1.h`.
    table Asn1, library Crypto, header "openssl/asn1.h";
    required {
        fn ASN1_STRING_length(string: *const ASN1_STRING) -> c_int;
        fn ASN1_STRING_type(string: *const ASN1_STRING) -> c_int;
        fn ASN1_STRING_get0_data(string: *const ASN1_STRING) -> *const c_uchar
            where openssl "1.1.0..", was "ASN1_STRING_data";
    }
    optional {}
}
