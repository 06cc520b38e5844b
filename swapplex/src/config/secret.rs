use std::fmt;
use std::sync::Arc;

/// A password or token: readable on purpose only, and absent from every `Debug` output.
///
/// It has no `Display`, so that it can't slip into a message by formatting; [`expose`](Secret::expose) is the one
/// way to its text.
///
/// # Examples
///
/// ```
/// use swapplex::config::Secret;
///
/// let secret = Secret::new("correct horse");
/// assert_eq!(secret.expose(), "correct horse");
/// assert_eq!(format!("{secret:?}"), "<redacted>");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes a text that must not be shown.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the handshake that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// What stands in for a secret; the same word as in redis-rs's `Debug`.
pub(super) const REDACTED: &str = "<redacted>";
