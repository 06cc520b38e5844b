use std::time::Duration;

use redis::{FromRedisValue, Value};

use crate::command::Class;
use crate::database::Database;
use crate::keys::command::Command;
use crate::keys::key::Key;
use crate::keys::policy::millis;
use crate::keys::reply::{self, Unfit};

/// How long a key stays; from [`Key::ttl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// There is no such key.
    NoKey,
    /// Until it is deleted.
    Never,
    /// So long from now.
    In(Duration),
}

/// What can be done with every key.
impl<S, D: Database> Key<S, D> {
    /// Deletes the key, whatever it holds.
    pub fn delete(&self) -> Command<(), D> {
        self.draft("DEL", Class::Idempotent).send(reply::done)
    }

    /// Deletes the key, and says whether there was one. Not sent twice.
    pub fn delete_counted(&self) -> Command<bool, D> {
        self.draft("DEL", Class::Effects).send(reply::plain)
    }

    /// Whether there is such a key.
    pub fn exists(&self) -> Command<bool, D> {
        self.draft("EXISTS", Class::Read).send(reply::plain)
    }

    /// Makes the key expire that long from now, if there is one; after a millisecond at least.
    pub fn expire(&self, ttl: Duration) -> Command<(), D> {
        self.draft("PEXPIRE", Class::Idempotent)
            .number(millis(ttl))
            .send(reply::done)
    }

    /// Makes the key stay until it is deleted.
    pub fn persist(&self) -> Command<(), D> {
        self.draft("PERSIST", Class::Idempotent).send(reply::done)
    }

    /// How long the key stays.
    pub fn ttl(&self) -> Command<Ttl, D> {
        self.draft("PTTL", Class::Read).send(ttl)
    }
}

fn ttl(answer: Value) -> Result<Ttl, Unfit> {
    Ok(match i64::from_redis_value(answer)? {
        -2 => Ttl::NoKey,
        left => match u64::try_from(left) {
            Ok(left) => Ttl::In(Duration::from_millis(left)),
            Err(_) => Ttl::Never,
        },
    })
}
