//! Plans: what is to be done, as data. Building one does no I/O, and this room sees types only.

mod action;
mod destroy;
mod drain;
mod setup;
mod step;
mod unfold;

pub use action::{Action, Chart};
pub use destroy::{DestroyFacts, destroy};
pub use drain::{Drainable, Phase};
pub use setup::{Manifest, SetupFacts, setup};
pub use step::{InvalidPlan, Plan, Step, StepId};
pub use unfold::unfold;
