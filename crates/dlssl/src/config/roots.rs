//! Which certificates are trusted, and where the default ones really are.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use dlssl_core::Library;

use super::identity::Source;
use super::platform_store;
use crate::error::{Error, ErrorKind};
use crate::raw;

/// Certificates to trust. By default those that the library, or else the distribution, really has.
///
/// # Examples
/// ```
/// # let scene = dlssl_tests::example::scene();
/// use dlssl::{Connector, ErrorKind, Roots};
///
/// let library = dlssl::current()?;
/// let roots = Roots::file("ca.pem").and(Roots::pem(std::fs::read("intermediate.pem")?));
/// Connector::builder(&library).roots(roots).build()?;
///
/// // A directory needs files named by hash; who trusts nobody talks to nobody; the default is what the machine trusts.
/// let other = [Roots::directory("."), Roots::none()].map(|roots| Connector::builder(&library).roots(roots).build());
/// assert!(other.into_iter().all(|built| built.unwrap_err().kind() == ErrorKind::NoRoots));
/// let with_the_machines_own = Roots::file("ca.pem").and(Roots::default());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Roots {
    pub(crate) sources: Vec<RootSource>,
}

#[derive(Clone)]
pub(crate) enum RootSource {
    Default,
    Pem(Source),
    Directory(PathBuf),
}

impl Default for Roots {
    fn default() -> Self {
        Self { sources: vec![RootSource::Default] }
    }
}

impl Roots {
    /// Trusts nobody. A start for [`and`](Self::and).
    #[must_use]
    pub fn none() -> Self {
        Self { sources: Vec::new() }
    }

    /// Trusts the certificates in a file, PEM or DER.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { sources: vec![RootSource::Pem(Source::File(path.into()))] }
    }

    /// Trusts the certificates in PEM or DER bytes.
    pub fn pem(bytes: impl Into<Vec<u8>>) -> Self {
        Self { sources: vec![RootSource::Pem(Source::bytes(bytes))] }
    }

    /// Trusts the certificates in a directory whose files are named by hash (`openssl rehash`).
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self { sources: vec![RootSource::Directory(path.into())] }
    }

    /// Trusts the other's certificates too.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.sources.extend(other.sources);
        self
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let describe = |source: &RootSource| match source {
            RootSource::Default => "default".to_owned(),
            RootSource::Pem(source) => source.describe(),
            RootSource::Directory(path) => path.display().to_string(),
        };
        f.debug_list().entries(self.sources.iter().map(describe)).finish()
    }
}

/// Where the default roots are, and how that was found out.
///
/// # Examples
/// ```
/// match dlssl::default_roots(&dlssl::current()?) {
///     Ok(roots) => {
///         println!("{:?} {:?}, by {}", roots.file(), roots.directory(), roots.origin());
///         println!("looked at: {:?}; of the platform's store: {}", roots.considered(), roots.certificates().len());
///     }
///     Err(error) => assert_eq!(error.kind(), dlssl::ErrorKind::NoRoots),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultRoots {
    origin: &'static str,
    file: Option<PathBuf>,
    directory: Option<PathBuf>,
    certificates: Vec<Vec<u8>>,
    considered: Vec<String>,
}

impl DefaultRoots {
    /// Who named the place, such as `the library's own locations`.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.origin
    }

    /// File of certificates.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Directory of certificates, named by hash.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Certificates in DER, where they come from the platform's own store, which is no folder (Windows, macOS).
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// Each place looked at and what was there, one line each.
    #[must_use]
    pub fn considered(&self) -> &[String] {
        &self.considered
    }
}

impl fmt::Display for DefaultRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places: Vec<String> =
            [&self.file, &self.directory].into_iter().flatten().map(|path| path.display().to_string()).collect();
        if !self.certificates.is_empty() {
            places.push(format!("{} certificates", self.certificates.len()));
        }
        write!(f, "{} ({})", places.join(", "), self.origin)
    }
}

