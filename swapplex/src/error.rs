//! What can go wrong with a request, and what the caller may do about it.

mod text;

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use redis::{ErrorKind, RedisError};

pub(crate) use self::text::{Quoted, Whole};

use crate::config::ConfigError;
use crate::database::{ConnectError, NotReady};
use crate::multiplex::LostCause;
use crate::resp::ProtocolError;

/// Why a request has no answer.
///
/// Cheap to clone: requests that shared a command share its error. Through redis-rs's traits, where only a
/// [`RedisError`] fits, the same error travels inside one; [`Error::inside`] finds it again.
///
/// The text says all that is known, causes included, so there is no [`source`](StdError::source) beside it: a log that writes
/// errors with their sources says each thing once. To tell causes apart, match on them.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request was not executed, and will not be. Sending it again is safe.
    #[error("not executed: {0}")]
    NotExecuted(NotExecuted),

    /// The request reached the server, or may have, and no reply came: it was executed, or it was not. A pipeline may
    /// also have been executed in part.
    ///
    /// Only the caller knows whether sending it again does harm.
    #[error(
        "{command} was sent{} and not answered, so its outcome is unknown: {cause}",
        .epoch.map_or_else(String::new, |epoch| format!(" on connection {epoch}"))
    )]
    #[non_exhaustive]
    OutcomeUnknown {
        /// The command's name, without its arguments.
        command: Box<str>,
        /// The connection that it was sent on, where it was one.
        epoch: Option<u64>,
        /// Why there is no reply.
        cause: NoReply,
    },

    /// No answer came in time, to a request that changes nothing. Sending it again is safe.
    #[error(
        "{command} was not answered in time{}",
        .unreachable.as_ref().map_or_else(String::new, |cause| format!(
            ": its connection was lost, and the last attempt to connect again failed: {cause}"
        ))
    )]
    #[non_exhaustive]
    Timeout {
        /// The command's name, without its arguments.
        command: Box<str>,
        /// Where it was sent and its connection was lost, and there was no other in time: how the last attempt to connect
        /// had failed.
        unreachable: Option<Arc<ConnectError>>,
    },

    /// The server answered with an error, or with something that the caller cannot use.
    #[error("{0}")]
    Redis(Arc<RedisError>),

    /// What a key holds is not what its type says: another version of the program wrote it, or another program.
    #[error("the value of the key {} is no `{value}`: {}", Quoted(key), Whole(&**cause))]
    #[non_exhaustive]
    Decode {
        /// The key, as far as it is text.
        key: Box<str>,
        /// The type that was expected.
        value: &'static str,
        /// What the codec says.
        cause: Arc<dyn StdError + Send + Sync>,
    },

    /// A value has no encoded form, so nothing was sent.
    #[error("a value for the key {} cannot be encoded: {}", Quoted(key), Whole(&**cause))]
    #[non_exhaustive]
    Encode {
        /// The key, as far as it is text.
        key: Box<str>,
        /// What the codec says.
        cause: Arc<dyn StdError + Send + Sync>,
    },

    /// There is no Tokio runtime here to connect on.
    #[error("swapplex must be called from the context of a Tokio runtime")]
    NoRuntime,
}

/// Why a request was not executed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotExecuted {
    /// There was no connection to send it on, and there is none in sight.
    #[error("{0}")]
    Connect(Arc<ConnectError>),
    /// Its time was up before it could be sent, here while the last attempt to connect had failed like this.
    #[error("no connection in time; the last attempt failed: {0}")]
    Unreachable(Arc<ConnectError>),
    /// Its time was up before it could be sent.
    #[error("its time was up before it could be sent")]
    Timeout,
    /// The [dedicated connection](crate::Dedicated) that it was to be sent on is lost, and needs to be made again.
    #[error("its connection was lost: {0}")]
    Lost(Arc<LostCause>),
    /// The server does not take it: each connection was lost while it was being sent, in the end two that it had alone. An
    /// argument over the server's `proto-max-bulk-len` does that. Sending it again will lead to the same.
    #[error("each connection was lost while it was being sent, even those that it had alone: {0}")]
    Breaks(Arc<LostCause>),
}

