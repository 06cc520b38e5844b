//! Every shape's commands against a real server.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use redis::AsyncCommands;
use serde::{Deserialize, Serialize};
use swapplex::codec::{Json, Postcard, Raw};
use swapplex::keys::Ttl;
use swapplex::shape::{Counter, Hash, List, Set, SortedSet, Stream, Value};
use swapplex::{Client, Error, Key, RedisKeys};
use swapplex_tests::RedisServer;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Profile {
    name: String,
    age: u8,
}

#[derive(RedisKeys)]
struct Keys {
    #[key("name:{id}")]
    name: fn(id: u64) -> Value<String>,
    #[key("session:{id}", ttl = "15m")]
    session: fn(id: u64) -> Value<String>,
    #[key("profile:{id}")]
    profile: fn(id: u64) -> Value<Profile, Json>,
    #[key("packed:{id}", ttl = "1h")]
    packed: fn(id: u64) -> Value<Profile, Postcard>,
    #[key("bytes:{id}")]
    bytes: fn(id: u64) -> Value<Vec<u8>>,
    #[key("page:{id}")]
    page: fn(id: u64) -> Value<Bytes, Raw>,
    #[key("views:{id}")]
    views: fn(id: u64) -> Counter,
    #[key("limit:{id}", ttl = "1h")]
    limit: fn(id: u64) -> Counter,
    #[key("cart:{id}")]
    cart: fn(id: u64) -> Hash<String, u32>,
    #[key("basket:{id}", ttl = "1h")]
    basket: fn(id: u64) -> Hash<u64, Profile, Json>,
    #[key("tags:{id}")]
    tags: fn(id: u64) -> Set<String>,
    #[key("seen:{id}", ttl = "1h")]
    seen: fn(id: u64) -> Set<u64>,
    #[key("jobs:{id}")]
    jobs: fn(id: u64) -> List<String>,
    #[key("recent:{id}", ttl = "1h")]
    recent: fn(id: u64) -> List<u64>,
    #[key("ranking:{id}")]
    ranking: fn(id: u64) -> SortedSet<String>,
    #[key("window:{id}", ttl = "1h")]
    window: fn(id: u64) -> SortedSet<u64>,
    #[key("events:{id}")]
    events: fn(id: u64) -> Stream<String, String>,
    #[key("log:{id}", ttl = "1h")]
    log: fn(id: u64) -> Stream<String, u64>,
}

fn started() -> (RedisServer, Client) {
    let server = RedisServer::start();
    let client = Client::open(server.url()).expect("a URL");
    (server, client)
}

