//! A PostgreSQL of a test's own: its data in a folder of its own, passwords by SCRAM, TLS only, gone with the test.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::peers::free_port;
use crate::pki::Pair;
use crate::process::{Running, foreign, run};

/// Who may log in.
pub const USER: &str = "tester";
/// And by what.
pub const PASSWORD: &str = "a pass'word";

/// A running server, on the loopback.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    owner: Option<(u32, u32)>,
    port: u16,
    running: Option<Running>,
}

impl Postgres {
    /// Makes a database and starts its server with this certificate.
    ///
    /// # Panics
    /// When PostgreSQL is not installed (say so with `needs`), or does not start.
    pub fn start(certificate: &Pair) -> Self {
        let folder = TempDir::new().unwrap();
        let mut this = Self { folder, owner: owner(), port: free_port(), running: None };
        this.give(this.folder.path().to_owned());
        this.write("password", PASSWORD);
        this.write("pg_hba.conf", "hostssl all all 127.0.0.1/32 scram-sha-256\n");
        this.set_certificate(certificate);
        let mut initdb = this.command("initdb");
        initdb.args(["--no-sync", "--locale=C", "--encoding=UTF8", "--auth=scram-sha-256", "--username", USER]);
        initdb.arg("--pwfile").arg(this.path("password")).arg("--pgdata").arg(this.path("data"));
        run(&mut initdb, b"").success();
        let server = foreign("postgres");
        // It ends when its input does, so also with a test that is killed.
        let script = r#""$@" & server=$!; read end; kill -QUIT $server; wait $server"#;
        let mut command = this.command("sh");
        command.args(["-c", script, "sh"]).arg(server.get_program()).arg("-D").arg(this.path("data"));
        for (name, value) in [
            ("port", this.port.to_string()),
            ("listen_addresses", "127.0.0.1".to_owned()),
            ("unix_socket_directories", String::new()),
            ("hba_file", this.text("pg_hba.conf")),
            ("ssl", "on".to_owned()),
            ("ssl_cert_file", this.text("server.crt")),
            ("ssl_key_file", this.text("server.key")),
            ("fsync", "off".to_owned()),
            ("max_connections", "20".to_owned()),
            ("shared_buffers", "1MB".to_owned()),
            ("autovacuum", "off".to_owned()),
            ("lc_messages", "C".to_owned()),
        ] {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let mut running = Running::start(&mut command);
        running.wait_until("the database", |_, log| log.contains("ready to accept connections"));
        this.running = Some(running);
        this
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What the server has said so far.
    pub fn log(&self) -> String {
        self.running.as_ref().map(Running::stderr).unwrap_or_default()
    }

    /// Shows another certificate from now on; before that a connection may still get the old one.
    pub fn show(&self, certificate: &Pair) {
        let loads = |log: &str| log.matches("reloading configuration files").count();
        let before = loads(&self.log());
        self.set_certificate(certificate);
        let file = fs::read_to_string(self.path("data").join("postmaster.pid")).unwrap();
        let id = file.lines().next().unwrap().parse().unwrap();
        // SAFETY: kill touches no memory; the server is ours, and runs.
        assert_eq!(unsafe { libc::kill(id, libc::SIGHUP) }, 0);
        let end = std::time::Instant::now() + crate::process::PATIENCE;
        while loads(&self.log()) == before {
            assert!(std::time::Instant::now() < end, "{}", self.log());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    fn set_certificate(&self, certificate: &Pair) {
        self.write("server.crt", &certificate.chain);
        self.write("server.key", &certificate.key);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A file that its owner alone may read.
    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        self.give(path);
    }

    fn give(&self, path: PathBuf) {
        if let Some((user, group)) = self.owner {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = foreign(program);
        // A folder that another user may not look at is no place to be.
        command.current_dir(self.folder.path());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            let outcome = running.finish();
            if !std::thread::panicking() {
                assert!(
                    outcome.stderr.contains("database system is shut down") || outcome.status.success(),
                    "{outcome:?}"
                );
            }
        }
    }
}

/// Root may not run it: then it is the user that Debian made for it, or nobody.
fn owner() -> Option<(u32, u32)> {
    // SAFETY: a plain getter.
    if unsafe { libc::geteuid() } != 0 {
        return None;
    }
    let id = |option: &str, user: &str| {
        let output = foreign("id").args([option, user]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u32>().ok()
    };
    let of = |user: &str| Some((id("-u", user)?, id("-g", user)?));
    of("postgres").or_else(|| of("nobody"))
}
