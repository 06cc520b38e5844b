//! The first words on a new connection: protocol, credentials, database, names.

use std::future;
use std::io::{self, IoSlice};

use bytes::{Buf, BytesMut};
use redis::{FromRedisValue, Value};

use crate::config::{Protocol, Target};
use crate::resp::{self, Kind, Limits, ProtocolError, Scanner};
use crate::transport::Transport;

/// What the server told about the connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Greeting {
    /// The server's name for this connection, where it tells.
    pub(crate) client_id: Option<i64>,
    /// What the connection can be closed by from another one, where the server tells.
    pub(crate) identity: Option<Identity>,
    /// The server is part of a cluster, where it says so (RESP3): keys of one command must live together there.
    pub(crate) is_cluster: bool,
    /// The server is certain to execute nothing more of the connection that was to be fenced off.
    pub(crate) has_fenced: bool,
}

/// A connection as the server sees it.
///
/// Both are needed to mean this one and no stranger: numbers start again when the server does, and an address may be
/// somebody else's by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    id: i64,
    address: Box<str>,
}

impl Identity {
    /// Reads the answer to `CLIENT INFO`.
    ///
    /// `None` also for a Unix socket: its clients all have the same address, its path, so that after a restart of the
    /// server the number alone would have to tell them apart, and can't.
    fn parse(info: &str) -> Option<Self> {
        let id = info.strip_prefix("id=")?.split(' ').next()?.parse().ok()?;
        // Up to the next field, since a path may have spaces.
        let (_, rest) = info.split_once(" addr=")?;
        let (address, _) = rest.split_once(" laddr=")?;
        if address.ends_with(":0") {
            return None;
        }
        Some(Self {
            id,
            address: address.into(),
        })
    }

    /// Whether it is in an answer to `CLIENT LIST`.
    pub(crate) fn is_among(&self, list: &str) -> bool {
        list.lines().any(|line| Self::parse(line).as_ref() == Some(self))
    }
}

/// Why a server and we did not come together.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Wrong credentials, or none where some are wanted.
    #[error("the server rejects the credentials: {0}")]
    Authentication(String),
    /// The server refuses the database number.
    #[error("the server refuses database {db}: {message}")]
    Database {
        /// The number asked for.
        db: i64,
        /// What the server said.
        message: String,
    },
    /// The server refuses the connection, for example because it has too many.
    #[error("the server refuses the connection: {0}")]
    Refused(String),
    /// The peer is a Sentinel, which holds no data: the address has to be that of a server.
    #[error("it is a Sentinel, which holds no data; the address has to be that of a server that it watches")]
    Sentinel,
    /// The peer does not speak the Redis protocol.
    #[error("the peer does not speak the Redis protocol: {0}")]
    Protocol(ProtocolError),
    /// The peer sent more replies than it was asked for: the next ones would be taken for those of somebody's requests.
    #[error("the server sent a reply that nobody had asked for")]
    SurplusReply,
    /// The peer closed the connection before the handshake was over.
    #[error("the server closed the connection during the handshake")]
    Closed,
}

impl From<ProtocolError> for HandshakeError {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(error)
    }
}

/// One command of the handshake.
enum Step {
    Hello,
    Auth,
    Select,
    /// Nice to have: a server that does not know or allow it is not refused.
    Optional,
    ClientId,
    ClientInfo,
    /// Closes the connection before this one.
    Fence,
}

/// Introduces us to the server, with RESP3 unless the target or the server wants RESP2.
///
/// In the same breath, has the server close the connection `before` this one, if one is named: then nothing more of it
/// will be executed once this returns, if the greeting says so. Also returns what was read beyond the handshake.
pub(crate) async fn greet(
    transport: &mut Transport,
    target: &Target,
    before: Option<&Identity>,
    limits: Limits,
) -> io::Result<Result<(Greeting, BytesMut), HandshakeError>> {
    let mut dialogue = Dialogue {
        transport,
        limits,
        received: BytesMut::new(),
    };
    let mut result = dialogue.introduce(target, before, target.protocol).await?;
    if matches!(result, Ok(None)) {
        result = dialogue.introduce(target, before, Protocol::Resp2).await?;
    }
    Ok(result.and_then(|greeting| match greeting {
        Some(greeting) => Ok((greeting, dialogue.leftover()?)),
        None => Err(HandshakeError::Refused(
            "the server speaks neither RESP3 nor RESP2".into(),
        )),
    }))
}

