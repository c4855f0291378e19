//! The files themselves: read whole, replaced atomically, under the lock that kubectl takes.

use std::{
    fs::{self, OpenOptions},
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use windlass_provider::{Ctx, Error, Fault, Result};

use crate::files::atomic::{self, Mode};

/// How long to wait for another program's lock, and how often to look: kubectl holds it for moments.
const PATIENCE: Duration = Duration::from_secs(10);
const INTERVAL: Duration = Duration::from_millis(100);

/// Reads a file; `None` where it is not there.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    let Some(bytes) =
        atomic::read(path).map_err(|error| unavailable(&error.source, error.hints))?
    else {
        return Ok(None);
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::new(
            Fault::Invalid,
            format!("cannot read kubeconfig {}", path.display()),
        )
        .cause(format!("line {line} is not UTF-8 text"))
        .hint("correct the file or move it away; windlass has not touched it")
    })
}

/// Replaces a file in one step, or leaves it as it was: 0600, unless its owner has opened it to others.
pub(super) fn replace(path: &Path, text: &str) -> Result<()> {
    let before = fs::metadata(path).ok();
    atomic::write(path, Mode::Private, text.as_bytes())
        .map_err(|error| unavailable(&error.source, error.hints))?;
    if let Some(before) = before {
        fs::set_permissions(path, before.permissions()).map_err(|error| {
            Error::new(
                Fault::Unavailable,
                format!("cannot give {} its permissions back", path.display()),
            )
            .cause(error.to_string())
        })?;
    }
    Ok(())
}

/// Writes a file of windlass's own in one step: 0600.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    atomic::write(path, Mode::Private, text.as_bytes())
        .map_err(|error| unavailable(&error.source, error.hints))
}

/// Holds the lock of a kubeconfig until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        // Nothing can be done about a lock that cannot be removed; the next run names it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Takes the lock that client-go takes: `<file>.lock`, created exclusively. Source: `lockFile` in client-go's
/// `tools/clientcmd/config.go`.
pub(super) async fn lock(cx: &Ctx, path: &Path) -> Result<Lock> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = PathBuf::from(name);
    let folder = folder_of(path);
    atomic::create_folder(folder).map_err(|error| unavailable(&error.source, error.hints))?;
    let waits = format!("lock {}", path.display());
    let take = async {
        let until = cx.clock.now() + PATIENCE;
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&lock) {
                Ok(_) => return Ok(Lock(lock.clone())),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Error::new(
                        Fault::Unavailable,
                        format!("cannot create {}", lock.display()),
                    )
                    .cause(error.to_string())
                    .hint("make its folder writable, or choose another file with KUBECONFIG"));
                }
            }
            if cx.clock.now() >= until {
                return Err(Error::new(
                    Fault::Conflict,
                    format!("cannot change {}: it is locked", path.display()),
                )
                .cause(format!("{} is there", lock.display()))
                .hint(format!(
                    "if no other program is changing it, remove the lock: rm {}",
                    lock.display()
                )));
            }
            cx.progress.say(format!("waiting for {}", lock.display()));
            cx.clock.sleep(INTERVAL).await;
        }
    };
    cx.bound(&waits, take).await
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Carries an error of the files room into the class that this room's callers act on.
fn unavailable(error: &anyhow::Error, hints: Vec<String>) -> Error {
    let mut chain = error.chain().map(ToString::to_string);
    let message = chain.next().unwrap_or_default();
    let error = chain.fold(Error::new(Fault::Unavailable, message), Error::cause);
    hints.into_iter().fold(error, Error::hint)
}
