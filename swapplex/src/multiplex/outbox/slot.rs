//! One caller's place in an outbox: who waits, and what has come.

use std::mem;
use std::ops::Range;
use std::task::Waker;

use bytes::Bytes;

use crate::multiplex::driver::READ_BUFFER;

/// What is small must not keep a chunk alive that has grown over this for something large that came beside it.
const LARGE: usize = 2 * READ_BUFFER;

/// One caller's place in an outbox; see the [module](self).
#[derive(Debug)]
pub(super) struct Slot {
    state: State,
}

// Small, since there are some hundred of them side by side: what few need is boxed.
#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    /// A request with several replies, of which some have come, or one that will get no (more) replies.
    Gathering(Box<Gathering>),
    Answered(Answer),
    /// Answer taken, or caller gone.
    Done,
}

#[derive(Debug, Default)]
pub(super) struct Gathering {
    waker: Option<Waker>,
    frames: Vec<Bytes>,
    /// Once no more replies are waited for: where the request stands among the outbox's bytes.
    lost: Option<Range<usize>>,
}

/// An answer as the reader leaves it: a place in a chunk, decoded by the caller on its own thread.
#[derive(Debug)]
pub(super) enum Answer {
    Frame(Place),
    Frames(Box<Gathering>),
    Bulk(Place),
    Nil,
    Refused(Place),
    Mismatch { keys: u32, answers: u32 },
}

/// What a caller finds in its slot.
pub(super) enum Taken {
    /// Nothing has come; whom else it would have woken.
    Nothing(Option<Waker>),
    Answer(Answer),
    /// No answer will come to the request that stands there among the outbox's bytes, or no more than these replies.
    Lost {
        request: Range<usize>,
        answered: Vec<Bytes>,
    },
}

/// Where an answer lies in the chunks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) chunk: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// What the server said, not yet decoded.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A whole frame.
    Frame(Bytes),
    /// The frames of a request that expects several.
    Frames(Vec<Bytes>),
    /// A value out of a group's reply.
    Bulk(Bytes),
    /// No value.
    Nil,
    /// The group's command failed as a whole, with this error: the caller may ask alone.
    Refused(Bytes),
    /// The group's reply does not fit its command.
    Mismatch { keys: usize, answers: usize },
}

impl Slot {
    pub(super) fn new(waker: &Waker) -> Self {
        Self {
            state: State::Waiting(Some(waker.clone())),
        }
    }

    /// Whether somebody still looks for an answer that has not come.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_) | State::Gathering(_))
    }

    /// Takes the answer, if it has come and is a value.
    #[inline]
    pub(super) fn take_value(&mut self) -> Option<Place> {
        let State::Answered(Answer::Bulk(place)) = self.state else {
            return None;
        };
        // Nothing in a place is to be dropped: see `discard`.
        mem::forget(mem::replace(&mut self.state, State::Done));
        Some(place)
    }

    /// Takes the answer, if it has come, or what came of it, if it will not be complete: then the caller is forgotten. Else
    /// remembers whom to wake.
    ///
    /// # Panics
    ///
    /// Where it was taken before.
    pub(super) fn take(&mut self, waker: &Waker) -> Taken {
        if matches!(self.state, State::Answered(_))
            && let State::Answered(answer) = mem::replace(&mut self.state, State::Done)
        {
            return Taken::Answer(answer);
        }
        self.take_what_there_is(waker)
    }

    // Out of line: who is polled has been woken, most likely, because there is an answer.
    #[cold]
    fn take_what_there_is(&mut self, waker: &Waker) -> Taken {
        let known = match &mut self.state {
            State::Waiting(known) => known,
            State::Gathering(gathering) => {
                if let Some(request) = gathering.lost.take() {
                    let answered = mem::take(&mut gathering.frames);
                    self.state = State::Done;
                    return Taken::Lost { request, answered };
                }
                &mut gathering.waker
            }
            State::Answered(_) | State::Done => panic!("a request was polled after its answer was taken"),
        };
        let is_known = known.as_ref().is_some_and(|known| known.will_wake(waker));
        Taken::Nothing(if is_known {
            None
        } else {
            known.replace(waker.clone())
        })
    }

    pub(super) fn answer(&mut self, wakers: &mut Vec<Waker>, answer: impl FnOnce() -> Answer) {
        let waker = match &mut self.state {
            State::Waiting(waker) => waker.take(),
            // Given up on, but its caller has not looked yet.
            State::Gathering(gathering) => gathering.waker.take(),
            State::Answered(_) | State::Done => return,
        };
        wakers.extend(waker);
        self.state = State::Answered(answer());
    }

    /// Takes in one of several replies.
    pub(super) fn gather(&mut self, frame: Bytes, is_last: bool, wakers: &mut Vec<Waker>) {
        let Some(gathering) = self.gathering() else {
            return;
        };
        gathering.frames.push(frame);
        if is_last {
            wakers.extend(gathering.waker.take());
            let gathering = mem::take(gathering);
            self.state = State::Answered(Answer::Frames(Box::new(gathering)));
        }
    }

    /// Has the caller told that no (more) replies to its request, which stands there among the outbox's bytes, are
    /// waited for.
    pub(super) fn lose(&mut self, request: Range<usize>, wakers: &mut Vec<Waker>) {
        if let Some(gathering) = self.gathering() {
            wakers.extend(gathering.waker.take());
            gathering.lost.get_or_insert(request);
        }
    }

    /// What has come, where the caller waits for more.
    fn gathering(&mut self) -> Option<&mut Gathering> {
        if let State::Waiting(waker) = &mut self.state {
            self.state = State::Gathering(Box::new(Gathering {
                waker: waker.take(),
                ..Gathering::default()
            }));
        }
        match &mut self.state {
            State::Gathering(gathering) => Some(gathering),
            State::Waiting(_) | State::Answered(_) | State::Done => None,
        }
    }

    /// Forgets the caller and gives back what it had; `None` where that was done before.
    pub(super) fn release(&mut self) -> Option<Self> {
        let released = Self {
            state: mem::replace(&mut self.state, State::Done),
        };
        (!matches!(released.state, State::Done)).then_some(released)
    }

    /// Drops the slot. Costs next to nothing where the caller was [forgotten](Self::release), which is the rule.
    pub(super) fn discard(self) {
        if matches!(self.state, State::Done) {
            // Nothing is in there, but the compiler would have that looked up out of line, for each of some hundred.
            mem::forget(self);
        }
    }
}

impl Place {
    /// What lies there.
    #[inline]
    pub(super) fn slice(self, chunks: &[Bytes]) -> Bytes {
        let chunk = &chunks[self.chunk as usize];
        let range = self.start as usize..self.end as usize;
        if chunk.len() > LARGE && range.len() < chunk.len() / 2 {
            return Bytes::copy_from_slice(&chunk[range]);
        }
        chunk.slice(range)
    }
}

impl Answer {
    pub(super) fn reply(self, chunks: &[Bytes]) -> Reply {
        match self {
            Self::Frame(place) => Reply::Frame(place.slice(chunks)),
            Self::Frames(gathering) => Reply::Frames(gathering.frames),
            Self::Bulk(place) => Reply::Bulk(place.slice(chunks)),
            Self::Nil => Reply::Nil,
            Self::Refused(place) => Reply::Refused(place.slice(chunks)),
            Self::Mismatch { keys, answers } => Reply::Mismatch {
                keys: keys as usize,
                answers: answers as usize,
            },
        }
    }
}
