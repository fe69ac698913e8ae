//! Settings whose meaning or value differs between libraries: a name here, resolved to what the loaded library offers.
//!
//! The same bit means different things in different versions (0x20000 is "no compression" in OpenSSL and "no client
//! renegotiation" in LibreSSL), so nothing outside this list may name a bit.

use crate::version::{Flavour, Version, VersionRange};

/// What a library makes of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// A bit or value to hand to C.
    Bits(u64),
    /// The library always behaves so; nothing to set.
    Inherent,
    /// The library cannot, dlssl does it itself.
    Emulated,
    /// Neither: asking for it is an error.
    Missing,
}

/// One row: the versions, the C name that the value goes by there, and the outcome.
#[derive(Clone, Copy, Debug)]
pub struct OptionRow {
    /// Flavour the row speaks of.
    pub flavour: Flavour,
    /// Versions the row speaks of.
    pub range: VersionRange,
    /// C macro that holds the value; empty where there is none.
    pub c_name: &'static str,
    /// Outcome.
    pub setting: Setting,
}

/// A setting by name.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// Name in this project.
    pub name: &'static str,
    /// C header of the values.
    pub header: &'static str,
    /// One row for each outcome; what no row covers is missing.
    pub rows: &'static [OptionRow],
}

impl OptionSpec {
    /// Looks the setting up for one library.
    #[must_use]
    pub fn resolve(&self, flavour: Flavour, version: Version) -> Setting {
        self.rows
            .iter()
            .find(|row| row.flavour == flavour && row.range.contains(version))
            .map_or(Setting::Missing, |row| row.setting)
    }
}

