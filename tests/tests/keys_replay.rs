//! What becomes of a typed command whose connection is lost after it was sent and before it was answered, or that the
//! server refuses for now.

use std::time::Duration;

use swapplex::config::Source;
use swapplex::shape::{Counter, Hash, List, Set};
use swapplex::{Client, Error, RedisKeys};
use swapplex_tests::{Cut, Direction, Proxy, RedisServer};

#[derive(RedisKeys)]
struct Keys {
    #[key("cart:{id}")]
    cart: fn(id: u64) -> Hash<String, u32>,
    #[key("seen:{id}", ttl = "1h")]
    seen: fn(id: u64) -> Set<u64>,
    #[key("limit:{id}", ttl = "1h")]
    limit: fn(id: u64) -> Counter,
    #[key("jobs:{id}")]
    jobs: fn(id: u64) -> List<String>,
    #[key("last:{id}", ttl = "1h")]
    last: fn(id: u64) -> List<String>,
}

async fn started() -> (RedisServer, Proxy, Client) {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = Client::builder(Source::url(proxy.url()).expect("a URL"))
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .build();
    client.get("connect").await.expect("an answer");
    (server, proxy, client)
}

#[tokio::test]
async fn what_has_the_same_effect_twice_is_sent_again() -> Result<(), Error> {
    let (server, proxy, client) = started().await;
    let (cart, seen) = (Keys::cart(1).on(&client), Keys::seen(1).on(&client));

    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    cart.set("tea", &1).await?;
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    seen.add(&7).await?;
    assert_eq!((cart.get("tea").await?, seen.len().await?), (Some(1), 1));
    assert!(matches!(seen.ttl().await?, swapplex::keys::Ttl::In(_)));
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    cart.remove("tea").await?;
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    seen.delete().await?;
    assert!(!seen.exists().await?);
    assert_eq!((server.calls("hset"), server.calls("del")), (2, 2));
    assert_eq!(client.stats().replays, 4);
    Ok(())
}

#[tokio::test]
async fn what_has_another_answer_twice_is_not_sent_again() -> Result<(), Error> {
    let (server, proxy, client) = started().await;
    let (cart, limit) = (Keys::cart(1).on(&client), Keys::limit(1).on(&client));
    let is_unknown = |error: Error| matches!(error, Error::OutcomeUnknown { .. });

    cart.set("tea", &1).await?;
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    assert!(is_unknown(
        cart.set_counted("rye", &1).await.expect_err("no answer")
    ));
    client.get("connect").await?;
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    assert!(is_unknown(limit.incr(1).await.expect_err("no answer")));
    client.get("connect").await?;
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    assert!(is_unknown(cart.delete_counted().await.expect_err("no answer")));
    assert_eq!(limit.get().await?, Some(1), "counted once");
    assert_eq!((server.calls("incrby"), server.calls("del")), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_was_not_sent_whole_is_sent_again() -> Result<(), Error> {
    let (server, proxy, client) = started().await;
    let limit = Keys::limit(1).on(&client);
    for (count, bytes) in (1..).zip([0, 1, 20, 60, 100]) {
        proxy.cut_after(Direction::Requests, bytes, Cut::Reset);
        // What the proxy swallowed, the client has sent: only an answer says that it ran.
        match limit.incr(1).await {
            Ok(sum) => assert!(sum <= count),
            Err(error) => assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}"),
        }
        client.get("connect").await?;
    }
    assert_eq!(
        server.calls("incrby"),
        limit.get().await?.unwrap_or_default().unsigned_abs()
    );
    Ok(())
}

#[tokio::test]
async fn reads_are_sent_again() -> Result<(), Error> {
    let (_server, proxy, client) = started().await;
    let (cart, jobs) = (Keys::cart(1).on(&client), Keys::jobs(1).on(&client));
    cart.set("tea", &1).await?;
    jobs.push_back("x").await?;
    proxy.cut_after(Direction::Replies, 3, Cut::Reset);
    assert_eq!(cart.get("tea").await?, Some(1));
    proxy.cut_after(Direction::Replies, 3, Cut::Close);
    assert_eq!(jobs.range(0, -1).await?, ["x"]);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_a_replica_for_a_while_costs_no_write() -> Result<(), Error> {
    let (server, _proxy, client) = started().await;
    // Of a primary that is not there, so that the data stays.
    server.ok(&["REPLICAOF", "127.0.0.1", "1"]);
    let (cart, seen, limit, last) = (
        Keys::cart(1).on(&client),
        Keys::seen(1).on(&client),
        Keys::limit(1).on(&client),
        Keys::last(1).on(&client),
    );
    let first = "first".to_owned();
    let writes = async {
        tokio::try_join!(
            cart.set("tea", &1),
            seen.add(&7),
            limit.incr(1),
            last.push_back(&first)
        )
    };
    let is_primary_again = async {
        // Some of them were asked again by then.
        while server.calls("eval") < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.ok(&["REPLICAOF", "NO", "ONE"]);
        Ok(())
    };
    // Ends with the first error.
    tokio::try_join!(writes, is_primary_again)?;
    assert_eq!(
        (
            cart.get("tea").await?,
            seen.len().await?,
            limit.get().await?,
            last.len().await?
        ),
        (Some(1), 1, Some(1), 1)
    );
    Ok(())
}
