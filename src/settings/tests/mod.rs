//! Settings, from the files in a folder to their typed values.

mod bad;
mod keys;
mod layers;
mod schema;
mod variables;

use std::{collections::BTreeMap, fs, path::Path};

use super::*;

/// A folder with the files that settings are read from.
struct Place {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    flags: Flags,
    any_cluster: bool,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment: BTreeMap::new(),
            flags: Flags::default(),
            any_cluster: false,
        }
    }

    /// Writes `windlass.toml`.
    fn toml(self, text: impl AsRef<[u8]>) -> Self {
        self.file(FILE, text)
    }

    /// Writes `.env`.
    fn dot_env(self, text: impl AsRef<[u8]>) -> Self {
        self.file(".env", text)
    }

    fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn flags(mut self, flags: Flags) -> Self {
        self.flags = flags;
        self
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn resolve(&self) -> Result<Settings> {
        Settings::resolve(&Inputs {
            flags: self.flags.clone(),
            environment: self.environment.clone(),
            directory: self.path().to_owned(),
            any_cluster: self.any_cluster,
        })
    }

    /// Returns the error, which names files as the user does.
    fn error(&self) -> String {
        let error = self.resolve().unwrap_err();
        assert_eq!(error.kind, crate::error::Kind::Usage, "{error}");
        let text = error.to_string();
        assert!(!text.contains(self.path().to_str().unwrap()), "{text}");
        text
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}
