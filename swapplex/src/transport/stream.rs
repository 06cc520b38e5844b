//! A transport as anything that reads and writes bytes takes it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Transport;

/// Room made for one read.
const READ: usize = 8 * 1024;

/// A [`Transport`], and what was read from it before.
#[derive(Debug)]
pub(crate) struct Stream {
    transport: Transport,
    received: BytesMut,
}

impl Stream {
    pub(crate) fn new(transport: Transport, received: BytesMut) -> Self {
        Self { transport, received }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { transport, received } = self.get_mut();
        if received.is_empty() {
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
        self.get_mut().transport.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().transport.poll_write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().transport.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Dropping the transport closes it.
        self.poll_flush(cx)
    }
}
