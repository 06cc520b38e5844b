//! The keys and the value that all workloads share.
//!
//! The server holds 10,000 keys at a time: twice as many would take twice the room in its processor's cache, and fetching
//! a random one from beyond that is a good part of what a get costs.

use std::sync::LazyLock;

use redis::{Connection, RedisResult};

/// How many keys there are.
pub(crate) const KEYS: usize = 10_000;

/// The value of every key: 64 bytes.
pub(crate) const VALUE: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

static NAMES: LazyLock<Names> = LazyLock::new(|| Names::new(|n| format!("user:{n:05}:profile")));
static COUNTERS: LazyLock<Names> = LazyLock::new(|| Names::new(|n| format!("user:{n:05}:visits")));

/// As many names of the same length as there are keys, side by side.
///
/// As many strings on the heap would be three times as much memory, and fetching a random one from there would be a
/// good part of what a get costs. A service has just made its key, and has it in the processor's cache.
struct Names {
    text: String,
    length: usize,
}

impl Names {
    fn new(name: impl Fn(usize) -> String) -> Self {
        let text: String = (0..KEYS).map(name).collect();
        let length = text.len() / KEYS;
        Self { text, length }
    }

    fn get(&self, number: usize) -> &str {
        &self.text[number * self.length..][..self.length]
    }

    fn all(&self) -> Vec<&str> {
        (0..KEYS).map(|number| self.get(number)).collect()
    }
}

/// The number of a key, at random.
pub(crate) fn any(random: &mut fastrand::Rng) -> usize {
    random.usize(..KEYS)
}

/// A key that holds [`VALUE`].
pub(crate) fn key(number: usize) -> &'static str {
    NAMES.get(number)
}

/// A key that holds a number.
pub(crate) fn counter(number: usize) -> &'static str {
    COUNTERS.get(number)
}

/// What keys the server holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Those that hold [`VALUE`].
    Values,
    /// Those that hold a number.
    Counters,
}

/// Writes all keys of a kind, in place of whatever the server holds.
pub(crate) fn load(connection: &mut Connection, kind: Kind) -> RedisResult<()> {
    let (names, value) = match kind {
        Kind::Values => (&NAMES, VALUE),
        Kind::Counters => (&COUNTERS, "0"),
    };
    redis::cmd("FLUSHALL").exec(connection)?;
    for names in names.all().chunks(1000) {
        let pairs: Vec<_> = names.iter().map(|name| (*name, value)).collect();
        redis::Commands::mset::<_, _, ()>(connection, &pairs)?;
    }
    Ok(())
}
