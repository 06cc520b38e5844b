//! Lines that stay, and on a terminal one line that keeps changing.

use std::io::{self, IsTerminal, Stdout, Write};
use std::time::{Duration, Instant};

/// How often progress is written where it cannot be drawn over.
const PLAIN_PACE: Duration = Duration::from_secs(2);
const BAR: usize = 20;

/// Where the demo writes. In a pipe or a file, no control characters.
#[derive(Debug)]
pub(crate) struct Screen {
    out: Stdout,
    is_terminal: bool,
    /// When the last line of progress was written that could not be drawn over.
    last_plain: Option<Instant>,
}

impl Screen {
    pub(crate) fn stdout() -> Self {
        let out = io::stdout();
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self {
            is_terminal: out.is_terminal() && !is_dumb,
            out,
            last_plain: None,
        }
    }

    /// Writes a line that stays.
    pub(crate) fn line(&mut self, text: &str) {
        let clear = if self.is_terminal { "\r\x1b[2K" } else { "" };
        self.last_plain = None;
        self.write(&format!("{clear}{text}\n"));
    }

    /// Shows how far something is, in thousandths.
    pub(crate) fn progress(&mut self, thousandths: usize, text: &str) {
        let thousandths = thousandths.min(1000);
        if self.is_terminal {
            let done = BAR * thousandths / 1000;
            let bar = "█".repeat(done) + &"░".repeat(BAR - done);
            // Without wrapping, for then the line could not be drawn over.
            self.write(&format!("\r\x1b[2K\x1b[?7l{bar} {text}\x1b[?7h"));
            return;
        }
        let now = Instant::now();
        match self.last_plain {
            Some(last) if now - last < PLAIN_PACE => {}
            // The first is as good as nothing yet.
            None => self.last_plain = Some(now),
            Some(_) => {
                self.last_plain = Some(now);
                self.write(&format!("  {:>3}% {text}\n", thousandths / 10));
            }
        }
    }

    fn write(&mut self, text: &str) {
        // Where nobody reads any more there is nobody to tell.
        let _ = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
    }
}
