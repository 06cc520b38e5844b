//! What a user has done on each new connection before anybody else gets it.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_util::future::BoxFuture;
use redis::{ErrorKind, RedisError};
use tokio::time::{Instant, timeout_at};

use super::apart::try_submit;
use super::deadline::within;
use super::dial::{ConnectError, Loaded};
use super::request::{Finish, Request};
use super::ticket::Ticket;
use crate::config::BoxError;
use crate::connection::NewConnection;
use crate::error::{Error, NoReply, NotExecuted};
use crate::multiplex::{Connection, Driver, Reason};
use crate::runtime::caught;
use crate::sync::lock;

/// What is run on each new connection.
pub(crate) type Hook = Arc<dyn Fn(NewConnection) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;

/// A connection that nobody has yet but the hook.
#[derive(Debug)]
pub(crate) struct Fresh {
    connection: Arc<Connection>,
    pub(crate) db: i64,
    limit: Instant,
    /// Everybody has it now, and so the hook no longer. Locked while something is sent, so that nothing is after that.
    is_over: Mutex<bool>,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it panicked")]
    Panicked,
    #[error("it was not done when connecting had taken {0:?}")]
    Late(Duration),
}

/// Runs the hook on a connection whose handshake is done.
///
/// # Errors
///
/// Where the hook fails, panics or is not done within `patience` of `began`, or the connection is lost meanwhile.
pub(super) async fn run(
    hook: &Hook,
    (connection, driver): (&Arc<Connection>, &mut Driver),
    Loaded { server, db }: Loaded,
    (began, patience): (Instant, Duration),
) -> Result<(), ConnectError> {
    let limit = began + patience;
    let fresh = Arc::new(Fresh {
        connection: Arc::clone(connection),
        db,
        limit,
        is_over: Mutex::new(false),
    });
    // Whatever becomes of it, also when it is dropped.
    let _over = Over(Arc::clone(&fresh));
    let hook = caught(async { hook(NewConnection::new(fresh)).await });
    let result = tokio::select! {
        result = timeout_at(limit, hook) => result,
        cause = driver.serve() => {
            let text = format!("lost {server} during on_connect: {cause}");
            let lost = io::Error::new(io::ErrorKind::ConnectionReset, text);
            return Err(ConnectError::Io(lost.into()));
        }
    };
    let failure = match result {
        Ok(Ok(Ok(()))) => return Ok(()),
        Ok(Ok(Err(error))) => error,
        Ok(Err(_panic)) => Failure::Panicked.into(),
        Err(_) => Failure::Late(patience).into(),
    };
    Err(ConnectError::OnConnect(failure.into()))
}

struct Over(Arc<Fresh>);

impl Drop for Over {
    fn drop(&mut self) {
        *lock(&self.0.is_over) = true;
    }
}

impl Fresh {
    /// Sends a request once, and waits for its answer.
    ///
    /// # Errors
    ///
    /// Also once the hook is over.
    pub(crate) async fn call<R: Request<Error = RedisError>>(
        &self,
        mut request: R,
    ) -> Result<R::Output, RedisError> {
        let mut ticket = loop {
            match poll_fn(|cx| Poll::Ready(self.submit(&request, cx.waker()))).await? {
                Some(ticket) => break ticket,
                None => within(self.limit, pin!(self.connection.room(request.length())))
                    .await
                    .ok_or(Error::NotExecuted(NotExecuted::Timeout))?,
            }
        };
        let answer = within(self.limit, poll_fn(|cx| ticket.poll(cx))).await;
        let cause = match answer {
            Some(Ok(reply)) => match request.finish(reply) {
                Finish::Done(result) => return result,
                Finish::Alone(_) => unreachable!("it shared its command with nobody"),
            },
            Some(Err(undelivered)) => {
                let reason = undelivered.reason.clone();
                let is_unsent = request.resume(undelivered).is_none() && !request.has_begun();
                match reason {
                    Reason::Lost(cause) if is_unsent => {
                        return Err(Error::NotExecuted(NotExecuted::Lost(cause)).into());
                    }
                    Reason::Lost(cause) => NoReply::Lost(cause),
                    Reason::Deadline => NoReply::Timeout,
                }
            }
            None => NoReply::Timeout,
        };
        Err(Error::OutcomeUnknown {
            command: request.name().into(),
            epoch: Some(self.connection.epoch),
            cause,
        }
        .into())
    }

    /// Sends a request, if there is room for it.
    ///
    /// # Errors
    ///
    /// Once the hook is over.
    fn submit(&self, request: &impl Request, waker: &Waker) -> Result<Option<Ticket>, RedisError> {
        let is_over = lock(&self.is_over);
        if *is_over {
            return Err((
                ErrorKind::Client,
                "the connection belongs to everybody now",
                "what on_connect gets is for use until it returns".to_owned(),
            )
                .into());
        }
        Ok(try_submit(&self.connection, request, waker))
    }
}
