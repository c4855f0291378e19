//! The two locks of a cluster: one run at a time, and none before the programs of a killed one have ended.
//!
//! Both are locks that the system holds for an open file, so that a crash releases them; no file is ever taken for a
//! lock because it exists.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use windlass_provider::{Clock, Ctx};

use crate::error::{Error, Kind, Result};

/// The right to change one cluster, as long as it lives. It is held on a folder, `.windlass/<cluster>`.
#[derive(Debug)]
pub struct RunLock {
    folder: PathBuf,
    // Closing it releases the lock.
    _file: File,
}

/// Who holds a lock; written into its file for the one who comes second.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    command: String,
    pid: u32,
    since: Timestamp,
}

impl RunLock {
    /// Takes the lock of the cluster whose runs are kept in `folder`, which is made where it is missing.
    ///
    /// # Errors
    /// [`Kind::Refused`] where another live run holds it, naming that, and where the folder or the file cannot be written.
    pub fn take(folder: &Path, command: &str, clock: &dyn Clock) -> Result<Self> {
        make_folder(folder)?;
        let path = folder.join("lock");
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .with_context(|| format!("cannot open {}", path.display()))
                .map_err(refuse_unwritable)?;
            match file.try_lock() {
                Ok(()) if !is_still(&file, &path) => continue, // destroy removed it meanwhile
                Ok(()) => {
                    let holder = Holder {
                        command: command.to_owned(),
                        pid: std::process::id(),
                        since: clock.now(),
                    };
                    write_holder(&mut file, &holder)
                        .with_context(|| format!("cannot write {}", path.display()))
                        .map_err(|error| {
                            Error::from(error).hint("free some space there, or allow larger files (ulimit -f), and run the same command again")
                        })?;
                    return Ok(Self {
                        folder: folder.to_owned(),
                        _file: file,
                    });
                }
                Err(TryLockError::WouldBlock) => return Err(held(&mut file, folder)),
                Err(TryLockError::Error(error)) => {
                    return Err(anyhow::Error::new(error)
                        .context(format!("cannot lock {}", path.display()))
                        .into());
                }
            }
        }
    }

    /// Returns the folder that it is held on.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Waits until no program that an earlier, killed run had started is alive, and returns the handle that this run's
/// programs are started with (as [`Ctx::program_lock`]). It reads as an empty file.
///
/// The lock belongs to the open file, which such programs inherit: the last of them to end releases it.
///
/// # Errors
/// [`Kind::TimedOut`] and [`Kind::Interrupted`] as `cx` says, and [`Kind::Refused`] where the file cannot be written.
pub async fn take_program_lock(folder: &Path, cx: &Ctx) -> Result<Arc<File>> {
    make_folder(folder)?;
    let path = folder.join("programs.lock");
    let mut create = OpenOptions::new();
    create.write(true).create(true).truncate(false).mode(0o600);
    let file = create
        .open(&path)
        .and_then(|_| File::open(&path))
        .with_context(|| format!("cannot open {}", path.display()))
        .map_err(refuse_unwritable)?;
    match file.try_lock() {
        Ok(()) => return Ok(Arc::new(file)),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => {
            return Err(anyhow::Error::new(error)
                .context(format!("cannot lock {}", path.display()))
                .into());
        }
    }
    let what = "waiting for a program that an earlier run started to end";
    cx.progress.say(what);
    // A thread of its own, since the system offers no lock that can be waited for and given up: where the wait is given
    // up, the thread stays until the program ends, and lets the lock go again.
    let (locked, lock) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("program-lock".into())
        .spawn(move || {
            let result = file.lock().map(|()| file);
            // Whoever waited may have given up.
            drop(locked.send(result));
        })
        .context("cannot start a thread")?;
    let file = cx
        .bound(what, async { Ok(lock.await) })
        .await
        .map_err(|error| {
            Error::from(error)
                .hint("see which programs still run with: ps; they were started by windlass")
        })?
        .context("the thread that waits for the lock ended")?
        .with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(Arc::new(file))
}

/// Makes a folder that only its owner can read, with its parents.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
        .map_err(refuse_unwritable)
}

/// Says where windlass can work instead.
pub(super) fn refuse_unwritable(error: anyhow::Error) -> Error {
    Error::from(error)
        .hint("windlass keeps its runs in .windlass: run it in a directory that you may write to")
}