/// Bundles that distributions keep, for libraries whose own directory is empty or absent.
const BUNDLES: [&str; 8] = [
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Arch, Alpine, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7 and later
    "/etc/ssl/ca-bundle.pem",             // openSUSE
    "/etc/ssl/cert.pem",                  // macOS, OpenBSD, FreeBSD, Alpine
    "/usr/local/share/certs/ca-root-nss.crt", // FreeBSD's ports
    "/etc/certs/ca-certificates.crt",     // Solaris
    "/usr/ssl/certs/ca-bundle.crt",       // Cygwin
];

/// Finds the default roots: the files that the environment names, else the library's own locations where they hold
/// certificates, else the platform's own store (Windows, macOS), else the distribution's.
///
/// The environment variables are the library's own (`SSL_CERT_FILE`, `SSL_CERT_DIR`), and count alike on every
/// library; a process that runs set-user-id ignores them.
///
/// # Errors
/// [`ErrorKind::NoRoots`] when nothing holds certificates, or when what the environment names does not.
pub fn default_roots(library: &Library) -> Result<DefaultRoots, Error> {
    let own = raw::x509_locations(library);
    let named = Named {
        file_variable: own.file_variable,
        directory_variable: own.directory_variable,
        file: PathBuf::from(own.file),
        directory: PathBuf::from(own.directory),
    };
    locate(&named, &variable, &check_file, &check_hashed, &platform_store::certificates)
        .map_err(|error| error.of(library))
}

/// What a library has compiled in.
struct Named {
    file_variable: String,
    directory_variable: String,
    file: PathBuf,
    directory: PathBuf,
}

/// Says what keeps certificates from being there.
type Check<'a> = &'a dyn Fn(&Path) -> Result<(), Error>;

fn locate(
    named: &Named,
    variable: &dyn Fn(&str) -> Option<OsString>,
    is_file: Check<'_>,
    is_directory: Check<'_>,
    store: &dyn Fn() -> Option<Vec<Vec<u8>>>,
) -> Result<DefaultRoots, Error> {
    let mut considered = Vec::new();
    let read = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let (named_file, named_directory) = (read(&named.file_variable), read(&named.directory_variable));
    let by_environment = named_file.is_some() || named_directory.is_some();
    let (file, directory, mut origin) = if by_environment {
        let file = named_file.and_then(|path| look(&mut considered, path, is_file, &named.file_variable));
        let directory =
            named_directory.and_then(|path| look(&mut considered, path, is_directory, &named.directory_variable));
        (file, directory, "the environment")
    } else {
        let file = look(&mut considered, named.file.clone(), is_file, "the library's file");
        let directory = look(&mut considered, named.directory.clone(), is_directory, "the library's directory");
        (file, directory, "the library's own locations")
    };
    let mut found = (file, directory);
    if by_environment && found == (None, None) {
        return Err(Error::new(
            ErrorKind::NoRoots,
            format!("the environment names no certificates to trust: {}; correct or unset it", considered.join("; ")),
        ));
    }
    if found == (None, None)
        && let Some(certificates) = store()
    {
        considered.push(format!("the platform's store: holds {} certificates", certificates.len()));
        if !certificates.is_empty() {
            let origin = "the platform's own store";
            return Ok(DefaultRoots { origin, file: None, directory: None, certificates, considered });
        }
    }
    if found == (None, None) {
        origin = "the distribution's bundle";
        found.0 = BUNDLES.iter().find_map(|bundle| look(&mut considered, PathBuf::from(bundle), is_file, "bundle"));
    }
    if found == (None, None) {
        return Err(Error::new(
            ErrorKind::NoRoots,
            format!(
                "no certificates to trust were found; install the distribution's (Debian: ca-certificates), set {}, \
                 or name them with Roots::file. Looked at: {}",
                named.file_variable,
                considered.join("; ")
            ),
        ));
    }
    Ok(DefaultRoots { origin, file: found.0, directory: found.1, certificates: Vec::new(), considered })
}

/// Looks at one place, and notes that.
fn look(considered: &mut Vec<String>, path: PathBuf, check: Check<'_>, what: &str) -> Option<PathBuf> {
    let checked = check(&path);
    considered.push(match &checked {
        Ok(()) => format!("{what}: {} holds certificates", path.display()),
        Err(error) => format!("{what}: {error}"),
    });
    checked.is_ok().then_some(path)
}

