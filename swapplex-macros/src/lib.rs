//! The macros of swapplex. Use them through the `swapplex` crate, which re-exports them.

mod database;
mod entry;
mod errors;
mod keys;
mod lints;
mod options;

use proc_macro::TokenStream;

/// Makes an `async fn` the program's entry: runs it on a barrier-protected runtime, and ends that gracefully.
///
/// In place of `#[tokio::main]`, whose options it takes by the same names. The function's outcome is passed on, an
/// error or a panic too, when the end is done: endings have run, what was under way is settled or counted, the
/// runtime is gone.
///
/// # Options
///
/// | option | meaning | default |
/// |---|---|---|
/// | `flavor = "…"` | `multi_thread` or `current_thread` | `multi_thread` |
/// | `worker_threads = 4` | how many workers a multi-thread runtime has | `TOKIO_WORKER_THREADS`, else the machine's cores |
/// | `start_paused = true` | a current-thread runtime whose clock starts paused; needs the feature `test-util` | `false` |
/// | `name = "…"` | the runtime's name in metrics and dumps | none |
/// | `crate = "…"` | the path of the `swapplex` crate | `::swapplex` |
///
/// For other options, build a `swapplex::runtime::Runtime` and call `run` on it: the macro does nothing else.
///
/// # Examples
///
/// ```
/// #[swapplex::main(worker_threads = 2)]
/// async fn main() -> Result<(), std::num::ParseIntError> {
///     let answer = tokio::spawn(async { "42".parse::<u8>() });
///     assert_eq!(answer.await.unwrap()?, 42);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Main, options.into(), function.into()).into()
}

/// Makes an `async fn` a test: runs it on a barrier-protected runtime of its own, and ends that gracefully.
///
/// In place of `#[tokio::test]`. The options are those of [`main`](macro@main); the default flavor is
/// `current_thread`.
///
/// # Examples
///
/// ```
/// #[swapplex::test(flavor = "multi_thread", worker_threads = 2)]
/// async fn answers() {
///     assert_eq!(tokio::spawn(async { 6 * 7 }).await.unwrap(), 42);
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Test, options.into(), function.into()).into()
}

