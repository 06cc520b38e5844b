//! Where to connect: the environment, URLs and secrets.
//!
//! A [`Source`] says where the address of a database is written, and [`Source::load`] reads it into a [`Target`], anew
//! at each connect. [`explain`] prints which variable gave which part. Nothing here opens a socket.
//!
//! # Variables
//!
//! For a prefix `P`, which is `REDIS` unless you choose another:
//!
//! | variable | meaning |
//! |---|---|
//! | `P_URL` or `P_URL_FILE` | the whole URL, or a file that holds it |
//! | `P_SCHEME` | `redis` or `valkey`; `rediss` or `valkeys` for TLS; `unix`, `redis+unix` or `valkey+unix` for a Unix socket |
//! | `P_HOST` | a host name, or an IPv4 or IPv6 address (brackets optional) |
//! | `P_PORT` | a port, or the `tcp://10.0.0.11:6379` that Kubernetes injects for a Service called like the prefix: then it gives the host as well, unless `P_HOST` does |
//! | `P_DB` or `P_PATH` | the number of the database; for a Unix socket, `P_PATH` is the absolute path of the socket |
//! | `P_QUERY` | `protocol=resp2` or `protocol=resp3` (the default), `client_name=…`, `db=…` |
//! | `P_USERINFO` | `user:password`, as in a URL: `%2F` means `/`, while special characters may stand for themselves |
//! | `P_USERNAME`; `P_PASSWORD` or `P_PASSWORD_FILE` | credentials, taken literally |
//! | `P_TLS_CA_FILE`, `P_TLS_CERT_FILE`, `P_TLS_KEY_FILE` | PEM files, of use only with TLS |
//!
//! - **By another name.** If `P_X_ENV` is set, the variable that it names is read in place of `P_X`, for every variable
//!   of the table. That one must be set then.
//! - **Defaults.** A component that isn't set is that of the default URL, `redis://127.0.0.1:6379` unless you choose
//!   another. (`P_QUERY` replaces the whole query, `P_USERINFO` all credentials. Where the default is a Unix socket,
//!   `P_HOST` or `P_PORT` alone means `redis://`.)
//! - **What says more comes first.** Next to `P_URL`, other components have no effect, except that credentials which
//!   it leaves out are filled in, and that TLS files are no part of a URL. In the same way `P_USERNAME` and `P_PASSWORD`
//!   fill in what `P_USERINFO` leaves out. [`Source::unused`] names the variables that were set and had no effect.
//! - **Blank is unset.** A variable that is empty or holds only white space counts as unset. White space around
//!   a value is dropped; around credentials only the newline at the end is.
//! - **Files** are read again at each connect, so that a rotated secret takes effect; newlines at the end are dropped,
//!   64 KiB are the limit, and an empty file is an error, as is a pipe or whatever else is no regular file (a link to
//!   one will do). A secret given both ways is an error too.
//!
//! # Other names
//!
//! A variable that nothing reads may be the difference between two databases, or between TLS and none. So
//! [`Source::unused`], [`explain`] and a [warning](crate::docs::tracing) name those of the prefix that somebody most
//! likely meant to have an effect: a name that is misspelt (`P_HSOT`, `P_PASWORD`), the file of what comes from no file
//! (`P_USERNAME_FILE`), and what other software calls it:
//!
//! | without effect | what has one |
//! |---|---|
//! | `P_URI`, `P_DSN`, `P_ENDPOINT`, `P_CONNECTION_STRING`, `P_TLS_URL` … | `P_URL`, or `P_URL_ENV=P_TLS_URL` |
//! | `P_HOSTNAME`, `P_ADDR`, `P_ADDRESS`, `P_SERVER` … | `P_HOST`, and `P_PORT` |
//! | `P_DATABASE`, `P_DB_INDEX`, `P_DB_NUMBER` | `P_DB` |
//! | `P_USER`; `P_PASS`, `P_PASSWD`, `P_AUTH`, `P_AUTH_TOKEN` … | `P_USERNAME`; `P_PASSWORD` |
//! | `P_TLS`, `P_SSL`, `P_USE_TLS`, `P_TLS_ENABLED`, `P_SSL_…` … | `P_SCHEME=rediss`, or a `P_URL` that begins with `rediss://` |
//! | `P_TLS_CA`, `P_CA_FILE`, `P_CA_CERT`, `P_TLS_CERT`, `P_SSL_KEY` … | `P_TLS_CA_FILE`, `P_TLS_CERT_FILE`, `P_TLS_KEY_FILE` |
//! | `P_SOCKET` | `P_SCHEME=unix` with `P_PATH` |
//! | `P_HOSTS`, `P_NODES`, `P_CLUSTER`, `P_SENTINELS` … | nothing: Cluster and Sentinel are not supported |
//!
//! Switches that say no, an application's own variables as far as they can be told, those of a longer prefix, and what
//! Kubernetes and Docker inject are left alone. (`P_TLS_…` and `P_SSL_…` count, so a prefix that is the application's own
//! name, such as `APP`, is no good one.)
//!
//! # URLs
//!
//! ```text
//! redis://[user][:password]@host[:port][/db][?db=2&protocol=resp2&client_name=billing]
//! rediss://…                           TLS
//! unix:///run/redis.sock[?db=1&user=…&pass=…]
//! ```
//!
//! They are read as redis-rs reads them, apart from this: RESP3 is the default; the number of the database may stand in
//! the query, with any scheme, though not another than in the path; `ssl` or `tls` in the query of a URL without TLS is
//! refused, unless it says no; a name in place of a host is turned into ASCII where it isn't; an empty password counts as
//! none; `#insecure`, for TLS that doesn't ask who the server is, is refused without the cargo feature of that name, so
//! that no variable alone can switch the check off; and so is any other fragment, or an `@` in the query of a URL with
//! a host: it is most likely the second half of a password that lacks its percent-encoding. Query parameters that mean
//! nothing here are ignored, as redis-rs does, because one URL often serves clients in several languages; [`explain`] and
//! a [warning](crate::docs::tracing) count them.
//!
//! # Secrets
//!
//! No `Debug`, no error and no explanation shows a password. Errors repeat no value, since a value in the wrong place is so
//! often a secret, except for [names of variables](ConfigError) that can hardly be one. A user name is shown only next to a
//! password: alone it does nothing, and most likely is the password.
//!
//! # Examples
//!
//! ```
//! use swapplex::config::Source;
//!
//! let target = Source::url("redis://app:p%40ss@[::1]:7000/2?protocol=resp2")?.load()?;
//! assert_eq!(target.info.redis_settings().password(), Some("p@ss"));
//!
//! let error = Source::url("redis://localhost/two").unwrap_err();
//! assert_eq!(error.to_string(), "the address given in code: expected the number of a database, 0 or more");
//! # Ok::<(), swapplex::config::ConfigError>(())
//! ```

mod components;
mod credentials;
mod environment;
mod error;
mod explain;
mod host;
mod malformed;
mod misnamed;
mod origin;
mod parts;
mod query;
mod secret;
mod source;
mod target;
mod url;
mod variables;

#[cfg(test)]
mod mistakes;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod table;

pub use self::credentials::{BoxError, Credentials, CredentialsFuture};
pub use self::error::ConfigError;
pub use self::explain::{Explanation, explain};
pub use self::origin::{Origin, Variable};
pub use self::secret::Secret;
pub use self::source::Source;
pub use self::target::{Protocol, Target, TlsFiles};
