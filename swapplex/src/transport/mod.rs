//! Sockets: connect within a deadline, then read and write without knowing what the bytes mean.
//!
//! A connected [`Transport`] is driven by one task. Where the socket allows it (TCP and Unix sockets, not TLS),
//! any thread may also write through a [`DirectWriter`], which saves a wake-up of that task.

#[cfg(feature = "insecure")]
mod insecure;
mod stream;
mod tcp;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use redis::ConnectionAddr;
use socket2::{SockRef, Socket};
use tokio::io::AsyncWrite;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
#[cfg(unix)]
use tokio::net::{UnixStream, unix};
use tokio_util::io::poll_read_buf;

pub(crate) use self::stream::Stream;
pub(crate) use self::tls::is_tls_error;

use self::tls::{TlsStream, socket_of};
use crate::config::Target;

/// A connected socket, held by the one task that reads from it.
#[derive(Debug)]
pub(crate) enum Transport {
    Plain { reader: Reader, writer: Arc<Writer> },
    Tls(Box<TlsStream>),
}

/// Writes to the socket from any thread, without waiting.
#[derive(Clone, Debug)]
pub(crate) struct DirectWriter {
    writer: Arc<Writer>,
}

/// Ends the connection from any thread, at once and without waiting.
#[derive(Debug)]
pub(crate) enum HangUp {
    Plain(Arc<Writer>),
    /// The socket below, which is nobody's to write to but the TLS layer's.
    Tls(Socket),
}

/// Reading goes through `AsyncRead`, which knows from a short read that there is no more: that saves the system call
/// that would say so.
#[derive(Debug)]
pub(crate) enum Reader {
    Tcp(OwnedReadHalf),
    #[cfg(unix)]
    Unix(unix::OwnedReadHalf),
}

/// A socket that any number of threads may write to.
#[derive(Debug)]
pub(crate) enum Writer {
    Tcp(OwnedWriteHalf),
    #[cfg(unix)]
    Unix(unix::OwnedWriteHalf),
}

impl Transport {
    /// Connects to the address that `target` names. A TLS server has to prove that it is `server_name`, or the host
    /// where none is given, before this returns, unless the address lets it off; `begin_tls` is called before that.
    pub(crate) async fn connect(
        target: &Target,
        server_name: Option<&str>,
        begin_tls: impl FnOnce(),
    ) -> io::Result<Self> {
        let info = &target.info;
        let (reader, writer) = match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let (reader, writer) = tcp::connect(host, *port, info).await?.into_split();
                (Reader::Tcp(reader), Writer::Tcp(writer))
            }
            ConnectionAddr::TcpTls {
                host, port, insecure, ..
            } => {
                let name = server_name.unwrap_or(host);
                // First, so that a mistake in it shows whether there is a server or not.
                let handshake = tls::prepare(name, &target.tls, *insecure).await?;
                let stream = tcp::connect(host, *port, info).await?;
                begin_tls();
                return Ok(Self::Tls(Box::new(handshake.perform(stream).await?)));
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                let (reader, writer) = UnixStream::connect(path)
                    .await
                    .map_err(|error| {
                        let path = path.display();
                        io::Error::new(error.kind(), format!("cannot connect to {path}: {error}"))
                    })?
                    .into_split();
                (Reader::Unix(reader), Writer::Unix(writer))
            }
            other => {
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    format!("swapplex cannot connect to {other}"),
                ));
            }
        };
        Ok(Self::Plain {
            reader,
            writer: Arc::new(writer),
        })
    }

    /// A handle that writes from any thread, where the socket has one.
    pub(crate) fn direct_writer(&self) -> Option<DirectWriter> {
        match self {
            Self::Plain { writer, .. } => Some(DirectWriter {
                writer: Arc::clone(writer),
            }),
            Self::Tls(_) => None,
        }
    }

    /// A handle that ends the connection. While it exists, so does the socket.
    ///
    /// # Errors
    ///
    /// Where the process may have no more file descriptors.
    pub(crate) fn hang_up(&self) -> io::Result<HangUp> {
        Ok(match self {
            Self::Plain { writer, .. } => HangUp::Plain(Arc::clone(writer)),
            Self::Tls(stream) => HangUp::Tls(SockRef::from(socket_of(stream)).try_clone()?),
        })
    }

    /// Whether there is something to read, be it the end of the stream: asks the socket itself, since what is known of
    /// it from events may be out of date.
    pub(crate) fn is_readable(&self) -> bool {
        match self {
            Self::Plain { writer, .. } => writer.is_readable(),
            Self::Tls(stream) => is_readable(socket_of(stream)),
        }
    }

    /// Appends what has arrived to `buf`, as far as that has room; `Ok(0)` is the end of the stream.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain { reader, .. } => match reader {
                Reader::Tcp(reader) => poll_read_buf(Pin::new(reader), cx, buf),
                #[cfg(unix)]
                Reader::Unix(reader) => poll_read_buf(Pin::new(reader), cx, buf),
            },
            Self::Tls(stream) => poll_read_buf(Pin::new(stream), cx, buf),
        }
    }

    /// Writes as much of `slices` as the socket takes, or the TLS layer in front of it.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain { writer, .. } => loop {
                ready!(writer.poll_ready(cx))?;
                match writer.try_write(slices) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    result => return Poll::Ready(result),
                }
            },
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    /// Sees to it that what the TLS layer has taken, or wants to say by itself, gets to the socket.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain { .. } => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }
}

