//! What objects must look like beyond their types, in the words of the real server.

mod kinds;
mod metadata;

use super::{
    kinds::Kind,
    schema::custom::check,
    status::{Cause, Status},
};
use serde_json::Value;

/// Checks a new object.
pub(super) fn created(kind: &Kind, object: &Value) -> Result<(), Status> {
    let mut causes = metadata::check(kind, object);
    causes.extend(content(kind, object));
    finish(kind, object, causes)
}

/// Checks a changed object against the one before.
pub(super) fn updated(kind: &Kind, old: &Value, new: &Value) -> Result<(), Status> {
    let mut causes = metadata::check_update(old, new);
    causes.extend(metadata::check(kind, new));
    causes.extend(metadata::check_update(old, new));
    causes.extend(kinds::check_update(kind, old, new));
    causes.extend(content(kind, new));
    finish(kind, new, causes)
}

fn content(kind: &Kind, object: &Value) -> Vec<Cause> {
    match kind.custom() {
        Some(custom) => check::check(object, &custom.schema, custom.scale.as_ref()),
        None => kinds::check(kind, object),
    }
}

fn finish(kind: &Kind, object: &Value, causes: Vec<Cause>) -> Result<(), Status> {
    if causes.is_empty() {
        return Ok(());
    }
    // Events of either group are checked as the core ones.
    let group = if kind.kind == "Event" {
        ""
    } else {
        &kind.group
    };
    let name = object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Err(Status::invalid(group, &kind.kind, name, causes))
}
