use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::{Answer, RedisServer, ScriptedServer};

async fn dial(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(("127.0.0.1", proxy.port())).await.unwrap()
}

/// A proxy to a server that answers every request with `+OK`, 5 bytes.
fn agreeing() -> (ScriptedServer, Proxy) {
    let server = ScriptedServer::start(|_| Answer::ok());
    let proxy = Proxy::start(server.port());
    (server, proxy)
}

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

async fn ask(client: &mut TcpStream) {
    client.write_all(PING).await.unwrap();
    let mut answer = [0; 5];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+OK\r\n");
}

/// What can be read before the end, and how that came.
async fn rest(client: &mut TcpStream) -> (String, Option<ErrorKind>) {
    let mut bytes = Vec::new();
    let end = client.read_to_end(&mut bytes).await;
    (
        String::from_utf8(bytes).unwrap(),
        end.err().map(|error| error.kind()),
    )
}

async fn says_nothing(client: &mut TcpStream) -> bool {
    tokio::time::timeout(Duration::from_millis(20), client.peek(&mut [0]))
        .await
        .is_err()
}

#[tokio::test]
async fn a_real_server_is_reached_and_what_passes_is_counted() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let mut client = dial(&proxy).await;
    client.write_all(PING).await.unwrap();
    let mut answer = [0; 7];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+PONG\r\n");
    let traffic = proxy.traffic();
    assert_eq!(
        (
            traffic.requests,
            traffic.replies,
            traffic.open,
            traffic.dials.count()
        ),
        (14, 7, 1, 1)
    );

    assert_eq!(server.kill_clients(), 1);
    assert_eq!(rest(&mut client).await, (String::new(), None));
    drop(client);
    proxy.until(|traffic| traffic.open == 0).await;
}

#[tokio::test]
async fn a_reply_is_cut_at_any_byte_once() {
    let (_server, proxy) = agreeing();
    for (cut, end) in [(Cut::Close, None), (Cut::Reset, Some(ErrorKind::ConnectionReset))] {
        for offset in 0..=5 {
            let mut client = dial(&proxy).await;
            ask(&mut client).await;
            let cuts = proxy.traffic().cuts;
            proxy.cut_after(Direction::Replies, offset, cut);
            client.write_all(PING).await.unwrap();
            let expected = "+OK\r\n"[..usize::try_from(offset).unwrap()].to_owned();
            assert_eq!(rest(&mut client).await, (expected, end), "{cut:?} at {offset}");
            assert_eq!(proxy.traffic().cuts, cuts + 1);
            ask(&mut dial(&proxy).await).await;
        }
    }
}

#[tokio::test]
async fn a_request_that_is_cut_does_not_reach_the_server_whole() {
    let (server, proxy) = agreeing();
    let length = u64::try_from(PING.len()).unwrap();
    for offset in 0..length {
        let mut client = dial(&proxy).await;
        proxy.cut_after(Direction::Requests, offset, Cut::Reset);
        client.write_all(PING).await.unwrap();
        assert_eq!(rest(&mut client).await.1, Some(ErrorKind::ConnectionReset));
    }
    server.until(|seen| seen.open == 0).await;
    assert_eq!(server.seen().requests.len(), 0);
}

#[tokio::test]
async fn everything_passes_byte_by_byte() {
    let (_server, proxy) = agreeing();
    proxy.set(Direction::Requests, Flow::Slice(1));
    proxy.set(Direction::Replies, Flow::Slice(1));
    let mut client = dial(&proxy).await;
    client.write_all(&PING.repeat(100)).await.unwrap();
    let mut answers = vec![0; 500];
    client.read_exact(&mut answers).await.unwrap();
    assert_eq!(answers, b"+OK\r\n".repeat(100));
}

