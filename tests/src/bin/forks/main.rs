//! A process that forks, in one of several ways; ends with success when all of its children did as they should.
//!
//! Arguments: the subject, and what it wants. The library is the one under test.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test fails by panicking")]

#[cfg(target_os = "linux")]
mod dates;
#[cfg(target_os = "linux")]
mod inherited;
#[cfg(target_os = "linux")]
mod snapshot;
#[cfg(target_os = "linux")]
mod storm;
#[cfg(target_os = "linux")]
mod talk;
#[cfg(target_os = "linux")]
mod vouched;

#[cfg(target_os = "linux")]
use dlssl_tests::library::loader;
#[cfg(target_os = "linux")]
use dlssl_tests::pki::{Pki, remove_shared_files};

fn main() {
    #[cfg(target_os = "linux")]
    {
        let subject = std::env::args().nth(1).expect("a subject");
        // The default roots, for `Connector::new`.
        // SAFETY: no other thread yet.
        #[allow(clippy::disallowed_methods, reason = "the program has just begun, and has loaded nothing")]
        unsafe {
            std::env::set_var("SSL_CERT_FILE", Pki::shared().root_path());
        };
        let load = || drop(dlssl::reload_with(loader()).expect("the library under test loads"));
        match subject.as_str() {
            "clones" => snapshot::clones(),
            "restored" => snapshot::restored(),
            _ => {
                load();
                let count = || std::env::args().nth(2).and_then(|count| count.parse().ok()).expect("a count");
                match subject.as_str() {
                    "storm" => storm::run(count()),
                    "dates" => dates::run(count()),
                    "inherited" => inherited::run(),
                    "loads" => inherited::loads(),
                    "generations" => inherited::generations(),
                    "vouched" => vouched::run(),
                    "sessions" => vouched::sessions(),
                    other => panic!("unknown subject {other}"),
                }
            }
        }
        remove_shared_files();
        println!("done");
    }
}
