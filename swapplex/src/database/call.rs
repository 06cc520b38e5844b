//! One request from its first poll to its answer, over as many connections as that takes.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::Handle;
use super::local::{self, Submission, Way};
use super::persist::{Journey, Refused, persist};
use super::request::{Finish, Request};
use super::ticket::Ticket;
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

    /// Makes out what came of what was sent: what the caller gets, or what to go on with.
    fn settle(
        &mut self,
        ticket: &Ticket,
        result: Result<Reply, Undelivered>,
    ) -> Result<Result<R::Output, R::Error>, Rest> {
        let shared = self.handle.shared();
        let request = self.request.as_mut().expect(KEPT);
        let journey = |start: Instant| Journey::until(start + shared.settings().command_timeout);
        match result {
            Ok(reply) => match request.not_now(&reply) {
                None => match request.finish(reply) {
                    Finish::Done(result) => Ok(result),
                    Finish::Alone(refusal) => Err((journey(ticket.opened()).alone(shared, refusal), None)),
                },
                Some(why) => {
                    let epoch = ticket.epoch();
                    Err((journey(ticket.opened()), Some(Refused { why, epoch, reply })))
                }
            },
            Err(undelivered) => match journey(undelivered.opened).resume(shared, request, undelivered) {
                Ok(journey) => Err((journey, None)),
                Err(error) => Ok(Err(error.into())),
            },
        }
    }

    fn persist(&mut self, (journey, refused): Rest) -> BoxFuture<'a, Result<R::Output, R::Error>> {
        let request = self.request.take().expect(KEPT);
        let shared = Arc::clone(self.handle.shared());
        Box::pin(persist(shared, request, journey, refused))
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
                match local::submit(shared, request, Way::Usual, cx.waker()) {
                    Ok(Submission::Queued(ticket)) => {
                        this.state = State::Sent(ticket);
                        // Not looked at yet: the waker is in the slot, so an answer that is there already has woken it.
                        return Poll::Pending;
                    }
                    Ok(Submission::NotLive(_) | Submission::NoRoom(_)) => {
                        let limit = Instant::now() + shared.settings().command_timeout;
                        (Journey::until(limit), None)
                    }
                    Err(error) => {
                        this.state = State::Done;
                        return Poll::Ready(Err(error.into()));
                    }
                }
            }
            State::Sent(ticket) => {
                let result = ready!(ticket.poll(cx));
                let State::Sent(ticket) = mem::replace(&mut this.state, State::Done) else {
                    unreachable!("it was just looked at")
                };
                match this.settle(&ticket, result) {
                    Ok(result) => return Poll::Ready(result),
                    Err(rest) => rest,
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
