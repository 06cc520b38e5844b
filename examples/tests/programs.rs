//! The examples that come to an end by themselves: they do, and print what their first lines say.

mod run;

use swapplex_tests::{RedisServer, ReservedPort};

use self::run::{example, printed, run};

/// Keys that an example left behind.
fn keys(server: &RedisServer) -> String {
    format!("{:?}", server.info("keyspace"))
}

#[test]
fn the_quickstart_reads_what_it_wrote_and_leaves_nothing() {
    let server = RedisServer::start();
    let mut quickstart = example("quickstart");
    quickstart.env("REDIS_URL", server.url());
    let out = printed(quickstart);
    assert!(out.contains("Ada") && out.contains("visits: 1"), "{out}");
    assert!(!keys(&server).contains("keys="), "{}", keys(&server));
}

#[test]
fn the_quickstart_explains_where_it_looked_for_a_server() {
    let closed = ReservedPort::new().unwrap();
    let mut quickstart = example("quickstart");
    quickstart.env("REDIS_PORT", closed.number().to_string());
    let (output, _, err) = run(quickstart);
    assert!(!output.status.success());
    assert!(
        err.contains("REDIS_PORT") && err.contains(&closed.number().to_string()),
        "{err}"
    );
}

#[test]
fn the_shop_shows_pages_by_typed_keys() {
    let server = RedisServer::start();
    let mut shop = example("keys");
    shop.env("REDIS_URL", server.url());
    let out = printed(shop);
    assert!(
        out.contains("Ada of Turin: 1 views, 3 things in the cart"),
        "{out}"
    );
    assert!(out.contains("please log in"), "{out}");
}

#[test]
fn worker_threads_add_their_histograms_up() {
    let out = printed(example("runtime"));
    assert!(out.contains("10000 operations on"), "{out}");
}

#[test]
fn a_key_has_a_value_of_its_own_in_each_database() {
    let (sessions, cache, archive) = (RedisServer::start(), RedisServer::start(), RedisServer::start());
    let mut databases = example("databases");
    databases
        .env("SESSIONS_PORT", sessions.port().to_string())
        .env("CACHE_URL", cache.url())
        .arg(archive.url());
    let out = printed(databases);
    assert!(
        out.contains("Some(7) in sessions, Some(8) in the cache, Some(9) in the archive"),
        "{out}"
    );
    assert!(out.contains("on 1 connection"), "{out}");
    for server in [&sessions, &cache, &archive] {
        assert!(!keys(server).contains("keys="), "{}", keys(server));
    }
}

#[test]
fn a_database_that_is_away_is_named() {
    let (server, closed) = (RedisServer::start(), ReservedPort::new().unwrap());
    let mut databases = example("databases");
    databases
        .env("SESSIONS_URL", server.url())
        .env("CACHE_PORT", closed.number().to_string())
        .arg(server.url());
    let (output, _, err) = run(databases);
    assert!(!output.status.success());
    assert!(err.contains("cache: not connected"), "{err}");
}

#[test]
fn the_configuration_is_explained_without_its_secrets() {
    let mut config = example("config");
    config
        .env("REDIS_URL", "redis://app:canary@db:7000/2")
        .env("REDIS_HOST", "elsewhere");
    let (output, out, err) = run(config);
    assert!(output.status.success(), "{out}{err}");
    assert!(
        out.contains("db") && out.contains("7000") && out.contains("REDIS_URL"),
        "{out}"
    );
    assert!(err.contains("set without effect: REDIS_HOST"), "{err}");
    assert!(!format!("{out}{err}").contains("canary"), "{out}{err}");
}

#[test]
fn a_wrong_configuration_fails_and_names_the_variable() {
    let mut config = example("config");
    config
        .args(["SESSIONS", "CACHE"])
        .env("SESSIONS_PORT", "canary")
        .env("CACHE_DB", "4");
    let (output, out, err) = run(config);
    assert!(!output.status.success(), "{out}{err}");
    assert!(
        err.contains("SESSIONS: SESSIONS_PORT: expected a port number from 1 to 65535"),
        "{err}"
    );
    assert!(out.contains("CACHE_DB"), "{out}");
    assert!(!format!("{out}{err}").contains("canary"), "{out}{err}");
}
