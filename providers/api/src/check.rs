//! Preflight checks.

use serde::Serialize;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// Worth saying; nothing is stopped.
    Warning,
    /// Nothing is begun until this is mended.
    Failed,
    /// Could not be checked here; the detail says why.
    Skipped,
}

/// One thing that was looked at before the first change.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was looked at, as in "docker is running".
    pub name: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What was seen, as a lower-case fragment.
    pub detail: String,
    /// What to type or to change.
    pub hints: Vec<String>,
}

impl Check {
    /// Returns a check that came out as `verdict`.
    pub fn new(name: impl Into<String>, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            verdict,
            detail: detail.into(),
            hints: Vec::new(),
        }
    }

    /// Adds what to type or to change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}