/// Why a request that was sent has no reply.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoReply {
    /// The connection was lost.
    #[error("{0}")]
    Lost(Arc<LostCause>),
    /// Each connection that it was sent on was lost, in the end two that it had alone, while the others went on. A reply
    /// over the server's `client-output-buffer-limit` does that. Sending it again will lead to the same, even if it only
    /// reads.
    #[error("it ended each connection that it was sent on, even those that it had alone: {0}")]
    Breaks(Arc<LostCause>),
    /// Its time was up.
    #[error("its time was up")]
    Timeout,
    /// The first commands of a pipeline were executed and answered, and the rest could not be sent.
    #[error("its first commands were executed, and the rest was not: {0}")]
    Partial(Box<Error>),
}

impl Error {
    /// The error that travels inside one of redis-rs's, if it is ours.
    ///
    /// ```
    /// # use redis::AsyncCommands;
    /// # async fn example() -> redis::RedisResult<()> {
    /// let mut connection = swapplex::get_connection();
    /// if let Err(error) = connection.incr::<_, _, i64>("orders", 1).await {
    ///     match swapplex::Error::inside(&error) {
    ///         Some(swapplex::Error::OutcomeUnknown { .. }) => { /* counted once, or not at all */ }
    ///         Some(swapplex::Error::NotExecuted(_)) => { /* not counted */ }
    ///         _ => return Err(error),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn inside(error: &RedisError) -> Option<&Self> {
        // redis-rs keeps a foreign error behind an `Arc`, and that is what its `source` is.
        let io = error
            .source()?
            .downcast_ref::<Arc<dyn StdError + Send + Sync>>()
            .and_then(|source| source.downcast_ref::<io::Error>())?;
        io.get_ref()?.downcast_ref()
    }

    /// Whether the request was certainly not executed.
    pub fn is_not_executed(&self) -> bool {
        match self {
            Self::NotExecuted(_) | Self::NoRuntime | Self::Encode { .. } => true,
            // What is refused on our side, such as `SELECT` on a shared connection, or an empty command.
            Self::Redis(error) => error.kind() == ErrorKind::Client,
            Self::OutcomeUnknown { .. } | Self::Timeout { .. } | Self::Decode { .. } => false,
        }
    }

    /// Whether the client was [closed](crate::close), so that nothing that is asked of it here will be executed any more: for
    /// loops that try again after every other error.
    ///
    /// ```no_run
    /// # async fn handle(_job: String) {}
    /// # async fn example() -> redis::RedisResult<()> {
    /// use redis::AsyncCommands;
    ///
    /// let mut jobs = swapplex::get_connection();
    /// loop {
    ///     match jobs.blpop::<_, Option<(String, String)>>("jobs", 5.0).await {
    ///         Ok(Some((_, job))) => handle(job).await,
    ///         Ok(None) => {}
    ///         Err(error) if swapplex::Error::inside(&error).is_some_and(|error| error.is_closed()) => return Ok(()),
    ///         Err(error) => {
    ///             eprintln!("no job: {error}");
    ///             tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    ///         }
    ///     }
    /// }
    /// # }
    /// ```
    pub fn is_closed(&self) -> bool {
        match self {
            Self::NotExecuted(NotExecuted::Connect(cause)) => matches!(**cause, ConnectError::Closed),
            Self::NotExecuted(NotExecuted::Lost(cause))
            | Self::OutcomeUnknown {
                cause: NoReply::Lost(cause),
                ..
            } => matches!(**cause, LostCause::Closed),
            Self::OutcomeUnknown {
                cause: NoReply::Partial(rest),
                ..
            } => rest.is_closed(),
            _ => false,
        }
    }

    pub(crate) fn encode(key: &[u8], cause: Box<dyn StdError + Send + Sync>) -> Self {
        Self::Encode {
            key: String::from_utf8_lossy(key).into(),
            cause: cause.into(),
        }
    }

    fn io_kind(&self) -> io::ErrorKind {
        match self {
            Self::Timeout { .. }
            | Self::NotExecuted(NotExecuted::Timeout)
            | Self::OutcomeUnknown {
                cause: NoReply::Timeout,
                ..
            } => io::ErrorKind::TimedOut,
            Self::NotExecuted(NotExecuted::Connect(cause) | NotExecuted::Unreachable(cause)) => {
                match &**cause {
                    ConnectError::Io(error) => error.kind(),
                    ConnectError::Timeout { .. } => io::ErrorKind::TimedOut,
                    ConnectError::Config(_) | ConnectError::Tls { .. } => io::ErrorKind::Unsupported,
                    // As redis-rs sees it, trying again does not help: what is said at once must not be taken for a loss.
                    ConnectError::Handshake { .. } if cause.is_permanent() => io::ErrorKind::PermissionDenied,
                    _ => io::ErrorKind::NotConnected,
                }
            }
            Self::OutcomeUnknown {
                cause: NoReply::Partial(error),
                ..
            } => error.io_kind(),
            Self::OutcomeUnknown {
                cause: NoReply::Lost(cause),
                ..
            }
            | Self::NotExecuted(NotExecuted::Lost(cause))
                if matches!(**cause, LostCause::Silent(_)) =>
            {
                io::ErrorKind::TimedOut
            }
            Self::OutcomeUnknown { .. }
            | Self::NotExecuted(NotExecuted::Lost(_) | NotExecuted::Breaks(_)) => {
                io::ErrorKind::ConnectionReset
            }
            Self::Decode { .. } | Self::Encode { .. } => io::ErrorKind::InvalidData,
            Self::NoRuntime | Self::Redis(_) => io::ErrorKind::Unsupported,
        }
    }
}

