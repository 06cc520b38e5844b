//! Whether two templates can give the same key.

use super::template::Piece;

/// What a template's keys look like, one character or placeholder after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Char(char),
    /// A constant, of unknown text.
    Constant(String),
    /// A parameter: any text, but for what is escaped in it.
    Any {
        without: Option<char>,
    },
    /// A parameter whose text is not escaped.
    Raw,
}

/// A parameter's part in this.
pub(super) enum Hole {
    Constant,
    Parameter { without: Option<char> },
    Raw,
}

pub(super) fn tokens(pieces: &[Piece], mut hole: impl FnMut(&str) -> Hole) -> Vec<Token> {
    let mut tokens = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => tokens.extend(text.chars().map(Token::Char)),
            Piece::Hole { name, .. } => tokens.push(match hole(name) {
                Hole::Constant => Token::Constant(name.clone()),
                Hole::Parameter { without } => Token::Any { without },
                Hole::Raw => Token::Raw,
            }),
        }
    }
    tokens
}

/// Whether some key belongs to both, not counting a literal that a placeholder could be made to say: identifiers are
/// mostly numbers, and `user:admin` beside `user:{id}` is fine.
pub(super) fn collide(a: &[Token], b: &[Token]) -> bool {
    let is_raw = |tokens: &[Token]| tokens.contains(&Token::Raw);
    let has_hole = |tokens: &[Token]| {
        tokens
            .iter()
            .any(|token| matches!(token, Token::Any { .. } | Token::Raw))
    };
    if is_raw(a) || is_raw(b) {
        return has_hole(a) == has_hole(b) && meet(a, b);
    }
    // No parameter's text holds one of these, so the templates meet where what is between them does.
    let is_structure = |token: &Token| matches!(token, Token::Char(':' | '{' | '}'));
    let structure = |tokens: &[Token]| -> Vec<Token> {
        tokens
            .iter()
            .filter(|token| is_structure(token))
            .cloned()
            .collect()
    };
    structure(a) == structure(b)
        && a.split(is_structure).zip(b.split(is_structure)).all(|(a, b)| {
            if has_hole(a) && has_hole(b) {
                meet(a, b)
            } else {
                a == b
            }
        })
}

/// Whether some text fits both.
fn meet(a: &[Token], b: &[Token]) -> bool {
    // reach[i][j]: what comes before a[i] and before b[j] can be the same.
    let mut reach = vec![vec![false; b.len() + 1]; a.len() + 1];
    reach[0][0] = true;
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if !reach[i][j] {
                continue;
            }
            let (x, y) = (a.get(i), b.get(j));
            for (token, other, next) in [(x, y, (i, j + 1)), (y, x, (i + 1, j))] {
                let Some(token @ (Token::Any { .. } | Token::Raw)) = token else {
                    continue;
                };
                // It ends here, or takes what the other one has next.
                let ended = if next.0 == i { (i + 1, j) } else { (i, j + 1) };
                reach[ended.0][ended.1] = true;
                if other.is_some_and(|other| takes(token, other)) {
                    reach[next.0][next.1] = true;
                }
            }
            if x.is_some() && x == y {
                reach[i + 1][j + 1] = true;
            }
        }
    }
    reach[a.len()][b.len()]
}

/// Whether the placeholder's text can hold what the other template has next.
fn takes(placeholder: &Token, other: &Token) -> bool {
    match (placeholder, other) {
        (Token::Any { without }, Token::Char(c)) => Some(*c) != *without && !matches!(c, ':' | '{' | '}'),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::parse;
    use super::*;

    fn of(template: &str) -> Vec<Token> {
        tokens(&parse(template).expect("a template"), |name| match name {
            "RAW" => Hole::Raw,
            "CONST" => Hole::Constant,
            "dash" => Hole::Parameter { without: Some('-') },
            _ => Hole::Parameter { without: None },
        })
    }

    #[test]
    fn templates_that_can_give_the_same_key_are_found() {
        for (a, b) in [
            ("user:{id}", "user:{name}"),
            ("{a}:{b}", "{b}:{a}"),
            ("x", "x"),
            ("u:{dash}-{b}", "u:{c}"),
            ("u:a{b}", "u:{c}z"),
            ("f:{RAW}", "f:{id}:meta"),
            ("{CONST}:{a}", "{CONST}:{b}"),
            ("{{u:{id}}}", "{{u:{n}}}"),
        ] {
            assert!(collide(&of(a), &of(b)), "{a} {b}");
            assert!(collide(&of(b), &of(a)), "{b} {a}");
        }
    }

    #[test]
    fn templates_that_cannot_are_left_alone() {
        for (a, b) in [
            ("user:{id}", "user:{id}:profile"),
            ("user:{id}", "group:{id}"),
            ("user:admin", "user:{id}"),
            ("u:a{b}", "u:b{c}"),
            ("u:{dash}-{b}", "u:{dash}"),
            ("f:{RAW}", "f:x"),
            ("f:{RAW}", "g:{id}"),
            ("{CONST}:{a}", "user:{b}"),
            ("{{u:{id}}}", "u:{n}"),
        ] {
            assert!(!collide(&of(a), &of(b)), "{a} {b}");
            assert!(!collide(&of(b), &of(a)), "{b} {a}");
        }
    }
}
