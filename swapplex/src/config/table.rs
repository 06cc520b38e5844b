//! The promises about the environment, one test for each; the inputs of the first ones go wrong in env-url 2.1.

use redis::ConnectionAddr;

use super::environment::fake::Fake;
use super::{Protocol, Source, Target};

pub(super) fn load<const N: usize>(variables: [(&str, &str); N]) -> Target {
    load_or("redis://127.0.0.1:6379", variables)
}

pub(super) fn load_or<const N: usize>(default_url: &str, variables: [(&str, &str); N]) -> Target {
    let loaded = Source::env_or("REDIS", default_url).load_from(&Fake::new(variables));
    loaded.unwrap_or_else(|error| panic!("{variables:?}: {error}"))
}

pub(super) fn error<const N: usize>(variables: [(&str, &str); N]) -> String {
    let loaded = Source::env("REDIS").load_from(&Fake::new(variables));
    loaded.expect_err("the configuration is wrong").to_string()
}

pub(super) fn unused<const N: usize>(variables: [(&str, &str); N]) -> Vec<String> {
    Source::env("REDIS").unused_in(&Fake::new(variables))
}

pub(super) fn address(target: &Target) -> String {
    target.info.addr().to_string()
}

pub(super) fn db(target: &Target) -> i64 {
    target.info.redis_settings().db()
}

fn credentials(target: &Target) -> (Option<&str>, Option<&str>) {
    (
        target.info.redis_settings().username(),
        target.info.redis_settings().password(),
    )
}

#[test]
fn nothing_set_means_the_default() {
    let target = load([]);
    assert_eq!(
        target.info.addr(),
        &ConnectionAddr::Tcp("127.0.0.1".to_owned(), 6379)
    );
    assert_eq!((db(&target), credentials(&target)), (0, (None, None)));
    assert_eq!(target.protocol, Protocol::Resp3);
    assert_eq!(
        target.info.redis_settings().protocol(),
        redis::ProtocolVersion::RESP3
    );
    assert!(target.info.tcp_settings().nodelay());
}

#[test]
fn the_port_that_kubernetes_injects_gives_port_and_host() {
    assert_eq!(
        address(&load([("REDIS_PORT", "tcp://10.0.0.11:6380")])),
        "10.0.0.11:6380"
    );
    let target = load_or(
        "redis://elsewhere:7000/3",
        [("REDIS_PORT", "tcp://10.0.0.11:6380")],
    );
    assert_eq!((address(&target), db(&target)), ("10.0.0.11:6380".to_owned(), 3));
}

#[test]
fn the_port_that_kubernetes_injects_leaves_a_host_that_is_set() {
    let link = ("REDIS_PORT", "tcp://10.0.0.11:6380");
    assert_eq!(address(&load([link, ("REDIS_HOST", "db")])), "db:6380");
    assert_eq!(
        address(&load([link, ("REDIS_HOST_ENV", "H"), ("H", "db")])),
        "db:6380"
    );
    assert_eq!(
        address(&load([("REDIS_PORT_ENV", "L"), ("L", link.1)])),
        "10.0.0.11:6380"
    );
}

#[test]
fn the_port_that_kubernetes_injects_is_not_held_against_a_url() {
    let variables = [
        ("REDIS_PORT", "tcp://10.0.0.11:6380"),
        ("REDIS_URL", "redis://db:7000"),
    ];
    assert_eq!(address(&load(variables)), "db:7000");
    assert!(unused(variables).is_empty());
}

#[test]
fn naming_a_variable_that_is_not_set_is_an_error_with_both_names() {
    for component in [
        "HOST",
        "PORT",
        "URL",
        "DB",
        "PASSWORD",
        "SCHEME",
        "QUERY",
        "USERINFO",
        "PASSWORD_FILE",
    ] {
        let name = format!("REDIS_{component}_ENV");
        assert_eq!(
            error([(&name, "STAGE_REDIS")]),
            format!(
                "{name} names the variable STAGE_REDIS, which is not set: set STAGE_REDIS, or unset {name}"
            )
        );
    }
}

