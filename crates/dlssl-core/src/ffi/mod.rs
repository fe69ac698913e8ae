//! What C offers: opaque types, the lists of functions and constants, and the table of pointers made from them.

mod macros;

pub mod constants;
pub mod features;
pub mod memory;
pub(crate) mod name;
pub mod options;
pub mod spec;
pub mod symbols;
pub mod types;

pub use spec::{ConstantSpec, Half, SymbolSpec};
pub use symbols::{Functions, specs};
pub use types::*;
