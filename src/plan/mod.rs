//! Plans: what is to be done, as data. Building one does no I/O, and this room sees types only.

mod action;
mod crossplane;
mod destroy;
mod drain;
mod gitops;
mod install;
mod setup;
mod step;
mod unfold;
mod uninstall;

pub use action::{Action, Chart};
pub use crossplane::{CrossplaneFacts, Scope, drain_crossplane};
pub use destroy::{DestroyFacts, destroy};
pub use drain::{Drainable, Phase};
pub use gitops::gitops;
pub use install::{InstallFacts, Manifest, chart, component_id, install};
pub use setup::{SetupFacts, setup};
pub use step::{InvalidPlan, Plan, Step, StepId, name_run};
pub use unfold::unfold;
pub use uninstall::{Going, UninstallFacts, uninstall};
