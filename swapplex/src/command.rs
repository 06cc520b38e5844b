//! What is known of Redis's commands: which ones may run twice, and which ones need a connection of their own.

mod class;
mod route;
mod special;
mod table;
mod words;

use redis::{Arg, Cmd};

pub(crate) use self::class::{Class, class};
pub(crate) use self::route::{Route, Wait, route, wait};

/// What the library takes a command for, by its name in lower case, with a subcommand behind a bar: `read`, `harmless`,
/// `write`. For the test that holds it against the running server.
#[doc(hidden)]
pub fn classes() -> impl Iterator<Item = (&'static str, &'static str)> {
    let reads = table::READS.iter().map(|name| (*name, "read"));
    let harmless = table::HARMLESS.iter().map(|name| (*name, "harmless"));
    let writes = table::IDEMPOTENT.iter().chain(table::EFFECTS).copied();
    let by_arguments = table::BY_ARGUMENTS.iter().map(|(name, _)| *name);
    let writes = writes.chain(by_arguments).map(|name| (name, "write"));
    reads.chain(harmless).chain(writes)
}

/// The command's name as it may be shown: no arguments, since they may be secret.
pub(crate) fn name(command: &Cmd) -> String {
    match command.args_iter().next() {
        Some(Arg::Simple(bytes)) => String::from_utf8_lossy(bytes).to_ascii_uppercase(),
        _ => String::from("(empty)"),
    }
}

/// How many bytes the command has on the wire, about.
pub(crate) fn length(command: &Cmd) -> usize {
    command
        .args_iter()
        .map(|argument| match argument {
            Arg::Simple(bytes) => bytes.len() + 16,
            _ => 32,
        })
        .sum()
}
