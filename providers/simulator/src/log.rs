//! The log of a world: one JSON object a line, written before an answer goes out, so that it survives kill -9.
//!
//! It knows what a line looks like and nothing of what it means. A torn last line is dropped on reading.

#[cfg(test)]
mod tests;

use crate::site::{self, Entry, FORMAT, Line, Objects, Site};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// A log is rewritten on opening when it has this many lines more than it needs.
const WASTE: usize = 2000;

/// A log that is open for appending.
pub(crate) struct Log {
    path: PathBuf,
    writer: Mutex<Writer>,
}

struct Writer {
    file: File,
    /// Why an earlier line could not be written: nothing is durable any more.
    failure: Option<String>,
}

/// What a log says.
pub(crate) struct Reading {
    /// The latest moment in it.
    pub(crate) latest: Option<Timestamp>,
    pub(crate) site: Site,
    pub(crate) objects: Objects,
    lines: usize,
}

impl Log {
    /// Opens the log at `path`, reads it, and rewrites it where most of it has become history.
    pub(crate) fn open(path: &Path) -> Result<(Self, Reading)> {
        let name = path.display();
        let mut file = options()
            .open(path)
            .with_context(|| format!("cannot open the world's log {name}"))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)
            .with_context(|| format!("cannot read the world's log {name}"))?;
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let reading = read(&text[..whole], path)?;
        if whole < text.len() {
            file.set_len(whole as u64)
                .with_context(|| format!("cannot drop the torn last line of {name}"))?;
        }
        let needed = needed(&reading);
        if reading.lines > needed.len() + WASTE {
            file = rewrite(path, &needed).with_context(|| format!("cannot compact {name}"))?;
        }
        file.seek(SeekFrom::End(0))
            .with_context(|| format!("cannot find the end of {name}"))?;
        let log = Self {
            path: path.to_owned(),
            writer: Mutex::new(Writer {
                file,
                failure: None,
            }),
        };
        Ok((log, reading))
    }

    /// Appends one line. A failure is kept for [`Log::failure`]: the world then refuses to answer.
    pub(crate) fn append(&self, at: Timestamp, what: Option<Entry>) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if writer.failure.is_some() {
            return;
        }
        if let Err(error) = write(&mut writer.file, &Line { at, what }) {
            writer.failure = Some(format!(
                "cannot write the world's log {}: {error:#}",
                self.path.display()
            ));
        }
    }

    /// Returns why the log cannot be written, if so.
    pub(crate) fn failure(&self) -> Option<String> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.failure.clone()
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Writes a line by one call, so that a crash tears at most the last.
fn write(file: &mut File, line: &Line) -> Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)?;
    Ok(())
}

fn read(text: &[u8], path: &Path) -> Result<Reading> {
    let mut reading = Reading {
        latest: None,
        site: Site::default(),
        objects: Objects::new(),
        lines: 0,
    };
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        reading.lines += 1;
        let place = || {
            format!(
                "{}:{}: this line of the world's log is damaged; delete the folder {} to begin anew",
                path.display(),
                reading.lines,
                path.parent().unwrap_or(path).display()
            )
        };
        let line: Line = serde_json::from_slice(line).with_context(place)?;
        reading.latest = reading.latest.max(Some(line.at));
        let Some(entry) = line.what else { continue };
        if let Entry::Opened { format, .. } = &entry
            && *format != FORMAT
        {
            bail!(
                "{}: the world's log has format {format}, this program knows {FORMAT}; delete the folder {} to begin anew",
                path.display(),
                path.parent().unwrap_or(path).display()
            );
        }
        site::remember(&mut reading.objects, &entry);
        reading.site.take(line.at, entry);
    }
    Ok(reading)
}

/// Returns the lines that say the same as the whole log.
fn needed(reading: &Reading) -> Vec<Line> {
    let Some(latest) = reading.latest else {
        return Vec::new();
    };
    let opened = Entry::Opened {
        format: FORMAT,
        port: reading.site.port,
    };
    let mut lines = vec![(latest, opened)];
    lines.extend(reading.site.entries(latest));
    for (cluster, records) in &reading.objects {
        let mut records: Vec<_> = records.values().collect();
        records.sort_by_key(|record| record.revision);
        lines.extend(records.into_iter().map(|record| {
            let entry = Entry::Object {
                cluster: cluster.clone(),
                record: record.clone(),
            };
            (latest, entry)
        }));
    }
    let whole = |(at, entry)| Line {
        at,
        what: Some(entry),
    };
    lines.into_iter().map(whole).collect()
}

fn rewrite(path: &Path, lines: &[Line]) -> Result<File> {
    let beside = path.with_extension("new");
    let mut file = options().truncate(true).open(&beside)?;
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    Ok(file)
}
