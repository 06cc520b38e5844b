//! Requests that may be what breaks the connections that they travel on.
//!
//! A reply over the server's output-buffer limit, or an argument over its limit on lengths, makes the server close the
//! connection. Sent again, such a request would take every connection down with all that others have under way. So those
//! that were under way at two losses in a row go on by themselves: reads on a connection that only they share. If that is
//! lost too, while that of all others is not, each of them goes on where it can only harm itself, as writes do at once: on
//! a connection of its own, one such request at a time as a rule. If it loses two of these in the same way, it is to blame.
//!
//! A caller's future may be kept without being polled, so it holds nothing that the others wait for: tasks do.

use std::future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::apart::{Apart, NoAnswer, closed};
use super::deadline::within;
use super::debounce::BREATH;
use super::dial::ConnectError;
use super::lane::Lane;
use super::local::{self, Submission, Way};
use super::plain::Plain;
use super::request::Request;
use super::shared::Shared;
use super::together::Together;
use crate::error::{Error, NotExecuted};
use crate::multiplex::{LostCause, Reason, Reply, Undelivered};
use crate::sync::lock;

/// A request is suspected once it was under way at so many losses in a row.
pub(super) const LOSSES: u32 = 2;

/// A request is to blame once it has lost so many connections that it had alone: where something on the way cuts
/// connections at random, one may be cut under an innocent request too.
pub(super) const CONVICTIONS: u32 = 2;

/// A suspect that has the turn to go alone loses it after this part of a command's usual deadline: it may wait for
/// something that takes long, or not be polled.
const PART_OF_A_TURN: u32 = 8;

/// The suspects of one lane, and their connections, while there is somebody to use them.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    number: AtomicUsize,
    /// Locked while it is being connected.
    together: tokio::sync::Mutex<Option<Arc<Together>>>,
    alone: Mutex<Option<Apart>>,
    /// Locked for the one whose turn it is to go alone.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// What became of a suspect.
pub(super) enum Trial {
    Answered {
        reply: Reply,
        epoch: u64,
    },
    /// It lost a connection that it had alone, and nobody else did.
    Guilty(Undelivered),
    /// It, or another suspect, lost their connection, and nobody else did.
    Suspicious(Undelivered),
    /// Its connection was lost, perhaps for another reason.
    Lost(Undelivered),
    Late {
        may_be_sent: bool,
    },
    NotSent(Error),
}

/// Counts a suspect in and out; the last one out closes the connections.
struct Suspect(Arc<Lane>);

impl Suspect {
    fn new(lane: Arc<Lane>) -> Self {
        lane.suspects.number.fetch_add(1, Ordering::Relaxed);
        Self(lane)
    }
}

impl Drop for Suspect {
    fn drop(&mut self) {
        let Suspects {
            number,
            together,
            alone,
            ..
        } = &self.0.suspects;
        // Pairs with the others' decrements: the last one sees the connections that any of them has left.
        if number.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        if let Ok(mut together) = together.try_lock() {
            *together = None;
        }
        let closed = lock(alone).take();
        drop(closed);
    }
}

/// The turn to go alone. Ends when this is dropped, and in time if it is not.
struct Turn(AbortHandle);

