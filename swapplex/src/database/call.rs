//! One request from its first poll to its answer, over as many connections as that takes.

use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::Handle;
use super::local::{self, Submission, Way};
use super::persist::{Journey, Refused, persist};
use super::request::{Finish, Request};
use super::ticket::Ticket;

/// A request on its way. Sent when first polled.
///
/// While all is well this neither allocates nor arms a timer. What happens once something is not well, [`persist`],
/// is put into a box then.
#[must_use = "a request is sent when its future is polled"]
pub(crate) struct Call<'a, H, R: Request> {
    handle: H,
    state: State<'a, R>,
}

enum State<'a, R: Request> {
    New(R),
    Sent(R, Ticket),
    Persisting(BoxFuture<'a, Result<R::Output, R::Error>>),
    Done,
}

impl<'a, H: Handle, R: Request + Send + Sync + 'a> Call<'a, H, R> {
    pub(crate) fn new(handle: H, request: R) -> Self {
        Self {
            handle,
            state: State::New(request),
        }
    }

    /// Where it stands that was first sent, or tried to be, at `start`.
    fn journey(&self, start: Instant) -> Journey {
        Journey::until(start + self.handle.shared().settings().command_timeout)
    }

    fn persist(&mut self, request: R, journey: Journey, refused: Option<Refused>) {
        let shared = Arc::clone(self.handle.shared());
        self.state = State::Persisting(Box::pin(persist(shared, request, journey, refused)));
    }
}

// Nothing in here is pinned but the box.
impl<H, R: Request> Unpin for Call<'_, H, R> {}

impl<'a, H: Handle, R: Request + Send + Sync + 'a> Future for Call<'a, H, R> {
    type Output = Result<R::Output, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            match mem::replace(&mut this.state, State::Done) {
                State::New(request) => {
                    let shared = this.handle.shared();
                    match local::submit(shared, &request, Way::Usual, cx.waker()) {
                        Ok(Submission::Queued(ticket)) => {
                            // The waker is in the slot, but the answer may be there already.
                            this.state = State::Sent(request, ticket);
                        }
                        Ok(Submission::NotLive(_) | Submission::NoRoom(_)) => {
                            this.persist(request, this.journey(Instant::now()), None);
                        }
                        Err(error) => return Poll::Ready(Err(error.into())),
                    }
                }
                State::Sent(mut request, mut ticket) => {
                    let Poll::Ready(result) = ticket.poll(cx) else {
                        this.state = State::Sent(request, ticket);
                        return Poll::Pending;
                    };
                    let shared = this.handle.shared();
                    let mut refused = None;
                    let journey = match result {
                        Ok(reply) => match request.not_now(&reply) {
                            None => match request.finish(reply) {
                                Finish::Done(result) => return Poll::Ready(result),
                                Finish::Alone(refusal) => {
                                    this.journey(ticket.opened()).alone(shared, refusal)
                                }
                            },
                            Some(why) => {
                                let epoch = ticket.epoch();
                                refused = Some(Refused { why, epoch, reply });
                                this.journey(ticket.opened())
                            }
                        },
                        Err(undelivered) => {
                            let journey = this.journey(undelivered.opened);
                            match journey.resume(shared, &mut request, undelivered) {
                                Ok(journey) => journey,
                                Err(error) => return Poll::Ready(Err(error.into())),
                            }
                        }
                    };
                    this.persist(request, journey, refused);
                }
                State::Persisting(mut future) => {
                    let result = future.as_mut().poll(cx);
                    if result.is_pending() {
                        this.state = State::Persisting(future);
                    }
                    return result;
                }
                State::Done => panic!("a request was polled after it was answered"),
            }
        }
    }
}
