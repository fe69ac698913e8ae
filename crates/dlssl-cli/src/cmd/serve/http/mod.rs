//! One HTTP request per connection, answered with a short page about the connection.

mod head;

use std::io::{self, ErrorKind, Read, Write};

use self::head::{Head, Parsed};
use super::connection::Connection;

/// Bytes a head may have.
const HEAD_LIMIT: usize = 16 * 1024;

/// Reads a request and answers it; nothing is answered to a peer that says nothing.
///
/// What was wrong with the request comes back, for the log: the peer has been told.
pub(super) fn serve(connection: &mut Connection) -> io::Result<Option<&'static str>> {
    // The whole head: a slow sender is dropped however often it sends a byte.
    connection.limit_phase();
    let Some(request) = read_head(connection)? else {
        return Ok(None);
    };
    connection.limit_each();
    let (answer, complaint) = answer(&request, &page(connection));
    connection.write_all(&answer)?;
    connection.flush()?;
    Ok(complaint)
}

/// What came instead of a request, or the request.
enum Request {
    Head(Head),
    Malformed(&'static str),
    TooLarge,
}

/// Reads until the head is whole; `None` when the peer closed without a byte.
fn read_head(connection: &mut impl Read) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let mut space = [0; 4096];
    loop {
        let count = match connection.read(&mut space) {
            Ok(0) if bytes.is_empty() => return Ok(None),
            Ok(0) => return Ok(Some(Request::Malformed("it ends within the head"))),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        bytes.extend_from_slice(&space[..count]);
        match head::parse(&bytes) {
            Parsed::Whole(head, length) if length <= HEAD_LIMIT => {
                return Ok(Some(Request::Head(head)));
            }
            Parsed::Malformed(reason) => return Ok(Some(Request::Malformed(reason))),
            Parsed::Partial if bytes.len() <= HEAD_LIMIT => {}
            Parsed::Partial | Parsed::Whole(..) => return Ok(Some(Request::TooLarge)),
        }
    }
}

/// The bytes to send, and what to complain about in the log.
fn answer(request: &Request, page: &str) -> (Vec<u8>, Option<&'static str>) {
    let (status, extra, body, complaint) = match request {
        Request::Head(head) if !head.is_http_1() => {
            ("505 HTTP Version Not Supported", "", "only HTTP/1.1 here\n", Some("not HTTP/1"))
        }
        Request::Head(head) => match head.method.as_str() {
            "GET" | "HEAD" => ("200 OK", "", page, None),
            _ => ("405 Method Not Allowed", "Allow: GET, HEAD\r\n", "only GET and HEAD here\n", None),
        },
        Request::Malformed(reason) => ("400 Bad Request", "", "not an HTTP request\n", Some(*reason)),
        Request::TooLarge => {
            ("431 Request Header Fields Too Large", "", "the head is too large\n", Some("the head is too large"))
        }
    };
    let length = body.len();
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         {extra}Connection: close\r\n\r\n"
    );
    let head_only = matches!(request, Request::Head(head) if head.method == "HEAD");
    if !head_only {
        answer.push_str(body);
    }
    (answer.into_bytes(), complaint)
}

fn page(connection: &Connection) -> String {
    let tls = connection.tls();
    let bio = if connection.socket_bio() { "socket" } else { "stream" };
    let alpn = tls.alpn().map_or_else(|| "none".into(), String::from_utf8_lossy);
    let name = tls.server_name().unwrap_or("none");
    format!(
        "dlssl {version}\nlibrary: {library}\nprotocol: {protocol}\ncipher: {cipher}\nALPN: {alpn}\n\
         server name: {name}\nBIO: {bio}\n",
        version = env!("CARGO_PKG_VERSION"),
        library = tls.library().version_text(),
        protocol = tls.protocol_name(),
        cipher = tls.cipher(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(request: &[u8]) -> String {
        let request = read_head(&mut &request[..]).unwrap().unwrap();
        String::from_utf8(answer(&request, "page\n").0).unwrap()
    }

    #[test]
    fn get_and_head() {
        let get = answered(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert!(get.starts_with("HTTP/1.1 200 OK\r\n"), "{get}");
        assert!(get.contains("\r\nContent-Length: 5\r\n"), "{get}");
        assert!(get.contains("\r\nConnection: close\r\n"), "{get}");
        assert!(get.ends_with("\r\n\r\npage\n"), "{get}");
        let head = answered(b"HEAD / HTTP/1.0\n\n");
        assert!(head.contains("\r\nContent-Length: 5\r\n"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "{head}");
    }

    #[test]
    fn refusals() {
        let status = |request: &[u8]| answered(request)[9..12].to_string();
        assert_eq!(status(b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"), "405");
        assert!(answered(b"PUT / HTTP/1.1\r\n\r\n").contains("\r\nAllow: GET, HEAD\r\n"));
        assert_eq!(status(b"\x16\x03\x01\r\n\r\n"), "400");
        assert_eq!(status(b"GET / HT"), "400");
        assert_eq!(status(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505");
    }

    #[test]
    fn a_head_has_a_limit() {
        let fitting = |line: usize| format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "y".repeat(line));
        assert!(answered(fitting(HEAD_LIMIT - 50).as_bytes()).starts_with("HTTP/1.1 200"));
        assert!(answered(fitting(HEAD_LIMIT).as_bytes()).starts_with("HTTP/1.1 431"));
        assert!(answered("GET /".repeat(HEAD_LIMIT).as_bytes()).starts_with("HTTP/1.1 431"));
    }

    #[test]
    fn silence_is_not_answered() {
        assert!(read_head(&mut &b""[..]).unwrap().is_none());
    }
}
