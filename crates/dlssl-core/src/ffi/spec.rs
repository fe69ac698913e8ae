//! Plain data about each C function and constant: what the macros leave behind for documents, checks and tests.

use std::fmt;

use serde::Serialize;

use super::name::Name;
use crate::version::{Flavour, Version, VersionRange};

/// One of the two libraries of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Half {
    /// libssl: the protocol.
    Ssl,
    /// libcrypto: everything below it.
    Crypto,
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssl => "libssl",
            Self::Crypto => "libcrypto",
        })
    }
}

/// What is known of one C function.
#[derive(Clone, Copy, Debug)]
pub struct SymbolSpec {
    field: &'static str,
    symbol: &'static str,
    older: Option<&'static str>,
    /// Of `symbol` and `older`.
    hashed: (Name<'static>, Option<Name<'static>>),
    half: Half,
    header: &'static str,
    required: bool,
    gated: bool,
    openssl: VersionRange,
    libressl: VersionRange,
    arguments: &'static [&'static str],
    result: &'static str,
    file: &'static str,
}

/// The words an entry of a list may carry after `where`.
impl SymbolSpec {
    pub(crate) const fn new(field: &'static str, half: Half, header: &'static str, required: bool) -> Self {
        Self {
            field,
            symbol: field,
            older: None,
            hashed: (Name::new(field.as_bytes()), None),
            half,
            header,
            required,
            gated: false,
            openssl: VersionRange::ALL,
            libressl: VersionRange::ALL,
            arguments: &[],
            result: "",
            file: "",
        }
    }

    pub(crate) const fn signature(
        mut self,
        arguments: &'static [&'static str],
        result: &'static str,
        file: &'static str,
    ) -> Self {
        self.arguments = arguments;
        self.result = result;
        self.file = file;
        self
    }

    pub(crate) const fn openssl(mut self, range: &str) -> Self {
        self.openssl = VersionRange::parse(range);
        self
    }

    pub(crate) const fn libressl(mut self, range: &str) -> Self {
        self.libressl = VersionRange::parse(range);
        self
    }

    pub(crate) const fn was(mut self, older: &'static str) -> Self {
        self.older = Some(older);
        self.hashed.1 = Some(Name::new(older.as_bytes()));
        self
    }

    pub(crate) const fn symbol(mut self, symbol: &'static str) -> Self {
        self.symbol = symbol;
        self.hashed.0 = Name::new(symbol.as_bytes());
        self.gated = true;
        self
    }
}

impl SymbolSpec {
    /// Field of the table that holds the pointer.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Names it may be loaded under, newest first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.symbol).chain(self.older)
    }

    /// Finds the first of its [names](Self::names) for which `look_up` has something.
    #[inline]
    pub(crate) fn find<T>(&self, look_up: impl Fn(Name<'static>) -> Option<T>) -> Option<T> {
        let (newest, older) = self.hashed;
        look_up(newest).or_else(|| look_up(older?))
    }

    /// Library that exports it.
    #[must_use]
    pub const fn half(&self) -> Half {
        self.half
    }

    /// C header that declares it, such as `openssl/ssl.h`.
    #[must_use]
    pub const fn header(&self) -> &'static str {
        self.header
    }

    /// Whether TLS cannot work without it.
    #[must_use]
    pub const fn is_required(&self) -> bool {
        self.required
    }

    /// Whether it is taken only inside its ranges because its signature differs outside of them.
    #[must_use]
    pub const fn is_gated(&self) -> bool {
        self.gated
    }

    /// Versions of one flavour that export the newest name with this signature.
    #[must_use]
    pub const fn range(&self, flavour: Flavour) -> &VersionRange {
        match flavour {
            Flavour::OpenSsl => &self.openssl,
            Flavour::LibreSsl => &self.libressl,
        }
    }

    /// Whether the newest name is expected in this version.
    #[must_use]
    pub fn expected_in(&self, flavour: Flavour, version: Version) -> bool {
        self.range(flavour).contains(version)
    }

    /// Rust types of the arguments, in order; `...` where the function is variadic.
    #[must_use]
    pub const fn arguments(&self) -> &'static [&'static str] {
        self.arguments
    }

    /// Rust type of the result; empty where there is none.
    #[must_use]
    pub const fn result(&self) -> &'static str {
        self.result
    }

    /// Source file of the list that holds the entry.
    #[must_use]
    pub const fn file(&self) -> &'static str {
        self.file
    }
}

/// What is known of one C constant that has one value wherever it exists.
#[derive(Clone, Copy, Debug)]
pub struct ConstantSpec {
    name: &'static str,
    header: &'static str,
    value: i64,
    openssl: VersionRange,
    libressl: VersionRange,
}

impl ConstantSpec {
    pub(crate) const fn new(name: &'static str, header: &'static str, value: i64) -> Self {
        Self { name, header, value, openssl: VersionRange::ALL, libressl: VersionRange::ALL }
    }

    pub(crate) const fn openssl(mut self, range: &str) -> Self {
        self.openssl = VersionRange::parse(range);
        self
    }

    pub(crate) const fn libressl(mut self, range: &str) -> Self {
        self.libressl = VersionRange::parse(range);
        self
    }

    /// C name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// C header that defines it.
    #[must_use]
    pub const fn header(&self) -> &'static str {
        self.header
    }

    /// Value.
    #[must_use]
    pub const fn value(&self) -> i64 {
        self.value
    }

    /// Versions of one flavour that define it.
    #[must_use]
    pub const fn range(&self, flavour: Flavour) -> &VersionRange {
        match flavour {
            Flavour::OpenSsl => &self.openssl,
            Flavour::LibreSsl => &self.libressl,
        }
    }
}
