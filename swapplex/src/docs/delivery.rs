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
//! **What would a second time do?** A command that only reads can be executed twice without anybody noticing. So can a
//! write that leaves the same value and gives the same answer: a `SET`. Those are sent again.
//!
//! What is left over is a command for which a second time makes a difference, such as an `INCR`, and whose last byte has
//! left. There, swapplex doesn't guess. Its caller gets [`OutcomeUnknown`](crate::Error::OutcomeUnknown), and only its
//! caller can know what to do: look, repeat it because twice is harmless, or tell somebody.
//!
//! # The rules
//!
//! | when the connection is lost | what happens |
//! |---|---|
//! | not sent, or not fully | sent again on the next connection |
//! | sent, not answered; its [level](#levels) allows it | sent again on the next connection |
//! | sent, not answered; anything else | [`OutcomeUnknown`](crate::Error::OutcomeUnknown), never sent again |
//! | a pipeline | answered commands keep their replies. The rest is sent again, in order, if those that were sent may be, [together](#pipelines); else the pipeline is an `OutcomeUnknown` as a whole. So it is where the rest cannot be sent in time, once a command of it that changes something was answered |
//! | an atomic pipeline | the server runs nothing of it before `EXEC` arrives, so it counts as sent once `EXEC` is; then it is sent again if all of its commands may be, [together](#pipelines) |
//! | a command without a reply (`no_response`) | forgotten. Its future resolves when it is in an outbox, before it is known whether it leaves |
//!
//! No order is promised between commands that were under way together when a connection was lost.
//!
//! # Levels
//!
//! How much is sent again is yours to say: [for a client](crate::ClientBuilder::replay), for a database with a type of its
//! own (`#[swapplex(replay = "reads")]` beside [`#[derive(Database)]`](macro@crate::Database)), or
//! [for a handle](crate::ManagedConnection::replay). Each [`Replay`](crate::Replay) level includes those above it:
//!
//! | level | also sends again | what you get | what you give up |
//! |---|---|---|---|
//! | `Never` | nothing that was sent | each command runs once at most | each lost connection shows as errors, of reads too |
//! | `Reads` | `GET`, `HGETALL`, `ZRANGE`, … | reads without errors; no write runs twice | a `SET` under way when a connection is lost is an error |
//! | `Idempotent`, the default | `SET` without conditions, `MSET`, `SETEX`, batched [`set`](crate::set)s, methods of typed keys that return nothing | caches, sessions and profiles without errors | such a write may run a second time up to the command timeout later, and overwrite what another client wrote in between: its `DEL`, say, after our first `SET` |
//! | `Effects` | `DEL`, `HSET`, `SADD`, `EXPIRE`, `ZADD`, … | the same for writes whose answer you don't look at | the answer may be that of the second time ("0 deleted"), and others' writes may be overwritten as above |
//! | `Always` | `INCR`, `LPUSH`, scripts, commands of modules, … | no unknown outcomes but at the deadline, or where a connection cannot be [closed at the server](#the-old-connection), such as [the one that a blocking command has](#connections-of-ones-own) | each may run more than once |
//!
//! If one key has one writer, `Idempotent` costs you nothing. If many write the same key and the latest must win, use
//! `Reads`, and look at the errors.
//!
//! Which command is in which row is a table in the code. What only reads is made from the flag `readonly` that the
//! server's `COMMAND` gives; the writes are chosen by hand. A command that is not in it (a script, a command of a module,
//! or one that is newer than the table) counts as one that must not run twice.
//!
//! # Pipelines
//!
//! That each command of a pipeline may run twice is not enough. A `GET` in front of a `SET` of the same key takes a value and
//! puts another one in its place, as `GETSET` does: the second time, the `GET` would find what the `SET` has left. So where a
//! command stands in front of a write that touches the same, the pipeline is of the level `Effects` at least, unless that
//! command answers the same whatever it finds (`SET`, `SETEX`, `MSET`); and of the level `Always` if it even does something else
//! depending on what it finds (`EXPIRE`, `ZADD … XX`). Two commands are taken to touch the same if they have an argument in
//! common, or the first looks at the whole database (`SCAN`, `DBSIZE`). `GET a`, `SET b …` is sent again at the default level, and so is `SET a …`, `GET a`.
//!
//! # The old connection
//!
//! The server executes what it has received, also if the connection that it came on is gone. So a write that is sent again
//! could overtake its own first copy, which then runs late. Therefore a new connection, within its handshake, first has
//! the server close the one before (`CLIENT KILL`, by number and address, so that it is never somebody else's): then
//! nothing more of that one will run, and only then writes are sent again.
//!
//! That takes Redis 6.2, for `CLIENT INFO`, and a user who may use that and `CLIENT KILL` (`+client|info +client|kill`).
//! Without them, or over a Unix socket, whose clients the server cannot tell apart, writes are not sent again: they end as
//! `OutcomeUnknown`, and a warning says so once, through `tracing`. Reads are not concerned.
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
//! others. If its connection is lost when it was sent, only what reads is sent again, since nothing closes that connection
//! at the server: an `XREAD` is (with `$`, it then waits for what comes after that), while a `BLPOP` is an
//! [`OutcomeUnknown`](crate::Error::OutcomeUnknown) at every level, as the server may have taken an element out. Its deadline is the time that it asks the server to wait plus the usual one;
//! what is sent again waits anew, but no longer than twice that in all. With `no_response` it still waits until it is
//! answered.
//!
//! On a [`Dedicated`](crate::Dedicated) connection nothing is sent twice, not even what only reads, because what was set up
//! on it is lost with it: what was sent and not answered is an `OutcomeUnknown`, and what comes later a
//! [`NotExecuted`](crate::Error::NotExecuted). A [subscription](crate::Client::pubsub) ends with its connection, and what
//! is published until the next one is made is missed.
//!
//! # The end
//!
//! [`close`](crate::close) waits for what is under way as long as a command may take, and the end of a runtime of
//! [`swapplex::main`](macro@crate::main) within [its own deadline](crate::runtime::Builder::end_deadline), 5 s by default.
//! What is still not answered then ends as if the connection were lost; what was not sent, or comes later, is a
//! `NotExecuted`. A command that blocks is answered as if its time were up.
//!
//! # Errors that are answers
//!
//! An error that the server sends is a reply like any other: the command's caller gets it, and the connection stays. That
//! includes `OOM`, `MISCONF` and `NOREPLICAS`. Two errors say that the command was not executed and may soon be, so it is
//! sent again, at every level, and its caller gets the error only where the deadline is near: no attempt begins unless
//! there is as much time left as the last one took, and a tenth of the command timeout, since one that is under way at the
//! deadline has an unknown outcome. The two are:
//!
//! - `LOADING`: the server is reading its data. It is asked again after a pause.
//! - `READONLY`: the server has become a replica, as after a failover, and the address may lead to the new primary by now.
//!   A new connection is made, no more often than the debounce allows, and takes the old one's place; until then, the old
//!   one serves reads. What is under way on it is still answered.
//!
//! A pipeline goes on from the first command that was refused so, unless something behind it was executed that must not
//! be twice: then its replies are as they came. A transaction that was discarded (`EXECABORT`) for no other reason than
//! these was not executed, and is sent again. A script that answers so, or meets such a refusal on its way, is not: what
//! stands in front of that was executed. But a new connection is made for the next ones all the same. The scripts that
//! set the `ttl` of a collection are ours, and begin with what may be refused so: these are asked again.
//!
//! A server that refuses `MULTI` itself (a user without `+multi`, a proxy) has no transaction to discard: the commands
//! of an atomic pipeline are right behind it, and run one by one where it allows them. Their caller gets the error for
//! `MULTI`. Should the connection be lost while the pipeline is being sent, and before that error has come, those in
//! front of the cut may run twice.
//!
//! # Requests that break connections
//!
//! Some requests make the server close the connection: a reply over its `client-output-buffer-limit`, an argument over
//! its `proto-max-bulk-len`. Sent again and again, such a request would take every connection down with all that others
//! have under way. So whatever was under way, at least in part, at two losses in a row goes on apart from the others,
//! batched keys one by one: what only reads, on a connection that only such requests share. If that is lost while the
//! shared one goes on, each of them goes on where it can only harm itself, and what changes something does so from the
//! first: on a connection of its own, one such request at a time as a rule. If it loses two of those likewise, the request is to
//! blame. (One may be chance: something on the way may cut connections at random.) Its caller gets
//! [`NoReply::Breaks`](crate::NoReply::Breaks), or [`NotExecuted::Breaks`](crate::NotExecuted::Breaks) if it was never
//! fully sent; the others are answered. What was sent in full and may not be sent again ends as an `OutcomeUnknown` at
//! the first loss, here as anywhere; so does a write that was sent on such a connection, since nothing closes that at
//! the server.
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
//! - A connection that the server has closed, but whose end has not reached us, still accepts bytes. A write into it
//!   counts as sent. (One whose end has reached us does not: a connection that was idle is looked at before anything is
//!   written to it.)
//! - The old connection is closed at [the server](#the-old-connection) that the new one leads to. After a failover, or
//!   behind an address that leads to several servers, that may be another one than before. Nothing is closed at the one
//!   before, which may still execute what it had received, and the write is sent again all the same. That does no harm if
//!   the server before becomes a replica of the new one, and so gives its own data up; if both go on to take writes, each
//!   may have executed it.
//! - What the server itself loses, in a crash or a failover, nobody can send again: a confirmed write is as durable
//!   as the server's configuration makes it.
