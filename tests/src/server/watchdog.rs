//! What cleans up when this process ends without dropping anything: killed, aborted, interrupted.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Reads commands until we are gone, whatever the reason: the pipe closes with our process.
///
/// `$1` is the server's directory. Only the last line runs after the pipe is closed.
const SCRIPT: &str = r#"
trap '' INT TERM HUP
pid=
while read -r word value; do
    case $word in
        watch) pid=$value ;;
        signal) kill -s "$value" "$pid" ;;
    esac
    echo "$?"
done
# With what it has forked to save.
[ -z "$pid" ] || kill -s KILL -- "-$pid"
rm -rf -- "$1"
"#;

/// A shell beside us that kills the server and removes its directory once this process is gone or drops this.
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Watchdog {
    pub(super) fn new(directory: &Path) -> io::Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", SCRIPT, "swapplex-watchdog"])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Outlives a signal that is meant for our whole group.
            .process_group(0)
            .spawn()?;
        let commands = child.stdin.take();
        let answers = child
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("a pipe was asked for"))?;
        Ok(Self {
            child,
            commands,
            answers: BufReader::new(answers),
        })
    }

    /// Makes `pid` the process that must not outlive us.
    pub(super) fn watch(&mut self, pid: u32) -> io::Result<()> {
        self.tell(&format!("watch {pid}\n"))
    }

    /// Ends the watch: the process is dead, and its number may go to another.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        self.tell("watch\n")
    }

    /// Sends the watched process a signal, by name.
    pub(super) fn signal(&mut self, name: &str) -> io::Result<()> {
        self.tell(&format!("signal {name}\n"))
    }

    fn tell(&mut self, line: &str) -> io::Result<()> {
        let commands = self.commands.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        commands.write_all(line.as_bytes())?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if answer.trim() == "0" {
            Ok(())
        } else {
            Err(io::Error::other(format!("{} failed", line.trim())))
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.commands = None;
        let _ = self.child.wait();
    }
}
