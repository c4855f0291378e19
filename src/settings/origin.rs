//! Where a value comes from.

use std::{fmt, path::PathBuf};

/// Where a value comes from, in the words in which errors and `config show --origin` tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line: `--min-nodes`.
    Flag(&'static str),
    /// What the user answered when asked.
    Answer,
    /// A variable of the environment.
    Environment(String),
    /// A variable in `.env`, outside of windlass's own blocks.
    DotEnv {
        /// The file, as it is shown.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The variable.
        key: String,
    },
    /// A key of `windlass.toml`. One that an environment sets begins with `environments.<name>.`, as it stands there.
    File {
        /// The file, as it is shown.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, with all its tables.
        key: String,
    },
    /// Nobody said otherwise.
    #[default]
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Answer => f.write_str("your answer"),
            Self::Environment(name) => write!(f, "{name} in the environment"),
            Self::DotEnv { path, line, key } | Self::File { path, line, key } => {
                write!(f, "{key} in {} line {line}", path.display())
            }
            Self::Default => f.write_str("the default"),
        }
    }
}

/// A value, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// Returns the value that holds where nobody said otherwise.
    pub fn default_to(value: T) -> Self {
        Self {
            value,
            origin: Origin::Default,
        }
    }
}
