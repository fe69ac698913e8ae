//! The `dlssl` command: output, exit codes, what it links, and a server that stands bad clients and signals.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use dlssl::Acceptor;
use dlssl_tests::cli;
use dlssl_tests::harness::{run, test};
use dlssl_tests::library::{OTHER_LIB_DIR, has_kernel_tls, is_openssl_from, library};
use dlssl_tests::pki::{Leaf, NAME, Pki};
use dlssl_tests::process::{self, Outcome, Running, foreign};
use dlssl_tests::served::Served;
use dlssl_tests::talk::{acceptor, connector, pattern};
use serde_json::Value;
use tempfile::TempDir;

fn main() -> ExitCode {
    run(vec![
        test("doctor_text", doctor_text),
        test("doctor_json", doctor_json),
        test("doctor_without_a_library", doctor_without),
        test("doctor_and_paths_that_are_no_unicode", no_unicode).needs_linux(),
        test("doctor_and_bench_with_a_closed_output", closed_output),
        test("selftest", selftest),
        test("selftest_json", selftest_json),
        test("selftest_of_two_libraries", selftest_of_two)
            .only_if(other().is_some(), || format!("{OTHER_LIB_DIR} is not set")),
        test("bad_library_options", bad_library_options),
        test("usage_errors", usage_errors),
        test("help_and_version", help_and_version),
        test("links_no_openssl", links_no_openssl).needs("ldd").needs_linux(),
        test("echo_a_mebibyte", echo),
        test("a_stricter_configuration_file_is_kept", stricter_configuration)
            .needs_tls13()
            .only_if(is_openssl_from("1.1.1"), || "this library's configuration file knows no minimum".into()),
        test("serve_survives_bad_clients", bad_clients),
        test("serve_is_not_held_up_by_a_silent_client", silent_client),
        test("serve_ends_on_sigterm", || ends_by(libc::SIGTERM)).only_if(cfg!(unix), || "no signals".into()),
        test("serve_ends_on_sigint", || ends_by(libc::SIGINT)).only_if(cfg!(unix), || "no signals".into()),
        test("serve_outlives_its_terminal_under_nohup", nohup).only_if(cfg!(unix), || "no signals".into()),
        test("serve_with_bad_files", serve_with_bad_files),
        test("serve_on_a_taken_port", taken_port),
        test("connect_to_nobody", connect_to_nobody),
        test("connect_to_a_silent_peer", connect_to_a_silent_peer),
        test("connect_to_rubbish", connect_to_rubbish),
        test("connect_without_close_notify", connect_without_close_notify),
        test("connect_trusts_nobody_by_default", connect_by_default),
        test("connect_without_verification", connect_no_verify),
        test("connect_says_what_is_wrong_with_roots", bad_roots),
        test("connect_says_what_to_do_about_dates", expired),
    ])
}

fn json(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|e| panic!("{e}: {outcome:?}"))
}

/// What the distribution demands in the library's own configuration is raised by our defaults, never lowered.
fn stricter_configuration() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("strict.cnf");
    let text =
        "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = strict\n[strict]\nMinProtocol = TLSv1.3\n";
    std::fs::write(&file, text).unwrap();
    let mut command = cli::command("serve");
    command.env("OPENSSL_CONF", &file);
    let served = Served::of(command, &["--echo"]);
    for (newest, accepted) in [("1.2", false), ("1.3", true)] {
        let mut command = cli::command("connect");
        command
            .arg(served.address().to_string())
            .args(["--name", NAME, "--timeout", "20", "--max-tls", newest, "--ca"])
            .arg(Pki::shared().root_path());
        let outcome = process::run(&mut command, b"hello");
        assert_eq!(outcome.status.success(), accepted, "{newest}: {}", outcome.stderr);
    }
}

/// As `dlssl doctor | head -1` has it.
fn closed_output() {
    for (name, options) in [("doctor", &[][..]), ("doctor", &["--json"]), ("bench", &["--rounds", "1"])] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = cli::command(name);
        let outcome = command.args(options).stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
        assert!(outcome.status.success(), "{outcome:?}");
        assert!(outcome.stderr.is_empty(), "{outcome:?}");
    }
}

fn doctor_text() {
    let outcome = process::run(&mut cli::command("doctor"), b"").success();
    for part in [
        library().version_text(),
        library().libssl_path().to_str().unwrap(),
        library().libcrypto_path().to_str().unwrap(),
    ] {
        assert!(outcome.stdout.contains(part), "{part} is not in {}", outcome.stdout);
    }
    // Nobody watches: no colours.
    assert!(!outcome.stdout.contains('\u{1b}'), "{}", outcome.stdout);
}

