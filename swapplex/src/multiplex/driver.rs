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
/// After so many reads, those are woken who have an answer, though there is more to be read: it may be something large.
const LONG_READ: usize = 8;
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
            waking: Waking::new(),
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
        self.serve_until(|| connection.is_settled()).await;
    }

    /// Serves the connection until it is lost, or what has come makes `is_done` true.
    pub(crate) async fn serve_until(&mut self, is_done: impl Fn() -> bool) {
        future::poll_fn(|cx| {
            if self.poll(cx).is_ready() || is_done() {
                self.waking.wake_late();
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Tells everybody who waits that the connection is lost.
    pub(crate) async fn lose(&mut self, cause: LostCause) {
        self.waking.wake_late();
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
        self.waking.begin(cx.waker());
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
        let read = self.read(cx);
        self.waking.finish();
        read
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Poll<LostCause> {
        let mut reads = 0_usize;
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
            reads += 1;
            if reads.is_multiple_of(LONG_READ) {
                self.waking.finish();
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
        if self.timer_rests && !self.connection.is_untimed.load(Ordering::Relaxed) {
            self.reset_earlier(Instant::now() + self.patience);
        }
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
            // What was delivered in this very poll, too: the timer is set to something else now.
            self.waking.wake_late();
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
            if next.is_some() || !self.may_rest() {
                self.timer
                    .as_mut()
                    .reset(next.map_or(last, |next| next.min(last)));
            } else {
                self.timer_rests = true;
            }
        }
        Poll::Pending
    }

    /// Whether nothing is owed. Then, who sends something wakes the driver from now on.
    fn may_rest(&self) -> bool {
        let connection = &self.connection;
        connection.is_untimed.store(true, Ordering::Relaxed);
        // Somebody came in between, and saw that the timer was set.
        connection.is_settled() || !connection.is_untimed.swap(false, Ordering::Relaxed)
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
        if mem::take(&mut self.timer_rests) {
            self.connection.is_untimed.store(false, Ordering::Relaxed);
            self.timer.as_mut().reset(limit);
        } else if self.timer.deadline() > limit {
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

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;
    use std::task::{Wake, Waker};
    use std::{iter, net, thread};

    use tokio::net::TcpStream;
    use tokio::task::yield_now;

    use super::*;
    use crate::multiplex::outbox::{Ask, Push, Sealed};
    use crate::sync::lock;
    use crate::transport::{Reader, Writer};

    async fn poll(driver: &mut Driver) {
        let is_pending = future::poll_fn(|cx| Poll::Ready(driver.poll(cx).is_pending())).await;
        assert!(is_pending, "the connection lives");
    }

    /// Wakers of tasks that sleep.
    async fn sleepers(count: usize) -> Vec<Waker> {
        let wakers = Arc::<Mutex<Vec<Waker>>>::default();
        for _ in 0..count {
            let wakers = Arc::clone(&wakers);
            tokio::spawn(future::poll_fn(move |cx| {
                lock(&wakers).push(cx.waker().clone());
                Poll::<()>::Pending
            }));
        }
        yield_now().await;
        mem::take(&mut lock(&wakers))
    }

    async fn connected() -> (net::TcpStream, Arc<Connection>, Driver) {
        let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (reader, writer) = stream.into_split();
        let transport = Transport::Plain {
            reader: Reader::Tcp(reader),
            writer: Arc::new(Writer::Tcp(writer)),
        };
        let connection = Arc::new(Connection::new(
            1,
            transport.direct_writer(),
            usize::MAX,
            Arc::default(),
        ));
        let (leftover, patience, limits) = (BytesMut::new(), Duration::from_secs(60), Limits::default());
        let driver = Driver::new(Arc::clone(&connection), transport, leftover, patience, limits);
        (listener.accept().unwrap().0, connection, driver)
    }

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn seal_alone(connection: &Arc<Connection>) -> Sealed {
        let encode = &mut |out: &mut Vec<u8>| out.extend_from_slice(b"PING\r\n");
        let ask = Ask::Plain { encode, replies: 1 };
        connection
            .seal_alone(6, ask, Waker::noop())
            .expect("there is room")
    }

    #[tokio::test]
    async fn who_sends_alone_has_the_timer_set_where_it_rests_and_nobody_woken_where_it_does_not() {
        let (mut server, connection, mut driver) = connected().await;
        poll(&mut driver).await;
        assert!(driver.timer_rests);
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        for rests in [true, false] {
            assert!(driver.poll(&mut cx).is_pending());
            connection.send(seal_alone(&connection));
            assert_eq!(woken.0.swap(false, Ordering::Relaxed), rests);
            assert!(driver.poll(&mut cx).is_pending());
            let left = driver.timer.deadline().saturating_duration_since(Instant::now());
            assert!(!driver.timer_rests && left <= driver.patience);
            server.write_all(b"+PONG\r\n").unwrap();
            driver.settle().await;
        }
    }

    #[tokio::test]
    async fn what_is_sent_alone_on_a_connection_that_was_lost_meanwhile_is_not_sent() {
        let (_server, connection, mut driver) = connected().await;
        let sealed = seal_alone(&connection);
        let outbox = Arc::clone(&sealed.outbox);
        driver.lose(LostCause::ClosedByServer).await;
        connection.send(sealed);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(outbox.poll(0, &mut cx), Poll::Ready(Err(it)) if !it.is_sent()));
    }

    #[tokio::test]
    async fn a_crowd_is_not_left_asleep_where_the_timer_fires_in_the_poll_that_delivers() {
        let (mut server, connection, mut driver) = connected().await;
        let task = async move {
            let wakers = sleepers(64).await;
            let outbox = connection.open(1).unwrap();
            for waker in &wakers {
                let encode = &mut |out: &mut Vec<u8>| out.extend_from_slice(b"PING\r\n");
                let asked = outbox.push(Ask::Plain { encode, replies: 1 }, None, waker);
                assert!(matches!(asked, Push::Done { .. }));
            }
            connection.close(&outbox);
            poll(&mut driver).await;
            let pongs: Vec<u8> = iter::repeat_n(b"+PONG\r\n", wakers.len())
                .flatten()
                .copied()
                .collect();
            server.write_all(&pongs).unwrap();
            // The thread is busy until after the timer's time; then Tokio sees to timers and sockets.
            thread::sleep(NEGLECTED + OVERSLEPT);
            while connection.waiting() > 0 {
                yield_now().await;
                poll(&mut driver).await;
            }
            let is_soon = driver.timer.deadline() <= Instant::now() + OVERSLEPT;
            assert!(!driver.waking.has_late || !driver.timer_rests && is_soon);
        };
        tokio::spawn(task).await.unwrap();
    }
}
