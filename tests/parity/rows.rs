//! The rows.

use serde::Deserialize;

/// All rows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rows {
    /// Command lines with a successor.
    pub(crate) command: Vec<Command>,
    /// Command lines without one.
    pub(crate) gone: Vec<Gone>,
    /// Flags that are accepted and mean nothing any more.
    pub(crate) ignored: Vec<Ignored>,
    pub(crate) variable: Vec<Variable>,
    pub(crate) file: Vec<File>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    pub(crate) old: String,
    pub(crate) now: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gone {
    pub(crate) old: String,
    /// Of what is said, the part that gives the reason.
    pub(crate) says: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ignored {
    pub(crate) old: String,
    pub(crate) why: String,
}

/// A variable: what windlass writes of it, what it reads, or why neither.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    pub(crate) name: String,
    /// The commands behind which `.env` has it.
    #[serde(default)]
    pub(crate) written: bool,
    /// The setting that it is, as `config show` names it.
    pub(crate) read: Option<String>,
    /// The command that reads it.
    pub(crate) command: Option<String>,
    /// Why it is neither written nor read.
    pub(crate) gone: Option<String>,
}

/// A file: whether windlass writes it, or why not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) written: bool,
    pub(crate) gone: Option<String>,
}

impl Rows {
    pub(crate) fn load() -> Self {
        toml::from_str(include_str!("rows.toml")).expect("rows.toml holds rows")
    }

    /// Returns the command lines of all rows.
    pub(crate) fn lines(&self) -> Vec<&str> {
        let commands = self.command.iter().map(|row| &row.old);
        let gone = self.gone.iter().map(|row| &row.old);
        let ignored = self.ignored.iter().map(|row| &row.old);
        commands
            .chain(gone)
            .chain(ignored)
            .map(String::as_str)
            .collect()
    }

    /// Returns whether a command is gone with all its flags.
    pub(crate) fn is_gone(&self, words: &str) -> bool {
        self.gone.iter().any(|row| row.old == words)
    }
}
