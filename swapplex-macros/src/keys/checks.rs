//! What rustc would not find: templates whose keys would meet, parameters that are missing or left over.

use proc_macro2::Ident;
use syn::ext::IdentExt;

use super::attributes::{Family, Keyspace, Raw, Signature};
use super::collisions::{self, Hole, Token};
use super::hash_tag;
use super::template::{self, Format, Piece, Refusal};
use crate::errors::Errors;

/// How a family's template uses its parameters, in their order.
pub(super) struct Plan {
    pub(super) uses: Vec<Use>,
    pub(super) pieces: Vec<Piece>,
}

/// How a parameter is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Not at all.
    Unused,
    /// As it is.
    Raw { is_padded: bool },
    /// Escaped, along with the character that ends it.
    Escaped { format: Format, separator: Option<char> },
}

/// Checks everything, marks the families that are rejected, and plans the others.
pub(super) fn check(keyspace: &mut Keyspace<'_>, errors: &mut Errors) -> Vec<Option<Plan>> {
    if let Some(prefix) = &keyspace.prefix {
        let text = prefix.value();
        if text.contains(['{', '}']) {
            errors.at(
                prefix,
                "a prefix is plain text, and braces in it would put all keys into one slot; write them into the templates",
            );
        } else if text.is_empty() {
            errors.at(prefix, "an empty prefix: leave it out");
        } else if text.ends_with(':') {
            let text = text.trim_end_matches(':');
            errors.at(
                prefix,
                format!("the `:` behind the prefix is written for you: `prefix = \"{text}\"`"),
            );
        }
    }
    let mut plans = Vec::new();
    let mut seen: Vec<(&Ident, Vec<Token>)> = Vec::new();
    for family in &mut keyspace.families {
        let before = errors.len();
        let plan = match Checks::new(family, errors) {
            Some(mut checks) => {
                checks.run();
                let tokens = checks.tokens();
                let plan = checks.plan();
                if let Some((other, _)) = seen.iter().find(|(_, other)| collisions::collide(other, &tokens)) {
                    errors.at(
                        &family.template,
                        format!(
                            "`{}` can have the same keys as `{other}`; give one of them a first segment of its own",
                            family.name
                        ),
                    );
                }
                seen.push((family.name, tokens));
                Some(plan)
            }
            None => None,
        };
        family.is_rejected |= errors.len() > before;
        plans.push(plan);
    }
    plans
}

/// One family's checks.
struct Checks<'a, 'e> {
    family: &'a Family<'a>,
    signature: &'a Signature<'a>,
    template: &'a syn::LitStr,
    /// The parameters' names, as templates write them.
    names: Vec<String>,
    pieces: Vec<Piece>,
    errors: &'e mut Errors,
}

impl<'a, 'e> Checks<'a, 'e> {
    /// `None` where there is nothing to check, or rustc does.
    fn new(family: &'a Family<'a>, errors: &'e mut Errors) -> Option<Self> {
        let (signature, template) = (family.signature.as_ref()?, family.template.as_ref()?);
        let names = signature
            .parameters
            .iter()
            .map(|parameter| {
                parameter
                    .name
                    .map(|name| name.unraw().to_string())
                    .unwrap_or_default()
            })
            .collect();
        let pieces = match template::parse(&template.value()) {
            Ok(pieces) => pieces,
            Err(Refusal::Malformed) => return None,
            Err(Refusal::NoName) => {
                errors.at(
                    template,
                    "placeholders are named: write `{id}`, after a parameter of the field's `fn` type",
                );
                return None;
            }
        };
        Some(Self {
            family,
            signature,
            template,
            names,
            pieces,
            errors,
        })
    }

    fn run(&mut self) {
        self.raw();
        self.unused();
        self.formats();
        self.separators();
        if let Some(message) = hash_tag::check(&self.pieces, &self.names) {
            self.errors.at(self.template, message);
        }
    }

    fn raw(&mut self) {
        let Some(Raw::Some(names)) = &self.family.raw else {
            return;
        };
        for name in names {
            if !self.names.contains(&name.unraw().to_string()) {
                let known: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
                let known = if known.is_empty() {
                    "there is none".into()
                } else {
                    known.join(", ")
                };
                self.errors.at(
                    name,
                    format!("`{name}` is not a parameter of this key; expected one of: {known}"),
                );
            }
        }
    }

    fn unused(&mut self) {
        if self.may_be_misspelt() {
            return;
        }
        for name in self.left_over() {
            // `{{id}}` has an error of its own.
            if !self.template.value().contains(&hash_tag_of(name)) {
                self.errors.at(
                    name,
                    format!("`{name}` is not used in the template, so every `{name}` would share one key"),
                );
            }
        }
    }

