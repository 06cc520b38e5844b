//! From the variables of a prefix to the parts of an address.

use std::path::PathBuf;

use super::host::{parse_host, parse_port};
use super::parts::{Part, Parts, Scheme, parse_db};
use super::query::read_query;
use super::url::{parse_url, userinfo};
use super::variables::{Component, Found, Variables};
use super::{ConfigError, Origin, Secret};

/// Reads everything that has an effect, and nothing else: what is left unread had none.
pub(super) fn resolve(variables: &Variables<'_>, default_url: &str) -> Result<Parts, ConfigError> {
    let mut parts = match variables.get_or_read(Component::Url, Component::UrlFile)? {
        Some(url) => {
            let mut parts = parse_url(&url.text, &url.origin)?;
            if parts.username.is_none() && parts.password.is_none() {
                read_userinfo(variables, &mut parts)?;
            }
            read_credentials(variables, &mut parts)?;
            parts
        }
        None => merge(variables, parse_url(default_url, &Origin::Default)?)?,
    };
    if parts.scheme() == Scheme::Tls {
        read_tls_files(variables, &mut parts)?;
    }
    Ok(parts)
}

/// Takes each part from its variable, or else from the default URL.
fn merge(variables: &Variables<'_>, default: Parts) -> Result<Parts, ConfigError> {
    let scheme = read_scheme(variables, &default)?;
    let mut parts = match variables.get(Component::Query)? {
        Some(query) => read_query(query.text.trim_start_matches('?'), scheme.value, &query.origin)?,
        None => Parts {
            protocol: default.protocol,
            client_name: default.client_name,
            ignored_parameters: default.ignored_parameters,
            ..Parts::default()
        },
    };
    if scheme.value == Scheme::Unix {
        parts.socket = Some(match variables.get(Component::Path)? {
            Some(path) => part(path).parse(parse_socket)?,
            None => default.socket.ok_or_else(|| ConfigError::Incomplete {
                origin: scheme.origin.clone(),
                missing: variables.name(Component::Path),
            })?,
        });
        if parts.db.is_none() {
            parts.db = read_db(variables, Component::Db)?;
        }
    } else {
        read_address(variables, &mut parts, default.host, default.port)?;
        parts.db = read_db_or_path(variables)?;
    }
    parts.db = parts.db.or(default.db);

    let in_query = parts.username.is_some() || parts.password.is_some();
    let in_userinfo = !in_query && read_userinfo(variables, &mut parts)?;
    read_credentials(variables, &mut parts)?;
    if !in_query && !in_userinfo {
        parts.username = parts.username.or(default.username);
        parts.password = parts.password.or(default.password);
    }
    parts.insecure = default.insecure;
    parts.scheme = Some(scheme);
    Ok(parts)
}

/// A host or port that somebody set is to be connected to, though the default be a socket.
fn read_scheme(variables: &Variables<'_>, default: &Parts) -> Result<Part<Scheme>, ConfigError> {
    if let Some(scheme) = variables.get(Component::Scheme)? {
        return part(scheme).parse(|text| Scheme::parse(&text));
    }
    let has_address = variables.is_set(Component::Host) || variables.is_set(Component::Port);
    match &default.scheme {
        Some(scheme) if !(scheme.value == Scheme::Unix && has_address) => Ok(scheme.clone()),
        _ => Ok(Part::new(Scheme::Tcp, &Origin::BuiltIn)),
    }
}

fn read_address(
    variables: &Variables<'_>,
    parts: &mut Parts,
    default_host: Option<Part<String>>,
    default_port: Option<Part<u16>>,
) -> Result<(), ConfigError> {
    let host = variables
        .get(Component::Host)?
        .map(|host| part(host).parse(|text| parse_host(&text)))
        .transpose()?;
    let port = variables
        .get(Component::Port)?
        .map(|port| part(port).parse(|text| parse_port(&text)))
        .transpose()?;
    let (linked_host, port) = match port {
        Some(Part { value, origin }) => (
            value.host.map(|host| Part::new(host, &origin)),
            Some(Part::new(value.number, &origin)),
        ),
        None => (None, None),
    };
    parts.host = host.or(linked_host).or(default_host);
    parts.port = port.or(default_port);
    Ok(())
}

