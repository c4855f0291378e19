//! Each event as one JSON object a line on standard output, for programs: `--output json`.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde::Serialize;
use serde_json::Value;

use super::{commands::Commands, stream::Streams};
use crate::{
    engine::{Event, EventKind, Reporter},
    error::Result,
};

/// Writes events as they come. The report is the last line, and is written by [`super::Output`].
pub(super) struct Ndjson {
    streams: Arc<Streams>,
    commands: Arc<Commands>,
    rehearsal: AtomicBool,
}

impl Ndjson {
    pub(super) fn new(streams: Arc<Streams>, commands: Arc<Commands>) -> Self {
        Self {
            streams,
            commands,
            rehearsal: AtomicBool::new(false),
        }
    }
}

impl Reporter for Ndjson {
    fn report(&self, event: &Event) {
        if let EventKind::RunStarted { rehearsal, .. } = event.kind {
            self.rehearsal.store(rehearsal, Ordering::Relaxed);
        }
        let mut value = serde_json::to_value(event).expect("events are maps with text keys");
        if self.rehearsal.load(Ordering::Relaxed) {
            // Every line of a rehearsal says so.
            value["rehearsal"] = true.into();
        }
        // A stream that cannot be written fails the report at the end of the run too, and is told there.
        drop(write_value(&self.streams, &self.commands, value));
    }
}

/// Writes one value as one line.
pub(super) fn write_record(
    streams: &Streams,
    commands: &Commands,
    record: &impl Serialize,
) -> Result<()> {
    let value = serde_json::to_value(record).map_err(anyhow::Error::from)?;
    write_value(streams, commands, value)
}

fn write_value(streams: &Streams, commands: &Commands, mut value: Value) -> Result<()> {
    commands.value(&mut value);
    streams.redactor.value(&mut value);
    // Once more as text could break the JSON.
    streams.write_clean(&format!("{value}\n"))
}
