//! How requests travel together, and why nobody waits for that.
//!
//! # The problem
//!
//! A service that asks Redis for one key at a time spends nearly all of its time on everything but Redis: a system
//! call to write thirty bytes, a trip through the network stack, a wake-up of the server, the same way back, a wake-up
//! of the task. The lookup itself takes the server a fraction of a microsecond. Whatever makes a client fast therefore
//! comes down to one thing, which is to pay for the way once for many requests.
//!
//! There are two well-known ways to have many requests at hand. One is to let the program collect them, which moves the
//! work to where it is least convenient: the two tasks that want a key at the same time don't know of each other.
//! The other is to wait: the first request starts a timer, and whatever comes within a millisecond goes along. That puts
//! a millisecond onto every request of a quiet service in order to help a busy one, and timers are no good at short
//! times either.
//!
//! swapplex doesn't wait, because it needn't. In an asynchronous program, requests that are made at the same time are
//! made by tasks that are ready at the same time, and the scheduler runs those one after the other before it looks
//! at the network again. It is enough to write *after* them.
//!
//! # The outbox
//!
//! Each thread has an open **outbox** per database: a buffer of encoded requests, and a row of slots for the replies.
//! When a request is first polled it is encoded into that buffer, on the thread that polls it, and gets a slot. There
//! is no channel to cross, and no one-shot to allocate. The request that opens an outbox also spawns a small task that
//! yields once and then closes the outbox: it comes back when the worker has run the other tasks that were ready, or,
//! on Tokio's multi-thread runtime, after 61 of them. If 32 callers or more joined in that time, it lets the outbox
//! grow for another such turn, and, if keys share a command in it, for a third one. Where a caller fills one outbox and
//! opens the next before the task's turn comes, the task closes the last one, and no other is spawned. Closing hands
//! the whole buffer to the socket in one write, from whatever thread that happens on, and the row of slots to the one
//! task that reads. Replies come back in the order of requests; the reader walks down the row, puts each answer where
//! it belongs, and wakes each caller once.
//!
//! Callers are woken when the reader has read what there is. On a multi-thread runtime, sixteen tasks or more whose
//! answers came together are woken in one go, when the reader's worker has run the tasks that were ready. Woken one
//! after the other, each two of them would have Tokio wake another worker, which on a busy machine runs these two and
//! falls asleep again. 512 tasks with one command after another take 0.76 to 0.90 of the time that way (loopback, two
//! processors, two workers, 50 to 100 paired turns). Where keys share commands it gains nothing, and is not done.
//!
//! So a request waits for tasks that were about to run anyway, and for nothing else. Should one of these block the
//! thread, its open outbox is closed by the task that reads, after 10 to 20 ms, and answers that are there are told of
//! after 2 ms, given that Tokio has another worker to run that task. Of 512 tasks that are spawned at once on two
//! workers, each with one request, a handful of writes comes.
//!
//! Three more rules make the edges come out right:
//!
//! - **A full outbox closes at once**: at 512 callers, or at 64 KiB of requests. More would save nothing worth having.
//!   Where nothing is under way yet, 192 callers are enough: the server can start on these.
//! - **Six outboxes are under way at most**, those of a single request with more time aside. The next one is due, but
//!   stays open until a reply makes room, and gathers what comes meanwhile. The busier the server, the larger the groups,
//!   which is what it needs then. One that has been open for 50 ms takes no more, since the deadlines of all in it count
//!   from when it was opened.
//! - **A lone caller goes out at once.** If nothing is under way, and the last outbox had one
//!   caller only, a new request is written where it stands, without the detour through a task. A program that asks
//!   for one thing after another has the latency of a plain client; once requests begin to overlap, they gather again.
//!
//! What is under way is bounded too. Requests and callers (64 bytes each) may weigh
//! [16 MiB](crate::ClientBuilder::in_flight_budget) per connection; beyond that, new requests wait inside their
//! deadline. A single request larger than the whole budget is let in when nothing else is there.
//!
//! All of this holds for every command. `AsyncCommands`, scripts and pipelines travel in the same outboxes. Only what would
//! keep others waiting does not: commands that block, and whatever is done on a [`Dedicated`](crate::Dedicated) or
//! publish-and-subscribe connection, have a connection of their own; and a command that
//! [may take longer](crate::ManagedConnection::command_timeout) than the others has an outbox of its own.
//!
//! # Keys that share a command
//!
//! With [`get`](crate::get) and [`set`](crate::set), swapplex knows what is asked and not only its bytes. So the keys
//! of an outbox can share one `MGET`, and those to be set one `MSET`, and the server too pays once for many: for
//! the dispatch of the command, its statistics, the header of its reply.
//!
//! - **256 keys** share a command at most; the next key starts another one in the same write. Redis runs one command to its
//!   end before it looks at anybody else's, so a longer one would save us little and cost other clients their latency.
//! - **One key alone** is a plain `GET` or `SET`.
//! - **The same key twice** is asked for once, and both callers get the value.
//! - **Fields of one hash** ([`Hash`](struct@crate::shape::Hash)`::get` of typed keys) share an `HMGET` in the same way,
//!   for a few hashes at a time.
//! - **Two values for one key**: the one that was asked for later is written, and both callers share the outcome. The
//!   earlier value would have been visible for no time at all, as if both had been written one after the other with
//!   nobody looking in between.
//!
//! # What a batched get means
//!
//! Whether a get travels alone or with others depends on the load, so what it *means* must not. `MGET` answers nil
//! for a key that holds a list, where `GET` answers `WRONGTYPE`. So a get is `None` for a key that does not exist **or
//! holds no string**, always. Where that matters, ask with `get` of [`AsyncCommands`](redis::AsyncCommands) on
//! a [connection](crate::get_connection): that is a `GET`, and tells.
//!
//! In the same way a batched set is a plain `SET` or a part of an `MSET`: it takes no options, discards a time to live
//! that the key had, and resolves when the server has confirmed it.
//!
//! # When a shared command fails
//!
//! A shared command can fail for a reason that is only one member's, and the others must not see that.
//!
//! - **A denied key** (`NOPERM`, from the rules of an ACL user): every member asks again alone, so that only the owner of
//!   that key gets the error. The key is remembered for as long as the connection lives, up to 1,024 of them, and travels
//!   in a command of its own.
//! - **A denied command** (the user may `GET` but not `MGET`), an unknown one (renamed, or not there in a proxy), or
//!   **`CROSSSLOT`** (the server is part of a cluster, where keys of one command must live together): sharing is
//!   switched off for the connection, and gets and sets are plain commands from then on. They still travel in outboxes,
//!   which is most of the gain. Where the server says at once that it is part of a cluster, as it does with RESP3, it
//!   is off from the start.
//! - **A joint reply over [`reply_limit`](crate::ClientBuilder::reply_limit)** breaks the connection. Each of its keys
//!   is asked for alone then, and travels so for as long as the next connection lives.
//! - **Anything else**, such as `OOM`, is every member's error. They share it.
//!
//! Nothing was written when an `MSET` failed in one of the first two ways, so setting again is safe.
//!
//! # Order
//!
//! Requests that one task first polls one after the other without being suspended in between go out in that order, given
//! a live connection with room in its budget. `join!(set(k, v), get(k))` reads what it wrote: a get that would overtake a
//! set of its own task has the `MSET` written first. Only a value and the field of a hash, or fields of two hashes, may
//! pass each other: both are read, and to keep them in order would break up the groups of all who ask for both.
//!
//! Nothing more is promised. Requests of two tasks go out in any order, even if one was made first; so do requests that
//! have to wait, for a connection or for room, those that were in flight together when a connection was lost, and those
//! that ask again because [a shared command failed](#when-a-shared-command-fails). A
//! task that needs one thing to happen before another awaits the first, or puts both into a
//! [pipeline](redis::Pipeline).
//!
//! # Giving up
//!
//! A request's future may be dropped, or polled without need, at any time. Its slot stays behind, and its answer is
//! thrown away when it comes; the other members of the outbox notice nothing. What was dropped may still be
//! executed, unless it was never polled. But what changes something is not executed behind anything that is asked for
//! once it was dropped, as long as the connection lives: its outbox is sent at once.
