//! C constants that have one value wherever they exist. Those that differ between versions are in `options`.
#![allow(missing_docs, non_upper_case_globals)] // named and documented by C

use std::ffi::{c_int, c_long, c_ulong};

use super::macros::constants;

constants! {
    header "openssl/ssl.h" {
        /// The reason of an alert is its number and this.
        SSL_AD_REASON_OFFSET: c_int = 1000;
        SSL_ERROR_NONE: c_int = 0;
        SSL_ERROR_SSL: c_int = 1;
        SSL_ERROR_WANT_READ: c_int = 2;
        SSL_ERROR_WANT_WRITE: c_int = 3;
        SSL_ERROR_SYSCALL: c_int = 5;
        SSL_ERROR_ZERO_RETURN: c_int = 6;
        SSL_ERROR_WANT_CLIENT_HELLO_CB: c_int = 11 where openssl "1.1.1..", libressl "never";
        SSL_CLIENT_HELLO_SUCCESS: c_int = 1 where openssl "1.1.1..", libressl "never";
        SSL_CLIENT_HELLO_ERROR: c_int = 0 where openssl "1.1.1..", libressl "never";
        SSL_CLIENT_HELLO_RETRY: c_int = -1 where openssl "1.1.1..", libressl "never";
        SSL_VERIFY_NONE: c_int = 0;
        SSL_VERIFY_PEER: c_int = 1;
        SSL_VERIFY_FAIL_IF_NO_PEER_CERT: c_int = 2;
        SSL_VERIFY_POST_HANDSHAKE: c_int = 8 where openssl "1.1.1..", libressl "never";
        SSL_MODE_ENABLE_PARTIAL_WRITE: c_long = 0x1;
        SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER: c_long = 0x2;
        SSL_MODE_AUTO_RETRY: c_long = 0x4;
        SSL_SENT_SHUTDOWN: c_int = 1;
        SSL_RECEIVED_SHUTDOWN: c_int = 2;
        SSL_CB_HANDSHAKE_START: c_int = 0x10;
        SSL_CB_HANDSHAKE_DONE: c_int = 0x20;
        SSL_CTRL_SET_TMP_ECDH: c_int = 4;
        SSL_CTRL_EXTRA_CHAIN_CERT: c_int = 14;
        SSL_CTRL_OPTIONS: c_int = 32 where openssl "..1.1.0";
        SSL_CTRL_MODE: c_int = 33;
        SSL_CTRL_CLEAR_MODE: c_int = 78;
        SSL_CTRL_GET_SESSION_REUSED: c_int = 8 where openssl "..1.1.0";
        SSL_CTRL_SET_SESS_CACHE_SIZE: c_int = 42;
        SSL_CTRL_SET_SESS_CACHE_MODE: c_int = 44;
        SSL_CTRL_SET_TLSEXT_SERVERNAME_CB: c_int = 53;
        SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB: c_int = 63;
        SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE: c_int = 65;
        SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP: c_int = 70;
        SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP: c_int = 71;
        SSL_CTRL_SET_TLSEXT_TICKET_KEY_CB: c_int = 72;
        SSL_CTRL_SET_GROUPS_LIST: c_int = 92 where openssl "1.1.1..";
        SSL_CTRL_GET_SHARED_GROUP: c_int = 93 where openssl "1.1.1..", libressl "never";
        SSL_CTRL_SET_SIGALGS_LIST: c_int = 98 where libressl "never";
        SSL_SESS_CACHE_OFF: c_long = 0;
        SSL_SESS_CACHE_CLIENT: c_long = 1;
        SSL_SESS_CACHE_SERVER: c_long = 2;
        SSL_SESS_CACHE_NO_INTERNAL: c_long = 0x300;
        SSL_MODE_RELEASE_BUFFERS: c_long = 0x10;
        SSL_CB_READ: c_int = 0x04;
        SSL_CB_ALERT: c_int = 0x4000;
        SSL_CTRL_SET_TLSEXT_HOSTNAME: c_int = 55;
        SSL_CTRL_SET_ECDH_AUTO: c_int = 94 where openssl "..1.1.0", libressl "never";
        SSL_CTRL_SET_VERIFY_CERT_STORE: c_int = 106 where libressl "never";
        SSL_CTRL_SET_CHAIN_CERT_STORE: c_int = 107 where libressl "never";
        SSL_CTRL_GET_SERVER_TMP_KEY: c_int = 109;
        SSL_CTRL_GET_EXTMS_SUPPORT: c_int = 122 where openssl "1.1.0..", libressl "never";
        SSL_CTRL_SET_MIN_PROTO_VERSION: c_int = 123 where openssl "1.1.0..";
        SSL_CTRL_SET_MAX_PROTO_VERSION: c_int = 124 where openssl "1.1.0..";
        SSL_CTRL_GET_MIN_PROTO_VERSION: c_int = 130 where openssl "1.1.0..", libressl "never";
        SSL_CTRL_GET_NEGOTIATED_GROUP: c_int = 134 where openssl "3.0..", libressl "never";
        SSL_FILETYPE_PEM: c_int = 1;
    }
    header "openssl/tls1.h" {
        TLSEXT_NAMETYPE_host_name: c_int = 0;
        TLS1_VERSION: c_int = 0x301;
        TLS1_1_VERSION: c_int = 0x302;
        TLS1_2_VERSION: c_int = 0x303;
        TLS1_3_VERSION: c_int = 0x304 where openssl "1.1.1..", libressl "3.2..";
        TLSEXT_STATUSTYPE_ocsp: c_int = 1;
        SSL_TLSEXT_ERR_OK: c_int = 0;
        SSL_TLSEXT_ERR_ALERT_FATAL: c_int = 2;
        SSL_TLSEXT_ERR_NOACK: c_int = 3;
    }
    header "openssl/bio.h" {
        BIO_CTRL_EOF: c_int = 2;
        BIO_CTRL_PUSH: c_int = 6;
        BIO_CTRL_POP: c_int = 7;
        BIO_CTRL_PENDING: c_int = 10;
        BIO_CTRL_FLUSH: c_int = 11;
        BIO_CTRL_DUP: c_int = 12;
        BIO_CTRL_WPENDING: c_int = 13;
        BIO_CTRL_GET_KTLS_SEND: c_int = 73 where openssl "3.0..", libressl "never";
        BIO_CTRL_GET_KTLS_RECV: c_int = 76 where openssl "3.0..", libressl "never";
        BIO_C_SET_BUF_MEM_EOF_RETURN: c_int = 130;
        BIO_FLAGS_READ: c_int = 0x1;
        BIO_FLAGS_WRITE: c_int = 0x2;
        BIO_FLAGS_SHOULD_RETRY: c_int = 0x8;
        BIO_TYPE_SOURCE_SINK: c_int = 0x400;
    }
    header "openssl/x509_vfy.h" {
        X509_V_OK: c_long = 0;
        X509_V_ERR_CERT_NOT_YET_VALID: c_int = 9;
        X509_V_ERR_CERT_HAS_EXPIRED: c_int = 10;
        X509_V_ERR_APPLICATION_VERIFICATION: c_int = 50;
        X509_V_ERR_HOSTNAME_MISMATCH: c_int = 62;
        X509_V_ERR_IP_ADDRESS_MISMATCH: c_int = 64;
        X509_V_FLAG_CRL_CHECK: c_ulong = 0x4;
        X509_V_FLAG_CRL_CHECK_ALL: c_ulong = 0x8;
        X509_V_FLAG_X509_STRICT: c_ulong = 0x20;
        X509_V_FLAG_ALLOW_PROXY_CERTS: c_ulong = 0x40;
        X509_V_FLAG_POLICY_CHECK: c_ulong = 0x80;
        X509_V_FLAG_EXPLICIT_POLICY: c_ulong = 0x100;
        X509_V_FLAG_EXTENDED_CRL_SUPPORT: c_ulong = 0x1000;
        X509_V_FLAG_USE_DELTAS: c_ulong = 0x2000;
        X509_V_FLAG_CHECK_SS_SIGNATURE: c_ulong = 0x4000;
        X509_V_FLAG_TRUSTED_FIRST: c_ulong = 0x8000;
        X509_V_FLAG_PARTIAL_CHAIN: c_ulong = 0x80000;
        X509_V_FLAG_NO_ALT_CHAINS: c_ulong = 0x0010_0000;
    }
    header "openssl/x509v3.h" {
        X509_CHECK_FLAG_NO_WILDCARDS: std::ffi::c_uint = 0x2;
        X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS: std::ffi::c_uint = 0x4;
        X509_CHECK_FLAG_NEVER_CHECK_SUBJECT: std::ffi::c_uint = 0x20 where openssl "1.1.0..", libressl "3.5..";
    }
    header "openssl/asn1.h" {
        V_ASN1_UTCTIME: c_int = 23;
        V_ASN1_GENERALIZEDTIME: c_int = 24;
    }
    header "openssl/x509.h" {
        X509_R_CERT_ALREADY_IN_HASH_TABLE: c_int = 101;
    }
    header "openssl/pem.h" {
        PEM_R_NO_START_LINE: c_int = 108;
        PEM_R_BAD_PASSWORD_READ: c_int = 104;
        PEM_R_UNSUPPORTED_ENCRYPTION: c_int = 114;
    }
    header "openssl/evp.h" {
        EVP_PKEY_EC: c_int = 408;
        EVP_R_UNSUPPORTED_CIPHER: c_int = 107;
        EVP_R_WRONG_FINAL_BLOCK_LENGTH: c_int = 109;
        EVP_R_UNSUPPORTED_PRIVATE_KEY_ALGORITHM: c_int = 118;
        EVP_R_UNKNOWN_PBE_ALGORITHM: c_int = 121;
        EVP_R_UNSUPPORTED_KEY_DERIVATION_FUNCTION: c_int = 124;
        EVP_R_UNSUPPORTED_PRF: c_int = 125;
        EVP_R_DATA_NOT_MULTIPLE_OF_BLOCK_LENGTH: c_int = 138;
        EVP_R_UNSUPPORTED_ALGORITHM: c_int = 156;
        EVP_R_UNKNOWN_CIPHER: c_int = 160;
        EVP_R_UNKNOWN_DIGEST: c_int = 161;
    }
    header "openssl/proverr.h" {
        PROV_R_WRONG_FINAL_BLOCK_LENGTH: c_int = 107 where openssl "3.0..", libressl "never";
    }
    header "openssl/err.h" {
        ERR_LIB_SYS: c_int = 2;
        ERR_LIB_EVP: c_int = 6;
        ERR_LIB_PEM: c_int = 9;
        ERR_LIB_X509: c_int = 11;
        ERR_LIB_SSL: c_int = 20;
        ERR_LIB_PROV: c_int = 57 where openssl "3.0..", libressl "never";
        ERR_TXT_STRING: c_int = 2;
    }
    header "openssl/sslerr.h" {
        SSL_R_UNEXPECTED_EOF_WHILE_READING: c_int = 294 where openssl "3.0..", libressl "never";
        SSL_R_UNINITIALIZED: c_int = 276;
        SSL_R_CERTIFICATE_VERIFY_FAILED: c_int = 134;
        SSL_R_EXTENSION_NOT_RECEIVED: c_int = 279 where openssl "1.1.1..", libressl "never";
        SSL_R_REQUEST_PENDING: c_int = 285 where openssl "1.1.1..", libressl "never";
        SSL_R_REQUEST_SENT: c_int = 286 where openssl "1.1.1..", libressl "never";
    }
}
