//! Work that a test wants done in a process of its own: `probe load|closed-peer|encrypted-key|count|machine-roots …`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails is a failed test, and a panic says where"
)]

mod closed_peer;
mod count;
mod encrypted_key;
mod machine_roots;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let work = arguments.next().unwrap_or_default();
    if work == "load" {
        return dlssl_tests::load_report::main(arguments);
    }
    let words: Vec<String> = arguments.map(|a| a.into_string().unwrap()).collect();
    match work.to_str() {
        Some("closed-peer") => closed_peer::main(&words[0]),
        Some("encrypted-key") => encrypted_key::main(&words),
        Some("count") => count::main(&words),
        Some("machine-roots") => machine_roots::main(),
        _ => panic!("what shall I do?"),
    }
    dlssl_tests::pki::remove_shared_files();
}
