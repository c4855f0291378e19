//! Plans: what is to be done, as data. Building one does no I/O, and this room sees types only.

mod action;
mod change;
mod crossplane;
mod destroy;
mod drain;
mod gitops;
mod identities;
mod install;
mod setup;
mod step;
mod unfold;
mod uninstall;

pub use action::{Action, Chart};
pub use change::{Change, change};
pub use crossplane::{CrossplaneFacts, Scope, drain_crossplane};
pub use destroy::{DestroyFacts, destroy};
pub use drain::{Beyond, Drainable, Phase};
pub use gitops::gitops;
pub use identities::give_identities;
pub use install::{InstallFacts, Manifest, chart, component_id, install};
pub use setup::{SetupFacts, setup};
pub use step::{InvalidPlan, Plan, Step, StepId, name_run};
pub use unfold::unfold;
pub use uninstall::{Going, UninstallFacts, uninstall};
