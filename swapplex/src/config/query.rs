//! The query of a URL, or of a `P_QUERY` variable.

use url::form_urlencoded;

use super::parts::{Part, Parts, Scheme, parse_db};
use super::{ConfigError, Origin, Protocol, Secret};

const PROTOCOL: &str = "protocol=resp2 or protocol=resp3 in the query";
const TLS: &str = "the scheme rediss, as in rediss://host, where TLS is wanted; ssl and tls in the query don't switch it on";
const CLIENT_NAME: &str = "a client_name of printable ASCII characters without spaces in the query";

/// The parameters of a query: `protocol`, `client_name` and `db`, and for Unix sockets `user` and `pass`.
///
/// `ssl` and `tls` are refused where they ask for what there will not be. Any other is passed over, as redis-rs does: one
/// URL often serves clients in several languages, each with parameters of its own. Where one comes twice, the last counts.
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
            ("db", _) if value.is_empty() => {}
            ("db", _) => {
                parts.db = Some(Part::new(parse_db(&value).map_err(invalid)?, origin));
            }
            ("user", Scheme::Unix) => {
                parts.username = (!value.is_empty()).then(|| Part::new(value.into_owned(), origin));
            }
            ("pass", Scheme::Unix) => {
                parts.password = (!value.is_empty()).then(|| Part::new(Secret::from(value.as_ref()), origin));
            }
            // In the clear, the password would be anybody's.
            ("ssl" | "tls", Scheme::Tcp) if !is_off(&value) => return Err(invalid(TLS)),
            ("ssl" | "tls", Scheme::Tls) if !is_off(&value) => {}
            ("ssl" | "tls", Scheme::Tcp) | ("", _) => {}
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

/// Whether a switch is off. Any other word is taken for on, and so is none, as in `?tls`.
pub(super) fn is_off(text: &str) -> bool {
    let words = ["0", "f", "n", "no", "off", "none", "false", "disable", "disabled"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// What `CLIENT SETNAME` takes; the server would refuse the handshake of any other.
fn parse_client_name(text: &str) -> Result<Option<String>, &'static str> {
    match text {
        "" => Ok(None),
        _ if text.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(text.to_owned())),
        _ => Err(CLIENT_NAME),
    }
}
