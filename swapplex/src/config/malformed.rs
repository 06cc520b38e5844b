//! What is wrong with a text that is no URL of one server, as far as its looks tell.
//!
//! The parser of URLs would say something else of it, or nothing. No answer repeats the text, which may be a secret.

use super::host::ONE;
use super::parts::Scheme;

const NO_SCHEME: &str = "a URL that begins with its scheme, such as redis://host:6379";
const QUOTED: &str = "a URL without the quote that it begins with";
const PLACEHOLDER: &str = "a URL in place of a placeholder that nothing has filled in";

/// What is expected instead, if the text can't be meant as it is.
pub(super) fn mistake(text: &str) -> Option<&'static str> {
    let text = text.trim();
    // Docker's `--env-file` takes quotes for a part of the value.
    if text.starts_with(['"', '\'', '`']) {
        return Some(QUOTED);
    }
    if ["${", "$(", "{{"].iter().any(|it| text.starts_with(it)) {
        return Some(PLACEHOLDER);
    }
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        // A socket's path may follow the colon, as in `unix:/run/redis.sock`.
        let is_known = text
            .split_once(':')
            .is_some_and(|(scheme, _)| Scheme::named(scheme).is_some());
        return (!is_known).then_some(NO_SCHEME);
    };
    match Scheme::named(scheme) {
        Some(Scheme::Tcp | Scheme::Tls) => is_list(rest).then_some(ONE),
        Some(Scheme::Unix) => None,
        None => Scheme::unsupported(scheme),
    }
}

/// By the letters that RFC 3986 allows in one.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Whether several servers stand where the host belongs. A comma in a password is none between servers, even if the
/// password is cut off at a special character.
fn is_list(behind_scheme: &str) -> bool {
    let end = behind_scheme.find(['/', '?', '#']).unwrap_or(behind_scheme.len());
    let (authority, rest) = behind_scheme.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    host.contains(',') && !rest.contains('@')
}
