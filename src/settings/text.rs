//! Reads the user's text files, and says in plain words why one is not text.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use anyhow::anyhow;

use crate::{
    error::{Error, Kind, Result},
    files::atomic::explain,
};

/// No file of settings is longer; /dev/zero is.
const LIMIT: u64 = 1 << 20;

/// Reads the file at `path`, which the user knows as `shown`; `None` where there is none.
///
/// # Errors
/// The system refuses, it is longer than 1 MiB, has a NUL byte, or is not UTF-8.
pub(super) fn read_text(path: &Path, shown: &Path) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let mut error = explain(error, "cannot read", shown);
            error.kind = Kind::Usage;
            return Err(error);
        }
    }
    let refuse = |reason: String| {
        Error::new(
            Kind::Usage,
            anyhow!(reason).context(format!("cannot use {}", shown.display())),
        )
    };
    let line = |at: usize| bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    if bytes.len() as u64 > LIMIT {
        return Err(refuse("it is longer than 1 MiB".to_owned()));
    }
    let save = "save it as plain text in UTF-8";
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(refuse(format!("line {}: it holds a NUL byte", line(at))).hint(save));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Some(
            text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
        )),
        Err(error) => {
            let line = line(error.valid_up_to());
            Err(refuse(format!("line {line}: it is not UTF-8")).hint(save))
        }
    }
}
