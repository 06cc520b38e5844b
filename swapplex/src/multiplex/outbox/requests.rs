//! How requests are written: each on its own, or with others of its kind in one command.

use tokio::task;

use super::replies::Expected;
use super::{Inner, SlotIndex, index};
use crate::multiplex::group::{Group, Member, Verb};

/// For so many hashes at most, fields gather at the same time: they are looked for one by one.
const MAX_HASHES: usize = 8;

/// What a caller asks for.
pub(crate) enum Ask<'a> {
    /// Any request: encoded by the callback, answered with so many frames.
    Plain {
        encode: &'a mut dyn FnMut(&mut Vec<u8>),
        replies: usize,
    },
    /// The value of a key; shares an `MGET` with others.
    Get { key: &'a [u8] },
    /// The value of a hash's field; shares an `HMGET` with others of the same hash.
    HashGet { key: &'a [u8], field: &'a [u8] },
    /// A key's new value; shares an `MSET` with others.
    Set { key: &'a [u8], value: &'a [u8] },
}

impl Inner {
    pub(super) fn encode(&mut self, ask: Ask<'_>, slot: SlotIndex, task: Option<task::Id>) {
        // Requests of one task must not overtake each other, and groups are written last.
        // But for a value and a field: two reads of a group may pass each other, or every task that asks for both
        // would break up the groups of all.
        if !matches!(ask, Ask::Get { .. } | Ask::HashGet { .. }) && self.gets.was_last_joined_by(task) {
            self.flush(Verb::Get);
        }
        if !matches!(ask, Ask::Set { .. }) && self.sets.was_last_joined_by(task) {
            self.flush(Verb::Set);
        }
        if !matches!(ask, Ask::Get { .. } | Ask::HashGet { .. }) {
            self.flush_hashes(|hash| hash.was_last_joined_by(task));
        }
        match ask {
            Ask::Plain { encode, replies } => self.write(slot, encode, replies),
            Ask::HashGet { key, field } => self.join_hash(key, field, slot, task),
            Ask::Get { key } => {
                self.gets.join_get(key, slot, task);
                if self.gets.is_full() {
                    self.flush(Verb::Get);
                }
            }
            Ask::Set { key, value } => {
                self.sets.join_set(key, value, slot, task);
                if self.sets.is_full() {
                    self.flush(Verb::Set);
                }
            }
        }
    }

    /// Writes a request of its own, for `slot`.
    pub(super) fn write(&mut self, slot: SlotIndex, encode: &mut dyn FnMut(&mut Vec<u8>), replies: usize) {
        let start = self.requests.len();
        encode(&mut self.requests);
        let end = self.requests.len();
        let entry = &mut self.slots[slot as usize];
        (entry.start, entry.end) = (start, end);
        self.expected.push(match replies {
            1 => Expected::One(slot),
            left => Expected::Several { slot, left },
        });
    }

    /// Writes the commands of all that gathered.
    pub(super) fn flush_all(&mut self) {
        self.flush(Verb::Get);
        self.flush(Verb::Set);
        self.flush_hashes(|_| true);
    }

    fn flush(&mut self, verb: Verb) {
        let group = match verb {
            Verb::Get => &mut self.gets,
            _ => &mut self.sets,
        };
        if group.is_empty() {
            return;
        }
        let (start, from) = (self.requests.len(), self.members.len());
        let keys = group.flush(&mut self.requests, &mut self.members);
        self.flushed(verb, start, from, keys);
    }

    /// Notes a group's command that was written behind byte `start`, for `members[from..]`.
    fn flushed(&mut self, verb: Verb, start: usize, from: usize, keys: usize) {
        if keys > 1 {
            self.tally.batches += 1;
            self.tally.batched_keys += keys;
        }
        let end = self.requests.len();
        for member in &self.members[from..] {
            let slot = &mut self.slots[member.slot as usize];
            (slot.start, slot.end) = (start, end);
        }
        self.expected.push(match self.members[from..] {
            [Member { slot, .. }] => Expected::One(slot),
            _ => Expected::Group {
                verb,
                from: index(from),
                to: index(self.members.len()),
                keys,
            },
        });
    }

    fn join_hash(&mut self, key: &[u8], field: &[u8], slot: SlotIndex, task: Option<task::Id>) {
        let known = self.hashes.iter().position(|hash| hash.hash() == key);
        let at = known.unwrap_or_else(|| {
            if self.hashes.len() == MAX_HASHES {
                self.flush_hash(0);
            }
            self.hashes.push(Group::of_hash(key));
            self.hashes.len() - 1
        });
        self.hashes[at].join_get(field, slot, task);
        if self.hashes[at].is_full() {
            self.flush_hash(at);
        }
    }

    fn flush_hashes(&mut self, which: impl Fn(&Group) -> bool) {
        while let Some(at) = self.hashes.iter().position(&which) {
            self.flush_hash(at);
        }
    }

    fn flush_hash(&mut self, at: usize) {
        let mut hash = self.hashes.remove(at);
        let (start, from) = (self.requests.len(), self.members.len());
        let keys = hash.flush(&mut self.requests, &mut self.members);
        self.flushed(hash.verb(), start, from, keys);
    }
}
