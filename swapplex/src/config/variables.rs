//! Reading one variable: indirection, files, blanks, and a note of what was read.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;

use super::environment::Environment;
use super::misnamed::{ELSEWHERE, is_misnamed};
use super::origin::Variable;
use super::query::is_off;
use super::{ConfigError, Origin};

/// Everything that has a variable; its name is the prefix, an underscore and [`suffix`](Component::suffix).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Component {
    Url,
    UrlFile,
    Scheme,
    Host,
    Port,
    Path,
    Db,
    Query,
    Userinfo,
    Username,
    Password,
    PasswordFile,
    TlsCaFile,
    TlsCertFile,
    TlsKeyFile,
}

impl Component {
    pub(super) const ALL: [Self; 15] = [
        Self::Url,
        Self::UrlFile,
        Self::Scheme,
        Self::Host,
        Self::Port,
        Self::Path,
        Self::Db,
        Self::Query,
        Self::Userinfo,
        Self::Username,
        Self::Password,
        Self::PasswordFile,
        Self::TlsCaFile,
        Self::TlsCertFile,
        Self::TlsKeyFile,
    ];

    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Url => "URL",
            Self::UrlFile => "URL_FILE",
            Self::Scheme => "SCHEME",
            Self::Host => "HOST",
            Self::Port => "PORT",
            Self::Path => "PATH",
            Self::Db => "DB",
            Self::Query => "QUERY",
            Self::Userinfo => "USERINFO",
            Self::Username => "USERNAME",
            Self::Password => "PASSWORD",
            Self::PasswordFile => "PASSWORD_FILE",
            Self::TlsCaFile => "TLS_CA_FILE",
            Self::TlsCertFile => "TLS_CERT_FILE",
            Self::TlsKeyFile => "TLS_KEY_FILE",
        }
    }

    /// Whether blanks around the value may be part of it.
    const fn is_verbatim(self) -> bool {
        matches!(self, Self::Userinfo | Self::Username | Self::Password)
    }

    /// Whether a secret is likely to be pasted where the name of its variable belongs.
    pub(super) const fn may_hold_secret(self) -> bool {
        use Component::{Password, PasswordFile, Query, Url, UrlFile, Userinfo, Username};

        matches!(
            self,
            Url | UrlFile | Query | Userinfo | Username | Password | PasswordFile
        )
    }
}

/// A value that was set, and where. No `Debug`: the text may be a secret.
pub(super) struct Found {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// The variables of one prefix.
///
/// It remembers what was read, since a variable is without effect exactly if nothing came to ask for it.
pub(super) struct Variables<'a> {
    prefix: &'a str,
    environment: &'a dyn Environment,
    read: RefCell<BTreeSet<String>>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(prefix: &'a str, environment: &'a dyn Environment) -> Self {
        Self {
            prefix,
            environment,
            read: RefCell::default(),
        }
    }

    pub(super) fn name(&self, component: Component) -> String {
        format!("{}_{}", self.prefix, component.suffix())
    }

    fn env_name(&self, component: Component) -> String {
        format!("{}_ENV", self.name(component))
    }

    /// The name of the variable that decides over the component, if one is set.
    pub(super) fn decided_by(&self, component: Component) -> Option<String> {
        [self.env_name(component), self.name(component)]
            .into_iter()
            .find(|name| self.value(name).is_some())
    }

    pub(super) fn is_set(&self, component: Component) -> bool {
        self.decided_by(component).is_some()
    }

    /// The component's value, from the variable that `P_X_ENV` names or from `P_X`.
    pub(super) fn get(&self, component: Component) -> Result<Option<Found>, ConfigError> {
        let Some((variable, value)) = self.locate(component)? else {
            return Ok(None);
        };
        self.mark_read(&variable.name);
        let origin = Origin::Variable(variable);
        let text = utf8(value, &origin)?;
        let text = if component.is_verbatim() {
            trim_newline(&text)
        } else {
            text.trim()
        };
        Ok(Some(Found {
            text: text.to_owned(),
            origin,
        }))
    }

