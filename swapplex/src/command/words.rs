//! Words of a command, in upper case and without an allocation.

use redis::{Arg, Cmd};
use smallvec::SmallVec;

/// No word that is looked for is longer.
pub(super) const LONGEST: usize = 16;

/// A command's name, or another of its words.
#[derive(Debug)]
pub(super) struct Word(SmallVec<[u8; 2 * LONGEST]>);

impl Word {
    /// `None` for what is too long to be looked for.
    pub(super) fn upper(bytes: &[u8]) -> Option<Self> {
        (bytes.len() <= LONGEST).then(|| Self(bytes.iter().map(u8::to_ascii_uppercase).collect()))
    }

    /// The same with a bar and a subcommand.
    pub(super) fn with(mut self, subcommand: &[u8]) -> Option<Self> {
        let subcommand = Self::upper(subcommand)?;
        self.0.push(b'|');
        self.0.extend_from_slice(&subcommand.0);
        Some(self)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The words of a command; the cursor of a scan is an empty one.
pub(super) fn words(command: &Cmd) -> impl Iterator<Item = &[u8]> {
    command.args_iter().map(|argument| match argument {
        Arg::Simple(bytes) => bytes,
        _ => b"",
    })
}
