//! TLS against a real server, with certificates made here.

#![expect(clippy::unwrap_used, reason = "what sets a test up fails it")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::join_all;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use redis::aio::ConnectionLike;
use redis::{AsyncCommands, Value, cmd, pipe};
use swapplex::config::Source;
use swapplex::{Client, ClientBuilder, ConnectError, ConnectionEvent, Error, NotExecuted};
use swapplex_tests::{Cut, Direction, Flow, Proxy, RedisServer, ReservedPort, child};

const SECRET: &str = "hunter2";

/// A certificate authority of the test's own, and a server that it vouches for.
struct Setup {
    server: RedisServer,
    port: ReservedPort,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Setup {
    /// A server with a certificate made out to `name`, that asks for a password and has further directives.
    fn new(name: &str, change: impl FnOnce(&mut CertificateParams), directives: &[(&str, &str)]) -> Self {
        let issuer = authority();
        let port = ReservedPort::new().unwrap();
        // Its directory is known only once it runs.
        let server = RedisServer::builder().password(SECRET).start();
        let setup = Self { server, port, issuer };
        fs::write(setup.file("ca.pem"), setup.issuer.pem()).unwrap();
        setup.certify("server", name, change);
        for (directive, value) in directives {
            setup.server.set_config(directive, value);
        }
        setup
            .server
            .set_config("tls-port", &setup.port.number().to_string());
        setup.server.set_config("tls-ca-cert-file", "ca.pem");
        setup.server.set_config("tls-cert-file", "server.pem");
        setup.server.set_config("tls-key-file", "server.key");
        setup.server.restart();
        setup
    }

    fn good() -> Self {
        Self::new("localhost", |_| {}, &[("tls-auth-clients", "no")])
    }

    fn file(&self, name: &str) -> PathBuf {
        self.server.directory().join(name)
    }

    fn certify(&self, file: &str, name: &str, change: impl FnOnce(&mut CertificateParams)) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.file(&format!("{file}.pem")), certificate.pem()).unwrap();
        fs::write(self.file(&format!("{file}.key")), key.serialize_pem()).unwrap();
    }

    /// Settings that lead to a port of this host, without anybody to trust but whom the system trusts.
    fn without_ca(port: u16) -> ClientBuilder {
        let url = format!("rediss://:{SECRET}@localhost:{port}");
        Client::builder(Source::url(url).unwrap())
    }

    fn client(&self) -> ClientBuilder {
        Self::without_ca(self.port.number()).tls_ca_file(self.file("ca.pem"))
    }

    /// Whether anybody has tried to log in, or to say anything else, but the test itself.
    fn was_talked_to(&self) -> bool {
        self.server.calls("hello") > 0
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    authority_called("the test's own authority")
}

