//! A database's connection on one Tokio runtime.
//!
//! A connection's driver lives on a runtime and dies with it, so each runtime has a lane of its own.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::closing::{Closer, close_late};
use super::deadline::within;
use super::dial::ConnectError;
use super::line::Line;
use super::suspect::Suspects;
use crate::multiplex::Connection;

/// One runtime's connection to a database; see the [module](self).
#[derive(Debug)]
pub(crate) struct Lane {
    pub(super) runtime: Handle,
    /// The live connection, if there is one. Read through a cache on the hot path.
    pub(super) live: Arc<ArcSwapOption<Connection>>,
    state: watch::Sender<State>,
    /// Set once, when the runtime ends or the client is closed: nothing will be live here again.
    ended: AtomicBool,
    /// By which the supervisor is asked to settle what is under way, and to end.
    pub(super) line: Arc<Line>,
    pub(super) suspects: Suspects,
}

/// Where a lane is on its way to a live connection.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// Being connected, for the first time or again.
    Connecting,
    Connected,
    /// The last attempt failed, and the next one is not yet due.
    Waiting(Arc<ConnectError>),
    /// For ever.
    Ended(Arc<ConnectError>),
}

impl Lane {
    pub(super) fn new(runtime: Handle, line: Arc<Line>) -> Self {
        Self {
            runtime,
            live: Arc::default(),
            state: watch::Sender::new(State::Connecting),
            ended: AtomicBool::new(false),
            line,
            suspects: Suspects::default(),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn connected(&self, connection: Arc<Connection>) {
        // Whoever reads `Connected` finds the connection.
        self.live.store(Some(connection));
        self.state.send_replace(State::Connected);
    }

    pub(super) fn disconnected(&self) {
        self.live.store(None);
        self.state.send_replace(State::Connecting);
    }

    pub(super) fn failed(&self, cause: Arc<ConnectError>) {
        self.state.send_replace(State::Waiting(cause));
    }

    pub(super) fn ended(&self, cause: ConnectError) {
        // Pairs with the load in `has_ended`: whoever sees a lane ended asks for a new one.
        self.ended.store(true, Ordering::Release);
        self.live.store(None);
        self.state.send_replace(State::Ended(Arc::new(cause)));
    }

    /// Waits until it is known whether there is a connection.
    ///
    /// # Errors
    ///
    /// The last attempt's failure.
    pub(super) async fn known(&self) -> Result<(), Arc<ConnectError>> {
        let mut state = self.state.subscribe();
        loop {
            match &*state.borrow_and_update() {
                State::Connected => return Ok(()),
                State::Waiting(cause) | State::Ended(cause) => return Err(Arc::clone(cause)),
                State::Connecting => {}
            }
            // The sender lives in `self`.
            let _ = state.changed().await;
        }
    }

    /// Waits for a live connection.
    ///
    /// # Errors
    ///
    /// The last attempt's failure, where waiting is unlikely to help.
    pub(super) async fn connection(&self) -> Result<Arc<Connection>, Arc<ConnectError>> {
        let mut state = self.state.subscribe();
        loop {
            let failure = match &*state.borrow_and_update() {
                State::Waiting(cause) if cause.is_permanent() => Some(Arc::clone(cause)),
                State::Ended(cause) => Some(Arc::clone(cause)),
                State::Waiting(_) | State::Connecting | State::Connected => None,
            };
            if let Some(failure) = failure {
                // Whoever asks again and again must not keep everybody else from running, the supervisor among them.
                tokio::task::consume_budget().await;
                return Err(failure);
            }
            // After the state was seen, so that a connection made in between is found here or changes the state.
            if let Some(connection) = self.live.load_full() {
                return Ok(connection);
            }
            // The sender lives in `self`.
            let _ = state.changed().await;
        }
    }

    /// Waits for a connection that is newer than `epoch`, or until there won't be one.
    pub(super) async fn replaced(&self, epoch: u64) {
        let mut state = self.state.subscribe();
        loop {
            let is_over = matches!(*state.borrow_and_update(), State::Ended(_));
            if is_over || self.live.load().as_ref().is_some_and(|live| live.epoch > epoch) {
                return;
            }
            // The sender lives in `self`.
            let _ = state.changed().await;
        }
    }

    /// Waits until nothing will be live here again, and says why.
    pub(super) async fn over(&self) -> Arc<ConnectError> {
        let mut state = self.state.subscribe();
        loop {
            if let State::Ended(cause) = &*state.borrow_and_update() {
                return Arc::clone(cause);
            }
            // The sender lives in `self`.
            let _ = state.changed().await;
        }
    }

    /// Waits until then, but not longer than the runtime lasts.
    pub(super) async fn pause_until(&self, then: Instant) {
        within(then, pin!(self.over())).await;
    }

    /// Why the last attempt to connect failed, if it did and nothing has happened since.
    pub(super) fn last_failure(&self) -> Option<Arc<ConnectError>> {
        match &*self.state.borrow() {
            State::Waiting(cause) | State::Ended(cause) => Some(Arc::clone(cause)),
            State::Connecting | State::Connected => None,
        }
    }

    /// Closes what `closer` was entrusted with when the tasks that are ready to run have had their turn.
    pub(super) fn close_late(&self, closer: Arc<Closer>) {
        self.runtime.spawn(close_late(closer));
    }
}
