//! Typed keys share commands as plain ones do, and say what is wrong with a value.

use std::sync::OnceLock;

use redis::AsyncCommands;
use swapplex::codec::Json;
use swapplex::shape::{Counter, Hash, List, SortedSet, Value};
use swapplex::{Client, Database, Error, RedisKeys};
use swapplex_tests::RedisServer;

static SERVER: OnceLock<RedisServer> = OnceLock::new();

fn server() -> &'static RedisServer {
    SERVER.get_or_init(RedisServer::start)
}

/// A database with a type of its own, on a server that the tests of this file share.
struct Shop;

impl Database for Shop {
    fn client() -> &'static Client {
        static CLIENT: OnceLock<Client> = OnceLock::new();
        CLIENT.get_or_init(|| Client::open(server().url()).expect("a URL"))
    }
}

#[derive(RedisKeys)]
#[swapplex(prefix = "shop", database = Shop)]
struct Keys {
    #[key("user:{id}:profile")]
    profile: fn(id: u64) -> Value<String>,
    #[key("user:{id}:name")]
    name: fn(id: u64) -> Value<String>,
    #[key("user:{id}:age")]
    age: fn(id: u64) -> Value<u8>,
    #[key("user:{id}:tags")]
    tags: fn(id: u64) -> Value<Vec<String>, Json>,
    #[key("user:{id}:views")]
    views: fn(id: u64) -> Counter,
    #[key("user:{id}:session", ttl = "1h")]
    session: fn(id: u64) -> Value<String>,
    #[key("season:{season}:ranking")]
    ranking: fn(season: &str) -> SortedSet<u64>,
    #[key("cart:{id}")]
    cart: fn(id: u64) -> Hash<String, u32>,
    #[key("jobs:{id}")]
    jobs: fn(id: u64) -> List<String>,
}

