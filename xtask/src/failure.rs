//! How a command ends when it does not end well.

use std::process::{ExitCode, ExitStatus};

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked for does not exist.
    Usage(String),
    /// Something that a person has to put right.
    Message(String),
    /// A child said what went wrong on its own; its exit code is handed on.
    Child(u8),
}

impl Failure {
    /// Hands on what `status` says, a death by signal in the shell's way.
    pub(crate) fn of(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let code = status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal));
        Self::Child(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
    }

    /// Prints what there is to say and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Usage(text) => {
                eprintln!("{text}");
                ExitCode::from(2)
            }
            Self::Message(text) => {
                eprintln!("error: {text}");
                ExitCode::FAILURE
            }
            Self::Child(code) => ExitCode::from(code),
        }
    }
}