impl DirectWriter {
    /// Writes as much of `slices` as the socket takes right now; `WouldBlock` where that is nothing.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.writer.try_write(slices)
    }

    /// As [`Transport::is_readable`].
    pub(crate) fn is_readable(&self) -> bool {
        self.writer.is_readable()
    }
}

impl HangUp {
    /// The server learns of it as soon as the network allows, and the task that reads the connection likewise.
    pub(crate) fn now(&self) {
        // What is not connected any more has ended already.
        let _ = match self {
            Self::Plain(writer) => writer.shutdown(),
            Self::Tls(socket) => socket.shutdown(Shutdown::Both),
        };
    }
}

impl Writer {
    fn shutdown(&self) -> io::Result<()> {
        match self {
            Self::Tcp(writer) => SockRef::from(writer.as_ref()).shutdown(Shutdown::Both),
            #[cfg(unix)]
            Self::Unix(writer) => SockRef::from(writer.as_ref()).shutdown(Shutdown::Both),
        }
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(writer) => writer.as_ref().poll_write_ready(cx),
            #[cfg(unix)]
            Self::Unix(writer) => writer.as_ref().poll_write_ready(cx),
        }
    }

    fn is_readable(&self) -> bool {
        match self {
            Self::Tcp(writer) => is_readable(writer.as_ref()),
            #[cfg(unix)]
            Self::Unix(writer) => is_readable(writer.as_ref()),
        }
    }

    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        // For one slice there is a cheaper system call.
        match (self, slices) {
            (Self::Tcp(writer), [slice]) => writer.try_write(slice),
            (Self::Tcp(writer), _) => writer.try_write_vectored(slices),
            #[cfg(unix)]
            (Self::Unix(writer), [slice]) => writer.try_write(slice),
            #[cfg(unix)]
            (Self::Unix(writer), _) => writer.try_write_vectored(slices),
        }
    }
}

/// Whether reading would give something at once: bytes, the end of the stream, or an error.
fn is_readable<'a, S>(socket: &'a S) -> bool
where
    SockRef<'a>: From<&'a S>,
{
    let peeked = SockRef::from(socket).peek(&mut [MaybeUninit::uninit()]);
    !matches!(
        peeked.map_err(|error| error.kind()),
        Err(io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
    )
}
