//! Simulated clouds and a simulated Kubernetes API on loopback.
//!
//! A [`World`] is what a rehearsal runs against: it keeps time, a machine with the programs `kind` and `docker`, an AWS account, a subscription of Azure, Google Cloud, and the
//! clusters that they make, each with an API server ([`kube`]) and reactors in place of controllers. Everything in it is in a log, so that it
//! survives its process. It imports no windlass crate and speaks the wire protocols only, so that it cannot mirror
//! windlass's mistakes. This first simulator speaks plain HTTP on 127.0.0.1, without TLS.

mod aws;
mod azure;
mod blueprint;
mod charts;
mod clock;
mod duration;
mod faults;
mod gate;
mod google;
mod ground;
pub mod kube;
#[cfg(test)]
mod lifecycle;
mod log;
mod manifests;
pub mod programs;
mod reactors;
mod registries;
mod server;
mod site;
#[cfg(test)]
mod stage;
mod tls;
mod world;

pub use clock::{InvalidSpeed, Speed};
pub use faults::{FaultFile, Mistake, Mistakes};
pub use world::{World, WorldClock};