#[test]
fn path_and_db_mean_the_database() {
    for variables in [[("REDIS_PATH", "2")], [("REDIS_PATH", "/2")], [("REDIS_DB", "2")]] {
        let target = load(variables);
        assert_eq!(
            (db(&target), address(&target)),
            (2, "127.0.0.1:6379".to_owned()),
            "{variables:?}"
        );
    }
    assert_eq!(db(&load([("REDIS_PATH", "/2"), ("REDIS_DB", "2")])), 2);
    assert_eq!(db(&load_or("redis://db/5", [("REDIS_PATH", "/")])), 0);
    assert_eq!(db(&load_or("redis://db/5", [("REDIS_HOST", "other")])), 5);
}

#[test]
fn path_and_db_must_not_contradict_each_other() {
    assert_eq!(
        error([("REDIS_PATH", "1"), ("REDIS_DB", "2")]),
        "REDIS_DB and REDIS_PATH are both set and contradict each other: unset one of them"
    );
}

#[test]
fn an_empty_variable_is_as_if_unset() {
    for component in [
        "URL", "URL_FILE", "SCHEME", "HOST", "PORT", "PATH", "DB", "QUERY", "USERINFO", "USERNAME",
    ] {
        for name in [format!("REDIS_{component}"), format!("REDIS_{component}_ENV")] {
            let target = load_or("redis://app:pw@db:7000/3", [(&name, "")]);
            assert_eq!(
                (address(&target), db(&target)),
                ("db:7000".to_owned(), 3),
                "{name}"
            );
            assert_eq!(credentials(&target), (Some("app"), Some("pw")), "{name}");
            assert!(unused([(&name, "")]).is_empty(), "{name}");
        }
    }
}

#[test]
fn a_password_in_a_component_may_hold_any_character() {
    for password in [
        "a/b@c:d%e#f?g",
        "/",
        "@",
        "::",
        "%",
        "#",
        "%zz",
        "[",
        "a b",
        "ä€",
        "//x",
        "\\",
    ] {
        let target = load([("REDIS_USERNAME", "app"), ("REDIS_PASSWORD", password)]);
        assert_eq!(credentials(&target), (Some("app"), Some(password)));
        assert_eq!(address(&target), "127.0.0.1:6379");

        let target = load([("REDIS_USERINFO", &format!("app:{password}"))]);
        assert_eq!(credentials(&target), (Some("app"), Some(password)));
        assert_eq!(address(&target), "127.0.0.1:6379");
    }
}

#[test]
fn only_userinfo_is_percent_decoded_as_it_is_a_piece_of_a_url() {
    assert_eq!(
        credentials(&load([("REDIS_USERINFO", "a%40b:c%2Fd")])),
        (Some("a@b"), Some("c/d"))
    );
    assert_eq!(
        credentials(&load([("REDIS_PASSWORD", "c%2Fd")])),
        (None, Some("c%2Fd"))
    );
    assert_eq!(
        credentials(&load([("REDIS_USERINFO", ":pw")])),
        (None, Some("pw"))
    );
    assert_eq!(
        error([("REDIS_USERINFO", "app:%ff")]),
        "REDIS_USERINFO: expected user name and password to be UTF-8 once percent-decoded"
    );
}

#[test]
fn a_host_may_be_ipv6() {
    for host in ["::1", "[::1]"] {
        let target = load([("REDIS_HOST", host), ("REDIS_PORT", "7000")]);
        assert_eq!(target.info.addr(), &ConnectionAddr::Tcp("::1".to_owned(), 7000));
    }
}

#[test]
fn the_scheme_is_used() {
    for (scheme, is_tls) in [
        ("rediss", true),
        ("valkeys", true),
        ("REDISS", true),
        ("redis", false),
        ("valkey", false),
    ] {
        let target = load([("REDIS_SCHEME", scheme)]);
        let insecure = match target.info.addr() {
            ConnectionAddr::TcpTls { insecure, .. } => Some(*insecure),
            _ => None,
        };
        assert_eq!(insecure, is_tls.then_some(false), "{scheme}");
        assert_eq!(address(&target), "127.0.0.1:6379");
    }
    assert_eq!(
        error([("REDIS_SCHEME", "http")]),
        "REDIS_SCHEME: expected the scheme redis, rediss, valkey, valkeys, unix, redis+unix or valkey+unix"
    );
}

