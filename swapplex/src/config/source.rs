use std::fmt;
use std::sync::Arc;

use redis::{ConnectionAddr, ConnectionInfo};
use url::{ParseError, Url};

use super::components::resolve;
use super::environment::{Environment, Process};
use super::explain::Explanation;
use super::parts::Parts;
use super::target::Target;
use super::url::{allow_insecure, parse_url, read_url};
use super::variables::Variables;
use super::{ConfigError, Origin, TlsFiles};

/// Where [`Source::env`] goes when no variable is set.
pub(super) const DEFAULT_URL: &str = "redis://127.0.0.1:6379";

/// Where the address of a database comes from; read again at each connect.
///
/// Cheap to clone. Its `Debug` shows no secret.
///
/// # Examples
///
/// ```
/// use swapplex::config::Source;
///
/// // Variables of a prefix, such as SESSIONS_URL or SESSIONS_HOST, over a default.
/// let sessions = Source::env_or("SESSIONS", "redis://127.0.0.1:6379/1");
/// assert_eq!(sessions.load()?.info.redis_settings().db(), 1);
///
/// // A fixed address.
/// let fixed = Source::url("rediss://app:secret@db.example/0?client_name=billing")?;
/// assert_eq!(fixed.load()?.client_name.as_deref(), Some("billing"));
/// # Ok::<(), swapplex::config::ConfigError>(())
/// ```
///
/// A type of env-url's, which then reads the environment in env-url's own way:
///
/// ```
/// use env_url::{EnvURL, ServiceURL};
/// use swapplex::config::Source;
///
/// #[derive(EnvURL)]
/// #[env_url(env_prefix = "QUEUE", default = "redis://127.0.0.1:6379/3")]
/// struct Queue;
///
/// let queue = Source::service_url(Queue::service_url);
/// assert_eq!(queue.load()?.info.redis_settings().db(), 3);
/// # Ok::<(), swapplex::config::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Source(Kind);

#[derive(Clone)]
enum Kind {
    Env { prefix: Arc<str>, default_url: Arc<str> },
    Url(Arc<Parts>),
    Info(Arc<ConnectionInfo>),
    ServiceUrl(fn() -> Result<Url, ParseError>),
}

impl Source {
    /// The variables of a prefix (`REDIS` for `REDIS_URL`, `REDIS_HOST`, …), and `redis://127.0.0.1:6379` for what
    /// they leave out.
    ///
    /// The [module's table](super) says which variables there are.
    pub fn env(prefix: &str) -> Self {
        Self::env_or(prefix, DEFAULT_URL)
    }

    /// The variables of a prefix, and the default URL for what they leave out.
    ///
    /// Each component has its own default: with `SESSIONS_HOST` alone set, port, database and credentials are those
    /// of the default URL. With `SESSIONS_URL` set, the default has no effect. A malformed default shows when it is
    /// needed, by an error of [`load`](Self::load).
    pub fn env_or(prefix: &str, default_url: &str) -> Self {
        Self(Kind::Env {
            prefix: prefix.into(),
            default_url: default_url.into(),
        })
    }

    /// A URL, read and checked at once.
    ///
    /// # Errors
    ///
    /// Any [`ConfigError`] that a wrong URL can give.
    pub fn url(url: impl AsRef<str>) -> Result<Self, ConfigError> {
        let parts = parse_url(url.as_ref(), &Origin::Code)?;
        Ok(Self(Kind::Url(Arc::new(parts))))
    }

    /// An address as redis-rs describes it: taken as it is, with its protocol and its TCP settings.
    ///
    /// The protocol of a `ConnectionInfo` is RESP2 unless it says otherwise. Its `tls_params` can be read by redis-rs
    /// alone, so [`load`](Self::load) refuses one that has them; [`Target::tls`] takes their place.
    pub fn connection_info(info: ConnectionInfo) -> Self {
        Self(Kind::Info(Arc::new(info)))
    }

