//! Tests as users write them, in the ways that `docs::testing` shows: two hundred that share one static database,
//! and some with a database of their own.

mod private_server;

use std::sync::OnceLock;
use std::time::Duration;

use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::shape::{Counter, Value};
use swapplex::{Client, Database, Error, RedisKeys};

/// The database of a program, which its tests lead to a server of their own.
struct Sessions;

impl Database for Sessions {
    fn client() -> &'static Client {
        static CLIENT: OnceLock<Client> = OnceLock::new();
        CLIENT.get_or_init(|| Client::open(private_server::url()).expect("a valid URL"))
    }
}

#[derive(RedisKeys)]
#[swapplex(prefix = "session", database = Sessions)]
struct Keys {
    #[key("{token}")]
    user: fn(token: &str) -> Value<u64>,
    #[key("{token}:visits")]
    visits: fn(token: &str) -> Counter,
}

/// What a program does.
async fn visit(token: &str, user: u64) -> Result<i64, Error> {
    Keys::user(token).set(&user).await?;
    assert_eq!(Keys::user(token).get().await?, Some(user));
    let known: bool = Sessions::connection()
        .exists(Keys::user(token).as_bytes())
        .await?;
    assert!(known);
    Keys::visits(token).incr(1).await
}

macro_rules! sharing {
    ($($group:ident)*) => {$(
        mod $group {
            sharing!(@ a b c d e f g h i j k l m n o p q r s t u v w x y);
        }
    )*};
    (@ $($name:ident)*) => {$(
        #[tokio::test]
        async fn $name() {
            let token = concat!(module_path!(), "/", stringify!($name));
            for visits in 1..=3 {
                assert_eq!(super::visit(token, visits).await.unwrap(), i64::try_from(visits).unwrap());
            }
        }
    )*};
}

// 8 times 25.
sharing!(first second third fourth fifth sixth seventh eighth);

#[tokio::test]
async fn a_client_of_a_tests_own_starts_empty() {
    let (one, other) = (
        Client::open(private_server::url()).unwrap(),
        Client::open(private_server::url()).unwrap(),
    );
    assert_eq!(Keys::visits("me").on(&one).incr(1).await.unwrap(), 1);
    assert_eq!(Keys::visits("me").on(&other).get().await.unwrap(), None);
    let keys: usize = redis::cmd("DBSIZE")
        .query_async(&mut one.connection())
        .await
        .unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn a_test_that_closes_has_a_client_of_its_own() {
    let client = Client::open(private_server::url()).unwrap();
    assert_eq!(Keys::visits("me").on(&client).incr(1).await.unwrap(), 1);
    client.close().await.unwrap();
    let late = Keys::visits("me").on(&client).incr(1).await;
    assert!(matches!(late, Err(Error::NotExecuted(_))), "{late:?}");
}

#[tokio::test]
async fn an_outcome_can_be_made_unknown() {
    // A server of its own: others are not to wait, too.
    let server = swapplex_tests::RedisServer::start();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .command_timeout(Duration::from_millis(100))
        .build();
    let mut administrator = client.dedicated().await.unwrap();
    let () = redis::cmd("CLIENT")
        .arg(&["PAUSE", "60000", "WRITE"])
        .query_async(&mut administrator)
        .await
        .unwrap();
    let unknown = Keys::visits("me").on(&client).incr(1).await;
    assert!(
        matches!(unknown, Err(Error::OutcomeUnknown { .. })),
        "{unknown:?}"
    );
}

#[test]
fn the_page_shows_the_server_that_these_tests_use() {
    let page: String = include_str!("../../swapplex/src/docs/testing.rs")
        .lines()
        .map(|line| line.trim_start_matches("//!").trim_start_matches(' ').to_owned() + "\n")
        .collect();
    let used: String = include_str!("private_server/mod.rs")
        .lines()
        .map(|line| line.trim_start_matches(' ').to_owned() + "\n")
        .collect();
    assert!(page.contains(&used), "{page}\n\n{used}");
}
