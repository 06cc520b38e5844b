//! The one task per lane that connects, drives the connection, and connects again.
//!
//! That it is one task is what makes it one dial at a time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use tokio::time::Instant;
use tracing::Instrument;

use super::debounce::{Debounce, until};
use super::dial::{ConnectError, Destination, Dialled, dial};
use super::events::{ConnectionEvent, EventLog};
use super::hook;
use super::lane::Lane;
use super::line::Driven;
use super::shared::Lanes;
use super::trace;
use crate::multiplex::{Connection, Driver, Greeting, LostCause};
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
    /// Dropped with the rest, which is what ends the line.
    pub(super) driven: Driven,
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
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = until(next) => {}
                () = self.driven.line().asked() => return,
            }
            let began = Instant::now();
            debounce.dialled(began);
            self.counters.dials.add(1);
            let connected = tokio::select! {
                connected = self.connect(began) => connected,
                () = self.driven.line().asked() => return,
            };
            match connected {
                Ok(fresh) => {
                    if self.serve(fresh).await {
                        return;
                    }
                    next = debounce.next(Instant::now(), fastrand::f64());
                }
                Err(error) => {
                    debounce.failed(began);
                    let cause = Arc::new(error);
                    next = debounce.next(Instant::now(), fastrand::f64());
                    self.tell(ConnectionEvent::Failed {
                        cause: Arc::clone(&cause),
                        next_attempt: next,
                    });
                    self.lane.failed(cause);
                }
            }
        }
    }

    fn tell(&self, event: ConnectionEvent) {
        trace::event(&self.destination, &event);
        self.events.push(event);
    }

    /// Connects, and sets the connection up.
    async fn connect(&self, began: Instant) -> Result<New, ConnectError> {
        let Dialled {
            transport,
            greeting,
            leftover,
        } = dial(&self.destination, &self.settings).await?;
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
        let mut driver = Driver::new(
            Arc::clone(&connection),
            transport,
            leftover,
            command_timeout,
            reply_limits,
        );
        if let Some(hook) = &self.destination.on_connect {
            let db = self.destination.db();
            hook::run(hook, (&connection, &mut driver), db, (began, connect_timeout))
                .instrument(trace::on_connect(connection.epoch))
                .await?;
        }
        Ok(New {
            connection,
            driver,
            greeting,
        })
    }

    /// Drives a connection until it is lost; true where it ended because the client is gone.
    async fn serve(&self, new: New) -> bool {
        let New {
            connection,
            driver,
            greeting,
        } = new;
        let epoch = connection.epoch;
        self.counters.connects.add(1);
        let mut parting = Parting {
            charge: self,
            epoch,
            cause: LostCause::RuntimeEnded,
        };
        // Moved behind it, and so dropped before it: who waits is told before who watches.
        let mut driver = driver;
        self.lane.connected(Arc::clone(&connection));
        // Whoever reads it finds the connection, and no failure from before.
        self.tell(ConnectionEvent::Connected {
            epoch,
            client_id: greeting.client_id,
        });
        let (cause, is_closed) = tokio::select! {
            cause = driver.serve() => (cause, false),
            () = self.driven.line().asked() => (LostCause::Closed, true),
        };
        self.lane.disconnected();
        if is_closed {
            // What was asked is still answered; deadlines and silence end what is not.
            self.driven.line().settle(&connection, &mut driver).await;
        }
        driver.lose(cause.clone()).await;
        self.counters.losses.add(usize::from(!is_closed));
        parting.cause = cause;
        is_closed
    }
}

/// A connection that is set up and that nobody has yet.
struct New {
    connection: Arc<Connection>,
    driver: Driver,
    greeting: Greeting,
}

/// Tells those who watch that a connection has ended, however that comes about.
struct Parting<'a> {
    charge: &'a Charge,
    epoch: u64,
    cause: LostCause,
}

impl Drop for Parting<'_> {
    fn drop(&mut self) {
        self.charge.tell(ConnectionEvent::Disconnected {
            epoch: self.epoch,
            cause: Arc::new(self.cause.clone()),
        });
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
