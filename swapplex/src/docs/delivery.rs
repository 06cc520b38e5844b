//! What happens to a command when its connection is lost.
//!
//! # The question
//!
//! A connection can break at any moment, and what every client wants to do then is obvious: connect again and go on. The
//! difficult part is the commands that were on their way. A command without a reply was executed, or it was not, and no
//! look at the broken connection tells. Sending it again may count an order twice; not sending it may lose one. A client
//! that always tries again and a client that never does are both wrong, about different commands.
//!
//! Two facts tell most cases apart.
//!
//! **Was it sent?** The server executes a command when it has all of it. swapplex counts the bytes that the socket
//! accepts, so it knows for each command whether its last byte left. One whose last byte did not leave cannot have
//! been executed, and is sent again on the next connection, whatever it is. A command that is issued while there is no
//! connection simply waits for one.
//!
//! **Does it change anything?** A command that only reads can be executed twice without anybody noticing. It is sent again.
//!
//! What is left over is a command that may change something and whose last byte has left. There, swapplex doesn't
//! guess. Its caller gets [`OutcomeUnknown`](crate::Error::OutcomeUnknown), and only its caller can know what
//! to do: look, repeat it because twice is harmless, or tell somebody.
//!
//! # The rules
//!
//! | when the connection is lost | what happens |
//! |---|---|
//! | not sent, or not fully | sent again on the next connection |
//! | sent, not answered; it only reads | sent again on the next connection |
//! | sent, not answered; anything else | [`OutcomeUnknown`](crate::Error::OutcomeUnknown), never sent again |
//! | a pipeline | answered commands keep their replies. The rest is sent again if each of those that were sent only reads; else the pipeline is an `OutcomeUnknown` as a whole. So it is where the rest cannot be sent in time, once a command of it that changes something was answered |
//! | an atomic pipeline | the server runs nothing of it before `EXEC` arrives, so it counts as sent once `EXEC` is; then as the row above, all of its commands taken together |
//! | a command without a reply (`no_response`) | forgotten. Its future resolves when it is in an outbox, before it is known whether it leaves |
//!
//! What only reads is a list in the code, made from the flag `readonly` that the server's `COMMAND` gives. A command
//! that is not on it (`SET`, but also a script, a command of a module, or one that is newer than the list) counts as
//! one that changes something. [`get`](crate::get) reads; [`set`](crate::set) does not, so a batched set can have an
//! unknown outcome, and then each of its members is told.
//!
//! An unknown outcome may even be decided after you are told of it: the server executes what it has received, also if the
//! connection that it came on is gone.
//!
//! # Time
//!
//! One deadline, [5 s](crate::ClientBuilder::command_timeout) by default, covers everything: waiting for a connection,
//! waiting for room, sending, sending again. Requests that share an outbox share its deadline too, which counts from when the
//! first of them was made. When it passes:
//!
//! | | |
//! |---|---|
//! | not sent | [`NotExecuted`](crate::Error::NotExecuted). It is withdrawn, and will not be sent |
//! | sent; it only reads | [`Timeout`](crate::Error::Timeout) |
//! | sent; anything else | [`OutcomeUnknown`](crate::Error::OutcomeUnknown) |
//!
//! Commands don't fail sooner because the server is away: they wait, since it may be back. The exception is a failure
//! that waiting does not mend, such as wrong credentials: [`NotExecuted`](crate::Error::NotExecuted) at once, for
//! every command until an attempt to connect succeeds. ([`ConnectError::is_permanent`](crate::ConnectError::is_permanent)
//! says which.)
//!
//! A server that owes replies and sends nothing at all for twice the deadline is given up, and the connection made anew.
//!
//! The first reconnect is immediate. The next one begins no sooner than 1.5 s, and up to 0.5 s more at random,
//! [after the one before](crate::ClientBuilder::reconnect_debounce), so that a server in trouble is not besieged.
//!
//! # Connections of one's own
//!
//! A command that [blocks](crate::ManagedConnection#commands-that-need-a-connection-of-their-own) travels apart from the
//! others, under the same rules: a `BLPOP` whose connection is lost is an
//! [`OutcomeUnknown`](crate::Error::OutcomeUnknown), since the server may have taken an element out, and an `XREAD` is sent
//! again. Its deadline is the time that it asks the server to wait plus the usual one.
//!
//! On a [`Dedicated`](crate::Dedicated) connection nothing is sent twice, not even what only reads, because what was set up
//! on it is lost with it: what was sent and not answered is an `OutcomeUnknown`, and what comes later a
//! [`NotExecuted`](crate::Error::NotExecuted). A [subscription](crate::Client::pubsub) ends with its connection, and what
//! is published until the next one is made is missed.
//!
//! # The end
//!
//! [`close`](crate::close), and the end of a runtime of [`swapplex::main`](macro@crate::main), wait for what is under way
//! as long as a command may take. What is still not answered then ends as if the connection were lost; what was not sent,
//! or comes later, is a `NotExecuted`. A command that blocks is answered as if its time were up.
//!
//! # Errors that are answers
//!
//! An error that the server sends is a reply like any other: the command's caller gets it, and the connection stays.
//! That includes `LOADING`, `READONLY` and `OOM`.
//!
//! # Telling them apart
//!
//! [`get`](crate::get) and [`set`](crate::set) return an [`Error`](crate::Error). Through redis-rs's traits only a
//! [`RedisError`](redis::RedisError) fits, and the same error travels inside it:
//!
//! ```no_run
//! use redis::AsyncCommands;
//! use swapplex::Error;
//!
//! # async fn example() -> redis::RedisResult<()> {
//! let mut connection = swapplex::get_connection();
//! match connection.incr::<_, _, u64>("orders", 1).await {
//!     Ok(orders) => println!("{orders} orders"),
//!     Err(error) => match Error::inside(&error) {
//!         Some(Error::OutcomeUnknown { .. }) => println!("counted once, or not at all"),
//!         Some(Error::NotExecuted(_)) => println!("not counted: it may be tried again"),
//!         _ => return Err(error),
//!     },
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Stats`](crate::Stats) counts what was sent again (`replays`) and what ended unknown (`unknown_outcomes`).
//!
//! # What is not covered
//!
//! - A read whose own reply breaks the connection, for example because it is over the server's
//!   `client-output-buffer-limit`, is sent again until its deadline, and breaks each connection that it travels on. Reads
//!   that share those are sent again with it, and in the worst case time out with it.
//! - A connection that the server has closed, but whose end has not reached us, still accepts bytes. A write into it
//!   counts as sent.
//! - What the server itself loses, in a crash or a failover, nobody can send again: a confirmed write is as durable
//!   as the server's configuration makes it.