/// Reads a variable, unless the process has more rights than who started it.
fn variable(name: &str) -> Option<OsString> {
    if dlssl_core::environment_is_trusted() { std::env::var_os(name) } else { None }
}

/// Whether a file holds a certificate in PEM, or why not.
fn check_file(path: &Path) -> Result<(), Error> {
    match holds_certificate(path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(no_roots(path, "holds no certificate in PEM")),
        Err(_) if path.is_dir() => Err(no_roots(path, "is a folder, not a file of certificates")),
        Err(error) => Err(cannot_read(path, error)),
    }
}

fn holds_certificate(path: &Path) -> io::Result<bool> {
    let mut reader = BufReader::new(std::fs::File::open(path)?);
    let mut line = Vec::new();
    while !line.starts_with(b"-----BEGIN ") {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a folder holds certificates that are named by hash, or why not.
pub(crate) fn check_hashed(path: &Path) -> Result<(), Error> {
    // The variable may list several, as `PATH` does: one is enough.
    let checked = std::env::split_paths(path).map(|path| check_folder(&path));
    let either = |one, other| match (one, other) {
        (Err(one), Err(other)) => Err(Error::new(ErrorKind::NoRoots, format!("{one}; {other}"))),
        _ => Ok(()),
    };
    checked.reduce(either).unwrap_or_else(|| check_folder(path))
}

fn check_folder(path: &Path) -> Result<(), Error> {
    match list_hashed(path) {
        Ok(files) if files.is_empty() => {
            Err(no_roots(path, "holds no certificate named by hash; run `openssl rehash` on it"))
        }
        Ok(_) => Ok(()),
        Err(_) if path.is_file() => Err(no_roots(path, "is a file, not a folder of certificates")),
        Err(error) => Err(cannot_read(path, error)),
    }
}

fn no_roots(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::NoRoots, format!("{} {why}", path.display()))
}

fn cannot_read(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::NoRoots, format!("cannot read {}", path.display())).with_io(error)
}

/// Files of a directory that are named by hash, in order; none where it cannot be read.
pub(crate) fn hashed_files(path: &Path) -> Vec<PathBuf> {
    list_hashed(path).unwrap_or_default()
}

fn list_hashed(path: &Path) -> io::Result<Vec<PathBuf>> {
    let named = |entry: &std::fs::DirEntry| entry.file_name().to_str().is_some_and(is_hash_name);
    let entries = std::fs::read_dir(path)?.filter_map(Result::ok);
    let mut files: Vec<_> = entries.filter(named).map(|entry| entry.path()).collect();
    files.sort_unstable();
    Ok(files)
}