struct Dialogue<'a> {
    transport: &'a mut Transport,
    limits: Limits,
    received: BytesMut,
}

impl Dialogue<'_> {
    /// All steps in one round trip. `Ok(None)`: the server does not know this protocol.
    async fn introduce(
        &mut self,
        target: &Target,
        before: Option<&Identity>,
        protocol: Protocol,
    ) -> io::Result<Result<Option<Greeting>, HandshakeError>> {
        let (steps, request) = script(target, before, protocol);
        // A server that refuses us may have closed a Unix socket by now. What it said can still be read.
        let written = self.write_all(&request).await;
        let mut greeting = Greeting::default();
        let mut verdict = Ok(Verdict::Fine);
        for step in steps {
            let reply = match self.read().await {
                Ok(Ok(reply)) => reply,
                // A server that refuses us may close the connection behind its reason, which says more.
                failure => {
                    return match reason(verdict) {
                        Some(reason) => Ok(Err(reason)),
                        None => written.and(failure.map(|read| read.map(|_| None))),
                    };
                }
            };
            // After the first failure the other replies are only read, so that nothing is left over.
            if matches!(verdict, Ok(Verdict::Fine | Verdict::Excused(_))) {
                verdict = judge(&step, reply, target, &mut greeting);
            }
        }
        Ok(verdict.map(|verdict| match verdict {
            Verdict::Fine | Verdict::Excused(_) => Some(greeting),
            Verdict::OtherProtocol => None,
        }))
    }

    /// What was read beyond the handshake: the beginning of a push at most, since nothing else was asked for.
    fn leftover(mut self) -> Result<BytesMut, HandshakeError> {
        while !self.received.is_empty() {
            match Scanner::new(self.limits).advance(&self.received)? {
                Some(frame) if frame.kind == Kind::Push => self.received.advance(frame.len),
                None if self.received.starts_with(b">") => break,
                _ => return Err(HandshakeError::SurplusReply),
            }
        }
        Ok(self.received)
    }

    async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let slices = [IoSlice::new(bytes)];
            let written = future::poll_fn(|cx| self.transport.poll_write(cx, &slices)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<Result<Value, HandshakeError>> {
        let mut scanner = Scanner::new(self.limits);
        loop {
            match scanner.advance(&self.received) {
                Ok(Some(frame)) => {
                    let bytes = self.received.split_to(frame.len);
                    if frame.kind != Kind::Push {
                        return Ok(resp::decode(&bytes).map_err(HandshakeError::from));
                    }
                }
                Ok(None) => {
                    let (transport, received) = (&mut *self.transport, &mut self.received);
                    received.reserve(1024);
                    if future::poll_fn(|cx| transport.poll_read(cx, received)).await? == 0 {
                        return Ok(Err(HandshakeError::Closed));
                    }
                }
                Err(error) => return Ok(Err(error.into())),
            }
        }
    }
}

fn script(target: &Target, before: Option<&Identity>, protocol: Protocol) -> (Vec<Step>, Vec<u8>) {
    let settings = target.info.redis_settings();
    let mut steps = Vec::new();
    let mut request = Vec::new();
    let mut say = |step: Step, parts: &[&[u8]]| {
        steps.push(step);
        resp::command(&mut request, parts);
    };
    let credentials = settings
        .password()
        .map(|password| (settings.username(), password));
    match (protocol, credentials) {
        (Protocol::Resp3, Some((user, password))) => say(
            Step::Hello,
            &[
                b"HELLO",
                b"3",
                b"AUTH",
                user.unwrap_or("default").as_bytes(),
                password.as_bytes(),
            ],
        ),
        (Protocol::Resp3, None) => say(Step::Hello, &[b"HELLO", b"3"]),
        (_, Some((Some(user), password))) => {
            say(Step::Auth, &[b"AUTH", user.as_bytes(), password.as_bytes()]);
        }
        (_, Some((None, password))) => say(Step::Auth, &[b"AUTH", password.as_bytes()]),
        (_, None) => {}
    }
    if settings.db() != 0 {
        say(Step::Select, &[b"SELECT", settings.db().to_string().as_bytes()]);
    }
    if let Some(name) = &target.client_name {
        say(Step::Optional, &[b"CLIENT", b"SETNAME", name.as_bytes()]);
    }
    if !settings.skip_set_lib_name() {
        let name = settings.lib_name().unwrap_or(env!("CARGO_PKG_NAME"));
        let version = settings.lib_ver().unwrap_or(env!("CARGO_PKG_VERSION"));
        say(
            Step::Optional,
            &[b"CLIENT", b"SETINFO", b"LIB-NAME", name.as_bytes()],
        );
        say(
            Step::Optional,
            &[b"CLIENT", b"SETINFO", b"LIB-VER", version.as_bytes()],
        );
    }
    say(Step::ClientId, &[b"CLIENT", b"ID"]);
    say(Step::ClientInfo, &[b"CLIENT", b"INFO"]);
    if let Some(Identity { id, address }) = before {
        let id = id.to_string();
        say(
            Step::Fence,
            &[
                b"CLIENT",
                b"KILL",
                b"ID",
                id.as_bytes(),
                b"ADDR",
                address.as_bytes(),
            ],
        );
    }
    (steps, request)
}

