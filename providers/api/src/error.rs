//! Faults, in the classes that callers act on.

use serde::{Deserialize, Serialize};

/// The result of a provider's call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of a fault: it decides between trying again, stopping and which exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Passes by itself: throttling, a 5xx, a reset, a permission that has not propagated yet. Retried.
    Transient,
    /// The caller may not do this.
    Denied,
    /// A quota or limit is used up.
    Quota,
    /// What was asked for is not valid, or not on offer.
    Invalid,
    /// A program, file or service that is needed is not there.
    Unavailable,
    /// Nothing on this machine leads there: no credentials are set, or the place's program is not installed.
    NoAccess,
    /// Something else holds the name, the port or the lock.
    Conflict,
    /// It was tried and failed for good.
    Failed,
    /// A deadline passed.
    TimedOut,
    /// The user interrupted.
    Cancelled,
}

/// A fault with its story: what could not be done, why, and what to type.
///
/// Messages are lower-case fragments that name the object; each hint is a whole instruction.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The class.
    pub fault: Fault,
    /// What could not be done, as in "cannot create cluster \"dot\"".
    pub message: String,
    /// Why, outermost cause first; the last is the root.
    pub causes: Vec<String>,
    /// What to type or to change.
    pub hints: Vec<String>,
}

impl Error {
    /// Returns an error of the given class.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self {
            fault,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Returns the error of work that ran past its deadline.
    pub fn timed_out(what: &str) -> Self {
        Self::new(Fault::TimedOut, format!("{what}: the time ran out"))
    }

    /// Returns the error of work that the user interrupted.
    pub fn cancelled(what: &str) -> Self {
        Self::new(Fault::Cancelled, format!("{what}: interrupted"))
    }

    /// Returns the message and its causes on one line, the outermost first.
    #[must_use]
    pub fn to_line(&self) -> String {
        std::iter::once(&self.message)
            .chain(&self.causes)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(": ")
    }

    /// Adds a cause, deeper than those that are there.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds what to type or to change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Puts `message` in front: what was said so far becomes its first cause.
    #[must_use]
    pub fn context(mut self, message: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.message, message.into());
        self.causes.insert(0, inner);
        self
    }
}