    fn locate(&self, component: Component) -> Result<Option<(Variable, OsString)>, ConfigError> {
        let env_name = self.env_name(component);
        let Some(named) = self.value(&env_name) else {
            let name = self.name(component);
            return Ok(self.value(&name).map(|value| (Variable::own(name), value)));
        };
        self.mark_read(&env_name);
        let named = utf8(named, &Origin::Variable(Variable::own(env_name.clone())))?
            .trim()
            .to_owned();
        match self.value(&named) {
            Some(value) => Ok(Some((
                Variable {
                    name: named,
                    named_by: Some(env_name),
                },
                value,
            ))),
            None => Err(named_unset(component, env_name, named)),
        }
    }

    /// The component's value, or the content of the file that its `…_FILE` variable names.
    pub(super) fn get_or_read(
        &self,
        component: Component,
        file: Component,
    ) -> Result<Option<Found>, ConfigError> {
        match (self.decided_by(component), self.decided_by(file)) {
            (Some(first), Some(second)) => Err(ConfigError::Conflict { first, second }),
            (_, None) => self.get(component),
            (None, Some(_)) => self.read_file(file),
        }
    }

    fn read_file(&self, file: Component) -> Result<Option<Found>, ConfigError> {
        let Some(path) = self.get(file)? else {
            return Ok(None);
        };
        let Origin::Variable(variable) = path.origin else {
            return Ok(None);
        };
        let origin = Origin::File(variable);
        let content = match self.environment.file(Path::new(&path.text)) {
            Ok(content) => content,
            Err(error) => {
                return Err(ConfigError::File {
                    origin,
                    cause: Arc::new(error),
                });
            }
        };
        let Ok(content) = String::from_utf8(content) else {
            return Err(ConfigError::NotUtf8 { origin });
        };
        let text = trim_newline(&content);
        // A secret that is being rewritten is empty for a moment: going on without it would be a wrong password.
        if text.trim().is_empty() {
            return Err(ConfigError::Invalid {
                origin,
                expected: "a value in it; the file is empty",
            });
        }
        Ok(Some(Found {
            text: text.to_owned(),
            origin,
        }))
    }

    /// Refuses the path that a variable names if something other than a regular file is there.
    pub(super) fn check_file(&self, path: &Path, variable: &Origin) -> Result<(), ConfigError> {
        let origin = match variable {
            Origin::Variable(variable) => Origin::File(variable.clone()),
            other => other.clone(),
        };
        self.environment
            .check_file(path)
            .map_err(|error| ConfigError::File {
                origin,
                cause: Arc::new(error),
            })
    }

    /// The variables of this prefix that are set and that nothing asked for.
    pub(super) fn unread(&self) -> Vec<String> {
        let read = self.read.borrow();
        let ignored = |name: &String| !read.contains(name) && !self.is_injected(name);
        self.all_set().into_iter().filter(ignored).collect()
    }

    /// The variables of this prefix that are set: those that can be read, and those that somebody may have taken for one.
    pub(super) fn all_set(&self) -> Vec<String> {
        let names = Component::ALL
            .into_iter()
            .flat_map(|it| [self.name(it), self.env_name(it)]);
        let elsewhere = ELSEWHERE.map(|suffix| format!("{}_{suffix}", self.prefix));
        let mistaken = elsewhere.into_iter().chain(self.misnamed());
        names
            .chain(mistaken.filter(|name| !self.is_off(name)))
            .filter(|name| self.value(name).is_some())
            .collect()
    }

    /// What is switched off has the effect that was meant: none.
    fn is_off(&self, name: &str) -> bool {
        let value = self.value(name);
        value.is_some_and(|value| value.to_str().is_some_and(|text| is_off(text.trim())))
    }

    fn misnamed(&self) -> BTreeSet<String> {
        let is_ours = |name: &String| {
            name.strip_prefix(self.prefix)
                .and_then(|rest| rest.strip_prefix('_'))
                .is_some_and(is_misnamed)
        };
        self.environment.names().into_iter().filter(is_ours).collect()
    }