macro_rules! options {
    ($(
        $(#[$doc:meta])*
        $name:ident in $header:literal {
            $($flavour:ident $range:literal => $outcome:ident $(($c_name:ident = $value:literal))?;)*
        }
    )*) => {
        $(
            $(#[$doc])*
            pub const $name: OptionSpec = OptionSpec {
                name: stringify!($name),
                header: $header,
                rows: &[$(OptionRow {
                    flavour: Flavour::$flavour,
                    range: VersionRange::parse($range),
                    c_name: concat!($(stringify!($c_name))?),
                    setting: Setting::$outcome $(($value))?,
                }),*],
            };
        )*

        /// Every setting of the list.
        pub const OPTIONS: &[OptionSpec] = &[$($name),*];
    };
}

options! {
    /// Refuses SSL 2.0.
    NO_SSLV2 in "openssl/ssl.h" {
        OpenSsl "..1.1.0" => Bits(SSL_OP_NO_SSLv2 = 0x0100_0000);
        OpenSsl "1.1.0.." => Inherent;
        LibreSsl ".." => Inherent;
    }
    /// Refuses SSL 3.0.
    NO_SSLV3 in "openssl/ssl.h" {
        OpenSsl ".." => Bits(SSL_OP_NO_SSLv3 = 0x0200_0000);
        LibreSsl ".." => Inherent;
    }
    /// Refuses TLS 1.0.
    NO_TLSV1 in "openssl/ssl.h" {
        OpenSsl ".." => Bits(SSL_OP_NO_TLSv1 = 0x0400_0000);
        LibreSsl ".." => Bits(SSL_OP_NO_TLSv1 = 0x0400_0000);
    }
    /// Refuses TLS 1.1.
    NO_TLSV1_1 in "openssl/ssl.h" {
        OpenSsl ".." => Bits(SSL_OP_NO_TLSv1_1 = 0x1000_0000);
        LibreSsl ".." => Bits(SSL_OP_NO_TLSv1_1 = 0x1000_0000);
    }
    /// Refuses TLS 1.2.
    NO_TLSV1_2 in "openssl/ssl.h" {
        OpenSsl ".." => Bits(SSL_OP_NO_TLSv1_2 = 0x0800_0000);
        LibreSsl ".." => Bits(SSL_OP_NO_TLSv1_2 = 0x0800_0000);
    }
    /// Refuses TLS 1.3.
    NO_TLSV1_3 in "openssl/ssl.h" {
        OpenSsl "..1.1.1" => Inherent;
        OpenSsl "1.1.1.." => Bits(SSL_OP_NO_TLSv1_3 = 0x2000_0000);
        LibreSsl "..3.2" => Inherent;
        LibreSsl "3.2.." => Bits(SSL_OP_NO_TLSv1_3 = 0x2000_0000);
    }
    /// Neither gives nor takes session tickets that hold the session; TLS 1.3's are then names of stored sessions.
    NO_TICKET in "openssl/ssl.h" {
        OpenSsl ".." => Bits(SSL_OP_NO_TICKET = 0x4000);
        LibreSsl ".." => Bits(SSL_OP_NO_TICKET = 0x4000);
    }
    /// As a server, puts ChaCha20 first where the client does.
    PRIORITIZE_CHACHA in "openssl/ssl.h" {
        OpenSsl "1.1.1.." => Bits(SSL_OP_PRIORITIZE_CHACHA = 0x20_0000);
    }
    /// Looks like TLS 1.2 to machines between the ends.
    ENABLE_MIDDLEBOX_COMPAT in "openssl/ssl.h" {
        OpenSsl "1.1.1.." => Bits(SSL_OP_ENABLE_MIDDLEBOX_COMPAT = 0x10_0000);
    }
    /// Wipes plain text in the library's buffers once it is read.
    CLEANSE_PLAINTEXT in "openssl/ssl.h" {
        OpenSsl "3.0.." => Bits(SSL_OP_CLEANSE_PLAINTEXT = 0x2);
    }
    /// Leaves encryption to the kernel where it can.
    ENABLE_KTLS in "openssl/ssl.h" {
        OpenSsl "3.0.." => Bits(SSL_OP_ENABLE_KTLS = 0x8);
    }
    /// Does not use encrypt-then-MAC, for peers that get it wrong.
    NO_ENCRYPT_THEN_MAC in "openssl/ssl.h" {
        OpenSsl "..1.1.0" => Inherent;
        OpenSsl "1.1.0.." => Bits(SSL_OP_NO_ENCRYPT_THEN_MAC = 0x8_0000);
        LibreSsl ".." => Inherent;
    }
    /// As a server, names no authorities when it asks for a certificate.
    DISABLE_TLSEXT_CA_NAMES in "openssl/ssl.h" {
        OpenSsl "3.0.." => Bits(SSL_OP_DISABLE_TLSEXT_CA_NAMES = 0x200);
    }
    /// As a client, connects to servers without secure renegotiation (RFC 5746).
    LEGACY_SERVER_CONNECT in "openssl/ssl.h" {
        OpenSsl ".." => Bits(SSL_OP_LEGACY_SERVER_CONNECT = 0x4);
        LibreSsl ".." => Bits(SSL_OP_LEGACY_SERVER_CONNECT = 0x4);
    }
    /// Refuses TLS compression (CRIME).
    NO_COMPRESSION in "openssl/ssl.h" {
        OpenSsl ".." => Bits(SSL_OP_NO_COMPRESSION = 0x0002_0000);
        LibreSsl ".." => Inherent;
    }
    /// Refuses renegotiation that the client begins, as a server.
    NO_CLIENT_RENEGOTIATION in "openssl/ssl.h" {
        OpenSsl "..1.1.0h" => Emulated;
        OpenSsl "1.1.0h.." => Bits(SSL_OP_NO_RENEGOTIATION = 0x4000_0000);
        LibreSsl ".." => Bits(SSL_OP_NO_CLIENT_RENEGOTIATION = 0x0002_0000);
    }
    /// Refuses renegotiation that the server begins, as a client.
    NO_SERVER_RENEGOTIATION in "openssl/ssl.h" {
        OpenSsl "..1.1.0h" => Emulated;
        OpenSsl "1.1.0h.." => Bits(SSL_OP_NO_RENEGOTIATION = 0x4000_0000);
        LibreSsl ".." => Emulated;
    }
    /// Takes a fresh ephemeral key for each handshake.
    SINGLE_ECDH_USE in "openssl/ssl.h" {
        OpenSsl "..1.1.0" => Bits(SSL_OP_SINGLE_ECDH_USE = 0x0008_0000);
        OpenSsl "1.1.0.." => Inherent;
        LibreSsl ".." => Inherent;
    }
    /// The server's order of cipher suites decides.
    CIPHER_SERVER_PREFERENCE in "openssl/ssl.h" {
        OpenSsl ".." => Bits(SSL_OP_CIPHER_SERVER_PREFERENCE = 0x0040_0000);
        LibreSsl ".." => Bits(SSL_OP_CIPHER_SERVER_PREFERENCE = 0x0040_0000);
    }
    /// Initialisation reads the library's configuration file.
    INIT_LOAD_CONFIG in "openssl/crypto.h" {
        OpenSsl "1.1.0.." => Bits(OPENSSL_INIT_LOAD_CONFIG = 0x40);
        LibreSsl ".." => Bits(OPENSSL_INIT_LOAD_CONFIG = 0x2);
    }
    /// Initialisation reads no configuration file.
    INIT_NO_LOAD_CONFIG in "openssl/crypto.h" {
        OpenSsl "..1.1.0" => Inherent;
        OpenSsl "1.1.0.." => Bits(OPENSSL_INIT_NO_LOAD_CONFIG = 0x80);
        LibreSsl ".." => Bits(OPENSSL_INIT_NO_LOAD_CONFIG = 0x1);
    }
    /// The library registers no exit handler.
    INIT_NO_ATEXIT in "openssl/crypto.h" {
        OpenSsl "..1.1.0" => Inherent;
        OpenSsl "1.1.1.." => Bits(OPENSSL_INIT_NO_ATEXIT = 0x80000);
        LibreSsl ".." => Inherent;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn openssl(option: OptionSpec, version: &str) -> Setting {
        option.resolve(Flavour::OpenSsl, Version::parse(version).unwrap())
    }

    #[test]
    fn one_bit_never_stands_for_two_settings_of_one_library() {
        for version in ["1.0.2n", "1.1.0i", "1.1.1w", "3.0.19", "4.0.3"] {
            // OpenSSL has one bit for renegotiation by either side.
            let bits: Vec<u64> = OPTIONS
                .iter()
                .filter(|option| option.header == "openssl/ssl.h" && option.name != NO_SERVER_RENEGOTIATION.name)
                .filter_map(|option| match openssl(*option, version) {
                    Setting::Bits(bits) => Some(bits),
                    _ => None,
                })
                .collect();
            let union = bits.iter().fold(0, |all, bit| all | bit);
            assert_eq!(union.count_ones() as usize, bits.len(), "{version}");
        }
    }

    #[test]
    fn compression_and_renegotiation_share_a_number_but_not_a_library() {
        let libressl = Version::new(4, 3, 0);
        assert_eq!(openssl(NO_COMPRESSION, "3.0.19"), Setting::Bits(0x20000));
        assert_eq!(NO_COMPRESSION.resolve(Flavour::LibreSsl, libressl), Setting::Inherent);
        assert_eq!(NO_CLIENT_RENEGOTIATION.resolve(Flavour::LibreSsl, libressl), Setting::Bits(0x20000));
        assert_eq!(openssl(NO_CLIENT_RENEGOTIATION, "1.0.2n"), Setting::Emulated);
    }

    #[test]
    fn init_flags_of_libressl_are_its_own() {
        let libressl = Version::new(3, 1, 0);
        assert_eq!(INIT_LOAD_CONFIG.resolve(Flavour::LibreSsl, libressl), Setting::Bits(2));
        assert_eq!(openssl(INIT_NO_ATEXIT, "1.1.0i"), Setting::Missing);
    }
}