fn doctor_json() {
    let outcome = process::run(cli::command("doctor").arg("--json"), b"").success();
    let report = json(&outcome);
    assert_eq!(report["ok"], true);
    assert_eq!(report["library"]["version_text"], library().version_text());
    assert_eq!(report["library"]["libssl"], library().libssl_path().to_str().unwrap());
    assert!(report["explanation"]["attempts"].is_array(), "{report}");
    assert!(report["capabilities"].as_array().is_some_and(|c| !c.is_empty()), "{report}");
    assert!(report["roots"].is_object() && report["problems"].is_array(), "{report}");
    assert_eq!(report["error"], Value::Null);
    let kernel_tls = &report["kernel_tls"];
    assert_eq!(kernel_tls["library"], has_kernel_tls(), "{kernel_tls}");
    assert_eq!(kernel_tls["tried"].is_string(), cfg!(unix) && has_kernel_tls(), "{kernel_tls}");
    assert!(kernel_tls["kernel"] == true || kernel_tls["sending"] == false, "{kernel_tls}");
}

fn doctor_without() {
    let empty = TempDir::new().unwrap();
    let outcome = process::run(cli::bare("doctor").arg("--lib-dir").arg(empty.path()), b"");
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(all.contains(empty.path().to_str().unwrap()), "{all}");
    assert!(!all.contains("panicked"), "{all}");
    let outcome = process::run(cli::bare("doctor").arg("--json").arg("--lib-dir").arg(empty.path()), b"");
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    let report = json(&outcome);
    assert_eq!(report["ok"], false);
    assert_eq!(report["error"]["code"], "not-found");
    assert!(!report["problems"].as_array().unwrap().is_empty());
}

#[cfg(target_os = "linux")]
fn no_unicode() {
    use std::os::unix::ffi::OsStrExt;

    let dir = TempDir::new().unwrap();
    let folder = dir.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    std::os::unix::fs::symlink(library().libssl_path().parent().unwrap(), &folder).unwrap();
    let roots = dir.path().join(std::ffi::OsStr::from_bytes(b"roots\xe9.pem"));
    std::fs::copy(Pki::shared().root_path(), &roots).unwrap();
    let mut command = cli::bare("doctor");
    let file = |path: &std::path::Path| folder.join(path.file_name().unwrap());
    command.arg("--json").env("SSL_CERT_FILE", &roots);
    command.env("DLSSL_LIBSSL", file(library().libssl_path()));
    command.env("DLSSL_LIBCRYPTO", file(library().libcrypto_path()));
    let report = json(&process::run(&mut command, b"").success());
    for path in [&report["library"]["libssl"], &report["library"]["libcrypto"], &report["roots"]["file"]] {
        assert!(path.as_str().unwrap().contains('\u{fffd}'), "{path}");
    }
    let blames = |problem: &Value| problem["what"].as_str().unwrap().contains("SSL_CERT_FILE");
    assert!(!report["problems"].as_array().unwrap().iter().any(blames), "it is there: {report}");
}

#[cfg(not(target_os = "linux"))]
fn no_unicode() {}

fn selftest() {
    let outcome = process::run(&mut cli::command("selftest"), b"").success();
    assert!(outcome.stdout.contains(library().version_text()), "{}", outcome.stdout);
    let lines = outcome.stdout.lines().count();
    assert!((3..60).contains(&lines), "{lines} lines: {}", outcome.stdout);
}

/// A folder with another build.
fn other() -> Option<std::ffi::OsString> {
    std::env::var_os(OTHER_LIB_DIR).filter(|folder| !folder.is_empty())
}

fn selftest_of_two() {
    let mut command = cli::command("selftest");
    let outcome = process::run(command.arg("--second-lib-dir").arg(other().unwrap()), b"").success();
    let reloads = outcome.stdout.lines().filter(|line| line.contains("reloaded: ")).count();
    assert_eq!(reloads, 2, "{}", outcome.stdout);
    assert!(outcome.stdout.contains("a connection from before the reload goes on"), "{}", outcome.stdout);
    let across = outcome.stdout.lines().filter(|line| line.contains(" to ") && line.contains(library().version_text()));
    assert!(across.count() >= 2, "{}", outcome.stdout);
}

fn selftest_json() {
    let outcome = process::run(cli::command("selftest").arg("--json"), b"").success();
    let report = json(&outcome);
    assert_eq!(report["ok"], true);
    assert!(report["checks"].as_array().is_some_and(|c| c.len() > 4), "{report}");
}

