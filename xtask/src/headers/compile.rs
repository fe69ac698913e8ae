//! Compiles the program, and reads the compiler's complaints.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Fallible;

/// Compiles without making anything; every error is a complaint, placed by the program's `#line`s.
pub(super) fn compile(program: &str, include: &Path) -> Fallible<Vec<String>> {
    let mut compiler = Command::new("cc")
        .args(["-fsyntax-only", "-x", "c", "-std=gnu11", "-w", "-fmax-errors=0"])
        .args(["-Werror=incompatible-pointer-types", "-Werror=int-conversion", "-Werror=implicit-function-declaration"])
        .arg("-I")
        .arg(include)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run the C compiler cc ({error}); install gcc"))?;
    if let Some(mut input) = compiler.stdin.take() {
        input.write_all(program.as_bytes())?;
    }
    let output = compiler.wait_with_output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    let mut complaints: Vec<String> = words.lines().filter(|line| line.contains("error:")).map(str::to_owned).collect();
    if complaints.is_empty() && !output.status.success() {
        complaints.push(format!("the C compiler failed: {words}"));
    }
    Ok(complaints)
}
