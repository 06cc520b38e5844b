//! What is known of Redis's commands: which ones only read.

use redis::{Arg, Cmd, ErrorKind, RedisResult};

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

/// Commands that change what a connection is to everybody who shares it, or that some servers answer with no reply or
/// several, in order, with subcommands behind a bar, each with what to do instead.
const SPOILING: &[(&str, &str)] = &[
    ("AUTH", "set the credentials in the configuration"),
    // What it switches off are the replies to other callers' commands.
    ("CLIENT|REPLY", OWN),
    ("DISCARD", PIPELINE),
    ("EXEC", PIPELINE),
    ("HELLO", "choose the protocol with ?protocol= in the URL"),
    ("MONITOR", OWN),
    ("MULTI", PIPELINE),
    ("PSUBSCRIBE", OWN),
    ("PSYNC", OWN),
    ("PUNSUBSCRIBE", OWN),
    ("QUIT", "drop the client"),
    // Some forms of it have no reply.
    ("REPLCONF", OWN),
    ("RESET", OWN),
    ("SCRIPT|DEBUG", OWN),
    ("SELECT", "use a client for that database number"),
    ("SSUBSCRIBE", OWN),
    ("SUBSCRIBE", OWN),
    ("SUNSUBSCRIBE", OWN),
    ("SYNC", OWN),
    ("UNSUBSCRIBE", OWN),
    ("UNWATCH", OWN),
    ("WAIT", OWN),
    ("WAITAOF", OWN),
    ("WATCH", OWN),
];

const PIPELINE: &str = "use an atomic pipeline, redis::pipe().atomic()";
const OWN: &str = "use a connection of its own";

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

/// Refuses what would spoil a connection that others share.
pub(crate) fn check(command: &Cmd) -> RedisResult<()> {
    if command.args_iter().len() == 0 {
        return Err((ErrorKind::Client, "empty command").into());
    }
    // The way that nearly every command goes, so it allocates nothing.
    if !arguments(command).next().is_some_and(is_suspect) {
        return Ok(());
    }
    let mut name = name(command);
    let advice = match advice(&name) {
        None if matches!(&*name, "CLIENT" | "SCRIPT") => {
            let subcommand = arguments(command).nth(1).unwrap_or_default();
            name = format!(
                "{name}|{}",
                String::from_utf8_lossy(subcommand).to_ascii_uppercase()
            );
            advice(&name)
        }
        advice => advice,
    };
    match advice {
        None => Ok(()),
        Some(advice) => Err((
            ErrorKind::Client,
            "this command would spoil a connection that others share",
            format!("{}: {advice}", name.replace('|', " ")),
        )
            .into()),
    }
}

/// Whether a command might be among the spoiling ones, by the length and the first letter of its name.
fn is_suspect(name: &[u8]) -> bool {
    let Some(first) = name.first().map(u8::to_ascii_uppercase) else {
        return false;
    };
    SPOILING.iter().any(|(spoiling, _)| {
        spoiling.as_bytes().first() == Some(&first)
            && spoiling
                .split('|')
                .next()
                .is_some_and(|spoiling| spoiling.len() == name.len())
    })
}

fn advice(name: &str) -> Option<&'static str> {
    let at = SPOILING
        .binary_search_by(|(spoiling, _)| (*spoiling).cmp(name))
        .ok()?;
    Some(SPOILING[at].1)
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
        assert!(SPOILING.is_sorted());
    }

    #[test]
    fn subcommands_that_spoil_are_told_from_those_that_do_not() {
        let error = check(redis::cmd("client").arg("Reply").arg("off")).expect_err("it spoils");
        assert!(error.to_string().contains("CLIENT REPLY"), "{error}");
        assert!(check(redis::cmd("SCRIPT").arg("debug").arg("YES")).is_err());
        assert!(check(redis::cmd("CLIENT").arg("INFO")).is_ok());
        assert!(check(redis::cmd("SCRIPT").arg("LOAD").arg("return 1")).is_ok());
        assert!(check(&redis::cmd("CLIENT")).is_ok());
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
