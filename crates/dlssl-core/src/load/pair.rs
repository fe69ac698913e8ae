//! Proof that libssl runs on the libcrypto that was opened for it.
//!
//! glibc satisfies libssl's need for `libcrypto.so.3` with whatever copy the process already has, and a symbol that
//! the program exports wins over a library's own: so an opened pair need not be a pair. One equal address is not
//! enough either. Three proofs, the first two before any call into the libraries that could touch their state.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::identify::{Identity, MARKS_OF_LIBCRYPTO, MARKS_OF_LIBSSL, mark};
use super::lookup::Lookup;
use super::mapped::{Export, Exports, Object, SLOTS_KNOWN, Slot, constant_texts, count, object_at, places, slots};
use super::source::Image;
use crate::error::LoadFailure;
use crate::ffi::Functions;
use crate::ffi::name::Name;
use crate::version::Version;

/// A pair under examination.
pub(crate) struct Pair<'a> {
    pub(crate) ssl: &'a dyn Image,
    pub(crate) crypto: &'a dyn Image,
    /// Names that they were opened by, for errors.
    pub(crate) libssl: &'a Path,
    pub(crate) libcrypto: &'a Path,
    /// The process held one of them before, perhaps with slots that are still to be bound.
    pub(crate) held_before: bool,
    /// What the process offers to everyone; late binding looks there first.
    pub(crate) process: Option<&'a dyn Image>,
}

/// What the proof by addresses found out on its way.
#[derive(Debug)]
pub(crate) struct Places {
    /// Files that are really mapped.
    pub(crate) libssl: PathBuf,
    pub(crate) libcrypto: PathBuf,
    /// An address inside each.
    pub(crate) inside_libssl: usize,
    pub(crate) inside_libcrypto: usize,
    /// What was proved, for the explanation.
    pub(crate) proof: String,
    /// Everything that was mapped then, and the linker's count of it.
    pub(crate) objects: Vec<Object>,
    count: Option<u64>,
}

/// Proves by addresses alone, calling nothing: libssl's view of libcrypto is our libcrypto, and every slot of both
/// that names a function of the pair points into the pair.
///
/// # Errors
/// [`LoadFailure::NotOpenSsl`] where a half is neither, [`LoadFailure::MismatchedPair`] with the evidence.
pub(crate) fn prove_by_address(pair: &Pair<'_>) -> Result<Places, LoadFailure> {
    let (name, crypto_address) = mark(pair.crypto, &MARKS_OF_LIBCRYPTO).ok_or_else(|| LoadFailure::NotOpenSsl {
        path: pair.libcrypto.to_owned(),
        found: "it exports none of the functions that every libcrypto has".into(),
    })?;
    let (_, ssl_address) = mark(pair.ssl, &MARKS_OF_LIBSSL).ok_or_else(|| LoadFailure::NotOpenSsl {
        path: pair.libssl.to_owned(),
        found: "it exports none of the functions that every libssl has".into(),
    })?;
    let (inside_libssl, inside_libcrypto) = (ssl_address.as_ptr() as usize, crypto_address.as_ptr() as usize);
    let (count, objects) = (count(), places());
    let path_at = |address: usize, asked: &Path| {
        object_at(&objects, address).map_or_else(|| asked.to_owned(), |object| object.path().into_owned())
    };
    let mismatch = |evidence: String| LoadFailure::MismatchedPair {
        libssl: path_at(inside_libssl, pair.libssl),
        libcrypto: path_at(inside_libcrypto, pair.libcrypto),
        evidence,
    };

    // A lookup through libssl's handle goes on into its dependencies. (On Windows it does not: no evidence.)
    if let Some(seen) = pair.ssl.symbol(name).map(|address| address.as_ptr() as usize)
        && seen != inside_libcrypto
    {
        return Err(mismatch(format!(
            "libssl sees {} in {}",
            name.to_string_lossy(),
            path_at(seen, Path::new("another library")).display()
        )));
    }
    let proof = slots_proof(pair, &objects, (inside_libssl, inside_libcrypto)).map_err(mismatch)?;
    Ok(Places {
        libssl: path_at(inside_libssl, pair.libssl),
        libcrypto: path_at(inside_libcrypto, pair.libcrypto),
        inside_libssl,
        inside_libcrypto,
        proof,
        objects,
        count,
    })
}

/// Says what the bound slots of both halves prove.
///
/// # Errors
/// The slot that points out of the pair.
fn slots_proof(pair: &Pair<'_>, objects: &[Object], inside: (usize, usize)) -> Result<String, String> {
    let (Some(libssl), Some(libcrypto)) = (object_at(objects, inside.0), object_at(objects, inside.1)) else {
        return Ok("one address compared; bound slots cannot be examined on this platform".into());
    };
    if !SLOTS_KNOWN {
        return Ok("one address compared; this architecture's relocations are not known".into());
    }
    let mut examined = 0;
    for object in [libssl, libcrypto] {
        if let Some(evidence) = stray_slot(pair, objects, (libssl, libcrypto), object, &mut examined) {
            return Err(evidence);
        }
    }
    Ok(if examined == 0 {
        "one address compared; the library has no table of bound slots that could be examined".into()
    } else {
        format!("{examined} bound slots point into the pair or at functions that are not of it")
    })
}