fn authority_called(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // Where it has the name of those that it vouches for, OpenSSL takes them for their own authorities.
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The TLS error that the client gives, which it must give at once.
async fn refusal(client: ClientBuilder) -> String {
    let client = client.command_timeout(Duration::from_secs(60)).build();
    let error = tokio::time::timeout(Duration::from_secs(30), client.get("k")).await;
    let error = error.expect("it is told at once").unwrap_err();
    let Error::NotExecuted(NotExecuted::Connect(cause)) = &error else {
        panic!("{error}")
    };
    assert!(matches!(**cause, ConnectError::Tls { .. }), "{cause:?}");
    let text = format!("{error} {error:?}");
    assert!(!text.contains(SECRET), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_over_tls() {
    let setup = Setup::good();
    let client = setup.client().build();
    let sets = (0..2000).map(|i| client.set(format!("k{i}"), i));
    assert!(join_all(sets).await.iter().all(Result::is_ok));
    let tasks = (0..2000).map(|i| {
        let client = client.clone();
        tokio::spawn(async move { client.get(format!("k{i}")).await })
    });
    for (i, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(task.await.unwrap().unwrap().unwrap(), i.to_string());
    }
    assert!(client.stats().batches > 0);

    let mut connection = client.connection();
    let mut pipeline = pipe();
    for i in 0..1000 {
        pipeline.incr("n", i).ignore();
    }
    let (n,): (i64,) = pipeline.get("n").query_async(&mut connection).await.unwrap();
    assert_eq!(n, 499_500);

    let value = |size: usize| -> Vec<u8> { (0..=u8::MAX).cycle().take(size).collect() };
    let sizes = [0, 16_384, 16_385, 1 << 20, 20 << 20];
    let round_trips = sizes.map(|size| {
        let client = client.clone();
        async move {
            client.set(format!("size:{size}"), value(size)).await.unwrap();
            assert!(
                client.get(format!("size:{size}")).await.unwrap().unwrap() == value(size),
                "{size}"
            );
        }
    });
    join_all(round_trips).await;

    let mut own = client.dedicated().await.unwrap();
    assert_eq!(own.get::<_, i64>("n").await.unwrap(), n);
    let mut blocking = client.connection();
    let popper = tokio::spawn(async move { blocking.blpop::<_, (String, u8)>("list", 0.0).await });
    let _: () = connection.rpush("list", 7).await.unwrap();
    assert_eq!(popper.await.unwrap().unwrap(), ("list".into(), 7));
    let mut pubsub = client.pubsub().await.unwrap();
    pubsub.subscribe("news").await.unwrap();
    let _: () = connection.publish("news", "x").await.unwrap();
    assert_eq!(
        pubsub.on_message().next().await.unwrap().get_payload_bytes(),
        b"x"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_connection_is_replaced_without_an_error() {
    let setup = Setup::good();
    let client = setup
        .client()
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .build();
    client.set("k", "v").await.unwrap();
    let readers: Vec<_> = (0..16)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                while client.stats().losses < 10 {
                    assert_eq!(client.get("k").await.unwrap().unwrap(), "v");
                }
            })
        })
        .collect();
    let mut events = client.connection_stream();
    for _ in 0..10 {
        while !matches!(events.next().await, Some(ConnectionEvent::Connected { .. })) {}
        setup.server.kill_clients();
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn an_idle_connection_that_was_closed_costs_no_write() {
    let setup = Setup::good();
    let client = setup
        .client()
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .build();
    let mut conn = client.connection();
    for round in 1..=100 {
        let () = conn.ping().await.unwrap();
        setup.server.kill_clients();
        assert_eq!(conn.incr::<_, _, u64>("n", 1).await.unwrap(), round);
    }
    assert_eq!(client.stats().unknown_outcomes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_socket_does_not_take_at_once_still_gets_there() {
    let setup = Setup::good();
    let proxy = Proxy::start(setup.port.number());
    let client = Setup::without_ca(proxy.port())
        .tls_ca_file(setup.file("ca.pem"))
        .build();
    client.set("k", "v").await.unwrap();
    // Nothing goes through until all is written that fits.
    proxy.set(Direction::Requests, Flow::Hold);
    let value = vec![7_u8; 8 << 20];
    let sets = (0..4).map(|i| client.set(format!("big:{i}"), value.clone()));
    let release = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        proxy.set(Direction::Requests, Flow::Pass);
    };
    let (sets, ()) = tokio::join!(join_all(sets), release);
    assert!(sets.iter().all(Result::is_ok), "{sets:?}");
    assert!(client.get("big:3").await.unwrap().unwrap() == value);
    proxy.cut_all(Cut::Reset);
    assert!(client.get("big:0").await.unwrap().unwrap() == value);
}

#[tokio::test]
async fn a_server_that_a_stranger_vouches_for_learns_nothing() {
    let setup = Setup::good();
    fs::write(setup.file("stranger.pem"), authority().pem()).unwrap();
    let text = refusal(setup.client().tls_ca_file(setup.file("stranger.pem"))).await;
    assert!(text.contains("certificate"), "{text}");
    // Nor one that only a test's own authority vouches for, where the system's are trusted.
    refusal(Setup::without_ca(setup.port.number())).await;
    assert!(!setup.was_talked_to());
}

#[tokio::test]
async fn where_nobody_trusted_is_the_issuer_it_is_told_how_to_name_one() {
    let setup = Setup::good();
    let other = authority_called("another authority");
    fs::write(setup.file("other.pem"), other.pem()).unwrap();
    let text = refusal(setup.client().tls_ca_file(setup.file("other.pem"))).await;
    let hint = "UnknownIssuer; name the authority that issued the certificate in a …_TLS_CA_FILE, \
                or with ClientBuilder::tls_ca_file";
    assert!(text.contains(hint), "{text}");
}

#[tokio::test]
async fn a_server_of_another_name_learns_nothing() {
    let setup = Setup::new("other.example", |_| {}, &[("tls-auth-clients", "no")]);
    let text = refusal(setup.client()).await;
    assert!(text.contains("other.example"), "{text}");
    assert!(!setup.was_talked_to());
    // Unless it is the name that is asked for.
    let client = setup.client().tls_server_name("other.example").build();
    client.set("k", "v").await.unwrap();
    let text = refusal(setup.client().tls_server_name("not a name")).await;
    assert!(text.contains("not a name"), "{text}");
}

#[tokio::test]
async fn a_server_whose_certificate_has_expired_learns_nothing() {
    let expire = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    let setup = Setup::new("localhost", expire, &[("tls-auth-clients", "no")]);
    let text = refusal(setup.client()).await;
    assert!(text.contains("xpired") && !text.contains("TLS_CA_FILE"), "{text}");
    assert!(!setup.was_talked_to());
}

#[tokio::test]
async fn a_peer_that_speaks_plain_text_learns_nothing() {
    let setup = Setup::good();
    // A Redis server takes the first words for the beginning of a long line.
    let client = Setup::without_ca(setup.server.port())
        .tls_ca_file(setup.file("ca.pem"))
        .connect_timeout(Duration::from_millis(200))
        .command_timeout(Duration::from_millis(500))
        .build();
    let error = client.get("k").await.unwrap_err();
    assert!(
        matches!(error, Error::NotExecuted(NotExecuted::Unreachable(_)))
            && error.to_string().contains("did not answer in TLS"),
        "{error}"
    );
    assert!(!setup.was_talked_to());

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"+OK come in\r\n+OK\r\n+OK\r\n").unwrap();
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        heard
    });
    refusal(Setup::without_ca(port).tls_ca_file(setup.file("ca.pem"))).await;
    let heard = heard.join().unwrap();
    assert!(!heard.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()));
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_is_shown_one() {
    let setup = Setup::new("localhost", |_| {}, &[("tls-auth-clients", "yes")]);
    setup.certify("client", "client", |_| {});
    let files = (setup.file("client.pem"), setup.file("client.key"));
    let shown = setup.client().tls_client_certificate(&files.0, &files.1).build();
    shown.set("k", "v").await.unwrap();
    refusal(setup.client()).await;

    let text = refusal(setup.client().tls_client_certificate(&files.1, &files.0)).await;
    assert!(text.contains("client.key holds no certificate"), "{text}");
    let text = refusal(
        setup
            .client()
            .tls_client_certificate(&files.0, setup.file("server.key")),
    )
    .await;
    assert!(text.contains("don't fit together"), "{text}");
    let text = refusal(setup.client().tls_ca_file("/nowhere/ca.pem")).await;
    assert!(text.contains("/nowhere/ca.pem cannot be read"), "{text}");
}

#[tokio::test]
async fn a_renewed_certificate_takes_effect_at_the_next_connect() {
    let setup = Setup::good();
    fs::write(setup.file("mounted.pem"), authority().pem()).unwrap();
    let client = setup
        .client()
        .tls_ca_file(setup.file("mounted.pem"))
        .reconnect_debounce(Duration::from_millis(10), Duration::ZERO)
        .build();
    assert!(client.get("k").await.is_err());
    fs::copy(setup.file("ca.pem"), setup.file("mounted.pem")).unwrap();
    let mut events = client.connection_stream();
    while !matches!(events.next().await, Some(ConnectionEvent::Connected { .. })) {}
    assert_eq!(client.get("k").await.unwrap(), None);
}

#[test]
fn the_systems_certificate_authorities_are_trusted_unless_others_are_named() {
    child::run(
        |command| {
            let setup = Setup::good();
            let url = format!("rediss://:{SECRET}@localhost:{}", setup.port.number());
            command
                .env("REDIS_URL", url)
                .env("NAMED_TLS_CA_FILE", setup.file("server.pem"))
                .env("SSL_CERT_FILE", setup.file("ca.pem"));
            setup
        },
        || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                swapplex::set("k", "v").await.unwrap();
                let url = std::env::var("REDIS_URL").unwrap();
                let other = std::env::var("NAMED_TLS_CA_FILE").unwrap();
                refusal(Client::builder(Source::url(url).unwrap()).tls_ca_file(other)).await;
            });
        },
    );
}