/// A server whose counts are of one test.
fn counted() -> (RedisServer, Client) {
    let server = RedisServer::start();
    let client = Client::open(server.url()).expect("a URL");
    (server, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gets_of_spawned_tasks_share_a_few_commands() -> Result<(), Error> {
    let (server, client) = counted();
    let profile = |id| Keys::profile(id).on(&client);
    swapplex::set_many((0..1024).map(|id| (profile(id), "someone"))).await?;
    // The median of some rounds, since another program may take a core away in the middle of one.
    let mut rounds = Vec::new();
    for _ in 0..25 {
        server.reset_calls();
        let keys: Vec<_> = (0..1024).map(profile).collect();
        let tasks = tokio::spawn(async move {
            let tasks = keys.into_iter().map(|key| tokio::spawn(key.get()));
            tasks.collect::<Vec<_>>()
        });
        for task in tasks.await.expect("no panic") {
            assert_eq!(task.await.expect("no panic")?.as_deref(), Some("someone"));
        }
        rounds.push((server.calls("mget"), server.calls("get")));
    }
    rounds.sort_unstable();
    println!("MGETs and GETs: {rounds:?}");
    let (shared, alone) = rounds[rounds.len() / 2];
    assert!(shared <= 12, "{shared} MGETs and {alone} GETs");
    assert!(alone <= 12, "{shared} MGETs and {alone} GETs");
    Ok(())
}

#[tokio::test]
async fn a_lone_get_is_a_get() -> Result<(), Error> {
    let (server, client) = counted();
    Keys::name(1).on(&client).get().await?;
    assert_eq!((server.calls("get"), server.calls("mget")), (1, 0));
    Ok(())
}

#[tokio::test]
async fn gets_and_sets_of_several_families_share_commands() -> Result<(), Error> {
    let (server, client) = counted();
    let (profile, name) = (Keys::profile(1).on(&client), Keys::name(1).on(&client));
    let (views, age) = (Keys::views(1).on(&client), Keys::age(1).on(&client));
    tokio::try_join!(
        profile.set("p"),
        name.set("n"),
        swapplex::set_many([(age.clone(), &7)])
    )?;
    // The first finds nothing to wait for, and the others each other.
    assert!(server.calls("set") + server.calls("mset") <= 2);
    let (p, n, v, a) = tokio::try_join!(profile.get(), name.get(), views.get(), swapplex::get(&age))?;
    assert_eq!(
        (p.as_deref(), n.as_deref(), v, a),
        (Some("p"), Some("n"), None, Some(7))
    );
    assert!(server.calls("get") + server.calls("mget") <= 2);
    assert_eq!(server.calls("mget"), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_of_one_hash_asked_for_by_many_tasks_share_a_few_commands() -> Result<(), Error> {
    let (server, client) = counted();
    let (cart, other) = (Keys::cart(1).on(&client), Keys::cart(2).on(&client));
    let fields: Vec<String> = (0..200).map(|field| format!("f{field}")).collect();
    let numbers: Vec<u32> = (0..200).collect();
    cart.set_many(fields.iter().zip(&numbers)).await?;
    other.set("f1", &1000).await?;
    server.reset_calls();
    let tasks = tokio::spawn(async move {
        let task =
            |field: &String| tokio::spawn(futures_util::future::join(cart.get(field), other.get("f1")));
        fields.iter().map(task).collect::<Vec<_>>()
    });
    for (number, task) in tasks.await.expect("no panic").into_iter().enumerate() {
        let (field, one) = task.await.expect("no panic");
        assert_eq!(field?, u32::try_from(number).ok());
        assert_eq!(one?, Some(1000));
    }
    let (shared, alone) = (server.calls("hmget"), server.calls("hget"));
    assert!(
        shared + alone <= 100,
        "{shared} HMGETs and {alone} HGETs for 400 fields"
    );
    Ok(())
}

#[tokio::test]
async fn fields_asked_for_at_once_are_one_command_and_keep_their_errors() -> Result<(), Error> {
    let (server, client) = counted();
    let cart = Keys::cart(1).on(&client);
    cart.set_many([("tea", &1), ("rye", &2)]).await?;
    Keys::jobs(1).on(&client).push_back("x").await?;
    server.reset_calls();
    let all = ["tea", "rye", "none", "tea"].map(|field| cart.get(field));
    let all = futures_util::future::try_join_all(all).await?;
    assert_eq!(all, [Some(1), Some(2), None, Some(1)]);
    // The first finds nothing to wait for, and the others each other.
    assert_eq!((server.calls("hmget"), server.calls("hget")), (1, 1));
    assert_eq!(cart.get("rye").await?, Some(2));

    let list: swapplex::Key<Hash<String, u32>> = swapplex::Key::new("shop:jobs:1");
    let list = list.on(&client);
    let errors = futures_util::future::join_all(["a", "b", "c"].map(|field| list.get(field))).await;
    for error in errors {
        let error = error.expect_err("a list");
        assert!(
            matches!(&error, Error::Redis(error) if error.code() == Some("WRONGTYPE")),
            "{error}"
        );
    }
    // A write behind a read is not overtaken by it.
    let (before, (), after) = tokio::try_join!(cart.get("tea"), cart.set("tea", &7), cart.get("tea"))?;
    assert_eq!((before, after), (Some(1), Some(7)));
    Ok(())
}

#[tokio::test]
async fn the_later_of_two_values_in_one_call_wins_with_a_ttl_and_in_each_database() -> Result<(), Error> {
    let (server, client) = counted();
    let other = Client::open(format!("{}/1", server.url())).expect("a URL");
    let ids = 1..=40;
    let on = |id, client: &Client| Keys::session(id).on(client);
    let pairs = ids.clone().flat_map(|id| {
        [
            (on(id, &client), "old"),
            (on(id, &other), "other"),
            (on(id, &client), "new"),
        ]
    });
    swapplex::set_many(pairs.collect::<Vec<_>>()).await?;
    assert_eq!(server.calls("set"), 80);
    for id in ids {
        assert_eq!(on(id, &client).get().await?.as_deref(), Some("new"));
        assert_eq!(on(id, &other).get().await?.as_deref(), Some("other"));
    }
    Ok(())
}

#[tokio::test]
async fn many_keys_are_got_in_order() -> Result<(), Error> {
    let ids = [6001, 6002, 6003];
    Keys::name(6001).set("a").await?;
    Keys::name(6003).set("c").await?;
    let names = swapplex::get_many(ids.map(Keys::name)).await?;
    assert_eq!(names, [Some("a".into()), None, Some("c".into())]);
    let keys = ids.map(Keys::name);
    assert_eq!(swapplex::get_many(&keys).await?.len(), 3);
    assert_eq!(
        Shop::get_many(["shop:user:6001:name"]).await?[0].as_deref(),
        Some(&b"a"[..])
    );
    Ok(())
}

#[tokio::test]
async fn a_typed_key_is_set_as_a_plain_one_is() -> Result<(), Error> {
    let (name, age) = (Keys::name(6101), Keys::age(6101));
    tokio::try_join!(swapplex::set(&name, "here"), swapplex::set(age.clone(), &36))?;
    swapplex::set(Keys::session(6101), &String::from("x")).await?;
    assert!(matches!(
        Keys::session(6101).ttl().await?,
        swapplex::keys::Ttl::In(_)
    ));
    let (_server, client) = counted();
    swapplex::set(name.clone().on(&client), "there").await?;
    assert_eq!(client.get(&name).await?.as_deref(), Some("there"));
    client.set(&name, "there, too").await?;
    assert_eq!(client.get(&name).await?.as_deref(), Some("there, too"));
    assert_eq!(
        (name.get().await?.as_deref(), age.get().await?),
        (Some("here"), Some(36))
    );
    Shop::set(name.on(&client), "said to be here").await?;
    assert_eq!(Keys::name(6101).get().await?.as_deref(), Some("said to be here"));
    Ok(())
}

#[tokio::test]
async fn keys_with_a_ttl_are_set_each_in_a_command_of_its_own() -> Result<(), Error> {
    swapplex::set_many([(Keys::session(1), "a"), (Keys::session(2), "b")]).await?;
    for id in [1, 2] {
        assert!(matches!(
            Keys::session(id).ttl().await?,
            swapplex::keys::Ttl::In(_)
        ));
    }
    Ok(())
}

#[tokio::test]
async fn futures_borrow_nothing() -> Result<(), Error> {
    let task = {
        let local = String::from("s7");
        tokio::spawn(Keys::ranking(&local).top(3))
    };
    assert_eq!(task.await.expect("no panic")?, []);
    let task = tokio::spawn(Keys::profile(7).get());
    task.await.expect("no panic")?;
    let set = {
        let value = String::from("x");
        tokio::spawn(Keys::name(7001).set(&value))
    };
    set.await.expect("no panic")?;
    let (a, b) = tokio::try_join!(Keys::profile(7).get(), Keys::name(7001).get())?;
    assert_eq!((a.as_deref(), b.as_deref()), (None, Some("x")));
    Ok(())
}

#[tokio::test]
async fn a_value_that_does_not_decode_names_key_and_type() -> Result<(), Error> {
    Keys::name(8001).set("x").await?;
    Shop::set("shop:user:8001:age", "young").await?;
    Shop::set("shop:user:8001:tags", "[1").await?;
    let error = Keys::age(8001).get().await.expect_err("no number").to_string();
    assert!(
        error.contains("shop:user:8001:age") && error.contains("u8"),
        "{error}"
    );
    let error = Keys::age(8001)
        .get_fresh()
        .await
        .expect_err("no number")
        .to_string();
    assert!(
        error.contains("shop:user:8001:age") && error.contains("u8"),
        "{error}"
    );
    let error = Keys::tags(8001).get().await.expect_err("no JSON");
    assert!(matches!(&error, Error::Decode { key, value, .. }
        if &**key == "shop:user:8001:tags" && value.contains("Vec<alloc::string::String>")));
    // Who shares a command with it has an answer all the same.
    let (name, age) = tokio::join!(Keys::name(8001).get(), Keys::age(8001).get());
    assert_eq!(name?.as_deref(), Some("x"));
    assert!(age.is_err());
    Ok(())
}

#[tokio::test]
async fn an_error_repeats_nothing_of_a_value_that_does_not_decode() -> Result<(), Error> {
    let secret = r#""hunter2-secret""#;
    for key in ["user:8101:age", "user:8101:tags", "user:8101:views"] {
        Shop::set(format!("shop:{key}"), secret).await?;
    }
    Shop::connection()
        .hset::<_, _, _, ()>("shop:cart:8101", "tea", secret)
        .await?;
    for (error, said) in [
        (
            Keys::age(8101).get().await.map(drop),
            "the value of the key `shop:user:8101:age` is no `u8`: its 16 bytes do not convert",
        ),
        (
            Keys::views(8101).get().await.map(drop),
            "the value of the key `shop:user:8101:views` is no `i64`: its 16 bytes do not convert",
        ),
        (
            Keys::cart(8101).get("tea").await.map(drop),
            "the value of the key `shop:cart:8101` is no `u32`: its 16 bytes do not convert",
        ),
        (
            Keys::tags(8101).get().await.map(drop),
            "the value of the key `shop:user:8101:tags` is no `alloc::vec::Vec<alloc::string::String>`: expected a \
             sequence at line 1 column 16",
        ),
    ] {
        let error = error.expect_err(said);
        assert_eq!(error.to_string(), said);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_list_is_none_in_a_shared_get_and_an_error_in_a_fresh_one() -> Result<(), Error> {
    Keys::jobs(1).push_back("x").await?;
    let list: swapplex::Key<Value<String>, Shop> = swapplex::Key::new("shop:jobs:1");
    assert_eq!(list.get().await?, None);
    let (list_too, none) = tokio::try_join!(list.get(), Keys::name(9999).get())?;
    assert_eq!((list_too, none), (None, None));
    let error = list.get_fresh().await.expect_err("a list");
    assert!(
        matches!(&error, Error::Redis(error) if error.code() == Some("WRONGTYPE")),
        "{error}"
    );
    Ok(())
}

#[tokio::test]
async fn a_key_is_on_the_client_that_it_is_put_on() -> Result<(), Error> {
    let other = RedisServer::start();
    let client = Client::open(other.url()).expect("a URL");
    let here = Keys::name(9001);
    let there = here.clone().on(&client);
    here.set("here").await?;
    there.set("there").await?;
    let values = swapplex::get_many([here.clone(), there.clone()]).await?;
    assert_eq!(values, [Some("here".into()), Some("there".into())]);
    assert_eq!(client.get(&here).await?.as_deref(), Some("there"));
    there.delete().await?;
    assert_eq!(swapplex::get(&there).await?, None);
    assert_eq!(here.get_fresh().await?.as_deref(), Some("here"));
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_encoded_is_not_sent() {
    struct Unwritable;
    impl serde::Serialize for Unwritable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("on strike"))
        }
    }
    impl<'de> serde::Deserialize<'de> for Unwritable {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }
    let key: swapplex::Key<Value<Unwritable, Json>, Shop> = swapplex::Key::new("unwritable");
    let error = key.set(&Unwritable).await.expect_err("no bytes");
    assert!(
        error.is_not_executed() && error.to_string().contains("on strike"),
        "{error}"
    );
    assert!(!key.exists().await.expect("an answer"));
}
