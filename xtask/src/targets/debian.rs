//! Debian's packages of any suite and architecture, fetched by apt-get with settings of its own and unpacked into the user's
//! cache: nothing is installed, and the system's own lists stay as they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Fallible, libs};

/// What Debian signs its archive with.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// An apt-get that knows one suite.
pub(super) struct Archive {
    work: tempfile::TempDir,
}

/// The mirror that the system uses, and the name of its own suite.
pub(super) fn mirror() -> Fallible<(String, String)> {
    let format = "$(REPO_URI)\t$(CODENAME)\t$(LABEL)";
    let said = output(Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]))?;
    let found = said.lines().find_map(|line| {
        let (uri, rest) = line.split_once('\t')?;
        let (suite, label) = rest.split_once('\t')?;
        (label == "Debian" && !suite.contains('-')).then(|| (uri.to_owned(), suite.to_owned()))
    });
    found.ok_or_else(|| "apt-get has no mirror of Debian".into())
}

/// The folder of something unpacked, if it is there.
pub(super) fn unpacked(name: &str) -> Fallible<Option<PathBuf>> {
    let place = libs::cache_beside("targets")?.join(name);
    Ok(place.is_dir().then_some(place))
}

impl Archive {
    /// Fetches the lists of a suite for these architectures.
    pub(super) fn open(suite: &str, architectures: &[&str]) -> Fallible<Archive> {
        if !Path::new(KEYS).is_file() {
            return Err(format!("{KEYS} is not there").into());
        }
        let cache = libs::cache_beside("targets")?;
        fs::create_dir_all(&cache)?;
        let archive = Archive { work: tempfile::Builder::new().prefix(".unpacking-").tempdir_in(cache)? };
        let at = archive.work.path();
        for folder in ["lists/partial", "cache/archives/partial", "debs", "out"] {
            fs::create_dir_all(at.join(folder))?;
        }
        let (mirror, _) = mirror()?;
        let architectures = architectures.join(",");
        fs::write(at.join("sources"), format!("deb [arch={architectures} signed-by={KEYS}] {mirror} {suite} main\n"))?;
        let place = at.display();
        let settings = format!(
            "Dir::Etc::sourcelist \"{place}/sources\";\nDir::Etc::sourceparts \"-\";\nDir::State::lists \"{place}/lists\";\n\
             Dir::Cache \"{place}/cache\";\nAPT::Sandbox::User \"root\";\n"
        );
        fs::write(at.join("settings"), settings)?;
        output(archive.apt("apt-get").args(["update", "-qq"]))?;
        Ok(archive)
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.work.path().join("settings")).current_dir(self.work.path().join("debs"));
        command
    }

    /// Whether it has a package.
    pub(super) fn has(&self, package: &str) -> bool {
        output(self.apt("apt-cache").args(["show", package])).is_ok_and(|said| !said.is_empty())
    }

    /// A package and all that it needs to run.
    pub(super) fn with_needs(&self, package: &str) -> Fallible<Vec<String>> {
        let leave_out = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
        let mut command = self.apt("apt-cache");
        command.args(["depends", "--recurse"]).args(leave_out.map(|kind| format!("--no-{kind}"))).arg(package);
        Ok(names(&output(&mut command)?))
    }

    /// Fetches packages and unpacks them together, under a name in the cache.
    pub(super) fn unpack(
        self,
        packages: &[String],
        name: &str,
        finish: impl Fn(&Path) -> Fallible<()>,
    ) -> Fallible<PathBuf> {
        output(self.apt("apt-get").args(["download", "-qq"]).args(packages))?;
        let out = self.work.path().join("out");
        for entry in fs::read_dir(self.work.path().join("debs"))? {
            output(Command::new("dpkg-deb").arg("-x").arg(entry?.path()).arg(&out))?;
        }
        let place = libs::cache_beside("targets")?.join(name);
        // Before it gets its name: what has a name in the cache is whole.
        finish(&out)?;
        fs::rename(out, &place)?;
        Ok(place)
    }
}

/// The packages in what `apt-cache depends` says: real ones stand at the beginning of a line.
fn names(said: &str) -> Vec<String> {
    let real = said.lines().filter(|line| !line.starts_with([' ', '|', '<']) && !line.is_empty());
    // One of another architecture is named with it, and not needed.
    real.filter(|line| !line.contains(':')).map(str::to_owned).collect()
}

fn output(command: &mut Command) -> Fallible<String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_packages_are_told_from_virtual_ones() {
        let said = "libstd-rust-dev\n  Depends: libstd-rust-1.97\nlibstd-rust-1.97\n |Depends: x\n<virtual>\nlibc6:i386\nlibc6\n";
        assert_eq!(names(said), ["libstd-rust-dev", "libstd-rust-1.97", "libc6"]);
    }
}
