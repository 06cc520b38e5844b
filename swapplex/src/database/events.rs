//! What happens to a database's connections, for those who want to follow it.

use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use tokio::time::Instant;

use super::dial::ConnectError;
use super::origin::Database;
use super::shared::Shared;
use crate::multiplex::LostCause;
use crate::sync::{lock, wake};

/// Events kept for subscribers that are slow to look. At the usual reconnect rate, that is minutes.
const KEPT: usize = 256;

/// Something happened to a database's connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectionEvent {
    /// A connection is live.
    #[non_exhaustive]
    Connected {
        /// Numbers the connections of this database, from 1.
        epoch: u64,
        /// The server's own number for it (`CLIENT ID`), where the server tells.
        client_id: Option<i64>,
    },
    /// A live connection has ended. If it was lost, the next one is being made; one that was
    /// [replaced](LostCause::Replaced) ends when there is the next; behind one that was [closed](LostCause::Closed), or
    /// whose [runtime has ended](LostCause::RuntimeEnded), comes none there.
    #[non_exhaustive]
    Disconnected {
        /// The connection that has ended.
        epoch: u64,
        /// Why.
        cause: Arc<LostCause>,
    },
    /// An attempt to connect failed.
    #[non_exhaustive]
    Failed {
        /// Why.
        cause: Arc<ConnectError>,
        /// When the next attempt begins.
        next_attempt: Instant,
    },
}

/// Where events are told. When the last who could tell one has dropped it, the streams end.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    log: Arc<Log>,
}

/// All that a stream holds of its database, so that who follows a client does not keep it connected.
#[derive(Debug, Default)]
struct Log {
    inner: Mutex<Inner>,
}

/// The last events, numbered, and who waits for more.
#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<ConnectionEvent>,
    /// The number of the first event in `events`.
    first: u64,
    /// `Connected` events whose connection is live, one per runtime.
    live: Vec<ConnectionEvent>,
    /// Wakers by the number of the stream that waits.
    waiting: HashMap<u64, Waker>,
    /// How many streams there were.
    streams: u64,
    /// No event will come any more.
    has_ended: bool,
}

impl EventLog {
    pub(super) fn push(&self, event: ConnectionEvent) {
        // What is given up may hold other people's errors, whose drop may look in here.
        let (waiting, _given_up) = {
            let mut inner = lock(&self.log.inner);
            match &event {
                ConnectionEvent::Connected { .. } => inner.live.push(event.clone()),
                ConnectionEvent::Disconnected { epoch: lost, .. } => inner.live.retain(
                    |live| !matches!(live, ConnectionEvent::Connected { epoch, .. } if epoch == lost),
                ),
                ConnectionEvent::Failed { .. } => {}
            }
            let mut given_up = None;
            if inner.events.len() == KEPT {
                given_up = inner.events.pop_front();
                inner.first += 1;
            }
            inner.events.push_back(event);
            (std::mem::take(&mut inner.waiting), given_up)
        };
        wake(waiting.into_values());
    }
}

impl Drop for EventLog {
    fn drop(&mut self) {
        let waiting = {
            let mut inner = lock(&self.log.inner);
            inner.has_ended = true;
            std::mem::take(&mut inner.waiting)
        };
        wake(waiting.into_values());
    }
}

impl Log {
    fn poll_next(&self, stream: u64, next: &mut u64, cx: &mut Context<'_>) -> Poll<Option<ConnectionEvent>> {
        let mut inner = lock(&self.inner);
        *next = (*next).max(inner.first);
        let at = usize::try_from(*next - inner.first).unwrap_or(usize::MAX);
        if let Some(event) = inner.events.get(at) {
            *next += 1;
            return Poll::Ready(Some(event.clone()));
        }
        if inner.has_ended {
            return Poll::Ready(None);
        }
        let replaced = inner.waiting.insert(stream, cx.waker().clone());
        drop(inner);
        // Only now, since dropping a waker may run other people's code.
        drop(replaced);
        Poll::Pending
    }

    /// The number of a new stream, what is live now, and the number of the next event.
    fn subscribe(&self) -> (u64, VecDeque<ConnectionEvent>, u64) {
        let mut inner = lock(&self.inner);
        inner.streams += 1;
        (
            inner.streams,
            inner.live.iter().cloned().collect(),
            inner.first + inner.events.len() as u64,
        )
    }

    /// Forgets a stream that is gone.
    fn unsubscribe(&self, stream: u64) {
        let waker = lock(&self.inner).waiting.remove(&stream);
        drop(waker);
    }
}

/// The events of one database's connections, beginning with what is live.
///
/// A subscriber that looks rarely finds every event since it last looked, up to 256; of more than that, the newest.
///
/// Following a database does not connect it, nor does it keep a [`Client`](crate::Client) connected that is dropped: the
/// stream ends after the last event of the client's connections. That of a [`Database`], whose client lives as long as
/// the program, never ends.
#[derive(Debug)]
#[must_use = "a stream does nothing unless it is polled"]
pub struct ConnectionStream {
    log: Arc<Log>,
    /// Tells the streams of a database apart.
    id: u64,
    live: VecDeque<ConnectionEvent>,
    next: u64,
}

impl ConnectionStream {
    pub(crate) fn new(shared: &Shared) -> Self {
        let log = Arc::clone(&shared.events().log);
        let (id, live, next) = log.subscribe();
        Self { log, id, live, next }
    }

    /// The next event, or `None` where the client is gone and no more will come.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<ConnectionEvent> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<ConnectionEvent>> {
        match self.live.pop_front() {
            Some(event) => Poll::Ready(Some(event)),
            None => self.log.poll_next(self.id, &mut self.next, cx),
        }
    }
}

impl Drop for ConnectionStream {
    fn drop(&mut self) {
        self.log.unsubscribe(self.id);
    }
}

impl Stream for ConnectionStream {
    type Item = ConnectionEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<ConnectionEvent>> {
        self.poll(cx)
    }
}

/// Follows the connections of a database, beginning with what is live.
///
/// # Examples
///
/// ```no_run
/// use swapplex::{ConnectionEvent, EnvConnection, connection_stream};
///
/// # async fn example() {
/// let mut events = connection_stream::<EnvConnection>();
/// while let Some(event) = events.next().await {
///     if let ConnectionEvent::Disconnected { cause, .. } = event {
///         eprintln!("lost Redis: {cause}");
///     }
/// }
/// # }
/// ```
pub fn connection_stream<D: Database>() -> ConnectionStream {
    D::connection_stream()
}

/// Waits for the next time that a database is connected; one that is live already does not count.
///
/// Does not connect by itself: a request does.
///
/// # Cancel safety
///
/// Dropping the future loses nothing but the wait. Between two calls an event may be missed: to see every one, follow
/// a [`connection_stream`].
///
/// # Examples
///
/// ```no_run
/// # async fn example() {
/// swapplex::on_connected::<swapplex::EnvConnection>().await;
/// # }
/// ```
pub async fn on_connected<D: Database>() -> ConnectionEvent {
    let mut stream = D::connection_stream();
    stream.live.clear();
    while let Some(event) = stream.next().await {
        if matches!(event, ConnectionEvent::Connected { .. }) {
            return event;
        }
    }
    // The client of a type lives as long as the program, and so does its stream.
    std::future::pending().await
}
