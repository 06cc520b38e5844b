//! What a scripted server answers.

use std::time::Duration;

/// The answer to one request: bytes, after a while, and perhaps the end of the connection.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub(super) bytes: Vec<u8>,
    pub(super) delay: Duration,
    pub(super) end: End,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) enum End {
    #[default]
    Open,
    Close,
    Reset,
}

impl Answer {
    /// No answer; the connection stays open.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// These bytes as they are.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            ..Self::default()
        }
    }

    /// `+OK`.
    pub fn ok() -> Self {
        Self::raw("+OK\r\n")
    }

    /// An error, its code first: `"LOADING Redis is loading the dataset in memory"`.
    pub fn error(text: &str) -> Self {
        Self::raw(format!("-{text}\r\n"))
    }

    /// A number.
    pub fn integer(number: i64) -> Self {
        Self::raw(format!(":{number}\r\n"))
    }

    /// A string.
    pub fn bulk(value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        let mut bytes = format!("${}\r\n", value.len()).into_bytes();
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
        Self::raw(bytes)
    }

    /// A list of other answers' bytes.
    pub fn array(members: impl IntoIterator<Item = Answer>) -> Self {
        let members: Vec<Answer> = members.into_iter().collect();
        let mut bytes = format!("*{}\r\n", members.len()).into_bytes();
        for member in members {
            bytes.extend_from_slice(&member.bytes);
        }
        Self::raw(bytes)
    }

    /// The same, given this much later. Requests that follow on the connection wait.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same, and then the connection is closed.
    #[must_use]
    pub fn then_close(mut self) -> Self {
        self.end = End::Close;
        self
    }

    /// The same, and then the connection is reset.
    #[must_use]
    pub fn then_reset(mut self) -> Self {
        self.end = End::Reset;
        self
    }
}
