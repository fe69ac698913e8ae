//! Tells the tests what they are built for, and makes the helper program `host_symbols` export its functions, as a host with OpenSSL linked in does.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(fuzzing)");
    let of_cargo = |name: &str| std::env::var(name).unwrap_or_default();
    // Empty where cargo builds for the machine it runs on, as far as it was not told to.
    let other = if of_cargo("TARGET") == of_cargo("HOST") { String::new() } else { of_cargo("TARGET") };
    println!("cargo:rustc-env=DLSSL_TEST_TARGET={other}");
    let unix = std::env::var_os("CARGO_CFG_UNIX").is_some();
    let apple = std::env::var("CARGO_CFG_TARGET_VENDOR").is_ok_and(|v| v == "apple");
    if unix && !apple {
        println!("cargo:rustc-link-arg-bin=host_symbols=-rdynamic");
    }
}
