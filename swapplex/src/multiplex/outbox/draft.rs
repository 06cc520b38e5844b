//! How requests are written: each on its own, or with others of its kind in one command.

use tokio::task;

use super::replies::{Expected, Owed, What};
use super::{SlotIndex, index};
use crate::multiplex::group::{Group, Member, Verb};
use crate::resp;

/// For so many hashes at most, fields gather at the same time: they are looked for one by one.
const MAX_HASHES: usize = 8;
/// An outbox with this many bytes closes without waiting for more.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

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

/// The requests of an open outbox, on their way to be bytes.
///
/// Apart from the outbox, which waits for replies long after these bytes have gone: the memory in here serves the outbox
/// that is opened next, while it is still in the processor's cache.
#[derive(Debug)]
pub(in crate::multiplex) struct Draft {
    /// Encoded requests; all of them, once the outbox is sealed.
    requests: Vec<u8>,
    gets: Group,
    sets: Group,
    /// One for each hash whose fields are asked for, at most [`MAX_HASHES`].
    hashes: Vec<Group>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            requests: Vec::new(),
            gets: Group::new(Verb::Get),
            sets: Group::new(Verb::Set),
            hashes: Vec::new(),
        }
    }
}

impl Draft {
    /// What is encoded. That is all, once the outbox is sealed.
    pub(in crate::multiplex) fn bytes(&self) -> &[u8] {
        &self.requests
    }

    /// Forgets what stands behind byte `len`.
    pub(in crate::multiplex) fn truncate(&mut self, len: usize) {
        self.requests.truncate(len);
    }

    /// Makes a draft whose bytes have been written as good as new, unless it has grown too large to be kept.
    pub(in crate::multiplex) fn reopen(mut self: Box<Self>) -> Option<Box<Self>> {
        self.requests.clear();
        (self.requests.capacity() <= 2 * MAX_BYTES).then_some(self)
    }

    /// How many bytes there are, those to be encoded included.
    pub(super) fn len_bytes(&self) -> usize {
        let hashes: usize = self.hashes.iter().map(Group::len_bytes).sum();
        self.requests.len() + self.gets.len_bytes() + self.sets.len_bytes() + hashes
    }

    /// Whether some requests wait for others of their kind.
    pub(super) fn has_groups(&self) -> bool {
        !(self.gets.is_empty() && self.sets.is_empty() && self.hashes.is_empty())
    }

    /// Takes in what the caller of `slot` asks for.
    #[inline]
    pub(super) fn take(&mut self, ask: Ask<'_>, slot: SlotIndex, task: Option<task::Id>, owed: &mut Owed) {
        // Requests of one task must not overtake each other, and groups are written last.
        // But for a value and a field: two reads of a group may pass each other, or every task that asks for both
        // would break up the groups of all.
        if !matches!(ask, Ask::Set { .. }) && self.sets.was_last_joined_by(task) {
            self.flush(Verb::Set, owed);
        }
        if !matches!(ask, Ask::Get { .. } | Ask::HashGet { .. }) {
            if self.gets.was_last_joined_by(task) {
                self.flush(Verb::Get, owed);
            }
            self.flush_hashes(|hash| hash.was_last_joined_by(task), owed);
        }
        match ask {
            Ask::Plain { encode, replies } => self.write(slot, encode, replies, owed),
            Ask::HashGet { key, field } => self.join_hash(key, field, slot, task, owed),
            Ask::Get { key } => {
                self.gets.join_get(key, slot, task);
                if self.gets.is_full() {
                    self.flush(Verb::Get, owed);
                }
            }
            Ask::Set { key, value } => {
                self.sets.join_set(key, value, slot, task);
                if self.sets.is_full() {
                    self.flush(Verb::Set, owed);
                }
            }
        }
    }

    /// Writes what the caller of `slot` asks for as a request of its own.
    pub(super) fn take_alone(&mut self, ask: Ask<'_>, slot: SlotIndex, owed: &mut Owed) {
        let mut command = |parts: &[&[u8]]| self.write(slot, &mut |out| resp::command(out, parts), 1, owed);
        match ask {
            Ask::Get { key } => command(&[b"GET", key]),
            Ask::Set { key, value } => command(&[b"SET", key, value]),
            Ask::HashGet { key, field } => command(&[b"HGET", key, field]),
            Ask::Plain { encode, replies } => self.write(slot, encode, replies, owed),
        }
    }

    fn write(
        &mut self,
        slot: SlotIndex,
        encode: &mut dyn FnMut(&mut Vec<u8>),
        replies: usize,
        owed: &mut Owed,
    ) {
        let start = self.requests.len();
        encode(&mut self.requests);
        owed.expected.push(Expected {
            start,
            what: match replies {
                1 => What::One(slot),
                left => What::Several { slot, left },
            },
        });
    }

    /// Writes the commands of all that gathered.
    pub(super) fn flush_all(&mut self, owed: &mut Owed) {
        self.flush(Verb::Get, owed);
        self.flush(Verb::Set, owed);
        self.flush_hashes(|_| true, owed);
        owed.length = self.requests.len();
    }

    fn flush(&mut self, verb: Verb, owed: &mut Owed) {
        let group = match verb {
            Verb::Get => &mut self.gets,
            _ => &mut self.sets,
        };
        if !group.is_empty() {
            write_group(group, &mut self.requests, owed);
        }
    }

    fn join_hash(
        &mut self,
        key: &[u8],
        field: &[u8],
        slot: SlotIndex,
        task: Option<task::Id>,
        owed: &mut Owed,
    ) {
        let known = self.hashes.iter().position(|hash| hash.hash() == key);
        let at = known.unwrap_or_else(|| {
            if self.hashes.len() == MAX_HASHES {
                self.flush_hash(0, owed);
            }
            self.hashes.push(Group::of_hash(key));
            self.hashes.len() - 1
        });
        self.hashes[at].join_get(field, slot, task);
        if self.hashes[at].is_full() {
            self.flush_hash(at, owed);
        }
    }

    fn flush_hashes(&mut self, which: impl Fn(&Group) -> bool, owed: &mut Owed) {
        while let Some(at) = self.hashes.iter().position(&which) {
            self.flush_hash(at, owed);
        }
    }

    fn flush_hash(&mut self, at: usize, owed: &mut Owed) {
        let mut hash = self.hashes.remove(at);
        write_group(&mut hash, &mut self.requests, owed);
    }
}

/// Writes a group's command behind the other requests, and notes who waits for its reply.
fn write_group(group: &mut Group, requests: &mut Vec<u8>, owed: &mut Owed) {
    let verb = group.verb();
    let (start, from) = (requests.len(), owed.members.len());
    let keys = group.flush(requests, &mut owed.members);
    if keys > 1 {
        owed.tally.batches += 1;
        owed.tally.batched_keys += keys;
    }
    let what = match owed.members[from..] {
        [Member { slot, .. }] => What::One(slot),
        _ => What::Group {
            verb,
            from: index(from),
            to: index(owed.members.len()),
            keys: index(keys),
        },
    };
    owed.expected.push(Expected { start, what });
}
