//! What it means for a command to run twice.

use redis::Cmd;

use super::table::{self, Entry};
use super::words::words;

/// What a second run of a command does, from harmless to harmful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Changes nothing.
    Read,
    /// Leaves the same value and gives the same answer.
    Idempotent,
    /// Leaves the same value and gives another answer.
    Effects,
    /// Does it again, or nobody knows what it does.
    Other,
}

/// How a command's arguments decide what class it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// `SET` is idempotent without an option, or with nothing but a time to live.
    PlainSet,
    /// `GETEX` is idempotent unless it sets a time to live: the second answer may come when that is over.
    UnlessExpiring,
    /// Idempotent where no argument is `STORE` or `STOREDIST`.
    UnlessStored,
    /// `ZADD`: the same effect, unless it has the option `INCR`.
    UnlessIncrement,
}

/// The options that set a time to live.
const EXPIRY: &[&str] = &["EX", "PX", "EXAT", "PXAT"];

impl Rule {
    pub(super) fn class<'a>(self, mut arguments: impl Iterator<Item = &'a [u8]>) -> Class {
        match self {
            Self::PlainSet => {
                // Behind the key and the value.
                let mut options = arguments.skip(2);
                let is_plain = match options.next() {
                    None => true,
                    Some(option) => {
                        is(option, EXPIRY) && options.next().is_some() && options.next().is_none()
                    }
                };
                if is_plain { Class::Idempotent } else { Class::Other }
            }
            Self::UnlessExpiring => {
                // Behind the key.
                let mut options = arguments.skip(1);
                match (options.next(), options.next(), options.next()) {
                    (None, _, _) => Class::Idempotent,
                    (Some(option), None, _) if is(option, &["PERSIST"]) => Class::Idempotent,
                    (Some(option), Some(_), None) if is(option, EXPIRY) => Class::Effects,
                    _ => Class::Other,
                }
            }
            Self::UnlessStored => {
                if arguments.any(|word| is(word, &["STORE", "STOREDIST"])) {
                    Class::Other
                } else {
                    Class::Idempotent
                }
            }
            Self::UnlessIncrement => {
                if Self::has_option(arguments, &["INCR"]) {
                    Class::Other
                } else {
                    Class::Effects
                }
            }
        }
    }

    /// Whether a `ZADD` or a `GEOADD` depends on what is there.
    pub(super) fn has_condition<'a>(arguments: impl Iterator<Item = &'a [u8]>) -> bool {
        Self::has_option(arguments, &["NX", "XX", "GT", "LT"])
    }

    /// Whether a `ZADD` or a `GEOADD` has one of these options, which stand between the key and the first score.
    fn has_option<'a>(arguments: impl Iterator<Item = &'a [u8]>, wanted: &[&str]) -> bool {
        let options = arguments
            .skip(1)
            .take_while(|word| is(word, &["NX", "XX", "GT", "LT", "CH", "INCR"]));
        options.into_iter().any(|word| is(word, wanted))
    }
}

fn is(word: &[u8], names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// What a second run of `command` does.
///
/// Only asked once a connection is lost or a deadline has passed, so it may take its time.
pub(crate) fn class(command: &Cmd) -> Class {
    let mut arguments = words(command);
    let Some(name) = arguments.next() else {
        return Class::Other;
    };
    let mut name = name.to_ascii_lowercase();
    match table::look_up(&name) {
        Some(Entry::Class(class)) => return class,
        Some(Entry::Rule(rule)) => return rule.class(arguments),
        None => {}
    }
    name.push(b'|');
    name.extend(arguments.next().unwrap_or_default().to_ascii_lowercase());
    match table::look_up(&name) {
        Some(Entry::Class(class)) => class,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::command;
    use super::*;

    fn class_of(words: &str) -> Class {
        class(&command(words))
    }

    #[test]
    fn each_command_has_its_class() {
        for (words, expected) in [
            ("GeT k", Class::Read),
            ("XINFO stream k", Class::Read),
            ("PING", Class::Idempotent),
            ("script load x", Class::Idempotent),
            ("mset a 1 b 2", Class::Idempotent),
            ("DEL a", Class::Effects),
            ("HSET h f v", Class::Effects),
            ("XINFO HELP", Class::Other),
            ("SCRIPT FLUSH", Class::Other),
            ("INCR n", Class::Other),
            ("LSET l 0 v", Class::Other),
            ("LTRIM l 1 -1", Class::Other),
            ("EVAL x 0", Class::Other),
            ("FT.SEARCH i q", Class::Other),
            ("", Class::Other),
        ] {
            assert_eq!(class_of(words), expected, "{words}");
        }
    }

    #[test]
    fn arguments_decide_where_the_name_does_not() {
        for (words, expected) in [
            ("SET k v", Class::Idempotent),
            ("SET k v EX 10", Class::Idempotent),
            ("set k v pxat 10", Class::Idempotent),
            ("SET k NX", Class::Idempotent),
            ("SET k v NX", Class::Other),
            ("SET k v EX 10 NX", Class::Other),
            ("SET k v GET", Class::Other),
            ("SET k v KEEPTTL", Class::Other),
            ("SET k v EX", Class::Other),
            ("ZADD z 1 a", Class::Effects),
            ("ZADD z NX CH 1 INCR", Class::Effects),
            ("ZADD INCR 1 a", Class::Effects),
            ("ZADD z XX incr 1 a", Class::Other),
            ("GETEX k", Class::Idempotent),
            ("GETEX k persist", Class::Idempotent),
            ("GETEX PX 10", Class::Other),
            ("GETEX k PX 10", Class::Effects),
            ("getex k exat 10", Class::Effects),
            ("GETEX k EX", Class::Other),
            ("GETEX k EX 10 PERSIST", Class::Other),
            ("GETDEL k", Class::Other),
            ("SORT l", Class::Idempotent),
            ("SORT l LIMIT 0 5 store other", Class::Other),
            ("GEORADIUS g 1 2 3 km STOREDIST d", Class::Other),
        ] {
            assert_eq!(class_of(words), expected, "{words}");
        }
    }
}
