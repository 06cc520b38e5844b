//! A transport as anything that reads and writes bytes takes it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Transport;

/// Room made for one read.
const READ: usize = 8 * 1024;

/// A [`Transport`], and what was read from it before, until somebody ends it.
pub(crate) struct Stream {
    /// `None` once it was ended.
    transport: Option<Transport>,
    received: BytesMut,
    end: BoxFuture<'static, ()>,
}

impl Stream {
    /// When `end` resolves, the socket is closed, as if the server had done so.
    pub(crate) fn new(transport: Transport, received: BytesMut, end: BoxFuture<'static, ()>) -> Self {
        Self {
            transport: Some(transport),
            received,
            end,
        }
    }

    fn writer(&mut self) -> io::Result<&mut Transport> {
        self.transport
            .as_mut()
            .ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self {
            transport,
            received,
            end,
        } = self.get_mut();
        if transport.is_some() && end.as_mut().poll(cx).is_ready() {
            *transport = None;
        }
        if received.is_empty() {
            let Some(transport) = transport else {
                return Poll::Ready(Ok(()));
            };
            received.reserve(READ);
            ready!(transport.poll_read(cx, received))?;
        }
        let length = received.len().min(buf.remaining());
        buf.put_slice(&received[..length]);
        received.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().writer()?.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().writer()?.poll_write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writer()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Dropping the transport closes it.
        self.poll_flush(cx)
    }
}