/// Looks for a slot of `object` that names a function of the pair and points, or will point, out of it.
fn stray_slot(
    pair: &Pair<'_>,
    objects: &[Object],
    (libssl, libcrypto): (&Object, &Object),
    object: &Object,
    examined: &mut usize,
) -> Option<String> {
    let halves = [Lookup::of(pair.crypto, libcrypto), Lookup::of(pair.ssl, libssl)];
    let walk = Walk { pair, libssl, libcrypto, object, halves };
    let mut stray = None;
    // Most slots point where the one before points: that is looked at first, and nothing else done for them.
    let (mut usual, mut count, held_before) = (0..0, 0, pair.held_before);
    slots(object, |slot| {
        count += 1;
        if usual.contains(&slot.target) && !held_before {
            return true;
        }
        let target = match walk.range_of(slot.target) {
            Some(range) => {
                usual = range;
                if held_before { walk.will_stray(slot) } else { None }
            }
            None => walk.of_pair(slot.name()).map(|_| slot.target),
        };
        stray = target.map(|target| (target, slot.symbol()));
        stray.is_none()
    });
    *examined += count;
    stray.map(|(target, name)| {
        let owner = object_at(objects, target)
            .map_or_else(|| "an unknown place".to_owned(), |owner| owner.path().display().to_string());
        format!("{} calls {} in {owner}, not its own", object.path().display(), name.to_string_lossy())
    })
}

/// An object whose slots are held against a pair.
struct Walk<'a> {
    pair: &'a Pair<'a>,
    libssl: &'a Object,
    libcrypto: &'a Object,
    object: &'a Object,
    /// libcrypto, libssl.
    halves: [Lookup<'a>; 2],
}

impl Walk<'_> {
    /// The range of the pair that holds an address.
    fn range_of(&self, address: usize) -> Option<Range<usize>> {
        self.libcrypto.range_of(address).or_else(|| self.libssl.range_of(address))
    }

    /// Where the pair has a function of this name.
    #[inline(never)] // so that walking over most slots stays small
    fn of_pair(&self, name: Name<'_>) -> Option<usize> {
        let found = self.halves.iter().filter_map(|half| half.optional(name));
        found.map(|address| address.as_ptr() as usize).find(|address| self.range_of(*address).is_some())
    }

    /// Where a slot that points into the pair will point, when that is out of it and should not be. Bound late and not yet, it
    /// still points at its own library's table, and will be bound to what the process offers first.
    fn will_stray(&self, slot: Slot<'_, '_>) -> Option<usize> {
        let process = self.pair.process.filter(|_| slot.call && self.object.contains(slot.target))?;
        // Bound to its own function.
        if self.of_pair(slot.name())? == slot.target {
            return None;
        }
        let target = process.symbol(slot.symbol())?.as_ptr() as usize;
        self.range_of(target).is_none().then_some(target)
    }
}

/// Proves that what the configuration file brought into the process (providers, engines) is not bound to another libcrypto,
/// as a module is that asks for libcrypto by a name which another library has here. Beside a private copy no engine at all may
/// be so, not even one that was there before: C has only one mapping for it.
///
/// # Errors
/// [`LoadFailure::ForeignModule`].
pub(crate) fn prove_modules(pair: &Pair<'_>, places: &Places, is_private: bool) -> Result<(), LoadFailure> {
    /// What every engine that can be loaded exports.
    const ENGINE: Name<'_> = Name::new(b"bind_engine");
    if !is_private && places.count.is_some() && count() == places.count {
        return Ok(());
    }
    let objects = self::places();
    let (Some(libssl), Some(libcrypto)) =
        (object_at(&objects, places.inside_libssl), object_at(&objects, places.inside_libcrypto))
    else {
        return Ok(());
    };
    let is_new = |object: &Object| object_at(&places.objects, object.address()).is_none();
    let is_engine = |object: &Object| Exports::of(object).is_some_and(|exports| exports.find(ENGINE) != Export::Absent);
    for module in objects.iter().filter(|object| is_new(object) || is_private && is_engine(object)) {
        if let Some(evidence) = stray_slot(pair, &objects, (libssl, libcrypto), module, &mut 0) {
            return Err(LoadFailure::ForeignModule { path: module.path().into_owned(), evidence });
        }
    }
    Ok(())
}

