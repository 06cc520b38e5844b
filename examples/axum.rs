//! A small HTTP service: readiness, two databases, no request that fails because a connection was lost, and an end
//! that loses none.
//!
//! ```text
//! STORE_URL=redis://127.0.0.1:6379/0 COUNTS_URL=redis://127.0.0.1:6379/1 \
//!     cargo run -p swapplex-examples --example axum
//! curl -X PUT -d Ada localhost:3000/users/7    # stored
//! curl localhost:3000/users/7                  # name: Ada, views: 1
//! curl -X PUT localhost:3000/orders/abc        # ordered
//! curl localhost:3000/orders                   # 1
//! curl localhost:3000/ready                    # ready
//! ```
//!
//! `LISTEN` is the address, `127.0.0.1:3000` by default; `DRAIN_MS` is how long it still serves after SIGTERM, 5000 by
//! default.
//!
//! # What a lost connection means to a request
//!
//! A Redis connection can be lost when a command was sent and its reply is not there yet. It was executed then or it was
//! not, and no client can tell which. What only reads is sent again by swapplex, and nobody notices. For what writes,
//! it depends, so each write here is one of three kinds, and a service of yours should know for each of its own which
//! it is:
//!
//! - **Twice is the same as once**, such as storing a name. swapplex sends it again by itself, once the server has
//!   closed the old connection. Nothing here repeats a command.
//! - **It has an identity**, such as an order. Give it an id that the *caller* chose, and keep it where adding
//!   again changes nothing, here a set: now it is of the first kind.
//! - **It is an increment**, such as a view. Repeating could count twice, so neither swapplex does that nor should you,
//!   and the page need not fail for it either: say that it isn't known. If an exact number matters, it is not an
//!   increment but a set of identities.
//!
//! What is still open at the deadline is a 503: the caller may try again, since a `PUT` may be repeated.

use std::env;
use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use redis::AsyncCommands;
use swapplex::shape::{Counter, Set, Value};
use swapplex::{ClientBuilder, Database, Error, RedisKeys};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// Names and orders. `STORE_URL`, or `STORE_HOST` and so on.
#[derive(Database)]
#[swapplex(env = "STORE", default = "redis://127.0.0.1:6379/0")]
struct Store;

/// Page views, which the service can do without. `COUNTS_URL`, or `COUNTS_HOST` and so on.
#[derive(Database)]
#[swapplex(env = "COUNTS", default = "redis://127.0.0.1:6379/1", configure = hasty)]
struct Counts;

/// No page waits longer for a number that it can do without.
fn hasty(builder: ClientBuilder) -> ClientBuilder {
    builder.command_timeout(Duration::from_millis(500))
}

#[derive(RedisKeys)]
#[swapplex(prefix = "service", database = Store)]
struct Stored {
    #[key("user:{id}:name")]
    name: fn(id: u64) -> Value<String>,

    #[key("orders")]
    orders: fn() -> Set<String>,
}

#[derive(RedisKeys)]
#[swapplex(prefix = "service", database = Counts)]
struct Counted {
    #[key("user:{id}:views", ttl = "1d")]
    views: fn(id: u64) -> Counter,
}

/// `GET /users/{id}`: the name is needed, the number of views is not.
async fn show_user(Path(id): Path<u64>) -> Result<Response, Failure> {
    // In one `MGET` with the names that other requests ask for at this moment. Sent again if its connection is lost.
    let Some(name) = Stored::name(id).get().await? else {
        return Ok((StatusCode::NOT_FOUND, "nobody\n").into_response());
    };
    let views = match Counted::views(id).incr(1).await {
        Ok(views) => views.to_string(),
        Err(error) if error.is_not_executed() => "not counted".to_owned(),
        Err(_) => "unknown".to_owned(),
    };
    Ok(format!("name: {name}, views: {views}\n").into_response())
}

