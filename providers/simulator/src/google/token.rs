//! Tokens for clusters of GKE: those of Google Cloud.

use super::OWNER;
use crate::kube::{Authenticator, Grant, Identity, Power};
use std::sync::Arc;

struct Webhook;

/// Returns who knows the tokens of clusters.
pub(crate) fn authenticator() -> Arc<dyn Authenticator> {
    Arc::new(Webhook)
}

impl Authenticator for Webhook {
    fn identify(&self, token: &str) -> Option<Identity> {
        (token == OWNER.0).then(|| Identity {
            name: OWNER.1.to_owned(),
            uid: "117000000000000000001".to_owned(),
            groups: Vec::new(),
            // The owner of a project may do everything in its clusters.
            grants: vec![Grant {
                power: Power::Admin,
                namespaces: None,
            }],
        })
    }
}
