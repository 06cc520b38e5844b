//! Requests that may be what breaks the connections that they travel on.
//!
//! A reply over the server's output-buffer limit, or an argument over its limit on lengths, makes the server close the
//! connection. Sent again, such a request would take every connection down with all that others have under way. So one
//! that was under way at two losses in a row goes on where it can only harm itself: on a connection of its own, one such
//! request at a time. If that connection is lost too, while the shared one is not, and so is the next one, the request is to
//! blame.

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::apart::{Apart, NoAnswer, closed};
use super::debounce::BREATH;
use super::local::{self, Submission, Way};
use super::plain::Plain;
use super::request::Request;
use super::shared::Shared;
use crate::error::{Error, NotExecuted};
use crate::multiplex::{Reply, Undelivered};

/// A request is suspected once it was under way at so many losses in a row.
pub(super) const LOSSES: u32 = 2;

/// A request is to blame once it has lost so many connections that it had alone: where something on the way cuts
/// connections at random, one may be cut under an innocent request too.
pub(super) const CONVICTIONS: u32 = 2;

/// The suspects of one database: who waits for their turn, and the connection, while there is somebody to use it.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    waiting: AtomicUsize,
    apart: Mutex<Option<Apart>>,
}

/// What became of a suspect.
pub(super) enum Trial {
    Answered {
        reply: Reply,
        epoch: u64,
    },
    /// It lost its connection as well, and nobody else did.
    Guilty(Undelivered),
    /// Its connection was lost, perhaps for another reason.
    Lost(Undelivered),
    Late {
        may_be_sent: bool,
    },
    NotSent(Error),
}

/// Counts a suspect in and out; the last one out closes the connection.
struct Turn<'a>(&'a Suspects);

impl<'a> Turn<'a> {
    fn new(suspects: &'a Suspects) -> Self {
        suspects.waiting.fetch_add(1, Ordering::Relaxed);
        Self(suspects)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Pairs with the others' decrements: the last one sees the connection that any of them has left.
        if self.0.waiting.fetch_sub(1, Ordering::AcqRel) == 1
            && let Ok(mut apart) = self.0.apart.try_lock()
        {
            *apart = None;
        }
    }
}

/// Sends a suspect alone.
pub(super) async fn try_alone(shared: &Arc<Shared>, request: &impl Request, limit: Instant) -> Trial {
    // Before the lock, and so dropped after it.
    let turn = Turn::new(&shared.suspects);
    let Ok(mut kept) = timeout_at(limit, turn.0.apart.lock()).await else {
        return Trial::NotSent(Error::NotExecuted(NotExecuted::Timeout));
    };
    // Taken out, so that it is closed where this future is dropped with an answer under way.
    let apart = match kept.take().filter(|apart| !apart.is_lost()) {
        Some(apart) => apart,
        None => match open(shared, limit).await {
            Ok(apart) => apart,
            Err(error) => return Trial::NotSent(error),
        },
    };
    let witness = Witness::new(shared);
    match apart.ask(request, Some(limit)).await {
        Ok(reply) => {
            let epoch = apart.epoch();
            *kept = Some(apart);
            Trial::Answered { reply, epoch }
        }
        Err(NoAnswer::Late { may_be_sent }) => Trial::Late { may_be_sent },
        Err(NoAnswer::Closed) => Trial::NotSent(closed()),
        Err(NoAnswer::Undelivered(undelivered)) => {
            if witness.blames(shared, &undelivered, limit).await {
                Trial::Guilty(undelivered)
            } else {
                Trial::Lost(undelivered)
            }
        }
    }
}

/// The shared connection, which tells whether a connection was lost for what was sent on it.
pub(super) struct Witness(Option<u64>);

impl Witness {
    /// Has to be there before the request is sent.
    pub(super) fn new(shared: &Shared) -> Self {
        Self(local::connection(shared).map(|connection| connection.epoch))
    }

    /// Whether it has outlived the connection that `undelivered` was sent on: where the server goes away, or closes all
    /// connections, that is nobody's fault.
    pub(super) async fn blames(self, shared: &Shared, undelivered: &Undelivered, limit: Instant) -> bool {
        undelivered.accepted > 0 && self.0.is_some() && answers(shared, limit).await == self.0
    }
}

/// A connection for suspects. That one attempt to connect fails says nothing about them, so there may be another.
async fn open(shared: &Arc<Shared>, limit: Instant) -> Result<Apart, Error> {
    let pause = shared.settings().reconnect_debounce.max(BREATH);
    loop {
        let error = match Apart::open(shared, None, limit).await {
            Ok(apart) => return Ok(apart),
            Err(error) => error,
        };
        let next = Instant::now() + pause;
        if next >= limit {
            return Err(error);
        }
        sleep_until(next).await;
    }
}

/// The epoch of the shared connection, if that is live and answers.
async fn answers(shared: &Shared, limit: Instant) -> Option<u64> {
    let ping = Plain::read(&[b"PING"]);
    let submit = future::poll_fn(|cx| Poll::Ready(local::submit(shared, &ping, Way::Alone, cx.waker())));
    let Ok(Submission::Queued(mut ticket)) = submit.await else {
        return None;
    };
    let epoch = ticket.epoch();
    let answer = timeout_at(limit, future::poll_fn(|cx| ticket.poll(cx))).await;
    matches!(answer, Ok(Ok(_))).then_some(epoch)
}
