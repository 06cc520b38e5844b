//! What the docs of an accessor say about its keys.

use super::attributes::{Family, Keyspace};
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
    let key = code(&(prefix + &template.value()));
    let mut paragraphs = vec![match &family.ttl {
        Some(ttl) => format!("Key: {key}, TTL {}.", code(&ttl.written)),
        None => format!("Key: {key}."),
    }];
    let Some(signature) = &family.signature else {
        return paragraphs.remove(0);
    };
    let written = plan.uses.iter().filter(|usage| **usage != Use::Unused).count();
    for (parameter, usage) in signature.parameters.iter().zip(&plan.uses) {
        let Some(name) = parameter.name else { continue };
        match usage {
            Use::Escaped {
                separator: Some(separator),
                ..
            } if !matches!(separator, ':' | '{' | '}') && !separator.is_control() => {
                let text = code(&separator.to_string());
                paragraphs.push(format!(
                    "In `{name}`, {text} is written as `%{:02X}`.",
                    u32::from(*separator)
                ));
            }
            Use::Raw { .. } if written == 1 => {
                paragraphs.push(format!(
                    "`{name}` is written as it is; braces in it are a hash tag."
                ));
            }
            Use::Raw { .. } => {
                paragraphs.push(format!(
                    "`{name}` is written as it is: different arguments can give the same key."
                ));
            }
            _ => {}
        }
    }
    paragraphs.join("\n\n")
}

/// Code, in as many backticks as it takes.
fn code(text: &str) -> String {
    if text.contains('`') {
        format!("`` {text} ``")
    } else {
        format!("`{text}`")
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    #[test]
    fn the_key_stands_behind_what_the_user_has_written() {
        let expansion = super::super::expand(quote! {
            struct Keys {
                /// The name on a page.
                #[key("user:{id}", ttl = "15m")]
                name: fn(id: u64) -> Value<String>,
            }
        });
        let expansion = expansion.to_string();
        let written = expansion.find("The name on a page.");
        let key = expansion.find("Key: `user:{id}`, TTL `15m`.");
        assert!(written.is_some() && written < key, "{expansion}");
    }
}