impl From<Error> for RedisError {
    fn from(error: Error) -> Self {
        match error {
            Error::Redis(error) => Arc::unwrap_or_clone(error),
            error => io::Error::new(error.io_kind(), error).into(),
        }
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        match Self::inside(&error) {
            Some(ours) => ours.clone(),
            None => Self::Redis(Arc::new(error)),
        }
    }
}

impl From<Arc<ConnectError>> for Error {
    fn from(cause: Arc<ConnectError>) -> Self {
        Self::NotExecuted(NotExecuted::Connect(cause))
    }
}

impl From<ConfigError> for Error {
    fn from(cause: ConfigError) -> Self {
        Arc::new(ConnectError::Config(cause)).into()
    }
}

/// For functions that set something up and return a [`RedisResult`](redis::RedisResult).
impl From<ConfigError> for RedisError {
    fn from(cause: ConfigError) -> Self {
        let what = if cause.is_wrong() {
            "the configuration is wrong"
        } else {
            "the configuration cannot be had"
        };
        (ErrorKind::InvalidClientConfig, what, cause.to_string()).into()
    }
}

impl From<NotReady> for Error {
    fn from(reason: NotReady) -> Self {
        match reason {
            NotReady::Connect(cause) => cause.into(),
            NotReady::Timeout { .. } => Self::Timeout {
                command: "PING".into(),
                unreachable: None,
            },
            NotReady::Refused(error) => Self::Redis(error),
            NotReady::NoRuntime => Self::NoRuntime,
        }
    }
}