/// Whether a file is named as C looks certificates up: eight digits of a hash, a dot, a count.
fn is_hash_name(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, count)| {
        hash.len() == 8
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !count.is_empty()
            && count.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(environment: &[(&str, &str)], real: &[&str]) -> Result<DefaultRoots, Error> {
        find_with(environment, real, &|| None)
    }

    fn find_with(
        environment: &[(&str, &str)],
        real: &[&str],
        store: &dyn Fn() -> Option<Vec<Vec<u8>>>,
    ) -> Result<DefaultRoots, Error> {
        let named = Named {
            file_variable: "SSL_CERT_FILE".into(),
            directory_variable: "SSL_CERT_DIR".into(),
            file: "/own/cert.pem".into(),
            directory: "/own/certs".into(),
        };
        let variable =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        let exists = |path: &Path| match real.iter().any(|known| Path::new(known) == path) {
            true => Ok(()),
            false => Err(cannot_read(path, io::ErrorKind::PermissionDenied.into())),
        };
        locate(&named, &variable, &exists, &exists, store)
    }

    #[test]
    fn the_librarys_own_come_before_the_distributions() {
        let found = find(&[], &["/own/certs", "/etc/ssl/cert.pem"]).unwrap();
        assert_eq!(found.directory(), Some(Path::new("/own/certs")));
        assert_eq!(found.file(), None);
        assert_eq!(found.considered().len(), 2);
    }

    #[test]
    fn an_empty_own_directory_leads_to_the_distributions() {
        let found = find(&[], &["/etc/ssl/cert.pem"]).unwrap();
        assert_eq!(found.file(), Some(Path::new("/etc/ssl/cert.pem")));
        assert!(found.to_string().contains("distribution"));
    }

    #[test]
    fn the_platforms_store_comes_after_the_librarys_own_and_before_bundles() {
        let store = || Some(vec![vec![1], vec![2]]);
        let found = find_with(&[], &["/etc/ssl/cert.pem"], &store).unwrap();
        assert_eq!((found.certificates().len(), found.file()), (2, None));
        assert_eq!(found.to_string(), "2 certificates (the platform's own store)");
        let own = find_with(&[], &["/own/certs"], &store).unwrap();
        assert!(own.certificates().is_empty() && own.directory().is_some());
        let mine = find_with(&[("SSL_CERT_FILE", "/mine.pem")], &["/mine.pem"], &store).unwrap();
        assert!(mine.certificates().is_empty());
        // One that is empty is said to be, and the search goes on.
        let empty = find_with(&[], &["/etc/ssl/cert.pem"], &|| Some(Vec::new())).unwrap();
        assert!(empty.file().is_some() && empty.considered().iter().any(|line| line.contains("holds 0")));
    }

    #[test]
    fn the_environment_wins_and_is_never_passed_over() {
        let found = find(&[("SSL_CERT_FILE", "/mine.pem")], &["/mine.pem", "/own/certs"]).unwrap();
        assert_eq!((found.origin(), found.directory()), ("the environment", None));
        let error = find(&[("SSL_CERT_FILE", "/gone.pem")], &["/own/certs"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoRoots);
        assert_eq!(
            error.to_string(),
            "the environment names no certificates to trust: SSL_CERT_FILE: cannot read /gone.pem: permission denied; \
             correct or unset it"
        );
    }

    #[test]
    fn what_holds_none_is_told_from_what_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let (text, gone) = (dir.path().join("words.txt"), dir.path().join("gone"));
        std::fs::write(&text, "no certificate\n").unwrap();
        let (folder_shown, text_shown) = (dir.path().display(), text.display());
        let said = |checked: Result<(), Error>| checked.unwrap_err().to_string();
        assert_eq!(said(check_file(&text)), format!("{text_shown} holds no certificate in PEM"));
        assert_eq!(said(check_file(dir.path())), format!("{folder_shown} is a folder, not a file of certificates"));
        assert_eq!(said(check_hashed(&text)), format!("{text_shown} is a file, not a folder of certificates"));
        assert!(said(check_hashed(dir.path())).ends_with("named by hash; run `openssl rehash` on it"));
        for checked in [check_file(&gone), check_hashed(&gone)] {
            let error = checked.unwrap_err();
            assert!(error.to_string().starts_with(&format!("cannot read {}: ", gone.display())), "{error}");
            assert_eq!(error.io_error().unwrap().kind(), io::ErrorKind::NotFound);
        }
        // Of several, each is told about; one that holds certificates is enough.
        let both = PathBuf::from(std::env::join_paths([&gone, &text]).unwrap());
        assert_eq!(said(check_hashed(&both)), format!("{}; {}", said(check_hashed(&gone)), said(check_hashed(&text))));
        std::fs::write(dir.path().join("0a1b2c3d.0"), "").unwrap();
        let one_good = PathBuf::from(std::env::join_paths([gone.as_path(), dir.path()]).unwrap());
        check_hashed(&one_good).unwrap();
    }

    #[test]
    fn nothing_anywhere_says_what_to_do() {
        let error = find(&[], &[]).unwrap_err();
        assert!(error.to_string().contains("ca-certificates") && error.to_string().contains("/own/cert.pem"));
    }

    #[test]
    fn hash_names() {
        assert!(is_hash_name("0a1b2c3d.0") && is_hash_name("ffffffff.12"));
        for name in ["cert.pem", "0a1b2c3.0", "0a1b2c3d.", "0a1b2c3d.r0", "0a1b2c3d"] {
            assert!(!is_hash_name(name), "{name}");
        }
    }
}
