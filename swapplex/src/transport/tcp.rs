//! TCP: connects to whichever of a host's addresses answers, and sets the socket up.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::ConnectionInfo;
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How long an address may keep silent before the next one is tried beside it; what RFC 8305 recommends (section 5).
const HEAD_START: Duration = Duration::from_millis(250);
/// How long a TCP connection may be idle before the kernel probes it.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// Time between two such probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long sent data may stay unacknowledged before the kernel gives the connection up.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects to the address of the host that answers first.
///
/// # Errors
///
/// Where none lets us in, of each what is wrong with it; where one keeps silent, that takes until the caller gives up.
pub(super) async fn connect(host: &str, port: u16, info: &ConnectionInfo) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("cannot resolve {host}: {error}")))?
        .collect();
    let stream = race(taking_turns(addresses))
        .await
        .map_err(|failures| none_of(host, &failures))?;
    configure(&stream, info)?;
    Ok(stream)
}

/// In the resolver's order, but for the families, which take turns: one that leads nowhere, as IPv6 does in many a
/// network, costs one head start and not one per address (RFC 8305, section 4).
fn taking_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (now, then): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == is_v6);
    let (mut now, mut then) = (now.into_iter(), then.into_iter());
    std::iter::from_fn(|| {
        let address = now.next().or_else(|| then.next());
        mem::swap(&mut now, &mut then);
        address
    })
    .collect()
}

/// Tries each address beside those before it, which have a [`HEAD_START`], or at once where one of them has failed.
///
/// An address that swallows what it is sent, as that of a dead machine does, would otherwise use up all the time that
/// there is.
///
/// # Errors
///
/// What is wrong with each.
async fn race(addresses: Vec<SocketAddr>) -> Result<TcpStream, Vec<io::Error>> {
    let mut addresses = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        attempts.extend(addresses.next().map(attempt));
        tokio::select! {
            biased;
            Some(result) = attempts.next() => match result {
                Ok(stream) => return Ok(stream),
                Err(error) => failures.push(error),
            },
            () = sleep(HEAD_START), if addresses.len() > 0 => {}
            else => return Err(failures),
        }
    }
}

async fn attempt(address: SocketAddr) -> io::Result<TcpStream> {
    TcpStream::connect(address)
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("cannot connect to {address}: {error}")))
}

fn none_of(host: &str, failures: &[io::Error]) -> io::Error {
    let Some(last) = failures.last() else {
        return io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
    };
    let texts: Vec<String> = failures.iter().map(io::Error::to_string).collect();
    io::Error::new(last.kind(), texts.join("; "))
}

/// Requests are small and latency counts, so no Nagle; a peer that vanished without a word must be noticed.
fn configure(stream: &TcpStream, info: &ConnectionInfo) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    let keepalive = info.tcp_settings().keepalive().cloned().unwrap_or_else(|| {
        socket2::TcpKeepalive::new()
            .with_time(KEEPALIVE_IDLE)
            .with_interval(KEEPALIVE_INTERVAL)
    });
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(info.tcp_settings().user_timeout().unwrap_or(USER_TIMEOUT)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::time::timeout;

    use super::*;

    /// Far beyond anything but a hang.
    const FOR_EVER: Duration = Duration::from_secs(30);
    const LOOPBACK: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

    struct Listening {
        listener: TcpListener,
        address: SocketAddr,
    }

    impl Listening {
        fn new() -> Self {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(LOOPBACK.into()).unwrap();
            let listener = socket.listen(1).unwrap();
            let address = listener.local_addr().unwrap();
            Self { listener, address }
        }
    }

    /// An address that answers nothing, as that of a machine that is gone: so many connections wait there to be
    /// accepted that the kernel swallows what would be the next.
    struct Silent {
        address: SocketAddr,
        _listening: Listening,
        _waiting: Vec<std::net::TcpStream>,
    }

    impl Silent {
        fn new() -> Self {
            let listening = Listening::new();
            let dial =
                || std::net::TcpStream::connect_timeout(&listening.address, Duration::from_millis(200));
            Self {
                _waiting: std::iter::from_fn(|| dial().ok()).collect(),
                address: listening.address,
                _listening: listening,
            }
        }
    }

    /// An address that nobody listens on: the port is ours, but as that of a socket that does not.
    fn refusing() -> (TcpSocket, SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(LOOPBACK.into()).unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    async fn run(addresses: &[SocketAddr]) -> Result<TcpStream, Vec<io::Error>> {
        timeout(FOR_EVER, race(addresses.to_vec()))
            .await
            .expect("the race ends")
    }

    #[tokio::test]
    async fn an_address_that_keeps_silent_does_not_keep_from_the_next() {
        let (first, second, live) = (Silent::new(), Silent::new(), Listening::new());
        let stream = run(&[first.address, second.address, live.address]).await.unwrap();
        let (_, peer) = live.listener.accept().await.unwrap();
        assert_eq!(stream.local_addr().unwrap(), peer);
    }

    #[tokio::test]
    async fn an_address_that_refuses_does_not_keep_from_the_next() {
        let ((_socket, refusing), live) = (refusing(), Listening::new());
        let stream = run(&[refusing, live.address]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live.address);
    }

    #[tokio::test]
    async fn an_address_that_refuses_beside_a_silent_one_does_not_end_the_race() {
        let (silent, (_socket, refusing), live) = (Silent::new(), refusing(), Listening::new());
        let stream = run(&[silent.address, refusing, live.address]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live.address);
    }

    #[tokio::test]
    async fn the_first_one_is_preferred_where_all_answer() {
        let (first, second) = (Listening::new(), Listening::new());
        let stream = run(&[first.address, second.address]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), first.address);
    }

    #[tokio::test]
    async fn where_all_refuse_the_error_names_each_of_them() {
        let ((_first_socket, first), (_second_socket, second)) = (refusing(), refusing());
        let error = none_of("db.example", &run(&[first, second]).await.unwrap_err());
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let text = error.to_string();
        for address in [first, second] {
            assert!(
                text.contains(&format!("cannot connect to {address}: Connection refused")),
                "{text}"
            );
        }
    }

    #[tokio::test]
    async fn where_there_is_no_address_the_error_names_the_host() {
        let error = none_of("db.example", &run(&[]).await.unwrap_err());
        assert_eq!(error.to_string(), "db.example has no address");
    }

    #[tokio::test]
    async fn where_all_keep_silent_it_is_for_the_caller_to_give_up() {
        let (first, second) = (Silent::new(), Silent::new());
        let race = race(vec![first.address, second.address]);
        assert!(timeout(2 * HEAD_START, race).await.is_err());
    }

    #[test]
    fn families_take_turns_beginning_with_that_of_the_first_address() {
        let ordered = |addresses: &[&str]| -> Vec<String> {
            let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
            taking_turns(addresses)
                .iter()
                .map(SocketAddr::to_string)
                .collect()
        };
        assert_eq!(
            ordered(&["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"]),
            ["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"]
        );
        assert_eq!(
            ordered(&["10.0.0.1:1", "10.0.0.2:1", "[::1]:1"]),
            ["10.0.0.1:1", "[::1]:1", "10.0.0.2:1"]
        );
        assert_eq!(
            ordered(&["10.0.0.2:1", "10.0.0.1:1"]),
            ["10.0.0.2:1", "10.0.0.1:1"]
        );
        assert!(ordered(&[]).is_empty());
    }
}
