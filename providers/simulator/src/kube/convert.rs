//! Kinds that are served in two forms and stored in one: events of `events.k8s.io` are core events under other names.

use super::kinds::Kind;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const NAMES: &[(&str, &str)] = &[
    ("message", "note"),
    ("involvedObject", "regarding"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

fn is_new_event(kind: &Kind) -> bool {
    kind.group == "events.k8s.io"
}

/// Returns the group under which objects of a kind are stored.
pub(super) fn storage_group(kind: &Kind) -> String {
    if is_new_event(kind) {
        String::new()
    } else {
        kind.group.clone()
    }
}

/// Returns a stored object in the form of a kind.
pub(super) fn to_version(kind: &Kind, object: Arc<Value>) -> Arc<Value> {
    if !is_new_event(kind) {
        return object;
    }
    Arc::new(rename(
        &object,
        |name| {
            NAMES
                .iter()
                .find(|(old, _)| *old == name)
                .map(|(_, new)| *new)
        },
        &kind.api_version(),
    ))
}

/// Returns an object of a kind in the form that is stored.
pub(super) fn to_storage(kind: &Kind, object: Value) -> Value {
    if !is_new_event(kind) {
        return object;
    }
    rename(
        &object,
        |name| {
            NAMES
                .iter()
                .find(|(_, new)| *new == name)
                .map(|(old, _)| *old)
        },
        "v1",
    )
}

fn rename<'a>(object: &Value, name: impl Fn(&str) -> Option<&'a str>, api_version: &str) -> Value {
    let fields = object.as_object().into_iter().flatten();
    let mut renamed: Map<String, Value> = fields
        .map(|(old, value)| (name(old).unwrap_or(old).to_owned(), value.clone()))
        .collect();
    renamed.insert("apiVersion".to_owned(), json!(api_version));
    Value::Object(renamed)
}
