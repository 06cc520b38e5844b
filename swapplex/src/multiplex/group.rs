//! Keys that share one command: many `get`s become one `MGET`, many `set`s one `MSET`, fields of a hash one `HMGET`.
//!
//! A group gathers beside the outbox's other requests and is written when it is flushed. Whoever asks for a key
//! that is in the group already shares its place.

mod index;

use std::ops::Range;

use tokio::task;

use self::index::{Index, Place};
use super::outbox::{MAX_BYTES, SlotIndex};
use crate::resp;

/// How many keys one `MGET` or `MSET` carries.
///
/// A long one starves the server's other clients, since it runs to its end once begun; what one more key saves
/// shrinks with each. Well-known clients and servers settle between 32 and 512.
pub(super) const MAX_KEYS: usize = 256;

/// One waiting caller of a group and the place of its key in the command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) slot: SlotIndex,
    pub(super) place: u32,
}

/// What a group does with its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Set,
    /// Gets fields of one hash: what is a key to the others is a field here.
    HashGet,
}

#[derive(Debug)]
pub(super) struct Group {
    verb: Verb,
    /// The hash whose fields these are.
    hash: Vec<u8>,
    /// Encoded arguments, key by key.
    arguments: Vec<u8>,
    /// Where the keys stand in there.
    keys: Vec<Range<usize>>,
    /// Where the keys stand with their values, in a group that has values.
    pairs: Vec<Range<usize>>,
    /// Places in `keys` by key.
    index: Index,
    members: Vec<Member>,
    /// The task that joined last. A task's requests of one poll stand side by side,
    /// so this is enough to know whether a task has one in here that its next request must not overtake.
    last: Option<task::Id>,
    /// Whether a pair was replaced, so that `arguments` holds bytes that are not sent.
    replaced: bool,
}

impl Group {
    pub(super) fn new(verb: Verb) -> Self {
        Self {
            verb,
            hash: Vec::new(),
            arguments: Vec::new(),
            keys: Vec::new(),
            pairs: Vec::new(),
            index: Index::default(),
            members: Vec::new(),
            last: None,
            replaced: false,
        }
    }

    /// The fields of one hash.
    pub(super) fn of_hash(key: &[u8]) -> Self {
        Self {
            hash: key.to_vec(),
            ..Self::new(Verb::HashGet)
        }
    }

    pub(super) fn verb(&self) -> Verb {
        self.verb
    }

    pub(super) fn hash(&self) -> &[u8] {
        &self.hash
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.keys.len() >= MAX_KEYS
    }

    /// Bytes held for the wire.
    pub(super) fn len_bytes(&self) -> usize {
        self.arguments.len()
    }

    /// Whether `task` has a request in here that its next one must not overtake.
    pub(super) fn was_last_joined_by(&self, task: Option<task::Id>) -> bool {
        !self.is_empty() && self.last == task
    }

    /// Asks for `key` on behalf of `slot`.
    pub(super) fn join_get(&mut self, key: &[u8], slot: SlotIndex, task: Option<task::Id>) {
        debug_assert_ne!(self.verb, Verb::Set);
        let place = match self.place_for(key) {
            Place::Taken(place) => place,
            Place::New(place) => {
                let key = append(&mut self.arguments, key);
                self.keys.push(key);
                place
            }
        };
        self.members.push(Member { slot, place });
        self.last = task;
    }

    /// Writes `value` to `key` on behalf of `slot`; a value that another member wanted there gives way to it.
    pub(super) fn join_set(&mut self, key: &[u8], value: &[u8], slot: SlotIndex, task: Option<task::Id>) {
        debug_assert_eq!(self.verb, Verb::Set);
        let place = self.place_for(key);
        let start = self.arguments.len();
        let key = append(&mut self.arguments, key);
        resp::bulk(&mut self.arguments, value);
        let pair = start..self.arguments.len();
        let place = match place {
            Place::Taken(place) => {
                self.keys[place as usize] = key;
                self.pairs[place as usize] = pair;
                self.replaced = true;
                place
            }
            Place::New(place) => {
                self.keys.push(key);
                self.pairs.push(pair);
                place
            }
        };
        self.members.push(Member { slot, place });
        self.last = task;
    }

    /// The place of `key`; where it has none yet, the next one, for the caller to fill.
    #[inline]
    fn place_for(&mut self, key: &[u8]) -> Place {
        let Self {
            index,
            keys,
            arguments,
            ..
        } = self;
        index.place_for(key, keys.len(), |place| &arguments[keys[place].clone()])
    }