/// Each command says what is wrong, and ends with 1.
fn bad_library_options() {
    let pki = Pki::shared();
    let dir = TempDir::new().unwrap();
    let text = dir.path().join("notes.txt");
    std::fs::write(&text, "no library").unwrap();
    let text = text.to_str().unwrap();
    let (cert, key) = (pki.server_chain_path().to_str().unwrap(), pki.server_key_path().to_str().unwrap());
    let commands: [(&str, &[&str]); 4] = [
        ("doctor", &[]),
        ("selftest", &[]),
        ("connect", &["127.0.0.1:1"]),
        ("serve", &["--listen", "127.0.0.1:0", "--cert", cert, "--key", key]),
    ];
    for (name, arguments) in commands {
        let mut command = cli::bare(name);
        command.args(arguments).args(["--libssl", text, "--libcrypto", text]);
        let outcome = process::run(&mut command, b"");
        assert_eq!(outcome.status.code(), Some(1), "{name}: {outcome:?}");
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(all.contains(text), "{name}: {all}");
        assert!(!all.contains("panicked"), "{name}: {all}");
    }
    // The environment's mistakes are named.
    let outcome = process::run(cli::bare("selftest").env("DLSSL_DIR", "/nonexistent/lib"), b"");
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("DLSSL_DIR"), "{}", outcome.stderr);
}

fn usage_errors() {
    for arguments in [
        &["no-such-command"][..],
        &[],
        &["connect"],
        &["connect", "example.test"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["doctor", "--libssl", "only-one"],
        &["connect", "127.0.0.1:1", "--min-tls", "9"],
    ] {
        let outcome = process::run(Command::new(cli::path()).args(arguments), b"");
        assert_eq!(outcome.status.code(), Some(2), "{arguments:?}: {outcome:?}");
        assert!(!outcome.stderr.is_empty());
    }
}

fn help_and_version() {
    for arguments in [&["--help"][..], &["--version"], &["connect", "--help"], &["serve", "--help"]] {
        let outcome = process::run(Command::new(cli::path()).args(arguments), b"").success();
        assert!(outcome.stdout.contains("dlssl"), "{outcome:?}");
    }
}

fn links_no_openssl() {
    let outcome = process::run(foreign("ldd").arg(cli::path()), b"");
    // A static executable is "not a dynamic executable", which is as good.
    let all = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!all.contains("libssl") && !all.contains("libcrypto"), "{all}");
    assert!(!all.is_empty());
}

fn connect_to(address: SocketAddr) -> Command {
    let mut command = cli::command("connect");
    command.arg(address.to_string()).args(["--name", NAME, "--timeout", "20", "--ca"]).arg(Pki::shared().root_path());
    command
}

fn echo() {
    for server_bio in [&["--echo"][..], &["--socket-bio"]] {
        let served = Served::start(server_bio);
        for client_bio in [None, Some("--socket-bio")] {
            // Text, since the outcome is text.
            let bytes: Vec<u8> = pattern(1 << 20, 1).into_iter().map(|b| b'a' + b % 26).collect();
            let outcome = process::run(connect_to(served.address()).args(client_bio), &bytes).success();
            assert!(outcome.stdout.as_bytes() == bytes, "{} bytes came back", outcome.stdout.len());
            assert!(outcome.stderr.contains("sent 1048576 B"), "{}", outcome.stderr);
        }
        drop(served);
    }
}

fn still_serves(served: &mut Served) {
    let outcome = process::run(&mut connect_to(served.address()), b"hello\n");
    assert!(outcome.status.success() && outcome.stdout == "hello\n", "{outcome:?}\n{}", served.log());
    assert!(served.lives());
}

fn bad_clients() {
    for bio in [&[][..], &["--socket-bio"]] {
        let mut served = Served::start(bio);
        let rubbish: [&[u8]; 4] = [b"", b"GET / HTTP/1.1\r\n\r\n", &[0xff; 3000], &[22, 3, 1, 0]];
        for bytes in rubbish {
            let mut client = TcpStream::connect(served.address()).unwrap();
            client.write_all(bytes).unwrap();
            drop(client);
            still_serves(&mut served);
        }
        // A client that trusts somebody else.
        let mut command = cli::command("connect");
        command.arg(served.address().to_string()).args(["--name", "other.test", "--ca"]);
        let outcome = process::run(command.arg(Pki::shared().root_path()), b"hello\n");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
        // One that vanishes in the middle of what it says.
        let socket = TcpStream::connect(served.address()).unwrap();
        let mut client = connector().build().unwrap().connect(NAME, socket).unwrap();
        client.write_all(&pattern(100_000, 1)).unwrap();
        let (mut socket, _) = client.into_inner().unwrap();
        socket.write_all(&[23, 3, 3, 0, 100, 1, 2, 3]).unwrap();
        drop(socket);
        still_serves(&mut served);
    }
}

