//! The prefix of a database's variables.

/// Endings that turn a prefix into a variable.
const COMPONENTS: [&str; 6] = ["URL", "HOST", "PORT", "DB", "PASSWORD", "USERNAME"];

/// What is wrong with a prefix.
pub(super) fn check(prefix: &str) -> Result<(), String> {
    let Some(first) = prefix.chars().next() else {
        return Err(
            "an empty prefix: name the variables' beginning, such as `env = \"SESSIONS\"` for SESSIONS_URL"
                .into(),
        );
    };
    if let Some(other) = prefix.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '_') {
        return Err(format!(
            "`{}` cannot be in the name of a variable: write upper-case letters, digits and `_`",
            other.escape_debug()
        ));
    }
    if first.is_ascii_digit() {
        return Err("the name of a variable does not begin with a digit: begin with a letter".into());
    }
    if prefix.chars().any(|c| c.is_ascii_lowercase()) {
        let upper = prefix.to_ascii_uppercase();
        return Err(format!(
            "variables are written in upper case, and `{prefix}_URL` is not `{upper}_URL`: write `env = \"{upper}\"`"
        ));
    }
    let bare = prefix.trim_end_matches('_');
    if bare.len() < prefix.len() {
        return Err(format!(
            "the `_` before URL, HOST and so on comes by itself: write `env = \"{bare}\"`"
        ));
    }
    let ending = prefix
        .rsplit_once('_')
        .filter(|(_, ending)| COMPONENTS.contains(ending));
    if let Some((bare, _)) = ending {
        return Err(format!(
            "`{prefix}` looks like one variable, but this is what all of them begin with: write `env = \"{bare}\"` for \
             {bare}_URL, {bare}_HOST and so on"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_variables_can_begin_with_is_a_prefix() {
        for prefix in ["REDIS", "SESSIONS_2", "A", "_X", "MY_URLS", "DB"] {
            assert_eq!(check(prefix), Ok(()), "{prefix}");
        }
        for prefix in [
            "",
            "sessions",
            "SESSIONS_",
            "A-B",
            "2A",
            "Ä",
            "A B",
            "SESSIONS_URL",
            "X_HOST",
        ] {
            assert!(check(prefix).is_err(), "{prefix}");
        }
    }
}
