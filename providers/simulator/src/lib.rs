//! Simulated clouds and a simulated Kubernetes API on loopback.

mod clock;
pub mod kube;

pub use clock::{InvalidSpeed, Speed};
