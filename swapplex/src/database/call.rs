//! One request from its first poll to its answer, over as many connections as that takes.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::Handle;
use super::journey::{Journey, Refused, leave_replica};
use super::local::{self, Submission, Way};
use super::not_now::NotNow;
use super::persist::persist;
use super::request::{Finish, Refusal, Request};
use super::ticket::Ticket;
use crate::command::Class;
use crate::multiplex::{Reply, Undelivered};

/// A request on its way. Sent when first polled.
///
/// While all is well this neither allocates nor arms a timer. What happens once something is not well, [`persist`],
/// is put into a box then.
#[must_use = "a request is sent when its future is polled"]
pub(crate) struct Call<'a, H, R: Request> {
    handle: H,
    /// Until it is handed over to [`persist`]. Stays where it is meanwhile: it is large, and polls are many.
    request: Option<R>,
    state: State<'a, R>,
}

enum State<'a, R: Request> {
    New,
    Sent(Ticket),
    Persisting(BoxFuture<'a, Result<R::Output, R::Error>>),
    Done,
}

const KEPT: &str = "a request is kept until it is handed over";

/// What came of what was sent, other than an answer for the caller.
enum Unsettled {
    /// The command that was shared with others failed.
    Alone(Refusal),
    /// The server does not execute it for now.
    Refused(NotNow, Reply),
    Undelivered(Undelivered),
}

/// What to go on with where a request could not simply be sent and answered.
type Rest = (Journey, Option<Refused>);

impl<'a, H: Handle, R: Request + Send + Sync + 'a> Call<'a, H, R> {
    pub(crate) fn new(handle: H, request: R) -> Self {
        Self {
            handle,
            request: Some(request),
            state: State::New,
        }
    }

    /// Finds out how to go on with what has no answer yet that the caller could have.
    // Out of line: nearly every request is answered at once, and polls are many.
    #[cold]
    fn unsettled(&mut self, ticket: &Ticket, unsettled: Unsettled) -> Result<Rest, R::Error> {
        let shared = self.handle.shared();
        let request = self.request.as_mut().expect(KEPT);
        let journey = |start: Instant| Journey::new(start, shared.settings().command_timeout);
        match unsettled {
            Unsettled::Alone(refusal) => Ok((journey(ticket.opened()).alone(shared, refusal), None)),
            Unsettled::Refused(why, reply) => {
                let refused = Refused::new(why, ticket.epoch(), reply, ticket.opened());
                Ok((journey(ticket.opened()), Some(refused)))
            }
            Unsettled::Undelivered(undelivered) => {
                let journey = journey(undelivered.opened).resume(shared, request, undelivered)?;
                Ok((journey, None))
            }
        }
    }

    fn persist(&mut self, (journey, refused): Rest) -> BoxFuture<'a, Result<R::Output, R::Error>> {
        let request = self.request.take().expect(KEPT);
        let shared = Arc::clone(self.handle.shared());
        Box::pin(persist(shared, request, journey, refused))
    }
}

impl<H, R: Request> Drop for Call<'_, H, R> {
    fn drop(&mut self) {
        if let (State::Sent(ticket), Some(request)) = (&self.state, &self.request)
            && request.class() != Class::Read
        {
            ticket.keep_order();
        }
    }
}

// Nothing in here is pinned but the box.
impl<H, R: Request> Unpin for Call<'_, H, R> {}

impl<'a, H: Handle, R: Request + Send + Sync + 'a> Future for Call<'a, H, R> {
    type Output = Result<R::Output, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let rest = match &mut this.state {
            State::New => {
                let request = this.request.as_ref().expect(KEPT);
                let shared = this.handle.shared();
                if let Some(ticket) = local::join(shared, request, cx.waker()) {
                    this.state = State::Sent(ticket);
                    // Not looked at yet: the waker is in the slot, so an answer that is there already has woken it.
                    return Poll::Pending;
                }
                match local::submit(shared, request, Way::Usual, cx.waker()) {
                    Ok(Submission::Queued(ticket)) => {
                        this.state = State::Sent(ticket);
                        return Poll::Pending;
                    }
                    Ok(Submission::NotLive(_) | Submission::NoRoom(_)) => {
                        let patience = shared.settings().command_timeout;
                        (Journey::new(Instant::now(), patience), None)
                    }
                    Err(error) => {
                        this.state = State::Done;
                        return Poll::Ready(Err(error.into()));
                    }
                }
            }
            State::Sent(ticket) => {
                if R::EXPECTS_VALUE
                    && let Some(value) = ticket.take_value()
                {
                    this.state = State::Done;
                    return this.request.as_mut().expect(KEPT).finish_value(value);
                }
                let result = ready!(ticket.poll(cx));
                let State::Sent(ticket) = mem::replace(&mut this.state, State::Done) else {
                    unreachable!("it was just looked at")
                };
                let request = this.request.as_mut().expect(KEPT);
                let unsettled = match result {
                    Ok(reply) => match request.not_now(&reply) {
                        None => {
                            if NotNow::is_read_only(&reply) {
                                leave_replica(this.handle.shared(), ticket.epoch());
                            }
                            match request.finish(reply) {
                                Finish::Done(result) => return Poll::Ready(result),
                                Finish::Alone(refusal) => Unsettled::Alone(refusal),
                            }
                        }
                        Some(why) => Unsettled::Refused(why, reply),
                    },
                    Err(undelivered) => Unsettled::Undelivered(undelivered),
                };
                match this.unsettled(&ticket, unsettled) {
                    Ok(rest) => rest,
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            State::Persisting(future) => {
                let result = ready!(future.as_mut().poll(cx));
                this.state = State::Done;
                return Poll::Ready(result);
            }
            State::Done => panic!("a request was polled after it was answered"),
        };
        let mut future = this.persist(rest);
        let result = future.as_mut().poll(cx);
        this.state = if result.is_pending() {
            State::Persisting(future)
        } else {
            State::Done
        };
        result
    }
}