#[cfg(unix)]
#[test]
fn the_path_of_a_socket_goes_with_its_scheme() {
    for scheme in ["unix", "redis+unix", "valkey+unix"] {
        let target = load([
            ("REDIS_SCHEME", scheme),
            ("REDIS_PATH", "/run/redis.sock"),
            ("REDIS_DB", "2"),
        ]);
        assert_eq!(
            target.info.addr(),
            &ConnectionAddr::Unix("/run/redis.sock".into())
        );
        assert_eq!(db(&target), 2);
    }
    let default = "unix:///run/default.sock?db=4";
    let target = load_or(default, [("REDIS_PATH", "/run/other.sock")]);
    assert_eq!((address(&target), db(&target)), ("/run/other.sock".to_owned(), 4));
    assert_eq!(address(&load_or(default, [])), "/run/default.sock");
    assert_eq!(
        error([("REDIS_SCHEME", "unix")]),
        "REDIS_SCHEME needs REDIS_PATH to be set as well"
    );
    assert_eq!(
        error([("REDIS_SCHEME", "unix"), ("REDIS_PATH", "redis.sock")]),
        "REDIS_PATH: expected the absolute path of a socket"
    );
}

#[cfg(unix)]
#[test]
fn the_query_of_a_socket_comes_before_the_variables_that_say_less() {
    let default = "unix:///run/default.sock?db=4&user=default&pass=default-pw";
    let variables = [
        ("REDIS_QUERY", "db=2&user=app"),
        ("REDIS_DB", "3"),
        ("REDIS_USERNAME", "other"),
        ("REDIS_PASSWORD", "own-pw"),
        ("REDIS_USERINFO", "other:other-pw"),
    ];
    let target = load_or(default, variables);
    assert_eq!(
        (db(&target), credentials(&target)),
        (2, (Some("app"), Some("own-pw")))
    );
    let unused = Source::env_or("REDIS", default).unused_in(&Fake::new(variables));
    assert_eq!(unused, ["REDIS_DB", "REDIS_USERINFO", "REDIS_USERNAME"]);
    let target = load_or(default, [("REDIS_QUERY", "user=app")]);
    assert_eq!((db(&target), credentials(&target)), (4, (Some("app"), None)));
}

#[cfg(unix)]
#[test]
fn a_host_or_port_that_is_set_replaces_a_default_socket() {
    let default = "unix:///run/default.sock?db=4&pass=pw";
    let target = load_or(default, [("REDIS_HOST", "db")]);
    assert_eq!((address(&target), db(&target)), ("db:6379".to_owned(), 4));
    assert_eq!(credentials(&target), (None, Some("pw")));
    assert_eq!(
        address(&load_or(default, [("REDIS_PORT", "7000")])),
        "127.0.0.1:7000"
    );
}

#[test]
fn the_query_gives_protocol_and_client_name_and_replaces_that_of_the_default() {
    let target = load([("REDIS_QUERY", "?protocol=resp2&client_name=billing&timeout=5")]);
    assert_eq!(
        (target.protocol, target.client_name.as_deref()),
        (Protocol::Resp2, Some("billing"))
    );
    let default = "redis://db?protocol=resp2&client_name=default";
    let target = load_or(default, [("REDIS_HOST", "other")]);
    assert_eq!(
        (target.protocol, target.client_name.as_deref()),
        (Protocol::Resp2, Some("default"))
    );
    let target = load_or(default, [("REDIS_QUERY", "client_name=billing")]);
    assert_eq!(
        (target.protocol, target.client_name.as_deref()),
        (Protocol::Resp3, Some("billing"))
    );
}

#[test]
fn every_component_of_a_url_can_come_through_another_variable() {
    let target = load([
        ("REDIS_SCHEME_ENV", "A"),
        ("A", "rediss"),
        ("REDIS_HOST_ENV", "STAGE_REDIS_MASTER_PORT_6379_TCP_ADDR"),
        ("STAGE_REDIS_MASTER_PORT_6379_TCP_ADDR", "10.1.1.1"),
        ("REDIS_PORT_ENV", "STAGE_REDIS_MASTER_SERVICE_PORT_REDIS"),
        ("STAGE_REDIS_MASTER_SERVICE_PORT_REDIS", "7000"),
        ("REDIS_DB_ENV", "B"),
        ("B", "2"),
        ("REDIS_USERNAME_ENV", "C"),
        ("C", "app"),
        ("REDIS_PASSWORD_ENV", "D"),
        ("D", "pw"),
        ("REDIS_QUERY_ENV", "E"),
        ("E", "client_name=billing"),
        ("REDIS_TLS_CA_FILE_ENV", "F"),
        ("F", "/etc/ca.pem"),
    ]);
    assert_eq!((address(&target), db(&target)), ("10.1.1.1:7000".to_owned(), 2));
    assert_eq!(credentials(&target), (Some("app"), Some("pw")));
    assert_eq!(target.client_name.as_deref(), Some("billing"));
    assert_eq!(target.tls.ca.as_deref(), Some("/etc/ca.pem".as_ref()));
    assert_eq!(
        address(&load([("REDIS_URL_ENV", "HEROKU"), ("HEROKU", "redis://db:1")])),
        "db:1"
    );
}

