//! What the server's errors say to somebody who knows keys and methods, and has written no script.

use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerErrorKind, Value};

use crate::error::{Error, Quoted};
use crate::resp;

/// What was asked for when the server answered with an error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// The command's name, whatever it travelled in.
    pub(super) command: &'a str,
    pub(super) key: &'a [u8],
    /// It travelled with commands that set the key's `ttl`, or in a script that does.
    pub(super) is_for_ttl: bool,
}

impl Asked<'_> {
    /// The error of the same kind that names the command and the key, and no script of ours.
    pub(super) fn error(self, error: impl Into<RedisError>) -> Error {
        let error = error.into();
        Error::Redis(Arc::new(self.named(&error).unwrap_or(error)))
    }

    /// `None` where it is not the server's own.
    fn named(self, error: &RedisError) -> Option<RedisError> {
        let (code, text) = (error.code()?, error.detail().unwrap_or_default());
        let (code, text) = if self.is_for_ttl {
            without_script(code, text)
        } else {
            (code, text)
        };
        let asked = self.text(error.kind(), text);
        // redis-rs makes such errors of frames alone.
        let line = if text.is_empty() {
            format!("{code} {asked}")
        } else {
            format!("{code} {text} ({asked})")
        };
        match resp::decode(format!("!{}\r\n{line}\r\n", line.len()).as_bytes()) {
            Ok(Value::ServerError(error)) => Some(error.into()),
            _ => None,
        }
    }

    fn text(self, kind: ErrorKind, text: &str) -> String {
        let key = String::from_utf8_lossy(self.key);
        let asked = format!("{} of the key {}", self.command, Quoted(&key));
        match denied(text) {
            Some(denied)
                if self.is_for_ttl
                    && kind == ErrorKind::Server(ServerErrorKind::NoPerm)
                    && !denied.eq_ignore_ascii_case(self.command) =>
            {
                format!("{asked}, whose `ttl` needs '{denied}'")
            }
            _ => asked,
        }
    }
}

/// The command that the server says one may not run.
fn denied(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("run the '")?;
    let (name, _) = rest.split_once("' command")?;
    Some(name)
}

/// The code and the text that a command has given to a script of ours, which says so in its own way.
fn without_script<'a>(code: &'a str, text: &'a str) -> (&'a str, &'a str) {
    // From Redis 7 on: `WRONGTYPE Operation … value script: 4c23…, on @user_script:5.`
    if let Some((cause, origin)) = text.rsplit_once(" script: ")
        && let Some((sha, place)) = origin.split_once(", on ")
        && is_sha(sha)
        && behind_place(place).is_some_and(|rest| rest == ".")
    {
        return (code, cause);
    }
    // Before: `ERR Error running script (call to f_4c23…): @user_script:5: WRONGTYPE Operation … value`, where the place
    // may be there twice, and the code behind a `-`.
    let cause = text
        .strip_prefix("Error running script (call to f_")
        .and_then(|text| text.split_once("): "))
        .filter(|(sha, _)| is_sha(sha));
    let Some((_, mut cause)) = cause else {
        return (code, text);
    };
    while let Some(rest) = behind_place(cause).and_then(|rest| rest.strip_prefix(": ")) {
        cause = rest;
    }
    let cause = cause.strip_prefix('-').unwrap_or(cause);
    match cause.split_once(' ') {
        Some((code, text)) if is_code(code) => (code, text),
        _ => (code, cause),
    }
}

