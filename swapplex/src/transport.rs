//! Sockets: connect within a deadline, then read and write without knowing what the bytes mean.
//!
//! A connected [`Transport`] is driven by one task. Where the socket allows it (TCP and Unix sockets, not TLS),
//! any thread may also write through a [`DirectWriter`], which saves a wake-up of that task.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use redis::{ConnectionAddr, ConnectionInfo};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// How long a TCP connection may be idle before the kernel probes it.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// Time between two such probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long sent data may stay unacknowledged before the kernel gives the connection up.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// A connected socket, held by the one task that reads from it.
#[derive(Debug)]
pub(crate) struct Transport {
    socket: Arc<Socket>,
}

/// Writes to the socket from any thread, without waiting.
#[derive(Clone, Debug)]
pub(crate) struct DirectWriter {
    socket: Arc<Socket>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Transport {
    /// Connects to the address that `info` names.
    pub(crate) async fn connect(info: &ConnectionInfo) -> io::Result<Self> {
        let socket = match info.addr() {
            ConnectionAddr::Tcp(host, port) => Socket::Tcp(connect_tcp(host, *port, info).await?),
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => Socket::Unix(UnixStream::connect(path).await?),
            other => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!("this build of swapplex cannot connect to {other}: TLS is not compiled in"),
                ));
            }
        };
        Ok(Self {
            socket: Arc::new(socket),
        })
    }

    /// A handle that writes from any thread, where the socket has one.
    #[expect(clippy::unnecessary_wraps, reason = "TLS has none")]
    pub(crate) fn direct_writer(&self) -> Option<DirectWriter> {
        Some(DirectWriter {
            socket: Arc::clone(&self.socket),
        })
    }

    /// Appends what has arrived to `buf`; `Ok(0)` is the end of the stream.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_read_ready(cx))?;
            match self.socket.try_read_buf(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Writes as much of `slices` as the socket takes.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.socket.poll_write_ready(cx))?;
            match self.socket.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl DirectWriter {
    /// Writes as much of `slices` as the socket takes right now; `WouldBlock` where that is nothing.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.try_write_vectored(slices)
    }
}

impl Socket {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            #[cfg(unix)]
            Self::Unix(stream) => stream.poll_read_ready(cx),
        }
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(cx),
            #[cfg(unix)]
            Self::Unix(stream) => stream.poll_write_ready(cx),
        }
    }

    fn try_read_buf(&self, buf: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read_buf(buf),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_read_buf(buf),
        }
    }

    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write_vectored(slices),
            #[cfg(unix)]
            Self::Unix(stream) => stream.try_write_vectored(slices),
        }
    }
}

/// Tries each address of the host in turn, as `TcpStream::connect` does, and names the host in the error.
async fn connect_tcp(host: &str, port: u16, info: &ConnectionInfo) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| io::Error::new(error.kind(), format!("cannot resolve {host}: {error}")))?
        .collect();
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                configure(&stream, info)?;
                return Ok(stream);
            }
            Err(error) => last = Some((address, error)),
        }
    }
    Err(match last {
        Some((address, error)) => {
            io::Error::new(error.kind(), format!("cannot connect to {address}: {error}"))
        }
        None => io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address")),
    })
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
