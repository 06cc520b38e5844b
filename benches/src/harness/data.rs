//! The keys and the value that all workloads share.

use std::sync::LazyLock;

use redis::{Connection, RedisResult};

/// How many keys there are.
pub(crate) const KEYS: usize = 10_000;

/// The value of every key: 64 bytes.
pub(crate) const VALUE: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";

static NAMES: LazyLock<Vec<String>> =
    LazyLock::new(|| (0..KEYS).map(|n| format!("user:{n:05}:profile")).collect());
static COUNTERS: LazyLock<Vec<String>> =
    LazyLock::new(|| (0..KEYS).map(|n| format!("user:{n:05}:visits")).collect());

/// The number of a key, at random.
pub(crate) fn any(random: &mut fastrand::Rng) -> usize {
    random.usize(..KEYS)
}

/// A key that holds [`VALUE`].
pub(crate) fn key(number: usize) -> &'static str {
    &NAMES[number]
}

/// A key that holds a number.
pub(crate) fn counter(number: usize) -> &'static str {
    &COUNTERS[number]
}

/// Writes all of them.
pub(crate) fn load(connection: &mut Connection) -> RedisResult<()> {
    for names in NAMES.chunks(1000) {
        let pairs: Vec<_> = names.iter().map(|name| (name, VALUE)).collect();
        redis::Commands::mset::<_, _, ()>(connection, &pairs)?;
    }
    for names in COUNTERS.chunks(1000) {
        let pairs: Vec<_> = names.iter().map(|name| (name, 0)).collect();
        redis::Commands::mset::<_, _, ()>(connection, &pairs)?;
    }
    Ok(())
}