/// What a reply means, where it does not end the handshake.
#[derive(Debug)]
enum Verdict {
    Fine,
    /// An error that we can do with, unless it turns out to be the last thing that the server says.
    Excused(String),
    /// The server does not know the protocol.
    OtherProtocol,
}

/// Why the server has closed the connection, if it has told.
fn reason(verdict: Result<Verdict, HandshakeError>) -> Option<HandshakeError> {
    match verdict {
        Ok(Verdict::Excused(words)) => Some(HandshakeError::Refused(words)),
        Ok(Verdict::Fine | Verdict::OtherProtocol) => None,
        Err(error) => Some(error),
    }
}

fn judge(
    step: &Step,
    reply: Value,
    target: &Target,
    greeting: &mut Greeting,
) -> Result<Verdict, HandshakeError> {
    let Value::ServerError(error) = reply else {
        match (step, reply) {
            (Step::Hello, Value::Map(fields)) => {
                let is = |value: &Value, text: &str| *value == Value::BulkString(text.into());
                let mode = fields.iter().find(|(name, _)| is(name, "mode"));
                if mode.is_some_and(|(_, mode)| is(mode, "sentinel")) {
                    return Err(HandshakeError::Sentinel);
                }
                greeting.is_cluster = mode.is_some_and(|(_, mode)| is(mode, "cluster"));
            }
            (Step::ClientId, Value::Int(id)) => greeting.client_id = Some(id),
            (Step::ClientInfo, info) => {
                let info = String::from_redis_value(info).ok();
                greeting.identity = info.as_deref().and_then(Identity::parse);
            }
            // The number of connections closed: none where the server had noticed before us.
            (Step::Fence, Value::Int(_)) => greeting.has_fenced = true,
            _ => {}
        }
        return Ok(Verdict::Fine);
    };
    let settings = target.info.redis_settings();
    let code = error.code().to_owned();
    let mut message = match error.details() {
        Some(details) => format!("{code} {details}"),
        None => code.clone(),
    };
    if let Some(password) = settings.password().filter(|password| !password.is_empty()) {
        message = message.replace(password, "<redacted>");
    }
    if code == "NOAUTH" && settings.password().is_none() {
        // The server's words are about commands, and its users' concern is the configuration.
        message = match settings.username() {
            None => format!("none were sent, since no password is configured ({message})"),
            Some(_) => format!("none were sent, since there is a user name without a password ({message})"),
        };
    }
    let lower = message.to_ascii_lowercase();
    // Said to whoever comes, so that it stands in the place of the answer to whatever we say first.
    if code == "DENIED" || lower.contains("max number of clients") {
        return Err(HandshakeError::Refused(message));
    }
    match step {
        // Where RESP2 is spoken and no credentials are given, nothing before these would tell.
        Step::Optional | Step::ClientId | Step::ClientInfo | Step::Fence | Step::Select
            if code == "NOAUTH" =>
        {
            Err(HandshakeError::Authentication(message))
        }
        Step::Optional | Step::ClientId | Step::ClientInfo | Step::Fence
            if code == "NOPERM" || lower.contains("unknown") =>
        {
            Ok(Verdict::Fine)
        }
        Step::Optional | Step::ClientId | Step::ClientInfo | Step::Fence => Ok(Verdict::Excused(message)),
        // Anything else may pass, as `BUSY` does.
        Step::Select if code == "NOPERM" || code == "ERR" && names_database(&lower) => {
            Err(HandshakeError::Database {
                db: settings.db(),
                message,
            })
        }
        Step::Hello if code == "NOPROTO" || lower.contains("unknown command") => Ok(Verdict::OtherProtocol),
        Step::Hello | Step::Auth
            if matches!(code.as_str(), "WRONGPASS" | "NOAUTH" | "NOPERM") || message.contains("AUTH") =>
        {
            Err(HandshakeError::Authentication(message))
        }
        Step::Select | Step::Hello | Step::Auth => Err(HandshakeError::Refused(message)),
    }
}