    /// The parameters that no placeholder names.
    fn left_over(&self) -> Vec<&'a Ident> {
        let is_used = |text: &str| {
            let as_width = format!("{text}$");
            self.holes()
                .any(|(_, hole, spec)| hole == text || spec.contains(&as_width))
        };
        self.signature
            .parameters
            .iter()
            .filter_map(|parameter| parameter.name)
            .filter(|name| !is_used(&name.unraw().to_string()))
            .collect()
    }

    /// Whether a placeholder that names nothing is likely a parameter misspelt: then rustc says so.
    fn may_be_misspelt(&self) -> bool {
        self.holes()
            .any(|(_, name, _)| !self.is_parameter(name) && !is_constant(name))
            && !self.left_over().is_empty()
    }

    fn formats(&mut self) {
        let refused: Vec<String> = self
            .holes()
            .filter_map(|(_, name, spec)| template::format(name, spec).err())
            .collect();
        for message in refused {
            self.errors.at(self.template, message);
        }
    }

    /// Every escaped parameter that another one follows must have an end that can be found.
    fn separators(&mut self) {
        let may_be_misspelt = self.may_be_misspelt();
        let mut messages = Vec::new();
        for (at, name, _) in self.holes() {
            if !self.is_parameter(name) || self.is_raw(name) || !self.is_followed(at) {
                continue;
            }
            match self.pieces.get(at + 1) {
                Some(Piece::Hole { name: next, .. }) if self.is_parameter(next) => messages.push(format!(
                    "`{{{name}}}` and `{{{next}}}` touch, so different arguments could give the same key; separate them, \
                     e.g. with `:`"
                )),
                Some(Piece::Hole { name: next, .. }) if is_constant(next) || !may_be_misspelt => messages.push(format!(
                    "the constant `{{{next}}}` stands right behind `{{{name}}}`, so where `{name}` ends cannot be told; \
                     separate them, e.g. with `:`, or give up the escaping with `raw({name})`"
                )),
                Some(Piece::Text(text)) => match text.chars().next() {
                    Some(c) if c.is_ascii() && !c.is_ascii_alphanumeric() && c != '%' => {}
                    Some(c) => messages.push(format!(
                        "`{c}` behind `{{{name}}}` cannot mark its end, since `{name}` could hold it; separate them with \
                         punctuation, e.g. `:`, or give up the escaping with `raw({name})`"
                    )),
                    None => {}
                },
                _ => {}
            }
        }
        for message in messages {
            self.errors.at(self.template, message);
        }
    }

    fn tokens(&self) -> Vec<Token> {
        collisions::tokens(&self.pieces, |name| {
            if !self.is_parameter(name) {
                Hole::Constant
            } else if self.is_raw(name) {
                Hole::Raw
            } else {
                Hole::Parameter {
                    without: self.separator(name),
                }
            }
        })
    }

    fn plan(&self) -> Plan {
        let uses = self.names.iter().map(|name| self.plan_of(name)).collect();
        Plan {
            uses,
            pieces: self.pieces.clone(),
        }
    }

    fn plan_of(&self, name: &str) -> Use {
        let formats: Vec<Format> = self
            .holes()
            .filter(|(_, hole, _)| *hole == name)
            .filter_map(|(_, name, spec)| template::format(name, spec).ok())
            .collect();
        if formats.is_empty() {
            return Use::Unused;
        }
        let is_padded = formats.contains(&Format::Padded);
        if self.is_raw(name) {
            return Use::Raw { is_padded };
        }
        let format = if is_padded {
            Format::Padded
        } else if formats.windows(2).any(|formats| formats[0] != formats[1]) {
            Format::Mixed
        } else {
            formats[0]
        };
        Use::Escaped {
            format,
            separator: self.separator(name),
        }
    }

    /// What ends the parameter where it is first written; where it is written again, it is known.
    fn separator(&self, name: &str) -> Option<char> {
        let (at, ..) = self.holes().find(|(_, hole, _)| *hole == name)?;
        match self.pieces.get(at + 1) {
            Some(Piece::Text(text)) if self.is_followed(at) => text.chars().next(),
            _ => None,
        }
    }

    /// Placeholders: where they are, their names and specifications.
    fn holes(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        self.pieces
            .iter()
            .enumerate()
            .filter_map(|(at, piece)| match piece {
                Piece::Hole { name, spec } => Some((at, name.as_str(), spec.as_str())),
                Piece::Text(_) => None,
            })
    }

    fn is_followed(&self, at: usize) -> bool {
        self.holes()
            .any(|(other, name, _)| other > at && self.is_parameter(name))
    }

    fn is_parameter(&self, name: &str) -> bool {
        self.names.iter().any(|parameter| parameter == name)
    }

    fn is_raw(&self, name: &str) -> bool {
        self.family.raw.as_ref().is_some_and(|raw| {
            self.signature
                .parameters
                .iter()
                .zip(&self.names)
                .any(|(parameter, text)| text == name && parameter.name.is_some_and(|name| raw.holds(name)))
        })
    }
}

/// Whether a placeholder that is no parameter is surely meant to be a constant, going by the way constants are written.
fn is_constant(name: &str) -> bool {
    !name.contains(char::is_lowercase)
}

fn hash_tag_of(name: &Ident) -> String {
    format!("{{{{{}}}}}", name.unraw())
}
