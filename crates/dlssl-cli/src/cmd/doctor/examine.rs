//! The findings as plain data; their JSON form is an interface, so fields are only added.

use std::path::Path;

use dlssl::{Capability, Explanation, Generation, Library, LoadError};
use serde::Serialize;

use super::environment::{self, Variable};
use super::isolation::{self, IsolationReport};
use super::kernel_tls::{self, KernelTlsReport};
use super::roots::{self, RootsReport};
use crate::library::LibraryOptions;

/// All that `doctor` says.
#[derive(Debug, Serialize)]
pub(super) struct Diagnosis<'a> {
    /// Whether a program gets a library here.
    pub(super) ok: bool,
    pub(super) library: Option<LibraryReport>,
    pub(super) error: Option<ErrorReport>,
    pub(super) explanation: &'a Explanation,
    pub(super) roots: Option<RootsReport>,
    pub(super) isolation: Option<IsolationReport>,
    pub(super) kernel_tls: Option<KernelTlsReport>,
    pub(super) capabilities: Vec<Capability>,
    pub(super) environment: Vec<Variable>,
    pub(super) problems: Vec<Problem>,
}

#[derive(Debug, Serialize)]
pub(super) struct LibraryReport {
    pub(super) flavour: String,
    pub(super) version: String,
    pub(super) version_text: String,
    pub(super) known_version: bool,
    /// What of a path is no Unicode is replaced, here and wherever else one goes into JSON.
    pub(super) libssl: String,
    pub(super) libcrypto: String,
    pub(super) generation: Generation,
    pub(super) openssl_dir: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ErrorReport {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// Something that is not as it should be.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) what: String,
    pub(super) advice: String,
}

/// The findings about a library that loaded.
pub(super) fn loaded<'a>(library: &'a Library, options: &LibraryOptions) -> Diagnosis<'a> {
    let isolation = isolation::examine(library, options);
    let roots = roots::examine(library);
    let environment = environment::seen(options);
    let about = LibraryReport {
        flavour: library.flavour().to_string(),
        version: library.version().to_string(),
        version_text: library.version_text().to_string(),
        known_version: library.is_known_version(),
        libssl: library.libssl_path().display().to_string(),
        libcrypto: library.libcrypto_path().display().to_string(),
        generation: library.generation(),
        openssl_dir: library.openssl_dir(),
    };
    let mut problems: Vec<_> = of_version(&about).into_iter().collect();
    problems.extend(out_of_two_places(library.libssl_path(), library.libcrypto_path()));
    problems.extend(isolation::problems(&isolation));
    problems.extend(of_roots(&roots));
    problems.extend(of_environment(&environment));
    Diagnosis {
        ok: true,
        library: Some(about),
        error: None,
        explanation: library.explain(),
        roots: Some(roots),
        isolation: Some(isolation),
        kernel_tls: Some(kernel_tls::examine(library)),
        capabilities: library.capabilities(),
        environment,
        problems,
    }
}

/// The findings when no library loaded.
pub(super) fn failed<'a>(error: &'a LoadError, options: &LibraryOptions) -> Diagnosis<'a> {
    let environment = environment::seen(options);
    let mut problems = vec![Problem { what: error.to_string(), advice: load_advice(error.code()).into() }];
    problems.extend(of_environment(&environment));
    Diagnosis {
        ok: false,
        library: None,
        error: Some(ErrorReport { code: error.code(), message: error.to_string() }),
        explanation: error.explanation(),
        roots: None,
        isolation: None,
        kernel_tls: None,
        capabilities: Vec::new(),
        environment,
        problems,
    }
}

/// What to do about a failed load, beyond what the error says for its own case.
fn load_advice(code: &str) -> &'static str {
    match code {
        "not-found" | "incomplete" => "install the system's OpenSSL runtime, or name a library with --lib-dir",
        "environment" => "correct or unset the variable",
        "wrong-architecture" => "install the library for this program's architecture",
        _ => "name another library with --lib-dir; the explanation says what was tried",
    }
}

fn of_version(library: &LibraryReport) -> Option<Problem> {
    (!library.known_version).then(|| Problem {
        what: format!("{} {} is newer than any version known here", library.flavour, library.version),
        advice: "it was checked like any other; run dlssl selftest, and look for a newer dlssl".into(),
    })
}

