//! A server that says what the test wants said.

mod answer;
mod request;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, watch};
use tokio::time;

pub use self::answer::Answer;
pub use self::request::Request;

use self::answer::End;
use crate::dials::Dials;
use crate::door::Door;

/// A listener on 127.0.0.1 that answers each request as a script says.
///
/// Dropping it closes its port and resets its connections. It lives on the Tokio runtime that it was started on.
#[derive(Debug)]
pub struct ScriptedServer {
    door: Door,
    shared: Arc<Shared>,
}

type Script = Box<dyn FnMut(&Request) -> Answer + Send>;

struct Shared {
    script: Mutex<Script>,
    greeting: Option<Answer>,
    seen: watch::Sender<Seen>,
    /// Bytes for all connections, out of turn; its end closes them.
    pushes: broadcast::Sender<Bytes>,
}

/// What a [`ScriptedServer`] has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// When each connection was accepted.
    pub dials: Dials,
    /// Every request that was complete, in the order of arrival.
    pub requests: Vec<Request>,
    /// How many connections are open.
    pub open: usize,
}

impl ScriptedServer {
    /// Answers every request with what `script` returns for it.
    ///
    /// [`Request::handshake`] answers what a client says first, so that a script can begin after it:
    ///
    /// ```no_run
    /// # use swapplex_tests::{Answer, ScriptedServer};
    /// # async fn example() {
    /// let server = ScriptedServer::start(|request| {
    ///     request.handshake().unwrap_or_else(|| match request.name().as_str() {
    ///         "MGET" => Answer::raw("*1\r\n$-1\r\n").then_close(),
    ///         _ => Answer::nothing(),
    ///     })
    /// });
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If there is no port to listen on.
    #[track_caller]
    pub fn start(script: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        Self::open(None, Box::new(script))
    }

    /// Closes every connection as soon as it is accepted.
    ///
    /// # Panics
    ///
    /// If there is no port to listen on.
    #[track_caller]
    pub fn accept_then_close() -> Self {
        Self::greeting(Answer::nothing().then_close())
    }

    /// Accepts, reads, and never says a word.
    ///
    /// # Panics
    ///
    /// If there is no port to listen on.
    #[track_caller]
    pub fn silent() -> Self {
        Self::start(|_| Answer::nothing())
    }

    /// Gives `answer` to every connection as soon as it is accepted, whatever it asks, and then is silent.
    ///
    /// # Panics
    ///
    /// If there is no port to listen on.
    #[track_caller]
    pub fn greeting(answer: Answer) -> Self {
        Self::open(Some(answer), Box::new(|_| Answer::nothing()))
    }

    #[track_caller]
    fn open(greeting: Option<Answer>, script: Script) -> Self {
        let server = Self {
            door: Door::new(),
            shared: Arc::new(Shared {
                script: Mutex::new(script),
                greeting,
                seen: watch::Sender::new(Seen::default()),
                pushes: broadcast::Sender::new(64),
            }),
        };
        server.accept();
        server
    }

    /// The port of 127.0.0.1 that it listens on.
    pub fn port(&self) -> u16 {
        self.door.port()
    }

    /// The URL, without credentials.
    pub fn url(&self) -> String {
        self.door.url()
    }

    /// Listens again after [`refuse`](Self::refuse); without effect while it listens.
    ///
    /// # Panics
    ///
    /// If somebody else has taken the port.
    #[track_caller]
    pub fn accept(&self) {
        self.door
            .open(|listener| accept(listener, Arc::clone(&self.shared)));
    }

    /// Stops listening, and closes what is open.
    pub async fn refuse(&self) {
        // The connections live in the task that accepts them.
        self.door.close().await;
    }

    /// Sends bytes to every connection that is open, out of turn.
    pub fn push(&self, bytes: impl Into<Vec<u8>>) {
        // Fails only if nobody is connected.
        let _ = self.shared.pushes.send(Bytes::from(bytes.into()));
    }

    /// What it has seen so far.
    pub fn seen(&self) -> Seen {
        self.shared.seen.borrow().clone()
    }

    /// Waits until what it has seen satisfies `condition`.
    pub async fn until(&self, condition: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.shared.seen.subscribe();
        match seen.wait_for(condition).await {
            Ok(seen) => seen.clone(),
            Err(_) => unreachable!("the sender is in `self`"),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let mut number = 0;
        shared.seen.send_modify(|seen| {
            number = seen.dials.count();
            seen.dials.note();
            seen.open += 1;
        });
        while connections.try_join_next().is_some() {}
        connections.spawn(serve(stream, number, Arc::clone(&shared)));
    }
}

/// Counts a connection out, however it ends.
struct Open<'a>(&'a Shared);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.seen.send_modify(|seen| seen.open -= 1);
    }
}

async fn serve(mut stream: TcpStream, connection: usize, shared: Arc<Shared>) {
    let _open = Open(&shared);
    let _ = stream.set_nodelay(true);
    let mut pushes = shared.pushes.subscribe();
    if let Some(greeting) = &shared.greeting
        && !give(&mut stream, greeting).await
    {
        return;
    }
    let mut input = BytesMut::new();
    let mut number = 0;
    loop {
        match request::parse(&mut input) {
            Ok(Some(arguments)) => {
                let request = Request {
                    connection,
                    number,
                    arguments,
                };
                number += 1;
                shared
                    .seen
                    .send_modify(|seen| seen.requests.push(request.clone()));
                let answer = (shared.script.lock().unwrap_or_else(PoisonError::into_inner))(&request);
                if !give(&mut stream, &answer).await {
                    return;
                }
                continue;
            }
            Ok(None) => {}
            // Not RESP: as a real server would.
            Err(request::NotResp) => return,
        }
        tokio::select! {
            read = stream.read_buf(&mut input) => if !matches!(read, Ok(1..)) {
                return;
            },
            Ok(bytes) = pushes.recv() => if stream.write_all(&bytes).await.is_err() {
                return;
            },
        }
    }
}

/// Gives an answer; false if that was the end of the connection.
async fn give(stream: &mut TcpStream, answer: &Answer) -> bool {
    if !answer.delay.is_zero() {
        time::sleep(answer.delay).await;
    }
    if stream.write_all(&answer.bytes).await.is_err() {
        return false;
    }
    match answer.end {
        End::Open => true,
        End::Close => {
            let _ = stream.shutdown().await;
            // Closing with bytes unread would be a reset.
            let mut rest = BytesMut::new();
            let discard = async {
                while let Ok(1..) = stream.read_buf(&mut rest).await {
                    rest.clear();
                }
            };
            let _ = time::timeout(std::time::Duration::from_secs(5), discard).await;
            false
        }
        End::Reset => {
            let _ = stream.set_zero_linger();
            false
        }
    }
}

#[cfg(test)]
mod tests;
