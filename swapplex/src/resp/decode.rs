//! The only module that knows what [`redis::Value`] is made of.

use redis::{PushKind, Value, VerbatimFormat};

use super::{
    ProtocolError,
    encode::header,
    lex::{self, CRLF, SHORTEST_ELEMENT},
    limits::DEEPEST,
};

/// The longest text that is handed to redis-rs. With its feature `num-bigint` the time to read a big number grows
/// with the square of its length (a megabyte of digits holds a thread for more than a second), and so, from some
/// megabytes on, does the time to read an error.
const MAX_BY_REDIS_RS: usize = 64 << 10;

/// What a server that does not know a command puts behind the command's name, and in front of its arguments.
const ARGUMENTS: &[u8] = b", with args beginning with";

/// No vector is given more room than this ahead of its elements: levels nested in one another may each announce what
/// the whole frame has room for only once.
const MAX_CAPACITY: usize = 1024;

/// Decodes one whole frame into what redis-rs's users expect: the same as [`redis::parse_redis_value`], except that
/// an error line that is not UTF-8 is decoded lossily rather than lost, and that an error's text is cut off after
/// 64 KiB, and in front of the arguments of a command that the server does not know.
pub(crate) fn decode(frame: &[u8]) -> Result<Value, ProtocolError> {
    let mut cursor = Cursor { frame, pos: 0 };
    let value = cursor.value(0)?;
    if cursor.pos == frame.len() {
        Ok(value)
    } else {
        Err(ProtocolError::Surplus)
    }
}

struct Cursor<'a> {
    frame: &'a [u8],
    pos: usize,
}

impl<'a> Cursor<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, ProtocolError> {
        let start = self.pos;
        let first = *self.frame.get(start).ok_or(ProtocolError::Truncated)?;
        self.pos += 1;
        match first {
            b'$' => Ok(self
                .blob()?
                .map_or(Value::Nil, |bytes| Value::BulkString(bytes.to_vec()))),
            b':' => self.integer().map(Value::Int),
            b'+' => Ok(match self.text(first)? {
                "OK" => Value::Okay,
                text => Value::SimpleString(text.to_owned()),
            }),
            b'*' => match self.length()? {
                None => Ok(Value::Nil),
                Some(count) => self.elements(count, depth).map(Value::Array),
            },
            b'_' => match self.line()? {
                [] => Ok(Value::Nil),
                _ => Err(ProtocolError::BadValue(first)),
            },
            b'~' => {
                let count = self.count()?;
                self.elements(count, depth).map(Value::Set)
            }
            b'%' => {
                let count = self.count()?;
                self.pairs(count, depth).map(Value::Map)
            }
            b'|' => {
                let count = self.count()?;
                let attributes = self.pairs(count, depth)?;
                let data = Box::new(self.value(depth + 1)?);
                Ok(Value::Attribute { data, attributes })
            }
            b'>' => self.push(depth),
            b',' => self
                .text(first)?
                .parse()
                .map(Value::Double)
                .map_err(|_| ProtocolError::BadValue(first)),
            b'#' => match self.line()? {
                b"t" => Ok(Value::Boolean(true)),
                b"f" => Ok(Value::Boolean(false)),
                _ => Err(ProtocolError::BadValue(first)),
            },
            b'=' => {
                let text = String::from_utf8_lossy(self.blob()?.ok_or(ProtocolError::BadLength)?);
                let (format, text) = text.split_once(':').ok_or(ProtocolError::BadValue(first))?;
                let format = match format {
                    "txt" => VerbatimFormat::Text,
                    "mkd" => VerbatimFormat::Markdown,
                    other => VerbatimFormat::Unknown(other.to_owned()),
                };
                Ok(Value::VerbatimString {
                    format,
                    text: text.to_owned(),
                })
            }
            b'(' => self.big_number(start),
            b'-' => server_error(self.line()?),
            b'!' => server_error(self.blob()?.ok_or(ProtocolError::BadLength)?),
            b';' | b'.' => Err(ProtocolError::Streamed),
            other => Err(ProtocolError::UnknownType(other)),
        }
    }

    fn push(&mut self, depth: usize) -> Result<Value, ProtocolError> {
        let count = self.count()?;
        let mut data = self.elements(count, depth)?;
        if data.is_empty() {
            return Ok(Value::Push {
                kind: PushKind::Other(String::new()),
                data,
            });
        }
        let kind = match data.remove(0) {
            Value::BulkString(kind) => String::from_utf8(kind).ok(),
            Value::SimpleString(kind) => Some(kind),
            _ => None,
        };
        let kind = push_kind(kind.ok_or(ProtocolError::BadValue(b'>'))?);
        Ok(Value::Push { kind, data })
    }

    fn elements(&mut self, count: usize, depth: usize) -> Result<Vec<Value>, ProtocolError> {
        let mut elements = Vec::with_capacity(self.capacity(count, depth, 1)?);
        for _ in 0..count {
            elements.push(self.value(depth + 1)?);
        }
        Ok(elements)
    }

    fn pairs(&mut self, count: usize, depth: usize) -> Result<Vec<(Value, Value)>, ProtocolError> {
        let mut pairs = Vec::with_capacity(self.capacity(count, depth, 2)?);
        for _ in 0..count {
            pairs.push((self.value(depth + 1)?, self.value(depth + 1)?));
        }
        Ok(pairs)
    }

    /// The room to make for `count` items of `elements_each`, after a check that the bytes at hand could hold them.
    fn capacity(&self, count: usize, depth: usize, elements_each: usize) -> Result<usize, ProtocolError> {
        if depth >= DEEPEST {
            return Err(ProtocolError::TooDeep);
        }
        if count > (self.frame.len() - self.pos) / (elements_each * SHORTEST_ELEMENT) {
            return Err(ProtocolError::Truncated);
        }
        Ok(count.min(MAX_CAPACITY))
    }

    fn big_number(&mut self, start: usize) -> Result<Value, ProtocolError> {
        let line = self.line()?;
        let digits = line
            .strip_prefix(b"-")
            .or(line.strip_prefix(b"+"))
            .unwrap_or(line);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Err(ProtocolError::BadValue(b'('));
        }
        if digits.len() > MAX_BY_REDIS_RS {
            return Err(ProtocolError::TooLarge);
        }
        by_redis_rs(&self.frame[start..self.pos])
    }

    fn integer(&mut self) -> Result<i64, ProtocolError> {
        let (value, line) = lex::integer(self.rest())?.ok_or(ProtocolError::Truncated)?;
        self.pos += line;
        Ok(value)
    }

    /// A length, or `None` for RESP2's nil.
    fn length(&mut self) -> Result<Option<usize>, ProtocolError> {
        let (length, line) = lex::length(self.rest())?.ok_or(ProtocolError::Truncated)?;
        self.pos += line;
        if length < 0 {
            return Ok(None);
        }
        usize::try_from(length)
            .map(Some)
            .map_err(|_| ProtocolError::Truncated)
    }

    fn count(&mut self) -> Result<usize, ProtocolError> {
        self.length()?.ok_or(ProtocolError::BadLength)
    }

    fn blob(&mut self) -> Result<Option<&'a [u8]>, ProtocolError> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        let (bytes, after) = self
            .rest()
            .split_at_checked(length)
            .ok_or(ProtocolError::Truncated)?;
        match after.get(..CRLF.len()) {
            None => Err(ProtocolError::Truncated),
            Some(CRLF) => {
                self.pos += length + CRLF.len();
                Ok(Some(bytes))
            }
            Some(_) => Err(ProtocolError::MissingCrlf),
        }
    }

    fn line(&mut self) -> Result<&'a [u8], ProtocolError> {
        let start = self.pos;
        let cr = lex::line_end(self.frame, start).ok_or(ProtocolError::Truncated)?;
        self.pos = cr + CRLF.len();
        Ok(&self.frame[start..cr])
    }

    fn text(&mut self, first: u8) -> Result<&'a str, ProtocolError> {
        std::str::from_utf8(self.line()?).map_err(|_| ProtocolError::BadValue(first))
    }

    fn rest(&self) -> &'a [u8] {
        &self.frame[self.pos..]
    }
}

