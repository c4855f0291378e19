//! The Kubernetes room.
