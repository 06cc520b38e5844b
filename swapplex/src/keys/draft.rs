//! A command in the making: its arguments one by one, then how its answer is read.

use std::fmt;

use super::codec::Stores;
use super::command::{Command, KeyRequest, Line, Read};
use super::key::Key;
use crate::command::Class;
use crate::database::Database;
use crate::error::Error;

/// A command to be.
pub(super) struct Draft<'a, S, D> {
    key: &'a Key<S, D>,
    name: &'static str,
    class: Class,
    /// What goes before it in the same transaction.
    before: Option<Line>,
    line: Line,
    /// Some of it, or all, is there to set the key's `ttl`.
    is_for_ttl: bool,
    error: Option<Error>,
}

/// How the answers to the parts of a long command become one, in [`CREATE`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Parts {
    /// They are numbers to be added up.
    Sum,
    /// The last one counts.
    Last,
    /// It has no parts.
    Whole,
}

/// Runs a command that may create the key, and sets the TTL if it did.
///
/// `EXPIRE` with `NX` would do it from Redis 7.0 on, but not tell a key that was created from one that was made to
/// stay. Lua's `unpack` takes less than 8000 values, so a long command is run in parts.
const CREATE: &str = "\
local is_new = redis.call('EXISTS', KEYS[1]) == 0
local step = ARGV[2] == 'whole' and #ARGV or 4000
local answer = 0
for at = 4, #ARGV, step do
  local part = redis.call(ARGV[3], KEYS[1], unpack(ARGV, at, math.min(at + step - 1, #ARGV)))
  if is_new and at == 4 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
  if ARGV[2] == 'sum' then answer = answer + part else answer = part end
end
return answer";

impl<S, D: Database> Key<S, D> {
    /// A command with the key as its first argument.
    pub(super) fn draft(&self, name: &'static str, class: Class) -> Draft<'_, S, D> {
        let mut line = Line::new(name);
        line.push(self.as_bytes());
        Draft {
            key: self,
            name,
            class,
            before: None,
            line,
            is_for_ttl: false,
            error: None,
        }
    }

    /// The same, behind a script that creates the key with the family's TTL, if there is one, in the same transaction.
    pub(super) fn created(&self, name: &'static str, class: Class, script: &str) -> Draft<'_, S, D> {
        let draft = self.draft(name, class);
        let Some(ttl) = self.policy().ttl_millis() else {
            return draft;
        };
        let mut create = Line::new("EVAL");
        create.push(script.as_bytes());
        create.push(b"1");
        create.push(self.as_bytes());
        create.number(ttl);
        draft.behind(create)
    }

    /// The same as [`draft`](Self::draft), where it may create the key: then the family's TTL is set.
    pub(super) fn creating(&self, name: &'static str, class: Class, parts: Parts) -> Draft<'_, S, D> {
        let Some(ttl) = self.policy().ttl_millis() else {
            return self.draft(name, class);
        };
        let mut line = Line::new("EVAL");
        line.push(CREATE.as_bytes());
        line.push(b"1");
        line.push(self.as_bytes());
        line.number(ttl);
        line.push(match parts {
            Parts::Sum => b"sum",
            Parts::Last => b"last",
            Parts::Whole => b"whole",
        });
        line.push(name.as_bytes());
        Draft {
            key: self,
            name,
            class,
            before: None,
            line,
            is_for_ttl: true,
            error: None,
        }
    }
}

impl<S, D: Database> Draft<'_, S, D> {
    /// Makes it a transaction of two commands, of which `before`, which creates the key with its `ttl`, is the first.
    pub(super) fn behind(mut self, before: Line) -> Self {
        self.before = Some(before);
        self.is_for_ttl = true;
        self
    }

    pub(super) fn bytes(mut self, argument: &[u8]) -> Self {
        self.line.push(argument);
        self
    }

    pub(super) fn number(mut self, number: impl fmt::Display) -> Self {
        self.line.number(number);
        self
    }

    /// Adds `value` as `C` encodes a `T`.
    pub(super) fn value<T: Stores<Q, C>, Q: ?Sized, C>(mut self, value: &Q) -> Self {
        let mut bytes = Vec::new();
        match T::encode(value, &mut bytes) {
            Ok(()) => self.line.push(&bytes),
            Err(source) => {
                self.error
                    .get_or_insert(Error::encode(self.key.as_bytes(), source));
            }
        }
        self
    }

    pub(super) fn send<T: 'static>(self, read: Read<T>) -> Command<T, D> {
        if let Some(error) = self.error {
            return Command::ready(Err(error));
        }
        let request = KeyRequest {
            key: self.key.text().clone(),
            lines: self.before.into_iter().chain([self.line]).collect(),
            name: self.name.into(),
            class: self.class,
            is_for_ttl: self.is_for_ttl,
            read,
        };
        Command::call(self.key.place(), request)
    }
}
