//! Child processes with bounds: found on the `PATH`, fed, waited for, and killed on drop.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The longest that a test waits for one thing.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Finds a program on the `PATH`; the system's administrative directories count as well.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into(), "/usr/local/sbin".into()])
        .chain(postgresql())
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// Where Debian has the programs of PostgreSQL's server: a folder for each version, the newest first.
fn postgresql() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// A command for a program other than ours: without the search path that the library under test may need.
///
/// # Panics
/// When the program is not installed; say so with `needs`.
pub fn foreign(program: &str) -> Command {
    let file = find(program).unwrap_or_else(|| panic!("{program} is not installed"));
    let mut command = Command::new(file);
    command.env_remove("LD_LIBRARY_PATH").env_remove("OPENSSL_MODULES");
    command
}

/// What a finished child left behind.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Outcome {
    /// Passes itself through when the child succeeded.
    ///
    /// # Panics
    /// With all that the child said, when it did not.
    pub fn success(self) -> Self {
        assert!(self.status.success(), "{self:#?}");
        self
    }
}

/// Names a task to a test program that is to do that alone and no tests.
const TASK: &str = "DLSSL_TEST_TASK";

/// The task that this process is asked for.
pub fn task() -> Option<String> {
    std::env::var(TASK).ok()
}

/// This test program, to be run for one task: what a process can do only once, or does to all of it.
pub fn for_task(task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test has a file"));
    command.env(TASK, task);
    command
}

/// Does a task in a process of its own.
pub fn by_itself(task: &str) {
    run(&mut for_task(task), b"").success();
}

/// Runs a command to its end with this standard input, for at most [`PATIENCE`].
pub fn run(command: &mut Command, input: &[u8]) -> Outcome {
    run_for(command, input, PATIENCE)
}

/// Runs a command to its end with this standard input; panics with its output when it takes longer than `limit`.
pub fn run_for(command: &mut Command, input: &[u8], limit: Duration) -> Outcome {
    let mut running = Running::start(command);
    running.write(input);
    running.close_input();
    running.finish_within(limit)
}

/// A running child whose output is collected; killed on drop.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Collected,
    stderr: Collected,
    name: String,
}

impl Running {
    /// Starts a command with all three standard streams as pipes.
    pub fn start(command: &mut Command) -> Self {
        let name = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let stdout = Collected::from(child.stdout.take().unwrap());
        let stderr = Collected::from(child.stderr.take().unwrap());
        Running { stdin: child.stdin.take(), child, stdout, stderr, name }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to the child's standard input; a child that is gone shows in its outcome.
    pub fn write(&mut self, bytes: &[u8]) {
        if let Some(stdin) = &mut self.stdin {
            let _ = stdin.write_all(bytes).and_then(|()| stdin.flush());
        }
    }

    /// Closes the child's standard input.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// What the child has written to its standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What the child has written to its standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until standard output or standard error satisfies the question.
    pub fn wait_until(&mut self, what: &str, mut question: impl FnMut(&str, &str) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let (out, err) = (self.stdout(), self.stderr());
            if question(&out, &err) {
                return;
            }
            let gone = self.child.try_wait().unwrap();
            if gone.is_some() {
                // One more look: the rest of the output may have come with the end.
                thread::sleep(Duration::from_millis(100));
                if question(&self.stdout(), &self.stderr()) {
                    return;
                }
            }
            assert!(
                gone.is_none() && Instant::now() < end,
                "{}: waited for {what} (ended: {gone:?})\nstdout: {out}\nstderr: {err}",
                self.name
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// How the child ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends a signal.
    #[cfg(unix)]
    pub fn signal(&self, signal: i32) {
        let id = libc::pid_t::try_from(self.child.id()).unwrap();
        // SAFETY: kill touches no memory, and the child has not been waited for, so the id is still its own.
        unsafe { libc::kill(id, signal) };
    }

    /// Waits for the end, for at most [`PATIENCE`].
    pub fn finish(self) -> Outcome {
        self.finish_within(PATIENCE)
    }

    /// Waits for the end; panics with the output when it takes longer than `limit`.
    pub fn finish_within(mut self, limit: Duration) -> Outcome {
        self.close_input();
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Outcome { status, stdout: self.stdout.whole(), stderr: self.stderr.whole() };
            }
            assert!(
                Instant::now() < end,
                "{} did not end in {limit:?}\nstdout: {}\nstderr: {}",
                self.name,
                self.stdout(),
                self.stderr()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stream of the child that a thread reads to its end.
#[derive(Debug)]
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<thread::JoinHandle<()>>,
}

impl Collected {
    fn from(mut stream: impl Read + Send + 'static) -> Self {
        let bytes: Arc<Mutex<Vec<u8>>> = Arc::default();
        let target = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut buf = [0; 4096];
            while let Ok(n) = stream.read(&mut buf) {
                if n == 0 {
                    break;
                }
                target.lock().unwrap().extend_from_slice(&buf[..n]);
            }
        });
        Collected { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// All of it: the child has ended, but a grandchild may still hold the pipe, so the wait is short.
    fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            let end = Instant::now() + Duration::from_secs(2);
            while !reader.is_finished() && Instant::now() < end {
                thread::sleep(Duration::from_millis(2));
            }
        }
        self.text()
    }
}
