//! Raises a Kubernetes platform and lets it down again.
