use std::fmt;

use super::parts::{Part, Parts, Scheme};
use super::secret::REDACTED;
use super::target::shown_username;
use super::{ConfigError, Source};

/// Says which variable gave which part of the address for a prefix, without secrets.
///
/// Meant for the log line or the `--show-config` that one wishes for when a service connects to the wrong place. It
/// reads the environment and files as [`Source::load`] does, and works as well if the configuration is wrong: then it
/// shows the error, and the names of the variables that are set.
///
/// # Examples
///
/// ```
/// let explanation = swapplex::config::explain("ORDERS", "redis://app:secret@127.0.0.1:6379/4");
/// let text = explanation.to_string();
/// assert!(text.contains("127.0.0.1") && text.contains("the default URL"));
/// assert!(!text.contains("secret"));
/// assert!(explanation.unused().is_empty());
/// ```
pub fn explain(prefix: &str, default_url: &str) -> Explanation {
    Source::env_or(prefix, default_url).explain()
}

/// A report of where each part of an address came from; print it with `Display`.
///
/// Returned by [`explain`] and [`Source::explain`]. It holds no secret.
#[derive(Clone, Debug)]
pub struct Explanation {
    title: String,
    rows: Vec<Row>,
    ignored_parameters: usize,
    unused: Vec<String>,
    set: Vec<String>,
    error: Option<ConfigError>,
}

#[derive(Clone, Debug)]
struct Row {
    part: &'static str,
    value: String,
    origin: String,
}

impl Explanation {
    /// The names are those of the variables without effect, or, with an error, of all that are set.
    pub(super) fn new(title: String, parts: Result<Parts, ConfigError>, names: Vec<String>) -> Self {
        let mut explanation = Self {
            title,
            rows: Vec::new(),
            ignored_parameters: 0,
            unused: Vec::new(),
            set: Vec::new(),
            error: None,
        };
        match parts {
            Ok(parts) => {
                explanation.ignored_parameters = parts.ignored_parameters;
                explanation.rows = rows(parts.complete());
                explanation.unused = names;
            }
            Err(error) => {
                explanation.error = Some(error);
                explanation.set = names;
            }
        }
        explanation
    }

    /// What is wrong with the configuration, if it gives no address.
    pub fn error(&self) -> Option<&ConfigError> {
        self.error.as_ref()
    }

    /// The variables that are set but have no effect.
    pub fn unused(&self) -> &[String] {
        &self.unused
    }

    /// How many parameters of the query have no effect.
    pub(crate) fn ignored_parameters(&self) -> usize {
        self.ignored_parameters
    }
}

fn rows(parts: Parts) -> Vec<Row> {
    let has_password = parts.password.is_some();
    let username = |name: String| {
        shown_username(Some(&name), has_password)
            .unwrap_or_default()
            .to_owned()
    };
    let address = if parts.scheme() == Scheme::Unix {
        [
            row("socket", parts.socket, |path| path.display().to_string()),
            None,
        ]
    } else {
        [
            row("host", parts.host, |host| host),
            row("port", parts.port, |port| port.to_string()),
        ]
    };
    let scheme = row("scheme", parts.scheme, |scheme| scheme.as_str().to_owned());
    let rest = [
        row("db", parts.db, |db| db.to_string()),
        row("username", parts.username, username),
        row("password", parts.password, |_| REDACTED.to_owned()),
        row("protocol", parts.protocol, |protocol| protocol.to_string()),
        row("client name", parts.client_name, |name| name),
        row("TLS CA", parts.tls_ca, |path| path.display().to_string()),
        row("TLS certificate", parts.tls_cert, |path| {
            path.display().to_string()
        }),
        row("TLS key", parts.tls_key, |path| path.display().to_string()),
    ];
    [scheme]
        .into_iter()
        .chain(address)
        .chain(rest)
        .flatten()
        .collect()
}

