//! The default URL, as far as a mistake in it can be seen without the parser that reads it in the end.

use syn::LitStr;

const FORM: &str = "write `default = \"redis://127.0.0.1:6379/1\"`";

/// What is wrong with a default URL; `env` is the prefix of the variables that override its parts.
pub(super) fn check(url: &str, env: Option<&LitStr>) -> Result<(), String> {
    if url.is_empty() {
        return Err(format!(
            "an empty URL: {FORM}, or leave the option out for redis://127.0.0.1:6379"
        ));
    }
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(format!("a URL has no white space: {FORM}"));
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(format!(
            "a URL begins with its scheme, such as `redis://`: {FORM}"
        ));
    };
    let is_unix = match scheme.to_ascii_lowercase().as_str() {
        "redis" | "valkey" | "rediss" | "valkeys" => false,
        "unix" | "redis+unix" | "valkey+unix" => true,
        _ => {
            return Err(format!(
                "`{scheme}` is no scheme of a Redis server: it is redis, rediss (with TLS) or unix, or valkey, valkeys, \
                 redis+unix, valkey+unix"
            ));
        }
    };
    let (rest, fragment) = split(rest, '#');
    if fragment.is_some() {
        return Err("what is behind `#` is no part of an address; in a password it is written `%23`".into());
    }
    let (rest, query) = split(rest, '?');
    let in_query =
        |name: &str| query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with(name)));
    if is_unix {
        if in_query("pass=") {
            return Err(password(env));
        }
        return match rest.strip_prefix('/') {
            Some(path) if !path.is_empty() => Ok(()),
            _ => Err(
                "expected the absolute path of a socket: write `default = \"unix:///run/redis.sock\"`".into(),
            ),
        };
    }
    let (authority, path) = split(rest, '/');
    let (userinfo, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    if userinfo
        .split_once(':')
        .is_some_and(|(_, password)| !password.is_empty())
    {
        return Err(password(env));
    }
    check_address(address)?;
    let db = path.unwrap_or_default().trim_matches('/');
    if !db.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "`/{db}` is not the number of a database: {FORM} for number 1"
        ));
    }
    Ok(())
}

fn check_address(address: &str) -> Result<(), String> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let Some((host, behind)) = rest.split_once(']') else {
                return Err("the `[` of an IPv6 address is not closed: write `redis://[::1]:6379`".into());
            };
            (host, behind.strip_prefix(':'))
        }
        None => split(address, ':'),
    };
    if port.is_some_and(|port| port.contains(':')) {
        return Err("an IPv6 address is written in brackets: `redis://[::1]:6379`".into());
    }
    if host.is_empty() {
        return Err(format!("the URL names no host: {FORM}"));
    }
    match port {
        Some(port) if !port.is_empty() && port.parse::<u16>().map_or(true, |port| port == 0) => {
            Err(format!("`{port}` is not a port: it is a number from 1 to 65535"))
        }
        _ => Ok(()),
    }
}

/// A default is for whoever sets nothing, and so the password would go to whatever host is set.
fn password(env: Option<&LitStr>) -> String {
    let prefix = env.map_or_else(|| "SESSIONS".to_owned(), LitStr::value);
    format!(
        "a password in the source is in the repository and in the program for everybody to read, and would be sent to \
         whichever host {prefix}_HOST names: leave it out, and set {prefix}_PASSWORD or {prefix}_PASSWORD_FILE"
    )
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_program_will_read_is_let_through() {
        for url in [
            "redis://127.0.0.1:6379/1",
            "redis://localhost",
            "rediss://db.example/",
            "valkey://user@db:1/0?protocol=resp2&client_name=billing",
            "redis://[::1]:7000/2",
            "unix:///run/redis.sock?db=1",
            "REDIS://host",
            "redis://host:/3",
        ] {
            assert_eq!(check(url, None), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_it_would_refuse_is_refused_now() {
        for url in [
            "",
            "localhost:6379",
            "http://localhost",
            "redis://",
            "redis://:6379",
            "redis://host:0",
            "redis://host:65536",
            "redis://host:port",
            "redis://::1:6379",
            "redis://[::1",
            "redis://host/two",
            "redis://host/1/2",
            "redis://host#1",
            "rediss://host#insecure",
            "redis://:pw@host",
            "redis://user:pw@host",
            "unix://run/redis.sock",
            "unix:///",
            "unix:///run/redis.sock?pass=pw",
            "redis://my host",
        ] {
            assert!(check(url, None).is_err(), "{url}");
        }
    }
}
