//! Raises a Kubernetes platform on AWS, Azure, Google Cloud or Kind, and lets it down again without leaving anything behind.
//!
//! One way through: arguments, `windlass.toml`, `.env` and environment become a `Spec`, the spec a `Plan`, the plan is
//! run by the engine, and its events become a report. Who may import whom: `cli → plan, engine, output → steps →
//! kube, catalog, providers`; `tests/architecture.rs` holds the rooms to it.

pub mod catalog;
pub mod cli;
pub mod engine;
pub mod error;
pub mod files;
pub mod kube;
pub mod output;
pub mod plan;
pub mod providers;
pub mod redact;
pub mod rehearsal;
pub mod settings;
pub mod spec;
pub mod steps;
pub mod trace;
