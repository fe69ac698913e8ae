//! Prints which library this machine gives, and why.

fn main() -> Result<(), dlssl_core::LoadError> {
    match dlssl_core::Loader::new().load() {
        Ok(library) => print!("{}", library.explain()),
        Err(error) => {
            print!("{}", error.explanation());
            return Err(error);
        }
    }
    Ok(())
}
