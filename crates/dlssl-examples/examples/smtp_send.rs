//! Sends a message by SMTP with STARTTLS, on an OpenSSL of the caller's choice.
//!
//! ```sh
//! cargo run -p dlssl-examples --example smtp_send -- [--lib-dir DIR] [--ca FILE] [--user NAME --password-file FILE]
//!     --from ADDRESS --to ADDRESS HOST[:PORT] < message
//! ```
//!
//! The message is what follows `DATA`: headers, an empty line, text. Its lines may end as the machine's lines do.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dlssl::{Connector, Roots};
use dlssl_examples::{Arguments, Failure};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

const USAGE: &str = "smtp_send [--lib-dir DIR] [--ca FILE] [--user NAME --password-file FILE] \
                     --from ADDRESS --to ADDRESS HOST[:PORT] < message";

/// For all of it.
const LIMIT: Duration = Duration::from_secs(60);
/// Bytes of one line of an answer, and lines of one answer. RFC 5321 has 512 bytes; some say more.
const LONGEST_LINE: u64 = 4096;
const MOST_LINES: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    dlssl_examples::end(run().await)
}

struct Envelope {
    from: String,
    to: String,
    login: Option<(String, String)>,
}

async fn run() -> Result<(), Failure> {
    let mut arguments = Arguments::of_program(USAGE)?;
    let mut connector = Connector::following();
    if let Some(file) = arguments.value::<String>("--ca")? {
        connector = connector.roots(Roots::file(file));
    }
    let login = match (arguments.value("--user")?, arguments.value::<String>("--password-file")?) {
        (Some(user), Some(file)) => Some((user, std::fs::read_to_string(file)?.trim_end().to_owned())),
        (None, None) => None,
        _ => return Err("--user and --password-file belong together".into()),
    };
    let envelope =
        Envelope { from: address(arguments.needed("--from")?)?, to: address(arguments.needed("--to")?)?, login };
    let server: String = arguments.last("server")?;
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) => (host, port.parse()?),
        None => (&*server, 587),
    };
    let message = std::io::read_to_string(std::io::stdin())?;
    let said = timeout(LIMIT, send(&connector.build()?, (host, port), &envelope, &message)).await??;
    println!("{said}");
    Ok(())
}

/// What the server said when it had the message.
async fn send(
    connector: &Connector,
    (host, port): (&str, u16),
    envelope: &Envelope,
    message: &str,
) -> Result<String, Failure> {
    let mut plain = Dialogue::new(TcpStream::connect((host, port)).await?);
    plain.answer(220).await?;
    if !plain.extensions().await?.iter().any(|word| word.eq_ignore_ascii_case("STARTTLS")) {
        // Never on in the clear: whoever is in the middle could say so in the server's name.
        return Err("the server does not offer STARTTLS".into());
    }
    plain.command("STARTTLS", 220).await?;
    // The name that was dialled, whatever the greeting says.
    let tls = dlssl_tokio::connect(connector, host, plain.end()?).await?;
    let known = tls.get_ref();
    eprintln!("{} {}, on {}", known.protocol_name(), known.cipher(), known.library().version_text());

    // What was said in the clear counts for nothing: asked again.
    let mut mail = Dialogue::new(tls);
    mail.extensions().await?;
    if let Some((user, password)) = &envelope.login {
        let secret = BASE64.encode(format!("\0{user}\0{password}"));
        mail.command(&format!("AUTH PLAIN {secret}"), 235).await?;
    }
    mail.command(&format!("MAIL FROM:<{}>", envelope.from), 250).await?;
    mail.command(&format!("RCPT TO:<{}>", envelope.to), 250).await?;
    mail.command("DATA", 354).await?;
    let said = mail.command(&on_the_wire(message), 250).await?.join(" ");
    // The message is delivered; how the farewell goes is no matter.
    if mail.command("QUIT", 221).await.is_ok() {
        let _ = mail.stream.get_mut().shutdown().await;
    }
    Ok(said)
}

/// Commands and answers, in the clear or under TLS.
struct Dialogue<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    async fn command(&mut self, words: &str, expected: u16) -> Result<Vec<String>, Failure> {
        self.stream.write_all(format!("{words}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        self.answer(expected).await
    }

    /// What the server can do.
    async fn extensions(&mut self) -> Result<Vec<String>, Failure> {
        self.command("EHLO localhost", 250).await
    }

    /// The lines of an answer without its code, which must be this one.
    async fn answer(&mut self, expected: u16) -> Result<Vec<String>, Failure> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            (&mut self.stream).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
            let Some(line) = line.strip_suffix(b"\n") else {
                return Err("the server closed, or its answer is too long".into());
            };
            let line = String::from_utf8_lossy(line).trim_end().to_owned();
            let Some((code, rest)) = line.split_at_checked(3) else {
                return Err(format!("this is no SMTP: {line}").into());
            };
            if code.parse() != Ok(expected) {
                return Err(format!("the server says: {line}").into());
            }
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                return Ok(lines);
            }
            if lines.len() == MOST_LINES {
                return Err("the server's answer does not end".into());
            }
        }
    }

    /// The stream, on which TLS begins. What somebody has put behind the server's last answer was sent in the clear, and
    /// would count as said under TLS if it stayed in the buffer.
    fn end(self) -> Result<S, Failure> {
        match self.stream.buffer().len() {
            0 => Ok(self.stream.into_inner()),
            count => {
                Err(format!("{count} bytes follow the answer in the clear; somebody may have put them there").into())
            }
        }
    }
}

/// An address that can be part of a command.
fn address(text: String) -> Result<String, Failure> {
    if text.is_empty() || text.chars().any(|character| character.is_control() || matches!(character, '<' | '>' | ' ')) {
        return Err(format!("{text:?} is no address").into());
    }
    Ok(text)
}

/// A message as it follows `DATA`: lines end alike, and a point at the beginning of one is doubled, since a point by itself
/// is the end.
fn on_the_wire(message: &str) -> String {
    let mut wire = String::with_capacity(message.len() + 16);
    for line in message.lines() {
        let point = if line.starts_with('.') { "." } else { "" };
        // Writing to a string does not fail. A return by itself would be the end of a line to some servers.
        let _ = write!(wire, "{point}{}\r\n", line.replace('\r', ""));
    }
    wire + "."
}
