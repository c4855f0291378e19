//! The engine: runs a plan's steps as soon as what they need is done, and journals every transition before showing it.
//!
//! It knows no cloud, no cluster and no terminal: an [`Executor`] does the work, a [`Reporter`] shows it. The way through:
//! [`RunLock::take`], [`take_program_lock`], [`read_latest`] to see whether there is an unfinished run, [`Engine::run`].

mod attempt;
mod event;
mod executor;
mod interrupt;
mod journal;
mod lock;
mod resume;
mod run;
mod schedule;

pub use event::{Event, EventKind, Reporter};
pub use executor::{Executor, Outcome, Outcomes};
pub use interrupt::Interrupt;
pub use journal::{FORMAT, PastRun, digest, list_journals, read_latest, read_runs};
pub use lock::{RunLock, take_program_lock};
pub use resume::{Difference, list_differences};
pub use run::{Engine, Finished, Options};

#[cfg(test)]
mod tests;