fn server_error(text: &[u8]) -> Result<Value, ProtocolError> {
    by_redis_rs(&shown_error(text))
}

/// An error's frame, with as much of its text as is shown.
pub(crate) fn without_arguments(error: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    let mut cursor = Cursor { frame: error, pos: 1 };
    let text = match error.first() {
        Some(b'-') => cursor.line()?,
        _ => cursor.blob()?.ok_or(ProtocolError::BadLength)?,
    };
    Ok(shown_error(text))
}

/// Written out as a blob error in either case, which redis-rs decodes lossily.
fn shown_error(text: &[u8]) -> Vec<u8> {
    let text = &text[..text.len().min(MAX_BY_REDIS_RS)];
    // They may be secret, and errors go into logs.
    let text = memchr::memmem::find(text, ARGUMENTS).map_or(text, |at| &text[..at]);
    let mut frame = Vec::new();
    header(&mut frame, b'!', text.len());
    frame.extend_from_slice(text);
    frame.extend_from_slice(CRLF);
    frame
}

/// Has redis-rs read a value that can't be made here: for a big number the type of the payload depends on which
/// features somebody else turned on in redis-rs, and an error can't be made outside of it at all.
fn by_redis_rs(value: &[u8]) -> Result<Value, ProtocolError> {
    let first = value.first().copied().unwrap_or_default();
    redis::parse_redis_value(value).map_err(|_| ProtocolError::BadValue(first))
}

fn push_kind(name: String) -> PushKind {
    match name.as_str() {
        "invalidate" => PushKind::Invalidate,
        "message" => PushKind::Message,
        "pmessage" => PushKind::PMessage,
        "smessage" => PushKind::SMessage,
        "subscribe" => PushKind::Subscribe,
        "psubscribe" => PushKind::PSubscribe,
        "ssubscribe" => PushKind::SSubscribe,
        "unsubscribe" => PushKind::Unsubscribe,
        "punsubscribe" => PushKind::PUnsubscribe,
        "sunsubscribe" => PushKind::SUnsubscribe,
        _ => PushKind::Other(name),
    }
}
