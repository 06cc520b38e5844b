//! The one task that reads a connection, hands out what comes, and notices when it dies.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{future, mem};

use bytes::BytesMut;
use tokio::time::{Instant, Sleep};

use super::cause::LostCause;
use super::connection::Connection;
use super::outbox::FrameAt;
use super::waking::{OVERSLEPT, Waking};
use super::wire::NEGLECTED;
use crate::resp::{Kind, Limits, Scanner};
use crate::transport::Transport;

/// What one read buffer holds: some hundred small replies, so that its one allocation is shared by many.
pub(super) const READ_BUFFER: usize = 64 * 1024;
/// Less room than this, and the next buffer is made.
const READ_ROOM: usize = 8 * 1024;
/// How much room a reply that does not fit a buffer is given at a time, at most.
const READ_STEP: usize = 1024 * 1024;

/// Reads a connection; see the [module](self).
#[derive(Debug)]
pub(crate) struct Driver {
    connection: Arc<Connection>,
    transport: Transport,
    scanner: Scanner,
    /// Received and not yet handed out: the beginning of one frame at most, between polls.
    received: BytesMut,
    /// Frames found in one go; kept for its memory.
    frames: Vec<FrameAt>,
    waking: Waking,
    patience: Duration,
    timer: Pin<Box<Sleep>>,
    /// When bytes last came.
    heard: Instant,
    /// The timer is not set, since nothing was owed when it last fired.
    timer_rests: bool,
    /// The timer is set to when whoever opens an outbox now should have closed it.
    looks_soon: bool,
}

impl Driver {
    pub(crate) fn new(
        connection: Arc<Connection>,
        transport: Transport,
        leftover: BytesMut,
        patience: Duration,
        limits: Limits,
    ) -> Self {
        Self {
            connection,
            transport,
            scanner: Scanner::new(limits),
            received: leftover,
            frames: Vec::new(),
            waking: Waking::default(),
            patience,
            timer: Box::pin(tokio::time::sleep(patience)),
            heard: Instant::now(),
            timer_rests: true,
            looks_soon: false,
        }
    }

