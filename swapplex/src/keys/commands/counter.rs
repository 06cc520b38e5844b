use bytes::Bytes;
use redis::{ErrorKind, RedisError};

use crate::argument::Argument;
use crate::batch::{Get, Lookup};
use crate::codec::Plain;
use crate::command::Class;
use crate::database::{Database, Place};
use crate::error::Error;
use crate::keys::command::{Command, Line};
use crate::keys::key::Key;
use crate::keys::reply;
use crate::shape::Counter;

/// What can be done with a [`Counter`].
///
/// A `ttl` starts when the counter is created, by whichever command, and when it is set; counting leaves it alone.
impl<D: Database> Key<Counter, D> {
    /// The count, if there is one; joins every other `get` under way in one `MGET`.
    ///
    /// `None` where the key does not exist or holds no string.
    pub fn get(&self) -> Get<i64, Place<D>> {
        Get::new::<Self>(self.place().clone(), self.text().clone())
    }

    /// Counts up, from 0 where there is no count, and returns the sum. Not sent twice.
    pub fn incr(&self, by: i64) -> Command<i64, D> {
        self.count("INCRBY", by)
    }

    /// Counts down, from 0 where there is no count, and returns the difference. Not sent twice.
    ///
    /// # Errors
    ///
    /// [`Error::Redis`] where `by` is `i64::MIN`, which Redis does not take: nothing is sent.
    pub fn decr(&self, by: i64) -> Command<i64, D> {
        // Where there is a `ttl`, the server would have created the counter by the time it refuses this.
        if by == i64::MIN {
            return Command::ready(Err(Error::from(RedisError::from((
                ErrorKind::Client,
                "nothing can be counted down by `i64::MIN`",
                "DECRBY: the least is `-i64::MAX`".to_owned(),
            )))));
        }
        self.count("DECRBY", by)
    }

    /// Sets the count.
    pub fn set(&self, count: i64) -> Command<(), D> {
        let draft = self.draft("SET", Class::Idempotent).number(count);
        let draft = match self.policy().ttl_millis() {
            Some(ttl) => draft.bytes(b"PX").number(ttl),
            None => draft,
        };
        draft.send(reply::done)
    }

    fn count(&self, name: &'static str, by: i64) -> Command<i64, D> {
        let draft = self.draft(name, Class::Other).number(by);
        let draft = match self.policy().ttl_millis() {
            Some(ttl) => {
                // `EXPIRE` with `NX` needs Redis 7.0.
                let mut create = Line::new("SET");
                create.push(self.as_bytes());
                create.push(b"0");
                create.push(b"PX");
                create.number(ttl);
                create.push(b"NX");
                draft.behind(create)
            }
            None => draft,
        };
        draft.send(reply::plain)
    }
}

/// Looks up the count.
impl<D: Database> Lookup for Key<Counter, D> {
    type Value = i64;
    type Handle = Place<D>;

    fn into_parts(self) -> (Argument, Place<D>) {
        Key::into_parts(self)
    }

    fn decode(key: &[u8], value: Bytes) -> Result<i64, Error> {
        reply::decode::<i64, Plain>(value).map_err(|unfit| unfit.into_error(key))
    }
}

/// Looks up the count.
impl<D: Database> Lookup for &Key<Counter, D> {
    type Value = i64;
    type Handle = Place<D>;

    fn into_parts(self) -> (Argument, Place<D>) {
        Key::into_parts(self.clone())
    }

    fn decode(key: &[u8], value: Bytes) -> Result<i64, Error> {
        Key::<Counter, D>::decode(key, value)
    }
}
