//! What the replies to a pipeline come to.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Pipeline, RedisConnectionInfo, RedisError, RedisResult, Value};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::database::is_error;
use crate::error::Error;
use crate::resp;

/// The `count` replies behind the first `offset`, unless the pipeline is atomic and was refused, as a whole or in part.
pub(super) async fn conclude(
    pipeline: &Pipeline,
    offset: usize,
    count: usize,
    replies: Vec<Bytes>,
) -> RedisResult<Vec<Value>> {
    let (skipped, wanted) = replies.split_at(offset);
    if !pipeline.is_transaction() {
        return wanted.iter().map(|reply| value(reply)).collect();
    }
    if let Some(multi) = skipped.first().filter(|multi| is_error(multi)) {
        // What came behind it was not queued, so its errors are not those of a transaction.
        return Err(refusal(multi));
    }
    if skipped.iter().any(|reply| is_error(reply)) {
        return Err(aborted(pipeline, offset, count, replies).await);
    }
    if let [exec] = wanted
        && is_error(exec)
    {
        // redis-rs would only see that this is no list of replies, and drop it.
        return Err(refusal(exec));
    }
    wanted.iter().map(|reply| value(reply)).collect()
}

fn value(reply: &[u8]) -> RedisResult<Value> {
    resp::decode(reply).map_err(|error| Error::from(error).into())
}

/// The error that the server gave for a reply.
fn refusal(reply: &[u8]) -> RedisError {
    match value(reply).and_then(Value::extract_error) {
        Err(error) => error,
        Ok(_) => unreachable!("it begins as an error does"),
    }
}

/// The error of a transaction that was refused while it was queued, with the errors of its commands.
///
/// Only redis-rs can make that error, so it is shown the replies and asked.
async fn aborted(pipeline: &Pipeline, offset: usize, count: usize, replies: Vec<Bytes>) -> RedisError {
    let info = RedisConnectionInfo::default().set_skip_set_lib_name();
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let shown = |reply: Bytes| {
        let error = is_error(&reply).then(|| resp::without_arguments(&reply));
        error.and_then(Result::ok).map_or(reply, Bytes::from)
    };
    let replay = Replay {
        replies: replies.into_iter().map(shown).collect(),
        reader: None,
        is_asked: false,
    };
    let (mut connection, driver) = match MultiplexedConnection::new_with_config(&info, replay, config).await {
        Ok(parts) => parts,
        Err(error) => return error,
    };
    let answer = connection.req_packed_commands(pipeline, offset, count);
    tokio::select! {
        answer = answer => match answer {
            Err(error) => error,
            Ok(_) => (redis::ErrorKind::UnexpectedReturnType, "the transaction was refused in part").into(),
        },
        () = driver => io::Error::from(io::ErrorKind::UnexpectedEof).into(),
    }
}

/// A peer that answers whatever it is asked with the replies that it was given.
struct Replay {
    replies: VecDeque<Bytes>,
    reader: Option<Waker>,
    is_asked: bool,
}

impl AsyncRead for Replay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_asked || self.replies.is_empty() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if let Some(reply) = self.replies.front_mut() {
            let part = reply.split_to(reply.len().min(buf.remaining()));
            buf.put_slice(&part);
            if reply.is_empty() {
                self.replies.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replay {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.is_asked = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
