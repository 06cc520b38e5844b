use redis::{FromRedisValue, ParsingError, Value};

use crate::codec::{Decode, Plain, Stores};
use crate::command::Class;
use crate::database::Database;
use crate::keys::command::{Command, KeyRequest, Line};
use crate::keys::draft::Parts;
use crate::keys::key::Key;
use crate::keys::reply::{self, Unfit};
use crate::shape::Stream;

/// An entry of a [`Stream`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry<F, V> {
    /// Its place in the stream: milliseconds, a `-`, and a number within these.
    pub id: String,
    /// Its fields and their values, in order.
    pub fields: Vec<(F, V)>,
}

/// From so many fields on, an entry is not added by a script: Lua's `unpack` takes less than 8000 values.
const SCRIPTED: usize = 3000;

/// Creates a stream without entries, with a TTL, unless the key is there.
const CREATE: &str = "\
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('XGROUP', 'CREATE', KEYS[1], 'created', '$', 'MKSTREAM')
  redis.call('XGROUP', 'DESTROY', KEYS[1], 'created')
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end";

/// What can be done with a [`Stream`].
///
/// A `ttl` starts when the key is created, with its first entry.
impl<F: 'static, V: 'static, C: 'static, D: Database> Key<Stream<F, V, C>, D> {
    /// Adds an entry, and returns the place that the server gave it. Not sent twice.
    ///
    /// # Errors
    ///
    /// The server refuses an entry without fields.
    pub fn add<'a, Q: ?Sized + 'a, W: ?Sized + 'a>(
        &self,
        fields: impl IntoIterator<Item = (&'a Q, &'a W)>,
    ) -> Command<String, D>
    where
        F: Stores<Q, Plain>,
        V: Stores<W, C>,
    {
        let fields: Vec<_> = fields.into_iter().collect();
        let draft = if fields.len() < SCRIPTED {
            self.creating("XADD", Class::Other, Parts::Whole)
        } else {
            self.created("XADD", Class::Other, CREATE)
        };
        fields
            .into_iter()
            .fold(draft.bytes(b"*"), |draft, (field, value)| {
                draft.value::<F, Q, Plain>(field).value::<V, W, C>(value)
            })
            .send(reply::plain)
    }

    /// Removes an entry.
    pub fn remove(&self, id: &str) -> Command<(), D> {
        self.draft("XDEL", Class::Idempotent)
            .bytes(id.as_bytes())
            .send(reply::done)
    }

    /// Removes all but about that many of the last entries: some more may stay, since that is much cheaper.
    pub fn trim(&self, keep: u64) -> Command<(), D> {
        self.draft("XTRIM", Class::Other)
            .bytes(b"MAXLEN")
            .bytes(b"~")
            .number(keep)
            .send(reply::done)
    }

    /// How many entries there are.
    pub fn len(&self) -> Command<u64, D> {
        self.draft("XLEN", Class::Read).send(reply::plain)
    }
}

/// What can be done with a [`Stream`], reading it.
impl<F: 'static, V: 'static, C: Decode<V> + 'static, D: Database> Key<Stream<F, V, C>, D>
where
    Plain: Decode<F>,
{
    /// The entries from one place to another, both included: `range("-", "+")` is all.
    pub fn range(&self, from: &str, to: &str) -> Command<Vec<Entry<F, V>>, D> {
        self.draft("XRANGE", Class::Read)
            .bytes(from.as_bytes())
            .bytes(to.as_bytes())
            .send(entries::<F, V, C>)
    }

    /// The first `count` entries behind a place: `read("0", 100)`, then on from the last one's `id`.
    ///
    /// Does not wait for entries to come.
    pub fn read(&self, after: &str, count: u32) -> Command<Vec<Entry<F, V>>, D> {
        if count == 0 {
            return Command::ready(Ok(Vec::new()));
        }
        let mut line = Line::new("XREAD");
        line.push(b"COUNT");
        line.number(count);
        line.push(b"STREAMS");
        line.push(self.as_bytes());
        line.push(after.as_bytes());
        let request = KeyRequest {
            key: self.text().clone(),
            lines: vec![line],
            name: "XREAD".into(),
            class: Class::Read,
            is_for_ttl: false,
            read: |answer| match reply::pairs(answer)?.pop() {
                Some((_, answer)) => entries::<F, V, C>(answer),
                None => Ok(Vec::new()),
            },
        };
        Command::call(self.place(), request)
    }
}

fn entries<F, V, C: Decode<V>>(answer: Value) -> Result<Vec<Entry<F, V>>, Unfit>
where
    Plain: Decode<F>,
{
    reply::members(answer)?
        .into_iter()
        .map(|entry| {
            let [id, fields] = <[Value; 2]>::try_from(reply::members(entry)?)
                .map_err(|_| ParsingError::from("an entry of a stream is an identifier and fields"))?;
            let fields = reply::pairs(fields)?
                .into_iter()
                .map(|(field, value)| Ok((reply::value::<F, Plain>(field)?, reply::value::<V, C>(value)?)))
                .collect::<Result<_, Unfit>>()?;
            Ok(Entry {
                id: String::from_redis_value(id)?,
                fields,
            })
        })
        .collect()
}
