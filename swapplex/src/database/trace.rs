//! What is told to `tracing`, which costs a look at a static where nobody listens; `docs::tracing` lists it.

use std::time::Duration;

use tokio::time::Instant;

use super::dial::Destination;
use super::events::ConnectionEvent;
use crate::multiplex::LostCause;

/// The target of everything about connections.
macro_rules! connection {
    ($level:ident, $($rest:tt)*) => {
        tracing::$level!(target: "swapplex::connection", $($rest)*)
    };
}

/// Tells what happened to a database's connection.
pub(super) fn event(destination: &Destination, event: &ConnectionEvent) {
    let database = || destination.source.title();
    // That was loaded for this connection, or for one after it.
    let server = || {
        destination
            .last()
            .map(|loaded| tracing::field::display(loaded.server))
    };
    match event {
        ConnectionEvent::Connected { epoch, client_id } => {
            connection!(info, database = %database(), server = server(), epoch, client_id, "connected");
        }
        ConnectionEvent::Disconnected { epoch, cause } => match &**cause {
            LostCause::Closed | LostCause::RuntimeEnded => {
                connection!(debug, database = %database(), server = server(), epoch, cause = %cause, "disconnected");
            }
            _ => {
                connection!(warn, database = %database(), server = server(), epoch, cause = %cause, "disconnected");
            }
        },
        ConnectionEvent::Failed { cause, next_attempt } => {
            connection!(
                warn,
                database = %database(),
                cause = %cause,
                next_attempt_in = ?left(*next_attempt),
                "connecting failed"
            );
        }
    }
}

fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// One attempt to connect, without the server's address, which is not known yet.
pub(super) fn connect(destination: &Destination) -> tracing::Span {
    let database = || destination.source.title();
    tracing::debug_span!(
        target: "swapplex::connection",
        "connect",
        database = %database(),
        server = tracing::field::Empty,
    )
}

/// The run of a hook on a new connection.
pub(super) fn on_connect(epoch: u64) -> tracing::Span {
    tracing::debug_span!(target: "swapplex::connection", "on_connect", epoch)
}

/// Tells of a connection that leads to a part of the keys alone.
pub(super) fn cluster(destination: &Destination, server: &str, epoch: u64) {
    connection!(
        warn,
        database = %destination.source.title(),
        server = %server,
        epoch,
        "the server is part of a Redis Cluster, which is not supported: only keys of its own slots can be reached, since \
         redirections are not followed"
    );
}

/// Tells once what of the configuration is without effect, as soon as somebody listens.
pub(super) fn without_effect(destination: &Destination) {
    if tracing::enabled!(target: "swapplex::config", tracing::Level::WARN) {
        destination.warned.call_once(|| {
            let explanation = destination.source.explain();
            let (unused, ignored) = (explanation.unused(), explanation.ignored_parameters());
            if !unused.is_empty() {
                tracing::warn!(
                    target: "swapplex::config",
                    variables = %unused.join(", "),
                    "variables are set that have no effect"
                );
            }
            if ignored > 0 {
                tracing::warn!(
                    target: "swapplex::config",
                    database = %destination.source.title(),
                    parameters = ignored,
                    "the query has parameters that have no effect"
                );
            }
        });
    }
}