fn row<T>(name: &'static str, part: Option<Part<T>>, show: impl FnOnce(T) -> String) -> Option<Row> {
    // A value with a line break or an escape sequence must not draw on the terminal that shows the table.
    part.map(|part| Row {
        part: name,
        value: show(part.value).escape_debug().to_string(),
        origin: part.origin.to_string(),
    })
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.title)?;
        if let Some(error) = &self.error {
            write!(f, "\n  error: {error}")?;
        }
        let width = |text: fn(&Row) -> &str| {
            self.rows
                .iter()
                .map(|row| text(row).chars().count())
                .max()
                .unwrap_or(0)
        };
        let (parts, values) = (width(|row| row.part), width(|row| &row.value));
        for Row { part, value, origin } in &self.rows {
            write!(f, "\n  {part:parts$}  {value:values$}  {origin}")?;
        }
        if !self.set.is_empty() {
            write!(f, "\n  set: {}", self.set.join(", "))?;
        }
        if !self.unused.is_empty() {
            write!(f, "\n  set without effect: {}", self.unused.join(", "))?;
        }
        if self.ignored_parameters > 0 {
            // Not their names: behind an unescaped `&`, those may be pieces of a password.
            write!(f, "\n  query parameters ignored: {}", self.ignored_parameters)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::environment::fake::Fake;
    use super::*;

    fn explained(fake: &Fake) -> String {
        Source::env_or("REDIS", "redis://app:default@127.0.0.1/3")
            .explain_in(fake)
            .to_string()
    }

    #[test]
    fn each_part_is_shown_with_the_variable_that_gave_it() {
        let fake = Fake::new([
            ("REDIS_PORT", "tcp://10.0.0.11:6380"),
            ("REDIS_SCHEME_ENV", "MODE"),
            ("MODE", "rediss"),
            ("REDIS_PASSWORD_FILE", "/run/secrets/redis"),
            ("REDIS_QUERY", "client_name=billing&timeout=5"),
            ("REDIS_TLS_CA_FILE", "/etc/ca.pem"),
            ("REDIS_URL", ""),
        ]);
        assert_eq!(
            explained(&fake.file("/run/secrets/redis", "secret\n")),
            "\
REDIS_*
  scheme       rediss       MODE (named by REDIS_SCHEME_ENV)
  host         10.0.0.11    REDIS_PORT
  port         6380         REDIS_PORT
  db           3            the default URL
  username     app          the default URL
  password     <redacted>   the file that REDIS_PASSWORD_FILE names
  protocol     resp3        built in
  client name  billing      REDIS_QUERY
  TLS CA       /etc/ca.pem  REDIS_TLS_CA_FILE
  query parameters ignored: 1"
        );
    }

    #[test]
    fn variables_without_effect_are_named() {
        let fake = Fake::new([
            ("REDIS_URL", "redis://db"),
            ("REDIS_HOST", "other"),
            ("REDIS_DB", "1"),
        ]);
        let text = explained(&fake);
        assert!(
            text.ends_with("\n  set without effect: REDIS_HOST, REDIS_DB"),
            "{text}"
        );
        let explanation = Source::env("REDIS").explain_in(&fake);
        assert_eq!(explanation.unused(), ["REDIS_HOST", "REDIS_DB"]);
        assert!(explanation.error().is_none());
    }

    #[test]
    fn a_wrong_configuration_is_explained_by_its_error_and_by_what_is_set() {
        let fake = Fake::new([
            ("REDIS_HOST", "db"),
            ("REDIS_PORT", "x"),
            ("REDIS_PASSWORD", "secret"),
        ]);
        assert_eq!(
            explained(&fake),
            "\
REDIS_*
  error: REDIS_PORT: expected a port number from 1 to 65535
  set: REDIS_HOST, REDIS_PORT, REDIS_PASSWORD"
        );
        assert!(Source::env("REDIS").explain_in(&fake).error().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_is_shown_in_place_of_host_and_port() {
        let text = Source::url("unix:///run/redis.sock")
            .expect("a valid URL")
            .explain()
            .to_string();
        assert!(
            text.contains("\n  socket    /run/redis.sock  the address given in code\n"),
            "{text}"
        );
        assert!(!text.contains("host") && !text.contains("port"), "{text}");
    }

    #[test]
    fn an_address_given_in_code_can_be_explained_too() {
        use redis::IntoConnectionInfo as _;

        let info = "redis://app:secret@db:7000/2"
            .into_connection_info()
            .expect("a valid URL");
        let text = Source::connection_info(info).explain().to_string();
        for expected in ["db:7000", "app"]
            .iter()
            .flat_map(|it| it.split(':'))
            .chain(["<redacted>", "resp2"])
        {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn a_value_can_not_draw_on_the_terminal() {
        let fake = Fake::new([("REDIS_USERNAME", "a\u{1b}[2J\nb"), ("REDIS_PASSWORD", "x")]);
        let text = explained(&fake);
        assert!(text.contains("a\\u{1b}[2J\\nb"), "{text}");
    }
}