/// For functions that set something up and return a [`RedisResult`](redis::RedisResult).
impl From<NotReady> for RedisError {
    fn from(reason: NotReady) -> Self {
        Error::from(reason).into()
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        let text = error.to_string();
        Self::Redis(Arc::new(
            (ErrorKind::Parse, "the server broke the protocol", text).into(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::Client;

    fn unknown(epoch: Option<u64>, cause: NoReply) -> Error {
        Error::OutcomeUnknown {
            command: "INCR".into(),
            epoch,
            cause,
        }
    }

    fn timeout(unreachable: Option<Arc<ConnectError>>) -> Error {
        let command = "GET".into();
        Error::Timeout { command, unreachable }
    }

    #[test]
    fn an_error_is_recognised_after_a_trip_through_redis_rs() {
        let error = unknown(Some(7), NoReply::Lost(Arc::new(LostCause::ClosedByServer)));
        let redis: RedisError = error.into();
        assert!(redis.is_connection_dropped());
        assert!(matches!(
            Error::inside(&redis),
            Some(Error::OutcomeUnknown { epoch: Some(7), .. })
        ));
        assert!(matches!(Error::from(redis), Error::OutcomeUnknown { .. }));
    }

    #[test]
    fn what_ends_with_the_client_says_so_whatever_was_sent() {
        let (closed, gone) = (Arc::new(LostCause::Closed), Arc::new(LostCause::ClosedByServer));
        let refused: Error = Arc::new(ConnectError::Closed).into();
        let partial = |rest: Error| unknown(None, NoReply::Partial(rest.into()));
        for error in [
            refused.clone(),
            partial(refused),
            unknown(Some(7), NoReply::Lost(Arc::clone(&closed))),
            Error::NotExecuted(NotExecuted::Lost(closed)),
        ] {
            assert!(error.is_closed(), "{error}");
        }
        for error in [
            unknown(Some(7), NoReply::Lost(Arc::clone(&gone))),
            unknown(Some(7), NoReply::Timeout),
            partial(Error::NoRuntime),
            Error::NotExecuted(NotExecuted::Lost(gone)),
            Arc::new(ConnectError::RuntimeEnded).into(),
        ] {
            assert!(!error.is_closed(), "{error}");
        }
    }

    #[test]
    fn an_unknown_outcome_names_the_connection_where_there_was_one() {
        for (epoch, text) in [
            (
                Some(2),
                "INCR was sent on connection 2 and not answered, so its outcome is unknown: its time was up",
            ),
            (
                None,
                "INCR was sent and not answered, so its outcome is unknown: its time was up",
            ),
        ] {
            assert_eq!(unknown(epoch, NoReply::Timeout).to_string(), text);
        }
    }

    #[test]
    fn a_log_that_writes_an_error_with_its_sources_says_everything_once() {
        fn check(errors: &[&dyn StdError]) {
            for error in errors {
                let text = error.to_string();
                assert_eq!(text.matches("port 7").count(), 1, "{text}");
                assert!(error.source().is_none(), "{text}");
            }
        }
        let io = || Arc::new(io::Error::other("port 7"));
        let lost = || Arc::new(LostCause::Io(io()));
        let connect = || Arc::new(ConnectError::Io(io()));
        check(&[&*lost(), &*connect(), &NotReady::Connect(connect())]);
        check(&[&ConnectError::OnConnect(io())]);
        check(&[
            &Error::from(connect()),
            &Error::NotExecuted(NotExecuted::Unreachable(connect())),
            &timeout(Some(connect())),
            &Error::NotExecuted(NotExecuted::Lost(lost())),
            &Error::NotExecuted(NotExecuted::Breaks(lost())),
            &Error::from(RedisError::from(io::Error::other("port 7"))),
            &Error::encode(b"key", "port 7".into()),
        ]);
        let first = unknown(None, NoReply::Lost(lost()));
        check(&[&first, &unknown(None, NoReply::Breaks(lost()))]);
        check(&[&unknown(None, NoReply::Partial(first.into()))]);
    }

    #[test]
    fn timeouts_are_timeouts_to_redis_rs_too() {
        let redis: RedisError = timeout(None).into();
        assert!(redis.is_timeout());
    }

    #[test]
    fn what_goes_wrong_while_something_is_set_up_is_an_error_like_others() {
        fn open() -> Result<Client, Error> {
            Ok(Client::open("no URL")?)
        }
        fn open_for_redis_rs() -> redis::RedisResult<Client> {
            Ok(Client::open("no URL")?)
        }
        let ours = open().expect_err("it is no URL");
        assert!(ours.is_not_executed());
        assert!(
            matches!(&ours, Error::NotExecuted(NotExecuted::Connect(cause)) if matches!(**cause, ConnectError::Config(_)))
        );
        let theirs = open_for_redis_rs().expect_err("it is no URL");
        assert_eq!(theirs.kind(), ErrorKind::InvalidClientConfig);
        for text in [ours.to_string(), theirs.to_string()] {
            assert!(text.contains("expected a URL"), "{text}");
        }

        let refused = NotReady::Refused(Arc::new((ErrorKind::Client, "no").into()));
        for (reason, text) in [
            (NotReady::NoRuntime, Error::NoRuntime.to_string()),
            (
                NotReady::Timeout {
                    server: "port 7".into(),
                    limit: Duration::from_secs(2),
                },
                "PING was not answered in time".to_owned(),
            ),
            (
                refused.clone(),
                Error::from(RedisError::from((ErrorKind::Client, "no"))).to_string(),
            ),
            (
                NotReady::Connect(Arc::new(ConnectError::Closed)),
                "not executed: the client was closed".to_owned(),
            ),
        ] {
            assert_eq!(Error::from(reason).to_string(), text);
        }
        assert_eq!(RedisError::from(refused).kind(), ErrorKind::Client);
    }

    #[test]
    fn a_foreign_error_is_not_taken_for_ours() {
        let redis: RedisError = io::Error::from(io::ErrorKind::BrokenPipe).into();
        assert!(Error::inside(&redis).is_none());
        let redis = RedisError::from((ErrorKind::Client, "no"));
        assert!(Error::inside(&redis).is_none());
    }
}