fn is_about(ttl: Ttl, expected: Duration) -> bool {
    matches!(ttl, Ttl::In(left) if left <= expected && left + Duration::from_secs(60) > expected)
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn values() -> Result<(), Error> {
    let (_server, client) = started();
    let name = Keys::name(7).on(&client);
    assert_eq!(name.get().await?, None);
    name.set("Ada").await?;
    assert_eq!(name.get().await?.as_deref(), Some("Ada"));
    assert_eq!(name.get_fresh().await?.as_deref(), Some("Ada"));
    assert!(!name.set_nx("Bea").await?);
    assert_eq!(name.get_set("Bea").await?.as_deref(), Some("Ada"));
    assert_eq!(name.get_del().await?.as_deref(), Some("Bea"));
    assert_eq!(name.get_del().await?, None);
    assert!(name.set_nx(&String::from("Cleo")).await?);

    let profile = Profile {
        name: "Ada".into(),
        age: 36,
    };
    let json = Keys::profile(7).on(&client);
    json.set(&profile).await?;
    assert_eq!(json.get().await?.as_ref(), Some(&profile));
    let text: String = json.command("GETRANGE").arg(0).arg(-1).query().await?;
    assert_eq!(text, r#"{"name":"Ada","age":36}"#);

    // Values may be secret, and errors are logged.
    let error = name.command("GET").query::<i64>().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value of the key `name:7` is no `i64`: a string of length 4 does not convert"
    );

    // A key is one to redis-rs too.
    let mut connection = client.connection();
    let (same, length): (String, usize) = redis::pipe()
        .get(&name)
        .cmd("STRLEN")
        .arg(Keys::name(7))
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!((same.as_str(), length), ("Cleo", 4));
    let deleted: usize = connection.del(&name).await.unwrap();
    assert_eq!(deleted, 1);

    let packed = Keys::packed(7).on(&client);
    packed.set(&profile).await?;
    assert_eq!(packed.get().await?, Some(profile));

    let bytes = Keys::bytes(7).on(&client);
    bytes.set(&b"\0\r\n\xff"[..]).await?;
    assert_eq!(bytes.get().await?, Some(b"\0\r\n\xff".to_vec()));
    Ok(())
}

#[tokio::test]
async fn bytes_are_stored_as_they_are() -> Result<(), Error> {
    let (_server, client) = started();
    let page = Keys::page(7).on(&client);
    let bytes = Bytes::from_static(b"\x00\xff\r\n");
    for other in [&b"slice"[..], &[]] {
        page.set(&bytes).await?;
        assert_eq!(page.get().await?, Some(bytes.clone()));
        assert_eq!(page.get_set(other).await?, Some(bytes.clone()));
        assert_eq!(page.get_fresh().await?.as_deref(), Some(other));
    }
    // As plain keys take them.
    client.set("plain", &bytes[..]).await?;
    assert_eq!(client.get("plain").await?, Some(bytes));
    Ok(())
}

#[tokio::test]
async fn a_value_expires_after_each_set() -> Result<(), Error> {
    let (_server, client) = started();
    let session = Keys::session(7).on(&client);
    let ttl = Duration::from_secs(900);
    session.set("a").await?;
    assert!(is_about(session.ttl().await?, ttl));
    session.persist().await?;
    assert_eq!(session.ttl().await?, Ttl::Never);
    session.get_set("b").await?;
    assert!(is_about(session.ttl().await?, ttl));
    session.delete().await?;
    assert!(session.set_nx("c").await?);
    assert!(is_about(session.ttl().await?, ttl));
    let token = Duration::from_secs(60);
    session.set_ex("d", token).await?;
    assert_eq!(session.get().await?.as_deref(), Some("d"));
    assert!(is_about(session.ttl().await?, token));
    let name = Keys::name(7).on(&client);
    assert_eq!(name.ttl().await?, Ttl::NoKey);
    name.set_ex("Ada", token).await?;
    assert!(is_about(name.ttl().await?, token));
    name.set_ex("Ada", Duration::MAX).await?;
    assert!(matches!(name.ttl().await?, Ttl::In(left) if left > 10_000 * HOUR));
    name.set("Ada").await?;
    assert_eq!(name.ttl().await?, Ttl::Never);
    Ok(())
}

#[tokio::test]
async fn every_key() -> Result<(), Error> {
    let (_server, client) = started();
    let name = Keys::name(7).on(&client);
    assert!(!name.exists().await?);
    name.set("Ada").await?;
    assert!(name.exists().await?);
    name.expire(HOUR).await?;
    assert!(is_about(name.ttl().await?, HOUR));
    name.persist().await?;
    assert_eq!(name.ttl().await?, Ttl::Never);
    assert!(name.delete_counted().await?);
    assert!(!name.delete_counted().await?);
    name.delete().await
}

#[tokio::test]
async fn counters() -> Result<(), Error> {
    let (_server, client) = started();
    let views = Keys::views(7).on(&client);
    assert_eq!(views.get().await?, None);
    assert_eq!(views.incr(3).await?, 3);
    assert_eq!(views.decr(5).await?, -2);
    views.set(40).await?;
    assert_eq!(views.get().await?, Some(40));
    assert_eq!(views.ttl().await?, Ttl::Never);
    Ok(())
}

#[tokio::test]
async fn a_counter_expires_after_it_was_created_and_not_after_it_was_counted() -> Result<(), Error> {
    let (_server, client) = started();
    let limit = Keys::limit(7).on(&client);
    assert_eq!(limit.incr(1).await?, 1);
    assert!(is_about(limit.ttl().await?, HOUR));
    limit.expire(Duration::from_secs(100)).await?;
    assert_eq!(limit.decr(3).await?, -2);
    assert!(is_about(limit.ttl().await?, Duration::from_secs(100)));
    limit.set(5).await?;
    assert!(is_about(limit.ttl().await?, HOUR));

    let list = Keys::jobs(1).on(&client);
    list.push_back("x").await?;
    let wrong = Key::<Counter>::new("jobs:1").on(&client);
    let error = wrong.incr(1).await.expect_err("a list");
    assert!(matches!(&error, Error::Redis(error) if error.code() == Some("WRONGTYPE")));
    Ok(())
}

#[tokio::test]
async fn what_no_counter_can_be_counted_down_by_is_not_sent() -> Result<(), Error> {
    let (_server, client) = started();
    for counter in [Keys::views(7), Keys::limit(7)] {
        let counter = counter.on(&client);
        let error = counter.decr(i64::MIN).await.expect_err("too low");
        assert!(error.is_not_executed(), "{error}");
        assert!(!counter.exists().await?);
        assert_eq!(counter.decr(i64::MIN + 1).await?, i64::MAX);
    }
    Ok(())
}

#[tokio::test]
async fn hashes() -> Result<(), Error> {
    let (_server, client) = started();
    let cart = Keys::cart(7).on(&client);
    assert_eq!(cart.get("tea").await?, None);
    cart.set("tea", &2).await?;
    assert!(!cart.set_counted("tea", &3).await?);
    assert!(cart.set_counted("milk", &1).await?);
    cart.set_many([("jam", &4), ("rye", &5)]).await?;
    assert_eq!(cart.get("tea").await?, Some(3));
    assert_eq!(
        cart.get_many(["tea", "none", "jam"]).await?,
        [Some(3), None, Some(4)]
    );
    assert_eq!(cart.incr("jam", 2).await?, 6);
    assert!(cart.contains("jam").await?);
    assert_eq!(cart.len().await?, 4);
    cart.remove("jam").await?;
    assert!(!cart.remove_counted("jam").await?);
    assert!(cart.remove_counted("rye").await?);
    let all = cart.all().await?;
    assert_eq!(all, HashMap::from([("tea".into(), 3), ("milk".into(), 1)]));
    assert_eq!(cart.get_many::<str>([]).await?, []);
    cart.set_many::<str, u32>([]).await?;
    assert_eq!(cart.ttl().await?, Ttl::Never);
    Ok(())
}

#[tokio::test]
async fn sets() -> Result<(), Error> {
    let (_server, client) = started();
    let tags = Keys::tags(7).on(&client);
    assert_eq!(tags.random().await?, None);
    tags.add("a").await?;
    assert!(!tags.add_counted("a").await?);
    assert!(tags.add_counted("b").await?);
    tags.add_many(["c", "d"]).await?;
    assert_eq!(tags.len().await?, 4);
    assert!(tags.contains("c").await?);
    tags.remove("c").await?;
    assert!(!tags.remove_counted("c").await?);
    let mut members = tags.members().await?;
    members.sort();
    assert_eq!(members, ["a", "b", "d"]);
    assert!(tags.random().await?.is_some());
    assert!(tags.pop().await?.is_some());
    assert_eq!(tags.len().await?, 2);
    Ok(())
}

#[tokio::test]
async fn lists() -> Result<(), Error> {
    let (_server, client) = started();
    let jobs = Keys::jobs(7).on(&client);
    assert_eq!(jobs.pop_front().await?, None);
    assert_eq!(jobs.push_back("b").await?, 1);
    assert_eq!(jobs.push_front("a").await?, 2);
    assert_eq!(jobs.push_back_many(["c", "d"]).await?, 4);
    assert_eq!(jobs.push_back_many::<str>([]).await?, 4);
    assert_eq!(jobs.get(-1).await?.as_deref(), Some("d"));
    assert_eq!(jobs.range(0, -1).await?, ["a", "b", "c", "d"]);
    jobs.trim(1, -1).await?;
    assert_eq!(jobs.pop_front().await?.as_deref(), Some("b"));
    assert_eq!(jobs.pop_back().await?.as_deref(), Some("d"));
    assert_eq!(jobs.len().await?, 1);
    Ok(())
}

#[tokio::test]
async fn sorted_sets() -> Result<(), Error> {
    let (_server, client) = started();
    let ranking = Keys::ranking(7).on(&client);
    ranking.add("ada", 1.5).await?;
    assert!(ranking.add_counted("bea", 3.0).await?);
    assert!(!ranking.add_counted("bea", 4.0).await?);
    ranking.add_many([("cleo", 2.0), ("dora", -1.0)]).await?;
    assert!((ranking.incr("ada", 10.0).await? - 11.5).abs() < 1e-9);
    assert_eq!(ranking.top(2).await?, [("ada".into(), 11.5), ("bea".into(), 4.0)]);
    assert_eq!(ranking.top(0).await?, []);
    assert_eq!(
        ranking.range(0, 1).await?,
        [("dora".into(), -1.0), ("cleo".into(), 2.0)]
    );
    assert_eq!(ranking.range_by_score(2.0..=4.0).await?.len(), 2);
    assert_eq!(
        ranking
            .range_by_score(f64::NEG_INFINITY..=f64::INFINITY)
            .await?
            .len(),
        4
    );
    assert_eq!(ranking.count(0.0..=5.0).await?, 2);
    assert_eq!(ranking.score("bea").await?, Some(4.0));
    assert_eq!(ranking.score("nobody").await?, None);
    assert_eq!(ranking.rank("dora").await?, Some(0));
    assert_eq!(ranking.rank_from_top("dora").await?, Some(3));
    assert_eq!(ranking.rank("nobody").await?, None);
    ranking.remove("dora").await?;
    assert!(!ranking.remove_counted("dora").await?);
    assert_eq!(ranking.len().await?, 3);

    ranking.delete().await?;
    ranking
        .add_many([("ada", 1.0), ("bea", 2.0), ("cleo", 3.0), ("dora", 4.0)])
        .await?;
    assert_eq!(ranking.pop_min(0).await?, []);
    assert_eq!(ranking.pop_max(1).await?, [("dora".into(), 4.0)]);
    assert_eq!(
        ranking.pop_min(2).await?,
        [("ada".into(), 1.0), ("bea".into(), 2.0)]
    );
    assert_eq!(ranking.pop_min(2).await?, [("cleo".into(), 3.0)]);
    assert_eq!(ranking.pop_min(2).await?, []);
    ranking
        .add_many([("ada", 1.0), ("bea", 2.0), ("cleo", 3.0)])
        .await?;
    ranking.remove_by_score(f64::NEG_INFINITY..=1.0).await?;
    assert_eq!(ranking.remove_by_score_counted(1.0..=2.0).await?, 1);
    assert_eq!(ranking.range(0, -1).await?, [("cleo".into(), 3.0)]);
    Ok(())
}

#[tokio::test]
async fn streams() -> Result<(), Error> {
    let (_server, client) = started();
    let events = Keys::events(7).on(&client);
    assert_eq!(events.read("0", 10).await?, []);
    let first = events.add([("kind", "login"), ("from", "here")]).await?;
    let second = events.add([("kind", "logout")]).await?;
    let entries = events.range("-", "+").await?;
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].id, first);
    assert_eq!(
        entries[0].fields,
        [("kind".into(), "login".into()), ("from".into(), "here".into())]
    );
    let rest = events.read(&first, 10).await?;
    assert_eq!(rest.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&second]);
    // To the server, none is no limit.
    assert_eq!(events.read("0", 0).await?, []);
    events.remove(&first).await?;
    assert_eq!(events.len().await?, 1);
    events.trim(100).await?;
    Ok(())
}

