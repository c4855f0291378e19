//! The room against the simulated Kubernetes API, over HTTP on loopback.

mod applying;
mod deleting;
mod draining;
mod fixture;
mod inventories;
mod requests;
mod secured;
mod waiting;
