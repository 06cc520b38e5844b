/// A server's bytes were not the Redis protocol, or went past a limit.
///
/// No retry on the same connection can help. None of the messages repeats what the server sent, beyond one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// A reply begins with a byte that names no RESP type: most often the port belongs to something else than Redis,
    /// or speaks TLS.
    #[error("a reply begins with {:?}, which is no RESP type", char::from(*.0))]
    UnknownType(u8),
    /// An integer has other characters than digits, or does not fit in 64 bits.
    #[error("malformed integer in a reply")]
    BadInteger,
    /// A length has other characters than digits, or is negative where no nil is possible.
    #[error("malformed length in a reply")]
    BadLength,
    /// A value is not what its type (the byte given here) promises, such as a boolean that is neither `t` nor `f`.
    #[error("malformed value of type {:?} in a reply", char::from(*.0))]
    BadValue(u8),
    /// A reply is larger than [`reply_limit`](crate::ClientBuilder::reply_limit) allows, or announces that it will be.
    #[error("a reply is larger than `reply_limit` allows")]
    TooLarge,
    /// A reply is nested deeper than [`reply_depth_limit`](crate::ClientBuilder::reply_depth_limit) allows.
    #[error("a reply is nested deeper than `reply_depth_limit` allows")]
    TooDeep,
    /// A value does not end in CR LF where its length says it does.
    #[error("a reply has no line end where one is due")]
    MissingCrlf,
    /// A reply uses RESP3's streamed types, which no version of Redis or Valkey sends.
    #[error("a reply uses a streamed type")]
    Streamed,
    /// A reply ends before everything that it announced.
    #[error("a reply is shorter than it announces")]
    Truncated,
    /// A reply goes on after everything that it announced.
    #[error("a reply is longer than it announces")]
    Surplus,
    /// An array was due, and the reply is something else: an error or a nil, for example.
    #[error("a reply is not an array")]
    NotAnArray,
}
