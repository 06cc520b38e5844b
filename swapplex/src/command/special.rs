//! Commands that don't belong on a connection that others share.

use redis::Cmd;

use super::words::{LONGEST, Word, words};

/// What is special about a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    /// It may keep its connection waiting; its time limit stands there.
    Blocks(Limit),
    /// It would change the connection for everybody, or speaks of what this one connection has done.
    Dedicated,
    /// The same, and most who want it are better served by something else.
    Instead(&'static str),
    /// It breaks the rule of one reply per request, so that even a connection of one's own would lose count.
    Never(&'static str),
}

/// Where a blocking command says how long it waits at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Seconds, as the first argument.
    FirstSeconds,
    /// Seconds, as the last argument.
    LastSeconds,
    /// Milliseconds, as the last argument.
    LastMillis,
    /// Milliseconds behind the option `BLOCK`, without which the command does not wait.
    Block,
}

use Limit::{Block, FirstSeconds, LastSeconds};
use Special::{Blocks, Dedicated, Instead, Never};

/// In order, in upper case, with subcommands behind a bar.
///
/// The blocking ones are those that the server's `COMMAND` flags as such, but for `WAIT` and `WAITAOF`: these speak of
/// the writes of their own connection, so moving them elsewhere would change what they mean.
const SPECIAL: &[(&str, Special)] = &[
    ("ASKING", Dedicated),
    ("AUTH", Instead("set the credentials in the configuration")),
    ("BLMOVE", Blocks(LastSeconds)),
    ("BLMPOP", Blocks(FirstSeconds)),
    ("BLPOP", Blocks(LastSeconds)),
    ("BRPOP", Blocks(LastSeconds)),
    ("BRPOPLPUSH", Blocks(LastSeconds)),
    ("BZMPOP", Blocks(FirstSeconds)),
    ("BZPOPMAX", Blocks(LastSeconds)),
    ("BZPOPMIN", Blocks(LastSeconds)),
    ("CLIENT|CACHING", Dedicated),
    ("CLIENT|CAPA", Dedicated),
    ("CLIENT|IMPORT-SOURCE", Dedicated),
    ("CLIENT|NO-EVICT", Dedicated),
    ("CLIENT|NO-TOUCH", Dedicated),
    (
        "CLIENT|REPLY",
        Never("give up a reply with `Cmd::set_no_response`"),
    ),
    ("CLIENT|TRACKING", Dedicated),
    ("DISCARD", Instead(PIPELINE)),
    ("EXEC", Instead(PIPELINE)),
    (
        "HELLO",
        Instead("choose the protocol with `?protocol=` in the URL"),
    ),
    ("MONITOR", Never("use redis-rs's `Client::get_async_monitor`")),
    ("MULTI", Instead(PIPELINE)),
    ("PSUBSCRIBE", Never(PUBSUB)),
    ("PSYNC", Never(REPLICA)),
    ("PUNSUBSCRIBE", Never(PUBSUB)),
    ("QUIT", Instead("drop the client to close its connection")),
    ("READONLY", Dedicated),
    ("READWRITE", Dedicated),
    ("REPLCONF", Never(REPLICA)),
    ("RESET", Dedicated),
    ("SCRIPT|DEBUG", Dedicated),
    ("SELECT", Instead("use a client for that database number")),
    ("SSUBSCRIBE", Never(PUBSUB)),
    ("SUBSCRIBE", Never(PUBSUB)),
    ("SUNSUBSCRIBE", Never(PUBSUB)),
    ("SYNC", Never(REPLICA)),
    ("UNSUBSCRIBE", Never(PUBSUB)),
    ("UNWATCH", Dedicated),
    ("WAIT", Dedicated),
    ("WAITAOF", Dedicated),
    ("WATCH", Dedicated),
    ("XREAD", Blocks(Block)),
    ("XREADGROUP", Blocks(Block)),
];

const PIPELINE: &str = "use an atomic pipeline, `redis::pipe().atomic()`";
const PUBSUB: &str = "use `pubsub()`";
const REPLICA: &str = "swapplex cannot be a replica";

/// For each initial, a bit for every length that a name in the table with this initial has.
///
/// Every command is looked up, and hardly any is in the table: for most, this tells without a search.
const LENGTHS: [u32; INITIALS] = {
    let mut lengths = [0; INITIALS];
    let mut at = 0;
    while at < SPECIAL.len() {
        let name = SPECIAL[at].0.as_bytes();
        let mut length = 0;
        while length < name.len() && name[length] != b'|' {
            length += 1;
        }
        lengths[initial(name[0])] |= 1 << length;
        at += 1;
    }
    lengths
};

/// Letters, in either case, are told apart by their low bits.
const INITIALS: usize = 32;

const fn initial(letter: u8) -> usize {
    letter as usize % INITIALS
}

fn may_be_special(name: &[u8]) -> bool {
    let lengths = name.first().map_or(0, |&letter| LENGTHS[initial(letter)]);
    name.len() <= LONGEST && lengths & (1 << name.len()) != 0
}

/// What is special about `command`, and its name in the table.
pub(super) fn look_up(command: &Cmd) -> Option<(&'static str, Special)> {
    let mut words = words(command);
    let name = words.next().filter(|name| may_be_special(name))?;
    let name = Word::upper(name)?;
    let name = match name.as_bytes() {
        b"CLIENT" | b"SCRIPT" => name.with(words.next()?)?,
        _ => name,
    };
    let at = SPECIAL.binary_search_by(|(special, _)| special.as_bytes().cmp(name.as_bytes()));
    Some(SPECIAL[at.ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(SPECIAL.is_sorted_by_key(|(name, _)| name));
    }

    #[test]
    fn every_name_is_found_in_either_case_and_others_are_not() {
        for (name, special) in SPECIAL {
            for name in [name.to_string(), name.to_lowercase()] {
                let mut command = Cmd::new();
                name.split('|').for_each(|word| {
                    command.arg(word);
                });
                assert_eq!(
                    look_up(&command).map(|(_, found)| found),
                    Some(*special),
                    "{name}"
                );
            }
        }
        for other in [
            "GET",
            "SAVE",
            "SETEX",
            "XADD",
            "",
            "@",
            "A-NAME-THAT-IS-MUCH-LONGER-THAN-ANY-COMMAND-S",
        ] {
            assert_eq!(look_up(redis::cmd(other).arg("key")), None, "{other}");
        }
    }
}
