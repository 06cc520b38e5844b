//! A small shop, whose whole keyspace is one struct: profile, views, cart, ranking, session.
//!
//! `REDIS_URL=redis://127.0.0.1:6379 cargo run -p swapplex-examples --example keys`

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use swapplex::codec::Json;
use swapplex::shape::{Counter, Hash, SortedSet, Value};
use swapplex::{Error, RedisKeys};

/// A user's number, and nothing else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct UserId(u64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Profile {
    name: String,
    city: String,
}

/// Views are counted for a day.
const VIEW_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// Everything the shop keeps in Redis.
#[derive(RedisKeys)]
#[swapplex(prefix = "shop")]
struct Keys {
    /// The profile shown on a user's page.
    #[key("user:{id}:profile", ttl = "15m", cached)]
    profile: fn(id: UserId) -> Value<Profile, Json>,

    /// Page views of the last day.
    #[key("user:{id}:views", ttl = VIEW_WINDOW)]
    views: fn(id: UserId) -> Counter,

    /// The cart, how many of what; a user's keys share a cluster slot.
    #[key("{{user:{id}}}:cart", ttl = "30d")]
    cart: fn(id: UserId) -> Hash<String, u32>,

    /// Season ranking, by what was spent.
    #[key("season:{season}:ranking")]
    ranking: fn(season: &str) -> SortedSet<u64>,

    /// Who is logged in with a token.
    #[key("session:{token}", ttl = "1h")]
    session: fn(token: &str) -> Value<u64>,
}

/// What a user's page shows: one round trip, whatever else is under way.
async fn page(token: &str) -> Result<String, Error> {
    let Some(id) = Keys::session(token).get().await?.map(UserId) else {
        return Ok("please log in".into());
    };
    let (profile, views, cart, best) = tokio::try_join!(
        Keys::profile(id).get(),
        Keys::views(id).incr(1),
        Keys::cart(id).all(),
        Keys::ranking("summer").top(3),
    )?;
    let name = profile.map_or_else(
        || "somebody".into(),
        |profile| format!("{} of {}", profile.name, profile.city),
    );
    let things: u32 = cart.values().sum();
    let best: Vec<String> = best.iter().map(|(id, spent)| format!("{id} ({spent})")).collect();
    Ok(format!(
        "{name}: {views} views, {things} things in the cart; best: {}",
        best.join(", ")
    ))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let ids = [1, 2, 3].map(UserId);
    let profiles = ["Ada", "Bea", "Cleo"].map(|name| Profile {
        name: name.into(),
        city: "Turin".into(),
    });
    swapplex::set_many(ids.map(Keys::profile).into_iter().zip(&profiles)).await?;
    for id in ids {
        Keys::ranking("summer").add(&id.0, 10.0).await?;
        Keys::session(&format!("token:{id}")).set(&id.0).await?;
    }
    Keys::cart(ids[0])
        .set_many([("tea", &2), ("rye bread", &1)])
        .await?;
    Keys::ranking("summer").incr(&2, 32.5).await?;

    println!("{}", page("token:1").await?);
    println!("{}", page("token:2").await?);
    println!("{}", page("nobody's").await?);

    // In order, in one MGET: Option<Profile> each.
    let known = swapplex::get_many(ids.map(Keys::profile)).await?;
    println!("{} profiles are known", known.iter().flatten().count());
    println!(
        "a cart's key: {:?}, in slot {}",
        Keys::cart(ids[0]),
        Keys::cart(ids[0]).slot()
    );

    for id in ids {
        Keys::views(id).delete().await?;
        Keys::cart(id).delete().await?;
    }
    Keys::ranking("summer").delete().await
}
