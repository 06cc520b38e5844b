//! URLs, read as redis-rs reads them.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

use super::host::parse_host;
use super::malformed::mistake;
use super::parts::{Part, Parts, Scheme, parse_db};
use super::query::read_query;
use super::{ConfigError, Origin, Secret};

const SPLIT: &str = "a URL whose password has its special characters percent-encoded (# as %23, ? as %3F, / as %2F, @ as %40)";
const UTF8: &str = "user name and password to be UTF-8 once percent-decoded";
const DB_TWICE: &str = "one number of a database; the path and db in the query contradict each other";
const SOCKET: &str = "the absolute path of a socket, as in unix:///run/redis.sock";

pub(super) fn parse_url(text: &str, origin: &Origin) -> Result<Parts, ConfigError> {
    if let Some(expected) = mistake(text) {
        return Err(ConfigError::Invalid {
            origin: origin.clone(),
            expected,
        });
    }
    let url = Url::parse(text).map_err(|cause| ConfigError::Url {
        origin: origin.clone(),
        cause,
    })?;
    read_url(&url, origin)
}

pub(super) fn read_url(url: &Url, origin: &Origin) -> Result<Parts, ConfigError> {
    let invalid = |expected| ConfigError::Invalid {
        origin: origin.clone(),
        expected,
    };

    let scheme = Scheme::parse(url.scheme()).map_err(invalid)?;
    let insecure = read_fragment(url.fragment(), scheme, origin)?;
    if scheme != Scheme::Unix && is_split(url) {
        return Err(invalid(SPLIT));
    }
    let mut parts = read_query(url.query().unwrap_or_default(), scheme, origin)?;
    if scheme == Scheme::Unix {
        parts.socket = Some(Part::new(socket(url).map_err(invalid)?, origin));
    } else {
        parts.host = Some(Part::new(host(url).map_err(invalid)?, origin));
        parts.port = port(url).map_err(invalid)?.map(|port| Part::new(port, origin));
        let db = db(url).map_err(invalid)?.map(|db| Part::new(db, origin));
        if let (Some(in_path), Some(in_query)) = (&db, &parts.db)
            && in_path.value != in_query.value
        {
            return Err(invalid(DB_TWICE));
        }
        parts.db = db.or(parts.db);
    }
    let (username, password) = userinfo(url.username(), url.password()).map_err(invalid)?;
    parts.username = parts
        .username
        .or(username.map(|username| Part::new(username, origin)));
    parts.password = parts
        .password
        .or(password.map(|password| Part::new(password, origin)));
    parts.scheme = Some(Part::new(scheme, origin));
    parts.insecure = insecure;
    Ok(parts)
}

/// Reads `user`, `user:password` or `:password`, percent-encoded as in a URL; what is empty is left out.
///
/// A `%` that starts no escape stands for itself.
pub(super) fn userinfo(
    username: &str,
    password: Option<&str>,
) -> Result<(Option<String>, Option<Secret>), &'static str> {
    let decode = |text: &str| match percent_decode_str(text).decode_utf8() {
        Ok(decoded) if decoded.is_empty() => Ok(None),
        Ok(decoded) => Ok(Some(decoded.into_owned())),
        Err(_) => Err(UTF8),
    };
    Ok((
        decode(username)?,
        decode(password.unwrap_or_default())?.map(Secret::from),
    ))
}

/// redis-rs passes over a fragment unless TLS is on; here it is refused, since it is most likely the second half
/// of a password with a `#` in it, whose first half then passes for the host.
fn read_fragment(fragment: Option<&str>, scheme: Scheme, origin: &Origin) -> Result<bool, ConfigError> {
    match fragment {
        None => Ok(false),
        Some("insecure") if scheme == Scheme::Tls => allow_insecure(origin),
        Some(_) => Err(ConfigError::Invalid {
            origin: origin.clone(),
            expected: SPLIT,
        }),
    }
}

/// The one place that decides whether TLS may go unverified: only where a cargo feature allows it.
pub(super) fn allow_insecure(origin: &Origin) -> Result<bool, ConfigError> {
    if cfg!(feature = "insecure") {
        return Ok(true);
    }
    Err(ConfigError::Insecure {
        origin: origin.clone(),
    })
}

