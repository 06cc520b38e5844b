//! What stands in for TLS where it is not compiled in.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::config::TlsFiles;

/// There is none.
#[derive(Debug)]
pub(crate) struct TlsStream(Infallible);

pub(super) fn socket_of(stream: &TlsStream) -> &TcpStream {
    match stream.0 {}
}

/// There is none.
pub(super) struct Handshake(Infallible);

#[derive(Debug, thiserror::Error)]
#[error("rediss:// needs swapplex's cargo feature `tls`, which is not switched on")]
struct NotCompiledIn;

/// Whether the error is one that trying again does not help against.
pub(crate) fn is_tls_error(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn Error + Send + Sync>::is::<NotCompiledIn>)
}

#[expect(clippy::unused_async, reason = "as where TLS is compiled in")]
pub(super) async fn prepare(_: &str, _: &TlsFiles, _: bool) -> io::Result<Handshake> {
    Err(io::Error::new(io::ErrorKind::Unsupported, NotCompiledIn))
}

impl Handshake {
    #[expect(clippy::unused_async, reason = "as where TLS is compiled in")]
    pub(super) async fn perform(self, _: TcpStream) -> io::Result<TlsStream> {
        match self.0 {}
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match self.0 {}
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.0 {}
    }
}