/// Typed accessors for a program's keys: one struct lists the keyspace, and each field is one family of keys.
///
/// A field's name becomes an accessor, its `fn` type is the accessor's signature, `#[key("…")]` is the template, a Rust
/// format string. The struct is never instantiated. See the guide in `swapplex::docs::keys` for how keys are written,
/// escaped, shared with other programs and migrated, and for which shape to take when.
///
/// ```
/// use std::{fmt, time::Duration};
/// use swapplex::shape::{Counter, Hash, SortedSet, Value};
/// use swapplex::RedisKeys;
/// # mod shop {
/// #     #[derive(swapplex::Database)]
/// #     #[swapplex(env = "SESSIONS")]
/// #     pub struct Sessions;
/// #     #[derive(Clone, Copy)]
/// #     pub struct UserId(pub u64);
/// #     impl std::fmt::Display for UserId {
/// #         fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { self.0.fmt(f) }
/// #     }
/// # }
/// # use shop::{Sessions, UserId};
///
/// const VIEW_WINDOW: Duration = Duration::from_secs(24 * 3600);
///
/// /// Everything the shop keeps in Redis.
/// #[derive(RedisKeys)]
/// #[swapplex(prefix = "shop", database = Sessions)]
/// pub struct Keys {
///     /// The name shown on a user's page.
///     #[key("user:{id}:name", ttl = "15m", cached)]
///     pub name: fn(id: UserId) -> Value<String>,
///
///     /// Page views.
///     #[key("user:{id}:views", ttl = VIEW_WINDOW)]
///     pub views: fn(id: UserId) -> Counter,
///
///     /// The cart; its keys share a cluster slot.
///     #[key("{{user:{id}}}:cart")]
///     pub(crate) cart: fn(id: UserId) -> Hash<String, u32>,
///
///     /// Season ranking.
///     #[key("season:{season}:ranking")]
///     pub ranking: fn(season: &str) -> SortedSet<u64>,
/// }
///
/// # async fn example(id: UserId) -> Result<(), swapplex::Error> {
/// let name = Keys::name(id).get().await?;          // Option<String>; joins the MGET of every other get in flight
/// Keys::name(id).set("Ada").await?;                // SET … PX 900000
/// Keys::views(id).incr(1).await?;
/// let top = Keys::ranking("s7").top(10).await?;
/// let many = swapplex::get_many([1, 2, 3].map(|id| Keys::name(UserId(id)))).await?;
/// tokio::spawn(Keys::ranking("s7").top(3));        // futures are 'static
/// # Ok(())
/// # }
/// ```
///
/// # Options of a field: `#[key("template", …)]`
///
/// | option | meaning |
/// |---|---|
/// | `ttl = "15m"` | when keys expire: a number and `ms`, `s`, `m`, `h` or `d`, or any constant `Duration`, also `T::TTL` of a parameter of the struct. Each shape says when it starts |
/// | `cached`, `cached = "30s"` | values may be kept on the client, at most so long. Only on shapes that can be; without effect so far |
/// | `raw`, `raw(path)` | the text of all parameters, or of these, is written as it is, for keys shared with other programs |
///
/// # Options of the struct: `#[swapplex(…)]`
///
/// | option | meaning | default |
/// |---|---|---|
/// | `prefix = "shop"` | what every key begins with, a `:` behind it | none |
/// | `database = Sessions` | the database that the keys are in | `EnvConnection` |
/// | `crate = "…"` | the path of the `swapplex` crate | `::swapplex` |
///
/// # What it expands to
///
/// Calls, no logic: an accessor escapes its parameters, writes the template, and names the policy. For `name` above:
///
/// ```
/// # use std::fmt;
/// # use swapplex::shape::Value;
/// # #[derive(swapplex::Database)]
/// # #[swapplex(env = "SESSIONS")]
/// # pub struct Sessions;
/// # pub struct UserId(pub u64);
/// # impl fmt::Display for UserId {
/// #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
/// # }
/// # pub struct Keys { pub name: fn(id: UserId) -> Value<String> }
/// impl Keys {
///     /// The name shown on a user's page.
///     ///
///     /// Key: `shop:user:{id}:name`, TTL `15m`.
///     pub fn name(id: UserId) -> ::swapplex::Key<Value<String>, Sessions> {
///         // One error each, at the type, where it does not fit.
///         ::swapplex::keys::private::is_database::<Sessions>();
///         ::swapplex::keys::private::is_shape::<Value<String>>();
///         ::swapplex::keys::private::is_cacheable::<Value<String>>();
///         let mut key = ::swapplex::keys::private::blank({
///             const __POLICY: ::swapplex::keys::Policy = ::swapplex::keys::Policy::new()
///                 .ttl(::core::time::Duration::from_millis(900000u64))
///                 .cached();
///             &__POLICY
///         });
///         // Text and numbers are written as they are, which is faster than to format them …
///         let mut pieces = ::swapplex::keys::private::Pieces::of(&mut key);
///         {
///             use ::swapplex::keys::private::{Known as _, Unknown as _};
///             ::swapplex::keys::private::Pieces::text(&mut pieces, "shop:user:");
///             ::swapplex::keys::private::Pieces::escaped(
///                 &mut pieces,
///                 (&::swapplex::keys::private::Parameter(&id)).swapplex_piece(),
///                 b':',
///                 0usize,
///             );
///             ::swapplex::keys::private::Pieces::text(&mut pieces, ":name");
///         }
///         // … and only where there is something else, as here, the template is formatted.
///         let escaping = ::swapplex::keys::private::Escaping::new();
///         let id = ::swapplex::keys::private::text::<UserId>(&id, &escaping, ::core::option::Option::None);
///         ::swapplex::keys::private::Pieces::finish(
///             pieces,
///             &escaping,
///             "shop:",
///             ::core::format_args!("user:{id}:name"),
///         );
///         key
///     }
///
///     // views, cart, ranking: the same
/// }
///
/// // Reads the fields, so that nobody is told that nobody does.
/// #[automatically_derived]
/// impl ::swapplex::keys::private::Keyspace for Keys {
///     fn fields(&self) {
///         _ = &self.name;
///     }
/// }
/// # assert_eq!(Keys::name(UserId(7)).as_bytes(), b"shop:user:7:name");
/// ```
///
/// The items in `keys::private` are for this expansion alone, and change with it.
#[proc_macro_derive(RedisKeys, attributes(key, swapplex))]
pub fn redis_keys(item: TokenStream) -> TokenStream {
    keys::expand(item.into()).into()
}

