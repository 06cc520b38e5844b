//! The query of a URL, or of a `P_QUERY` variable.

use url::form_urlencoded;

use super::parts::{Part, Parts, Scheme, parse_db};
use super::{ConfigError, Origin, Protocol, Secret};

const PROTOCOL: &str = "protocol=resp2 or protocol=resp3 in the query";
const CLIENT_NAME: &str = "a client_name of printable ASCII characters without spaces in the query";

/// The parameters of a query: `protocol` and `client_name`, and for Unix sockets `db`, `user` and `pass`.
///
/// Any other is passed over, as redis-rs does: one URL often serves clients in several languages, each with
/// parameters of its own. Where one comes twice, the last counts.
pub(super) fn read_query(query: &str, scheme: Scheme, origin: &Origin) -> Result<Parts, ConfigError> {
    let invalid = |expected| ConfigError::Invalid {
        origin: origin.clone(),
        expected,
    };

    let mut parts = Parts::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match (name.as_ref(), scheme) {
            ("protocol", _) => {
                parts.protocol = Some(Part::new(parse_protocol(&value).map_err(invalid)?, origin));
            }
            ("client_name", _) => {
                let name = parse_client_name(&value).map_err(invalid)?;
                parts.client_name = name.map(|name| Part::new(name, origin));
            }
            ("db", Scheme::Unix) => {
                parts.db = Some(Part::new(parse_db(&value).map_err(invalid)?, origin));
            }
            ("user", Scheme::Unix) => {
                parts.username = (!value.is_empty()).then(|| Part::new(value.into_owned(), origin));
            }
            ("pass", Scheme::Unix) => {
                parts.password = (!value.is_empty()).then(|| Part::new(Secret::from(value.as_ref()), origin));
            }
            ("", _) => {}
            _ => parts.ignored_parameters += 1,
        }
    }
    Ok(parts)
}

/// The spellings that redis-rs knows.
fn parse_protocol(text: &str) -> Result<Protocol, &'static str> {
    match text {
        "2" | "resp2" => Ok(Protocol::Resp2),
        "3" | "resp3" => Ok(Protocol::Resp3),
        _ => Err(PROTOCOL),
    }
}

/// What `CLIENT SETNAME` takes; the server would refuse the handshake of any other.
fn parse_client_name(text: &str) -> Result<Option<String>, &'static str> {
    match text {
        "" => Ok(None),
        _ if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(text.to_owned())),
        _ => Err(CLIENT_NAME),
    }
}
