//! Simulated clouds and a simulated Kubernetes API on loopback.

pub mod kube;
