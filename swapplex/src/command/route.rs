//! Which connection a command may take.

use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisError, RedisResult};

use super::special::{Limit, Special, look_up};
use super::words::{Word, words};

/// Which connection a command may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Route {
    /// The one that all share.
    Shared,
    /// One that it does not keep anybody else waiting on.
    Apart(Wait),
}

/// How long a server may keep a command waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Wait {
    /// It answers at once.
    #[default]
    None,
    AtMost(Duration),
    ForEver,
}

impl Wait {
    /// Both, one after the other.
    pub(crate) fn then(self, other: Self) -> Self {
        match (self, other) {
            (Self::ForEver, _) | (_, Self::ForEver) => Self::ForEver,
            (Self::None, wait) | (wait, Self::None) => wait,
            (Self::AtMost(first), Self::AtMost(second)) => Self::AtMost(first.saturating_add(second)),
        }
    }

    /// How long a client should wait for the answer, if it would wait for `patience` without this.
    pub(crate) fn plus(self, patience: Duration) -> Option<Duration> {
        match self {
            Self::None => Some(patience),
            Self::AtMost(wait) => wait.checked_add(patience),
            Self::ForEver => None,
        }
    }

    fn seconds(text: &[u8]) -> Self {
        let seconds = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<f64>().ok());
        match seconds {
            // The server rounds up to milliseconds, and only then looks at the sign.
            Some(-0.001..=0.0) => Self::ForEver,
            Some(seconds) if seconds > 0.0 => {
                Duration::try_from_secs_f64(seconds).map_or(Self::ForEver, Self::AtMost)
            }
            // `strtold` reads these, and so does the server. They are too rare to be read here, too.
            None if is_hexadecimal(text) => Self::ForEver,
            // The server refuses it without waiting.
            _ => Self::None,
        }
    }

    fn millis(text: &[u8]) -> Self {
        let millis = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<i64>().ok());
        match millis.map(u64::try_from) {
            Some(Ok(0)) => Self::ForEver,
            Some(Ok(millis)) => Self::AtMost(Duration::from_millis(millis)),
            _ => Self::None,
        }
    }
}

fn is_hexadecimal(number: &[u8]) -> bool {
    let behind_sign = number.strip_prefix(b"-").or(number.strip_prefix(b"+"));
    matches!(behind_sign.unwrap_or(number), [b'0', b'x' | b'X', _, ..])
}

/// Which connection a command may take, for one who shares a connection with others.
///
/// # Errors
///
/// For a command that would spoil it for them, with advice.
pub(crate) fn route(command: &Cmd) -> RedisResult<Route> {
    if command.args_iter().len() == 0 {
        return Err(empty());
    }
    let Some((name, special)) = look_up(command) else {
        return Ok(Route::Shared);
    };
    let advice = match special {
        Special::Blocks(limit) => return Ok(wait_of(command, limit).map_or(Route::Shared, Route::Apart)),
        Special::Dedicated => "use a connection of your own, `dedicated()`".to_owned(),
        Special::Instead(advice) => format!("{advice}, or a connection of your own, `dedicated()`"),
        Special::Never(advice) => advice.to_owned(),
    };
    Err(refusal(
        "this command would spoil a connection that others share",
        name,
        &advice,
    ))
}

/// How long the server may keep a command waiting, for one who has a connection of their own.
///
/// # Errors
///
/// For a command that does not fit a connection of requests and replies, with advice.
pub(crate) fn wait(command: &Cmd) -> RedisResult<Wait> {
    if command.args_iter().len() == 0 {
        return Err(empty());
    }
    match look_up(command) {
        Some((_, Special::Blocks(limit))) => Ok(wait_of(command, limit).unwrap_or_default()),
        Some(("WAIT" | "WAITAOF", _)) => Ok(wait_of(command, Limit::LastMillis).unwrap_or_default()),
        Some((name, Special::Never(advice))) => Err(refusal(
            "this command does not fit a connection of requests and replies",
            name,
            advice,
        )),
        _ => Ok(Wait::None),
    }
}

/// `None` where the command does not wait.
fn wait_of(command: &Cmd, limit: Limit) -> Option<Wait> {
    let mut arguments = words(command).skip(1);
    match limit {
        Limit::FirstSeconds => arguments.next().map(Wait::seconds),
        Limit::LastSeconds => arguments.last().map(Wait::seconds),
        Limit::LastMillis => arguments.last().map(Wait::millis),
        Limit::Block => {
            while let Some(word) = arguments.next().and_then(Word::upper) {
                match word.as_bytes() {
                    b"BLOCK" => return arguments.next().map(Wait::millis),
                    b"CLAIM" | b"COUNT" => arguments.by_ref().take(1).for_each(drop),
                    b"GROUP" => arguments.by_ref().take(2).for_each(drop),
                    b"NOACK" => {}
                    // `STREAMS`, behind which there are only keys, or nonsense.
                    _ => break,
                }
            }
            None
        }
    }
}

fn empty() -> RedisError {
    (ErrorKind::Client, "empty command").into()
}

