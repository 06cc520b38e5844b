//! One connection through the proxy.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{self, Instant};

use super::flow::{Direction, Flow};
use super::{Fuse, Shared};

const CHUNK: usize = 16 * 1024;
/// Chunks on the way from one side to the other: a mebibyte.
const QUEUE: usize = 64;

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// As if the peer had closed it: end of file for who reads, nothing more is read from who writes.
    Close,
    /// With a reset.
    Reset,
}

/// One of the two sockets of a connection through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one to the client.
    Client,
    /// The one to the server.
    Server,
}

/// Whether a socket still serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Nothing more comes from its peer.
    Ended,
    Cut(Cut),
}

/// One connection through the proxy, to be broken by itself.
#[derive(Clone, Debug)]
pub struct Link(Arc<Controls>);

#[derive(Debug)]
struct Controls {
    /// By [`Direction`].
    flows: [watch::Sender<Flow>; 2],
    client: watch::Sender<State>,
    server: watch::Sender<State>,
    ended: watch::Sender<bool>,
}

impl Link {
    pub(super) fn new(flows: [Flow; 2]) -> Self {
        Self(Arc::new(Controls {
            flows: flows.map(watch::Sender::new),
            client: watch::Sender::new(State::Open),
            server: watch::Sender::new(State::Open),
            ended: watch::Sender::new(false),
        }))
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Sets how bytes of this connection flow in one direction.
    pub fn set(&self, direction: Direction, flow: Flow) {
        self.0.flows[direction.index()].send_replace(flow);
    }

    /// Cuts one side. The other goes on until it has what was still on its way to it, be it held back.
    pub fn cut(&self, side: Side, cut: Cut) {
        self.side(side).send_replace(State::Cut(cut));
    }

    /// Waits until both sides are closed.
    pub async fn closed(&self) {
        // Fails only without a sender, which is in `self`.
        let _ = self.0.ended.subscribe().wait_for(|ended| *ended).await;
    }

    pub(super) fn end(&self) {
        self.0.ended.send_replace(true);
    }

    fn side(&self, side: Side) -> &watch::Sender<State> {
        match side {
            Side::Client => &self.0.client,
            Side::Server => &self.0.server,
        }
    }
}

/// Carries bytes both ways until both sockets are closed.
pub(super) async fn carry(client: TcpStream, server: TcpStream, link: &Link, shared: &Shared) {
    for socket in [&client, &server] {
        // Else small writes would be put together again.
        let _ = socket.set_nodelay(true);
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        one_way(Direction::Requests, from_client, to_server, link, shared),
        one_way(Direction::Replies, from_server, to_client, link, shared),
    );
}

async fn one_way(
    direction: Direction,
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    link: &Link,
    shared: &Shared,
) {
    let (source, target) = match direction {
        Direction::Requests => (Side::Client, Side::Server),
        Direction::Replies => (Side::Server, Side::Client),
    };
    let (queue, queued) = mpsc::channel(QUEUE);
    let reader = Reader {
        direction,
        from,
        side: link.side(source),
        shared,
    };
    let writer = Writer {
        direction,
        to,
        flow: link.0.flows[direction.index()].subscribe(),
        state: link.side(target).subscribe(),
        link,
        shared,
    };
    tokio::join!(reader.run(queue), writer.run(queued));
}

/// Bytes and when they arrived.
type Chunk = (Instant, Bytes);

struct Reader<'a> {
    direction: Direction,
    from: OwnedReadHalf,
    side: &'a watch::Sender<State>,
    shared: &'a Shared,
}

impl Reader<'_> {
    /// Reads until the peer or a cut ends it.
    async fn run(mut self, queue: mpsc::Sender<Chunk>) {
        let mut state = self.side.subscribe();
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(CHUNK);
            let read = tokio::select! {
                biased;
                cut = cut(&mut state) => return self.cut(cut, queue).await,
                read = self.from.read_buf(&mut buffer) => read,
            };
            match read {
                Ok(length) if length > 0 => self.count(length),
                _ => break,
            }
            let chunk = (Instant::now(), buffer.split().freeze());
            tokio::select! {
                biased;
                cut = cut(&mut state) => return self.cut(cut, queue).await,
                sent = queue.send(chunk) => if sent.is_err() {
                    // The other side is gone. Reading on lets this side write into nothing, as a network would.
                    self.discard().await;
                    break;
                },
            }
        }
        self.side.send_if_modified(|state| {
            let open = *state == State::Open;
            if open {
                *state = State::Ended;
            }
            open
        });
    }

    async fn cut(mut self, cut: Cut, queue: mpsc::Sender<Chunk>) {
        drop(queue);
        if cut == Cut::Reset {
            let _ = self.from.as_ref().set_zero_linger();
        } else {
            // Closing with bytes unread would be a reset.
            let _ = time::timeout(Duration::from_secs(5), self.discard()).await;
        }
    }

    async fn discard(&mut self) {
        let mut buffer = BytesMut::with_capacity(CHUNK);
        while let Ok(length @ 1..) = self.from.read_buf(&mut buffer).await {
            self.count(length);
            buffer.clear();
        }
    }

    fn count(&self, length: usize) {
        self.shared.traffic.send_modify(|traffic| match self.direction {
            Direction::Requests => traffic.requests += length as u64,
            Direction::Replies => traffic.replies += length as u64,
        });
    }
}

