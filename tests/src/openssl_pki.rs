//! Certificates that rcgen does not make: RSA, weak keys, broken digests. Made by the `openssl` command.

use std::path::{Path, PathBuf};

use dlssl::Roots;
use tempfile::TempDir;

use crate::pki::{NAME, Pair};
use crate::process::{foreign, run};

/// A root that signs leaves, by `openssl`.
#[derive(Debug)]
pub struct OpensslPki {
    dir: TempDir,
}

impl OpensslPki {
    /// A root with an RSA key.
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root.pem");
        run(
            foreign("openssl")
                .args([
                    "req",
                    "-x509",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-sha256",
                    "-days",
                    "30",
                    "-subj",
                    "/CN=rsa root",
                ])
                .args(["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out"])
                .arg(&root)
                .arg("-keyout")
                .arg(dir.path().join("root.key")),
            b"",
        )
        .success();
        OpensslPki { dir }
    }

    /// A path of its own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The root as trust roots.
    pub fn roots(&self) -> Roots {
        Roots::file(self.path("root.pem"))
    }

    /// A server's leaf for [`NAME`] with a key of this kind (`rsa:2048`), signed with this digest (`-sha256`).
    pub fn issue(&self, key: &str, digest: &str) -> Pair {
        self.issue_with(key, digest, &format!("subjectAltName=DNS:{NAME}\nextendedKeyUsage=serverAuth\n"))
    }

    /// The same with these lines as extensions.
    pub fn issue_with(&self, key: &str, digest: &str, extensions: &str) -> Pair {
        let (request, key_file, leaf) = (self.path("leaf.csr"), self.path("leaf.key"), self.path("leaf.pem"));
        std::fs::write(self.path("leaf.ext"), extensions).unwrap();
        run(
            foreign("openssl")
                .args(["req", "-newkey", key, "-nodes", "-sha256", "-subj", &format!("/CN={NAME}"), "-out"])
                .arg(&request)
                .arg("-keyout")
                .arg(&key_file),
            b"",
        )
        .success();
        run(
            foreign("openssl")
                .args(["x509", "-req", digest, "-days", "20", "-set_serial", "77", "-in"])
                .arg(&request)
                .arg("-CA")
                .arg(self.path("root.pem"))
                .arg("-CAkey")
                .arg(self.path("root.key"))
                .arg("-extfile")
                .arg(self.path("leaf.ext"))
                .arg("-out")
                .arg(&leaf),
            b"",
        )
        .success();
        let der = self.path("leaf.der");
        run(foreign("openssl").args(["x509", "-outform", "DER", "-in"]).arg(&leaf).arg("-out").arg(&der), b"")
            .success();
        Pair { chain: text(&leaf), key: text(&key_file), der: std::fs::read(der).unwrap() }
    }
}

impl Default for OpensslPki {
    fn default() -> Self {
        OpensslPki::new()
    }
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