#[tokio::test]
async fn a_collection_expires_after_it_was_created_and_not_after_it_was_added_to() -> Result<(), Error> {
    let (_server, client) = started();
    let someone = Profile {
        name: "Ada".into(),
        age: 36,
    };
    let basket = Keys::basket(7).on(&client);
    let seen = Keys::seen(7).on(&client);
    let recent = Keys::recent(7).on(&client);
    let window = Keys::window(7).on(&client);
    let log = Keys::log(7).on(&client);
    let short = Duration::from_secs(100);
    for round in 0..2 {
        let expected = if round == 0 { HOUR } else { short };
        basket.set(&1, &someone).await?;
        assert!(is_about(basket.ttl().await?, expected));
        seen.add(&1).await?;
        assert!(is_about(seen.ttl().await?, expected));
        recent.push_front(&1).await?;
        assert!(is_about(recent.ttl().await?, expected));
        window.add(&1, 1.0).await?;
        assert!(is_about(window.ttl().await?, expected));
        log.add([("kind", &1)]).await?;
        assert!(is_about(log.ttl().await?, expected));
        basket.expire(short).await?;
        seen.expire(short).await?;
        recent.expire(short).await?;
        window.expire(short).await?;
        log.expire(short).await?;
    }
    // The answers are those of the commands.
    assert!(basket.set_counted(&2, &someone).await?);
    assert_eq!(basket.get(&1).await?, Some(someone));
    assert!(!seen.add_counted(&1).await?);
    assert_eq!(recent.push_back(&5).await?, 3);
    assert!((window.incr(&1, 0.5).await? - 1.5).abs() < 1e-9);
    // What stays was made to stay.
    seen.persist().await?;
    seen.add(&2).await?;
    assert_eq!(seen.ttl().await?, Ttl::Never);
    Ok(())
}

