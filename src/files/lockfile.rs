//! `windlass.lock`: what was fetched, from where, and its digest, which is checked ever after.

use std::{collections::BTreeMap, path::Path};

use anyhow::anyhow;
use serde::{Deserialize, Serialize};

use super::{Digest, Mode, atomic};
use crate::error::{Error, Kind, Result};

/// The format that this windlass writes and reads.
const FORMAT: u32 = 1;

const HEADER: &str =
    "# Written by windlass; commit it. What was fetched is checked against these digests.\n";

/// All that is locked, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LockFile {
    /// Name → what was fetched.
    pub entries: BTreeMap<String, LockEntry>,
}

/// One thing that was fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockEntry {
    /// Its version.
    pub version: String,
    /// Where it came from.
    pub url: String,
    /// The digest of its bytes.
    pub sha256: Digest,
}

#[derive(Deserialize)]
struct Header {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    #[serde(default)]
    locked: BTreeMap<String, LockEntry>,
}

impl LockFile {
    /// Reads the lock file at `path`; where there is none, nothing is locked.
    ///
    /// # Errors
    /// It cannot be read, is half written, or is of another format. It is never guessed at: a digest lost in silence would
    /// be a digest not checked.
    pub fn read(path: &Path) -> Result<Self> {
        let Some(bytes) = atomic::read(path)? else {
            return Ok(Self::default());
        };
        let refuse = |source: anyhow::Error| {
            Error::new(
                Kind::Usage,
                source.context(format!("cannot use {}", path.display())),
            )
        };
        let broken = |source| {
            refuse(source).hint(format!(
                "restore {0} from version control, or remove it to have the digests taken anew",
                path.display()
            ))
        };
        let text = std::str::from_utf8(&bytes)
            .map_err(|error| broken(anyhow!("byte {} is not UTF-8", error.valid_up_to() + 1)))?;
        let tell = |error: toml::de::Error| {
            let before = &text[..error.span().map_or(0, |span| span.start.min(text.len()))];
            let message = error.message().trim_end().replace('\n', "; ");
            broken(anyhow!(
                "line {}: {message}",
                before.matches('\n').count() + 1
            ))
        };
        let Header { format } = toml::from_str(text).map_err(tell)?;
        if format != FORMAT {
            return Err(refuse(anyhow!(
                "it has format {format}, and this windlass knows format {FORMAT}"
            ))
            .hint("use the windlass that wrote it, or a newer one"));
        }
        let Written { locked, .. } = toml::from_str(text).map_err(tell)?;
        Ok(Self { entries: locked })
    }

    /// Writes the lock file to `path`, sorted by name, so that it differs in version control only where it changed.
    ///
    /// # Errors
    /// What the system says, with the path and what to do.
    pub fn write(&self, path: &Path) -> Result<()> {
        let written = Written {
            format: FORMAT,
            locked: self.entries.clone(),
        };
        let text = toml::to_string(&written).map_err(|error| Error::new(Kind::Bug, error))?;
        atomic::write(path, Mode::Shared, format!("{HEADER}{text}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_lock_file_is_written_sorted_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("windlass.lock");
        assert_eq!(LockFile::read(&path).unwrap(), LockFile::default());
        LockFile::default().write(&path).unwrap();
        assert_eq!(LockFile::read(&path).unwrap(), LockFile::default());
        let entry = |name: &str| {
            let entry = LockEntry {
                version: "2.7.0".to_owned(),
                url: format!("https://example.org/{name}?a=\"b\""),
                sha256: Digest::of(name),
            };
            (name.to_owned(), entry)
        };
        let file = LockFile {
            entries: [entry("flux"), entry("a.b")].into(),
        };
        file.write(&path).unwrap();
        insta::assert_snapshot!(fs::read_to_string(&path).unwrap(), @r#"
        # Written by windlass; commit it. What was fetched is checked against these digests.
        format = 1

        [locked."a.b"]
        version = "2.7.0"
        url = 'https://example.org/a.b?a="b"'
        sha256 = "2e7336dc8eba87ef472df568c35482abf2575dc3e5eac0c5c62b8ffaeac2c934"

        [locked.flux]
        version = "2.7.0"
        url = 'https://example.org/flux?a="b"'
        sha256 = "a2e10207c7be30e1d07b0b7e353ecc1a1364f39057e1acedd3f76c5d2ceed180"
        "#);
        assert_eq!(LockFile::read(&path).unwrap(), file);
    }

    #[test]
    fn what_is_not_a_whole_lock_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("windlass.lock");
        let told: Vec<_> = [
            &b""[..],
            b"format = 2\nentries = []\n",
            b"format = 1\n[locked.flux]\nversion = \"2.7.0\"\nurl = \"https://exa",
            b"format = 1\n[locked.flux]\nversion = \"2.7.0\"\n",
            b"format = 1\n[locked.flux]\nversion = \"2\"\nurl = \"u\"\nsha256 = \"e3b0\"\n",
            b"format = 1\n[lokced.flux]\n",
            b"format = 1\n\xff",
        ]
        .into_iter()
        .map(|bytes| {
            fs::write(&path, bytes).unwrap();
            let error = LockFile::read(&path).unwrap_err();
            assert_eq!(error.kind, Kind::Usage);
            error
                .to_string()
                .replace(folder.path().to_str().unwrap(), "/d")
        })
        .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        error: cannot use /d/windlass.lock
          caused by: line 1: missing field `format`
          hint: restore /d/windlass.lock from version control, or remove it to have the digests taken anew
        error: cannot use /d/windlass.lock
          caused by: it has format 2, and this windlass knows format 1
          hint: use the windlass that wrote it, or a newer one
        error: cannot use /d/windlass.lock
          caused by: line 4: invalid basic string, expected `"`
          hint: restore /d/windlass.lock from version control, or remove it to have the digests taken anew
        error: cannot use /d/windlass.lock
          caused by: line 2: missing field `url`
          hint: restore /d/windlass.lock from version control, or remove it to have the digests taken anew
        error: cannot use /d/windlass.lock
          caused by: line 5: a SHA-256 is 64 hexadecimal digits
          hint: restore /d/windlass.lock from version control, or remove it to have the digests taken anew
        error: cannot use /d/windlass.lock
          caused by: line 2: unknown field `lokced`, expected `format` or `locked`
          hint: restore /d/windlass.lock from version control, or remove it to have the digests taken anew
        error: cannot use /d/windlass.lock
          caused by: byte 12 is not UTF-8
          hint: restore /d/windlass.lock from version control, or remove it to have the digests taken anew
        "#);
    }
}
