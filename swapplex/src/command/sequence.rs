//! What it means for several commands to run twice, one after the other.

use std::collections::HashSet;

use redis::Cmd;

use super::class::{Class, class};
use super::table;
use super::words::words;

/// What a second run of all of them, in this order, does.
///
/// At least the worst of them, and more where one stands in front of a write that touches the same: the second time it
/// finds what that write has left. A `GET` in front of a `SET` is a `GETSET` in two words.
///
/// Two commands are taken to touch the same where they have an argument in common, which is true of some that don't.
pub(crate) fn class_of_all<'a>(commands: impl Iterator<Item = &'a Cmd>) -> Class {
    let commands: Vec<&Cmd> = commands.collect();
    let mut worst = Class::Read;
    // The arguments of the writes behind the one that is looked at.
    let mut written: HashSet<&[u8]> = HashSet::new();
    for command in commands.into_iter().rev() {
        let mut arguments = words(command);
        let name = arguments.next().unwrap_or_default().to_ascii_lowercase();
        let class = class(command);
        let touches_the_same = || words(command).skip(1).any(|argument| written.contains(argument));
        worst = worst.max(class);
        if !written.is_empty() && (table::looks_everywhere(&name) || touches_the_same()) {
            worst = worst.max(table::in_front_of_a_write(&name, arguments));
        }
        if worst == Class::Other {
            break;
        }
        if class != Class::Read && !table::is_harmless(&name) {
            written.extend(words(command).skip(1));
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::super::tests::command;
    use super::*;

    fn class_of(texts: &str) -> Class {
        let commands: Vec<Cmd> = texts.split(';').map(command).collect();
        class_of_all(commands.iter())
    }

    #[test]
    fn what_touches_nothing_of_each_other_is_as_bad_as_the_worst() {
        for (commands, expected) in [
            ("GET a", Class::Read),
            ("GET a; MGET b a", Class::Read),
            ("GET a; SET b 1", Class::Idempotent),
            ("SET a 1; SET b 2", Class::Idempotent),
            ("GET a; DEL b", Class::Effects),
            ("PING; GET a; INCR b", Class::Other),
            // Harmless, but no writes.
            ("GET a; ECHO a", Class::Idempotent),
        ] {
            assert_eq!(class_of(commands), expected, "{commands}");
        }
    }

    #[test]
    fn what_always_does_and_answers_the_same_may_stand_anywhere() {
        for commands in [
            "SET a 1; GET a",
            "SET a 1; SET a 2",
            "SETEX a 9 1; GET a; GET a",
            "MSET a 1 b 2; set a 3 EX 5",
            "PING; TIME; SET a 1",
        ] {
            assert_eq!(class_of(commands), Class::Idempotent, "{commands}");
        }
    }

    #[test]
    fn what_looks_before_a_write_sees_something_else_the_second_time() {
        for commands in [
            "GET a; SET a 0",
            "get a; GET b; set b 0",
            "EXISTS b a; MSET x 1 a 1",
            "SETRANGE a 5 x; SET a y",
            "GETEX a PERSIST; SET a y",
            "KEYS *; SET a 1",
            "DBSIZE; SET a 1",
            "GET a; DEL a",
            "SADD a x; SREM a x",
            "ZADD a 1 x; EXPIRE a 9",
            "HSET a f 1; EXPIRE a 9",
        ] {
            assert_eq!(class_of(commands), Class::Effects, "{commands}");
        }
    }

    #[test]
    fn what_decides_by_what_it_finds_may_do_something_else_the_second_time() {
        for commands in [
            "ZADD z XX 5 m; ZADD z NX 3 m",
            "EXPIRE a 9; HSET a f v",
            "PFMERGE d a; PFADD a x",
            "SMOVE b c x; SMOVE a b x",
            "GETEX a EX 5; SETRANGE a 0 x",
        ] {
            assert_eq!(class_of(commands), Class::Other, "{commands}");
        }
    }
}
