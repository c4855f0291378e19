//! The lines of a journal. A change that an older windlass would not understand bumps [`FORMAT`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use windlass_provider::Fault;

use crate::{engine::Outcome, plan::StepId};

/// The format of the journals that this windlass reads and writes.
pub const FORMAT: u32 = 1;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::engine) struct Record {
    /// When, on the injected clock.
    pub(super) time: Timestamp,
    /// In which attempt of the run, from 1.
    pub(super) attempt: u32,
    #[serde(flatten)]
    pub(super) kind: RecordKind,
}

/// What a line says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "lowercase")]
pub(in crate::engine) enum RecordKind {
    /// What is going to be done. The first line, and only that.
    Planned {
        format: u32,
        command: String,
        plan: serde_json::Value,
        /// The digest of the plan as it is run.
        digest: String,
        /// Whether a secret was taken out of `plan`, which cannot be run then.
        redacted: bool,
    },
    /// A later attempt goes on with the run.
    Resumed,
    /// A step begins, for the `nth` time in this run.
    Started { step: StepId, nth: u32 },
    /// A step is done, after so many seconds.
    Finished {
        step: StepId,
        outcome: Outcome,
        seconds: f64,
    },
    /// A step failed, after so many seconds.
    Failed {
        step: StepId,
        fault: Fault,
        error: String,
        causes: Vec<String>,
        hints: Vec<String>,
        seconds: f64,
    },
    /// The attempt ended with this exit code.
    Ended { exit: u8 },
}
