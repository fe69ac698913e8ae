//! The head of an HTTP/1 request: as much of it as this server looks at.

/// The request line, checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    /// Major and minor.
    pub(super) version: (u8, u8),
}

impl Head {
    pub(super) fn is_http_1(&self) -> bool {
        self.version.0 == 1
    }
}

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// A head, and its length in bytes.
    Whole(Head, usize),
    /// More bytes may make it a head.
    Partial,
    Malformed(&'static str),
}

/// Reads a head from the beginning of `bytes`. Lines end in CR LF or LF, which is what people type.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let mut at = 0;
    let mut head = None;
    while let Some(end) = bytes[at..].iter().position(|byte| *byte == b'\n') {
        let line = &bytes[at..at + end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        at += end + 1;
        match (line.is_empty(), head.take()) {
            // Empty lines before a request are to be overlooked.
            (true, None) => {}
            (true, Some(head)) => return Parsed::Whole(head, at),
            (false, None) => match request_line(line) {
                Ok(found) => head = Some(found),
                Err(reason) => return Parsed::Malformed(reason),
            },
            (false, found) => {
                if let Err(reason) = field_line(line) {
                    return Parsed::Malformed(reason);
                }
                head = found;
            }
        }
    }
    Parsed::Partial
}

fn request_line(line: &[u8]) -> Result<Head, &'static str> {
    // All of it is visible ASCII and single spaces, so this cannot cut a character.
    if !line.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        return Err("odd characters in the request line");
    }
    let line = str::from_utf8(line).map_err(|_| "odd characters in the request line")?;
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("the request line has not three words");
    };
    if !is_token(method.as_bytes()) {
        return Err("the method is not a word");
    }
    if target.is_empty() {
        return Err("the target is missing");
    }
    let version = match version.strip_prefix("HTTP/").map(str::as_bytes) {
        Some([major @ b'0'..=b'9', b'.', minor @ b'0'..=b'9']) => (major - b'0', minor - b'0'),
        _ => return Err("the version is missing"),
    };
    Ok(Head { method: method.into(), target: target.into(), version })
}

fn field_line(line: &[u8]) -> Result<(), &'static str> {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return Err("a header without a colon");
    };
    let (name, value) = line.split_at(colon);
    // This also refuses a line that begins with a space, the continuation lines of old.
    if !is_token(name) {
        return Err("the name of a header is not a word");
    }
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err("a control character in a header");
    }
    Ok(())
}

fn is_token(word: &[u8]) -> bool {
    !word.is_empty() && word.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn get(target: &str) -> Head {
        Head { method: "GET".into(), target: target.into(), version: (1, 1) }
    }

    #[test]
    fn whole_heads() {
        let text = b"GET /a?b HTTP/1.1\r\nHost: a\r\nX-Y:\tz\r\n\r\nbody";
        assert_eq!(parse(text), Parsed::Whole(get("/a?b"), text.len() - 4));
        assert_eq!(parse(b"GET / HTTP/1.1\n\n"), Parsed::Whole(get("/"), 16));
        assert_eq!(parse(b"\r\n\nGET / HTTP/1.1\n\n"), Parsed::Whole(get("/"), 19));
        assert_eq!(parse(b"GET / HTTP/1.1\r\nX: \xFF\r\n\r\n"), Parsed::Whole(get("/"), 24));
    }

    #[test]
    fn malformed_heads() {
        for text in [
            "GET\r\n",
            "GET /\r\n",
            "GET / HTTP/1.1 x\r\n",
            "GET  / HTTP/1.1\r\n",
            " GET / HTTP/1.1\r\n",
            "GET / HTTP/11\r\n",
            "GET / http/1.1\r\n",
            "G(T / HTTP/1.1\r\n",
            "GET /\0 HTTP/1.1\r\n",
            "GET / HTTP/1.1\r\nno colon\r\n",
            "GET / HTTP/1.1\r\n: x\r\n",
            "GET / HTTP/1.1\r\na : x\r\n",
            "GET / HTTP/1.1\r\na: x\r\n more\r\n",
            "GET / HTTP/1.1\r\na: \0\r\n",
            "GET / HTTP/1.1\ra\r\n",
        ] {
            assert!(matches!(parse(text.as_bytes()), Parsed::Malformed(_)), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_something(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        /// Each piece of a good head is "not yet", and what follows the head changes nothing.
        #[test]
        fn a_head_in_pieces(
            target in "/[!-~]{0,20}",
            fields in proptest::collection::vec(("[A-Za-z-]{1,10}", "[ -~]{0,20}"), 0..5),
            rest in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let mut text = format!("GET {target} HTTP/1.1\r\n").into_bytes();
            for (name, value) in fields {
                text.extend(format!("{name}: {value}\r\n").into_bytes());
            }
            text.extend(b"\r\n");
            let length = text.len();
            for cut in 0..length {
                prop_assert_eq!(parse(&text[..cut]), Parsed::Partial);
            }
            text.extend(rest);
            prop_assert_eq!(parse(&text), Parsed::Whole(get(&target), length));
        }
    }
}
