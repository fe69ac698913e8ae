//! Where the dynamic linker would find a name: asked only when the name is taken in this process, so that the linker
//! would not look.
//!
//! glibc's order: `LD_LIBRARY_PATH`, the cache, the usual folders. The search path of the program itself is not followed.

use std::path::{Path, PathBuf};

use super::environment::environment_is_trusted;

/// The cache of every glibc system.
const CACHE: &str = "/etc/ld.so.cache";
/// Caches are some hundred kilobytes; a bound for what is none.
const LARGEST_CACHE: u64 = 64 * 1024 * 1024;
const USUAL: [&str; 4] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

/// Finds the file that a name without a folder stands for.
pub(crate) fn locate(name: &Path) -> Option<PathBuf> {
    let fits = |path: PathBuf| super::inspect::inspect(&path).is_ok().then_some(path);
    let listed = || {
        let list = std::env::var_os("LD_LIBRARY_PATH").filter(|_| environment_is_trusted())?;
        std::env::split_paths(&list).find_map(|folder| fits(folder.join(name)))
    };
    let cached = || {
        let file = std::fs::File::open(CACHE).ok()?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(file, LARGEST_CACHE), &mut bytes).ok()?;
        in_cache(&bytes, name.to_str()?).into_iter().find_map(fits)
    };
    let usual = || USUAL.iter().find_map(|folder| fits(Path::new(folder).join(name)));
    listed().or_else(cached).or_else(usual)
}

/// Files that a cache has for a name, in its order; those for special processors left out.
pub(crate) fn in_cache(bytes: &[u8], name: &str) -> Vec<PathBuf> {
    const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
    const HEADER: usize = 48;
    const ENTRY: usize = 24;
    // A cache in the old format, with the new one behind it, begins with something else.
    let Some(start) = memchr::memmem::find(bytes, MAGIC) else { return Vec::new() };
    let cache = &bytes[start..];
    let number = |at: usize| -> Option<usize> {
        let bytes = cache.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_ne_bytes(bytes.try_into().ok()?)).ok()
    };
    let text =
        |at: usize| -> Option<&str> { std::str::from_utf8(cache.get(at..)?.split(|byte| *byte == 0).next()?).ok() };
    let Some(count) = number(MAGIC.len()) else { return Vec::new() };
    let entries = cache.get(HEADER..).unwrap_or_default().chunks_exact(ENTRY).take(count).enumerate();
    entries
        .filter_map(|(index, entry)| {
            let at = HEADER + index * ENTRY;
            let plain = entry[16..].iter().all(|byte| *byte == 0);
            (plain && text(number(at + 4)?)? == name).then_some(())?;
            text(number(at + 8)?).map(PathBuf::from)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cache(entries: &[(&str, &str, u64)]) -> Vec<u8> {
        let mut cache = b"glibc-ld.so.cache1.1".to_vec();
        cache.extend((entries.len() as u32).to_ne_bytes());
        cache.resize(48, 0);
        let mut strings = Vec::new();
        let base = 48 + 24 * entries.len();
        for (name, path, hwcap) in entries {
            let mut put = |text: &str| {
                let at = base + strings.len();
                strings.extend(text.as_bytes());
                strings.push(0);
                at as u32
            };
            cache.extend(0x303_u32.to_ne_bytes());
            for value in [put(name), put(path), 0] {
                cache.extend(value.to_ne_bytes());
            }
            cache.extend(hwcap.to_ne_bytes());
        }
        cache.extend(strings);
        cache
    }

    #[test]
    fn a_cache_is_read() {
        let mut bytes = b"ld.so-1.7.0\0\0\0\0\0".to_vec();
        bytes.extend(cache(&[
            ("libz.so.1", "/special/libz.so.1", 7),
            ("libz.so.1", "/lib/libz.so.1", 0),
            ("liby", "/y", 0),
        ]));
        assert_eq!(in_cache(&bytes, "libz.so.1"), [PathBuf::from("/lib/libz.so.1")]);
        assert!(in_cache(&bytes, "libz").is_empty());
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn the_c_library_is_found_here() {
        let found = locate(Path::new("libc.so.6")).unwrap();
        assert!(found.is_absolute() && found.exists(), "{}", found.display());
        assert_eq!(locate(Path::new("libno-such-library.so.0")), None);
    }

    proptest! {
        #[test]
        fn any_cache_is_survived(tail in proptest::collection::vec(any::<u8>(), 0..400), name in ".{0,8}") {
            let mut bytes = b"glibc-ld.so.cache1.1".to_vec();
            bytes.extend(tail);
            let _ = in_cache(&bytes, &name);
        }
    }
}
