//! What a recipe needs of the machine, and what of that is not there.

use std::process::{Command, Stdio};

use super::catalogue::Recipe;

/// A program, the call that shows it to work, and Debian's package of it.
struct Tool {
    name: &'static str,
    proof: &'static [&'static str],
    package: &'static str,
}

const CC: Tool = Tool { name: "a C compiler (cc)", proof: &["cc", "--version"], package: "gcc libc6-dev" };
const MAKE: Tool = Tool { name: "make", proof: &["make", "--version"], package: "make" };
// A minimal perl lacks the modules that OpenSSL's Configure uses.
const PERL: Tool = Tool {
    name: "perl with its standard modules",
    proof: &["perl", "-MIPC::Cmd", "-MData::Dumper", "-MFile::Compare", "-e", "1"],
    package: "perl",
};
const TAR: Tool = Tool { name: "tar", proof: &["tar", "--version"], package: "tar" };
const PIP: Tool =
    Tool { name: "pip of python3", proof: &["python3", "-m", "pip", "--version"], package: "python3-pip" };

/// Why the recipe cannot be followed on this machine; `None` when it can.
pub(crate) fn obstacle(recipe: &Recipe) -> Option<String> {
    obstacle_with(recipe, works)
}

fn obstacle_with(recipe: &Recipe, works: impl Fn(&Tool) -> bool) -> Option<String> {
    if let Some(platform) = wrong_platform(recipe) {
        return Some(platform.to_owned());
    }
    let missing: Vec<_> = needed(recipe).iter().filter(|tool| !works(tool)).collect();
    if missing.is_empty() {
        return None;
    }
    let join = |text: fn(&Tool) -> &str, with| missing.iter().map(|tool| text(tool)).collect::<Vec<_>>().join(with);
    let (names, packages) = (join(|tool| tool.name, ", "), join(|tool| tool.package, " "));
    Some(format!("not installed: {names} (Debian: {packages})"))
}

fn needed(recipe: &Recipe) -> &'static [Tool] {
    match recipe {
        Recipe::System => &[],
        Recipe::OpenSsl { .. } => &[CC, MAKE, PERL],
        Recipe::LibreSsl { .. } => &[CC, MAKE, TAR],
        Recipe::Wheel { .. } => &[PIP],
    }
}

fn wrong_platform(recipe: &Recipe) -> Option<&'static str> {
    let linux = cfg!(target_os = "linux");
    match recipe {
        Recipe::System => None,
        Recipe::Wheel { .. } if !(linux && cfg!(all(target_arch = "x86_64", target_env = "gnu"))) => {
            Some("made for Linux with glibc on x86-64")
        }
        Recipe::Wheel { .. } => None,
        // The names of shared libraries and the linker's version script are Linux's.
        _ if !linux => Some("the recipe is for Linux"),
        _ => None,
    }
}

fn works(tool: &Tool) -> bool {
    let Some((program, arguments)) = tool.proof.split_first() else {
        return false;
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::libs::catalogue::find;

    #[test]
    fn what_is_missing_is_named_with_its_package() {
        let recipe = &find("openssl-3.0.8").unwrap().recipe;
        let reason = obstacle_with(recipe, |tool| tool.name == "make").unwrap();
        assert!(reason.contains("C compiler") && reason.contains("perl"), "{reason}");
        assert!(!reason.contains("make"), "{reason}");
        assert!(reason.ends_with("(Debian: gcc libc6-dev perl)"), "{reason}");
    }

    #[test]
    fn nothing_stands_in_the_way_of_a_full_machine() {
        assert_eq!(obstacle_with(&find("libressl-3.0.2").unwrap().recipe, |_| true), None);
        assert_eq!(obstacle_with(&Recipe::System, |_| false), None);
    }
}
