//! Policies of an organisation: what a test says is in force on a project, a folder or an organisation.

use super::account::{Cx, POLICY};
use crate::ground::Ground;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// A policy that is in force.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Policy {
    /// On what: "projects/p", "folders/1".
    on: String,
    /// The policy, as it is told (<https://cloud.google.com/resource-manager/reference/rest/v1/Policy>).
    policy: Value,
}

fn id(on: &str, constraint: &Value) -> String {
    format!("{on}/{}", constraint.as_str().unwrap_or_default())
}

/// Puts a policy in force.
pub(crate) fn enforce(ground: &Arc<Ground>, wanted: &Policy) {
    let _turn = ground.aws.enter();
    let cx = Cx {
        ground,
        now: ground.clock.now(),
    };
    let id = id(&wanted.on, &wanted.policy["constraint"]);
    cx.make(POLICY, "", &id, json!({"policy": wanted.policy}));
}

/// Tells what is in force of a constraint: on the first of these that has a policy.
pub(super) fn effective(cx: &Cx<'_>, on: &[&str], body: &Value) -> Value {
    let constraint = &body["constraint"];
    let mut found = on
        .iter()
        .filter_map(|on| cx.get(POLICY, "", &id(on, constraint)));
    match found.next() {
        Some(it) => it.body["policy"].clone(),
        None => json!({"constraint": constraint}),
    }
}