#[test]
fn next_to_a_url_the_components_have_no_effect_and_are_named() {
    let variables = [
        ("REDIS_URL", "redis://db:7000/1"),
        ("REDIS_SCHEME", "rediss"),
        ("REDIS_HOST", "other"),
        ("REDIS_PORT", "1"),
        ("REDIS_PATH", "5"),
        ("REDIS_DB_ENV", "NOT_SET"),
        ("REDIS_QUERY", "protocol=resp2"),
        ("REDIS_TLS_CA_FILE", "/etc/ca.pem"),
    ];
    let target = load(variables);
    assert_eq!(
        (address(&target), db(&target), target.protocol),
        ("db:7000".to_owned(), 1, Protocol::Resp3)
    );
    assert!(matches!(target.info.addr(), ConnectionAddr::Tcp(..)));
    assert_eq!(
        unused(variables),
        [
            "REDIS_SCHEME",
            "REDIS_HOST",
            "REDIS_PORT",
            "REDIS_PATH",
            "REDIS_DB_ENV",
            "REDIS_QUERY",
            "REDIS_TLS_CA_FILE"
        ]
    );
}

#[test]
fn a_url_takes_the_credentials_that_it_leaves_out() {
    for (url, username, password) in [
        ("redis://db", "own", "own-pw"),
        ("redis://app@db", "app", "own-pw"),
        ("redis://app:@db", "app", "own-pw"),
        ("redis://:url-pw@db", "own", "url-pw"),
        ("redis://app:url-pw@db", "app", "url-pw"),
    ] {
        let variables = [
            ("REDIS_URL", url),
            ("REDIS_USERNAME", "own"),
            ("REDIS_PASSWORD", "own-pw"),
        ];
        assert_eq!(
            credentials(&load(variables)),
            (Some(username), Some(password)),
            "{url}"
        );
        let expected: Vec<_> = [
            ("REDIS_USERNAME", username == "app"),
            ("REDIS_PASSWORD", password == "url-pw"),
        ]
        .into_iter()
        .filter_map(|(name, is_unused)| is_unused.then_some(name))
        .collect();
        assert_eq!(unused(variables), expected, "{url}");
    }
    let userinfo = ("REDIS_USERINFO", "own:own-pw");
    assert_eq!(
        credentials(&load([("REDIS_URL", "redis://db"), userinfo])),
        (Some("own"), Some("own-pw"))
    );
    let variables = [("REDIS_URL", "redis://app@db"), userinfo];
    assert_eq!(credentials(&load(variables)), (Some("app"), None));
    assert_eq!(unused(variables), ["REDIS_USERINFO"]);
}

#[test]
fn userinfo_takes_what_it_leaves_out_and_replaces_the_default_as_a_whole() {
    let default = "redis://default:default-pw@db";
    let password = ("REDIS_PASSWORD", "own-pw");
    assert_eq!(
        credentials(&load_or(default, [("REDIS_USERINFO", "app")])),
        (Some("app"), None)
    );
    assert_eq!(
        credentials(&load_or(default, [("REDIS_USERINFO", "app"), password])),
        (Some("app"), Some("own-pw"))
    );
    assert_eq!(
        credentials(&load_or(default, [password])),
        (Some("default"), Some("own-pw"))
    );
    let variables = [("REDIS_USERINFO", "app:info-pw"), password];
    assert_eq!(credentials(&load(variables)), (Some("app"), Some("info-pw")));
    assert_eq!(unused(variables), ["REDIS_PASSWORD"]);
}

