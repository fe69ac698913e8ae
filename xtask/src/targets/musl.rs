//! What linking and running programs for musl needs: Debian's newest musl, because wheels are built for newer ones than a machine may
//! have, and the library that unwinds, which Debian has for glibc only.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::debian::{self, Archive};
use super::run::{files, wheel};
use crate::Fallible;

/// Its place in the cache.
const NAME: &str = "musl";
/// Debian's suite with the newest.
const SUITE: &str = "sid";
/// Where the package has the C library, which is its own dynamic linker.
const LIBRARY: &str = "usr/lib/x86_64-linux-musl/libc.so";
/// A package whose wheels carry musl's libgcc_s, and its version.
const UNWINDS: [&str; 2] = ["greenlet", "3.5.6"];
/// The folder in our place that libgcc_s is in, with the names that the linker asks for.
const LINKED: &str = "linked";

/// Where it is.
pub(super) struct Musl {
    place: PathBuf,
}

impl Musl {
    /// Finds it in the cache.
    pub(super) fn find() -> Fallible<Option<Musl>> {
        Ok(debian::unpacked(NAME)?.map(|place| Musl { place }))
    }

    /// Variables by which cargo links programs that load libraries and run on this musl.
    pub(super) fn environment(&self) -> [(&'static str, OsString); 2] {
        let (linker, folder) = (self.place.join(LIBRARY), self.place.join(LINKED));
        let (linker, folder) = (linker.display(), folder.display());
        let flags = [
            // A static program loads no libraries.
            "target-feature=-crt-static".to_owned(),
            format!("link-arg=-L{folder}"),
            format!("link-arg=-Wl,-rpath,{folder}"),
            format!("link-arg=-Wl,--dynamic-linker={linker}"),
        ];
        // Between flags, where a space may be part of one.
        let flags = flags.map(|flag| format!("-C\u{1f}{flag}")).join("\u{1f}");
        [
            ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER", "musl-gcc".into()),
            ("CARGO_ENCODED_RUSTFLAGS", flags.into()),
        ]
    }
}

/// Fetches it.
pub(super) fn install() -> Fallible<()> {
    if debian::unpacked(NAME)?.is_some() {
        return Ok(());
    }
    Archive::open(SUITE, &["amd64"])?.unpack(&["musl".to_owned()], NAME, |out| {
        let folder = out.join(LINKED);
        wheel(UNWINDS, "musllinux_1_2_x86_64", &folder)?;
        let is_wanted =
            |file: &Path| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libgcc_s"));
        let library = files(&folder).into_iter().find(|file| is_wanted(file)).ok_or("the wheel has no libgcc_s")?;
        let own = folder.join(library.file_name().unwrap_or_default());
        fs::rename(&library, &own)?;
        symlink(own.file_name().unwrap_or_default(), folder.join("libgcc_s.so"))?;
        // musl knows itself by this name; the linker wants a file.
        Ok(symlink(Path::new("..").join(LIBRARY), folder.join("libc.musl-x86_64.so.1"))?)
    })?;
    Ok(())
}