/// A database that has a type of its own, configured by environment variables of its own.
///
/// Everything that the crate does for the database of the environment works on the type: `get`, `set`, `connection`,
/// `connection_stream`, `ready`, `close` and so on, through the trait `swapplex::Database`, which has the derive's name
/// and is imported with it. Its client is made when it is first used, and lives as long as the program.
///
/// ```no_run
/// use redis::AsyncCommands;
/// use swapplex::shape::Value;
/// use swapplex::{Database, RedisKeys};
///
/// /// Who is logged in. SESSIONS_URL, or SESSIONS_HOST and so on.
/// #[derive(Database)]
/// #[swapplex(env = "SESSIONS", default = "redis://127.0.0.1:6379/1")]
/// pub struct Sessions;
///
/// #[derive(RedisKeys)]
/// #[swapplex(prefix = "session", database = Sessions)]
/// pub struct Keys {
///     #[key("{token}")]
///     pub user: fn(token: &str) -> Value<u64>,
/// }
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// Sessions::ready().await?;
/// let raw = Sessions::get("session:abc").await?;          // joins the MGET of all others of this database
/// let user = Keys::user("abc").get().await?;
/// let () = Sessions::connection().expire("session:abc", 3600).await?;
/// Sessions::close().await?;
/// # Ok(())
/// # }
/// ```
///
/// # Options: `#[swapplex(…)]`
///
/// | option | meaning | default |
/// |---|---|---|
/// | `env = "SESSIONS"` | what the names of its variables begin with; `swapplex::config` lists them | needed, unless `service_url` is given |
/// | `default = "redis://…"` | the URL for what the variables leave out; without a password | `redis://127.0.0.1:6379` |
/// | `service_url` | the type implements env-url's `ServiceURL`, which then reads the environment in its own way | |
/// | `replay = "reads"` | what may be sent again after its connection was lost: `never`, `reads`, `idempotent`, `effects`, `always`; see `Replay` | `idempotent` |
/// | `configure = function` | a `fn(ClientBuilder) -> ClientBuilder` that changes settings: time limits, credentials, bounds | |
/// | `on_connect = function` | an `async fn(NewConnection) -> Result<(), E>` that runs on each new connection before any waiting command; see `ClientBuilder::on_connect` | |
/// | `crate = "…"` | the path of the `swapplex` crate | `::swapplex` |
///
/// The type is only a name: a struct without fields and parameters.
///
/// # Examples
///
/// Settings in code, and a type of env-url's:
///
/// ```
/// use env_url::{EnvURL, ServiceURL};
/// use std::time::Duration;
/// use swapplex::{ClientBuilder, Database};
///
/// #[derive(Database)]
/// #[swapplex(env = "CACHE", configure = hasty)]
/// struct Cache;
///
/// fn hasty(builder: ClientBuilder) -> ClientBuilder {
///     builder.command_timeout(Duration::from_millis(50))
/// }
///
/// #[derive(EnvURL, Database)]
/// #[env_url(env_prefix = "QUEUE", default = "redis://127.0.0.1:6379/3")]
/// #[swapplex(service_url)]
/// struct Queue;
/// # assert_eq!(Queue::stats(), Cache::stats());
/// ```
///
/// # What it expands to
///
/// For `Cache` above:
///
/// ```
/// # use std::time::Duration;
/// # use swapplex::ClientBuilder;
/// # struct Cache;
/// # fn hasty(builder: ClientBuilder) -> ClientBuilder {
/// #     builder.command_timeout(Duration::from_millis(50))
/// # }
/// #[automatically_derived]
/// impl ::swapplex::Database for Cache {
///     #[inline]
///     fn client() -> &'static ::swapplex::Client {
///         static CLIENT: ::std::sync::OnceLock<::swapplex::Client> = ::std::sync::OnceLock::new();
///         ::std::sync::OnceLock::get_or_init(&CLIENT, || {
///             let builder = ::swapplex::Client::builder(::swapplex::config::Source::env("CACHE"));
///             let configure: fn(::swapplex::ClientBuilder) -> ::swapplex::ClientBuilder = hasty;
///             let builder = configure(builder);
///             builder.build()
///         })
///     }
/// }
/// ```
///
/// It is a trait for each type and not one for all that implement `ServiceURL`, because each needs a static of its own.
#[proc_macro_derive(Database, attributes(swapplex))]
pub fn database(item: TokenStream) -> TokenStream {
    database::expand(item.into()).into()
}