fn is_sha(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_code(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// What stands behind a place in a script, such as `@user_script:5`.
fn behind_place(text: &str) -> Option<&str> {
    let line = text.strip_prefix("@user_script:")?.trim_start_matches(' ');
    let rest = line.trim_start_matches(|char: char| char.is_ascii_digit());
    (rest.len() < line.len()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "4c23025b42362940fc9f7eb483a2f0ad34665dee";
    const WRONGTYPE: &str = "Operation against a key holding the wrong kind of value";

    /// The code and the text of an error that was `line` when it came.
    fn named(line: &str, is_for_ttl: bool) -> (ErrorKind, String, String) {
        let Ok(Value::ServerError(error)) = resp::decode(format!("-{line}\r\n").as_bytes()) else {
            panic!("it is an error")
        };
        let asked = Asked {
            command: "HSET",
            key: b"cart:1\n",
            is_for_ttl,
        };
        let Error::Redis(error) = asked.error(error) else {
            panic!("it is the server's")
        };
        (
            error.kind(),
            error.code().unwrap_or_default().to_owned(),
            error.detail().unwrap_or_default().to_owned(),
        )
    }

    fn wrongtype() -> (ErrorKind, String, String) {
        let text = format!("{WRONGTYPE} (HSET of the key `cart:1\\n`)");
        (ErrorKind::Extension, "WRONGTYPE".to_owned(), text)
    }

    #[test]
    fn the_command_and_the_key_are_named() {
        assert_eq!(named(&format!("WRONGTYPE {WRONGTYPE}"), false), wrongtype());
        assert_eq!(
            named("ERR", false),
            (
                ErrorKind::Server(ServerErrorKind::ResponseError),
                "ERR".to_owned(),
                "HSET of the key `cart:1\\n`".to_owned()
            )
        );
    }

    #[test]
    fn a_script_of_ours_is_not() {
        for line in [
            // Redis 7, Valkey.
            format!("WRONGTYPE {WRONGTYPE} script: {SHA}, on @user_script:5."),
            // Redis 6.
            format!("ERR Error running script (call to f_{SHA}): @user_script:5: WRONGTYPE {WRONGTYPE}"),
            format!(
                "ERR Error running script (call to f_{SHA}): @user_script:5: @user_script: 5: -WRONGTYPE {WRONGTYPE}"
            ),
        ] {
            assert_eq!(named(&line, true), wrongtype(), "{line}");
        }
        let (_, code, text) = named(
            &format!("ERR Error running script (call to f_{SHA}): @user_script:5: Wrong number of args"),
            true,
        );
        assert_eq!(
            (&*code, &*text),
            ("ERR", "Wrong number of args (HSET of the key `cart:1\\n`)")
        );
    }

    #[test]
    fn what_somebody_elses_script_says_stays() {
        for (line, is_for_ttl) in [
            (format!("ERR no script: {SHA}, on @user_script:5."), false),
            ("ERR no script: sha, on @user_script:5.".to_owned(), true),
            (format!("ERR no script: {SHA}, on @user_script."), true),
            (format!("ERR Error running script (call to f_{SHA}): no"), false),
        ] {
            let (_, code, text) = named(&line, is_for_ttl);
            let expected = format!("{line} (HSET of the key `cart:1\\n`)");
            assert_eq!(format!("{code} {text}"), expected);
        }
    }

    #[test]
    fn who_may_not_run_what_a_ttl_needs_is_told_so() {
        let denies = |command: &str, is_for_ttl| {
            let line = format!("NOPERM User bob has no permissions to run the '{command}' command");
            let (kind, _, text) = named(&line, is_for_ttl);
            assert_eq!(kind, ErrorKind::Server(ServerErrorKind::NoPerm));
            text
        };
        let text = denies("eval", true);
        assert!(
            text.ends_with("(HSET of the key `cart:1\\n`, whose `ttl` needs 'eval')"),
            "{text}"
        );
        for text in [denies("hset", true), denies("hset", false)] {
            assert!(text.ends_with("(HSET of the key `cart:1\\n`)"), "{text}");
        }
    }

    #[test]
    fn an_error_that_is_not_the_servers_stays_as_it_is() {
        let error = RedisError::from((ErrorKind::UnexpectedReturnType, "no", "fit".to_owned()));
        let asked = Asked {
            command: "HSET",
            key: b"k",
            is_for_ttl: true,
        };
        assert_eq!(asked.error(error.clone()).to_string(), error.to_string());
    }
}
