//! cert-manager's issuers: Ready once there is an account, or at once where they need none. Certificates are not issued.
//! Facts: <https://cert-manager.io/docs/configuration/acme/>, the conditions of `pkg/issuer/acme/setup.go` in cert-manager 1.21.

use super::{
    Cx, Next,
    object::{Conditions, deleting, generation},
};
use crate::kube::Key;
use serde_json::{Value, json};

const MANAGER: &str = "cert-manager-clusterissuers";

/// Looks at an object of cert-manager's; `None`: it is none of these.
pub(super) fn react(cx: &Cx<'_>, key: &Key, it: &Value) -> Option<Next> {
    if key.group != "cert-manager.io" || !["Issuer", "ClusterIssuer"].contains(&key.kind.as_str()) {
        return None;
    }
    if deleting(it) {
        return Some(Next::NEVER);
    }
    let (reason, message, mut status) = match it["spec"]["acme"].is_object() {
        true => (
            "ACMEAccountRegistered",
            "The ACME account was registered with the ACME server",
            json!({ "acme": { "lastRegisteredEmail": it["spec"]["acme"]["email"] } }),
        ),
        false => ("IsReady", "", json!({})),
    };
    let mut conditions = Conditions::of(it, cx.now).observing(generation(it));
    conditions.set("Ready", "True", reason, message);
    status["conditions"] = conditions.into_value();
    cx.status(it, MANAGER, status);
    Some(Next::NEVER)
}
