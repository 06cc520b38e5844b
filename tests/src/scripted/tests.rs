use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

async fn dial(server: &ScriptedServer) -> TcpStream {
    TcpStream::connect(("127.0.0.1", server.port())).await.unwrap()
}

async fn read(stream: &mut TcpStream, length: usize) -> String {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_script_sees_each_request_and_its_answers_go_out_in_order() {
    let server = ScriptedServer::start(|request| {
        request
            .handshake()
            .unwrap_or_else(|| Answer::bulk(format!("{}/{}", request.connection, request.argument(1))))
    });
    let mut first = dial(&server).await;
    first
        .write_all(b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nget\r\n$1\r\nk\r\n")
        .await
        .unwrap();
    assert_eq!(read(&mut first, 16).await, "+PONG\r\n$3\r\n0/k\r\n");
    let mut second = dial(&server).await;
    second.write_all(b"*2\r\n$3\r\nget\r\n$1\r\nj\r\n").await.unwrap();
    assert_eq!(read(&mut second, 9).await, "$3\r\n1/j\r\n");

    let seen = server.until(|seen| seen.requests.len() == 3).await;
    assert_eq!(seen.dials.count(), 2);
    assert_eq!(seen.open, 2);
    let names: Vec<_> = seen
        .requests
        .iter()
        .map(|request| (request.name(), request.number))
        .collect();
    assert_eq!(
        names,
        [
            ("PING".to_owned(), 0),
            ("GET".to_owned(), 1),
            ("GET".to_owned(), 0)
        ]
    );
    drop(first);
    server.until(|seen| seen.open == 1).await;
}

#[tokio::test]
async fn an_answer_can_be_the_last() {
    let server = ScriptedServer::start(|request| match request.name().as_str() {
        "CLOSE" => Answer::ok().then_close(),
        _ => Answer::ok().then_reset(),
    });
    let mut closed = dial(&server).await;
    closed.write_all(b"*1\r\n$5\r\nCLOSE\r\n").await.unwrap();
    let mut text = String::new();
    closed.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "+OK\r\n");

    let mut reset = dial(&server).await;
    reset.write_all(b"*1\r\n$5\r\nRESET\r\n").await.unwrap();
    assert_eq!(read(&mut reset, 5).await, "+OK\r\n");
    assert_eq!(
        reset.read_u8().await.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
}

#[tokio::test]
async fn accept_then_close_notes_every_dial() {
    let server = ScriptedServer::accept_then_close();
    for _ in 0..3 {
        assert_eq!(dial(&server).await.read(&mut [0]).await.unwrap(), 0);
    }
    let seen = server
        .until(|seen| seen.open == 0 && seen.dials.count() == 3)
        .await;
    assert_eq!(seen.dials.gaps().len(), 2);
}

#[tokio::test]
async fn a_silent_server_reads_and_says_nothing() {
    let server = ScriptedServer::silent();
    let mut client = dial(&server).await;
    client.write_all(b"*1\r\n$4\r\nPING\r\n").await.unwrap();
    server.until(|seen| seen.requests.len() == 1).await;
    let mut byte = [0];
    assert!(
        time::timeout(Duration::from_millis(20), client.read(&mut byte))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn bytes_go_out_unasked_at_the_start_and_later() {
    let server = ScriptedServer::greeting(Answer::raw("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let mut client = dial(&server).await;
    assert_eq!(read(&mut client, 28).await, "HTTP/1.1 400 Bad Request\r\n\r\n");
    server.push(">1\r\n+hi\r\n");
    assert_eq!(read(&mut client, 9).await, ">1\r\n+hi\r\n");
}

#[tokio::test]
async fn an_answer_can_be_late() {
    let server = ScriptedServer::start(|_| Answer::ok().after(Duration::from_millis(30)));
    let mut client = dial(&server).await;
    let started = Instant::now();
    client.write_all(b"*1\r\n$4\r\nPING\r\n").await.unwrap();
    read(&mut client, 5).await;
    assert!(started.elapsed() >= Duration::from_millis(30));
}

#[tokio::test]
async fn a_server_can_refuse_and_come_back() {
    let server = ScriptedServer::silent();
    let mut client = dial(&server).await;
    server.until(|seen| seen.open == 1).await;
    server.refuse().await;
    assert!(TcpStream::connect(("127.0.0.1", server.port())).await.is_err());
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    server.accept();
    dial(&server).await;
}
