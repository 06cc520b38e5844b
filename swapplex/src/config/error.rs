use std::error::Error;
use std::io;
use std::sync::Arc;

use super::Origin;
use crate::error::Whole;

/// Why the configuration gives no address to connect to.
///
/// The text names the variables concerned and what was expected of them. It repeats no value, because a value in the
/// wrong place is so often a secret (a whole URL in `REDIS_HOST`, a password in `REDIS_PASSWORD_ENV`). What a `…_ENV`
/// variable names is told where it can be the name of a variable; next to a secret only if it is made of words in upper
/// case, or numbers, with underscores between them, as `MASTER_REDIS_PASSWORD` is.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value can't be used: write what is expected, at the place that `origin` names.
    #[error("{origin}: expected {expected}")]
    Invalid {
        /// Where the value stands.
        origin: Origin,
        /// What should stand there.
        expected: &'static str,
    },

    /// A text isn't a URL at all: correct it where `origin` says.
    ///
    /// Special characters in a password are the usual reason: `/ ? # [ ]` have to be percent-encoded in a URL, or
    /// the password given on its own in `P_PASSWORD`, where nothing needs encoding.
    #[error(
        "{origin}: expected a URL such as redis://user:password@host:6379/0, with special characters of the \
         password percent-encoded ({cause})"
    )]
    Url {
        /// Where the text stands.
        origin: Origin,
        /// What the URL parser says.
        cause: url::ParseError,
    },

    /// A value isn't valid UTF-8: set it anew.
    #[error("{origin}: expected valid UTF-8")]
    NotUtf8 {
        /// Where the value stands.
        origin: Origin,
    },

    /// A `…_ENV` variable names a variable that is unset or empty: set that one, or unset this one.
    ///
    /// Where the name may be a secret, this is an [`Invalid`](Self::Invalid).
    #[error("{variable} names the variable {named}, which is not set: set {named}, or unset {variable}")]
    NamedUnset {
        /// The `…_ENV` variable.
        variable: String,
        /// The variable that it names.
        named: String,
    },

    /// Two values contradict each other: unset one of them.
    #[error("{first} and {second} are both set and contradict each other: unset one of them")]
    Conflict {
        /// One of the variables.
        first: String,
        /// The other.
        second: String,
    },

    /// A value means nothing without another: set `missing` as well.
    #[error("{origin} needs {missing} to be set as well")]
    Incomplete {
        /// Where the value stands that was given.
        origin: Origin,
        /// The variable to set.
        missing: String,
    },

    /// A file can't be read: look at the path, its permissions, and whether the volume is mounted.
    #[error("{origin} can't be read: {cause}")]
    File {
        /// The variable that names the file.
        origin: Origin,
        /// What the operating system said, shared because the error is told to many callers.
        cause: Arc<io::Error>,
    },

    /// The address asks for TLS without verification, which only a program with the cargo feature `insecure` does: trust
    /// the server's certificate authority with `P_TLS_CA_FILE` instead.
    #[error(
        "{origin}: TLS verification can't be switched off here; name the certificate authority in a …_TLS_CA_FILE"
    )]
    Insecure {
        /// Where it was asked for.
        origin: Origin,
    },

    /// The provider of expiring credentials failed: `cause` says why.
    #[error("the credentials provider failed: {}", Whole(&**cause))]
    Credentials {
        /// The provider's own error, shared because the error is told to many callers.
        cause: Arc<dyn Error + Send + Sync>,
    },
}

impl ConfigError {
    /// Whether it is for somebody to mend. Who issues credentials may well do so in a moment.
    pub(crate) fn is_wrong(&self) -> bool {
        !matches!(self, Self::Credentials { .. })
    }
}
