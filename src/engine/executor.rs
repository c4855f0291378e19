//! Who does the work of a step.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use windlass_provider::{Change, Ctx, Outputs, Result};

use crate::plan::{Step, StepId};

/// What came of a step. Never a secret: it is journalled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What it did.
    pub change: Change,
    /// What later steps and the report need of it.
    #[serde(default, skip_serializing_if = "Outputs::is_empty")]
    pub outputs: Outputs,
    /// What is gone, where that was found as it went; else what the step removes is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// What was left on purpose, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// What is still there and nobody will delete any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// What could not be proven to be gone, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<String>,
    /// What the user should know, each a lower-case fragment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Outcome {
    /// Returns the outcome of a step that did `change` and has nothing more to say.
    #[must_use]
    pub fn of(change: Change) -> Self {
        Self {
            change,
            outputs: Outputs::new(),
            gone: Vec::new(),
            kept: Vec::new(),
            left: Vec::new(),
            unproven: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// The outcomes of the steps that have finished.
pub type Outcomes = BTreeMap<StepId, Outcome>;

/// Does the work of steps. Every step must be safe to run again after a crash at any point.
#[async_trait]
pub trait Executor<A>: Send + Sync {
    /// Runs one step; `done` holds the outcomes of all that have finished so far, what it needs among them.
    async fn run(&self, cx: &Ctx, step: &Step<A>, done: &Outcomes) -> Result<Outcome>;

    /// Looks again at steps that an earlier, unfinished run had finished, side by side and with few requests, and returns
    /// those that still hold; the others run again. What cannot be told does not hold.
    async fn verify(&self, cx: &Ctx, steps: &[&Step<A>], done: &Outcomes) -> BTreeSet<StepId>;
}