#[tokio::test]
async fn a_throttled_reply_takes_its_time() {
    let (_server, proxy) = agreeing();
    proxy.set(
        Direction::Replies,
        Flow::Throttle {
            bytes: 1,
            every: Duration::from_millis(10),
        },
    );
    let mut client = dial(&proxy).await;
    let started = Instant::now();
    ask(&mut client).await;
    assert!(started.elapsed() >= Duration::from_millis(40));
}

#[tokio::test]
async fn delayed_replies_are_late_together_not_one_after_the_other() {
    let server = ScriptedServer::start(|_| Answer::ok().after(Duration::from_millis(1)));
    let proxy = Proxy::start(server.port());
    proxy.set(Direction::Replies, Flow::Delay(Duration::from_millis(100)));
    let mut client = dial(&proxy).await;
    let started = Instant::now();
    client.write_all(&PING.repeat(20)).await.unwrap();
    client.read_exact(&mut [0; 100]).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(100));
    assert!(
        started.elapsed() < Duration::from_millis(1_500),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn swallowed_bytes_never_arrive_and_neither_does_the_end() {
    let (server, proxy) = agreeing();
    let mut client = dial(&proxy).await;
    ask(&mut client).await;
    proxy.set(Direction::Replies, Flow::Swallow);
    client.write_all(PING).await.unwrap();
    server.until(|seen| seen.requests.len() == 2).await;
    server.refuse().await;
    assert!(says_nothing(&mut client).await);
    drop(client);
    proxy.until(|traffic| traffic.open == 0).await;
}

#[tokio::test]
async fn swallowed_requests_are_written_into_nothing() {
    let (server, proxy) = agreeing();
    proxy.set(Direction::Requests, Flow::Swallow);
    let mut client = dial(&proxy).await;
    client.write_all(&PING.repeat(100_000)).await.unwrap();
    proxy.until(|traffic| traffic.requests == 1_400_000).await;
    assert!(server.seen().requests.is_empty());
}

#[tokio::test]
async fn held_requests_run_when_released_though_their_client_is_gone() {
    let (server, proxy) = agreeing();
    let mut client = dial(&proxy).await;
    ask(&mut client).await;
    let link = proxy.links().remove(0);
    link.set(Direction::Requests, Flow::Hold);
    client.write_all(PING).await.unwrap();
    proxy.until(|traffic| traffic.requests == 28).await;
    link.cut(Side::Client, Cut::Reset);
    assert_eq!(rest(&mut client).await.1, Some(ErrorKind::ConnectionReset));

    let mut next = dial(&proxy).await;
    ask(&mut next).await;
    assert_eq!(server.seen().requests.len(), 2);
    link.set(Direction::Requests, Flow::Pass);
    server
        .until(|seen| seen.requests.len() == 3 && seen.requests[2].connection == 0)
        .await;
    link.closed().await;
    ask(&mut next).await;
}

#[tokio::test]
async fn held_replies_wait() {
    let (_server, proxy) = agreeing();
    let mut client = dial(&proxy).await;
    proxy.set(Direction::Replies, Flow::Hold);
    client.write_all(PING).await.unwrap();
    proxy.until(|traffic| traffic.replies == 5).await;
    assert!(says_nothing(&mut client).await);
    proxy.set(Direction::Replies, Flow::Pass);
    client.read_exact(&mut [0; 5]).await.unwrap();
}

#[tokio::test]
async fn all_connections_are_cut_at_once_and_new_ones_refused_for_a_while() {
    let (_server, proxy) = agreeing();
    let mut clients = [dial(&proxy).await, dial(&proxy).await];
    for client in &mut clients {
        ask(client).await;
    }
    proxy.refuse().await;
    assert!(TcpStream::connect(("127.0.0.1", proxy.port())).await.is_err());
    for client in &mut clients {
        ask(client).await;
    }
    proxy.cut_all(Cut::Reset);
    for client in &mut clients {
        assert_eq!(rest(client).await.1, Some(ErrorKind::ConnectionReset));
    }
    proxy.until(|traffic| traffic.open == 0).await;
    proxy.accept();
    ask(&mut dial(&proxy).await).await;
}
