//! `get.limit`: what the server can give, to a client that does next to nothing.
//!
//! A blocking socket sends requests that were made beforehand, 512 keys each, keeps two of them in flight and counts
//! the bytes of the replies without looking at them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::get_fanout;
use crate::harness::{Bench, Contestant, data};
use crate::peers::Batched;

/// Keys in one request.
const KEYS: usize = 512;
/// Different requests, sent in turn, so that not the same few keys are asked for again and again.
const REQUESTS: usize = 64;
/// `$64\r\n`, the value, `\r\n`.
const VALUE_REPLY: usize = 5 + data::VALUE.len() + 2;

pub(crate) fn run(bench: &mut Bench) {
    bench.workload("get.limit", |stages| {
        vec![
            Contestant::ours(get_fanout::fanout(&stages.multi, Batched, 4096)),
            Contestant::reference("blocking socket, MGET", mget(&stages.url)),
            Contestant::reference("blocking socket, pipelined GET", pipelined(&stages.url)),
        ]
    });
}

/// `MGET`s of 512 keys.
pub(crate) fn mget(url: &str) -> impl FnMut(Duration) -> u64 + use<> {
    windows(url, "*512\r\n".len() + KEYS * VALUE_REPLY, |keys| {
        let words = ["MGET"].into_iter().chain(keys.iter().copied());
        command(words.collect::<Vec<_>>().as_slice())
    })
}

/// 512 `GET`s in one write.
fn pipelined(url: &str) -> impl FnMut(Duration) -> u64 + use<> {
    windows(url, KEYS * VALUE_REPLY, |keys| {
        keys.iter().flat_map(|key| command(&["GET", key])).collect()
    })
}

/// Sends what `encode` makes of 512 keys, two in flight; each is answered by `reply` bytes.
fn windows(url: &str, reply: usize, encode: fn(&[&str]) -> Vec<u8>) -> impl FnMut(Duration) -> u64 + use<> {
    let mut random = fastrand::Rng::with_seed(2);
    let requests: Vec<Vec<u8>> = (0..REQUESTS)
        .map(|_| {
            let keys: Vec<&str> = (0..KEYS).map(|_| data::key(data::any(&mut random))).collect();
            encode(&keys)
        })
        .collect();
    let address = address(url);
    move |duration| {
        let mut socket = connect(address);
        let mut buffer = vec![0; 256 * 1024];
        let mut requests = requests.iter().cycle();
        let mut send = |socket: &mut TcpStream| {
            let request = requests.next().expect("a cycle has no end");
            socket.write_all(request).expect("the server reads");
        };
        let mut done = 0;
        let mut unread = 0;
        let mut in_flight = 0;
        let started = Instant::now();
        loop {
            let more = started.elapsed() < duration;
            while more && in_flight < 2 {
                send(&mut socket);
                unread += reply;
                in_flight += 1;
            }
            if in_flight == 0 {
                return done;
            }
            let read = socket.read(&mut buffer).expect("the server answers");
            assert!(
                (1..=unread).contains(&read),
                "{read} bytes where at most {unread} are due"
            );
            unread -= read;
            while unread.div_ceil(reply) < in_flight {
                in_flight -= 1;
                done += KEYS as u64;
            }
        }
    }
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("redis://")
        .and_then(|address| address.parse().ok())
        .expect("the private server's URL is an address and a port")
}

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("the server listens");
    socket.set_nodelay(true).expect("TCP has TCP_NODELAY");
    socket
}

fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}
