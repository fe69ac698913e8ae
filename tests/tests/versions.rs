//! Versions out of range: a newer major than any known loads with a note, one below the floor and another product are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, ExitCode};

use dlssl::{Flavour, Version};
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{LIB_DIR, LIBCRYPTO, LIBSSL, clear_environment, library};
use dlssl_tests::load_report::{self, Report};
use dlssl_tests::process::{self, Outcome};
use tempfile::TempDir;

/// What the helper exits with when dlssl reported an error to it.
const PANICKED: i32 = 101;

fn main() -> ExitCode {
    // What a newer major looks like nobody knows, but not like a library from before the last change of layout.
    let modern = library().flavour() == Flavour::LibreSsl || library().version() >= Version::parse("3.0.0").unwrap();
    let tests = vec![
        test("the_copy_itself_loads", the_copy_itself_loads),
        test("newer_than_any_known", newer)
            .only_if(modern, || format!("{} is not what a newer major could look like", library().version_text())),
        test("newer_than_any_known_and_of_an_old_layout", newer_with_an_old_layout)
            .only_if(!modern, || format!("{} has no old layout", library().version_text())),
        test("below_the_floor", below_the_floor),
        test("another_product", another_product),
        test("no_version_at_all", no_version),
    ];
    run(tests.into_iter().map(|t| t.needs_sonames()).collect())
}

fn the_copy_itself_loads() {
    let forged = Forged::new(library().version_text());
    let report = forged.load();
    assert!(report.ok(), "{}", report.all());
    assert_eq!(report.0["known"], true);
    let loaded = Path::new(report.text("libcrypto")).canonicalize().unwrap();
    assert_eq!(loaded.parent(), Some(forged.dir.path().canonicalize().unwrap().as_path()));
    forged.shakes_hands();
}

fn newer() {
    let (text, number) = newer_text();
    let forged = Forged::new(&text);
    let report = forged.load();
    assert!(report.ok(), "{}", report.all());
    noted(&report, &text, &number);
    forged.shakes_hands();
}

/// No true newer major looks like this, so it need not work; but it ends in words, at the load or later, and in no crash.
fn newer_with_an_old_layout() {
    let (text, number) = newer_text();
    let forged = Forged::new(&text);
    let report = forged.load();
    if report.ok() {
        noted(&report, &text, &number);
        let outcome = forged.handshake();
        let said = outcome.status.code() == Some(PANICKED) && outcome.stderr.contains(&number);
        assert!(outcome.status.success() || said, "{outcome:?}");
    } else {
        assert_eq!(report.text("code"), "missing-symbols", "{}", report.all());
        assert!(report.text("message").contains(&number), "{}", report.all());
    }
}

fn noted(report: &Report, text: &str, number: &str) {
    assert_eq!(report.text("version"), text);
    assert_eq!(report.0["known"], false);
    for place in [report.text("text"), &report.0["explanation"].to_string()] {
        assert!(place.contains("newer than any version") && place.contains(number), "{place}");
    }
}

fn below_the_floor() {
    let flavour = library().flavour();
    let old = if flavour == Flavour::LibreSsl { "2.1" } else { "0.9" };
    let text = with_number(old);
    let report = Forged::new(&text).load();
    report.refused_as("unsupported", &[&text]);
    let floor = flavour.floor().to_string();
    assert!(report.text("message").contains(&floor), "no floor {floor}: {}", report.text("message"));
    assert!(report.text("message").contains(&text), "{}", report.text("message"));
}

fn another_product() {
    for name in ["BoringSSL", "AWS-LC 1.4"] {
        let report = Forged::new(name).load();
        report.refused_as("not-openssl", &[name]);
        assert!(report.text("message").contains(name), "{}", report.text("message"));
    }
}

/// A text without a number: OpenSSL has its number to be asked for, LibreSSL's says nothing.
fn no_version() {
    let report = Forged::new(&format!("{} dev", library().flavour())).load();
    if library().flavour() == Flavour::LibreSsl {
        report.refused_as("not-openssl", &["LibreSSL dev"]);
    } else {
        assert!(report.ok(), "{}", report.all());
        // The number has no letter before 3.0, but the right major, minor and patch.
        let number = Version::parse(report.text("number")).unwrap();
        let own = library().version();
        assert_eq!((number.major, number.minor, number.patch), (own.major, own.minor, own.patch));
    }
}

/// The text of the library under test with the next-but-many major, and the number in it.
fn newer_text() -> (String, String) {
    let text = with_number("9");
    let number = text.split(' ').nth(1).unwrap().to_owned();
    (text, number)
}

/// The version text with the front of its number overwritten.
fn with_number(front: &str) -> String {
    let text = library().version_text();
    let at = text.find(' ').unwrap() + 1;
    format!("{}{front}{}", &text[..at], &text[at + front.len()..])
}

/// A copy of the library under test that calls itself something else.
struct Forged {
    dir: TempDir,
}

impl Forged {
    fn new(text: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let ssl = std::fs::read(library().libssl_path()).unwrap();
        let crypto = std::fs::read(library().libcrypto_path()).unwrap();
        // libssl names both: itself, and the libcrypto that it wants. On some versions it holds the text too.
        std::fs::write(
            dir.path().join(shared_name(&ssl, "libcrypto")),
            rename(crypto, text).expect("the version text is not in libcrypto"),
        )
        .unwrap();
        std::fs::write(dir.path().join(shared_name(&ssl, "libssl")), rename(ssl.clone(), text).unwrap_or(ssl)).unwrap();
        Forged { dir }
    }

    fn load(&self) -> Report {
        let mut command = self.probe();
        load_report::run(command.args(["load", "--dir"]).arg(self.dir.path()))
    }

    fn shakes_hands(&self) {
        self.handshake().success();
    }

    fn handshake(&self) -> Outcome {
        let mut command = self.probe();
        command.env_remove(LIBSSL).env_remove(LIBCRYPTO).env(LIB_DIR, self.dir.path());
        process::run(command.args(["count", "handshake"]), b"")
    }

    /// The helper, with our directory before whatever else the library under test needs.
    fn probe(&self) -> Command {
        let mut path = self.dir.path().as_os_str().to_owned();
        if let Some(before) = std::env::var_os("LD_LIBRARY_PATH") {
            path.push(":");
            path.push(before);
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_probe"));
        clear_environment(&mut command);
        command.env("LD_LIBRARY_PATH", path);
        command
    }
}

/// The whole string in a file that begins like this and is the name of a shared object.
fn shared_name(file: &[u8], stem: &str) -> String {
    file.windows(stem.len())
        .enumerate()
        .filter(|(at, window)| *window == stem.as_bytes() && *at > 0 && file[at - 1] == 0)
        .filter_map(|(at, _)| std::str::from_utf8(file[at..].split(|b| *b == 0).next()?).ok())
        .find(|name| name.contains(".so") && !name.ends_with(".debug"))
        .unwrap_or_else(|| panic!("no name of a {stem}"))
        .to_owned()
}

/// Overwrites the version text wherever it stands, the rest with NUL, so that nothing moves; nothing when it is nowhere.
fn rename(mut file: Vec<u8>, text: &str) -> Option<Vec<u8>> {
    let old = library().version_text().as_bytes();
    let mut new = text.as_bytes().to_vec();
    assert!(new.len() <= old.len());
    new.resize(old.len(), 0);
    let places: Vec<usize> =
        file.windows(old.len()).enumerate().filter(|(_, window)| *window == old).map(|(at, _)| at).collect();
    for at in &places {
        file[*at..at + old.len()].copy_from_slice(&new);
    }
    (!places.is_empty()).then_some(file)
}
