//! OpenAPI v3 documents, one a group's version: paths with the parameters of a patch, by which clients learn that fields are checked
//! here, and the schemas that `kubectl explain` reads.

use super::{
    kinds::{Kind, Origin, api_version},
    state::State,
};
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

/// Returns the index of the documents of `paths`.
pub(super) fn index(paths: Vec<String>) -> Value {
    let paths: Value = paths
        .into_iter()
        .map(|path| {
            let url = format!("/openapi/v3/{path}");
            (path, json!({ "serverRelativeURL": url }))
        })
        .collect();
    json!({ "paths": paths })
}

/// Returns the document of a group's version; `None` where it is not served.
pub(super) fn document(state: &State, group: &str, version: &str) -> Option<Value> {
    let found = state.registry.group(group)?;
    let (_, kinds) = found.versions.iter().find(|(name, _)| name == version)?;
    let info = json!({ "title": "Kubernetes", "version": state.version });
    Some(json!({
        "openapi": "3.0.0", "info": info, "paths": paths(group, version, kinds),
        "components": { "schemas": schemas(&api_version(group, version), kinds) },
    }))
}

fn paths(group: &str, version: &str, kinds: &[Arc<Kind>]) -> Value {
    let root = if group.is_empty() {
        format!("/api/{version}")
    } else {
        format!("/apis/{group}/{version}")
    };
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"]
        .iter()
        .map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } }))
        .collect();
    let patched = kinds.iter().filter(|kind| kind.verbs.contains(&"patch"));
    patched
        .map(|kind| {
            let namespace = if kind.namespaced {
                "/namespaces/{namespace}"
            } else {
                ""
            };
            let patch = json!({
                "parameters": parameters, "responses": { "200": { "description": "OK" } },
                "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": identity(kind),
            });
            (
                format!("{root}{namespace}/{}/{{name}}", kind.plural),
                json!({ "patch": patch }),
            )
        })
        .collect()
}

fn identity(kind: &Kind) -> Value {
    json!({ "group": kind.group, "version": kind.version, "kind": kind.kind })
}

/// Returns the schemas of kinds and of what they refer to, by name.
fn schemas(api_version: &str, kinds: &[Arc<Kind>]) -> Value {
    static BUILTIN: LazyLock<Mutex<HashMap<String, Value>>> = LazyLock::new(Mutex::default);
    if kinds.iter().any(|kind| kind.custom().is_some()) {
        return kinds.iter().filter_map(|kind| custom(kind)).collect();
    }
    let mut known = BUILTIN.lock().unwrap_or_else(PoisonError::into_inner);
    let schemas = known.entry(api_version.to_owned()).or_insert_with(|| {
        let mut schemas = Map::new();
        for kind in kinds {
            let Origin::Builtin(root) = &kind.origin else {
                continue;
            };
            for (name, definition) in (root.definitions)() {
                schemas.entry(name).or_insert_with(|| refer(definition));
            }
            if let Some(schema) = schemas.get_mut(&*(root.name)()) {
                schema["x-kubernetes-group-version-kind"] = json!([identity(kind)]);
            }
        }
        Value::Object(schemas)
    });
    schemas.clone()
}

/// Returns the schema of a custom kind, under the name that the real server gives it: the parts of its group in reverse order,
/// version and kind.
fn custom(kind: &Kind) -> Option<(String, Value)> {
    let mut schema = Value::clone(&kind.custom()?.schema);
    if !schema.is_object() {
        schema = json!({ "type": "object" });
    }
    schema["x-kubernetes-group-version-kind"] = json!([identity(kind)]);
    let mut group: Vec<&str> = kind.group.split('.').collect();
    group.reverse();
    let name = format!("{}.{}.{}", group.join("."), kind.version, kind.kind);
    Some((name, schema))
}

/// Lets references lead to where the document has its schemas.
fn refer(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "$ref" => {
                        let target = text.rsplit('/').next().unwrap_or_default();
                        *text = format!("#/components/schemas/{target}");
                    }
                    value => *value = refer(value.take()),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = refer(item.take());
            }
        }
        _ => {}
    }
    schema
}