/// Whether the query seems to be the second half of a password with a `?` in it, as in `redis://:pass?word@host`,
/// whose first half then passes for the host.
fn is_split(url: &Url) -> bool {
    url.query().is_some_and(|query| query.contains('@'))
}

fn host(url: &Url) -> Result<String, &'static str> {
    match url.host() {
        // Of a scheme that it doesn't know, the parser leaves the host percent-encoded.
        Some(Host::Domain(name)) => match percent_decode_str(name).decode_utf8() {
            Ok(name) => parse_host(&name),
            Err(_) => parse_host(name),
        },
        Some(Host::Ipv4(address)) => parse_host(&address.to_string()),
        Some(Host::Ipv6(address)) => parse_host(&address.to_string()),
        None => Err("a host, as in redis://host:6379"),
    }
}

fn port(url: &Url) -> Result<Option<u16>, &'static str> {
    match url.port() {
        Some(0) => Err("a port number from 1 to 65535"),
        port => Ok(port),
    }
}

fn db(url: &Url) -> Result<Option<i64>, &'static str> {
    match url.path() {
        "" | "/" => Ok(None),
        path => parse_db(path).map(Some),
    }
}

#[cfg(unix)]
fn socket(url: &Url) -> Result<PathBuf, &'static str> {
    url.to_file_path()
        .ok()
        .filter(|path| path.parent().is_some())
        .ok_or(SOCKET)
}

#[cfg(not(unix))]
fn socket(_: &Url) -> Result<PathBuf, &'static str> {
    Err(SOCKET)
}

#[cfg(test)]
mod tests {
    use redis::{ConnectionAddr, ConnectionInfo};

    use super::super::{Protocol, Source, Target};

    fn load(url: &str) -> Result<Target, String> {
        Source::url(url)
            .and_then(|source| source.load())
            .map_err(|error| error.to_string())
    }

