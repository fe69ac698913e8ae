//! Whether this machine can keep two libraries of one name apart, and whether this one would have to.

use dlssl::{Isolation, Library, Loader};
use serde::Serialize;

use super::examine::Problem;
use crate::library::LibraryOptions;

#[derive(Debug, Serialize)]
pub(super) struct IsolationReport {
    /// Whether a private copy of the library could be loaded here.
    pub(super) possible: bool,
    /// Why not.
    pub(super) obstacle: Option<String>,
    /// Why the library is a private copy; absent when its files are mapped as they are.
    pub(super) used: Option<String>,
    /// The platform's own library, when it goes by the same name as the chosen one.
    pub(super) namesake: Option<String>,
}

/// Tries it: loads the library once more, as a private copy, and looks for the platform's own.
pub(super) fn examine(library: &Library, options: &LibraryOptions) -> IsolationReport {
    let copy = options.loader().isolation(Isolation::Always).load();
    IsolationReport {
        possible: copy.is_ok(),
        obstacle: copy.err().map(|error| error.to_string()),
        used: library.explain().taken.as_ref().and_then(|taken| taken.private_copy.clone()),
        namesake: namesake(library),
    }
}

/// The platform's own library, where another one was chosen and a component that brings in the platform's would meet it.
fn namesake(library: &Library) -> Option<String> {
    let own = Loader::new().environment(false).load().ok()?;
    let clash = own.is_private_copy() && own.libcrypto_path() != library.libcrypto_path();
    clash.then(|| format!("{} ({})", own.version_text(), own.libcrypto_path().display()))
}

/// What should be said about it.
pub(super) fn problems(report: &IsolationReport) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(obstacle) = &report.obstacle {
        problems.push(Problem {
            what: format!("no private copy of the library can be loaded here: {obstacle}"),
            advice: "an upgrade on disk then needs a restart, and another OpenSSL of the same name in one process is \
                     refused"
                .into(),
        });
    }
    if let Some(why) = &report.used {
        problems.push(Problem {
            what: format!("the library is a private copy: {why}"),
            advice: "this is safe; the library's configuration file is not read unless the program asks for it".into(),
        });
    }
    if let Some(namesake) = &report.namesake {
        problems.push(Problem {
            what: format!("the platform's own {namesake} goes by the same name"),
            advice:
                "in a process where another component brings it in, dlssl loads a private copy by itself; a loader \
                     without private copies would mix the two"
                    .into(),
        });
    }
    problems
}
