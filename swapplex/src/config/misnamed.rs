//! Names of variables that nothing reads, and that somebody most likely meant to be read.
//!
//! The difference may be that between two databases, or between TLS and none. An application may well have variables of
//! its own with the same prefix, though, and Kubernetes injects some: a name is taken for a mistake only where it can
//! hardly be anything else.

use strsim::osa_distance;

use super::variables::Component;

/// What other software calls the parts of an address, and nothing here asks for.
pub(super) const ELSEWHERE: [&str; 46] = [
    "URI",
    "HOSTNAME",
    "HOST_NAME",
    "ADDR",
    "ADDRESS",
    "ENDPOINT",
    "DATABASE",
    "DB_INDEX",
    "USER",
    "PASS",
    "PASSWD",
    "PWD",
    "AUTH",
    "AUTH_TOKEN",
    "TLS",
    "SSL",
    "DSN",
    "CONNECTION_STRING",
    "CONNECTION_URL",
    "SERVER",
    "SERVERS",
    "ADDRS",
    "ADDRESSES",
    "ENDPOINTS",
    "HOSTS",
    "URLS",
    "NODES",
    "CLUSTER",
    "CLUSTER_ENABLED",
    "CLUSTER_MODE",
    "CLUSTER_NODES",
    "SENTINEL",
    "SENTINELS",
    "SENTINEL_HOSTS",
    "SENTINEL_NODES",
    "SENTINEL_MASTER",
    "DB_NUMBER",
    "SOCKET",
    "USE_TLS",
    "USE_SSL",
    "ENABLE_TLS",
    "ENABLE_SSL",
    "TLS_URL",
    "CA_FILE",
    "CA_CERT",
    "CERT_FILE",
];

/// Words of their own that are one letter or two from a name that is read.
const OTHER_WORDS: [&str; 6] = ["HOT", "PART", "PATCH", "POST", "SCHEMA", "PASSPORT"];

/// Whether what follows the prefix is a mistake, without being one of the names [`ELSEWHERE`].
pub(super) fn is_misnamed(suffix: &str) -> bool {
    // Names go to logs, where nothing that they hold may draw.
    let is_plain = suffix
        .bytes()
        .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    if !is_plain
        || is_read(suffix)
        || ELSEWHERE.contains(&suffix)
        || is_of_a_longer_prefix(suffix)
        || is_injected(suffix)
    {
        return false;
    }
    is_about_tls(suffix) || is_file_of_another(suffix) || is_misspelt(suffix)
}

fn names() -> impl Iterator<Item = String> {
    Component::ALL
        .into_iter()
        .flat_map(|it| [it.suffix().to_owned(), format!("{}_ENV", it.suffix())])
}

fn is_read(suffix: &str) -> bool {
    names().any(|name| name == suffix)
}

/// `REDIS_CACHE_HOST` is a variable of the prefix `REDIS_CACHE`, where there is one.
fn is_of_a_longer_prefix(suffix: &str) -> bool {
    let is_behind_more = |name: &String| {
        suffix
            .strip_suffix(name.as_str())
            .and_then(|rest| rest.strip_suffix('_'))
            .is_some_and(|rest| !rest.is_empty())
    };
    names().any(|name| is_behind_more(&name))
}

/// What Kubernetes sets for a Service, such as `P_TLS_SERVICE_HOST` and `P_TLS_PORT_6379_TCP` for `p-tls`, and what
/// Docker sets for a link.
fn is_injected(suffix: &str) -> bool {
    let behind = format!("_{suffix}");
    let framed = format!("{behind}_");
    let is_port = |rest: &str| {
        let (number, rest) = rest.split_once('_').unwrap_or_default();
        let protocol = rest.split('_').next();
        !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && matches!(protocol, Some("TCP" | "UDP" | "SCTP"))
    };
    framed.contains("_SERVICE_HOST_")
        || framed.contains("_SERVICE_PORT_")
        // At the end it is ours: `P_HSOT_ENV`.
        || behind.contains("_ENV_")
        || framed.split("_PORT_").skip(1).any(is_port)
}

/// Switches, certificates and modes: `P_SSL_CERT_REQS`, `P_TLS_ENABLED`. The file names of the table are read.
fn is_about_tls(suffix: &str) -> bool {
    suffix.starts_with("TLS_") || suffix.starts_with("SSL_")
}

/// Of secrets alone can be said that they stand in a file.
fn is_file_of_another(suffix: &str) -> bool {
    suffix
        .strip_suffix("_FILE")
        .is_some_and(|rest| is_read(rest) || matches!(rest, "USER" | "PASS" | "AUTH"))
}

fn is_misspelt(suffix: &str) -> bool {
    let joined = |text: &str| text.replace('_', "");
    names().any(|name| {
        let (written, meant) = (suffix.split('_'), name.split('_'));
        let is_slip = written.clone().count() == meant.clone().count()
            && written
                .zip(meant)
                .all(|(written, meant)| written == meant || is_slip(written, meant));
        is_slip || joined(suffix) == joined(&name)
    })
}

/// Whether one word is most likely the other, badly typed.
fn is_slip(written: &str, meant: &str) -> bool {
    // The distance at which one finds typing errors; that two letters have changed places counts as one.
    let distance = osa_distance(written, meant);
    let allowed = if meant.len() < 8 { 1 } else { 2 };
    if distance > allowed || OTHER_WORDS.contains(&written) {
        return false;
    }
    if letters(written) == letters(meant) {
        return true;
    }
    // Two servers of one kind are numbered, as in `P_HOST2`.
    let is_numbered = written.ends_with(|last: char| last.is_ascii_digit());
    // `SORT` and `COST` are no misspelt ports and hosts, and `DC` is no database.
    let begins_alike = written.chars().next() == meant.chars().next();
    let is_long_enough = meant.len() > 3 || written.len() > meant.len();
    !is_numbered && begins_alike && is_long_enough
}

fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<_> = word.chars().collect();
    letters.sort_unstable();
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_taken_for_what_was_meant() {
        for suffix in [
            "HSOT",
            "HOTS",
            "HOSR",
            "OHST",
            "HOSTT",
            "_HOST",
            "HOST_",
            "PROT",
            "PORTS",
            "ULR",
            "UURL",
            "BD",
            "DBS",
            "PAHT",
            "SHCEME",
            "SCEME",
            "QUREY",
            "PASWORD",
            "PASSWROD",
            "PASSWORT",
            "PASSSWORD",
            "PASSWORDS",
            "PSSWRD",
            "PASS_WORD",
            "USERNAM",
            "USER_NAME",
            "USRENAME",
            "USER_INFO",
            "PASSWORD_FIEL",
            "PASWORD_FILE",
            "PASSWORDFILE",
            "URL_FLIE",
            "UR_LFILE",
            "TSL_CA_FILE",
            "TLS_CA_FIEL",
            "HOST_EVN",
            "HSOT_ENV",
            "PASSWORDENV",
        ] {
            assert!(is_misnamed(suffix), "{suffix}");
        }
    }

    #[test]
    fn a_file_of_what_comes_from_no_file_is_a_mistake() {
        for suffix in [
            "USERNAME_FILE",
            "HOST_FILE",
            "PORT_FILE",
            "DB_FILE",
            "USERINFO_FILE",
            "USER_FILE",
            "PASS_FILE",
        ] {
            assert!(is_misnamed(suffix), "{suffix}");
        }
    }

    #[test]
    fn tls_by_other_names_is_a_mistake() {
        for suffix in [
            "TLS_ENABLED",
            "TLS_CA",
            "TLS_CERT",
            "TLS_INSECURE",
            "SSL_ENABLED",
            "SSL_CA_CERTS",
            "SSL_CERT_REQS",
            "SSL_CA_FILE",
        ] {
            assert!(is_misnamed(suffix), "{suffix}");
        }
    }

    #[test]
    fn what_is_read_is_no_mistake() {
        for name in names() {
            assert!(!is_misnamed(&name), "{name}");
        }
    }

    #[test]
    fn what_an_application_has_for_itself_is_no_mistake() {
        for suffix in [
            "",
            "KEY_PREFIX",
            "PREFIX",
            "KEYS",
            "NAME",
            "MODE",
            "POOL",
            "POOL_SIZE",
            "MAX_CONNECTIONS",
            "CACHE_TTL",
            "TTL",
            "TIMEOUT",
            "CONNECT_TIMEOUT",
            "RETRIES",
            "ENABLED",
            "DISABLED",
            "CHANNEL",
            "QUEUE",
            "STREAM",
            "GROUP",
            "VERSION",
            "IMAGE",
            "ARGS",
            "LOG_FILE",
            "ACL_FILE",
            "PID_FILE",
            "RDB_FILE",
            "CONFIG_FILE",
            "COST",
            "SORT",
            "POST",
            "PATCH",
            "PART",
            "MATH",
            "TEST",
            "RATE",
            "HOT",
            "ROLE",
            "TYPE",
            "SIZE",
            "SCHEMA",
            "PASSPORT",
            "DC",
            "DBA2",
            "ID",
            "RDB",
            "CURL",
            "URN",
            "HOST2",
            "HOST_2",
            "DB0",
            "DB_SESSIONS",
            "URL_FILTER",
            "URL_TITLE",
            "PASSWORD_FIELD",
            "PASSWORD_A",
            "PASSWORD_ROTATION",
            "USERNAME_SUFFIX",
            "HOST\n",
            "TLS_\u{1b}[2J",
        ] {
            assert!(!is_misnamed(suffix), "{suffix}");
        }
    }

    #[test]
    fn what_is_of_a_longer_prefix_is_no_mistake() {
        for suffix in [
            "CACHE_HOST",
            "CACHE_URL_FILE",
            "A_PASSWORD",
            "P_PASSWORD",
            "P_PASSWORD_ENV",
            "TLS_HOST",
            "SSL_PASSWORD",
            "CLUSTER_URL",
        ] {
            assert!(!is_misnamed(suffix), "{suffix}");
        }
    }

    #[test]
    fn what_kubernetes_and_docker_set_is_no_mistake() {
        for suffix in [
            "SERVICE_HOST",
            "SERVICE_PORT",
            "SERVICE_PORT_REDIS",
            "PORT_6379_TCP",
            "PORT_6379_TCP_ADDR",
            "PORT_6379_TCP_PORT",
            "PORT_6379_TCP_PROTO",
            "PORT_6379_UDP",
            "TLS_SERVICE_HOST",
            "TLS_SERVICE_PORT",
            "TLS_SERVICE_PORT_REDIS",
            "TLS_PORT",
            "SSL_PORT_6380_TCP",
            "SSL_PORT_6380_TCP_ADDR",
            "HOSTS_PORT_6380_TCP_ADDR",
            "NAME",
            "ENV_REDIS_VERSION",
            "TLS_ENV_REDIS_VERSION",
        ] {
            assert!(!is_misnamed(suffix), "{suffix}");
        }
    }
}