    /// Nobody wrote the variable that Kubernetes injects, so nobody needs to hear that it has no effect.
    fn is_injected(&self, name: &str) -> bool {
        let is_link = |value: OsString| value.to_str().is_some_and(|text| text.starts_with("tcp://"));
        name == self.name(Component::Port) && self.value(name).is_some_and(is_link)
    }

    /// A blank variable counts as unset: templates leave those behind for what they don't fill in.
    fn value(&self, name: &str) -> Option<OsString> {
        self.environment.variable(name).filter(|value| !is_blank(value))
    }

    fn mark_read(&self, name: &str) {
        self.read.borrow_mut().insert(name.to_owned());
    }
}

fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|text| text.trim().is_empty())
}

fn utf8(value: OsString, origin: &Origin) -> Result<String, ConfigError> {
    value.into_string().map_err(|_| ConfigError::NotUtf8 {
        origin: origin.clone(),
    })
}

/// Editors, `echo`, and Kubernetes secrets made with it leave a newline that is never part of a password.
fn trim_newline(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}

fn named_unset(component: Component, variable: String, named: String) -> ConfigError {
    let may_show = if component.may_hold_secret() {
        looks_like_name(&named)
    } else {
        may_be_name(&named)
    };
    if may_show {
        ConfigError::NamedUnset { variable, named }
    } else {
        let origin = Origin::Variable(Variable::own(variable));
        ConfigError::Invalid {
            origin,
            expected: "the name of an environment variable that is set",
        }
    }
}

