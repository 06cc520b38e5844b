//! The template, taken apart. Handing it to `format_args!` is what gives it its meaning; this only looks ahead.

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text of the template itself, `{{` and `}}` undone.
    Text(String),
    /// A placeholder.
    Hole { name: String, spec: String },
}

/// Why a template was not taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is no format string: rustc says so better.
    Malformed,
    /// A placeholder that is not a name.
    NoName,
}

pub(super) fn parse(template: &str) -> Result<Vec<Piece>, Refusal> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(behind) = rest.strip_prefix("{{") {
            text.push('{');
            rest = behind;
        } else if let Some(behind) = rest.strip_prefix("}}") {
            text.push('}');
            rest = behind;
        } else {
            let hole = rest.strip_prefix('{').ok_or(Refusal::Malformed)?;
            let end = hole.find('}').ok_or(Refusal::Malformed)?;
            if !text.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
            }
            pieces.push(placeholder(&hole[..end])?);
            rest = &hole[end + 1..];
        }
    }
    text.push_str(rest);
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

fn placeholder(hole: &str) -> Result<Piece, Refusal> {
    let (name, spec) = hole.split_once(':').unwrap_or((hole, ""));
    let name = name.trim();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || name.contains(['.', '(', '[']) {
        return Err(Refusal::NoName);
    }
    if syn::parse_str::<syn::Ident>(name).is_err()
        && syn::parse_str::<syn::Ident>(&format!("r#{name}")).is_err()
    {
        return Err(Refusal::Malformed);
    }
    Ok(Piece::Hole {
        name: name.to_owned(),
        spec: spec.trim_end().to_owned(),
    })
}

/// How a placeholder formats its parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Display,
    /// `x`, `X`, `b` or `o`.
    Radix,
    /// Any of these, padded with zeros.
    Padded,
    /// The first two, in two places.
    Mixed,
}

/// The least width of a placeholder that writes in decimal, 0 for none; `None` for one that writes otherwise.
pub(super) fn width(spec: &str) -> Option<usize> {
    match spec.strip_prefix('0') {
        Some(width) => width.parse().ok(),
        None => spec.is_empty().then_some(0),
    }
}

/// What a placeholder's specification is, or what to write instead.
pub(super) fn format(name: &str, spec: &str) -> Result<Format, String> {
    let radix = spec.strip_suffix(['x', 'X', 'b', 'o']);
    let width = radix.unwrap_or(spec);
    let is_padded = width.strip_prefix('0').is_some_and(|digits| {
        !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    if is_padded {
        return Ok(Format::Padded);
    }
    if width.is_empty() {
        return Ok(if radix.is_some() {
            Format::Radix
        } else {
            Format::Display
        });
    }
    Err(if spec.ends_with('?') {
        format!("what `?` writes changes between releases, and keys would change with it; write `{{{name}}}`")
    } else if spec.contains('$') {
        format!(
            "a width that depends on another argument is not for keys; write `{{{name}:04}}`, with the number itself"
        )
    } else if spec.contains('.') {
        format!(
            "a precision cuts text off, so different arguments could give the same key; write `{{{name}}}`"
        )
    } else if spec.contains(['<', '^', '>']) {
        format!(
            "filled or aligned, different arguments could give the same key; write `{{{name}}}`, or `{{{name}:04}}` \
             for an integer"
        )
    } else if spec.contains(['+', '-']) {
        format!("a sign is not for keys; write `{{{name}}}`")
    } else if width.bytes().all(|byte| byte.is_ascii_digit()) {
        format!(
            "padded with spaces, different texts could give the same key; write `{{{name}}}`, or `{{{name}:0{width}}}` \
             for an integer"
        )
    } else {
        format!(
            "`:{spec}` is not for keys; write `{{{name}}}`, or `{{{name}:04}}`, `{{{name}:x}}` for numbers"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn hole(name: &str, spec: &str) -> Piece {
        Piece::Hole {
            name: name.into(),
            spec: spec.into(),
        }
    }

    #[test]
    fn a_template_is_taken_apart() {
        assert_eq!(
            parse("{{user:{id}}}:{page:04}"),
            Ok(vec![
                text("{user:"),
                hole("id", ""),
                text("}:"),
                hole("page", "04")
            ])
        );
        assert_eq!(parse("{type}"), Ok(vec![hole("type", "")]));
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn what_is_no_name_is_told_from_what_is_no_template() {
        for template in ["{}", "{0}", "{:x}", "{id.name}", "a{ids[0]}"] {
            assert_eq!(parse(template), Err(Refusal::NoName), "{template}");
        }
        for template in ["{id", "id}", "{a b}", "{a}}"] {
            assert_eq!(parse(template), Err(Refusal::Malformed), "{template}");
        }
    }

    #[test]
    fn only_formats_that_keep_keys_apart_are_taken() {
        for (spec, expected) in [
            ("", Format::Display),
            ("x", Format::Radix),
            ("b", Format::Radix),
            ("04", Format::Padded),
            ("016X", Format::Padded),
        ] {
            assert_eq!(format("n", spec), Ok(expected), "{spec}");
        }
        for spec in [
            "?", "#?", "x?", ".2", "4", "<4", "*^8", "+", "#x", "w$", "0", "00", "e",
        ] {
            assert!(format("n", spec).is_err(), "{spec}");
        }
    }
}
