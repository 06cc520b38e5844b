use std::fmt;

/// Where a value of the configuration was written, as errors and [`explain`](super::explain) name it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// An environment variable.
    Variable(Variable),
    /// A file whose path stands in an environment variable.
    File(Variable),
    /// The default URL that the code gives for a prefix.
    Default,
    /// swapplex itself, where nobody said anything.
    BuiltIn,
    /// A URL or a `redis::ConnectionInfo` given in code.
    Code,
    /// The URL that a type implementing env-url's `ServiceURL` returned.
    ServiceUrl,
}

/// An environment variable, and how it came to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variable {
    /// The name of the variable that holds the value.
    pub name: String,
    /// The `…_ENV` variable that named it, if one did.
    pub named_by: Option<String>,
}

impl Variable {
    pub(super) const fn own(name: String) -> Self {
        Self { name, named_by: None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(variable) => write!(f, "{variable}"),
            Self::File(variable) => write!(f, "the file that {variable} names"),
            Self::Default => f.write_str("the default URL"),
            Self::BuiltIn => f.write_str("built in"),
            Self::Code => f.write_str("the address given in code"),
            Self::ServiceUrl => f.write_str("the URL of a ServiceURL type"),
        }
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.named_by {
            Some(named_by) => write!(f, " (named by {named_by})"),
            None => Ok(()),
        }
    }
}
