//! What the examples share: arguments, the library that they name, and how a program ends that fails.
//!
//! Every example takes `--lib-dir DIR`, the folder with the OpenSSL or LibreSSL to use; without it, the library is the one that
//! [`dlssl::current`] finds.

use std::error::Error;
use std::fmt::Display;
use std::process::ExitCode;
use std::str::FromStr;

/// What an example fails with.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The arguments of a program. They are taken one after the other; what is left at the end is too much.
///
/// # Examples
/// ```
/// let words = ["--ca", "root.pem", "https://localhost/", "--http1"].map(String::from);
/// let mut arguments = dlssl_examples::Arguments::new("get [--ca FILE] [--http1] URL", words);
/// assert_eq!(arguments.value("--ca")?, Some("root.pem".to_owned()));
/// assert!(arguments.flag("--http1"));
/// assert_eq!(arguments.last::<String>("URL")?, "https://localhost/");
/// # Ok::<(), dlssl_examples::Failure>(())
/// ```
#[derive(Debug)]
pub struct Arguments {
    usage: &'static str,
    words: Vec<String>,
}

impl Arguments {
    /// The given ones. `usage` is said with every fault of theirs.
    pub fn new(usage: &'static str, words: impl IntoIterator<Item = String>) -> Self {
        Self { usage, words: words.into_iter().collect() }
    }

    /// Those of this program, after the library is loaded that `--lib-dir` names: from here on it is [`dlssl::current`].
    ///
    /// # Errors
    /// `--lib-dir` without a folder, or a folder without a library.
    pub fn of_program(usage: &'static str) -> Result<Self, Failure> {
        let mut arguments = Self::new(usage, std::env::args().skip(1));
        if let Some(directory) = arguments.value::<String>("--lib-dir")? {
            // SAFETY: whoever calls this program vouches for the code that lies there.
            dlssl::reload_with(unsafe { dlssl::Loader::new().directory(directory) })?;
        }
        Ok(arguments)
    }

    /// Takes an option without a value; says whether it is there.
    pub fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() < before
    }

    /// Takes an option and its value.
    ///
    /// # Errors
    /// The value is missing, or none for its type.
    pub fn value<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<Option<T>, Failure> {
        let Some(place) = self.words.iter().position(|word| word == name) else { return Ok(None) };
        self.words.remove(place);
        if place == self.words.len() {
            return Err(self.fault(&format!("{name} needs a value")));
        }
        let value = self.words.remove(place);
        value.parse().map(Some).map_err(|error| self.fault(&format!("{name} {value}: {error}")))
    }

    /// Takes an option and its value, without which the program cannot do.
    ///
    /// # Errors
    /// As for [`value`](Self::value), and when the option is not there.
    pub fn needed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<T, Failure> {
        self.value(name)?.ok_or_else(|| self.fault(&format!("{name} is missing")))
    }

    /// Takes the one word that is left, and is no option.
    ///
    /// # Errors
    /// There is none or more than one, or it is none of its type.
    pub fn last<T: FromStr<Err: Display>>(mut self, what: &str) -> Result<T, Failure> {
        let place = self.words.iter().position(|word| !word.starts_with('-'));
        let word = place.map(|place| self.words.remove(place)).ok_or_else(|| self.fault(&format!("no {what}")))?;
        let parsed = word.parse().map_err(|error| self.fault(&format!("{word} is no {what}: {error}")))?;
        self.none()?;
        Ok(parsed)
    }

    /// Sees that nothing is left.
    ///
    /// # Errors
    /// A word is.
    pub fn none(self) -> Result<(), Failure> {
        self.words.first().map_or(Ok(()), |word| Err(self.fault(&format!("what is {word}?"))))
    }

    fn fault(&self, what: &str) -> Failure {
        format!("{what}\nusage: {}", self.usage).into()
    }
}

/// Ends a program: an error goes to standard error, with what lies below it.
#[must_use]
pub fn end(outcome: Result<(), Failure>) -> ExitCode {
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    eprintln!("error: {}", in_full(&*error));
    ExitCode::FAILURE
}

/// The text of an error and of its sources. Some errors say by themselves what lies below them; it is not said twice.
#[must_use]
pub fn in_full(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let below = source.to_string();
        if !text.contains(&below) {
            text = format!("{text}: {below}");
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn arguments(line: &str) -> Arguments {
        Arguments::new("x [--a N] [--b] WHAT", line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_stand_anywhere() {
        let mut all = arguments("one --b --a 5");
        assert_eq!(all.needed::<u8>("--a").unwrap(), 5);
        assert!(all.flag("--b") && !all.flag("--b"));
        assert_eq!(all.value::<u8>("--a").unwrap(), None);
        assert_eq!(all.last::<String>("WHAT").unwrap(), "one");
    }

    #[test]
    fn what_is_wrong_is_said_with_the_usage() {
        let said = |error: Failure| {
            assert!(error.to_string().ends_with("\nusage: x [--a N] [--b] WHAT"), "{error}");
            error.to_string().lines().next().unwrap().to_owned()
        };
        assert_eq!(said(arguments("--a").value::<u8>("--a").unwrap_err()), "--a needs a value");
        assert_eq!(said(arguments("").needed::<u8>("--a").unwrap_err()), "--a is missing");
        assert!(said(arguments("--a many").value::<u8>("--a").unwrap_err()).starts_with("--a many: "));
        assert_eq!(said(arguments("--b").last::<String>("WHAT").unwrap_err()), "no WHAT");
        assert_eq!(said(arguments("one two").last::<String>("WHAT").unwrap_err()), "what is two?");
        assert_eq!(said(arguments("--c one").last::<String>("WHAT").unwrap_err()), "what is --c?");
        assert_eq!(said(arguments("--c").none().unwrap_err()), "what is --c?");
    }

    #[test]
    fn an_error_is_said_once() {
        for says_it_itself in [false, true] {
            let error = Above(says_it_itself, std::io::Error::other("the disk is full"));
            assert_eq!(in_full(&error), "above: the disk is full");
        }
    }

    #[derive(Debug)]
    struct Above(bool, std::io::Error);

    impl Display for Above {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            if self.0 { write!(f, "above: {}", self.1) } else { f.write_str("above") }
        }
    }

    impl Error for Above {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.1)
        }
    }
}
