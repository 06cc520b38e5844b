//! What a scripted server is asked.

use bytes::{Buf, BytesMut};

use super::Answer;

/// One request, as a client sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// On which connection, counted from 0.
    pub connection: usize,
    /// The how manieth it is on its connection, counted from 0.
    pub number: usize,
    /// The command's name and its arguments.
    pub arguments: Vec<Vec<u8>>,
}

impl Request {
    /// The command's name in upper case.
    pub fn name(&self) -> String {
        self.argument(0).to_uppercase()
    }

    /// An argument as text, empty if there is none; the name is number 0.
    pub fn argument(&self, index: usize) -> String {
        self.arguments
            .get(index)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .unwrap_or_default()
    }

    /// What a willing server of version 7 answers to `HELLO`, `AUTH`, `SELECT`, `CLIENT` and `PING`.
    pub fn handshake(&self) -> Option<Answer> {
        Some(match self.name().as_str() {
            "HELLO" => self.hello(),
            "AUTH" | "SELECT" => Answer::ok(),
            "PING" => Answer::raw("+PONG\r\n"),
            "CLIENT" => match self.argument(1).to_uppercase().as_str() {
                "ID" => Answer::integer(self.client_id()),
                "INFO" => {
                    let (id, port) = (self.client_id(), 50_000 + self.connection);
                    Answer::bulk(format!(
                        "id={id} addr=127.0.0.1:{port} laddr=127.0.0.1:6379 fd=8 name= db=0 resp=3\n"
                    ))
                }
                "KILL" => Answer::integer(0),
                _ => Answer::ok(),
            },
            _ => return None,
        })
    }

    fn hello(&self) -> Answer {
        let protocol = if self.argument(1) == "3" { 3 } else { 2 };
        let fields = [
            ("server", Answer::bulk("redis")),
            ("version", Answer::bulk("7.0.15")),
            ("proto", Answer::integer(protocol)),
            ("id", Answer::integer(self.client_id())),
            ("mode", Answer::bulk("standalone")),
            ("role", Answer::bulk("master")),
            ("modules", Answer::array([])),
        ];
        let mut bytes = if protocol == 3 {
            b"%7\r\n".to_vec()
        } else {
            b"*14\r\n".to_vec()
        };
        for (name, value) in fields {
            bytes.extend_from_slice(&Answer::bulk(name).bytes);
            bytes.extend_from_slice(&value.bytes);
        }
        Answer::raw(bytes)
    }

    fn client_id(&self) -> i64 {
        i64::try_from(self.connection).map_or(i64::MAX, |number| number + 1)
    }
}

/// The input is no list of strings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotResp;

/// Takes one request from the front of `input`, if it is complete.
pub(super) fn parse(input: &mut BytesMut) -> Result<Option<Vec<Vec<u8>>>, NotResp> {
    let mut rest = &input[..];
    let Some(count) = header(&mut rest, b'*')? else {
        return Ok(None);
    };
    let mut arguments = Vec::new();
    for _ in 0..count {
        let Some(length) = header(&mut rest, b'$')? else {
            return Ok(None);
        };
        if rest.len() < length + 2 {
            return Ok(None);
        }
        arguments.push(rest[..length].to_vec());
        if &rest[length..length + 2] != b"\r\n" {
            return Err(NotResp);
        }
        rest = &rest[length + 2..];
    }
    let used = input.len() - rest.len();
    input.advance(used);
    Ok(Some(arguments))
}

fn header(rest: &mut &[u8], kind: u8) -> Result<Option<usize>, NotResp> {
    if rest.first().is_some_and(|first| *first != kind) {
        return Err(NotResp);
    }
    let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
        return Ok(None);
    };
    let number = std::str::from_utf8(&rest[1..end])
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or(NotResp)?;
    *rest = &rest[end + 2..];
    Ok(Some(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_taken_whole_wherever_the_input_is_split() {
        let whole = b"*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n*1\r\n$4\r\nPING\r\n";
        for split in 0..=whole.len() {
            let mut input = BytesMut::from(&whole[..split]);
            let mut requests = Vec::new();
            for part in [&whole[split..], b""] {
                while let Some(request) = parse(&mut input).unwrap() {
                    requests.push(request);
                }
                input.extend_from_slice(part);
            }
            while let Some(request) = parse(&mut input).unwrap() {
                requests.push(request);
            }
            assert_eq!(
                requests,
                [vec![b"GET".to_vec(), b"a\r\nb".to_vec()], vec![b"PING".to_vec()]]
            );
            assert!(input.is_empty());
        }
    }

    #[test]
    fn what_is_not_resp_is_refused() {
        assert_eq!(parse(&mut BytesMut::from("GET / HTTP/1.1\r\n\r\n")), Err(NotResp));
        assert_eq!(parse(&mut BytesMut::from("*1\r\n:5\r\n")), Err(NotResp));
    }
}
