//! Makes the helper program `host_symbols` export its functions, as a host with OpenSSL linked in does.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let unix = std::env::var_os("CARGO_CFG_UNIX").is_some();
    let apple = std::env::var("CARGO_CFG_TARGET_VENDOR").is_ok_and(|v| v == "apple");
    if unix && !apple {
        println!("cargo:rustc-link-arg-bin=host_symbols=-rdynamic");
    }
}
