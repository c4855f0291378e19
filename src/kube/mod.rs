//! The Kubernetes room: speaks to one cluster's API.
//!
//! It applies objects in two stages, judges and awaits their readiness by watch, explains what failed, deletes and waits,
//! keeps windlass's inventory, and edits kubeconfig files. It knows no catalogue, no plan and no provider: only the types
//! of the provider seam. Objects are plain JSON values, so that any kind works. Every wait goes through the context's clock.

mod accounts;
mod again;
mod apply;
mod client;
mod delete;
mod discovery;
mod drain;
mod explain;
mod fault;
mod given;
pub mod inventory;
pub mod kubeconfig;
mod link;
mod list;
mod objects;
mod pods;
mod ready;
mod refusals;
mod silence;
#[cfg(test)]
mod tests;
mod trouble;
mod wait;
mod watch;

pub use accounts::{RBAC, Token, allows_everything};
pub use apply::{Applied, sort_for_apply};
pub use client::Cluster;
pub use discovery::Kind;
pub use drain::{
    Composed, Drained, GivenUp, How, Target, add_kept, list_asked, list_going, list_holding,
    list_kept, name_in,
};
pub use explain::Diagnosis;
pub use inventory::{Account, Component, Inventory};
pub use list::Selector;
pub use objects::{ObjectRef, parse, portable};
pub use pods::Log;
pub use ready::{Reason, Verdict, judge};

/// The field manager of all that windlass applies.
pub const MANAGER: &str = "windlass";