fn insecure(port: u16) -> String {
    format!("rediss://:{SECRET}@localhost:{port}#insecure")
}

#[cfg(not(feature = "insecure"))]
#[test]
fn verification_is_not_switched_off_by_a_url_alone() {
    let error = Source::url(insecure(1)).unwrap_err().to_string();
    assert!(
        error.contains("can't be switched off") && !error.contains(SECRET),
        "{error}"
    );
}

#[cfg(feature = "insecure")]
#[tokio::test]
async fn with_the_feature_a_url_can_switch_verification_off() {
    // For another name, and expired, by an authority that nobody knows.
    let setup = Setup::new(
        "elsewhere",
        |params| params.not_after = date_time_ymd(2000, 1, 1),
        &[("tls-auth-clients", "no")],
    );
    let port = setup.port.number();
    let client = Client::open(insecure(port)).unwrap();
    client.set("k", 1).await.unwrap();
    assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"1"[..]));
    refusal(Setup::without_ca(port)).await;
    refusal(setup.client()).await;
}

#[cfg(feature = "insecure")]
#[test]
fn with_the_feature_other_fragments_are_refused_still() {
    for url in [
        "redis://localhost#insecure",
        "rediss://localhost#nonsense",
        "unix:///run/x.sock#insecure",
    ] {
        assert!(Source::url(url).is_err(), "{url}");
    }
}

