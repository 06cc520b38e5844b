//! What is known of Redis's commands: which ones may run twice, and which ones need a connection of their own.

mod class;
mod route;
mod sequence;
mod special;
mod table;
mod words;

use redis::{Arg, Cmd};

pub(crate) use self::class::{Class, class};
pub(crate) use self::route::{Route, Wait, route, wait};
pub(crate) use self::sequence::class_of_all;

use crate::resp;

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

/// Whether the server runs a script for it, which may have done something before it answers.
pub(crate) fn is_script(command: &Cmd) -> bool {
    let name = words::words(command).next().unwrap_or_default();
    [&b"eval"[..], b"evalsha", b"fcall"]
        .iter()
        .any(|script| name.eq_ignore_ascii_case(script))
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

/// Appends the command as it goes on the wire.
// What redis-rs's own `write_packed_command` does, in a third of its instructions: every command comes along here.
pub(crate) fn encode(command: &Cmd, out: &mut Vec<u8>) {
    let start = out.len();
    let arguments = command.args_iter();
    resp::array_header(out, arguments.len());
    for argument in arguments {
        let Arg::Simple(bytes) = argument else {
            // The cursor of a scan, which only redis-rs knows.
            out.truncate(start);
            return command.write_packed_command(out);
        };
        resp::bulk(out, bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// The command that these words are.
    pub(super) fn command(words: &str) -> Cmd {
        let mut command = Cmd::new();
        for word in words.split_whitespace() {
            command.arg(word);
        }
        command
    }

    proptest! {
        #[test]
        fn a_command_is_encoded_as_redis_rs_encodes_it(
            arguments in vec(vec(any::<u8>(), 0..300), 1..20),
            cursor in proptest::option::of((0_usize..20, any::<u64>())),
        ) {
            let mut command = Cmd::new();
            for (at, argument) in arguments.iter().enumerate() {
                if let Some((_, cursor)) = cursor.filter(|(place, _)| *place == at) {
                    command.cursor_arg(cursor);
                }
                command.arg(argument.as_slice());
            }
            let mut out = b"before".to_vec();
            encode(&command, &mut out);
            let mut expected = b"before".to_vec();
            command.write_packed_command(&mut expected);
            prop_assert_eq!(out, expected);
        }
    }
}