fn may_be_name(text: &str) -> bool {
    !text.starts_with(|first: char| first.is_ascii_digit())
        && text
            .bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

/// Whether a text is most likely no password: those have no underscores, or lower case, or letters next to digits.
fn looks_like_name(text: &str) -> bool {
    let is_word = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_uppercase()) || part.bytes().all(|byte| byte.is_ascii_digit())
    };
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.contains('_')
        && text.split('_').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::super::environment::fake::Fake;
    use super::*;

    fn text(environment: &Fake, component: Component) -> Result<Option<String>, String> {
        let found = Variables::new("P", environment).get(component);
        found
            .map(|found| found.map(|found| found.text))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_component_can_be_read_through_a_variable_that_another_names() {
        for component in Component::ALL {
            let name = format!("P_{}", component.suffix());
            let fake = Fake::new([
                (&format!("{name}_ENV"), "ELSEWHERE"),
                ("ELSEWHERE", "value"),
                (&name, "own"),
            ]);
            assert_eq!(text(&fake, component), Ok(Some("value".to_owned())), "{name}");

            let fake = Fake::new([(&format!("{name}_ENV"), "NOT_SET_6379"), (&name, "own")]);
            let error = text(&fake, component).expect_err("NOT_SET_6379 is not set");
            assert!(
                error.contains(&format!("{name}_ENV")) && error.contains("NOT_SET_6379"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_variable_named_by_another_must_not_be_empty_either() {
        let fake = Fake::new([("P_HOST_ENV", "stage_host"), ("stage_host", "")]);
        let error = text(&fake, Component::Host).expect_err("stage_host is empty");
        assert!(
            error.contains("P_HOST_ENV") && error.contains("stage_host"),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_name_of_a_variable_is_not_repeated() {
        for (component, pasted) in [
            (Component::Password, "hunter2"),
            (Component::Password, "S3CRET-"),
            (Component::Password, "2SECRET"),
            (Component::Password, "HUNTER2SECRET"),
            (Component::Password, "JBSWY3DPEHPK3PXP"),
            (Component::Password, "S3CRET_WORD"),
            (Component::Password, "_SECRET"),
            (Component::Userinfo, "SECRET"),
            (Component::Username, "token"),
            (Component::Host, "redis://:hunter2@host"),
        ] {
            let name = format!("P_{}_ENV", component.suffix());
            let error =
                text(&Fake::new([(&name, pasted)]), component).expect_err("not the name of a variable");
            assert_eq!(
                error,
                format!("{name}: expected the name of an environment variable that is set")
            );
        }
    }

    #[test]
    fn a_blank_variable_is_as_if_unset() {
        for component in Component::ALL {
            let name = format!("P_{}", component.suffix());
            for blank in ["", " ", "\n"] {
                assert_eq!(text(&Fake::new([(&name, blank)]), component), Ok(None), "{name}");
                let fake = Fake::new([(&name, "own"), (&format!("{name}_ENV"), blank)]);
                assert_eq!(text(&fake, component), Ok(Some("own".to_owned())), "{name}");
                assert_eq!(Variables::new("P", &fake).all_set(), [name.as_str()]);
            }
        }
    }

    #[test]
    fn blanks_around_a_password_are_part_of_it_but_not_the_newline_at_its_end() {
        let fake = Fake::new([("P_PASSWORD", " a b \r\n"), ("P_HOST", " db\n")]);
        assert_eq!(text(&fake, Component::Password), Ok(Some(" a b ".to_owned())));
        assert_eq!(text(&fake, Component::Host), Ok(Some("db".to_owned())));
    }

    #[cfg(unix)]
    #[test]
    fn a_variable_that_is_not_utf8_is_named() {
        use std::os::unix::ffi::OsStringExt;

        for component in Component::ALL {
            for suffix in ["", "_ENV"] {
                let name = format!("P_{}{suffix}", component.suffix());
                let mut fake = Fake::default();
                fake.variables
                    .insert(name.clone(), OsString::from_vec(vec![b'a', 0xff]));
                assert_eq!(
                    text(&fake, component),
                    Err(format!("{name}: expected valid UTF-8"))
                );
            }
        }
    }

    fn read(environment: &Fake) -> Result<Option<String>, String> {
        let found =
            Variables::new("P", environment).get_or_read(Component::Password, Component::PasswordFile);
        found
            .map(|found| found.map(|found| found.text))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_comes_from_a_file_without_the_newline_at_its_end() {
        for content in ["a b", "a b\n", "a b\r\n"] {
            let fake = Fake::new([("P_PASSWORD_FILE", "/run/secret")]).file("/run/secret", content);
            assert_eq!(read(&fake), Ok(Some("a b".to_owned())));
        }
    }

    #[test]
    fn the_path_of_a_secret_may_stand_in_a_variable_that_another_names() {
        let fake =
            Fake::new([("P_PASSWORD_FILE_ENV", "MOUNT"), ("MOUNT", "/run/secret")]).file("/run/secret", "x");
        assert_eq!(read(&fake), Ok(Some("x".to_owned())));
    }

    #[test]
    fn a_file_that_gives_no_secret_is_an_error_that_names_its_variable() {
        let fake = || Fake::new([("P_PASSWORD_FILE", "/run/secret")]);
        assert_eq!(
            read(&fake()).expect_err("no such file"),
            "the file that P_PASSWORD_FILE names can't be read: entity not found"
        );
        for content in ["", "\n", " \n"] {
            assert_eq!(
                read(&fake().file("/run/secret", content)).expect_err("empty"),
                "the file that P_PASSWORD_FILE names: expected a value in it; the file is empty"
            );
        }
        assert_eq!(
            read(&fake().file("/run/secret", vec![0xff])).expect_err("not UTF-8"),
            "the file that P_PASSWORD_FILE names: expected valid UTF-8"
        );
    }

    #[test]
    fn a_secret_and_its_file_exclude_each_other() {
        let fake = Fake::new([("P_PASSWORD_ENV", "X"), ("P_PASSWORD_FILE", "/run/secret")]);
        assert_eq!(
            read(&fake).expect_err("both are set"),
            "P_PASSWORD_ENV and P_PASSWORD_FILE are both set and contradict each other: unset one of them"
        );
    }

    #[test]
    fn what_nothing_asked_for_is_unread() {
        let fake = Fake::new([
            ("P_HOST", "a"),
            ("P_HOST_ENV", "H"),
            ("H", "b"),
            ("P_DB", "1"),
            ("P_OTHER", "x"),
        ]);
        let variables = Variables::new("P", &fake);
        assert_eq!(variables.unread(), ["P_HOST", "P_HOST_ENV", "P_DB"]);
        variables.get(Component::Host).expect("set");
        assert_eq!(variables.unread(), ["P_HOST", "P_DB"]);
    }
}