/// Returns whether `path` is still the file that was opened.
fn is_still(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(there)) => opened.ino() == there.ino() && opened.dev() == there.dev(),
        _ => false,
    }
}

fn write_holder(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(serde_json::to_string(holder)?.as_bytes())
}

fn held(file: &mut File, folder: &Path) -> Error {
    let mut text = String::new();
    let holder = file
        .read_to_string(&mut text)
        .ok()
        .and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    let cluster = folder
        .file_name()
        .map_or_else(String::new, |name| format!(" {}", name.to_string_lossy()));
    match holder {
        Some(Holder {
            command,
            pid,
            since,
        }) => Error::message(
            Kind::Refused,
            format!(
                "another windlass is at work on cluster{cluster}: {command}, process {pid}, since {since:.0}"
            ),
        )
        .hint(format!(
            "wait for it to end, or interrupt it with: kill -INT {pid}"
        )),
        None => Error::message(
            Kind::Refused,
            format!("another windlass is at work on cluster{cluster}"),
        )
        .hint("wait for it to end"),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        process::{Command, Stdio},
        time::Duration,
    };

    use windlass_provider::{Progress, SystemClock};

    use super::*;

    #[test]
    fn a_second_run_is_refused_and_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join(".windlass/dot");
        let first = RunLock::take(&folder, "setup", &SystemClock).unwrap();
        let error = RunLock::take(&folder, "destroy", &SystemClock).unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        let text = error.to_string();
        assert!(text.contains("cluster dot: setup, process"), "{text}");
        assert!(text.contains("kill -INT"), "{text}");
        drop(first);
        // A program that another test starts in this moment holds every open file until it is loaded.
        while RunLock::take(&folder, "destroy", &SystemClock).is_err() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_lock_file_that_a_crash_left_does_not_hold() {
        for left in [
            "",
            "{\"command\":\"set",
            "{\"command\":\"setup\",\"pid\":1}",
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("lock"), left).unwrap();
            RunLock::take(folder.path(), "setup", &SystemClock).unwrap();
        }
    }

    #[test]
    fn a_lock_whose_file_was_removed_is_not_taken_for_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = File::create(&path).unwrap();
        assert!(is_still(&file, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_still(&file, &path));
        File::create(&path).unwrap();
        assert!(!is_still(&file, &path));
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".windlass"), "a file").unwrap();
        let error =
            RunLock::take(&folder.path().join(".windlass/dot"), "setup", &SystemClock).unwrap_err();
        assert_eq!(error.kind, Kind::Refused);
        assert!(error.to_string().contains("cannot make the folder"));
    }

    #[tokio::test]
    async fn a_run_waits_for_the_programs_of_a_killed_one() {
        let folder = tempfile::tempdir().unwrap();
        let (said, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let cx = Ctx {
            progress: Progress::new(move |message| said.send(message.to_owned()).unwrap()),
            ..Ctx::new(Arc::new(SystemClock))
        };
        let lock = take_program_lock(folder.path(), &cx).await.unwrap();
        // The program outlives the handle of the one that started it.
        let mut program = Command::new("sh")
            .args(["-c", "read -r line < \"$0\""])
            .arg(make_pipe(folder.path()))
            .stdin(Stdio::from(lock.try_clone().unwrap()))
            .spawn()
            .unwrap();
        drop(lock);
        assert!(heard.try_recv().is_err(), "nothing was to be waited for");

        let late = cx.within(Duration::ZERO);
        let error = take_program_lock(folder.path(), &late).await.unwrap_err();
        assert_eq!(error.kind, Kind::TimedOut);
        assert!(
            heard
                .recv()
                .await
                .unwrap()
                .contains("waiting for a program")
        );

        let next = take_program_lock(folder.path(), &cx);
        tokio::pin!(next);
        tokio::select! {
            biased;
            _ = &mut next => panic!("the program still runs"),
            said = heard.recv() => assert!(said.unwrap().contains("waiting for a program")),
        }
        fs::write(folder.path().join("pipe"), "end\n").unwrap();
        program.wait().unwrap();
        next.await.unwrap();
    }

    /// Returns the path of a new named pipe: a program that reads it ends when it is written to.
    fn make_pipe(folder: &Path) -> PathBuf {
        let path = folder.join("pipe");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        path
    }
}
