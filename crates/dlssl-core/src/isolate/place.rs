//! Where the bytes of a private copy lie: a sealed memory file, or a file in a private folder where there are none.

use std::io::{self, Write as _};
use std::path::PathBuf;

use super::content::Content;
#[cfg(target_os = "linux")]
use super::names;

/// A file that the dynamic linker can open once.
pub(crate) struct Placed {
    pub(crate) path: PathBuf,
    pub(super) content: Content,
    /// Private folder, to go once the file is open.
    folder: Option<tempfile::TempDir>,
}

impl Placed {
    /// Where it lies, for the explanation.
    pub(super) fn words(&self) -> &'static str {
        if self.folder.is_some() { "a private folder" } else { "a sealed memory file" }
    }
}

/// Puts bytes where the dynamic linker can open them and nobody can change them. `label` is what a person sees in the
/// process's map.
pub(super) fn place(bytes: &[u8], label: &str) -> io::Result<Placed> {
    match in_memory(bytes, label) {
        Ok(placed) => Ok(placed),
        // No memory files, or no /proc to name them by.
        Err(_) => in_folder(bytes, label),
    }
}

#[cfg(target_os = "linux")]
fn in_memory(bytes: &[u8], label: &str) -> io::Result<Placed> {
    use std::os::fd::{AsRawFd as _, FromRawFd as _};
    use std::os::unix::fs::MetadataExt as _;

    /// The kernel's limit for names of memory files.
    const LONGEST: usize = 249;
    let label = std::ffi::CString::new(label.chars().take(LONGEST / 4).collect::<String>()).unwrap_or_default();
    let create = |flags: u32| {
        // SAFETY: a string that ends with NUL; flags as documented.
        unsafe { libc::memfd_create(label.as_ptr(), flags) }
    };
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // Kernels that know the flag may refuse executable mappings without it; older ones refuse the flag.
    let mut fd = create(flags | libc::MFD_EXEC);
    if fd < 0 {
        fd = create(flags);
    }
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, owned by nobody else.
    let mut file = unsafe { std::fs::File::from_raw_fd(fd) };
    file.write_all(bytes)?;
    let seals = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;
    // SAFETY: a live descriptor and flags as documented.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let of_ours = file.metadata()?;
    let spelling = names::spelling()?;
    // A name with our number is one that a debugger can open too; in a namespace whose /proc is another's, it would be
    // somebody else's.
    [format!("/proc/{}", std::process::id()), "/proc/self".to_owned()]
        .into_iter()
        .map(|process| PathBuf::from(format!("{process}/fd{spelling}{fd}")))
        .find(|path| {
            std::fs::metadata(path).is_ok_and(|seen| (seen.dev(), seen.ino()) == (of_ours.dev(), of_ours.ino()))
        })
        .map(|path| Ok(Placed { path, content: Content::of(file)?, folder: None }))
        .unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))
}

#[cfg(not(target_os = "linux"))]
fn in_memory(_: &[u8], _: &str) -> io::Result<Placed> {
    Err(io::ErrorKind::Unsupported.into())
}

fn in_folder(bytes: &[u8], label: &str) -> io::Result<Placed> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("dlssl-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let folder = builder.tempdir()?;
    let path = folder.path().join(label.replace(['/', ' '], "-"));
    std::fs::File::create_new(&path)?.write_all(bytes)?;
    let content = Content::of(std::fs::File::open(&path)?)?;
    Ok(Placed { path, content, folder: Some(folder) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_places_hold_the_bytes() {
        let bytes = b"some bytes".repeat(1000);
        for placed in [place(&bytes, "dlssl a b/c"), in_folder(&bytes, "dlssl a b/c")] {
            let placed = placed.unwrap();
            assert_eq!(std::fs::read(&placed.path).unwrap(), bytes);
            assert!(placed.content.is(&bytes[..]));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_memory_file_cannot_be_changed_and_its_folder_is_not_needed() {
        let placed = in_memory(b"bytes", "dlssl test").unwrap();
        assert!(placed.folder.is_none());
        assert!(
            std::fs::OpenOptions::new().write(true).open(&placed.path).and_then(|mut f| f.write_all(b"x")).is_err()
        );
        let other = in_memory(b"bytes", "dlssl test").unwrap();
        // `Path` would compare part by part; glibc compares the spelling.
        let spelled = |path: &std::path::Path| path.to_string_lossy().rsplit_once('/').unwrap().0.to_owned();
        assert_ne!(spelled(&placed.path), spelled(&other.path));
    }

    #[test]
    fn a_private_folder_is_private_and_goes() {
        let placed = in_folder(b"bytes", "dlssl test").unwrap();
        let folder = placed.path.parent().unwrap().to_owned();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o077, 0);
        }
        drop(placed);
        assert!(!folder.exists());
    }
}
