//! What happens in a run, in the order in which it is journalled. Reporters and `--output json` show these and nothing else.

use jiff::Timestamp;
use serde::Serialize;
use windlass_provider::{Fault, ProviderId};

use super::Outcome;
use crate::plan::StepId;

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// When, on the injected clock.
    pub time: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum EventKind {
    /// A run begins, or goes on.
    RunStarted {
        /// The run's id, a ULID.
        run: String,
        /// The command: "setup".
        command: String,
        /// The cluster.
        cluster: String,
        /// Where it runs.
        provider: ProviderId,
        /// Whether it is a rehearsal.
        rehearsal: bool,
        /// How many steps there are.
        steps: usize,
        /// How many of them an earlier attempt had finished and still hold.
        resumed: usize,
    },
    /// A step begins.
    StepStarted {
        /// Which.
        step: StepId,
        /// What it does.
        title: String,
        /// The how-manieth attempt of this step, from 1, across runs.
        attempt: u32,
    },
    /// A step says what it is waiting for. Shown, not journalled.
    StepProgress {
        /// Which.
        step: StepId,
        /// What it says.
        message: String,
    },
    /// A step met a fault that passes, and will be tried again.
    StepRetried {
        /// Which.
        step: StepId,
        /// The fault.
        error: String,
        /// In how many seconds it is tried again.
        in_seconds: f64,
    },
    /// A step that an earlier attempt had finished still holds.
    StepSkipped {
        /// Which.
        step: StepId,
        /// What it does.
        title: String,
    },
    /// A step is done.
    StepFinished {
        /// Which.
        step: StepId,
        /// What it does.
        title: String,
        /// What came of it.
        outcome: Outcome,
        /// How long it took, in seconds on the injected clock.
        seconds: f64,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        step: StepId,
        /// What it does.
        title: String,
        /// The class of the fault.
        fault: Fault,
        /// What could not be done.
        error: String,
        /// Why, outermost first.
        causes: Vec<String>,
        /// What to type or to change.
        hints: Vec<String>,
    },
    /// The user asked to stop: no new step begins.
    Interrupted {
        /// How many steps are still running.
        running: usize,
    },
    /// The run ended.
    RunEnded {
        /// The exit code.
        exit: u8,
        /// How many steps are done, of how many.
        done: usize,
        /// Of how many.
        steps: usize,
        /// How long this attempt took, in seconds on the injected clock.
        seconds: f64,
    },
}

/// Shows what happens. It is called in order, from one place at a time, and must not block for long.
pub trait Reporter: Send + Sync {
    /// Shows one event.
    fn report(&self, event: &Event);
}