#[tokio::test]
async fn thousands_of_members_are_added_at_once() -> Result<(), Error> {
    let (_server, client) = started();
    let numbers: Vec<u64> = (0..10_001).collect();
    let seen = Keys::seen(7).on(&client);
    seen.add_many(&numbers).await?;
    assert_eq!(seen.len().await?, 10_001);
    assert!(is_about(seen.ttl().await?, HOUR));
    let recent = Keys::recent(7).on(&client);
    assert_eq!(recent.push_back_many(&numbers).await?, 10_001);
    assert_eq!(recent.range(0, -1).await?, numbers);
    let window = Keys::window(7).on(&client);
    window
        .add_many(numbers.iter().map(|number| (number, 1.0)))
        .await?;
    assert_eq!(window.len().await?, 10_001);
    let someone = Profile {
        name: "Ada".into(),
        age: 36,
    };
    let basket = Keys::basket(7).on(&client);
    basket
        .set_many(numbers.iter().map(|number| (number, &someone)))
        .await?;
    assert_eq!(basket.len().await?, 10_001);
    Ok(())
}

#[tokio::test]
async fn an_entry_may_have_thousands_of_fields() -> Result<(), Error> {
    let (_server, client) = started();
    let short = Duration::from_secs(100);
    for count in [1_999, 2_000, 4_000, 10_001] {
        let log = Keys::log(count).on(&client);
        let names: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        let fields = || names.iter().map(|name| (name.as_str(), &count));
        let first = log.add(fields()).await?;
        assert!(is_about(log.ttl().await?, HOUR), "{count}");
        log.expire(short).await?;
        let second = log.add(fields()).await?;
        assert!(is_about(log.ttl().await?, short), "{count}");
        let entries = log.range("-", "+").await?;
        let ids: Vec<&str> = entries.iter().map(|entry| &*entry.id).collect();
        assert_eq!(ids, [first, second], "{count}");
        assert!(entries.iter().all(|entry| entry.fields.len() == names.len()));
    }
    Ok(())
}

#[tokio::test]
async fn all_shapes_understand_resp2_as_well() -> Result<(), Error> {
    let server = RedisServer::start();
    let client = Client::open(format!("{}?protocol=resp2", server.url())).expect("a URL");
    let cart = Keys::cart(7).on(&client);
    cart.set("tea", &2).await?;
    assert_eq!(cart.all().await?, HashMap::from([("tea".into(), 2)]));
    let ranking = Keys::ranking(7).on(&client);
    ranking.add("ada", 1.5).await?;
    assert_eq!(ranking.top(2).await?, [("ada".into(), 1.5)]);
    assert_eq!(ranking.score("ada").await?, Some(1.5));
    assert_eq!(ranking.pop_min(2).await?, [("ada".into(), 1.5)]);
    let tags = Keys::tags(7).on(&client);
    tags.add("a").await?;
    assert!(tags.contains("a").await?);
    assert_eq!(tags.members().await?, ["a"]);
    let events = Keys::events(7).on(&client);
    events.add([("kind", "login")]).await?;
    assert_eq!(events.read("0", 10).await?.len(), 1);
    assert_eq!(Keys::limit(7).on(&client).incr(2).await?, 2);
    Ok(())
}
