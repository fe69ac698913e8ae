//! The code in the pages compiles: each page is the documentation of a type here, and so its code is a documentation test.
//! `cargo xtask tidy` sees that no page with Rust in it is left out.

macro_rules! pages {
    ($($name:ident: $path:literal,)*) => {
        $(
            #[doc = include_str!($path)]
            #[derive(Debug)]
            pub struct $name;
        )*
    };
}

pages! {
    Readme: "../../README.md",
    Security: "../../SECURITY.md",
    CoreReadme: "../../crates/dlssl-core/README.md",
    NativeTlsReadme: "../../crates/dlssl-native-tls/README.md",
    TokioReadme: "../../crates/dlssl-tokio/README.md",
    Async: "../../docs/async.md",
    Choosing: "../../docs/choosing.md",
    Containers: "../../docs/containers.md",
    Design: "../../docs/design.md",
    FirstSteps: "../../docs/first-steps.md",
    FromClPlusSsl: "../../docs/from-cl-plus-ssl.md",
    FromRustOpenssl: "../../docs/from-rust-openssl.md",
    Reload: "../../docs/reload.md",
    SecurityNotes: "../../docs/security.md",
    Shipping: "../../docs/shipping.md",
    Starttls: "../../docs/starttls.md",
}
