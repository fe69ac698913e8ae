//! Compiles the program, and reads the compiler's complaints.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Fallible;

/// Compiles without making anything; every error is a complaint, placed by the program's `#line`s.
pub(super) fn compile(program: &str, include: &Path) -> Fallible<Vec<String>> {
    let mut compiler = Command::new("cc")
        .args(["-fsyntax-only", "-x", "c", "-std=gnu11", "-fmax-errors=0"])
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

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(program: &str) -> Vec<String> {
        compile(program, Path::new("/nowhere")).unwrap()
    }

    #[test]
    fn a_wrong_signature_and_a_wrong_value_are_complaints_with_their_place() {
        let wrong = complaints("int f(int);\n#line 7 \"list.rs\"\nint (*check)(char *) = f;\n");
        assert!(wrong.len() == 1 && wrong[0].starts_with("list.rs:7:"), "{wrong:?}");
        assert_eq!(complaints("_Static_assert(1 == 2, \"x\");").len(), 1);
        assert!(complaints("int f(int); int (*check)(int) = f; _Static_assert(1 == 1, \"x\");").is_empty());
    }
}
