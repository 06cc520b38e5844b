//! The one task per lane that connects, drives the connection, and connects again.
//!
//! That it is one task is what makes it one dial at a time.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::{future, mem};

use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tracing::Instrument;

use super::debounce::{Attempt, Debounce, until};
use super::dial::{ConnectError, Destination, Dialled, dial};
use super::events::{ConnectionEvent, EventLog};
use super::fence::Fences;
use super::hook;
use super::lane::Lane;
use super::line::Driven;
use super::shared::Lanes;
use super::trace;
use crate::multiplex::{Connection, Driver, Greeting, Identity, LostCause};
use crate::settings::Settings;
use crate::stats::Counters;
use crate::sync::lock;

/// What a supervisor looks after. It does not keep the client alive.
pub(super) struct Charge {
    pub(super) lane: Arc<Lane>,
    pub(super) lanes: Weak<Lanes>,
    pub(super) destination: Destination,
    pub(super) settings: Settings,
    pub(super) counters: Arc<Counters>,
    pub(super) events: Arc<EventLog>,
    pub(super) epochs: Arc<AtomicU64>,
    pub(super) fences: Arc<Fences>,
    /// Dropped with the rest, which is what ends the line.
    pub(super) driven: Driven,
}

/// A connection that is set up and that nobody has yet.
struct New {
    connection: Arc<Connection>,
    driver: Driver,
    greeting: Greeting,
}

/// How a connection ended.
enum End {
    /// The client is gone.
    Closed,
    Lost(Option<Loss>),
    /// Another one takes its place, while what is under way on it is answered.
    Replaced(Box<New>),
}

/// A lost connection of which the server may still have something to execute, unless it is fenced off.
struct Loss {
    epoch: u64,
    left: Option<Identity>,
}

