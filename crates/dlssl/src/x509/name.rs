//! Names of subjects and issuers, attribute by attribute.

use std::fmt;

use dlssl_core::Library;

use super::der::{OBJECT_IDENTIFIER, Reader, SEQUENCE, SET};
use super::{Malformed, der, string};
use crate::raw;

/// Name of a subject or an issuer: its parts in the order of the certificate.
///
/// `Display` writes it on one line as RFC 4514 escapes it, such as `C=DE, O=Example\, Inc., CN=example.org`.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// let library = dlssl::current()?;
/// let issuer: dlssl::Name = dlssl::Certificate::from_file(&library, "chain.pem")?.issuer()?;
/// assert_eq!(issuer.common_names().collect::<Vec<_>>(), ["example intermediate"]);
/// assert!(issuer.values("O").next().is_none() && !issuer.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Name {
    attributes: Vec<Attribute>,
}

/// One part of a name, such as `CN=example.org`.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// let library = dlssl::current()?;
/// let certificate = dlssl::Certificate::from_file(&library, "chain.pem")?;
/// for attribute in certificate.subject()?.attributes() {
///     let joined = if attribute.is_joined() { " +" } else { "" };
///     println!("{} = {}{joined}", attribute.short_name().unwrap_or(attribute.oid()), attribute.value());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attribute {
    oid: String,
    short_name: Option<String>,
    value: String,
    joined: bool,
}

impl Attribute {
    /// Object identifier of its kind, with dots, such as `2.5.4.3`.
    #[must_use]
    pub fn oid(&self) -> &str {
        &self.oid
    }

    /// The library's short name of its kind, such as `CN`; `None` for a kind that it does not know.
    #[must_use]
    #[doc(alias = "OBJ_nid2sn")]
    pub fn short_name(&self) -> Option<&str> {
        self.short_name.as_deref()
    }

    /// Value as text, from any of ASN.1's kinds of strings. What is not a string stands as `#` and its DER in
    /// hexadecimal digits.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether it belongs together with the part before (one "relative distinguished name" of several values).
    #[must_use]
    pub fn is_joined(&self) -> bool {
        self.joined
    }
}

/// Common name, the last kind that programs still ask for by itself.
const COMMON_NAME: &str = "2.5.4.3";

impl Name {
    /// Every part, in order.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.attributes.iter()
    }

    /// Values of one kind, by short name (`O`) or object identifier (`2.5.4.10`).
    pub fn values<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        let wanted = move |part: &&Attribute| part.oid == kind || part.short_name.as_deref() == Some(kind);
        self.attributes.iter().filter(wanted).map(Attribute::value)
    }

    /// Common names. No program should take them for host names.
    pub fn common_names(&self) -> impl Iterator<Item = &str> {
        self.values(COMMON_NAME)
    }

    /// Whether it has no parts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// Reads the inside of a name.
    pub(super) fn parse(library: &Library, mut rdns: Reader<'_>) -> Result<Self, Malformed> {
        let mut attributes = Vec::new();
        while !rdns.is_at_end() {
            let mut parts = rdns.expect(SET)?.inside();
            let mut joined = false;
            while !parts.is_at_end() {
                let mut part = parts.expect(SEQUENCE)?.inside();
                let oid = der::dotted(part.expect(OBJECT_IDENTIFIER)?.content)?;
                let value = part.any()?;
                let value = string::decode(value.tag, value.content)?.unwrap_or_else(|| {
                    value.whole.iter().fold("#".to_owned(), |text, byte| text + &format!("{byte:02x}"))
                });
                let short_name = raw::object_names(library, &oid).map(|(short, _)| short);
                attributes.push(Attribute { oid, short_name, value, joined });
                joined = true;
            }
        }
        Ok(Self { attributes })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.attributes.iter().enumerate() {
            if index > 0 {
                f.write_str(if part.joined { " + " } else { ", " })?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.short_name.as_deref().unwrap_or(&self.oid))?;
        let last = self.value.chars().count().saturating_sub(1);
        for (index, character) in self.value.chars().enumerate() {
            match character {
                ',' | '+' | '"' | '\\' | '<' | '>' | ';' => write!(f, "\\{character}")?,
                ' ' if index == 0 || index == last => f.write_str("\\ ")?,
                control if control.is_control() => {
                    let mut bytes = [0; 4];
                    for byte in control.encode_utf8(&mut bytes).bytes() {
                        write!(f, "\\{byte:02X}")?;
                    }
                }
                other => write!(f, "{other}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(kind: &str, value: &str, joined: bool) -> Attribute {
        Attribute { oid: "1.2.3".to_owned(), short_name: Some(kind.to_owned()), value: value.to_owned(), joined }
    }

    #[test]
    fn one_line_with_escapes() {
        let name = Name {
            attributes: vec![part("O", "A, B", false), part("OU", " x ", true), part("CN", "a\nb\u{e9}", false)],
        };
        assert_eq!(name.to_string(), "O=A\\, B + OU=\\ x\\ , CN=a\\0Ab\u{e9}");
        assert_eq!(name.values("OU").collect::<Vec<_>>(), [" x "]);
        assert_eq!(name.values("1.2.3").count(), 3);
        assert_eq!(name.common_names().count(), 0);
    }
}
