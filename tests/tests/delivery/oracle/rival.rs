//! A second client that writes some of the load's keys.

use std::collections::HashMap;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use redis::{Client, Connection, RedisResult, Value};

/// What the rival writes, over whatever is there.
pub(super) const MARK: &str = "rival";

const PATIENCE: Duration = Duration::from_secs(10);

/// What the rival found where it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// Nothing yet.
    First,
    /// The load's value.
    Second,
    /// It was not answered: it may have written, or not.
    Unknown,
}

/// Writes keys that it is told of, each once, on a connection of its own.
pub(super) struct Rival {
    invitation: Invitation,
    thread: JoinHandle<HashMap<u64, Visit>>,
}

/// Tells the rival of keys.
#[derive(Clone)]
pub(super) struct Invitation(mpsc::Sender<u64>);

impl Invitation {
    pub(super) fn invite(&self, id: u64) {
        self.0.send(id).expect("the rival is there");
    }
}

impl Rival {
    pub(super) fn start(url: &str, prefix: &str) -> Self {
        let (sender, ids) = mpsc::channel();
        let client = Client::open(url).expect("a valid URL");
        let prefix = prefix.to_owned();
        let thread = thread::spawn(move || {
            let mut connection = None;
            ids.into_iter()
                .map(|id| {
                    let visit = visit(&client, &mut connection, &format!("{prefix}:set:{id}"));
                    if visit.is_err() {
                        connection = None;
                    }
                    (id, visit.unwrap_or(Visit::Unknown))
                })
                .collect()
        });
        Self {
            invitation: Invitation(sender),
            thread,
        }
    }

    pub(super) fn invitation(&self) -> Invitation {
        self.invitation.clone()
    }

    /// Waits until the last key is written. Blocks.
    pub(super) fn end(self) -> HashMap<u64, Visit> {
        drop(self.invitation);
        self.thread.join().expect("the rival does not panic")
    }
}

fn visit(client: &Client, connection: &mut Option<Connection>, key: &str) -> RedisResult<Visit> {
    if connection.is_none() {
        let new = client.get_connection_with_timeout(PATIENCE)?;
        new.set_read_timeout(Some(PATIENCE))?;
        *connection = Some(new);
    }
    let connection = connection.as_mut().expect("it was just made");
    let before = redis::cmd("SET")
        .arg(key)
        .arg(MARK)
        .arg("GET")
        .query(connection)?;
    Ok(match before {
        Value::Nil => Visit::First,
        _ => Visit::Second,
    })
}