    fn target(url: &str) -> Target {
        load(url).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// redis-rs itself judges; only what the module's documentation names as different is left out.
    #[test]
    fn urls_are_read_as_redis_rs_reads_them() {
        for url in [
            "redis://127.0.0.1",
            "redis://127.0.0.1/",
            "redis://127.0.0.1:7000/3",
            "redis://127.0.0.1/3/",
            "valkey://db.example:7000",
            "redis://[::1]:7000/0",
            "redis://[2001:DB8::1]",
            "redis://app:secret@db",
            "redis://:secret@db",
            "redis://app@db",
            "redis://a%40b:c%2Fd%25@db",
            "redis://app:p@ss:w%rd@db",
            "redis://app:p+s@db",
            "redis://db?protocol=resp2",
            "redis://db/?protocol=3",
            "redis://db?protocol=resp3&timeout=5&pass=x",
            "redis://db?protocol=2&protocol=3",
            "redis://my_redis.1:7000",
            "REDIS://Db",
            "  redis://db\n",
            "redis://db:",
            #[cfg(unix)]
            "unix:///run/redis.sock",
            #[cfg(unix)]
            "unix:/run/redis.sock",
            #[cfg(unix)]
            "unix://localhost/run/redis.sock",
            #[cfg(unix)]
            "redis+unix:///run/a%20b.sock?db=2&user=app&pass=s%2Bp+q&protocol=resp2",
            #[cfg(unix)]
            "valkey+unix:///run/redis.sock?pass=x&user=y",
        ] {
            let theirs: ConnectionInfo = url.parse().unwrap_or_else(|error| panic!("{url}: {error}"));
            let ours = target(url);
            assert_eq!(ours.info.addr(), theirs.addr(), "{url}");
            assert_eq!(
                ours.info.redis_settings().db(),
                theirs.redis_settings().db(),
                "{url}"
            );
            assert_eq!(
                ours.info.redis_settings().username(),
                theirs.redis_settings().username(),
                "{url}"
            );
            assert_eq!(
                ours.info.redis_settings().password(),
                theirs.redis_settings().password(),
                "{url}"
            );
            let says_protocol = url.contains("protocol=");
            let expected = if says_protocol {
                theirs.redis_settings().protocol().into()
            } else {
                Protocol::Resp3
            };
            assert_eq!(ours.protocol, expected, "{url}");
        }
    }

    /// As go-redis reads it; redis-rs passes over it, and goes on with database 0.
    #[test]
    fn the_database_may_stand_in_the_query() {
        for (url, db) in [
            ("redis://db?db=3", 3),
            ("redis://db/?db=3", 3),
            ("rediss://db?db=3&protocol=resp2", 3),
            ("redis://db/3?db=3", 3),
            ("redis://db/0?db=0", 0),
            ("redis://db/3?db=", 3),
            ("redis://db/3?database=7", 3),
        ] {
            assert_eq!(target(url).info.redis_settings().db(), db, "{url}");
        }
        for url in ["redis://db/1?db=3", "redis://db/0?db=3", "rediss://db/1/?db=3"] {
            assert_eq!(
                load(url).expect_err(url),
                "the address given in code: expected one number of a database; \
                 the path and db in the query contradict each other"
            );
        }
        assert_eq!(
            load("redis://db?db=three").expect_err("not a number"),
            "the address given in code: expected the number of a database, 0 or more"
        );
    }

    #[test]
    fn tls_that_the_query_asks_for_is_not_left_out_in_silence() {
        for url in [
            "redis://db?ssl=true",
            "redis://db/1?protocol=resp3&tls=1",
            "redis://db?ssl=TRUE",
            "redis://db?tls",
            "valkey://db?tls=required",
        ] {
            assert_eq!(
                load(url).expect_err(url),
                "the address given in code: expected the scheme rediss, as in rediss://host, where TLS is wanted; \
                 ssl and tls in the query don't switch it on"
            );
        }
        let ignored = |url: &str| {
            let source = Source::url(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            source.explain().to_string().contains("ignored")
        };
        for url in [
            "redis://db?ssl=false",
            "redis://db?tls=False",
            "redis://db?ssl=0&tls=off",
            "rediss://db?ssl=true",
        ] {
            assert!(!ignored(url), "{url}");
        }
        assert!(ignored("rediss://db?ssl=false"));
    }

    #[test]
    fn what_is_no_url_is_told_without_advice_on_passwords() {
        for (url, expected) in [
            ("", "a URL that begins with its scheme, such as redis://host:6379"),
            (
                "db",
                "a URL that begins with its scheme, such as redis://host:6379",
            ),
            (
                "db:7000",
                "a URL that begins with its scheme, such as redis://host:6379",
            ),
            (
                "127.0.0.1:7341",
                "a URL that begins with its scheme, such as redis://host:6379",
            ),
            (
                "://db",
                "a URL that begins with its scheme, such as redis://host:6379",
            ),
            (
                "redis-cli -u redis://db",
                "a URL that begins with its scheme, such as redis://host:6379",
            ),
            ("\"redis://db\"", "a URL without the quote that it begins with"),
            (" 'redis://db'", "a URL without the quote that it begins with"),
            (
                "${REDIS_URL}",
                "a URL in place of a placeholder that nothing has filled in",
            ),
            (
                "{{ .Values.redis }}",
                "a URL in place of a placeholder that nothing has filled in",
            ),
            (
                "redis://h1:1,h2:2",
                "the address of one server; a list of several is not supported",
            ),
            (
                "redis://h1,h2",
                "the address of one server; a list of several is not supported",
            ),
            (
                "redis://app:pw@h1:1,h2:2/3",
                "the address of one server; a list of several is not supported",
            ),
            (
                "redis://h1:1,redis://h2:2",
                "the address of one server; a list of several is not supported",
            ),
            (
                "redis-sentinel://h1:1,h2:2/main",
                "a scheme of one server, such as redis or rediss; Sentinel is not supported",
            ),
            (
                "rediss+sentinel://h1",
                "a scheme of one server, such as redis or rediss; Sentinel is not supported",
            ),
            (
                "redis-cluster://h1:1,h2:2",
                "a scheme of one server, such as redis or rediss; Redis Cluster is not supported",
            ),
            (
                "VALKEY+CLUSTER://h1",
                "a scheme of one server, such as redis or rediss; Redis Cluster is not supported",
            ),
            (
                "http://db",
                "the scheme redis, rediss, valkey, valkeys, unix, redis+unix or valkey+unix",
            ),
        ] {
            let error = load(url).expect_err(url);
            assert_eq!(
                error,
                format!("the address given in code: expected {expected}"),
                "{url}"
            );
        }
    }

    #[test]
    fn a_comma_in_a_password_makes_no_list_of_servers() {
        assert_eq!(
            target("redis://app:a,b@db").info.redis_settings().password(),
            Some("a,b")
        );
        for url in ["redis://:a,b/c@db", "redis://:a,b#c@db", "redis://:a,b?c@db"] {
            let error = load(url).expect_err(url);
            assert!(error.contains("percent-encoded"), "{url}: {error}");
        }
    }

    #[test]
    fn what_redis_rs_refuses_is_refused() {
        for url in [
            "",
            "localhost",
            "localhost:6379",
            "http://db",
            "redis://",
            "redis:///0",
            "redis:db",
            "redis://0.0.0.0",
            "redis://[::]",
            "redis://db/x",
            "redis://db/1/2",
            "redis://db:port",
            "redis://db:65536",
            "redis://db?protocol=4",
            "redis://db?protocol=",
            "redis://a b",
            "redis://%ff:x@db",
            "redis://app:%ff@db",
            "unix://run/redis.sock",
            "unix:redis.sock",
            "unix:///run/redis.sock?db=x",
        ] {
            assert!(url.parse::<ConnectionInfo>().is_err(), "redis-rs takes {url}");
            assert!(load(url).is_err(), "{url}");
        }
    }

    #[test]
    fn tls_is_understood_although_redis_rs_was_built_without() {
        for url in ["rediss://db:7000/2", "valkeys://db:7000/2"] {
            let target = target(url);
            let address = target.info.addr();
            assert!(
                matches!(
                    address,
                    ConnectionAddr::TcpTls {
                        insecure: false,
                        tls_params: None,
                        ..
                    }
                ),
                "{url}"
            );
            assert_eq!(
                (address.to_string().as_str(), target.info.redis_settings().db()),
                ("db:7000", 2)
            );
        }
    }

    #[test]
    fn what_would_fail_later_or_go_unnoticed_is_refused_at_once() {
        for url in [
            "redis://db:0",
            "redis://db/-1",
            "redis://db/+1",
            "redis://db?client_name=a%20b",
            "unix:///",
        ] {
            assert!(load(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_password_that_is_split_by_its_own_special_characters_is_not_taken_for_a_host() {
        for url in [
            "redis://zq#kx@host",
            "redis://zq?kx@host",
            "redis://zq?k=x@host",
            "redis://zq?client_name=kx@host",
            "redis://:zq@kx?kx@host",
            "redis://:zq@kx#kx@host",
            "redis://:zq@kx/kx@host",
            "redis://zq/kx@host",
            "redis://:zq#kx@host",
            "redis://app:1#2@host",
            "redis://app:1?2@host",
            "redis://app:1/2@host",
            "rediss://app:zq#kx@host",
        ] {
            let error = load(url).expect_err(url);
            assert!(!error.contains("zq") && !error.contains("kx"), "{error}");
        }
        for url in [
            "redis://zq?kx@host",
            "redis://:zq?tls=kx@host",
            "redis://:1/2?db=3@host",
        ] {
            let error = load(url).expect_err(url);
            assert!(error.contains("percent-encoded"), "{error}");
        }
    }

    #[test]
    fn an_international_name_becomes_ascii() {
        assert_eq!(
            target("redis://bücher.example").info.addr().to_string(),
            "xn--bcher-kva.example:6379"
        );
    }

    #[test]
    fn the_client_name_is_taken() {
        assert_eq!(
            target("redis://db?client_name=billing-7").client_name.as_deref(),
            Some("billing-7")
        );
        assert_eq!(target("redis://db?client_name=").client_name, None);
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_takes_credentials_from_the_userinfo_too() {
        let target = target("unix://app:pw@localhost/run/redis.sock");
        assert_eq!(target.info.redis_settings().username(), Some("app"));
        assert_eq!(target.info.redis_settings().password(), Some("pw"));
    }
}