    /// Serves the connection until it is lost. Nobody has been told when this returns: see [`lose`](Self::lose).
    pub(crate) async fn serve(&mut self) -> LostCause {
        future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Waits until every request under way is answered, or the connection is lost.
    pub(crate) async fn settle(&mut self) {
        let connection = Arc::clone(&self.connection);
        future::poll_fn(|cx| {
            if self.poll(cx).is_ready() || connection.is_settled() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Tells everybody who waits that the connection is lost.
    pub(crate) async fn lose(&mut self, cause: LostCause) {
        let cause = Arc::new(cause);
        future::poll_fn(|cx| {
            self.connection.driver.register(cx.waker());
            if self.connection.lose(&cause) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LostCause> {
        // First, so that a wake-up that comes while the rest is looked at is not lost.
        self.connection.driver.register(cx.waker());
        self.waking.catch_up(cx.waker());
        if let Poll::Ready(cause) = self.poll_read(cx) {
            return Poll::Ready(cause);
        }
        let Self {
            connection,
            transport,
            ..
        } = self;
        let written = connection.poll_write(transport, cx);
        // Also while the socket is full: what it has not taken of the TLS layer's must not be forgotten.
        let flushed = transport.poll_flush(cx);
        if let (Poll::Ready(Err(error)), _) | (_, Poll::Ready(Err(error))) = (written, flushed) {
            // What the server has said before it went is still read, and decides outcomes.
            let _ = self.poll_read(cx);
            return Poll::Ready(error.into());
        }
        self.poll_patience(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<LostCause> {
        loop {
            self.make_room();
            match ready!(self.transport.poll_read(cx, &mut self.received)) {
                Ok(0) => return Poll::Ready(LostCause::ClosedByServer),
                Ok(_) => {}
                Err(error) => return Poll::Ready(error.into()),
            }
            self.heard = Instant::now();
            if let Err(cause) = self.deliver() {
                return Poll::Ready(cause);
            }
        }
    }

    fn make_room(&mut self) {
        if self.received.capacity() - self.received.len() < READ_ROOM {
            // A large reply grows its buffer as it comes, whatever length it announces.
            let room = self.received.len().clamp(READ_BUFFER, READ_STEP);
            self.received.reserve(room);
        }
    }

    /// Hands out every complete frame that was received, those in front of a breach of the protocol too.
    fn deliver(&mut self) -> Result<(), LostCause> {
        let mut complete = 0;
        let mut pushes = false;
        let mut breach = Ok(());
        self.frames.clear();
        while complete < self.received.len() {
            match self.scanner.advance(&self.received[complete..]) {
                Ok(Some(frame)) => {
                    pushes |= frame.kind == Kind::Push;
                    self.frames.push(FrameAt {
                        start: complete,
                        frame,
                    });
                    complete += frame.len;
                }
                Ok(None) => break,
                Err(error) => {
                    breach = Err(LostCause::Protocol(error));
                    break;
                }
            }
        }
        if complete == 0 {
            return breach;
        }
        let chunk = self.received.split_to(complete).freeze();
        if complete + self.received.capacity() > 2 * READ_BUFFER {
            // A buffer that a large reply has grown must not stay for what little is behind it.
            self.received = BytesMut::from(&self.received[..]);
        }
        if pushes {
            self.frames.retain(|at| at.frame.kind != Kind::Push);
        }
        if !self
            .connection
            .deliver(&chunk, &self.frames, self.heard, &mut self.waking)
        {
            return Err(LostCause::SurplusReply);
        }
        breach
    }

    /// One timer looks after deadlines, and after what threads that are blocked leave undone; it rests where there is
    /// nothing of the kind.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<LostCause> {
        if !self.connection.is_unwatched.load(Ordering::Relaxed) && !mem::replace(&mut self.looks_soon, true)
        {
            // Whoever opened an outbox has closed it by then, unless something blocks the thread.
            self.reset_earlier(Instant::now() + NEGLECTED.min(self.patience));
        }
        if self.waking.has_late {
            self.reset_earlier(self.heard + OVERSLEPT);
        }
        while !self.timer_rests {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            let overdue = self.connection.expire(now, self.patience);
            let silence = 2 * self.patience;
            let mut next = overdue.next;
            if let Some(oldest) = overdue.oldest {
                // Replies are owed, so the connection must not stay silent for ever.
                let limit = oldest.max(self.heard) + silence;
                if limit <= now {
                    return Poll::Ready(LostCause::Silent(silence));
                }
                next = Some(next.map_or(limit, |next| next.min(limit)));
            }
            self.looks_soon = self.is_any_open();
            if self.looks_soon {
                let soon = now + NEGLECTED;
                next = Some(next.map_or(soon, |next| next.min(soon)));
            }
            // Who came meanwhile, and saw that the timer was set, has a deadline that is not among those.
            let last = now + self.patience;
            if next.is_some() || !self.connection.is_settled() {
                self.timer
                    .as_mut()
                    .reset(next.map_or(last, |next| next.min(last)));
            } else {
                self.timer_rests = true;
            }
        }
        Poll::Pending
    }

    /// Whether an outbox is open. If none is, who opens one wakes the driver from now on.
    fn is_any_open(&self) -> bool {
        let connection = &self.connection;
        connection.has_open() || {
            connection.is_unwatched.store(true, Ordering::Relaxed);
            // Somebody came in between, and saw that the timer was set.
            connection.has_open() && connection.is_unwatched.swap(false, Ordering::Relaxed)
        }
    }

    fn reset_earlier(&mut self, limit: Instant) {
        if mem::take(&mut self.timer_rests) || self.timer.deadline() > limit {
            self.timer.as_mut().reset(limit);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The runtime ended under us, or a panic did: nobody may be left waiting. A writer at work is on another
        // thread and finishes by itself, since it never waits.
        let cause = Arc::new(LostCause::RuntimeEnded);
        while !self.connection.lose(&cause) {
            std::thread::yield_now();
        }
    }
}
