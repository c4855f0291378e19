//! The engine: runs a plan's steps as soon as what they need is done, and journals every transition before showing it.
//!
//! It knows no cloud, no cluster and no terminal: an [`Executor`] does the work, a [`Reporter`] shows it.

mod event;
mod executor;

pub use event::{Event, EventKind, Reporter};
pub use executor::{Executor, Outcome, Outcomes};