    /// The URL of a type that implements env-url's `ServiceURL`, given as its `service_url` function.
    pub fn service_url(service_url: fn() -> Result<Url, ParseError>) -> Self {
        Self(Kind::ServiceUrl(service_url))
    }

    /// Reads the environment and the files that it names, now.
    ///
    /// Called at each connect, so that a rotated secret takes effect. It opens at most two small files and may block
    /// for as long as that takes.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names what is wrong. Nothing is remembered: the next call starts afresh, and succeeds
    /// once the cause is mended.
    pub fn load(&self) -> Result<Target, ConfigError> {
        self.load_from(&Process)
    }

    /// The variables that are set but have no effect, for a warning; sorted as in the [module's table](super).
    ///
    /// Names that nothing reads, and that somebody most likely [meant to be read](super#other-names), are among them;
    /// at the end, those that are misspelt. No value is ever shown.
    ///
    /// Empty if the source isn't the environment, or if [`load`](Self::load) fails and its error is what matters. What
    /// Kubernetes injects, such as `P_PORT=tcp://…`, is left out, as nobody wrote it.
    pub fn unused(&self) -> Vec<String> {
        self.unused_in(&Process)
    }

    /// Says which variable gave which part, without secrets.
    pub fn explain(&self) -> Explanation {
        self.explain_in(&Process)
    }

    pub(super) fn load_from(&self, environment: &dyn Environment) -> Result<Target, ConfigError> {
        if let Kind::Info(info) = &self.0 {
            check(info)?;
            return Ok(Target {
                protocol: info.redis_settings().protocol().into(),
                info: info.as_ref().clone(),
                client_name: None,
                tls: TlsFiles::default(),
            });
        }
        self.parts(environment).map(Parts::into_target)
    }

    pub(super) fn unused_in(&self, environment: &dyn Environment) -> Vec<String> {
        let Some(variables) = self.variables(environment) else {
            return Vec::new();
        };
        match self.parts_of(Some(&variables)) {
            Ok(_) => variables.unread(),
            Err(_) => Vec::new(),
        }
    }

    pub(super) fn explain_in(&self, environment: &dyn Environment) -> Explanation {
        let variables = self.variables(environment);
        let parts = self.parts_of(variables.as_ref());
        let names = variables.map(|it| if parts.is_ok() { it.unread() } else { it.all_set() });
        Explanation::new(self.title(), parts, names.unwrap_or_default())
    }

    /// The variables that could have named a host, or a socket, where none of them does: then the address is a default.
    pub(crate) fn names_no_host(&self) -> Option<String> {
        self.names_no_host_in(&Process)
    }

    pub(super) fn names_no_host_in(&self, environment: &dyn Environment) -> Option<String> {
        let parts = self.parts(environment).ok()?;
        let origins = [
            parts.host.map(|host| host.origin),
            parts.socket.map(|socket| socket.origin),
        ];
        let is_default = |origin| matches!(origin, Origin::Default | Origin::BuiltIn);
        let is_named = origins.into_iter().flatten().any(|origin| !is_default(origin));
        (matches!(self.0, Kind::Env { .. }) && !is_named).then(|| self.title())
    }

    fn parts(&self, environment: &dyn Environment) -> Result<Parts, ConfigError> {
        self.parts_of(self.variables(environment).as_ref())
    }

    fn variables<'a>(&'a self, environment: &'a dyn Environment) -> Option<Variables<'a>> {
        match &self.0 {
            Kind::Env { prefix, .. } => Some(Variables::new(prefix, environment)),
            _ => None,
        }
    }

    fn parts_of(&self, variables: Option<&Variables<'_>>) -> Result<Parts, ConfigError> {
        match (&self.0, variables) {
            (Kind::Env { default_url, .. }, Some(variables)) => resolve(variables, default_url),
            (Kind::Env { default_url, .. }, None) => parse_url(default_url, &Origin::Default),
            (Kind::Url(parts), _) => Ok(parts.as_ref().clone()),
            (Kind::Info(info), _) => check(info).map(|()| Parts::from_info(info)),
            (Kind::ServiceUrl(service_url), _) => {
                let origin = Origin::ServiceUrl;
                let url = service_url().map_err(|cause| ConfigError::Url {
                    origin: origin.clone(),
                    cause,
                })?;
                read_url(&url, &origin)
            }
        }
    }

