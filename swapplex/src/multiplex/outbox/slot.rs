//! One caller's place in an outbox: who waits, and what has come.

use std::mem;
use std::task::Waker;

use bytes::Bytes;

/// One caller's place in an outbox; see the [module](self).
#[derive(Debug)]
pub(super) struct Slot {
    /// Where the request stands among the outbox's bytes.
    pub(super) start: usize,
    pub(super) end: usize,
    state: State,
}

// Small, since there are some hundred of them side by side: what few need is boxed.
#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    /// A request with several replies, of which some have come.
    Gathering(Box<Gathering>),
    Answered(Answer),
    /// Answer taken, or caller gone.
    Done,
}

#[derive(Debug)]
pub(super) struct Gathering {
    waker: Option<Waker>,
    frames: Vec<Bytes>,
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
            start: 0,
            end: 0,
            state: State::Waiting(Some(waker.clone())),
        }
    }

    /// Whether somebody still looks for an answer that has not come.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_) | State::Gathering(_))
    }

    /// Whom to wake. Nobody, where an answer has come or nobody looks any more.
    fn waker(&mut self) -> Option<&mut Option<Waker>> {
        match &mut self.state {
            State::Waiting(waker) => Some(waker),
            State::Gathering(gathering) => Some(&mut gathering.waker),
            State::Answered(_) | State::Done => None,
        }
    }

    /// Remembers whom to wake.
    pub(super) fn wait(&mut self, waker: &Waker) {
        match self.waker() {
            Some(Some(known)) => known.clone_from(waker),
            Some(none) => *none = Some(waker.clone()),
            None => {}
        }
    }

    /// Has the caller woken.
    pub(super) fn wake(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.waker().and_then(Option::take));
    }

    /// The answer, if it has come.
    ///
    /// # Panics
    ///
    /// Where it was taken before.
    pub(super) fn answered(&mut self) -> Option<&mut Answer> {
        match &mut self.state {
            State::Waiting(_) | State::Gathering(_) => None,
            State::Answered(answer) => Some(answer),
            State::Done => panic!("a request was polled after its answer was taken"),
        }
    }

    /// What has come of an answer that will not be complete.
    pub(super) fn gathered(&mut self) -> Vec<Bytes> {
        match &mut self.state {
            State::Gathering(gathering) => mem::take(&mut gathering.frames),
            State::Waiting(_) | State::Answered(_) | State::Done => Vec::new(),
        }
    }

    pub(super) fn answer(&mut self, wakers: &mut Vec<Waker>, answer: impl FnOnce() -> Answer) {
        if let State::Waiting(waker) = &mut self.state {
            wakers.extend(waker.take());
            self.state = State::Answered(answer());
        }
    }

    /// Takes in one of several replies.
    pub(super) fn gather(&mut self, frame: Bytes, is_last: bool, wakers: &mut Vec<Waker>) {
        if let State::Waiting(waker) = &mut self.state {
            self.state = State::Gathering(Box::new(Gathering {
                waker: waker.take(),
                frames: Vec::new(),
            }));
        }
        match mem::replace(&mut self.state, State::Done) {
            State::Gathering(mut gathering) => {
                gathering.frames.push(frame);
                self.state = if is_last {
                    wakers.extend(gathering.waker.take());
                    State::Answered(Answer::Frames(gathering))
                } else {
                    State::Gathering(gathering)
                };
            }
            other => self.state = other,
        }
    }

    /// Forgets the caller. False where that was done before.
    pub(super) fn release(&mut self) -> bool {
        !matches!(mem::replace(&mut self.state, State::Done), State::Done)
    }
}

impl Answer {
    pub(super) fn take(&mut self, chunks: &[Bytes]) -> Reply {
        let slice =
            |place: &Place| chunks[place.chunk as usize].slice(place.start as usize..place.end as usize);
        match self {
            Self::Frame(place) => Reply::Frame(slice(place)),
            Self::Frames(gathering) => Reply::Frames(mem::take(&mut gathering.frames)),
            Self::Bulk(place) => Reply::Bulk(slice(place)),
            Self::Nil => Reply::Nil,
            Self::Refused(place) => Reply::Refused(slice(place)),
            Self::Mismatch { keys, answers } => Reply::Mismatch {
                keys: *keys as usize,
                answers: *answers as usize,
            },
        }
    }
}