/// What is left to do for a connection that another one has replaced.
#[derive(Default)]
struct Draining(Option<BoxFuture<'static, ()>>);

impl Draining {
    /// Sees to it that it gets on; never resolves.
    async fn go_on(&mut self) -> Infallible {
        self.finish().await;
        future::pending().await
    }

    /// Resolves when there is nothing left to do.
    async fn finish(&mut self) {
        if let Some(rest) = &mut self.0 {
            rest.await;
            self.0 = None;
        }
    }
}

/// Keeps a lane connected until its client is gone or its runtime ends.
pub(super) fn supervise(charge: Charge) -> impl Future<Output = ()> {
    // Made here and not in the future's body, which never runs if the runtime ends before it is first polled.
    let mut ending = Ending {
        charge,
        cause: ConnectError::RuntimeEnded,
    };
    async move {
        ending.charge.keep_connected().await;
        ending.cause = ConnectError::Closed;
        drop(ending);
    }
}

impl Charge {
    async fn keep_connected(&self) {
        let mut debounce = Debounce::new(self.settings.reconnect_debounce, self.settings.reconnect_jitter);
        let mut loss: Option<Loss> = None;
        let mut old = Draining::default();
        loop {
            let before = loss.as_ref().and_then(|loss| loss.left.as_ref());
            let new = tokio::select! {
                new = self.dial(&mut debounce, before, |cause| self.lane.failed(cause)) => new,
                () = self.driven.line().asked() => break,
                never = old.go_on() => match never {},
            };
            if let Some(loss) = loss.take() {
                self.fences.record(loss.epoch, new.greeting.has_fenced);
            }
            let mut end = self.serve(new, &mut old, &mut debounce).await;
            while let End::Replaced(new) = end {
                end = self.serve(*new, &mut old, &mut debounce).await;
            }
            match end {
                End::Closed | End::Replaced(_) => break,
                End::Lost(left) => loss = left,
            }
        }
        old.finish().await;
    }

    /// Dials until a connection is made, no more often than the debounce allows.
    async fn dial(
        &self,
        debounce: &mut Debounce,
        before: Option<&Identity>,
        failed: impl Fn(Arc<ConnectError>),
    ) -> New {
        let mut next = debounce.next(Instant::now(), fastrand::f64());
        loop {
            until(next).await;
            let began = Instant::now();
            let attempt = Attempt::begin(debounce, began);
            self.counters.dials.add(1);
            let outcome = self.connect(before, began).await;
            attempt.end();
            match outcome {
                Ok(new) => return new,
                Err(error) => {
                    debounce.failed(began);
                    let cause = Arc::new(error);
                    next = debounce.next(Instant::now(), fastrand::f64());
                    self.tell(ConnectionEvent::Failed {
                        cause: Arc::clone(&cause),
                        next_attempt: next,
                    });
                    failed(cause);
                }
            }
        }
    }

    /// Connects, fences off the connection `before`, and sets the new one up.
    async fn connect(&self, before: Option<&Identity>, began: Instant) -> Result<New, ConnectError> {
        let Dialled {
            transport,
            greeting,
            leftover,
            loaded,
        } = dial(&self.destination, before, &self.settings).await?;
        let Settings {
            connect_timeout,
            command_timeout,
            in_flight_budget,
            reply_limits,
            ..
        } = self.settings;
        let connection = Arc::new(Connection::new(
            self.epochs.fetch_add(1, Ordering::Relaxed) + 1,
            transport.direct_writer(),
            in_flight_budget,
            Arc::clone(&self.counters),
        ));
        if greeting.is_cluster {
            // Before the first shared command is refused, and what it held is sent again behind what came later.
            connection.stop_grouping();
            trace::cluster(&self.destination, &loaded.server, connection.epoch);
        }
        let mut driver = Driver::new(
            Arc::clone(&connection),
            transport,
            leftover,
            command_timeout,
            reply_limits,
        );
        if let Some(hook) = &self.destination.on_connect {
            hook::run(hook, (&connection, &mut driver), loaded, (began, connect_timeout))
                .instrument(trace::on_connect(connection.epoch))
                .await?;
        }
        Ok(New {
            connection,
            driver,
            greeting,
        })
    }

    /// Drives a connection until it ends or another one takes its place; and the `old` one, if it has taken one's place.
    async fn serve(&self, new: New, old: &mut Draining, debounce: &mut Debounce) -> End {
        let New {
            connection,
            driver,
            greeting,
        } = new;
        let epoch = connection.epoch;
        self.counters.connects.add(1);
        let mut parting = Parting {
            destination: self.destination.clone(),
            events: Arc::clone(&self.events),
            epoch,
            cause: LostCause::RuntimeEnded,
        };
        // Moved behind it, and so dropped before it: who waits is told before who watches.
        let mut driver = driver;
        self.driven.line().serves(&connection);
        self.lane.connected(Arc::clone(&connection));
        // Whoever reads it finds the connection, and no failure from before.
        self.tell(ConnectionEvent::Connected {
            epoch,
            client_id: greeting.client_id,
        });
        let successor = async {
            connection.renewal_asked().await;
            // This one goes on meanwhile: it still serves reads.
            self.dial(debounce, None, |_| {}).await
        };
        let (cause, is_closed) = tokio::select! {
            cause = driver.serve() => (cause, false),
            () = self.driven.line().asked() => (LostCause::Closed, true),
            new = successor => {
                let mut before = mem::take(old);
                let line = Arc::clone(self.driven.line());
                parting.cause = LostCause::Replaced;
                old.0 = Some(Box::pin(async move {
                    tokio::join!(before.finish(), line.settle(&connection, &mut driver));
                    let is_cut_off = line.is_asked() && connection.waiting() > 0;
                    let cause = if is_cut_off { LostCause::Closed } else { LostCause::Replaced };
                    driver.lose(cause).await;
                    drop(parting);
                }));
                return End::Replaced(Box::new(new));
            }
            never = old.go_on() => match never {},
        };
        self.lane.disconnected();
        if is_closed {
            // What was asked is still answered; deadlines and silence end what is not.
            tokio::join!(self.driven.line().settle(&connection, &mut driver), old.finish());
        }
        driver.lose(cause.clone()).await;
        self.counters.losses.add(usize::from(!is_closed));
        parting.cause = cause;
        if is_closed {
            return End::Closed;
        }
        End::Lost(connection.left_sent().then_some(Loss {
            epoch,
            left: greeting.identity,
        }))
    }

    fn tell(&self, event: ConnectionEvent) {
        tell(&self.destination, &self.events, event);
    }
}

fn tell(destination: &Destination, events: &EventLog, event: ConnectionEvent) {
    trace::event(destination, &event);
    events.push(event);
}

/// Tells those who watch that a connection has ended, however that comes about.
struct Parting {
    destination: Destination,
    events: Arc<EventLog>,
    epoch: u64,
    cause: LostCause,
}

impl Drop for Parting {
    fn drop(&mut self) {
        let event = ConnectionEvent::Disconnected {
            epoch: self.epoch,
            cause: Arc::new(self.cause.clone()),
        };
        tell(&self.destination, &self.events, event);
    }
}

/// Ends the lane when the supervisor does, however that comes about.
struct Ending {
    charge: Charge,
    cause: ConnectError,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let lane = &self.charge.lane;
        lane.ended(self.cause.clone());
        if let Some(lanes) = self.charge.lanes.upgrade() {
            lock(&lanes).retain(|_, other| !Arc::ptr_eq(other, lane));
        }
    }
}
