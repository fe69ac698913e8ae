//! Builds an acceptor with a key that needs a password, and says what came of it.

use dlssl::{Acceptor, Identity};
use dlssl_tests::library::library;

pub(crate) fn main(words: &[String]) {
    let [chain, key] = words else { panic!("a chain and a key, please") };
    let built = Acceptor::builder(library(), Identity::pem_files(chain, key)).build();
    match built {
        Ok(_) => println!("built"),
        Err(error) => println!("refused: {:?}: {error}", error.kind()),
    }
}