/// `PUT /users/{id}`: a `SET`, sent again if its connection is lost.
async fn store_user(Path(id): Path<u64>, name: String) -> Result<&'static str, Failure> {
    Stored::name(id).set(&name).await?;
    Ok("stored\n")
}

/// `PUT /orders/{order}`: whoever orders chooses the id, so that ordering again orders nothing more.
async fn order(Path(order): Path<String>) -> Result<&'static str, Failure> {
    // Sent again as well, since `add` does not say whether the order is new. `add_counted` does, and could be wrong the
    // second time: with that, a lost connection would be an `OutcomeUnknown`.
    Stored::orders().add(&order).await?;
    Ok("ordered\n")
}

/// `GET /orders`: how many there are, with redis-rs's own commands.
async fn count_orders() -> Result<String, Failure> {
    let orders: u64 = Store::connection()
        .scard(Stored::orders())
        .await
        .map_err(Error::from)?;
    Ok(format!("{orders}\n"))
}

/// Set from SIGTERM on.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// `GET /ready`: whether to send requests here. Without `Counts` the service still works, so it isn't asked.
async fn ready() -> (StatusCode, String) {
    if IS_ENDING.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "ending\n".to_owned());
    }
    match Store::ready().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

/// Tells clients that keep their connection to look for another one, once the end has begun.
async fn part(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if IS_ENDING.load(Ordering::Relaxed) {
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What a request ends with that has no answer. Its text goes to the log: clients can do nothing with it.
struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        eprintln!("{}", self.0);
        match self.0 {
            Error::NotExecuted(_) | Error::Timeout { .. } | Error::OutcomeUnknown { .. } => {
                let later = [(header::RETRY_AFTER, "1")];
                (StatusCode::SERVICE_UNAVAILABLE, later, "try again\n").into_response()
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "our fault\n").into_response(),
        }
    }
}

/// Returns at SIGTERM, which is how Kubernetes, systemd and Docker end a service, and at Ctrl-C.
async fn asked_to_end() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

/// How long requests that are under way may take to the end: longer than Redis commands do.
const GRACE: Duration = Duration::from_secs(10);

// With Tokio's own attribute, because here the order matters, and is to be seen: first the requests, then what they
// need. `#[swapplex::main]` would settle and close the databases by itself when `main` returns; the lines with `close`
// could go, and with them the word about requests that were not answered in time.
#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let drain = env::var("DRAIN_MS").map_or(Ok(5000), |text| text.parse())?;
    let address = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let app = Router::new()
        .route("/ready", get(ready))
        .route("/users/{id}", get(show_user).put(store_user))
        .route("/orders/{order}", put(order))
        .route("/orders", get(count_orders))
        .layer(middleware::from_fn(part));
    let listener = TcpListener::bind(&address).await?;
    println!("listening on {}", listener.local_addr()?);

    let (end, ended) = oneshot::channel();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        // An error says that the sender is gone, and with it `main`.
        let _ = ended.await;
    });
    let mut server = tokio::spawn(server.into_future());

    asked_to_end().await?;
    // Whoever sends requests here learns of the end with some delay, from `/ready` or from somebody who was told.
    // Who closes the door before that turns requests away.
    IS_ENDING.store(true, Ordering::Relaxed);
    sleep(Duration::from_millis(drain)).await;
    let _ = end.send(());
    if let Ok(served) = timeout(GRACE, &mut server).await {
        served??;
    } else {
        eprintln!("some requests were not answered in {GRACE:?}");
        server.abort();
    }

    let (store, counts) = tokio::join!(Store::close(), Counts::close());
    for (name, outcome) in [("store", store), ("counts", counts)] {
        if let Err(unsettled) = outcome {
            eprintln!("{name}: {unsettled}");
        }
    }
    let stats = Store::stats();
    println!(
        "ended after {} requests to the store, on {} connections; {} were sent again",
        stats.requests, stats.connects, stats.replays
    );
    Ok(())
}
