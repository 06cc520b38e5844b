//! What is told to [`tracing`], and what it costs: nothing that can be measured while nobody listens.
//!
//! | target | level | message or span | fields | when |
//! |---|---|---|---|---|
//! | `swapplex::connection` | `INFO` | `connected` | `database`, `server`, `epoch`, `client_id` | a connection is live |
//! | | `WARN` | `disconnected` | `database`, `server`, `epoch`, `cause` | it was lost |
//! | | `DEBUG` | `disconnected` | the same | it was closed, or its runtime has ended |
//! | | `WARN` | `connecting failed` | `database`, `cause`, `next_attempt_in` | once per attempt, so every 1.5 to 2 s |
//! | | `WARN` | `TLS without verification: the server may be anybody` | | at each connect to a URL with `#insecure` |
//! | | `WARN` | `the server is part of a Redis Cluster, …` | `database`, `server`, `epoch` | at each connect to one that says so, as servers do with RESP3: of its keys, only those of its own slots can be reached, and commands for others fail with `MOVED` |
//! | | `DEBUG` | span `connect` | `database`, `server` | from the socket to the end of the handshake; dedicated connections too |
//! | | `DEBUG` | span `on_connect` | `epoch` | around the [hook](crate::ClientBuilder::on_connect) |
//! | `swapplex::replay` | `DEBUG` | `sent again` | `command`, `epoch` | for each request that is, with the connection that it was lost on |
//! | | `WARN` | | `database` | once per database, when a connection was lost with writes under way: sent writes are not sent again, because the server does not let us [fence](crate::docs::delivery) them off |
//! | `swapplex::outbox` | `TRACE` | `answered` | `epoch`, `requests`, `batches`, `batched_keys` | for each write that got all its replies: how many requests it carried, how many `MGET`s and `MSET`s of several callers' keys were among them, and how many keys in those |
//! | `swapplex::config` | `WARN` | `variables are set that have no effect` | `variables` | once per database, by name: of those [without effect](crate::config#other-names), values are not told |
//! | | `WARN` | `the query has parameters that have no effect` | `database`, `parameters` | once per database: how many, since their names may be pieces of a password |
//! | `swapplex::runtime` and below | `WARN` | | `unsettled`, `unfinished` | a runtime ended with requests unanswered, or endings not run |
//!
//! `database` is the prefix of the database's variables, such as `SESSIONS_*`, or else says that the address was given in
//! code; `server` is the address that was connected to last. `epoch` numbers the connections of one
//! database, as in [`ConnectionEvent`](crate::ConnectionEvent). Nothing here holds an argument, a value or a password; a
//! `cause` holds the server's own words.
//!
//! Requests that wait for their answers are no spans: a request costs some hundred nanoseconds, and a span as much
//! again. Nothing on a request's way looks at `tracing` while all is well; an outbox, of up to 512 requests, looks once.
//!
//! The same without `tracing`: [`connection_stream`](crate::connection_stream) for connections, and
//! [`Client::stats`](crate::Client::stats) for the sums of the rest.
