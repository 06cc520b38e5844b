//! What the server's answers to shared commands mean.

use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

use crate::database::Refusal;
use crate::error::Error;
use crate::resp;

/// The error in a frame that holds one.
pub(crate) fn server_error(frame: &[u8]) -> Error {
    match resp::decode(frame) {
        Ok(Value::ServerError(error)) => Error::Redis(Arc::new(error.into())),
        Ok(_) => Error::Redis(Arc::new(RedisError::from((
            ErrorKind::UnexpectedReturnType,
            "the server answered with a type that does not fit the command",
        )))),
        Err(error) => error.into(),
    }
}

pub(crate) fn mismatch(keys: usize, answers: usize) -> Error {
    Error::Redis(Arc::new(RedisError::from((
        ErrorKind::UnexpectedReturnType,
        "the server's answer does not fit the command",
        format!("{keys} keys, {answers} answers"),
    ))))
}

/// Whether the members of a shared command may ask again alone, and what that says; or else their error.
///
/// `command` is the name of the shared command, in lower case: the server quotes it when it denies the command
/// itself rather than a key.
pub(crate) fn refusal(frame: &[u8], command: &str) -> Result<Refusal, Error> {
    let error = server_error(frame);
    let Error::Redis(redis) = &error else {
        return Err(error);
    };
    match redis.kind() {
        ErrorKind::Server(ServerErrorKind::CrossSlot) => Ok(Refusal::Grouping),
        ErrorKind::Server(ServerErrorKind::NoPerm) => {
            let text = redis.detail().unwrap_or_default().to_ascii_lowercase();
            Ok(if text.contains(&format!("'{command}'")) {
                Refusal::Grouping
            } else {
                Refusal::Keys
            })
        }
        // Renamed, or a proxy without it.
        ErrorKind::Server(ServerErrorKind::ResponseError)
            if redis
                .detail()
                .is_some_and(|text| text.to_ascii_lowercase().starts_with("unknown command")) =>
        {
            Ok(Refusal::Grouping)
        }
        _ => Err(error),
    }
}

/// Whether the server denies what was asked for alone.
pub(crate) fn is_denial(error: &Error) -> bool {
    matches!(error, Error::Redis(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_key_is_told_from_a_denied_command() {
        let check = |frame: &[u8]| refusal(frame, "mget").ok();
        // As Redis 7.0 and 6.2 say it.
        assert_eq!(
            check(b"-NOPERM No permissions to access a key\r\n"),
            Some(Refusal::Keys)
        );
        assert_eq!(
            check(b"-NOPERM this user has no permissions to access one of the keys used as arguments\r\n"),
            Some(Refusal::Keys)
        );
        assert_eq!(
            check(b"-NOPERM User bob has no permissions to run the 'mget' command\r\n"),
            Some(Refusal::Grouping)
        );
        assert_eq!(
            check(b"-CROSSSLOT Keys in request don't hash to the same slot\r\n"),
            Some(Refusal::Grouping)
        );
        assert_eq!(
            check(b"-ERR unknown command 'mget', with args beginning with: 'a' 'b' \r\n"),
            Some(Refusal::Grouping)
        );
        assert_eq!(check(b"-ERR upstream failure\r\n"), None);
    }

    #[test]
    fn any_other_error_belongs_to_everybody() {
        let error = refusal(
            b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
            "mset",
        );
        assert!(matches!(error, Err(Error::Redis(error)) if error.code() == Some("OOM")));
    }
}