fn refusal(reason: &'static str, name: &str, advice: &str) -> RedisError {
    let name = name.replace('|', " ");
    (ErrorKind::Client, reason, format!("{name}: {advice}")).into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::command;
    use super::*;

    fn route_of(words: &str) -> Route {
        route(&command(words)).expect("it is not refused")
    }

    const fn at_most(millis: u64) -> Route {
        Route::Apart(Wait::AtMost(Duration::from_millis(millis)))
    }

    const FOR_EVER: Route = Route::Apart(Wait::ForEver);

    #[test]
    fn the_time_that_a_command_may_block_is_found() {
        for (words, expected) in [
            ("BLPOP a b 1.5", at_most(1500)),
            ("blpop a 0", FOR_EVER),
            ("BRPOP 7 0.25", at_most(250)),
            ("BRPOPLPUSH a b 3", at_most(3000)),
            ("BLMOVE a b LEFT RIGHT 2", at_most(2000)),
            ("BLMPOP 4 2 7 8 LEFT COUNT 9", at_most(4000)),
            ("BZMPOP 0 1 a MIN", FOR_EVER),
            ("BZPOPMIN a 1", at_most(1000)),
            ("BZPOPMAX a 1e300", FOR_EVER),
            ("BLPOP a +.5", at_most(500)),
            ("BLPOP a 5.e-1", at_most(500)),
            ("BLPOP a -0", FOR_EVER),
            ("BLPOP a -0.0001", FOR_EVER),
            ("BLPOP a 0x10", FOR_EVER),
            ("BLPOP a +0X.8p1", FOR_EVER),
            ("BLPOP a nonsense", Route::Apart(Wait::None)),
            ("BLPOP a -1", Route::Apart(Wait::None)),
            ("BLPOP a -0.0011", Route::Apart(Wait::None)),
            ("BLPOP a nan", Route::Apart(Wait::None)),
            ("BLPOP a 0b1", Route::Apart(Wait::None)),
            ("BLPOP a 0x", Route::Apart(Wait::None)),
            ("XREAD BLOCK 250 STREAMS a $", at_most(250)),
            ("xread count 5 block 0 streams a $", FOR_EVER),
            (
                "XREADGROUP GROUP block block COUNT 1 BLOCK 9 NOACK STREAMS a >",
                at_most(9),
            ),
            ("XREADGROUP GROUP g c NOACK BLOCK 9 STREAMS a >", at_most(9)),
            ("XREAD STREAMS BLOCK 0", Route::Shared),
            ("XREAD COUNT 10 STREAMS a 0", Route::Shared),
            ("XREADGROUP GROUP BLOCK 0 STREAMS a >", Route::Shared),
            ("XREAD", Route::Shared),
            ("GET k", Route::Shared),
            ("LPOP k", Route::Shared),
            ("CLIENT PAUSE 1000", Route::Shared),
            ("CLIENT SETNAME x", Route::Shared),
            ("CLIENT", Route::Shared),
            ("SCRIPT LOAD x", Route::Shared),
            ("A.NAME.LONGER.THAN.ANY.THAT.IS.KNOWN x", Route::Shared),
        ] {
            assert_eq!(route_of(words), expected, "{words}");
        }
    }

    #[test]
    fn a_refusal_names_what_serves_instead() {
        let advice = |words: &str| route(&command(words)).expect_err("it is refused").to_string();
        let text = advice("wait 1 0");
        assert!(
            text.contains("WAIT: ") && text.contains("`dedicated()`"),
            "{text}"
        );
        let text = advice("Client tracking on");
        assert!(
            text.contains("CLIENT TRACKING: ") && text.contains("`dedicated()`"),
            "{text}"
        );
        let text = advice("SELECT 1");
        assert!(
            text.contains("a client for that") && text.contains("`dedicated()`"),
            "{text}"
        );
        assert!(advice("SUBSCRIBE news").contains("`pubsub()`"));
    }

    #[test]
    fn a_connection_of_ones_own_takes_what_has_one_reply() {
        for words in ["WATCH k", "MULTI", "SELECT 1", "RESET", "CLIENT TRACKING ON"] {
            assert_eq!(
                wait(&command(words)).expect("it is allowed"),
                Wait::None,
                "{words}"
            );
        }
        let millis = |millis| Wait::AtMost(Duration::from_millis(millis));
        assert_eq!(wait(&command("WAIT 1 100")).expect("it is allowed"), millis(100));
        assert_eq!(
            wait(&command("WAITAOF 1 0 0")).expect("it is allowed"),
            Wait::ForEver
        );
        assert_eq!(wait(&command("BLPOP a 1")).expect("it is allowed"), millis(1000));
        for words in ["SUBSCRIBE news", "CLIENT REPLY OFF", "MONITOR"] {
            assert!(wait(&command(words)).is_err(), "{words}");
        }
    }

    #[test]
    fn waits_add_up() {
        let one = Wait::AtMost(Duration::from_secs(1));
        assert_eq!(one.then(one), Wait::AtMost(Duration::from_secs(2)));
        assert_eq!(Wait::None.then(one).then(Wait::None), one);
        assert_eq!(one.then(Wait::ForEver).then(one), Wait::ForEver);
        assert_eq!(one.plus(Duration::from_secs(5)), Some(Duration::from_secs(6)));
        assert_eq!(Wait::ForEver.plus(Duration::from_secs(5)), None);
        assert_eq!(Wait::AtMost(Duration::MAX).plus(Duration::from_secs(5)), None);
    }
}
