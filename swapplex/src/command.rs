//! What is known of Redis's commands: which ones only read, and which ones need a connection of their own.

mod route;
mod special;
mod words;

use redis::{Arg, Cmd};

pub(crate) use self::route::{Route, Wait, route, wait};

/// Commands that change nothing, in order, with subcommands behind a bar.
///
/// From the flag `readonly` that `COMMAND` reports on Redis 7.0; checked against the running server by
/// `tests/tests/command_table.rs`.
const READS: &[&str] = &[
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
    "hget",
    "hgetall",
    "hkeys",
    "hlen",
    "hmget",
    "hrandfield",
    "hscan",
    "hstrlen",
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

/// The commands that only read, in lower case, with subcommands behind a bar.
#[doc(hidden)]
pub fn reads() -> &'static [&'static str] {
    READS
}

/// Whether the command changes nothing, so that it may be sent twice.
pub(crate) fn is_read(command: &Cmd) -> bool {
    let mut arguments = arguments(command);
    let Some(name) = arguments.next() else {
        return false;
    };
    let mut name = name.to_ascii_lowercase();
    if is_listed(&name) {
        return true;
    }
    name.push(b'|');
    name.extend(arguments.next().unwrap_or_default().to_ascii_lowercase());
    is_listed(&name)
}

fn arguments(command: &Cmd) -> impl Iterator<Item = &[u8]> {
    command.args_iter().map(|argument| match argument {
        Arg::Simple(bytes) => bytes,
        _ => b"",
    })
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

fn is_listed(name: &[u8]) -> bool {
    READS.binary_search_by(|read| read.as_bytes().cmp(name)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(READS.is_sorted());
    }

    #[test]
    fn reads_are_known_in_any_case_and_writes_are_not() {
        assert!(is_read(redis::cmd("GeT").arg("k")));
        assert!(is_read(redis::cmd("XINFO").arg("stream").arg("k")));
        assert!(!is_read(redis::cmd("XINFO").arg("HELP")));
        assert!(!is_read(redis::cmd("SET").arg("k").arg("v")));
        assert!(!is_read(&redis::Cmd::new()));
    }
}