/// Compares versions where libssl tells one: OpenSSL before 3.0 and LibreSSL have their version text in both halves.
/// What was found, for the explanation.
///
/// # Errors
/// [`LoadFailure::MismatchedPair`] when libssl says that it is another version than libcrypto.
pub(crate) fn prove_by_version(places: &Places, identity: &Identity) -> Result<&'static str, LoadFailure> {
    let Some(libssl) = object_at(&places.objects, places.inside_libssl) else {
        return Ok("libssl cannot be asked on this platform");
    };
    let mut same = false;
    let mut other = None;
    let start = format!("{} ", identity.flavour);
    constant_texts(libssl, &start, &mut |text| {
        same |= text == identity.text;
        let rest = text.strip_prefix(&start).unwrap_or_default();
        if rest.starts_with(|first: char| first.is_ascii_digit()) && Version::parse(rest).is_some() {
            other = Some(text.to_owned());
        }
        !same
    });
    match (same, other) {
        (true, _) => Ok("libssl has the same version text"),
        (false, None) => Ok("libssl has no version text (OpenSSL from 3.0 on)"),
        (false, Some(other)) => Err(LoadFailure::MismatchedPair {
            libssl: places.libssl.clone(),
            libcrypto: places.libcrypto.clone(),
            evidence: format!("libssl is of \"{other}\", libcrypto is \"{}\"", identity.text),
        }),
    }
}

/// Proves by an error: one that is raised inside libssl shows up in our libcrypto's queue.
///
/// To be called after initialisation: raising it earlier would initialise the library without our flags.
///
/// # Errors
/// [`LoadFailure::MismatchedPair`].
pub(crate) fn prove_by_error(functions: &Functions, places: &Places) -> Result<(), LoadFailure> {
    // SAFETY: the library is initialised; SSL_CTX_new documents null as an error of the caller that it reports,
    // and the mark keeps entries that were there before.
    let arrived = unsafe {
        (functions.err.ERR_set_mark)();
        let before = (functions.err.ERR_peek_last_error)();
        let context = (functions.ssl.SSL_CTX_new)(std::ptr::null());
        let after = (functions.err.ERR_peek_last_error)();
        (functions.err.ERR_pop_to_mark)();
        context.is_null() && after != 0 && (before == 0 || after != before)
    };
    if arrived {
        return Ok(());
    }
    Err(LoadFailure::MismatchedPair {
        libssl: places.libssl.clone(),
        libcrypto: places.libcrypto.clone(),
        evidence: "an error raised inside libssl did not reach this libcrypto's queue".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::source::fake::FakeImage;

    fn pair<'a>(ssl: &'a FakeImage, crypto: &'a FakeImage) -> Pair<'a> {
        Pair {
            ssl,
            crypto,
            libssl: Path::new("/a/libssl"),
            libcrypto: Path::new("/a/libcrypto"),
            held_before: false,
            process: None,
        }
    }

    extern "C" fn some_function() {}
    extern "C" fn another_function() -> u8 {
        1
    }

    #[test]
    fn halves_that_are_neither_are_told_apart() {
        let nothing = FakeImage::default();
        let crypto = FakeImage([("RAND_bytes", some_function as *const () as usize)].into());
        let failure = |ssl, crypto| prove_by_address(&pair(ssl, crypto)).unwrap_err().to_string();
        assert!(failure(&nothing, &nothing).contains("libcrypto"));
        assert!(failure(&nothing, &crypto).contains("every libssl"));
    }

    #[test]
    fn another_libcrypto_behind_libssl_is_noticed() {
        let crypto = FakeImage([("RAND_bytes", some_function as *const () as usize)].into());
        let ssl = FakeImage(
            [("SSL_new", some_function as *const () as usize), ("RAND_bytes", another_function as *const () as usize)]
                .into(),
        );
        let failure = prove_by_address(&pair(&ssl, &crypto)).unwrap_err();
        assert_eq!(failure.code(), "mismatched-pair");
        assert!(failure.to_string().contains("libssl sees RAND_bytes"), "{failure}");
        assert!(failure.to_string().contains("do not belong together"), "{failure}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_slot_that_points_out_of_the_pair_is_noticed() {
        // This test program stands for both halves. It calls `write` through a slot that points at the C library:
        // a pair that claims `write` as its own function has a stray slot.
        let own = some_function as *const () as usize;
        let crypto = FakeImage([("RAND_bytes", own), ("write", own)].into());
        let ssl = FakeImage([("SSL_new", own), ("RAND_bytes", own)].into());
        let failure = prove_by_address(&pair(&ssl, &crypto)).unwrap_err().to_string();
        assert!(failure.contains("calls write in"), "{failure}");
        let honest = FakeImage([("RAND_bytes", own)].into());
        assert!(prove_by_address(&pair(&ssl, &honest)).unwrap().proof.contains("bound slots"));
    }
}
