//! A password that is nowhere in what the program writes, whatever goes wrong.

use std::fmt::{Debug, Display, Write as _};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::{Value, cmd};
use swapplex::config::{BoxError, Secret, Source, explain};
use swapplex::{Client, ClientBuilder, ConnectionEvent, Database, NewConnection};
use swapplex_tests::{Answer, RedisServer, ReservedPort, ScriptedServer, child};
use tokio::task::JoinSet;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

/// Of characters that no encoding changes.
const CANARY: &str = "c4naryINaCOALmine";
/// Enough of it to know it by, where it was cut off.
const BEGINNING: &str = "c4nary";

/// Writes all that is told, by whomever and at whatever level.
struct Everything(AtomicU64);

impl Everything {
    fn write(what: impl Display, record: impl FnOnce(&mut Line)) {
        let mut line = Line(format!("TRACED {what}"));
        record(&mut line);
        eprintln!("{}", line.0);
    }
}

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        Self::write(named(span.metadata()), |line| span.record(line));
        span::Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        Self::write("recorded", |line| values.record(line));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        Self::write(named(event.metadata()), |line| event.record(line));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

fn named(metadata: &Metadata<'_>) -> String {
    format!("{} {} {}", metadata.level(), metadata.target(), metadata.name())
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "redis://127.0.0.1:1/1", on_connect = refuse)]
struct Sessions;

async fn refuse(_: NewConnection) -> Result<(), BoxError> {
    Err("the hook refuses".into())
}

fn debug(what: &str, value: &impl Debug) {
    println!("{what}: {value:?}\n{what}: {value:#?}");
}

fn error(what: &str, error: &(impl Debug + Display)) {
    println!("{what}: {error}");
    debug(what, error);
}

/// Tries whatever connects, and writes all that comes of it.
async fn fail(what: impl Into<String>, client: ClientBuilder) {
    let what = &*what.into();
    debug(what, &client);
    let client = client
        .connect_timeout(Duration::from_millis(500))
        .command_timeout(Duration::from_millis(700))
        .reconnect_debounce(Duration::from_millis(100), Duration::ZERO)
        .build();
    let mut events = client.connection_stream();
    error(what, &client.get("k").await.expect_err(what));
    error(what, &client.ready().await.expect_err(what));
    error(what, &client.dedicated().await.expect_err(what));
    error(what, &client.pubsub().await.map(drop).expect_err(what));
    let mut connection = client.connection();
    let blocking = cmd("BLPOP").arg("list").arg(0).to_owned();
    let answer = blocking.query_async::<Value>(&mut connection).await;
    error(what, &answer.expect_err(what));
    let event = events.next().await;
    debug(what, &event);
    if let Some(ConnectionEvent::Failed { cause, .. }) = event {
        let mut cause: Option<&dyn std::error::Error> = Some(&*cause);
        while let Some(error) = cause {
            println!("{what}: {error} {error:?}");
            cause = error.source();
        }
    }
    debug(what, &(&client, &connection, &events, client.stats()));
    println!("{what}: {:?}", client.close().await);
}

fn at(url: impl AsRef<str>) -> ClientBuilder {
    Client::builder(Source::url(url).expect("a valid URL"))
}

/// With a password, on a port of this host.
fn local(scheme: &str, port: u16) -> ClientBuilder {
    at(format!("{scheme}://app:{CANARY}@localhost:{port}/1"))
}

