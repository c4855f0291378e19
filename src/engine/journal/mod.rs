//! The journal: what a run was going to do and what came of it, written down before it is shown.
//!
//! A run is one file, `<folder>/runs/<ulid>.jsonl`; each record is one line of JSON, written with one call and synced. The
//! journal is a hint and never the truth: without it a run takes longer, and nothing is lost. It holds no secrets.

mod read;
mod record;

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use ulid::Ulid;
use windlass_provider::Clock;

pub use read::PastRun;
pub use record::FORMAT;
pub(super) use record::RecordKind;

use super::lock::{make_folder, refuse_unwritable};
use crate::{
    error::{Error, Kind, Result},
    plan::Plan,
    redact::Redactor,
};
use record::Record;

/// How many runs of a cluster are kept.
const KEPT: usize = 20;

/// What a journal is written to: a file, and in tests a disk that fills up.
pub(super) trait Disk: Send {
    /// Writes with one call; returns how many bytes got there.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize>;
    /// Returns once they would survive a loss of power.
    fn sync(&mut self) -> std::io::Result<()>;
    /// Takes away all after the first `length` bytes.
    fn cut(&mut self, length: u64) -> std::io::Result<()>;
}

impl Disk for File {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Write::write(self, bytes)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.set_len(length)
    }
}

/// The journal of the run that is going on.
pub(super) struct Journal {
    pub(super) disk: Box<dyn Disk>,
    path: PathBuf,
    /// Where the next record goes.
    length: u64,
    run: Ulid,
    attempt: u32,
    redactor: Arc<Redactor>,
}

/// Returns the last run of the cluster whose runs are kept in `folder`, finished or not; `None` where there is none. Needs
/// no lock: `status` reads it while a run goes on.
///
/// # Errors
/// [`Kind::Refused`] where the file cannot be read or holds what this windlass does not understand. The message names
/// file and line, and what to type.
pub fn read_latest<A: DeserializeOwned>(folder: &Path) -> Result<Option<PastRun<A>>> {
    for run in list_runs(folder)?.into_iter().rev() {
        // A file without its first record belongs to a run that ended before it did anything.
        if let Some(past) = read::read_run(&file_of(folder, run), run)? {
            return Ok(Some(past));
        }
    }
    Ok(None)
}

/// Returns the runs of the cluster, the latest first: what they found is not known from anywhere else once it is gone. What cannot
/// be read ends the list.
pub fn read_runs<A: DeserializeOwned>(folder: &Path) -> impl Iterator<Item = PastRun<A>> {
    let runs = list_runs(folder).unwrap_or_default().into_iter().rev();
    let read = |run| read::read_run(&file_of(folder, run), run);
    runs.map(read).map_while(Result::ok).flatten()
}