fn read_db(variables: &Variables<'_>, component: Component) -> Result<Option<Part<i64>>, ConfigError> {
    variables
        .get(component)?
        .map(|db| part(db).parse(|text| parse_db(&text)))
        .transpose()
}

/// Both variables mean the database; they may agree.
fn read_db_or_path(variables: &Variables<'_>) -> Result<Option<Part<i64>>, ConfigError> {
    let db = read_db(variables, Component::Db)?;
    let path = read_db(variables, Component::Path)?;
    match (&db, &path) {
        (Some(by_db), Some(by_path)) if by_db.value != by_path.value => Err(ConfigError::Conflict {
            first: by_db.origin.to_string(),
            second: by_path.origin.to_string(),
        }),
        _ => Ok(db.or(path)),
    }
}

/// Says whether there was any.
fn read_userinfo(variables: &Variables<'_>, parts: &mut Parts) -> Result<bool, ConfigError> {
    let Some(found) = variables.get(Component::Userinfo)? else {
        return Ok(false);
    };
    let Part { value, origin } = part(found).parse(|text| match text.split_once(':') {
        Some((username, password)) => userinfo(username, Some(password)),
        None => userinfo(&text, None),
    })?;
    parts.username = value.0.map(|username| Part::new(username, &origin));
    parts.password = value.1.map(|password| Part::new(password, &origin));
    Ok(true)
}

/// Fills in what is left out so far.
fn read_credentials(variables: &Variables<'_>, parts: &mut Parts) -> Result<(), ConfigError> {
    if parts.username.is_none() {
        let username = variables.get(Component::Username)?;
        parts.username = username
            .map(|username| part(username).parse(parse_username))
            .transpose()?;
    }
    if parts.password.is_none() {
        let password = variables.get_or_read(Component::Password, Component::PasswordFile)?;
        parts.password = password.map(|found| Part {
            value: Secret::from(found.text),
            origin: found.origin,
        });
    }
    Ok(())
}

fn read_tls_files(variables: &Variables<'_>, parts: &mut Parts) -> Result<(), ConfigError> {
    let path = |component| {
        variables
            .get(component)?
            .map(|path| part(path).parse(parse_path))
            .transpose()
    };
    parts.tls_ca = path(Component::TlsCaFile)?;
    parts.tls_cert = path(Component::TlsCertFile)?;
    parts.tls_key = path(Component::TlsKeyFile)?;
    let (alone, missing) = match (&parts.tls_cert, &parts.tls_key) {
        (Some(cert), None) => (cert, Component::TlsKeyFile),
        (None, Some(key)) => (key, Component::TlsCertFile),
        _ => return Ok(()),
    };
    Err(ConfigError::Incomplete {
        origin: alone.origin.clone(),
        missing: variables.name(missing),
    })
}

fn part(found: Found) -> Part<String> {
    Part {
        value: found.text,
        origin: found.origin,
    }
}

fn parse_socket(text: String) -> Result<PathBuf, &'static str> {
    if text.starts_with('/') {
        Ok(text.into())
    } else {
        Err("the absolute path of a socket")
    }
}

/// Whoever pastes a whole URL here must not find its password in a log as the user name.
fn parse_username(text: String) -> Result<String, &'static str> {
    if text.contains("://") {
        Err("a user name alone")
    } else {
        Ok(text)
    }
}

/// Whoever pastes the key itself here must not find it in a log as the path.
fn parse_path(text: String) -> Result<PathBuf, &'static str> {
    let is_path = !text.contains("-----BEGIN") && !text.contains("://") && !text.contains(char::is_control);
    if is_path {
        Ok(text.into())
    } else {
        Err("the path of a PEM file")
    }
}