fn silent_client() {
    for bio in [&[][..], &["--socket-bio"]] {
        let mut served = Served::start(bio);
        let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(served.address()).unwrap()).collect();
        still_serves(&mut served);
        drop(silent);
    }
}

#[cfg(unix)]
fn ends_by(signal: i32) {
    for bio in [&[][..], &["--socket-bio"]] {
        let served = Served::start(bio);
        // Neither an open connection nor a half-open one keeps it from ending.
        let _silent = TcpStream::connect(served.address()).unwrap();
        let socket = TcpStream::connect(served.address()).unwrap();
        let mut client = connector().build().unwrap().connect(NAME, socket).unwrap();
        client.write_all(b"still there?").unwrap();
        let mut answer = [0; 12];
        client.read_exact(&mut answer).unwrap();
        let start = Instant::now();
        let outcome = served.end_by(signal);
        assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
}

#[cfg(not(unix))]
fn ends_by(_signal: i32) {}

#[cfg(unix)]
fn nohup() {
    use std::os::unix::process::CommandExt;

    for ignored in [true, false] {
        let mut command = cli::command("serve");
        let handling = if ignored { libc::SIG_IGN } else { libc::SIG_DFL };
        let handle = move || {
            // SAFETY: a plain call, allowed after a fork.
            unsafe { libc::signal(libc::SIGHUP, handling) };
            Ok(())
        };
        // SAFETY: it allocates nothing and takes no lock.
        unsafe { command.pre_exec(handle) };
        let mut served = Served::of(command, &[]);
        let outcome = if ignored {
            served.signal(libc::SIGHUP);
            // Without open connections it would end at once; until then it could still answer.
            std::thread::sleep(Duration::from_millis(500));
            assert!(served.lives(), "{}", served.log());
            connector().build().unwrap().connect(NAME, TcpStream::connect(served.address()).unwrap()).unwrap();
            served.end_by(libc::SIGTERM)
        } else {
            served.end_by(libc::SIGHUP)
        };
        assert_eq!(outcome.status.code(), Some(0), "{outcome:?}");
    }
}

#[cfg(not(unix))]
fn nohup() {}

fn serve_with_bad_files() {
    let pki = Pki::shared();
    let good = (pki.server_chain_path().to_owned(), pki.server_key_path().to_owned());
    let nowhere = std::path::PathBuf::from("/nonexistent/file.pem");
    for (cert, key, word) in [
        (&nowhere, &good.1, "/nonexistent/file.pem"),
        (&good.0, &nowhere, "/nonexistent/file.pem"),
        (&good.1, &good.0, "error"),
        (&good.0, &pki.client_key_path().to_owned(), "key"),
    ] {
        let mut command = cli::command("serve");
        command.args(["--listen", "127.0.0.1:0", "--cert"]).arg(cert).arg("--key").arg(key);
        let outcome = process::run(&mut command, b"");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "");
    }
}

fn taken_port() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let pki = Pki::shared();
    let mut command = cli::command("serve");
    command.args(["--listen", &taken.local_addr().unwrap().to_string(), "--cert"]);
    command.arg(pki.server_chain_path()).arg("--key").arg(pki.server_key_path());
    let outcome = process::run(&mut command, b"");
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("in use"), "{}", outcome.stderr);
}

fn connect_to_nobody() {
    let address = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let outcome = process::run(&mut connect_to(address), b"");
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("refused"), "{}", outcome.stderr);
}

fn connect_to_a_silent_peer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for bio in [None, Some("--socket-bio")] {
        let mut command = cli::command("connect");
        command.arg(listener.local_addr().unwrap().to_string()).args(["--name", NAME, "--timeout", "1", "--ca"]);
        let start = Instant::now();
        let outcome = process::run(command.arg(Pki::shared().root_path()).args(bio), b"hello\n");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
        assert!(start.elapsed() >= Duration::from_millis(900), "{outcome:?}");
        assert!(start.elapsed() < Duration::from_secs(10), "{outcome:?}");
        assert!(!outcome.stderr.is_empty());
    }
}