/// Returns the digest of a plan, in hexadecimal: an unfinished run is gone on with only where its plan's is the same.
#[must_use]
pub fn digest<A: Serialize>(plan: &Plan<A>) -> String {
    let text = serde_json::to_vec(plan).expect("a plan is maps with text keys, and so always JSON");
    Sha256::digest(text)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Journal {
    /// Begins the journal of a new run, and takes the oldest ones away.
    pub(super) fn begin<A: Serialize>(
        folder: &Path,
        plan: &Plan<A>,
        clock: &dyn Clock,
        redactor: Arc<Redactor>,
    ) -> Result<Self> {
        let runs = folder.join("runs");
        make_folder(&runs)?;
        let earlier = list_runs(folder)?;
        let run = next_id(clock.now(), earlier.last().copied());
        let path = file_of(folder, run);
        // To append, so that nothing is left between the records where a torn one was cut off.
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot make the journal {}", path.display()))
            .map_err(refuse_unwritable)?;
        let mut journal = Self {
            disk: Box::new(file),
            path,
            length: 0,
            run,
            attempt: 1,
            redactor,
        };
        let mut written = serde_json::to_value(plan).context("cannot write the plan as JSON")?;
        let redacted = journal.redactor.value(&mut written);
        let planned = RecordKind::Planned {
            format: FORMAT,
            command: plan.command.clone(),
            plan: written,
            digest: digest(plan),
            redacted,
        };
        let begun = journal.append(clock.now(), planned).and_then(|()| {
            File::open(&runs)
                .and_then(|runs| runs.sync_all())
                .with_context(|| format!("cannot write the folder {}", runs.display()))
                .map_err(Error::from)
        });
        if let Err(error) = begun {
            // Nothing was begun: an empty journal would only be in the way.
            drop(fs::remove_file(&journal.path));
            return Err(error);
        }
        let surplus = (earlier.len() + 1).saturating_sub(KEPT);
        for old in &earlier[..surplus] {
            // A run that cannot be taken away does no harm.
            drop(fs::remove_file(file_of(folder, *old)));
        }
        Ok(journal)
    }

    /// Opens the journal of an unfinished run to go on with it; a torn last line is cut off.
    pub(super) fn resume<A>(
        past: &PastRun<A>,
        clock: &dyn Clock,
        redactor: Arc<Redactor>,
    ) -> Result<Self> {
        let path = past.path.clone();
        let file = OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_len(past.length).map(|()| file))
            .with_context(|| format!("cannot write the journal {}", path.display()))
            .map_err(refuse_unwritable)?;
        let mut journal = Self {
            disk: Box::new(file),
            path,
            length: past.length,
            run: past.run,
            attempt: past.attempt + 1,
            redactor,
        };
        journal.append(clock.now(), RecordKind::Resumed)?;
        Ok(journal)
    }

    /// Returns the run's id.
    pub(super) fn run(&self) -> Ulid {
        self.run
    }

    /// Writes one record and waits until it is on the disk. What could not be written as a whole is cut off again.
    pub(super) fn append(&mut self, time: Timestamp, kind: RecordKind) -> Result<()> {
        let record = Record {
            time,
            attempt: self.attempt,
            kind,
        };
        match self.write(&record) {
            Ok(length) => {
                self.length += length;
                Ok(())
            }
            Err(error) => {
                // Where even this fails, the reader drops the torn line.
                drop(self.disk.cut(self.length));
                Err(Error::new(
                    Kind::Refused,
                    error.context(format!("cannot write the journal {}", self.path.display())),
                )
                .hint("free some space there, allow larger files (ulimit -f), or make it writable, and run the same command again"))
            }
        }
    }

    /// Returns the length of the line that the record became.
    fn write(&mut self, record: &Record) -> anyhow::Result<u64> {
        let mut value = serde_json::to_value(record)?;
        self.redactor.value(&mut value);
        let mut line = serde_json::to_vec(&value)?;
        line.push(b'\n');
        let written = self.disk.write(&line)?;
        if written < line.len() {
            return Err(std::io::Error::from(ErrorKind::StorageFull).into());
        }
        self.disk.sync()?;
        Ok(line.len() as u64)
    }
}

fn file_of(folder: &Path, run: Ulid) -> PathBuf {
    folder.join("runs").join(format!("{run}.jsonl"))
}

/// Returns the journals in `folder`, oldest first.
///
/// # Errors
/// The folder cannot be read.
pub fn list_journals(folder: &Path) -> Result<Vec<PathBuf>> {
    let runs = list_runs(folder)?;
    Ok(runs.into_iter().map(|run| file_of(folder, run)).collect())
}

/// Returns the runs in `folder`, oldest first. Other files there are none of ours.
fn list_runs(folder: &Path) -> Result<Vec<Ulid>> {
    let runs = folder.join("runs");
    let entries = match fs::read_dir(&runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let source = anyhow::Error::new(error)
                .context(format!("cannot read the folder {}", runs.display()));
            return Err(Error::from(source).hint(format!(
                "move it away with: mv {0} {0}.broken",
                runs.display()
            )));
        }
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read the folder {}", runs.display()))?;
        let name = entry.file_name();
        let run = name
            .to_str()
            .and_then(|name| name.strip_suffix(".jsonl"))
            .and_then(|name| Ulid::from_string(name).ok());
        found.extend(run);
    }
    found.sort_unstable();
    Ok(found)
}

/// Returns an id that sorts after `last`, even where the clock was set back.
fn next_id(now: Timestamp, last: Option<Ulid>) -> Ulid {
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let random = Ulid::generate().random();
    let earliest = last.map_or(0, |last| last.timestamp_ms() + 1);
    Ulid::from_parts(milliseconds.max(earliest), random)
}

#[cfg(test)]
mod tests;