/// Answers whatever comes with these bytes, or with an error that repeats what came.
fn peer(answer: Option<&'static [u8]>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it listens").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    let said = String::from_utf8_lossy(&buffer[..read]).replace("\r\n", " ");
                    let repeated = format!("-ERR you said {said}\r\n");
                    // As often as a handshake has commands.
                    let answers = answer.unwrap_or(repeated.as_bytes()).repeat(8);
                    if stream.write_all(&answers).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

/// Wrong in every way that there is; each with a prefix of its own.
fn variables(command: &mut Command, secret_file: &str) -> usize {
    let url = format!("redis://app:{CANARY}@localhost:1");
    let wrong: Vec<Vec<(&str, String)>> = vec![
        vec![("URL", format!("redis://:{CANARY}@host:port"))],
        vec![("URL", format!("redis://app:{CANARY}/x@host"))],
        vec![("URL", format!("http://:{CANARY}@host"))],
        vec![("URL", format!("redis://app:pw#{CANARY}@host"))],
        vec![("URL", CANARY.to_owned())],
        vec![("URL_ENV", url.clone())],
        vec![("HOST", url.clone())],
        vec![("PORT", CANARY.to_owned())],
        vec![("DB", CANARY.to_owned())],
        vec![("PATH", CANARY.to_owned()), ("SCHEME", "unix".to_owned())],
        vec![("SCHEME", CANARY.to_owned())],
        vec![("QUERY", format!("protocol={CANARY}"))],
        vec![("USERNAME", url.clone())],
        vec![("USERINFO", format!("{CANARY}:%ff"))],
        vec![("PASSWORD_ENV", CANARY.to_owned())],
        vec![
            ("PASSWORD", CANARY.to_owned()),
            ("PASSWORD_FILE", secret_file.to_owned()),
        ],
        vec![("PASSWORD_FILE", format!("/{CANARY}"))],
        vec![
            ("SCHEME", "rediss".to_owned()),
            ("TLS_CA_FILE", secret_file.to_owned()),
        ],
        vec![
            ("SCHEME", "rediss".to_owned()),
            ("TLS_CA_FILE", format!("-----BEGIN {CANARY}")),
        ],
        vec![
            ("SCHEME", "rediss".to_owned()),
            ("TLS_KEY_FILE", secret_file.to_owned()),
        ],
        vec![
            ("SCHEME", "rediss".to_owned()),
            ("TLS_CERT_FILE", secret_file.to_owned()),
            ("TLS_KEY_FILE", secret_file.to_owned()),
        ],
    ];
    for (number, variables) in wrong.iter().enumerate() {
        for (name, value) in variables {
            command.env(format!("WRONG{number}_{name}"), value);
        }
    }
    wrong.len()
}

#[test]
fn a_password_is_nowhere_in_what_is_written_whatever_goes_wrong() {
    let output = child::output(
        |command| {
            let server = RedisServer::builder().password("another").start();
            let file = server.directory().join("secret");
            fs::write(&file, CANARY).expect("the server's directory is writable");
            let file = file.to_str().expect("a path of ours");
            let count = variables(command, file);
            command.env("WRONG", count.to_string());
            command.env("PORT", server.port().to_string());
            command.env("FROM_FILE_PORT", server.port().to_string());
            command.env("FROM_FILE_PASSWORD_FILE", file);
            command.env("SESSIONS_PASSWORD", CANARY);
            command.env("SESSIONS_USERNAME", "app");
            command.env("RUST_BACKTRACE", "full");
            server
        },
        || {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(everything_that_goes_wrong());
        },
    );
    let Some(output) = output else { return };
    for expected in [
        "TRACED WARN swapplex::connection",
        "WRONGPASS",
        "Connection refused",
        "on_connect failed: the hook refuses",
        "it panicked",
        "TLS with ",
        "<redacted>",
        "FROM_FILE_PASSWORD_FILE",
        "all was tried",
    ] {
        assert!(
            output.contains(expected),
            "`{expected}` is missing, so not all was tried:\n{output}"
        );
    }
    let found: Vec<_> = output.lines().filter(|line| line.contains(BEGINNING)).collect();
    assert!(found.is_empty(), "{found:#?}");
}

async fn everything_that_goes_wrong() {
    tracing::subscriber::set_global_default(Everything(AtomicU64::new(0))).expect("nobody else listens");
    // Side by side, since each takes its time.
    let mut all = JoinSet::new();
    let plain = RedisServer::start();
    let closed = ReservedPort::new().expect("a port");
    wrong_credentials(&mut all);
    nobody_there(&mut all, &closed);
    wrong_tls_and_hooks(&mut all, &plain);
    let peers = strange_peers(&mut all);
    wrong_configuration(&mut all);
    error(
        "a database",
        &Sessions::ready().await.expect_err("nothing listens there"),
    );
    debug("a database", &(Sessions::client(), Sessions::connection()));
    let shared = Client::open(plain.url()).expect("a valid URL");
    for name in ["AUTH", "HELLO"] {
        let refused = cmd(name)
            .arg("3")
            .arg(CANARY)
            .query_async::<Value>(&mut shared.connection())
            .await;
        error("refused", &refused.expect_err("it needs a connection of its own"));
    }
    while let Some(tried) = all.join_next().await {
        tried.expect("it fails as it should");
    }
    drop(peers);
    println!("all was tried");
}

fn number(name: &str) -> u16 {
    let value = std::env::var(name).expect("set by the parent");
    value.parse().expect("a number")
}

fn wrong_credentials(all: &mut JoinSet<()>) {
    let port = number("PORT");

    all.spawn(fail("wrong password", local("redis", port)));
    all.spawn(fail(
        "wrong password, RESP2",
        at(format!("redis://:{CANARY}@localhost:{port}?protocol=resp2")),
    ));
    all.spawn(fail(
        "wrong password, of a file",
        Client::builder(Source::env("FROM_FILE")),
    ));
    println!("{}", explain("FROM_FILE", "redis://localhost"));
    all.spawn(fail(
        "as the user name alone",
        at(format!("redis://{CANARY}@localhost:{port}/1?protocol=resp2")).on_connect(refuse),
    ));
    let issued = || async { Ok((Some("app".to_owned()), Secret::new(CANARY))) };
    all.spawn(fail(
        "issued",
        at(format!("redis://localhost:{port}")).credentials(issued),
    ));
    let fails = || async { Err::<(Option<String>, Secret), BoxError>("out of tokens".into()) };
    all.spawn(fail("not issued", local("redis", port).credentials(fails)));
}

fn nobody_there(all: &mut JoinSet<()>, closed: &ReservedPort) {
    all.spawn(fail("unreachable", local("redis", closed.number())));
    all.spawn(fail("unreachable, TLS", local("rediss", closed.number())));
    all.spawn(fail(
        "no such host",
        at(format!("redis://app:{CANARY}@no-such-host.invalid")),
    ));
    all.spawn(fail(
        "no such socket",
        at(format!("unix:///nowhere/redis.sock?user=app&pass={CANARY}")),
    ));
}

fn wrong_tls_and_hooks(all: &mut JoinSet<()>, plain: &RedisServer) {
    all.spawn(fail("TLS to a plain server", local("rediss", plain.port())));
    all.spawn(fail(
        "TLS without a CA file",
        local("rediss", plain.port()).tls_ca_file("/nowhere/ca.pem"),
    ));
    all.spawn(fail(
        "the hook refuses",
        local("redis", open_to_all()).on_connect(refuse),
    ));
    let panics = |_: NewConnection| async { panic!("the hook panics") };
    all.spawn(fail(
        "the hook panics",
        local("redis", open_to_all()).on_connect::<_, _, BoxError>(panics),
    ));
    let hangs = |_: NewConnection| std::future::pending::<Result<(), BoxError>>();
    all.spawn(fail(
        "the hook hangs",
        local("redis", open_to_all()).on_connect(hangs),
    ));
}

fn strange_peers(all: &mut JoinSet<()>) -> [ScriptedServer; 3] {
    for (what, answer) in [
        ("HTTP", &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]),
        ("nothing but an error", b"-ERR\r\n"),
        ("no user", b"-NOAUTH Authentication required.\r\n"),
        ("too many", b"-ERR max number of clients reached\r\n"),
        ("too long", b"$9223372036854775807\r\n"),
    ] {
        all.spawn(fail(what, local("redis", peer(Some(answer)))));
    }
    all.spawn(fail("an echo", local("redis", peer(None))));
    let repeats = ScriptedServer::start(|request| {
        let words: Vec<String> = (1..6).map(|at| format!("'{}'", request.argument(at))).collect();
        let name = request.name();
        Answer::error(&format!(
            "ERR unknown command '{name}', with args beginning with: {}",
            words.join(" ")
        ))
    });
    all.spawn(fail(
        "a server that repeats our words",
        at(repeats
            .url()
            .replace("redis://", &format!("redis://app:{CANARY}@"))),
    ));
    let mute = ScriptedServer::silent();
    all.spawn(fail(
        "a silent server",
        at(mute.url().replace("redis://", &format!("redis://app:{CANARY}@"))),
    ));
    let hasty = ScriptedServer::accept_then_close();
    all.spawn(fail(
        "a server that closes",
        at(hasty.url().replace("redis://", &format!("redis://app:{CANARY}@"))),
    ));
    [repeats, mute, hasty]
}

fn wrong_configuration(all: &mut JoinSet<()>) {
    for i in 0..number("WRONG") {
        let prefix = format!("WRONG{i}");
        let source = Source::env(&prefix);
        debug(&prefix, &source);
        println!("{}", source.explain());
        debug(&prefix, &source.explain());
        debug(&prefix, &source.unused());
        match source.load() {
            Ok(target) => debug(&prefix, &target),
            Err(wrong) => error(&prefix, &wrong),
        }
        all.spawn(fail(prefix.clone(), Client::builder(source)));
    }
    for url in [
        "redis://app:{}@host:port",
        "redis://{}@host/x",
        "{}",
        #[cfg(not(feature = "insecure"))]
        "rediss://:{}@host#insecure",
        "redis://:{}@host#insecure",
        "redis://:x#{}@host",
    ] {
        error("a URL", &Source::url(url.replace("{}", CANARY)).expect_err(url));
    }
}

/// The port of a server that takes every password.
fn open_to_all() -> u16 {
    let server = ScriptedServer::start(|request| match request.name().as_str() {
        "AUTH" => Answer::ok(),
        _ => request.handshake().unwrap_or_else(Answer::ok),
    });
    let port = server.port();
    // For as long as the process.
    std::mem::forget(server);
    port
}