impl Turn {
    async fn begin(shared: &Shared, lane: &Lane, limit: Instant) -> Option<Self> {
        let (begin, has_begun) = oneshot::channel();
        let turn = Arc::clone(&lane.suspects.turn);
        let length = shared.settings().command_timeout / PART_OF_A_TURN;
        let task = lane.runtime.spawn(async move {
            let _turn = turn.lock_owned().await;
            if begin.send(()).is_ok() {
                tokio::time::sleep(length).await;
            }
        });
        let turn = Self(task.abort_handle());
        matches!(within(limit, has_begun).await, Some(Ok(()))).then_some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Sends a suspect.
pub(super) async fn attempt(
    shared: &Arc<Shared>,
    request: &impl Request,
    is_alone: bool,
    limit: Instant,
) -> Trial {
    if is_alone {
        try_alone(shared, request, limit).await
    } else {
        try_together(shared, request, limit).await
    }
}

/// Sends a suspect with the others.
async fn try_together(shared: &Arc<Shared>, request: &impl Request, limit: Instant) -> Trial {
    let lane = match local::lane(shared) {
        Ok(lane) => lane,
        Err(error) => return Trial::NotSent(error),
    };
    // First, and so dropped last.
    let suspect = Suspect::new(lane);
    let together = match share(shared, &suspect.0, limit).await {
        Ok(together) => together,
        Err(error) => return Trial::NotSent(error),
    };
    let witness = Witness::new(shared);
    match together.ask(request, limit).await {
        Ok(reply) => Trial::Answered {
            reply,
            epoch: together.epoch(),
        },
        Err(no_answer) => match judge(shared, witness, no_answer, limit).await {
            Trial::Guilty(undelivered) if !together.had_one() => Trial::Suspicious(undelivered),
            Trial::Late { may_be_sent } => {
                together.retire();
                Trial::Late { may_be_sent }
            }
            trial => trial,
        },
    }
}

/// The connection that suspects share.
async fn share(shared: &Arc<Shared>, lane: &Arc<Lane>, limit: Instant) -> Result<Arc<Together>, Error> {
    if let Ok(kept) = lane.suspects.together.try_lock()
        && let Some(together) = usable(kept.as_ref())
    {
        return Ok(together);
    }
    let shared = Arc::clone(shared);
    let suspect = Suspect::new(Arc::clone(lane));
    let connecting = lane.runtime.spawn(async move {
        let Some(mut kept) = within(limit, pin!(suspect.0.suspects.together.lock())).await else {
            return Err(Error::NotExecuted(NotExecuted::Timeout));
        };
        if let Some(together) = usable(kept.as_ref()) {
            return Ok(together);
        }
        let together = Arc::new(Together::new(open(&shared, limit).await?));
        *kept = Some(Arc::clone(&together));
        Ok(together)
    });
    // Nothing but the runtime's end cuts it off.
    connecting
        .await
        .unwrap_or_else(|_| Err(Arc::new(ConnectError::RuntimeEnded).into()))
}

fn usable(kept: Option<&Arc<Together>>) -> Option<Arc<Together>> {
    kept.filter(|together| !together.is_over()).map(Arc::clone)
}

/// Sends a suspect alone.
async fn try_alone(shared: &Arc<Shared>, request: &impl Request, limit: Instant) -> Trial {
    let lane = match local::lane(shared) {
        Ok(lane) => lane,
        Err(error) => return Trial::NotSent(error),
    };
    // First, and so dropped last.
    let suspect = Suspect::new(lane);
    let Some(_turn) = Turn::begin(shared, &suspect.0, limit).await else {
        return Trial::NotSent(Error::NotExecuted(NotExecuted::Timeout));
    };
    // Taken out, so that it is closed where this future is dropped with an answer under way.
    let kept = lock(&suspect.0.suspects.alone).take();
    let apart = match kept.filter(|apart| !apart.is_lost()) {
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
            let other = lock(&suspect.0.suspects.alone).replace(apart);
            drop(other);
            Trial::Answered { reply, epoch }
        }
        Err(no_answer) => judge(shared, witness, no_answer, limit).await,
    }
}

/// What it means that a suspect has no answer.
async fn judge(shared: &Shared, witness: Witness, no_answer: NoAnswer, limit: Instant) -> Trial {
    match no_answer {
        NoAnswer::Late { may_be_sent } => Trial::Late { may_be_sent },
        NoAnswer::Closed => Trial::NotSent(closed()),
        NoAnswer::Undelivered(undelivered) => {
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
        let is_ours = matches!(
            &undelivered.reason,
            Reason::Lost(cause) if matches!(**cause, LostCause::Closed | LostCause::RuntimeEnded)
        );
        undelivered.accepted > 0 && !is_ours && self.0.is_some() && answers(shared, limit).await == self.0
    }
}

/// A connection for suspects. That one attempt to connect fails says nothing about them, so there may be another.
async fn open(shared: &Arc<Shared>, limit: Instant) -> Result<Apart, Error> {
    let lane = local::lane(shared)?;
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
        lane.pause_until(next).await;
        if lane.has_ended() {
            return Err(error);
        }
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
    let answer = within(limit, future::poll_fn(|cx| ticket.poll(cx))).await;
    matches!(answer, Some(Ok(_))).then_some(epoch)
}
