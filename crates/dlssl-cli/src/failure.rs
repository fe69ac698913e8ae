//! What a command says when it could not do what was asked: what, why, and what to do about it.

use std::fmt::Display;
use std::io::{self, Write};

use dlssl::LoadError;

use crate::report;

/// A failure on its way to standard error.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    advice: Option<String>,
    details: Option<String>,
}

impl Failure {
    pub(crate) fn new(what: impl Display) -> Self {
        Self { what: what.to_string(), advice: None, details: None }
    }

    /// Adds what the reader can do about it.
    pub(crate) fn advice(mut self, text: impl Display) -> Self {
        self.advice = Some(text.to_string());
        self
    }

    /// Standard output could not take the result.
    pub(crate) fn output(error: io::Error) -> Self {
        Self::new(format_args!("cannot write to standard output: {error}"))
    }

    /// The text without advice.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Writes the failure for a reader.
    pub(crate) fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        report::error(out, &self.what)?;
        if let Some(advice) = &self.advice {
            report::advice(out, advice)?;
        }
        if let Some(details) = &self.details {
            writeln!(out)?;
            writeln!(out, "{}", report::clean_lines(details.trim_end()))?;
        }
        Ok(())
    }
}

impl From<LoadError> for Failure {
    /// The error itself says what to do; how it came to that follows.
    fn from(error: LoadError) -> Self {
        let explanation = error.explanation().to_string();
        // Its last line repeats the error.
        let lines = explanation.lines().filter(|line| !line.starts_with("failed: "));
        Self {
            what: format!("no usable OpenSSL or LibreSSL: {error}"),
            advice: None,
            details: Some(lines.collect::<Vec<_>>().join("\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_follows_the_error() {
        let mut out = Vec::new();
        let failure = Failure::new("no such file").advice("give another");
        failure.write_to(&mut out).unwrap();
        let text = anstream::adapter::strip_bytes(&out).into_vec();
        assert_eq!(String::from_utf8_lossy(&text), "error: no such file\n  try: give another\n");
    }
}
