//! Simulated clouds and a simulated Kubernetes API on loopback.
