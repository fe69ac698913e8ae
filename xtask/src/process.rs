//! Child processes with bounded time: output gathered line by line, and nothing of a child outlives it.

use std::io::{self, BufRead, BufReader, PipeReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a silent child is looked at.
const TICK: Duration = Duration::from_millis(50);

/// How long something that a finished child left behind may hold our pipe.
const GRACE: Duration = Duration::from_secs(3);

/// The process group of the child that runs now (one at a time), for an interrupt to end.
static RUNNING: Mutex<Option<u32>> = Mutex::new(None);

/// How a child ended.
#[derive(Debug)]
pub(crate) enum End {
    Exited(ExitStatus),
    TimedOut,
}

/// A child that has ended, with all it wrote to its standard output and standard error, in order.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) end: End,
    pub(crate) output: String,
    pub(crate) took: Duration,
}

/// Runs `command` to its end, but no longer than `limit`, handing each line to `on_line` as it comes.
///
/// The child leads a process group of its own; what is left of the group is killed afterwards.
pub(crate) fn run(mut command: Command, limit: Duration, mut on_line: impl FnMut(&str)) -> io::Result<Finished> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null());
    command.stdout(writer.try_clone()?).stderr(writer);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);

    let start = Instant::now();
    let mut child = command.spawn()?;
    // The command holds our copies of the writing end: the pipe closes only when it is gone.
    drop(command);
    let lines = lines_of(reader);
    set_running(Some(child.id()));
    let mut output = String::new();
    let end = follow(&mut child, &lines, start + limit, |line| {
        on_line(line);
        output.push_str(line);
        output.push('\n');
    });
    kill_group(&mut child);
    child.wait()?;
    set_running(None);
    Ok(Finished { end: end?, output, took: start.elapsed() })
}

/// Makes an interrupt end the running child too: it leads its own group and would not hear of it.
pub(crate) fn end_children_on_interrupt() -> Result<(), ctrlc::Error> {
    ctrlc::set_handler(|| {
        let running = RUNNING.lock().map_or(None, |group| *group);
        if let Some(group) = running {
            kill_group_of(group);
        }
        std::process::exit(130);
    })
}

fn follow(
    child: &mut Child,
    lines: &Receiver<String>,
    deadline: Instant,
    mut on_line: impl FnMut(&str),
) -> io::Result<End> {
    let mut exited: Option<(ExitStatus, Instant)> = None;
    let mut open = true;
    loop {
        if open {
            match lines.recv_timeout(TICK) {
                Ok(line) => {
                    on_line(&line);
                    // Fall through: a child that never stops talking must still meet the deadline.
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            }
        } else if exited.is_none() {
            thread::sleep(TICK);
        }
        if exited.is_none() {
            exited = child.try_wait()?.map(|status| (status, Instant::now()));
        }
        match exited {
            Some((status, _)) if !open => return Ok(End::Exited(status)),
            Some((status, since)) if since.elapsed() > GRACE => return Ok(End::Exited(status)),
            None if Instant::now() > deadline => return Ok(End::TimedOut),
            _ => {}
        }
    }
}

fn lines_of(reader: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        // A test may print anything: bytes that are not UTF-8 are replaced, not an end of reading.
        while reader.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            let text = String::from_utf8_lossy(&line);
            if sender.send(text.trim_end().to_owned()).is_err() {
                break;
            }
            line.clear();
        }
    });
    receiver
}

fn set_running(group: Option<u32>) {
    if let Ok(mut running) = RUNNING.lock() {
        *running = group;
    }
}

fn kill_group(child: &mut Child) {
    kill_group_of(child.id());
    // Without process groups there is only the child; it may have ended by itself.
    let _ = child.kill();
}

#[cfg(unix)]
fn kill_group_of(group: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // An error means that the group is empty, which is what is wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group_of(_group: u32) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_and_status_come_back() {
        let mut seen = Vec::new();
        let finished =
            run(sh("echo one; echo two >&2; exit 3"), Duration::from_secs(20), |line| seen.push(line.to_owned()))
                .unwrap();
        assert_eq!(finished.output, "one\ntwo\n");
        assert_eq!(seen, ["one", "two"]);
        assert!(matches!(finished.end, End::Exited(status) if status.code() == Some(3)));
    }

    #[test]
    fn a_child_that_hangs_is_ended_with_all_it_started() {
        let script = "sleep 100 & echo $!; wait";
        let finished = run(sh(script), Duration::from_millis(300), |_| {}).unwrap();
        assert!(matches!(finished.end, End::TimedOut));
        assert!(finished.took < Duration::from_secs(20));
        assert_gone(finished.output.trim());
    }

    #[test]
    fn what_a_child_leaves_behind_is_ended() {
        let finished = run(sh("sleep 100 & echo $!"), Duration::from_secs(60), |_| {}).unwrap();
        assert!(matches!(finished.end, End::Exited(status) if status.success()));
        assert!(finished.took < Duration::from_secs(30));
        assert_gone(finished.output.trim());
    }

    /// Waits a little: an orphan stays visible until its new parent has collected it.
    fn assert_gone(pid: &str) {
        let alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        let deadline = Instant::now() + Duration::from_secs(10);
        while alive() {
            assert!(Instant::now() < deadline, "process {pid} still runs");
            thread::sleep(TICK);
        }
    }
}
