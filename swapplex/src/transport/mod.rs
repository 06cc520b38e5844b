//! Sockets: connect within a deadline, then read and write without knowing what the bytes mean.
//!
//! A connected [`Transport`] is driven by one task. Where the socket allows it (TCP and Unix sockets, not TLS),
//! any thread may also write through a [`DirectWriter`], which saves a wake-up of that task.

mod stream;

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use redis::{ConnectionAddr, ConnectionInfo};
use tokio::net::{TcpStream, tcp};
#[cfg(unix)]
use tokio::net::{UnixStream, unix};
use tokio_util::io::poll_read_buf;

pub(crate) use self::stream::Stream;

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
    reader: Reader,
    writer: Arc<Writer>,
}

/// Writes to the socket from any thread, without waiting.
#[derive(Clone, Debug)]
pub(crate) struct DirectWriter {
    writer: Arc<Writer>,
}

/// Reading goes through `AsyncRead`, which knows from a short read that there is no more: that saves the system call
/// that would say so.
#[derive(Debug)]
enum Reader {
    Tcp(tcp::OwnedReadHalf),
    #[cfg(unix)]
    Unix(unix::OwnedReadHalf),
}

#[derive(Debug)]
enum Writer {
    Tcp(tcp::OwnedWriteHalf),
    #[cfg(unix)]
    Unix(unix::OwnedWriteHalf),
}

impl Transport {
    /// Connects to the address that `info` names.
    pub(crate) async fn connect(info: &ConnectionInfo) -> io::Result<Self> {
        let (reader, writer) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let (reader, writer) = connect_tcp(host, *port, info).await?.into_split();
                (Reader::Tcp(reader), Writer::Tcp(writer))
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                let (reader, writer) = UnixStream::connect(path).await?.into_split();
                (Reader::Unix(reader), Writer::Unix(writer))
            }
            other => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!("this build of swapplex cannot connect to {other}: TLS is not compiled in"),
                ));
            }
        };
        Ok(Self {
            reader,
            writer: Arc::new(writer),
        })
    }

    /// A handle that writes from any thread, where the socket has one.
    #[expect(clippy::unnecessary_wraps, reason = "TLS has none")]
    pub(crate) fn direct_writer(&self) -> Option<DirectWriter> {
        Some(DirectWriter {
            writer: Arc::clone(&self.writer),
        })
    }

    /// Appends what has arrived to `buf`, as far as that has room; `Ok(0)` is the end of the stream.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
        match &mut self.reader {
            Reader::Tcp(reader) => poll_read_buf(Pin::new(reader), cx, buf),
            #[cfg(unix)]
            Reader::Unix(reader) => poll_read_buf(Pin::new(reader), cx, buf),
        }
    }

    /// Writes as much of `slices` as the socket takes.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.writer.poll_ready(cx))?;
            match self.writer.try_write(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Sees to it that what was taken is on its way.
    #[expect(clippy::unused_self, reason = "TLS keeps something back")]
    pub(crate) fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl DirectWriter {
    /// Writes as much of `slices` as the socket takes right now; `WouldBlock` where that is nothing.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.writer.try_write(slices)
    }
}

impl Writer {
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(writer) => writer.as_ref().poll_write_ready(cx),
            #[cfg(unix)]
            Self::Unix(writer) => writer.as_ref().poll_write_ready(cx),
        }
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(writer) => writer.try_write_vectored(slices),
            #[cfg(unix)]
            Self::Unix(writer) => writer.try_write_vectored(slices),
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