#[test]
fn a_secret_in_a_file_is_read_again_at_each_load() {
    let source = Source::env("REDIS");
    let mut fake =
        Fake::new([("REDIS_PASSWORD_FILE", "/run/secrets/redis")]).file("/run/secrets/redis", "old\n");
    let password = |fake: &Fake| {
        let target = source.load_from(fake).expect("the file is there");
        target.info.redis_settings().password().map(ToOwned::to_owned)
    };
    assert_eq!(password(&fake).as_deref(), Some("old"));
    fake.files.insert("/run/secrets/redis".into(), b"new\n".to_vec());
    assert_eq!(password(&fake).as_deref(), Some("new"));
    fake.files.clear();
    assert!(source.load_from(&fake).is_err());
    fake.files.insert("/run/secrets/redis".into(), b"newer".to_vec());
    assert_eq!(password(&fake).as_deref(), Some("newer"));
}

#[test]
fn a_whole_url_can_come_from_a_file() {
    let fake = Fake::new([("REDIS_URL_FILE", "/run/url"), ("REDIS_HOST", "other")])
        .file("/run/url", "redis://app:p%23w@db:7000/2\n");
    let target = Source::env("REDIS").load_from(&fake).expect("the file is there");
    assert_eq!((address(&target), db(&target)), ("db:7000".to_owned(), 2));
    assert_eq!(credentials(&target), (Some("app"), Some("p#w")));
    let fake = fake.file("/run/url", "no URL");
    let error = Source::env("REDIS")
        .load_from(&fake)
        .expect_err("the file holds no URL");
    assert!(
        error
            .to_string()
            .starts_with("the file that REDIS_URL_FILE names: expected a URL"),
        "{error}"
    );
}

#[test]
fn tls_files_go_with_tls_wherever_it_was_asked_for() {
    let files = [
        ("REDIS_TLS_CA_FILE", "/etc/ca.pem"),
        ("REDIS_TLS_CERT_FILE", "/etc/cert.pem"),
        ("REDIS_TLS_KEY_FILE", "/etc/key.pem"),
    ];
    for tls in [("REDIS_URL", "rediss://db"), ("REDIS_SCHEME", "rediss")] {
        let [ca, cert, key] = files;
        let variables = [tls, ca, cert, key];
        let target = load(variables);
        let tls = [target.tls.ca, target.tls.cert, target.tls.key].map(|path| path.expect("all are set"));
        assert_eq!(
            tls.each_ref().map(|path| path.to_str()),
            files.map(|(_, path)| Some(path))
        );
        assert!(unused(variables).is_empty());
    }
    assert_eq!(load(files).tls.ca, None);
    assert_eq!(unused(files), files.map(|(name, _)| name));
}

#[test]
fn a_tls_certificate_and_its_key_need_each_other() {
    let tls = ("REDIS_SCHEME", "rediss");
    assert_eq!(
        error([tls, ("REDIS_TLS_CERT_FILE", "/etc/cert.pem")]),
        "REDIS_TLS_CERT_FILE needs REDIS_TLS_KEY_FILE to be set as well"
    );
    assert_eq!(
        error([tls, ("REDIS_TLS_KEY_FILE", "/etc/key.pem")]),
        "REDIS_TLS_KEY_FILE needs REDIS_TLS_CERT_FILE to be set as well"
    );
}

#[cfg(not(feature = "insecure"))]
#[test]
fn no_variable_switches_tls_verification_off() {
    let refusal = "REDIS_URL: TLS verification can't be switched off here; \
                   name the certificate authority in a …_TLS_CA_FILE";
    assert_eq!(error([("REDIS_URL", "rediss://db/#insecure")]), refusal);
    assert_eq!(error([("REDIS_URL", "rediss://db#insecure")]), refusal);
    assert!(Source::url("rediss://db/#insecure").is_err());
    assert!(
        Source::env_or("REDIS", "rediss://db/#insecure")
            .load_from(&Fake::default())
            .is_err()
    );
}

#[test]
fn prefixes_do_not_see_each_other() {
    let fake = Fake::new([("REDIS_HOST", "a"), ("SESSIONS_HOST", "b"), ("HOST", "c")]);
    let target = Source::env("SESSIONS")
        .load_from(&fake)
        .expect("a host is enough");
    assert_eq!(address(&target), "b:6379");
    assert!(Source::env("SESSIONS").unused_in(&fake).is_empty());
}
