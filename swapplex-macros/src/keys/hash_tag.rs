//! The cluster hash tag: what stands between the first `{` and the first `}` behind it decides on the slot.

use super::template::Piece;

/// What is wrong with the braces in a template's own text, if something is.
pub(super) fn check(pieces: &[Piece], parameters: &[String]) -> Option<String> {
    let mut open: Option<usize> = None;
    let mut closed = false;
    // What is in the tag: literal text, and whether there is a placeholder as well.
    let (mut inside, mut has_hole) = (String::new(), false);
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Hole { .. } => has_hole |= open.is_some() && !closed,
            Piece::Text(text) => {
                for c in text.chars() {
                    match c {
                        '{' if closed => {
                            return Some(
                                "a second hash tag: only the text in the first `{{…}}` decides on the slot; leave the \
                                 others out"
                                    .into(),
                            );
                        }
                        '{' if open.is_some() => {
                            return Some(
                                "a hash tag in a hash tag: the tag is what is between the first `{{` and the first \
                                 `}}`; leave the inner braces out"
                                    .into(),
                            );
                        }
                        '{' => open = Some(at),
                        '}' if open.is_none() => {
                            return Some("`}}` closes a hash tag that is not open: put `{{` before it, or leave it out".into());
                        }
                        '}' if closed => {
                            return Some(
                                "`}}` closes a hash tag that is closed already: leave it out".into(),
                            );
                        }
                        '}' => {
                            if inside.is_empty() && !has_hole {
                                return Some("an empty hash tag decides on nothing; leave it out".into());
                            }
                            if !has_hole && parameters.contains(&inside) {
                                return Some(format!(
                                    "`{{{{{inside}}}}}` is the text `{{{inside}}}`, the same for every `{inside}`; write \
                                     `{{{inside}}}` for the parameter, or `{{{{{{{inside}}}}}}}` for a hash tag around it"
                                ));
                            }
                            closed = true;
                        }
                        c if open.is_some() && !closed => inside.push(c),
                        _ => {}
                    }
                }
            }
        }
    }
    (open.is_some() && !closed)
        .then(|| "a hash tag that is not closed: put `}}` behind it, or leave `{{` out".into())
}

#[cfg(test)]
mod tests {
    use super::super::template::parse;
    use super::*;

    #[test]
    fn one_hash_tag_with_something_in_it_is_fine() {
        for template in ["plain:{id}", "{{user:{id}}}:cart", "{{{id}}}:a", "{{all}}:{id}"] {
            assert_eq!(
                check(&parse(template).expect("a template"), &["id".into()]),
                None,
                "{template}"
            );
        }
    }

    #[test]
    fn anything_else_is_said() {
        for template in [
            "{{a:{id}",
            "a}}:{id}",
            "{{{id}}}:{{b}}",
            "{{}}:{id}",
            "{{id}}",
            "{{a{{b}}}}",
            "{{a}}}}",
        ] {
            assert!(
                check(&parse(template).expect("a template"), &["id".into()]).is_some(),
                "{template}"
            );
        }
    }
}