#[tokio::test]
async fn the_server_is_told_of_a_dropped_pop_in_its_drop() {
    let setup = Setup::good();
    let client = setup.client().build();
    let mut popping = client.connection();
    let blocked = || setup.server.info("clients")["blocked_clients"].clone();
    let is_blocked = async {
        while blocked() != "1" {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        biased;
        () = is_blocked => {}
        popped = popping.blpop::<_, Value>("list", 0.0) => panic!("{popped:?}"),
    }
    // Nothing else may run meanwhile.
    let limit = Instant::now() + Duration::from_secs(30);
    while blocked() != "0" {
        assert!(Instant::now() < limit, "the server was not told");
        thread::sleep(Duration::from_millis(1));
    }
}

#[tokio::test]
async fn what_was_sent_without_an_answer_arrives_though_its_connection_is_dropped() {
    let setup = Setup::good();
    let client = setup.client().build();
    for sent in 1..=20 {
        let mut own = client.dedicated().await.unwrap();
        let mut silent = cmd("INCR");
        silent.arg("n").set_no_response(true);
        assert_eq!(own.req_packed_command(&silent).await.unwrap(), Value::Nil);
        drop(own);
        let mut connection = client.connection();
        while connection.get::<_, Option<u32>>("n").await.unwrap() != Some(sent) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
