//! Where dlssl's verdict is not the right one, on which libraries, and why that stays so.

use dlssl::Flavour;
use dlssl_core::VersionRange;

use crate::library::library;

/// A difference that may be, and must be.
#[derive(Debug)]
pub struct Known {
    /// The case.
    pub id: &'static str,
    /// The first OpenSSL without it, or the range with it (`..` is each); `never` when none has it.
    pub openssl: &'static str,
    /// The same of LibreSSL.
    pub libressl: &'static str,
    /// The reason.
    pub why: &'static str,
}

impl Known {
    /// Whether it is about this case on the library under test.
    pub fn is_about(&self, id: &str) -> bool {
        let range = match library().flavour() {
            Flavour::LibreSsl => self.libressl,
            _ => self.openssl,
        };
        let with = match range {
            "never" => VersionRange::parse(range),
            range if range.contains("..") => VersionRange::parse(range),
            first_without => VersionRange::parse(&format!("..{first_without}")),
        };
        self.id == id && with.contains(library().version())
    }
}

/// Why a good certificate is not found behind a bad one of the same name and key.
const FIRST: &str = "the library takes the first issuer that fits, and does not come back for the next";

/// All of them.
pub const KNOWN: &[Known] = &[
    everywhere("authorities::leaf-length", "a length in a leaf limits nobody, for it signs nothing"),
    everywhere("authorities::leaf-may-sign", "as long as the leaf signs nothing; what it signs is refused"),
    everywhere(
        "authorities::no-usage",
        "OpenSSL wants key usage of an authority in its strict mode only; private authorities lack it",
    ),
    everywhere(
        "authorities::of-any",
        "any purpose is no server's, neither to OpenSSL nor to LibreSSL; no public authority is made so",
    ),
    before(
        "authorities::root-of-clients",
        "1.1.0",
        "3.2",
        "purposes of a root are not looked at; who trusts it decides what for",
    ),
    before(
        "chains::expired-beside-good",
        "1.1.0",
        "never",
        "the first issuer of the right name is taken, though it has expired and the next has not",
    ),
    everywhere("chains::first-has-no-root", FIRST),
    everywhere("chains::first-is-no-authority", FIRST),
    everywhere("chains::first-limited", FIRST),
    // Seen with 1.1.1w, and not with 1.1.1c.
    only("chains::first-may-not-sign", "1.1.1w..", "never", FIRST),
    everywhere("chains::first-of-clients", FIRST),
    before(
        "chains::self-signed-trusted",
        // Seen with 1.1.1c, and not with 1.1.1w.
        "1.1.1w",
        "3.2",
        "a certificate that is no authority's is not found among the roots",
    ),
    before(
        "constraints::address",
        "1.1.0",
        "3.2",
        "limits on addresses are not known, and what is not known is refused",
    ),
    before(
        "constraints::address-v6",
        "1.1.0",
        "3.2",
        "limits on addresses are not known, and what is not known is refused",
    ),
    everywhere("constraints::empty", "constraints that limit nothing limit nothing"),
    everywhere(
        "constraints::excluded-wildcard",
        "a star is compared as a label, so it is not what is excluded; RFC 5280 says nothing of stars",
    ),
    everywhere(
        "constraints::excluded-wildcard-itself",
        "as above: an authority that is to be kept from a host needs its domain excluded",
    ),
    everywhere("constraints::in-the-leaf", "constraints of a leaf limit nobody, for it signs nothing"),
    everywhere("constraints::in-the-leaf-not-critical", "constraints of a leaf limit nobody, for it signs nothing"),
    only(
        "constraints::mail-two-ats",
        // Seen with 1.1.1w, and not with 1.1.1c.
        "1.1.1w..",
        "never",
        "the last at sign counts; nobody asks a TLS peer for a mail address",
    ),
    everywhere("constraints::name-with-dot", "no host has such a name, so nobody can be taken for one"),
    everywhere("constraints::of-one-way", FIRST),
    everywhere("constraints::permitted-dot", "the dot at the beginning is common, and read as \"hosts below\""),
    everywhere("encoding::indefinite", "C reads BER; what is signed and looked at is written anew in DER"),
    everywhere("encoding::issuer-empty", "a root without a name is a name like any other to the search for issuers"),
    before("encoding::serial-empty", "1.1.0", "3.2", "the serial number is looked at for revocation alone"),
    everywhere("encoding::long-length", "C reads BER; what is signed and looked at is written anew in DER"),
    everywhere(
        "encoding::serial-negative",
        "the serial number is looked at for revocation alone; old appliances have such",
    ),
    before("encoding::serial-padded", "1.1.0", "3.2", "the serial number is looked at for revocation alone"),
    everywhere("encoding::serial-of-22", "the serial number is looked at for revocation alone"),
    everywhere("encoding::serial-too-long", "the serial number is looked at for revocation alone"),
    everywhere(
        "encoding::serial-zero",
        "the serial number is looked at for revocation alone; private authorities begin with it",
    ),
    everywhere("encoding::version-128", "extensions count, whatever the version says: that is never laxer"),
    everywhere("encoding::version-2", "extensions count, whatever the version says: that is never laxer"),
    everywhere("encoding::version-4", "extensions count, whatever the version says: that is never laxer"),
    everywhere("extensions::explicit-false", "C reads BER; the meaning is the same"),
    everywhere("extensions::issuer-info-broken", "nobody goes by it, so nobody reads it"),
    everywhere("extensions::issuer-info-empty", "nobody goes by it, so nobody reads it"),
    everywhere(
        "extensions::policy-constraints-not-critical",
        "policies are looked at where `VerifyFlag::PolicyCheck` asks for it",
    ),
    everywhere("extensions::policy-demanded", "policies are looked at where `VerifyFlag::PolicyCheck` asks for it"),
    before(
        "extensions::unknown-critical-root",
        "1.1.0",
        "3.2",
        "extensions of a root are not looked at: RFC 5280 leaves that open",
    ),
    everywhere("extensions::version-1-with", "extensions count, whatever the version says: that is never laxer"),
    everywhere(
        "keys::algorithms-differ-in-root",
        "the signature of a root on itself is not looked at: it is trusted for being there",
    ),
    before("keys::authority-ed25519", "1.1.1", "3.7", "the library does not know Ed25519"),
    before("keys::ed25519", "1.1.1", "3.7", "the library does not know Ed25519"),
    everywhere("names::empty-subject-not-critical", "the names are found all the same"),
    only("revocation::generalized", "..", "never", "a list that can be read says what is revoked"),
    everywhere("revocation::no-number", "a list that can be read says what is revoked"),
    everywhere("revocation::version-3", "a list that can be read says what is revoked"),
    before("validity::last-second", "4.0", "..", "the library ends validity a second early"),
];

const fn everywhere(id: &'static str, why: &'static str) -> Known {
    Known { id, openssl: "..", libressl: "..", why }
}

/// Before these versions; `..` for every one, `never` for none.
const fn before(id: &'static str, openssl: &'static str, libressl: &'static str, why: &'static str) -> Known {
    Known { id, openssl, libressl, why }
}

/// In these ranges; `never` for none.
const fn only(id: &'static str, openssl: &'static str, libressl: &'static str, why: &'static str) -> Known {
    Known { id, openssl, libressl, why }
}
