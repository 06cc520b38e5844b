//! How replies are handed out: to the one who asked, or each element to one of those who asked together.

use std::ops::Range;
use std::task::Waker;

use bytes::Bytes;

use super::slot::{Answer, Place, Slot};
use super::{FrameAt, Inner, SlotIndex, Tally, index};
use crate::multiplex::group::{Member, Verb};
use crate::resp::{self, Element, Kind};

/// What the server owes to an outbox.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// In wire order.
    pub(super) expected: Vec<Expected>,
    /// How many of them have come.
    pub(super) settled: usize,
    /// Who shares commands, command by command.
    pub(super) members: Vec<Member>,
    /// How many bytes all requests have, once they are written.
    pub(super) length: usize,
    pub(super) tally: Tally,
}

/// A reply that the server owes, or a few replies to one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// Where the request begins among the outbox's bytes. It ends where the next one begins.
    pub(super) start: usize,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    One(SlotIndex),
    Several {
        slot: SlotIndex,
        left: usize,
    },
    /// One reply for `members[from..to]`, which asked for `keys` keys.
    Group {
        verb: Verb,
        from: u32,
        to: u32,
        keys: u32,
    },
}

impl Owed {
    /// Makes it as good as new, but for the memory that it has.
    pub(super) fn clear(&mut self) {
        self.expected.clear();
        self.settled = 0;
        self.members.clear();
        self.length = 0;
        self.tally = Tally::default();
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled >= self.expected.len()
    }

    /// Where the request that byte `at` belongs to ends, so that it is not cut in the middle.
    pub(super) fn request_end(&self, at: usize) -> usize {
        let begun = self.expected.partition_point(|expected| expected.start < at);
        self.start(begun)
    }

    /// Forgets the replies to requests that begin at byte `at` or later.
    pub(super) fn truncate(&mut self, at: usize) {
        let kept = self.expected.partition_point(|expected| expected.start < at);
        self.expected.truncate(kept);
        self.length = self.length.min(at);
    }

    /// Calls `lose` for each slot that is still owed something, with the place of its request among the outbox's bytes.
    pub(super) fn each_unsettled(&self, mut lose: impl FnMut(SlotIndex, Range<usize>)) {
        for (at, expected) in self.expected.iter().enumerate().skip(self.settled) {
            let request = expected.start..self.start(at + 1);
            match expected.what {
                What::One(slot) | What::Several { slot, .. } => lose(slot, request),
                What::Group { from, to, .. } => {
                    for member in &self.members[from as usize..to as usize] {
                        lose(member.slot, request.clone());
                    }
                }
            }
        }
    }

    /// Where the request that belongs to `expected[at]` begins, or the last one ends.
    fn start(&self, at: usize) -> usize {
        self.expected.get(at).map_or(self.length, |next| next.start)
    }
}

impl Inner {
    /// Takes one frame as the next reply that is owed; false where none is.
    pub(super) fn settle(&mut self, chunk: &Bytes, frame: FrameAt, at: u32, wakers: &mut Vec<Waker>) -> bool {
        let Owed {
            expected,
            settled,
            members,
            ..
        } = &mut self.owed;
        let Some(expected) = expected.get_mut(*settled) else {
            return false;
        };
        let end = frame.start + frame.frame.len;
        // Here, so that whoever looks at a reply finds the value at its beginning.
        let start = frame.start + resp::attributes(&chunk[frame.start..end]);
        let place = |start: usize, end: usize| Place {
            chunk: at,
            start: index(start),
            end: index(end),
        };
        match &mut expected.what {
            What::One(slot) => {
                self.slots[*slot as usize].answer(wakers, || Answer::Frame(place(start, end)));
            }
            What::Several { slot, left } => {
                let frame = chunk.slice(start..end);
                *left -= 1;
                self.slots[*slot as usize].gather(frame, *left == 0, wakers);
                if *left > 0 {
                    return true;
                }
            }
            What::Group { verb, from, to, keys } => {
                let whole = place(start, end);
                let members = &members[*from as usize..*to as usize];
                let slots = &mut self.slots;
                if *keys == 1 {
                    answer_all(slots, members, wakers, |_| Answer::Frame(whole));
                } else if frame.frame.kind == Kind::Error {
                    answer_all(slots, members, wakers, |_| Answer::Refused(whole));
                } else if *verb == Verb::Set {
                    answer_all(slots, members, wakers, |_| Answer::Frame(whole));
                } else {
                    scatter(slots, members, *keys, &chunk[start..end], wakers, |range| {
                        place(start + range.start, start + range.end)
                    });
                }
            }
        }
        *settled += 1;
        true
    }
}

/// Gives each member of an `MGET` its element of the reply `frame`.
fn scatter(
    slots: &mut [Slot],
    members: &[Member],
    keys: u32,
    frame: &[u8],
    wakers: &mut Vec<Waker>,
    place: impl Fn(&Range<usize>) -> Place,
) {
    let elements: Vec<Element> = match resp::elements(frame) {
        Ok(elements) if elements.len() == keys as usize => elements.map_while(Result::ok).collect(),
        _ => Vec::new(),
    };
    if elements.len() != keys as usize {
        let answers = index(resp::elements(frame).map_or(0, |elements| elements.len()));
        answer_all(slots, members, wakers, |_| Answer::Mismatch { keys, answers });
        return;
    }
    answer_all(slots, members, wakers, |member| {
        match &elements[member.place as usize] {
            Element::Nil => Answer::Nil,
            Element::Bulk(range) => Answer::Bulk(place(range)),
            Element::Other(range) => Answer::Frame(place(range)),
        }
    });
}

fn answer_all(
    slots: &mut [Slot],
    members: &[Member],
    wakers: &mut Vec<Waker>,
    answer: impl Fn(&Member) -> Answer,
) {
    for member in members {
        slots[member.slot as usize].answer(wakers, || answer(member));
    }
}
