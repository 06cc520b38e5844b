//! What each command may do twice, by name: lower case, with subcommands behind a bar, each list in order.
//!
//! [`READS`] is what the server itself says: the flag `readonly` that `COMMAND` reports on Redis 7.0, and four
//! commands of 7.4. The other lists are made by hand, since no server says which of its writes may run twice; each
//! entry has its reason. `tests/tests/command_table.rs` holds all of it against the running server. What is on no
//! list must not run twice.

use super::class::{Class, Rule};

/// They change nothing.
pub(super) const READS: &[&str] = &[
    "bitcount",
    "bitfield_ro",
    "bitpos",
    "dbsize",
    "dump",
    "eval_ro",
    "evalsha_ro",
    "exists",
    "expiretime",
    "fcall_ro",
    "geodist",
    "geohash",
    "geopos",
    "georadius_ro",
    "georadiusbymember_ro",
    "geosearch",
    "get",
    "getbit",
    "getrange",
    "hexists",
    "hexpiretime",
    "hget",
    "hgetall",
    "hkeys",
    "hlen",
    "hmget",
    "hpexpiretime",
    "hpttl",
    "hrandfield",
    "hscan",
    "hstrlen",
    "httl",
    "hvals",
    "keys",
    "lcs",
    "lindex",
    "llen",
    "lolwut",
    "lpos",
    "lrange",
    "memory|usage",
    "mget",
    "object|encoding",
    "object|freq",
    "object|idletime",
    "object|refcount",
    "pexpiretime",
    "pfcount",
    "pttl",
    "randomkey",
    "scan",
    "scard",
    "sdiff",
    "sinter",
    "sintercard",
    "sismember",
    "smembers",
    "smismember",
    "sort_ro",
    "srandmember",
    "sscan",
    "strlen",
    "substr",
    "sunion",
    "touch",
    "ttl",
    "type",
    "xinfo|consumers",
    "xinfo|groups",
    "xinfo|stream",
    "xlen",
    "xpending",
    "xrange",
    "xread",
    "xrevrange",
    "zcard",
    "zcount",
    "zdiff",
    "zinter",
    "zintercard",
    "zlexcount",
    "zmscore",
    "zrandmember",
    "zrange",
    "zrangebylex",
    "zrangebyscore",
    "zrank",
    "zrevrange",
    "zrevrangebylex",
    "zrevrangebyscore",
    "zrevrank",
    "zscan",
    "zscore",
    "zunion",
];

/// They change nothing either, but the server doesn't flag them as reads: that is for what reads keys.
pub(super) const HARMLESS: &[&str] = &[
    "echo",
    "info",
    "lastsave",
    "ping",
    "role",
    "script|exists",
    // A script is known by its checksum: loading it again gives the same one.
    "script|load",
    "time",
];

/// Writes that leave the same value when they run twice, and answer the same.
///
/// `HMSET` answers `OK`, unlike `HSET`, which counts; `PFMERGE` makes a union, to which what is in it already adds nothing;
/// `SETRANGE` puts the same bytes at the same place, and answers with the length that comes of it.
///
/// Not here: `LSET` and `LTRIM`, whose indexes mean other elements once somebody has pushed, and `LTRIM` even without
/// that; `RENAME`, `COPY`, `RESTORE` and `XGROUP CREATE`, which fail the second time; `FLUSHDB` and `FLUSHALL`, which
/// would take with them all that others have written since; `BITOP` and the commands with `STORE` in their name, whose
/// result may be one of their sources.
pub(super) const IDEMPOTENT: &[&str] = &["hmset", "mset", "pfmerge", "psetex", "setex", "setrange"];

/// Writes whose effect is the same when they run twice, while the second answer differs: it counts what is new, or
/// what there was.
///
/// Not here: `SETNX`, `HSETNX`, `MSETNX`, since their answer is what they are sent for ("was I the first?"), and the
/// second one says no to whom the first said yes; `GETDEL`, `GETSET`, `HGETDEL` and `SET` with `GET`, whose second answer
/// is no longer the value that they took; `HGETEX`, which may or may not set a time to live; `LREM`, `ZREMRANGEBYRANK`,
/// `LPOP` and the like, which find something else the second time.
pub(super) const EFFECTS: &[&str] = &[
    "del",
    // With whatever condition: the second time the expiry is already as it was to be.
    "expire",
    "expireat",
    "geoadd",
    "hdel",
    // Expiry of fields, since 7.4.
    "hexpire",
    "hexpireat",
    "hpersist",
    "hpexpire",
    "hpexpireat",
    "hset",
    "persist",
    "pexpire",
    "pexpireat",
    // Says whether the estimate changed.
    "pfadd",
    "sadd",
    // Answers with the bit as it was.
    "setbit",
    // The second time the member is no longer there to be moved.
    "smove",
    "srem",
    "unlink",
    "xack",
    // The number of an entry is never given again.
    "xdel",
    // Nothing is left to be trimmed, but what has come since.
    "xtrim",
    "zrem",
    "zremrangebylex",
    "zremrangebyscore",
];

