//! XMPP (RFC 6120, section 5): a stream of XML, of which a few tags are looked at.

use std::io::{Read, Write};

use super::plain::{Error, Plain};

const NAMESPACE: &str = "urn:ietf:params:xml:ns:xmpp-tls";

pub(super) fn xmpp<S: Read + Write>(plain: &mut Plain<'_, S>, name: &str) -> Result<(), Error> {
    let to = escaped(name);
    let header = format!(
        "<?xml version='1.0'?><stream:stream to='{to}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    );
    plain.send(header.as_bytes())?;
    // The peer's own header, its features, or an error in their place.
    let features = plain.take(|bytes| {
        let ends = ["</stream:features>", "<stream:features/>", "</stream:error>", "</stream:stream>"];
        ends.iter().filter_map(|end| Some(find(bytes, end)? + end.len())).min()
    })?;
    if find(&features, "<starttls").is_none() {
        return Err(Error::Refused("STARTTLS is not among its features".to_owned()));
    }
    plain.send(format!("<starttls xmlns='{NAMESPACE}'/>").as_bytes())?;
    let answer = plain.take(first_element)?;
    let text = String::from_utf8_lossy(&answer).trim().to_owned();
    match text.trim_start_matches('<').split([' ', '/', '>', '\t', '\r', '\n']).next() {
        Some("proceed") => Ok(()),
        Some("failure") => Err(Error::Refused(text)),
        _ => Err(Error::Unexpected(text)),
    }
}

/// Length of the first element that holds no other: `<a …/>` or `<a …></a>`.
fn first_element(bytes: &[u8]) -> Option<usize> {
    let end = find(bytes, ">")? + 1;
    if end >= 2 && bytes[end - 2] == b'/' {
        return Some(end);
    }
    let close = find(&bytes[end..], ">")?;
    Some(end + close + 1)
}

fn find(bytes: &[u8], part: &str) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part.as_bytes())
}

/// A name as the value of an attribute.
fn escaped(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_end() {
        assert_eq!(first_element(b"<proceed xmlns='x'/>rest"), Some(20));
        assert_eq!(first_element(b"<proceed xmlns='x'></proceed>rest"), Some(29));
        assert_eq!(first_element(b"<proceed xmlns='x'>"), None);
        assert_eq!(first_element(b"<proceed"), None);
    }

    #[test]
    fn a_name_stays_inside_its_quotes() {
        assert_eq!(escaped("a'><b&"), "a&apos;>&lt;b&amp;");
    }
}