struct Writer<'a> {
    direction: Direction,
    to: OwnedWriteHalf,
    flow: watch::Receiver<Flow>,
    /// Of the socket that is written to.
    state: watch::Receiver<State>,
    link: &'a Link,
    shared: &'a Shared,
}

impl Writer<'_> {
    /// Writes until the queue ends or a cut does it.
    async fn run(mut self, mut queue: mpsc::Receiver<Chunk>) {
        let mut state = self.state.clone();
        let ended = tokio::select! {
            biased;
            cut = cut(&mut state) => Some(cut),
            () = self.pass(&mut queue) => None,
        };
        // Only now, so that the reader at the other end keeps reading for as long as somebody writes.
        drop(queue);
        if ended == Some(Cut::Reset) {
            let _ = self.to.as_ref().set_zero_linger();
            self.to.forget();
        } else {
            let _ = self.to.shutdown().await;
        }
    }

    async fn pass(&mut self, queue: &mut mpsc::Receiver<Chunk>) {
        while let Some((arrived, mut bytes)) = queue.recv().await {
            while !bytes.is_empty() {
                let flow = *self.flow.borrow_and_update();
                match flow {
                    Flow::Hold => {
                        self.changed().await;
                        continue;
                    }
                    Flow::Swallow => break,
                    Flow::Delay(time) => time::sleep_until(arrived + time).await,
                    Flow::Pass | Flow::Slice(_) | Flow::Throttle { .. } => {}
                }
                let allowed = self.burn(bytes.len().min(flow.slice()));
                let now = bytes.split_to(allowed.bytes);
                if !now.is_empty() && self.to.write_all(&now).await.is_err() {
                    return;
                }
                if let Some(cut) = allowed.cut {
                    return self.cut_both(cut).await;
                }
                match flow {
                    Flow::Slice(_) => tokio::task::yield_now().await,
                    Flow::Throttle { every, .. } => time::sleep(every).await,
                    _ => {}
                }
            }
        }
        self.keep_the_end_secret().await;
    }

    /// The end of the stream is part of what is held back or swallowed.
    async fn keep_the_end_secret(&mut self) {
        while matches!(*self.flow.borrow_and_update(), Flow::Hold | Flow::Swallow) {
            if *self.state.borrow_and_update() != State::Open {
                return;
            }
            tokio::select! {
                () = changed(&mut self.flow) => {}
                () = changed(&mut self.state) => {}
            }
        }
    }

    async fn changed(&mut self) {
        changed(&mut self.flow).await;
    }

    /// How many of the next `bytes` may pass before an armed cut, counting them as passed.
    fn burn(&self, bytes: usize) -> Allowed {
        let fuse = &mut self.shared.faults().fuses[self.direction.index()];
        let Some(Fuse { left, cut }) = *fuse else {
            return Allowed { bytes, cut: None };
        };
        let passing = bytes.min(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - passing as u64;
        if left > 0 {
            *fuse = Some(Fuse { left, cut });
            return Allowed {
                bytes: passing,
                cut: None,
            };
        }
        *fuse = None;
        Allowed {
            bytes: passing,
            cut: Some(cut),
        }
    }

    async fn cut_both(&self, cut: Cut) {
        self.link.cut(Side::Client, cut);
        self.link.cut(Side::Server, cut);
        self.shared.traffic.send_modify(|traffic| traffic.cuts += 1);
        // `run` notices the cut of its own socket.
        std::future::pending::<()>().await;
    }
}

struct Allowed {
    bytes: usize,
    cut: Option<Cut>,
}

/// Waits for the cut of a socket.
async fn cut(state: &mut watch::Receiver<State>) -> Cut {
    loop {
        if let State::Cut(cut) = *state.borrow_and_update() {
            return cut;
        }
        changed(state).await;
    }
}

async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        // The sender lives in the link, which outlives the tasks.
        std::future::pending::<()>().await;
    }
}