/// Commands whose arguments decide.
pub(super) const BY_ARGUMENTS: &[(&str, Rule)] = &[
    // Without a destination they read; the server flags them as writes for the sake of those with one.
    ("georadius", Rule::UnlessStored),
    ("georadiusbymember", Rule::UnlessStored),
    // Answers with the value, which may be gone the second time if it was given little time to live.
    ("getex", Rule::UnlessExpiring),
    // `NX`, `XX` and `GET` answer something else the second time; what `KEEPTTL` keeps may have been set in between.
    ("set", Rule::PlainSet),
    ("sort", Rule::UnlessStored),
    // With `INCR` it adds to the score.
    ("zadd", Rule::UnlessIncrement),
];

/// The class of a name, or what its arguments have to be asked.
pub(super) fn look_up(name: &[u8]) -> Option<Entry> {
    let lists = [
        (READS, Class::Read),
        (HARMLESS, Class::Idempotent),
        (IDEMPOTENT, Class::Idempotent),
        (EFFECTS, Class::Effects),
    ];
    for (list, class) in lists {
        if holds(list, name) {
            return Some(Entry::Class(class));
        }
    }
    let at = BY_ARGUMENTS.binary_search_by(|(known, _)| known.as_bytes().cmp(name));
    at.ok().map(|at| Entry::Rule(BY_ARGUMENTS[at].1))
}

/// Reads whose answer may depend on keys that they don't name.
const EVERYWHERE: &[&str] = &[
    "dbsize",
    "eval_ro",
    "evalsha_ro",
    "fcall_ro",
    "info",
    "keys",
    "randomkey",
    "scan",
    // With `BY` and `GET`.
    "sort",
    "sort_ro",
];

/// Writes that do and answer the same whatever they find.
const BLIND: &[&str] = &["mset", "psetex", "set", "setex"];

/// Writes that do something else depending on what they find. Run twice in a row they do nothing new, as `EFFECTS` says;
/// with another write in between they may.
const BY_WHAT_IS_THERE: &[&str] = &[
    "expire",
    "expireat",
    "hexpire",
    "hexpireat",
    "hpexpire",
    "hpexpireat",
    "pexpire",
    "pexpireat",
    "pfmerge",
    "smove",
];

pub(super) fn looks_everywhere(name: &[u8]) -> bool {
    holds(EVERYWHERE, name)
}

pub(super) fn is_harmless(name: &[u8]) -> bool {
    holds(HARMLESS, name)
}

/// What it does to run a command and then a write that touches the same, when both run a second time, as far as the class
/// of neither tells.
pub(super) fn in_front_of_a_write<'a>(name: &[u8], arguments: impl Iterator<Item = &'a [u8]>) -> Class {
    let decides = match name {
        b"geoadd" | b"zadd" => Rule::has_condition(arguments),
        b"getex" => Rule::UnlessExpiring.class(arguments) > Class::Idempotent,
        name => holds(BY_WHAT_IS_THERE, name),
    };
    if decides {
        Class::Other
    } else if holds(BLIND, name) {
        Class::Idempotent
    } else {
        Class::Effects
    }
}

fn holds(list: &[&str], name: &[u8]) -> bool {
    list.binary_search_by(|known| known.as_bytes().cmp(name)).is_ok()
}

/// What a list says of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Class(Class),
    Rule(Rule),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order_and_name_nothing_twice() {
        let mut all: Vec<&str> = BY_ARGUMENTS.iter().map(|(name, _)| *name).collect();
        assert!(all.is_sorted());
        for list in [READS, HARMLESS, IDEMPOTENT, EFFECTS] {
            assert!(list.is_sorted());
            all.extend(list);
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        for list in [EVERYWHERE, BLIND, BY_WHAT_IS_THERE] {
            assert!(list.is_sorted());
            assert!(
                list.iter().all(|name| all.binary_search(name).is_ok()),
                "{list:?}"
            );
        }
    }
}
