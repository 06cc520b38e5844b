//! What the docs of an accessor say about its keys.

use super::attributes::{Family, Keyspace, Raw};
use super::checks::{Plan, Use};

pub(super) fn of(keyspace: &Keyspace<'_>, family: &Family<'_>, plan: &Plan) -> String {
    let Some(template) = &family.template else {
        return String::new();
    };
    let prefix = keyspace
        .prefix
        .as_ref()
        .map(|prefix| prefix.value() + ":")
        .unwrap_or_default();
    let mut text = format!("Key: {}", code(&(prefix + &template.value())));
    if let Some(ttl) = &family.ttl {
        text += &format!(", TTL {}", code(&ttl.written));
    }
    text.push('.');
    let Some(signature) = &family.signature else {
        return text;
    };
    for (parameter, usage) in signature.parameters.iter().zip(&plan.uses) {
        let Some(name) = parameter.name else { continue };
        match usage {
            Use::Escaped {
                separator: Some(separator),
                ..
            } if !matches!(separator, ':' | '{' | '}') && !separator.is_control() => {
                text += &format!(
                    "\n\nIn `{name}`, {} is written as `%{:02X}`.",
                    code(&separator.to_string()),
                    u32::from(*separator)
                );
            }
            Use::Raw => {
                let is_last = signature.parameters.len() == 1
                    || plan.uses.iter().filter(|usage| **usage != Use::Unused).count() == 1;
                text += &format!("\n\n`{name}` is written as it is");
                text += if is_last {
                    "; braces in it are a hash tag."
                } else {
                    ": different arguments can give the same key."
                };
            }
            _ => {}
        }
    }
    if matches!(family.raw, Some(Raw::All)) && signature.parameters.is_empty() {
        text += "\n\nThere is nothing in it to be escaped.";
    }
    text
}

/// Code, in as many backticks as it takes.
fn code(text: &str) -> String {
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}
