//! Hosts and ports as they may stand in a variable.

use std::net::Ipv6Addr;

use url::{Host, Url};

pub(super) const ONE: &str = "the address of one server; a list of several is not supported";
const HOST: &str = "a host name or an IP address alone, without scheme, user, port or path";
const NO_WILDCARD: &str = "the address of one host; 0.0.0.0 and :: stand for any and can't be connected to";
const PORT: &str = "a port number from 1 to 65535";
const LINK: &str = "a port number from 1 to 65535, or the tcp://host:port that Kubernetes sets";

/// A host as sockets want it: IPv6 without brackets, an international name in its ASCII form.
///
/// The error says what was expected.
pub(super) fn parse_host(text: &str) -> Result<String, &'static str> {
    if text.contains(',') {
        return Err(ONE);
    }
    let unbracketed = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    let (address, zone) = match unbracketed.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (unbracketed, None),
    };
    let host = match (address.parse::<Ipv6Addr>(), zone) {
        (Ok(address), None) => address.to_string(),
        (Ok(address), Some(zone)) if is_zone(zone) => format!("{address}%{zone}"),
        _ => parse_name(text)?,
    };
    match host.as_str() {
        "0.0.0.0" | "::" => Err(NO_WILDCARD),
        _ => Ok(host),
    }
}

/// Link-local addresses need one, as in `fe80::1%eth0`.
fn is_zone(zone: &str) -> bool {
    !zone.is_empty()
        && zone
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    if text.contains('%') || text.contains(char::is_control) {
        return Err(HOST);
    }
    // The parser for web addresses takes a name such as `redis.1` for a malformed IPv4 address; container networks
    // have those names, so it serves only where a name must be turned into ASCII.
    let host = if text.is_ascii() {
        Host::parse_opaque(text)
    } else {
        Host::parse(text)
    };
    match host {
        Ok(Host::Domain(name)) if !name.is_empty() => Ok(name),
        _ => Err(HOST),
    }
}

/// A port, and the host that came with it in a Kubernetes service link.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) number: u16,
    pub(super) host: Option<String>,
}

/// Reads `6379`, or `tcp://10.0.0.11:6379`: what Kubernetes injects as `REDIS_PORT` for a Service called `redis`.
///
/// The error says what was expected.
pub(super) fn parse_port(text: &str) -> Result<Port, &'static str> {
    if !text.contains("://") {
        return Ok(Port {
            number: parse_number(text)?,
            host: None,
        });
    }
    let url = Url::parse(text).map_err(|_| LINK)?;
    let is_bare = url.scheme() == "tcp"
        && url.username().is_empty()
        && url.password().is_none()
        && url.path().trim_matches('/').is_empty()
        && url.query().is_none()
        && url.fragment().is_none();
    match (is_bare, url.host_str(), url.port()) {
        (true, Some(host), Some(number @ 1..)) => Ok(Port {
            number,
            host: Some(parse_host(host)?),
        }),
        _ => Err(LINK),
    }
}

fn parse_number(text: &str) -> Result<u16, &'static str> {
    // `parse` would take `+6379`.
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PORT);
    }
    text.parse().ok().filter(|&number| number != 0).ok_or(PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_come_out_as_sockets_want_them() {
        for (text, host) in [
            ("localhost", "localhost"),
            ("10.0.0.11", "10.0.0.11"),
            ("my_redis", "my_redis"),
            ("redis.1", "redis.1"),
            (
                "redis.default.svc.cluster.local.",
                "redis.default.svc.cluster.local.",
            ),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("0:0:0:0:0:0:0:1", "::1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("bücher.example", "xn--bcher-kva.example"),
        ] {
            assert_eq!(parse_host(text).as_deref(), Ok(host), "{text}");
        }
    }

    #[test]
    fn what_is_more_or_less_than_a_host_is_refused() {
        for text in [
            "",
            "host:6379",
            "redis://host",
            "user@host",
            "host/0",
            "a b",
            "[::1",
            "::1]",
            "[::1]:6379",
            "::1::",
            "fe80::1%",
            "fe80::1%eth 0",
            "ho%73t",
            "a\tb",
            "host#0",
            "host?x",
        ] {
            assert_eq!(parse_host(text), Err(HOST), "{text}");
        }
    }

    #[test]
    fn a_wildcard_is_no_place_to_connect_to() {
        for text in ["0.0.0.0", "::", "[::]", "0:0:0:0:0:0:0:0"] {
            assert_eq!(parse_host(text), Err(NO_WILDCARD), "{text}");
        }
    }

    #[test]
    fn a_port_is_a_number_or_what_kubernetes_injects() {
        let port = |number, host: Option<&str>| {
            Ok(Port {
                number,
                host: host.map(ToOwned::to_owned),
            })
        };
        assert_eq!(parse_port("6379"), port(6379, None));
        assert_eq!(parse_port("65535"), port(65535, None));
        assert_eq!(parse_port("tcp://10.0.0.11:6379"), port(6379, Some("10.0.0.11")));
        assert_eq!(parse_port("tcp://[fd00::11]:6379"), port(6379, Some("fd00::11")));
    }

    #[test]
    fn what_is_no_port_is_refused() {
        for text in ["", "0", "65536", "-1", "+1", "6379a", "63 79", "6.3e3"] {
            assert_eq!(parse_port(text), Err(PORT), "{text}");
        }
        for text in [
            "udp://10.0.0.11:6379",
            "tcp://10.0.0.11",
            "tcp://10.0.0.11:0",
            "tcp://u:p@h:1",
            "tcp://h:1/x",
            "://",
        ] {
            assert_eq!(parse_port(text), Err(LINK), "{text}");
        }
        assert_eq!(parse_port("tcp://0.0.0.0:6379"), Err(NO_WILDCARD));
    }
}