fn out_of_two_places(libssl: &Path, libcrypto: &Path) -> Option<Problem> {
    (libssl.parent() != libcrypto.parent()).then(|| Problem {
        what: format!("{} and {} lie in different directories", libssl.display(), libcrypto.display()),
        advice:
            "they do run together; see to it that they are of one build: libssl of OpenSSL 3 and later does not tell \
                 its version"
                .into(),
    })
}

fn of_roots(roots: &RootsReport) -> Option<Problem> {
    if !roots.found {
        let reason = roots.error.as_deref().unwrap_or("nothing was found");
        return Some(Problem {
            what: format!("no default trust roots: {reason}"),
            advice: "do as it says, or name a file of roots in the program".into(),
        });
    }
    let counts = [roots.file_certificates, roots.directory_certificates];
    let counted: Vec<usize> = counts.into_iter().flatten().collect();
    (!counted.is_empty() && counted.iter().all(|count| *count == 0)).then(|| Problem {
        what: "the default trust roots hold no certificate".into(),
        advice: "reinstall the system's certificates (package ca-certificates)".into(),
    })
}

fn of_environment(variables: &[Variable]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for variable in variables {
        let Variable { name, value, effect } = variable;
        if effect.starts_with("ignored") {
            continue;
        }
        match *name {
            "SSL_CERT_FILE" | "SSL_CERT_DIR" | "OPENSSL_CONF" | "OPENSSL_MODULES" => {
                // A list of directories is allowed in SSL_CERT_DIR: one that exists is enough.
                let there = std::env::split_paths(value).any(|path| path.exists());
                if !there && !value.is_empty() {
                    problems.push(Problem {
                        what: format!("{name} names \"{}\", which does not exist", value.to_string_lossy()),
                        advice: format!("correct or unset {name}"),
                    });
                }
            }
            "LD_PRELOAD" | "DYLD_INSERT_LIBRARIES" if !value.is_empty() => problems.push(Problem {
                what: format!("{name} puts other code before the library: \"{}\"", value.to_string_lossy()),
                advice: format!("unset {name} if TLS behaves oddly"),
            }),
            "OPENSSL_ia32cap" => problems.push(Problem {
                what: format!("{name} is set: the library may run slow code"),
                advice: format!("unset {name} unless it is there for a reason"),
            }),
            _ => {}
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_out_of_two_directories_is_a_problem() {
        let places = |libcrypto: &str| out_of_two_places(Path::new("/a/libssl.so.3"), Path::new(libcrypto));
        assert_eq!(places("/a/libcrypto.so.3"), None);
        assert!(places("/b/libcrypto.so.3").is_some());
    }

    fn roots(file: Option<usize>, directory: Option<usize>) -> RootsReport {
        RootsReport {
            found: true,
            origin: None,
            file: None,
            file_certificates: file,
            directory: None,
            directory_certificates: directory,
            considered: Vec::new(),
            error: None,
        }
    }

    fn variable(name: &'static str, value: &str) -> Variable {
        Variable { name, value: value.into(), effect: "" }
    }

    #[test]
    fn roots_are_a_problem_only_when_nothing_is_there() {
        assert_eq!(of_roots(&roots(Some(140), Some(0))), None);
        assert_eq!(of_roots(&roots(None, None)), None);
        assert!(of_roots(&roots(Some(0), Some(0))).is_some());
        assert!(of_roots(&RootsReport { found: false, ..roots(None, None) }).is_some());
    }

    #[test]
    fn a_variable_that_points_nowhere_is_a_problem() {
        assert_eq!(of_environment(&[variable("SSL_CERT_FILE", "/no/such/file")]).len(), 1);
        assert_eq!(of_environment(&[variable("SSL_CERT_FILE", "")]).len(), 0);
        let here = std::env::temp_dir();
        assert_eq!(of_environment(&[variable("SSL_CERT_DIR", here.to_str().unwrap())]).len(), 0);
        assert_eq!(of_environment(&[variable("LD_LIBRARY_PATH", "/x")]).len(), 0);
    }
}
