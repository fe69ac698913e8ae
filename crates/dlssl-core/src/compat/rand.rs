//! Random generators: fresh bytes from the operating system into every one of a library's.

use std::ffi::c_int;

use crate::ffi::Functions;
use crate::load::imports;
use crate::version::Flavour;

/// Gives all generators of a library new seed, those of other threads included.
///
/// OpenSSL takes the bytes into its one generator, or into the primary one, from which each thread's renews itself
/// before it gives anything again. `RAND_poll` would not do: on 3.0 it reports success and changes nothing for them.
/// LibreSSL takes no bytes. Where its generator is the C library's, that asks the kernel each time; where it is its own,
/// that takes new seed from the kernel after some amount of output, which is drawn here.
///
/// `false` when the library says that it has no good seed. `address` lies in its libcrypto.
#[must_use]
pub(crate) fn renew(functions: &Functions, flavour: Flavour, address: usize, seed: &[u8]) -> bool {
    let rand = &functions.rand;
    if flavour == Flavour::LibreSsl {
        return imports(address, c"arc4random_buf") || draw_through(functions);
    }
    let len = c_int::try_from(seed.len()).unwrap_or(0);
    // SAFETY: reads `len` bytes of a slice of that length.
    unsafe {
        (rand.RAND_add)(seed.as_ptr().cast(), len, f64::from(len));
        (rand.RAND_status)() == 1
    }
}

/// More than any release of LibreSSL gives from one seed.
const MOST_OF_A_SEED: usize = 4 * 1024 * 1024;

fn draw_through(functions: &Functions) -> bool {
    let mut out = vec![0_u8; MOST_OF_A_SEED];
    // One call, whose length alone is beyond what is left of any seed.
    let len = c_int::try_from(out.len()).unwrap_or(0);
    // SAFETY: writes `len` bytes into a buffer of that length.
    unsafe { (functions.rand.RAND_bytes)(out.as_mut_ptr(), len) == 1 }
}
