//! What the server's errors say to those who use typed keys.

use std::time::Duration;

use swapplex::shape::{Counter, Hash, List, Stream};
use swapplex::{Client, Error, Key, RedisKeys};
use swapplex_tests::{Answer, RedisServer, ScriptedServer};

#[derive(RedisKeys)]
struct Keys {
    #[key("cart:{id}")]
    cart: fn(id: u64) -> Hash<String, u32>,
    #[key("basket:{id}", ttl = "1h")]
    basket: fn(id: u64) -> Hash<String, u32>,
    #[key("limit:{id}", ttl = "1h")]
    limit: fn(id: u64) -> Counter,
    #[key("recent:{id}", ttl = "1h")]
    recent: fn(id: u64) -> List<u64>,
    #[key("log:{id}", ttl = "1h")]
    log: fn(id: u64) -> Stream<String, u64>,
}

/// The code of a server's error, and its text.
#[track_caller]
fn said<T>(result: Result<T, Error>) -> (String, String) {
    match result {
        Err(Error::Redis(error)) => (error.code().unwrap_or_default().to_owned(), error.to_string()),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the server refuses it"),
    }
}

#[tokio::test]
async fn a_key_that_holds_something_else_is_named_with_the_command() -> Result<(), Error> {
    let server = RedisServer::start();
    let client = Client::open(server.url()).expect("a URL");
    for key in ["cart:1", "basket:1", "recent:1", "log:1"] {
        client.set(key, "text").await?;
    }
    client.set("limit:1", "no number").await?;
    let (cart, basket) = (Keys::cart(1).on(&client), Keys::basket(1).on(&client));
    let many: Vec<(String, u64)> = (0..4000).map(|field| (field.to_string(), field)).collect();
    let many = many.iter().map(|(field, value)| (field, value));
    for (said, asked) in [
        (said(cart.set("tea", &1).await), "HSET of the key `cart:1`"),
        (said(cart.get("tea").await), "HGET of the key `cart:1`"),
        (said(cart.len().await), "HLEN of the key `cart:1`"),
        (said(basket.set("tea", &1).await), "HSET of the key `basket:1`"),
        (
            said(Keys::recent(1).on(&client).push_back(&7).await),
            "RPUSH of the key `recent:1`",
        ),
        (
            said(Keys::log(1).on(&client).add(many).await),
            "XADD of the key `log:1`",
        ),
        (
            said(cart.command("LRANGE").arg(0).arg(1).query::<Vec<String>>().await),
            "LRANGE of the key `cart:1`",
        ),
    ] {
        let (code, text) = said;
        assert_eq!(code, "WRONGTYPE");
        assert_eq!(
            text,
            format!("\"WRONGTYPE\": Operation against a key holding the wrong kind of value ({asked})")
        );
    }
    // Of those that share a command, too.
    let answers = futures_util::future::join_all(["a", "b", "c"].map(|field| cart.get(field))).await;
    for answer in answers {
        let (code, text) = said(answer);
        assert!(
            code == "WRONGTYPE" && text.ends_with("(HGET of the key `cart:1`)"),
            "{text}"
        );
    }
    let (code, text) = said(Keys::limit(1).on(&client).incr(1).await);
    assert_eq!(code, "ERR");
    assert!(text.ends_with("(INCRBY of the key `limit:1`)"), "{text}");
    Ok(())
}

#[tokio::test]
async fn a_key_in_an_error_is_escaped_and_cut_short() -> Result<(), Error> {
    let server = RedisServer::start();
    let client = Client::open(server.url()).expect("a URL");
    let name = format!("\x1b[31m\n{}", "x".repeat(500));
    client.set(&name, "text").await?;
    let list: Key<List<u64>> = Key::new(&name);
    let (_, text) = said(list.on(&client).len().await);
    assert!(text.contains(r"(LLEN of the key `\u{1b}[31m\nxxx"), "{text}");
    assert!(text.ends_with("xxx…` (506 bytes))"), "{text}");
    Ok(())
}

#[tokio::test]
async fn who_may_not_run_scripts_is_told_that_the_ttl_takes_one() {
    let server = RedisServer::builder()
        .user("app on >secret ~* +@all -eval -multi")
        .start();
    let client = Client::open(server.url_as("app", "secret")).expect("a URL");
    let (code, text) = said(Keys::basket(1).on(&client).set("tea", &1).await);
    assert_eq!(code, "NOPERM");
    assert!(
        text.ends_with("(HSET of the key `basket:1`, whose `ttl` needs 'eval')"),
        "{text}"
    );
    let (code, text) = said(Keys::limit(1).on(&client).incr(1).await);
    assert_eq!(code, "NOPERM");
    assert!(
        text.ends_with("(INCRBY of the key `limit:1`, whose `ttl` needs 'multi')"),
        "{text}"
    );
}

#[tokio::test]
async fn an_older_server_and_its_scripts_are_understood() {
    let server = ScriptedServer::start(|request| {
        request.handshake().unwrap_or_else(|| {
            Answer::error(
                "ERR Error running script (call to f_4c23025b42362940fc9f7eb483a2f0ad34665dee): \
                 @user_script:5: WRONGTYPE Operation against a key holding the wrong kind of value",
            )
        })
    });
    let client = Client::open(server.url()).expect("a URL");
    let (code, text) = said(Keys::basket(1).on(&client).set("tea", &1).await);
    assert_eq!(code, "WRONGTYPE");
    assert!(
        text.ends_with("wrong kind of value (HSET of the key `basket:1`)"),
        "{text}"
    );
}

#[tokio::test]
async fn an_error_in_a_transaction_is_one_behind_an_attribute_too() {
    let server = ScriptedServer::start(|request| {
        request
            .handshake()
            .unwrap_or_else(|| match request.name().as_str() {
                "MULTI" => Answer::ok(),
                "EXEC" => Answer::raw("*2\r\n$-1\r\n|1\r\n+ttl\r\n:3\r\n-WRONGTYPE no\r\n"),
                _ => Answer::raw("+QUEUED\r\n"),
            })
    });
    let client = Client::open(server.url()).expect("a URL");
    let (code, _) = said(Keys::limit(1).on(&client).incr(1).await);
    assert_eq!(code, "WRONGTYPE");
}

#[tokio::test]
async fn a_refusal_for_now_that_stays_keeps_its_code() {
    let server = RedisServer::start();
    server.ok(&["REPLICAOF", "127.0.0.1", "1"]);
    let client = Client::builder(swapplex::config::Source::url(server.url()).expect("a URL"))
        .command_timeout(Duration::from_millis(300))
        .build();
    for answer in [
        Keys::basket(1).on(&client).set("tea", &1).await.err(),
        Keys::limit(1).on(&client).incr(1).await.err(),
    ] {
        let (code, text) = said(Err::<(), _>(answer.expect("a replica refuses")));
        assert!(matches!(&*code, "READONLY" | "EXECABORT"), "{text}");
        assert!(text.ends_with("`)") && !text.contains("user_script"), "{text}");
    }
}
