//! Reads a journal back, and holds it to the legal order of records.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use ulid::Ulid;

use super::record::{FORMAT, Record, RecordKind};
use crate::{
    engine::Outcomes,
    error::{Error, Kind, Result},
    plan::{Plan, StepId},
};

/// A run as its journal tells it.
#[derive(Clone, Debug)]
pub struct PastRun<A> {
    /// Its id.
    pub run: Ulid,
    /// Its journal.
    pub path: PathBuf,
    /// What it was going to do.
    pub plan: Plan<A>,
    /// The digest of that.
    pub digest: String,
    /// Whether a secret was taken out of `plan`, so that it can be shown and not run.
    pub redacted: bool,
    /// How often it was begun or gone on with.
    pub attempt: u32,
    /// When it began.
    pub began: Timestamp,
    /// When its last record was written.
    pub last: Timestamp,
    /// The steps that finished, with what came of them.
    pub outcomes: Outcomes,
    /// The steps whose last word is a failure, with what they said.
    pub failures: BTreeMap<StepId, String>,
    /// The exit code of its last attempt; `None` where that was killed, or goes on.
    pub exit: Option<u8>,
    /// How often each step was begun.
    pub(in crate::engine) starts: BTreeMap<StepId, u32>,
    /// How many bytes of the file are whole records.
    pub(super) length: u64,
}

impl<A> PastRun<A> {
    /// Returns whether all of it was done.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.exit == Some(0)
    }
}

/// Where a line stands, for the errors about it.
struct Place<'a> {
    path: &'a Path,
    line: usize,
}

impl Place<'_> {
    fn broken(&self, why: impl std::fmt::Display) -> Error {
        let Self { path, line } = self;
        Error::message(
            Kind::Refused,
            format!(
                "cannot read the journal {}, line {line}: {why}",
                path.display()
            ),
        )
        .hint(self.move_away())
    }

    fn move_away(&self) -> String {
        let path = self.path.display();
        format!(
            "move it away with: mv {path} {path}.broken (nothing is lost: windlass looks at what there is, and destroy needs no journal)"
        )
    }
}

/// Reads one journal; `None` where not even its first record is whole.
pub(super) fn read_run<A: DeserializeOwned>(path: &Path, run: Ulid) -> Result<Option<PastRun<A>>> {
    let text = fs::read(path)
        .with_context(|| format!("cannot read the journal {}", path.display()))
        .map_err(|error| Error::from(error).hint(Place { path, line: 1 }.move_away()))?;
    let mut past: Option<PastRun<A>> = None;
    let mut running = BTreeSet::new();
    let mut length = 0;
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let place = Place {
            path,
            line: index + 1,
        };
        let is_last = length + line.len() == text.len();
        let value: serde_json::Value = match serde_json::from_slice(line) {
            Ok(value) if line.ends_with(b"\n") => value,
            // The run was killed while it wrote this line.
            _ if is_last => break,
            Ok(_) => unreachable!("only the last line may have no end"),
            Err(error) => return Err(place.broken(format!("it is not JSON: {}", tell(&error)))),
        };
        check_format(&value, &place)?;
        let record: Record = serde_json::from_value(value)
            .map_err(|error| place.broken(format!("it is not a record: {}", tell(&error))))?;
        length += line.len();
        match &mut past {
            None => past = Some(begin(path, run, record, &place)?),
            Some(past) => follow(past, &mut running, record).map_err(|why| place.broken(why))?,
        }
    }
    if let Some(past) = &mut past {
        past.length = length as u64;
    }
    Ok(past)
}

/// Returns what is wrong with a line; serde_json counts lines within it, which would be taken for those of the file.
fn tell(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((what, _)) if error.line() == 1 && error.column() > 0 => {
            format!("{what}, column {}", error.column())
        }
        Some((what, _)) => what.to_owned(),
        None => text,
    }
}

/// Refuses what another windlass wrote, before its other fields are looked at.
fn check_format(value: &serde_json::Value, place: &Place<'_>) -> Result<()> {
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(format) if format != u64::from(FORMAT) => Err(Error::message(
            Kind::Refused,
            format!(
                "the journal {} has format {format}, and this windlass reads format {FORMAT}: {} windlass wrote it",
                place.path.display(),
                if format > u64::from(FORMAT) { "a newer" } else { "an older" }
            ),
        )
        .hint("use the windlass that wrote it")
        .hint(place.move_away())),
        _ => Ok(()),
    }
}

fn begin<A: DeserializeOwned>(
    path: &Path,
    run: Ulid,
    record: Record,
    place: &Place<'_>,
) -> Result<PastRun<A>> {
    let RecordKind::Planned {
        plan,
        digest,
        redacted,
        ..
    } = record.kind
    else {
        return Err(place.broken("a journal begins with its plan"));
    };
    let plan: Plan<A> = serde_json::from_value(plan)
        .map_err(|error| place.broken(format!("it is not a plan: {}", tell(&error))))?;
    plan.check().map_err(|error| place.broken(error))?;
    Ok(PastRun {
        run,
        path: path.to_owned(),
        plan,
        digest,
        redacted,
        attempt: record.attempt,
        began: record.time,
        last: record.time,
        outcomes: Outcomes::new(),
        failures: BTreeMap::new(),
        exit: None,
        starts: BTreeMap::new(),
        length: 0,
    })
}

/// Takes in one more record. What a step that was begun and has no end did is unknown: it runs again.
fn follow<A>(
    past: &mut PastRun<A>,
    running: &mut BTreeSet<StepId>,
    record: Record,
) -> Result<(), String> {
    if past.exit.is_some() && !matches!(record.kind, RecordKind::Resumed) {
        return Err("it comes after the end of the run".into());
    }
    past.last = record.time;
    match record.kind {
        RecordKind::Planned { .. } => return Err("a run has one plan".into()),
        RecordKind::Resumed => {
            running.clear();
            past.exit = None;
            past.attempt = record.attempt;
        }
        RecordKind::Started { step, nth } => {
            if !past.plan.steps.iter().any(|planned| planned.id == step) {
                return Err(format!("the plan has no step {step}"));
            }
            if !running.insert(step.clone()) {
                return Err(format!("step {step} begins twice"));
            }
            past.outcomes.remove(&step);
            past.failures.remove(&step);
            past.starts.insert(step, nth);
        }
        RecordKind::Finished { step, outcome, .. } => {
            end(running, &step)?;
            past.outcomes.insert(step, outcome);
        }
        RecordKind::Failed { step, error, .. } => {
            end(running, &step)?;
            past.failures.insert(step, error);
        }
        RecordKind::Ended { exit } => past.exit = Some(exit),
    }
    Ok(())
}

fn end(running: &mut BTreeSet<StepId>, step: &StepId) -> Result<(), String> {
    if running.remove(step) {
        Ok(())
    } else {
        Err(format!("step {step} ends without having begun"))
    }
}
