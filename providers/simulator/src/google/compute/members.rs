//! What is in groups: nodes in those of instances, pods and nodes in those of endpoints.

use super::{super::page, COMPUTE, Cx, Fault, Outcome, Query, missing, operations};
use crate::google::operations::Begun;
use serde_json::{Value, json};
use std::time::Duration;

/// Under what a group keeps them.
const MEMBERS: &str = "-members";
const CHANGE: Duration = Duration::from_secs(2);

fn path(at: &[&str], collection: &str) -> String {
    format!("zones/{}/{collection}/{}", at[1], at[2])
}

/// Tells what is in a group.
pub(super) fn list(
    cx: &Cx<'_>,
    project: &str,
    at: &[&str],
    (collection, query): (&str, &Query),
) -> Outcome {
    let path = path(at, collection);
    let found = cx.get(COMPUTE, project, &path);
    let found = found.ok_or_else(|| missing(project, &path))?;
    let all = found.body[MEMBERS].as_array().cloned().unwrap_or_default();
    page(all, "items", query, "maxResults")
}

/// Puts something into a group.
pub(super) fn add(
    cx: &Cx<'_>,
    project: &str,
    at: &[&str],
    (call, body): (&str, &Value),
) -> Outcome {
    let (collection, key) = match call.starts_with("instanceGroups.") {
        true => ("instanceGroups", "instances"),
        false => ("networkEndpointGroups", "networkEndpoints"),
    };
    let path = path(at, collection);
    let found = cx.get(COMPUTE, project, &path);
    let mut found = found.ok_or_else(|| missing(project, &path))?;
    let given = body[key].as_array().cloned().unwrap_or_default();
    if given.is_empty() {
        return Err(Fault::invalid(format!(
            "Required field '{key}' not specified"
        )));
    }
    let mut all = found.body[MEMBERS].as_array().cloned().unwrap_or_default();
    all.extend(given.into_iter().map(|it| match collection {
        "instanceGroups" => json!({"instance": it["instance"], "status": "RUNNING"}),
        _ => json!({"networkEndpoint": it}),
    }));
    found.body[MEMBERS] = json!(all);
    cx.put(found);
    let begun = Begun {
        call: ("compute", call),
        project,
        place: &format!("zones/{}", at[1]),
        kind: "add",
        name: at[2],
        then: json!({"do": "nothing"}),
        takes: CHANGE,
    };
    Ok(operations::begin(cx, begun))
}
