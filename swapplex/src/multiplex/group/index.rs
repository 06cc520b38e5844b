//! Finds out whether a key is in a group already.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;

use super::MAX_KEYS;

/// Twice as many as there can be keys, so that a free one is near.
const SLOTS: usize = 2 * MAX_KEYS;
/// Up to so many keys, comparing beats hashing.
const FEW: usize = 8;

/// The places of a group's keys by key.
///
/// Not a table for all purposes: nothing is ever taken out or grows, there are few keys, and they are forgotten at once.
/// That makes it half the work of a hash map, once for each `get`.
#[derive(Debug, Default)]
pub(super) struct Index {
    hasher: RandomState,
    /// All [`SLOTS`] of them, or none as long as there are few keys.
    slots: Vec<Slot>,
    is_used: bool,
}

/// A key is in the slot that its hash says, or in the first free one behind it.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// A part of the key's hash.
    tag: u16,
    /// The key's place, and one more: none is 0.
    place: u16,
}

/// Where a key stands in the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Taken(u32),
    New(u32),
}

impl Index {
    /// The place of `key` among the `len` keys that there are; where it has none yet, it is noted for the next one.
    ///
    /// `key_at` gives the key of a place.
    #[inline]
    pub(super) fn place_for<'a>(
        &mut self,
        key: &[u8],
        len: usize,
        key_at: impl Fn(usize) -> &'a [u8],
    ) -> Place {
        if len < FEW {
            let taken = (0..len).find(|&place| key_at(place) == key);
            return taken.map_or(Place::New(number(len).into()), |place| {
                Place::Taken(number(place).into())
            });
        }
        if !self.is_used {
            self.fill(len, &key_at);
        }
        self.seek(key, len, key_at)
    }

    /// Forgets all keys.
    pub(super) fn clear(&mut self) {
        if self.is_used {
            self.slots.fill(Slot::default());
            self.is_used = false;
        }
    }

    #[cold]
    fn fill<'a>(&mut self, len: usize, key_at: &impl Fn(usize) -> &'a [u8]) {
        self.slots.resize(SLOTS, Slot::default());
        self.is_used = true;
        for place in 0..len {
            self.seek(key_at(place), place, key_at);
        }
    }

    fn seek<'a>(&mut self, key: &[u8], len: usize, key_at: impl Fn(usize) -> &'a [u8]) -> Place {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        // Different parts of the hash: keys that meet in a slot are told apart by their tags.
        let [first, second, .., third, fourth] = hasher.finish().to_le_bytes();
        let tag = u16::from_le_bytes([third, fourth]);
        let mut at = usize::from(u16::from_le_bytes([first, second])) % SLOTS;
        loop {
            let slot = &mut self.slots[at];
            if slot.place == 0 {
                let place = number(len);
                *slot = Slot {
                    tag,
                    place: place + 1,
                };
                return Place::New(place.into());
            }
            let place = slot.place - 1;
            if slot.tag == tag && key_at(usize::from(place)) == key {
                return Place::Taken(u32::from(place));
            }
            at = (at + 1) % SLOTS;
        }
    }
}

fn number(place: usize) -> u16 {
    u16::try_from(place).expect("a group is flushed long before 2^16 keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_again_among_few_and_among_as_many_as_there_can_be() {
        let keys: Vec<String> = (0..MAX_KEYS).map(|n| format!("key:{n}")).collect();
        let key_at = |place: usize| keys[place].as_bytes();
        let mut index = Index::default();
        for count in [1, FEW - 1, FEW, FEW + 1, MAX_KEYS] {
            for place in 0..count {
                let found = index.place_for(key_at(place), place, key_at);
                assert_eq!(found, Place::New(number(place).into()));
            }
            for place in 0..count {
                let found = index.place_for(key_at(place), count, key_at);
                assert_eq!(found, Place::Taken(number(place).into()));
            }
            index.clear();
        }
    }
}