    /// Writes the group's command to `out`, appends its members to `members`, and starts anew.
    ///
    /// Returns the number of keys. One key alone is a plain `GET` or `SET`.
    pub(super) fn flush(&mut self, out: &mut Vec<u8>, members: &mut Vec<Member>) -> usize {
        let keys = self.keys.len();
        let (name, per_key): (&[u8], usize) = match (self.verb, keys) {
            (Verb::Get, 1) => (b"GET", 1),
            (Verb::Get, _) => (b"MGET", 1),
            (Verb::Set, 1) => (b"SET", 2),
            (Verb::Set, _) => (b"MSET", 2),
            (Verb::HashGet, 1) => (b"HGET", 1),
            (Verb::HashGet, _) => (b"HMGET", 1),
        };
        let hash = usize::from(self.verb == Verb::HashGet);
        resp::array_header(out, 1 + hash + keys * per_key);
        resp::bulk(out, name);
        if self.verb == Verb::HashGet {
            resp::bulk(out, &self.hash);
        }
        if self.replaced {
            for pair in &self.pairs {
                out.extend_from_slice(&self.arguments[pair.clone()]);
            }
        } else {
            out.extend_from_slice(&self.arguments);
        }
        members.append(&mut self.members);
        if self.arguments.capacity() <= 2 * MAX_BYTES {
            self.arguments.clear();
        } else {
            // Grown by a large value, which must not stay for as long as the draft is used again.
            self.arguments = Vec::new();
        }
        self.keys.clear();
        self.pairs.clear();
        self.index.clear();
        self.last = None;
        self.replaced = false;
        keys
    }
}

/// Encodes `key` behind the other arguments. Returns where it stands, without what is around it.
#[inline]
fn append(arguments: &mut Vec<u8>, key: &[u8]) -> Range<usize> {
    resp::bulk(arguments, key);
    let end = arguments.len() - 2;
    end - key.len()..end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flushed(group: &mut Group) -> (String, Vec<(u32, u32)>) {
        let (mut out, mut members) = (Vec::new(), Vec::new());
        group.flush(&mut out, &mut members);
        let members = members.iter().map(|member| (member.slot, member.place)).collect();
        (String::from_utf8(out).expect("ASCII"), members)
    }

    #[test]
    fn one_key_alone_is_a_plain_get() {
        let mut group = Group::new(Verb::Get);
        group.join_get(b"a", 7, None);
        assert_eq!(
            flushed(&mut group),
            ("*2\r\n$3\r\nGET\r\n$1\r\na\r\n".into(), vec![(7, 0)])
        );
    }

    #[test]
    fn the_same_key_is_asked_once() {
        let mut group = Group::new(Verb::Get);
        for (slot, key) in [b"a", b"b", b"a"].into_iter().enumerate() {
            group.join_get(key, u32::try_from(slot).expect("small"), None);
        }
        let (wire, members) = flushed(&mut group);
        assert_eq!(wire, "*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n");
        assert_eq!(members, [(0, 0), (1, 1), (2, 0)]);
    }

    #[test]
    fn every_key_is_found_again_among_few_and_among_many() {
        // Up to 8 keys are compared, more are looked up.
        for keys in [1, 7, 8, 9, 10, MAX_KEYS] {
            for mut group in [Group::new(Verb::Get), Group::of_hash(b"h"), Group::new(Verb::Set)] {
                for slot in 0..2 * keys {
                    let key = format!("key:{}", slot % keys);
                    let slot = u32::try_from(slot).expect("small");
                    if group.verb() == Verb::Set {
                        group.join_set(key.as_bytes(), b"value", slot, None);
                    } else {
                        group.join_get(key.as_bytes(), slot, None);
                    }
                }
                assert_eq!(group.keys.len(), keys);
                let (_, members) = flushed(&mut group);
                assert!(
                    members
                        .iter()
                        .all(|(slot, place)| *slot as usize % keys == *place as usize)
                );
            }
        }
    }

    #[test]
    fn the_later_of_two_values_is_written_once() {
        let mut group = Group::new(Verb::Set);
        group.join_set(b"a", b"1", 0, None);
        group.join_set(b"b", b"2", 1, None);
        group.join_set(b"a", b"3", 2, None);
        let (wire, members) = flushed(&mut group);
        assert_eq!(
            wire,
            "*5\r\n$4\r\nMSET\r\n$1\r\na\r\n$1\r\n3\r\n$1\r\nb\r\n$1\r\n2\r\n"
        );
        assert_eq!(members, [(0, 0), (1, 1), (2, 0)]);
    }

    #[test]
    fn fields_of_a_hash_are_asked_for_behind_its_key() {
        let mut group = Group::of_hash(b"h");
        group.join_get(b"a", 0, None);
        assert_eq!(
            flushed(&mut group).0,
            "*3\r\n$4\r\nHGET\r\n$1\r\nh\r\n$1\r\na\r\n"
        );
        for (slot, field) in [b"a", b"b", b"a"].into_iter().enumerate() {
            group.join_get(field, u32::try_from(slot).expect("small"), None);
        }
        let (wire, members) = flushed(&mut group);
        assert_eq!(wire, "*4\r\n$5\r\nHMGET\r\n$1\r\nh\r\n$1\r\na\r\n$1\r\nb\r\n");
        assert_eq!(members, [(0, 0), (1, 1), (2, 0)]);
    }

    #[test]
    fn a_large_value_leaves_nothing_behind() {
        let mut group = Group::new(Verb::Set);
        group.join_set(b"a", &vec![b'x'; 4 * MAX_BYTES], 0, None);
        flushed(&mut group);
        assert!(group.arguments.capacity() <= 2 * MAX_BYTES);
    }

    #[test]
    fn a_flushed_group_starts_anew() {
        let mut group = Group::new(Verb::Get);
        group.join_get(b"a", 0, None);
        flushed(&mut group);
        assert!(group.is_empty());
        group.join_get(b"a", 1, None);
        assert_eq!(flushed(&mut group).1, [(1, 0)]);
    }
}
