//! How errors are written.

use std::error::Error;
use std::fmt::{self, Write};

/// How many characters of a key are shown.
const SHOWN: usize = 100;

/// An error, and whatever its sources add to it: for a text that has to say everything.
pub(crate) struct Whole<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut next = self.0.source();
        while let Some(source) = next {
            let more = source.to_string();
            // Many an error repeats its source.
            if !text.contains(&more) {
                write!(text, ": {more}")?;
            }
            next = source.source();
        }
        f.write_str(&text)
    }
}

/// A key as a log can bear it: on one line, without what would draw on a terminal, and not longer than a line.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shown, is_whole) = match self.0.char_indices().nth(SHOWN) {
            Some((end, _)) => (&self.0[..end], false),
            None => (self.0, true),
        };
        f.write_char('`')?;
        for char in shown.chars() {
            match char {
                '"' | '\'' => f.write_char(char)?,
                char => write!(f, "{}", char.escape_debug())?,
            }
        }
        if is_whole {
            f.write_char('`')
        } else {
            write!(f, "…` ({} bytes)", self.0.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layers(texts: &[&'static str]) -> Option<Box<Layer>> {
        let (text, rest) = texts.split_first()?;
        Some(Box::new(Layer {
            text,
            source: layers(rest),
        }))
    }

    #[test]
    fn what_sources_add_is_said_and_what_they_repeat_is_not() {
        for (texts, whole) in [
            (&["down"][..], "down"),
            (&["no token", "vault", "timed out"], "no token: vault: timed out"),
            (
                &["no token: vault", "vault", "timed out"],
                "no token: vault: timed out",
            ),
        ] {
            let error = layers(texts).expect("one at least");
            assert_eq!(Whole(&*error).to_string(), whole);
        }
    }

    #[test]
    fn a_key_cannot_forge_a_line_of_a_log_or_draw_on_a_terminal() {
        let text = Quoted("tok:\"é\"\n\x1b[31m\u{202e}\\").to_string();
        assert_eq!(text, r#"`tok:"é"\n\u{1b}[31m\u{202e}\\`"#);
    }

    #[test]
    fn a_long_key_is_cut_short() {
        let fits = "é".repeat(SHOWN);
        assert_eq!(Quoted(&fits).to_string(), format!("`{fits}`"));
        assert_eq!(
            Quoted(&format!("{fits}é")).to_string(),
            format!("`{fits}…` (202 bytes)")
        );
    }
}
