//! A client of HTTP services, for load whose every request is accounted for.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any service of a test takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// One keep-alive connection to an HTTP/1.1 service that answers with `Content-Length`.
///
/// Nothing is sent twice, and nothing is connected again: a request that has no response is an error, and the caller
/// decides what that means.
#[derive(Debug)]
pub struct HttpConnection {
    stream: BufReader<TcpStream>,
    host: SocketAddr,
}

/// What a service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// Its status, such as 200.
    pub status: u16,
    /// What it says.
    pub body: String,
    /// Whether the connection can be used for another request.
    pub keeps_alive: bool,
}

/// A request without a response.
#[derive(Debug)]
pub enum Unanswered {
    /// The connection ended before a byte of the response came: the service may never have seen the request.
    Before(io::Error),
    /// The response is broken off, or none that this understands.
    Within(io::Error),
    /// Nothing came in 30 s.
    Silence,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(error) => write!(f, "no response: {error}"),
            Self::Within(error) => write!(f, "half a response: {error}"),
            Self::Silence => write!(f, "no response in {PATIENCE:?}"),
        }
    }
}

impl std::error::Error for Unanswered {}

impl HttpConnection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// If nobody listens.
    pub async fn open(host: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            host,
        })
    }

    /// Sends a request, and waits for its response.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn send(&mut self, method: &str, path: &str, body: &str) -> Result<HttpResponse, Unanswered> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            body.len()
        );
        timeout(PATIENCE, self.exchange(request.as_bytes()))
            .await
            .unwrap_or(Err(Unanswered::Silence))
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<HttpResponse, Unanswered> {
        // A service that has closed may have answered before.
        let written = self.stream.write_all(request).await;
        let first = self.stream.fill_buf().await.map_err(Unanswered::Before)?;
        if first.is_empty() {
            let error = written
                .err()
                .unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
            return Err(Unanswered::Before(error));
        }
        self.response().await.map_err(Unanswered::Within)
    }

    async fn response(&mut self) -> io::Result<HttpResponse> {
        let line = self.line().await?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| unreadable(&line))?;
        let (mut length, mut keeps_alive) = (None, true);
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| unreadable(&line))?;
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().ok();
            } else if name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close") {
                keeps_alive = false;
            }
        }
        let mut body = vec![0; length.ok_or_else(|| unreadable("no Content-Length"))?];
        self.stream.read_exact(&mut body).await?;
        Ok(HttpResponse {
            status,
            body: String::from_utf8(body).map_err(|error| unreadable(&error.to_string()))?,
            keeps_alive,
        })
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

fn unreadable(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// A service that answers each connection once with these bytes, and closes it.
    async fn service(answer: &'static [u8]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await;
                stream.write_all(answer).await.unwrap();
            }
        });
        address
    }

    async fn ask(answer: &'static [u8]) -> Result<HttpResponse, Unanswered> {
        let mut connection = HttpConnection::open(service(answer).await).await.unwrap();
        connection.send("GET", "/", "").await
    }

    #[tokio::test]
    async fn a_response_is_read_to_its_length() {
        let response =
            ask(b"HTTP/1.1 503 Not now\r\ncontent-length: 5\r\nConnection: close\r\n\r\nlater").await;
        assert_eq!(
            response.unwrap(),
            HttpResponse {
                status: 503,
                body: "later".to_owned(),
                keeps_alive: false
            }
        );
    }

    #[tokio::test]
    async fn no_response_is_told_from_half_a_response() {
        assert!(matches!(ask(b"").await, Err(Unanswered::Before(_))));
        for half in [
            &b"HTTP/1.1 2"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nla",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"nonsense\r\n\r\n",
        ] {
            assert!(matches!(ask(half).await, Err(Unanswered::Within(_))), "{half:?}");
        }
    }
}
