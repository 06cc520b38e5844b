//! What is under way, on standard error.

use std::io::{self, IsTerminal};

/// One line, rewritten as the workload goes on. Where that can't be done, just the workload's name.
pub(super) struct Progress {
    workload: String,
    rewrites: bool,
}

impl Progress {
    pub(super) fn new(workload: &str) -> Self {
        let progress = Self {
            workload: workload.to_owned(),
            rewrites: io::stderr().is_terminal(),
        };
        if !progress.rewrites {
            eprintln!("{workload} ...");
        }
        progress
    }

    pub(super) fn show(&self, what: &str) {
        if self.rewrites {
            eprint!("\r{:60}\r{}: {what}", "", self.workload);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.rewrites {
            eprint!("\r{:60}\r", "");
        }
    }
}
