use std::ops::RangeInclusive;

use crate::codec::{Decode, Stores};
use crate::command::Class;
use crate::database::Database;
use crate::keys::command::Command;
use crate::keys::draft::Parts;
use crate::keys::key::Key;
use crate::keys::reply;
use crate::shape::SortedSet;

/// What can be done with a [`SortedSet`].
///
/// A `ttl` starts when the key is created, with its first member. Places count from 0 at the lowest score, or from -1
/// at the highest.
impl<T: 'static, C: 'static, D: Database> Key<SortedSet<T, C>, D> {
    /// Adds a member, or gives it another score.
    pub fn add<Q: ?Sized>(&self, member: &Q, score: f64) -> Command<(), D>
    where
        T: Stores<Q, C>,
    {
        self.creating("ZADD", Class::Idempotent, Parts::Sum)
            .number(score)
            .value::<T, Q, C>(member)
            .send(reply::done)
    }

    /// Adds a member, or gives it another score, and says whether it is new. Not sent twice.
    pub fn add_counted<Q: ?Sized>(&self, member: &Q, score: f64) -> Command<bool, D>
    where
        T: Stores<Q, C>,
    {
        self.creating("ZADD", Class::Effects, Parts::Sum)
            .number(score)
            .value::<T, Q, C>(member)
            .send(reply::plain)
    }

    /// Adds members, or gives them other scores.
    pub fn add_many<'a, Q: ?Sized + 'a>(
        &self,
        members: impl IntoIterator<Item = (&'a Q, f64)>,
    ) -> Command<(), D>
    where
        T: Stores<Q, C>,
    {
        let mut members = members.into_iter().peekable();
        if members.peek().is_none() {
            return Command::ready(Ok(()));
        }
        members
            .fold(
                self.creating("ZADD", Class::Idempotent, Parts::Sum),
                |draft, (member, score)| draft.number(score).value::<T, Q, C>(member),
            )
            .send(reply::done)
    }

    /// Adds to a member's score, from 0 where it is new, and returns the sum. Not sent twice.
    pub fn incr<Q: ?Sized>(&self, member: &Q, by: f64) -> Command<f64, D>
    where
        T: Stores<Q, C>,
    {
        self.creating("ZINCRBY", Class::Other, Parts::Whole)
            .number(by)
            .value::<T, Q, C>(member)
            .send(reply::plain)
    }

    /// Removes a member.
    pub fn remove<Q: ?Sized>(&self, member: &Q) -> Command<(), D>
    where
        T: Stores<Q, C>,
    {
        self.draft("ZREM", Class::Idempotent)
            .value::<T, Q, C>(member)
            .send(reply::done)
    }

    /// Removes a member, and says whether it was one. Not sent twice.
    pub fn remove_counted<Q: ?Sized>(&self, member: &Q) -> Command<bool, D>
    where
        T: Stores<Q, C>,
    {
        self.draft("ZREM", Class::Effects)
            .value::<T, Q, C>(member)
            .send(reply::plain)
    }

    /// Removes the members with scores within the range.
    pub fn remove_by_score(&self, scores: RangeInclusive<f64>) -> Command<(), D> {
        self.draft("ZREMRANGEBYSCORE", Class::Idempotent)
            .number(scores.start())
            .number(scores.end())
            .send(reply::done)
    }

    /// Removes the members with scores within the range, and says how many there were. Not sent twice.
    pub fn remove_by_score_counted(&self, scores: RangeInclusive<f64>) -> Command<u64, D> {
        self.draft("ZREMRANGEBYSCORE", Class::Effects)
            .number(scores.start())
            .number(scores.end())
            .send(reply::plain)
    }

    /// A member's score.
    pub fn score<Q: ?Sized>(&self, member: &Q) -> Command<Option<f64>, D>
    where
        T: Stores<Q, C>,
    {
        self.draft("ZSCORE", Class::Read)
            .value::<T, Q, C>(member)
            .send(reply::plain)
    }

    /// How many members have a lower score.
    pub fn rank<Q: ?Sized>(&self, member: &Q) -> Command<Option<u64>, D>
    where
        T: Stores<Q, C>,
    {
        self.draft("ZRANK", Class::Read)
            .value::<T, Q, C>(member)
            .send(reply::plain)
    }

    /// How many members have a higher score.
    pub fn rank_from_top<Q: ?Sized>(&self, member: &Q) -> Command<Option<u64>, D>
    where
        T: Stores<Q, C>,
    {
        self.draft("ZREVRANK", Class::Read)
            .value::<T, Q, C>(member)
            .send(reply::plain)
    }

    /// How many members have a score within the range.
    pub fn count(&self, scores: RangeInclusive<f64>) -> Command<u64, D> {
        self.draft("ZCOUNT", Class::Read)
            .number(scores.start())
            .number(scores.end())
            .send(reply::plain)
    }

    /// How many members there are.
    pub fn len(&self) -> Command<u64, D> {
        self.draft("ZCARD", Class::Read).send(reply::plain)
    }
}

/// What can be done with a [`SortedSet`], reading it.
impl<T: 'static, C: Decode<T> + 'static, D: Database> Key<SortedSet<T, C>, D> {
    /// The members with the highest scores, with them, the highest first.
    pub fn top(&self, count: u32) -> Command<Vec<(T, f64)>, D> {
        if count == 0 {
            return Command::ready(Ok(Vec::new()));
        }
        self.draft("ZREVRANGE", Class::Read)
            .number(0)
            .number(count - 1)
            .bytes(b"WITHSCORES")
            .send(reply::scored::<T, C>)
    }

    /// Removes the members with the lowest scores, so many at most, and returns them, the lowest first. Not sent twice.
    pub fn pop_min(&self, count: u32) -> Command<Vec<(T, f64)>, D> {
        self.pop("ZPOPMIN", count)
    }

    /// Removes the members with the highest scores, so many at most, and returns them, the highest first. Not sent twice.
    pub fn pop_max(&self, count: u32) -> Command<Vec<(T, f64)>, D> {
        self.pop("ZPOPMAX", count)
    }

    fn pop(&self, name: &'static str, count: u32) -> Command<Vec<(T, f64)>, D> {
        self.draft(name, Class::Other)
            .number(count)
            .send(reply::scored::<T, C>)
    }

    /// The members from one place to another, both included, with their scores, the lowest first.
    pub fn range(&self, from: i64, to: i64) -> Command<Vec<(T, f64)>, D> {
        self.draft("ZRANGE", Class::Read)
            .number(from)
            .number(to)
            .bytes(b"WITHSCORES")
            .send(reply::scored::<T, C>)
    }

    /// The members with scores within the range, with them, the lowest first.
    pub fn range_by_score(&self, scores: RangeInclusive<f64>) -> Command<Vec<(T, f64)>, D> {
        self.draft("ZRANGEBYSCORE", Class::Read)
            .number(scores.start())
            .number(scores.end())
            .bytes(b"WITHSCORES")
            .send(reply::scored::<T, C>)
    }
}