/// Whether an error, in lower case, is about the database's number, or about `SELECT` as such.
fn names_database(error: &str) -> bool {
    // "DB index is out of range", "value is not an integer or out of range", "invalid DB index", "SELECT is not allowed in
    // cluster mode", "unknown command 'SELECT'".
    ["index", "out of range", "select"]
        .iter()
        .any(|words| error.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    #[test]
    fn a_connection_is_known_by_number_and_address() {
        let parse = |info: &str| Identity::parse(info).map(|identity| (identity.id, identity.address));
        assert_eq!(
            parse("id=7 addr=127.0.0.1:46490 laddr=127.0.0.1:7999 fd=8 name= age=0"),
            Some((7, "127.0.0.1:46490".into()))
        );
        assert_eq!(
            parse("id=7 addr=[::1]:46490 laddr=[::1]:7999 fd=8"),
            Some((7, "[::1]:46490".into()))
        );
        // By their path, one client of a Unix socket is as good as another.
        assert_eq!(
            parse("id=7 addr=/run/my redis.sock:0 laddr=/run/my redis.sock:0 fd=8"),
            None
        );
        for nonsense in ["", "id=x addr=1:2 laddr=", "addr=1:2 id=7", "id=7 addr=1:2"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_list_of_clients_has_one_only_with_number_and_address() {
        let identity =
            Identity::parse("id=7 addr=127.0.0.1:46490 laddr=127.0.0.1:7999 fd=8").expect("well-formed");
        for (list, is_there) in [
            (
                "id=7 addr=127.0.0.1:46490 laddr=127.0.0.1:7999 fd=9 flags=b\n",
                true,
            ),
            (
                "id=3 addr=127.0.0.1:1 laddr=127.0.0.1:7999\nid=7 addr=127.0.0.1:46490 laddr=127.0.0.1:7999\n",
                true,
            ),
            ("id=7 addr=127.0.0.1:46491 laddr=127.0.0.1:7999\n", false),
            ("id=70 addr=127.0.0.1:46490 laddr=127.0.0.1:7999\n", false),
            ("", false),
        ] {
            assert_eq!(identity.is_among(list), is_there, "{list}");
        }
    }

    #[test]
    fn only_what_is_said_about_the_database_is_final() {
        let target = Source::url("redis://localhost/7")
            .and_then(|source| source.load())
            .expect("a valid URL");
        let answer = |text: &str| {
            let reply = resp::decode(format!("-{text}\r\n").as_bytes()).expect("a reply");
            judge(&Step::Select, reply, &target, &mut Greeting::default()).expect_err("an error")
        };
        for text in [
            "ERR DB index is out of range",
            "ERR invalid DB index",
            "ERR value is not an integer or out of range",
            "ERR SELECT is not allowed in cluster mode",
            "ERR unknown command 'select', with args beginning with: '7' ",
            "NOPERM this user has no permissions to run the 'select' command",
        ] {
            let error = answer(text);
            assert!(
                matches!(error, HandshakeError::Database { db: 7, .. }),
                "{text}: {error}"
            );
        }
        for text in [
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
            "LOADING Redis is loading the dataset in memory",
            "ERR max number of clients + cluster connections reached",
            "ERR upstream failure",
        ] {
            let error = answer(text);
            assert!(
                matches!(&error, HandshakeError::Refused(message) if message == text),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_server_that_repeats_our_words_gives_no_secret_away() {
        let password = "canary".repeat(40);
        let target = Source::url(format!("redis://user:{password}@localhost"))
            .and_then(|source| source.load())
            .expect("a valid URL");
        // As Redis 7.0 says it: 128 bytes of arguments at most.
        let reply = format!(
            "-ERR unknown command 'AUTH', with args beginning with: 'user' '{}'\r\n",
            &password[..100]
        );
        let reply = resp::decode(reply.as_bytes()).expect("a reply");
        let mut greeting = Greeting::default();
        let error = judge(&Step::Auth, reply, &target, &mut greeting).expect_err("refused");
        assert!(error.to_string().contains("unknown command 'AUTH'"), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
}