/// Runs a command against one connection that a function serves.
fn against(serve: impl FnOnce(TcpStream) + Send, bio: Option<&str>) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut running = Running::start(connect_to(listener.local_addr().unwrap()).args(bio));
    running.write(b"hello\n");
    let (socket, _) = listener.accept().unwrap();
    socket.set_read_timeout(Some(process::PATIENCE)).unwrap();
    serve(socket);
    running.finish()
}

fn connect_to_rubbish() {
    for bio in [None, Some("--socket-bio")] {
        let outcome = against(
            |mut socket| {
                let _ = socket.write_all(b"220 mail.test ESMTP\r\n");
                // So that the close is no reset before the client has read.
                let _ = socket.read(&mut [0; 4096]);
            },
            bio,
        );
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains("the peer does not speak TLS"), "{outcome:?}");
        assert!(outcome.stderr.contains("try: check that the peer speaks TLS on this port"), "{outcome:?}");
    }
}

/// What came is passed on, but the exit code says that it may not be all.
fn connect_without_close_notify() {
    for bio in [None, Some("--socket-bio")] {
        let outcome = against(
            |socket| {
                let mut tls = acceptor().build().unwrap().accept(socket).unwrap();
                let mut buf = [0; 6];
                tls.read_exact(&mut buf).unwrap();
                tls.write_all(b"half an ans").unwrap();
                tls.flush().unwrap();
                // Ended for the peer, but no reset: what is under way still arrives.
                let (socket, _) = tls.into_inner().unwrap();
                socket.shutdown(std::net::Shutdown::Write).unwrap();
                std::thread::sleep(Duration::from_millis(300));
            },
            bio,
        );
        assert_eq!(outcome.stdout, "half an ans", "{outcome:?}");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    }
}

fn connect_by_default() {
    let served = Served::start(&[]);
    let mut command = cli::command("connect");
    command.arg(served.address().to_string()).args(["--name", NAME, "--timeout", "20"]);
    let outcome = process::run(&mut command, b"hello\n");
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
}

fn connect_no_verify() {
    let served = Served::start(&[]);
    let mut command = cli::command("connect");
    command.arg(served.address().to_string()).args(["--danger-no-verify", "--timeout", "20"]);
    let outcome = process::run(&mut command, b"hello\n").success();
    assert_eq!(outcome.stdout, "hello\n");
}

/// The place, what is the matter with it, and what to do.
fn bad_roots() {
    let served = Served::start(&[]);
    let folder = TempDir::new().unwrap();
    let (gone, root) = (folder.path().join("gone"), Pki::shared().root_path());
    let connect = |change: &dyn Fn(&mut Command)| {
        let mut command = cli::command("connect");
        command.args([&served.address().to_string(), "--timeout", "20"]);
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        change(&mut command);
        let outcome = process::run(&mut command, b"");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
        outcome.stderr
    };
    for (variable, path, matter) in [
        ("SSL_CERT_FILE", gone.as_path(), "cannot read PATH: No such file or directory"),
        ("SSL_CERT_FILE", folder.path(), "PATH is a folder, not a file of certificates"),
        ("SSL_CERT_DIR", &gone, "cannot read PATH: No such file or directory"),
        ("SSL_CERT_DIR", &root, "PATH is a file, not a folder of certificates"),
        ("SSL_CERT_DIR", folder.path(), "PATH holds no certificate named by hash; run `openssl rehash` on it"),
    ] {
        let matter = matter.replace("PATH", path.to_str().unwrap());
        let said = connect(&|command| {
            command.env(variable, path);
        });
        assert!(said.contains(&format!("{variable}: {matter}")), "{said}");
        assert!(said.contains("; correct or unset it\n"), "{said}");
        if variable == "SSL_CERT_DIR" {
            let said = connect(&|command| {
                command.arg("--ca-dir").arg(path);
            });
            assert!(said.starts_with(&format!("error: cannot set up TLS: {matter}")), "{said}");
            assert!(said.contains("  try: --ca FILE trusts the certificates of a file"), "{said}");
        }
    }
}

fn expired() {
    let pair = Pki::shared().authority.issue(&Leaf::server(NAME).expired());
    let acceptor = Acceptor::builder(library(), pair.identity()).build().unwrap();
    let outcome = against(|socket| drop(acceptor.accept(socket)), None);
    assert!(outcome.stderr.contains("expired"), "{outcome:?}");
    assert!(outcome.stderr.contains("  try: have the certificate renewed"), "{outcome:?}");
}
