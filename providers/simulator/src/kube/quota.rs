//! ResourceQuotas: how many objects of a kind a namespace may have, by the names of
//! <https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-on-object-count>. CPU, memory and storage are not counted, and of
//! the scopes only PriorityClass is known: a quota with another one limits nothing.

use super::{kinds::Kind, state::State, status::Status};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Refuses a new object that would exceed a quota of its namespace.
pub(super) fn admit(state: &State, kind: &Kind, object: &Value) -> Result<(), Status> {
    let Some(namespace) = object["metadata"]["namespace"].as_str() else {
        return Ok(());
    };
    for quota in state.store.list("", "ResourceQuota", Some(namespace)) {
        if !is_in_scope(&quota, object) {
            continue;
        }
        let hard = quota["spec"]["hard"].as_object().into_iter().flatten();
        let over: Vec<(&String, u64, &str)> = hard
            .filter(|(name, _)| counted(state, name).is_some_and(|it| is_same(&it, kind)))
            .filter_map(|(name, limit)| {
                let (used, limit) = (used(state, &quota, name)?, limit.as_str()?);
                (used + 1 > limit.parse().ok()?).then_some((name, used, limit))
            })
            .collect();
        if over.is_empty() {
            continue;
        }
        let list = |each: &dyn Fn(&(&String, u64, &str)) -> String| -> String {
            over.iter().map(each).collect::<Vec<_>>().join(",")
        };
        let why = format!(
            "exceeded quota: {}, requested: {}, used: {}, limited: {}",
            quota["metadata"]["name"].as_str().unwrap_or_default(),
            list(&|(name, ..)| format!("{name}=1")),
            list(&|(name, used, _)| format!("{name}={used}")),
            list(&|(name, _, limit)| format!("{name}={limit}")),
        );
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        return Err(Status::forbidden(&kind.group, &kind.plural, name, &why));
    }
    Ok(())
}

/// Returns how much of each limit of a quota is used, as its status says it.
pub(super) fn usage(state: &State, quota: &Value) -> Value {
    let hard = quota["spec"]["hard"].as_object().into_iter().flatten();
    hard.filter_map(|(name, _)| Some((name.clone(), json!(used(state, quota, name)?.to_string()))))
        .collect::<Map<_, _>>()
        .into()
}

/// Returns the kind whose objects a limit counts: "pods", "count/deployments.apps".
fn counted(state: &State, limit: &str) -> Option<Arc<Kind>> {
    let resource = limit.strip_prefix("count/").unwrap_or(limit);
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let versions = state.registry.group(group)?.versions.iter();
    let mut kinds = versions.flat_map(|(_, kinds)| kinds);
    kinds.find(|kind| kind.plural == plural).cloned()
}

fn is_same(one: &Kind, other: &Kind) -> bool {
    (&one.group, &one.kind) == (&other.group, &other.kind)
}

/// Returns how many objects count against a limit; `None` where it is none of objects.
fn used(state: &State, quota: &Value, limit: &str) -> Option<u64> {
    let kind = counted(state, limit)?;
    let namespace = quota["metadata"]["namespace"].as_str();
    let all = state.store.list(&kind.group, &kind.kind, namespace);
    let ended = |it: &Value| matches!(it["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    // What has ended uses nothing any more, but counts as an object.
    let counts = |it: &&Arc<Value>| {
        is_in_scope(quota, it) && (kind.kind != "Pod" || limit.starts_with("count/") || !ended(it))
    };
    u64::try_from(all.iter().filter(counts).count()).ok()
}

/// Returns whether a quota is about an object.
fn is_in_scope(quota: &Value, object: &Value) -> bool {
    let spec = &quota["spec"];
    if spec["scopes"].as_array().is_some_and(|it| !it.is_empty()) {
        return false;
    }
    let expressions = spec["scopeSelector"]["matchExpressions"].as_array();
    expressions.into_iter().flatten().all(|it| {
        let class = object["spec"]["priorityClassName"].as_str();
        let listed = it["values"].as_array().into_iter().flatten();
        let is_listed = listed.into_iter().any(|value| value.as_str() == class);
        it["scopeName"] == "PriorityClass"
            && object["kind"] == "Pod"
            && match it["operator"].as_str() {
                Some("In") => class.is_some() && is_listed,
                Some("NotIn") => !is_listed,
                Some("Exists") => class.is_some(),
                Some("DoesNotExist") => class.is_none(),
                _ => false,
            }
    })
}
