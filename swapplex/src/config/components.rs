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
        let socket = read(variables, Component::Path, parse_socket)?.or(default.socket);
        parts.socket = Some(socket.ok_or_else(|| ConfigError::Incomplete {
            origin: scheme.origin.clone(),
            missing: variables.name(Component::Path),
        })?);
        if parts.db.is_none() {
            parts.db = read_db(variables, Component::Db)?;
        }
    } else {
        read_address(variables, &mut parts, default.host, default.port)?;
        parts.db = agree(parts.db, read_db_or_path(variables)?)?;
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
    if let Some(scheme) = read(variables, Component::Scheme, |text| Scheme::parse(&text))? {
        return Ok(scheme);
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
    let mut host = read(variables, Component::Host, |text| parse_host(&text))?;
    let mut port = default_port;
    if let Some(Part { value, origin }) = read(variables, Component::Port, |text| parse_port(&text))? {
        host = host.or(value.host.map(|host| Part::new(host, &origin)));
        port = Some(Part::new(value.number, &origin));
    }
    parts.host = host.or(default_host);
    parts.port = port;
    Ok(())
}

fn read_db(variables: &Variables<'_>, component: Component) -> Result<Option<Part<i64>>, ConfigError> {
    read(variables, component, |text| parse_db(&text))
}

/// Both variables mean the database; they may agree.
fn read_db_or_path(variables: &Variables<'_>) -> Result<Option<Part<i64>>, ConfigError> {
    let db = read_db(variables, Component::Db)?;
    let path = read_db(variables, Component::Path)?;
    agree(db, path)
}

fn agree(first: Option<Part<i64>>, second: Option<Part<i64>>) -> Result<Option<Part<i64>>, ConfigError> {
    match (&first, &second) {
        (Some(one), Some(other)) if one.value != other.value => Err(ConfigError::Conflict {
            first: one.origin.to_string(),
            second: other.origin.to_string(),
        }),
        _ => Ok(first.or(second)),
    }
}

/// Says whether there was any.
fn read_userinfo(variables: &Variables<'_>, parts: &mut Parts) -> Result<bool, ConfigError> {
    let parse = |text: String| match text.split_once(':') {
        Some((username, password)) => userinfo(username, Some(password)),
        None => userinfo(&text, None),
    };
    let Some(Part { value, origin }) = read(variables, Component::Userinfo, parse)? else {
        return Ok(false);
    };
    parts.username = value.0.map(|username| Part::new(username, &origin));
    parts.password = value.1.map(|password| Part::new(password, &origin));
    Ok(true)
}

/// Fills in what is left out so far.
fn read_credentials(variables: &Variables<'_>, parts: &mut Parts) -> Result<(), ConfigError> {
    if parts.username.is_none() {
        parts.username = read(variables, Component::Username, parse_username)?;
    }
    if parts.password.is_none() {
        let found = variables.get_or_read(Component::Password, Component::PasswordFile)?;
        parts.password = found.map(|Found { text, origin }| Part {
            value: Secret::from(text),
            origin,
        });
    }
    Ok(())
}

fn read_tls_files(variables: &Variables<'_>, parts: &mut Parts) -> Result<(), ConfigError> {
    parts.tls_ca = read(variables, Component::TlsCaFile, parse_path)?;
    parts.tls_cert = read(variables, Component::TlsCertFile, parse_path)?;
    parts.tls_key = read(variables, Component::TlsKeyFile, parse_path)?;
    // They are opened elsewhere, where a pipe would hold a thread for ever.
    for Part { value, origin } in [&parts.tls_ca, &parts.tls_cert, &parts.tls_key]
        .into_iter()
        .flatten()
    {
        variables.check_file(value, origin)?;
    }
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

/// `parse` says what it expected.
fn read<T>(
    variables: &Variables<'_>,
    component: Component,
    parse: impl FnOnce(String) -> Result<T, &'static str>,
) -> Result<Option<Part<T>>, ConfigError> {
    let Some(Found { text, origin }) = variables.get(component)? else {
        return Ok(None);
    };
    match parse(text) {
        Ok(value) => Ok(Some(Part { value, origin })),
        Err(expected) => Err(ConfigError::Invalid { origin, expected }),
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