    /// What it is called where several are told apart.
    pub(crate) fn title(&self) -> String {
        match &self.0 {
            Kind::Env { prefix, .. } => format!("{prefix}_*"),
            Kind::Url(_) | Kind::Info(_) => Origin::Code.to_string(),
            Kind::ServiceUrl(_) => Origin::ServiceUrl.to_string(),
        }
    }
}

fn check(info: &ConnectionInfo) -> Result<(), ConfigError> {
    match info.addr() {
        ConnectionAddr::TcpTls { insecure: true, .. } => allow_insecure(&Origin::Code).map(|_| ()),
        ConnectionAddr::TcpTls {
            tls_params: Some(_), ..
        } => Err(ConfigError::Invalid {
            origin: Origin::Code,
            expected: "a ConnectionInfo without tls_params, which redis-rs alone can read",
        }),
        _ => Ok(()),
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Env { prefix, .. } => f
                .debug_struct("Env")
                .field("prefix", prefix)
                .finish_non_exhaustive(),
            Kind::Url(parts) => f
                .debug_tuple("Url")
                .field(&parts.as_ref().clone().into_target())
                .finish(),
            Kind::Info(info) => f
                .debug_tuple("ConnectionInfo")
                .field(&Parts::from_info(info).into_target())
                .finish(),
            Kind::ServiceUrl(_) => f.debug_tuple("ServiceUrl").finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use env_url::{EnvURL, ServiceURL};
    use redis::io::tcp::TcpSettings;
    use redis::{IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo};

    use super::super::Protocol;
    use super::super::environment::fake::Fake;
    use super::*;

    #[test]
    fn a_default_address_is_known_for_one() {
        let default = |source: &Source, environment: Fake| source.names_no_host_in(&environment);
        let named = Some("REDIS_*".to_owned());
        let (own, socket) = (
            Source::env("REDIS"),
            Source::env_or("REDIS", "unix:///run/redis.sock"),
        );
        for source in [&own, &socket] {
            assert_eq!(default(source, Fake::default()), named);
            assert_eq!(default(source, Fake::new([("REDIS_DB", "3")])), named);
            assert_eq!(
                default(source, Fake::new([("REDIS_URL", "redis://db.example")])),
                None
            );
            assert_eq!(default(source, Fake::new([("REDIS_HOST", "127.0.0.1")])), None);
        }
        assert_eq!(default(&own, Fake::new([("REDIS_PORT", "7000")])), named);
        assert_eq!(
            default(&own, Fake::new([("REDIS_PORT", "tcp://10.0.0.1:6379")])),
            None
        );
        assert_eq!(
            default(&own, Fake::new([("REDIS_URL", "unix:///run/redis.sock")])),
            None
        );
        let code = Source::url("redis://127.0.0.1").expect("a valid URL");
        assert_eq!(default(&code, Fake::default()), None);
    }

    #[derive(EnvURL)]
    #[env_url(
        env_prefix = "SWAPPLEX_UNSET",
        default = "redis://app:pw@127.0.0.1:7000/3?protocol=resp2"
    )]
    struct Derived;

    #[test]
    fn a_type_of_env_urls_is_a_source() {
        let target = Source::service_url(Derived::service_url)
            .load()
            .expect("the default of the type is valid");
        assert_eq!(target.info.addr().to_string(), "127.0.0.1:7000");
        assert_eq!(target.info.redis_settings().db(), 3);
        assert_eq!(target.info.redis_settings().password(), Some("pw"));
        assert_eq!(target.protocol, Protocol::Resp2);
    }

    #[test]
    fn what_a_service_url_refuses_or_gets_wrong_is_told() {
        let refuses = Source::service_url(|| Err(ParseError::EmptyHost));
        let error = refuses.load().expect_err("it returns an error").to_string();
        assert!(
            error.starts_with("the URL of a ServiceURL type: expected a URL"),
            "{error}"
        );
        let no_redis = Source::service_url(|| Url::parse("http://db"));
        let error = no_redis.load().expect_err("http is not spoken").to_string();
        assert!(
            error.starts_with("the URL of a ServiceURL type: expected the scheme"),
            "{error}"
        );
    }

    #[test]
    fn a_service_url_is_asked_again_at_each_load() {
        use std::sync::atomic::{AtomicU16, Ordering};

        static PORT: AtomicU16 = AtomicU16::new(7000);
        let source = Source::service_url(|| {
            let mut url = Url::parse("redis://db")?;
            url.set_port(Some(PORT.fetch_add(1, Ordering::Relaxed)))
                .map_err(|()| ParseError::InvalidPort)?;
            Ok(url)
        });
        let address = || source.load().expect("a valid URL").info.addr().to_string();
        assert_eq!([address(), address()], ["db:7000", "db:7001"]);
    }

    #[test]
    fn a_connection_info_is_taken_as_it_is() {
        let redis = RedisConnectionInfo::default()
            .set_db(5)
            .set_password("pw")
            .set_lib_name("mine", "1.0");
        let info = ("db", 7000)
            .into_connection_info()
            .expect("an address is not parsed");
        let info = info
            .set_redis_settings(redis)
            .set_tcp_settings(TcpSettings::default().set_nodelay(false));
        let target = Source::connection_info(info.clone())
            .load()
            .expect("nothing to refuse");
        assert_eq!(target.protocol, Protocol::Resp2);
        assert_eq!(target.info.addr(), info.addr());
        assert_eq!(format!("{:?}", target.info), format!("{info:?}"));
        assert_eq!(target.info.redis_settings().password(), Some("pw"));

        let redis = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3);
        let target = Source::connection_info(info.set_redis_settings(redis))
            .load()
            .expect("nothing to refuse");
        assert_eq!(target.protocol, Protocol::Resp3);
    }

    #[cfg(not(feature = "insecure"))]
    #[test]
    fn a_connection_info_does_not_switch_tls_verification_off() {
        let tls = |insecure| {
            let address = ConnectionAddr::TcpTls {
                host: "db".to_owned(),
                port: 1,
                insecure,
                tls_params: None,
            };
            Source::connection_info(address.into_connection_info().expect("an address is not parsed"))
        };
        assert!(tls(false).load().is_ok());
        assert!(matches!(
            tls(true).load(),
            Err(ConfigError::Insecure { origin: Origin::Code })
        ));
        assert!(tls(true).explain().error().is_some());
    }

    #[test]
    fn a_url_is_checked_when_it_is_given() {
        assert!(Source::url("redis://db/x").is_err());
        assert!(Source::url(String::from("redis://db/1")).is_ok());
    }

    #[test]
    fn a_wrong_default_shows_only_where_it_is_needed() {
        let source = Source::env_or("REDIS", "nonsense");
        let error = source
            .load_from(&Fake::default())
            .expect_err("nothing else is set")
            .to_string();
        assert!(error.starts_with("the default URL: expected a URL"), "{error}");
        assert!(
            source
                .load_from(&Fake::new([("REDIS_URL", "redis://db")]))
                .is_ok()
        );
    }

    #[test]
    fn with_an_error_no_variable_is_called_unused() {
        let fake = Fake::new([("REDIS_URL", "redis://db/x"), ("REDIS_HOST", "other")]);
        assert!(Source::env("REDIS").unused_in(&fake).is_empty());
        assert!(
            Source::url("redis://db")
                .expect("a valid URL")
                .unused_in(&fake)
                .is_empty()
        );
    }
}
