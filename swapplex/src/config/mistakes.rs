//! What is told of a configuration that somebody meant otherwise.

use super::Source;
use super::environment::fake::Fake;
use super::table::{error, load, unused};

#[test]
fn what_other_software_calls_a_variable_is_told_to_have_no_effect() {
    let variables = [
        ("REDIS_HOST", "db"),
        ("REDIS_DATABASE", "3"),
        ("REDIS_USER", "app"),
        ("REDIS_PASS", " "),
        ("REDIS_TLS", "true"),
        ("REDIS_HOSTNAME", "other"),
        ("REDIS_AUTH", "hunter2"),
        ("REDIS_AUTH_TOKEN", "hunter2"),
        // What is off, as it would be without.
        ("REDIS_SSL", "0"),
        ("REDIS_TLS_ENABLED", "False"),
        ("REDIS_CLUSTER", " no "),
        // What Kubernetes injects for a Service called `redis`.
        ("REDIS_SERVICE_HOST", "10.0.0.11"),
        ("REDIS_PORT_6379_TCP", "tcp://10.0.0.11:6379"),
    ];
    assert_eq!(load(variables).info.redis_settings().db(), 0);
    assert_eq!(
        unused(variables),
        [
            "REDIS_HOSTNAME",
            "REDIS_DATABASE",
            "REDIS_USER",
            "REDIS_AUTH",
            "REDIS_AUTH_TOKEN",
            "REDIS_TLS"
        ]
    );
}

#[test]
fn a_misspelt_variable_is_told_to_have_no_effect() {
    let variables = [
        ("REDIS_HSOT", "db"),
        ("REDIS_PASWORD", "hunter2"),
        ("REDIS_USERNAME_FILE", "/run/user"),
        ("REDIS_TLS_ENABLED", "true"),
        ("REDIS_ULR", "redis://:hunter2@db"),
        ("REDIS_DBS", " "),
        ("REDIS_DB", "1"),
        ("REDIS_DATABASE", "3"),
        // What is an application's own, or somebody else's.
        ("REDIS_KEY_PREFIX", "app:"),
        ("REDIS_CACHE_HOST", "cache"),
        ("REDISHOST", "other"),
        ("REDIS", "other"),
        ("SESSIONS_HSOT", "other"),
    ];
    assert_eq!(
        unused(variables),
        [
            "REDIS_DATABASE",
            "REDIS_HSOT",
            "REDIS_PASWORD",
            "REDIS_TLS_ENABLED",
            "REDIS_ULR",
            "REDIS_USERNAME_FILE"
        ]
    );
    let explanation = Source::env("REDIS").explain_in(&Fake::new(variables));
    let text = explanation.to_string();
    assert!(
        text.contains("REDIS_DATABASE, REDIS_HSOT, REDIS_PASWORD"),
        "{text}"
    );
    assert!(!format!("{text} {explanation:?}").contains("hunter2"), "{text}");
}

#[test]
fn a_misspelt_variable_is_among_what_is_set_where_the_configuration_is_wrong() {
    let fake = Fake::new([("REDIS_SCHEME", "unix"), ("REDIS_PAHT", "/run/redis.sock")]);
    let text = Source::env("REDIS").explain_in(&fake).to_string();
    assert!(text.ends_with("\n  set: REDIS_SCHEME, REDIS_PAHT"), "{text}");
}

#[test]
fn a_variable_that_another_names_has_an_effect_whatever_it_is_called() {
    let variables = [
        ("REDIS_HOST_ENV", "REDIS_HOSTS"),
        ("REDIS_HOSTS", "db"),
        ("REDIS_PASSWORD_ENV", "REDIS_PASSWORT"),
        ("REDIS_PASSWORT", "pw"),
    ];
    assert_eq!(load(variables).info.addr().to_string(), "db:6379");
    assert!(unused(variables).is_empty());
}

#[test]
fn a_wrong_value_is_told_with_its_variable_and_what_was_expected() {
    for (name, value, expected) in [
        ("REDIS_PORT", "63a79", "a port number from 1 to 65535"),
        ("REDIS_DB", "-1", "the number of a database, 0 or more"),
        ("REDIS_DB", "two", "the number of a database, 0 or more"),
        (
            "REDIS_PATH",
            "/run/redis.sock",
            "the number of a database, 0 or more",
        ),
        (
            "REDIS_HOST",
            "db:6379",
            "a host name or an IP address alone, without scheme, user, port or path",
        ),
        (
            "REDIS_HOST",
            "0.0.0.0",
            "the address of one host; 0.0.0.0 and :: stand for any and can't be connected to",
        ),
        (
            "REDIS_QUERY",
            "protocol=4",
            "protocol=resp2 or protocol=resp3 in the query",
        ),
        ("REDIS_URL", "redis://db/x", "the number of a database, 0 or more"),
        (
            "REDIS_URL",
            "localhost:6379",
            "a URL that begins with its scheme, such as redis://host:6379",
        ),
        (
            "REDIS_SCHEME",
            "redis+sentinel",
            "a scheme of one server, such as redis or rediss; Sentinel is not supported",
        ),
        (
            "REDIS_HOST",
            "h1:1,h2:2",
            "the address of one server; a list of several is not supported",
        ),
        (
            "REDIS_QUERY",
            "ssl=true",
            "the scheme rediss, as in rediss://host, where TLS is wanted; \
             ssl and tls in the query don't switch it on",
        ),
    ] {
        assert_eq!(error([(name, value)]), format!("{name}: expected {expected}"));
    }
    let error = error([("REDIS_PORT_ENV", "MY_PORT"), ("MY_PORT", "x")]);
    assert_eq!(
        error,
        "MY_PORT (named by REDIS_PORT_ENV): expected a port number from 1 to 65535"
    );
}

#[test]
fn a_file_that_is_none_is_told_with_its_variable() {
    for name in [
        "REDIS_PASSWORD_FILE",
        "REDIS_URL_FILE",
        "REDIS_TLS_CA_FILE",
        "REDIS_TLS_CERT_FILE",
        "REDIS_TLS_KEY_FILE",
    ] {
        let mut fake = Fake::new([("REDIS_SCHEME", "rediss"), (name, "/run/pipe")]);
        fake.pipes.insert("/run/pipe".into());
        let error = Source::env("REDIS").load_from(&fake).expect_err("a pipe");
        assert_eq!(
            error.to_string(),
            format!("the file that {name} names can't be read: it is not a regular file")
        );
    }
}

#[test]
fn the_database_of_the_query_must_not_contradict_another_variable() {
    let db = |variables| load(variables).info.redis_settings().db();
    assert_eq!(db([("REDIS_QUERY", "db=2"), ("REDIS_HOST", "db")]), 2);
    assert_eq!(db([("REDIS_QUERY", "db=2"), ("REDIS_DB", "2")]), 2);
    for (name, value) in [("REDIS_DB", "3"), ("REDIS_PATH", "/0")] {
        assert_eq!(
            error([("REDIS_QUERY", "db=2"), (name, value)]),
            format!("REDIS_QUERY and {name} are both set and contradict each other: unset one of them")
        );
    }
}
