//! How replies are handed out: to the one who asked, or each element to one of those who asked together.

use std::ops::Range;
use std::task::Waker;

use bytes::Bytes;

use super::slot::{Answer, Place};
use super::{FrameAt, Inner, SlotIndex, index};
use crate::multiplex::group::{Member, Verb};
use crate::resp::{self, Element, Kind};

/// A reply that the server owes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
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
        keys: usize,
    },
}

impl Inner {
    /// Takes one frame as the reply to `expected`.
    pub(super) fn settle(
        &mut self,
        expected: Expected,
        chunk: &Bytes,
        frame: FrameAt,
        at: u32,
        wakers: &mut Vec<Waker>,
    ) {
        let end = frame.start + frame.frame.len;
        let place = |start: usize, end: usize| Place {
            chunk: at,
            start: index(start),
            end: index(end),
        };
        match expected {
            Expected::One(slot) => {
                self.slots[slot as usize].answer(wakers, || Answer::Frame(place(frame.start, end)));
                self.settled += 1;
            }
            Expected::Several { slot, left } => {
                let frame = chunk.slice(frame.start..end);
                self.slots[slot as usize].gather(frame, left == 1, wakers);
                if left > 1 {
                    self.expected[self.settled] = Expected::Several { slot, left: left - 1 };
                } else {
                    self.settled += 1;
                }
            }
            Expected::Group { verb, from, to, keys } => {
                self.settled += 1;
                let whole = place(frame.start, end);
                let members = from as usize..to as usize;
                if keys == 1 {
                    self.answer_all(members, wakers, |_| Answer::Frame(whole));
                } else if frame.frame.kind == Kind::Error {
                    self.answer_all(members, wakers, |_| Answer::Refused(whole));
                } else if verb == Verb::Set {
                    self.answer_all(members, wakers, |_| Answer::Frame(whole));
                } else {
                    self.scatter(members, keys, chunk, frame, &place, wakers);
                }
            }
        }
    }

    /// Gives each member of an `MGET` its element.
    fn scatter(
        &mut self,
        members: Range<usize>,
        keys: usize,
        chunk: &Bytes,
        frame: FrameAt,
        place: &impl Fn(usize, usize) -> Place,
        wakers: &mut Vec<Waker>,
    ) {
        let bytes = &chunk[frame.start..frame.start + frame.frame.len];
        let elements: Vec<Element> = match resp::elements(bytes) {
            Ok(elements) if elements.len() == keys => elements.map_while(Result::ok).collect(),
            _ => Vec::new(),
        };
        if elements.len() != keys {
            let answers = resp::elements(bytes).map_or(0, |elements| elements.len());
            self.answer_all(members, wakers, |_| Answer::Mismatch {
                keys: index(keys),
                answers: index(answers),
            });
            return;
        }
        self.answer_all(members, wakers, |member| match &elements[member.place as usize] {
            Element::Nil => Answer::Nil,
            Element::Bulk(range) => Answer::Bulk(place(frame.start + range.start, frame.start + range.end)),
            Element::Other(range) => Answer::Frame(place(frame.start + range.start, frame.start + range.end)),
        });
    }

    fn answer_all(
        &mut self,
        members: Range<usize>,
        wakers: &mut Vec<Waker>,
        answer: impl Fn(Member) -> Answer,
    ) {
        for at in members {
            let member = self.members[at];
            self.slots[member.slot as usize].answer(wakers, || answer(member));
        }
    }
}
