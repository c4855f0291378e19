//! Server-side apply: merging an applied configuration into an object, with conflicts and removal
//! (<https://kubernetes.io/docs/reference/using-api/server-side-apply/>; structured-merge-diff is the original).

use super::{
    fields::{self, FieldSet},
    managed::{Managers, Operation},
    schema::{ListKey, Schema, Walk, item_key},
    status::{Cause, Status},
};
use serde_json::{Map, Value, json};

/// What an apply request is about besides its body.
pub(super) struct Applier<'a> {
    pub(super) manager: &'a str,
    pub(super) api_version: &'a str,
    pub(super) subresource: Option<&'a str>,
    pub(super) force: bool,
}

/// Merges `config` into `live` and brings the managers up to date. Neither carries `managedFields`.
pub(super) fn apply(
    live: &Value,
    config: &Value,
    schema: &Schema,
    managers: &mut Managers,
    applier: &Applier<'_>,
) -> Result<Value, Status> {
    let merged = merge(live, config, schema);
    let set = if config.as_object().is_some_and(Map::is_empty) {
        FieldSet::default()
    } else {
        fields::named(config, schema)
    };
    let id = managers.id(
        applier.manager,
        Operation::Apply,
        applier.api_version,
        applier.subresource,
    );
    let before = managers.replace(&id, set, applier.api_version);
    let changed = fields::compare(live, &merged, schema).changed;
    let conflicts = managers.conflicts(&id, &changed);
    if !conflicts.is_empty() && !applier.force {
        return Err(conflict(conflicts));
    }
    managers.take(&id, &changed);
    let mut result = merged;
    if let Some(before) = before {
        fields::prune(&mut result, schema, &before, &managers.all());
    }
    Ok(result)
}

fn conflict(conflicts: Vec<(String, FieldSet)>) -> Status {
    let causes: Vec<(String, String)> = conflicts
        .into_iter()
        .flat_map(|(manager, set)| {
            set.paths()
                .into_iter()
                .map(move |path| (manager.clone(), path))
        })
        .collect();
    let mut message = match causes.as_slice() {
        [(manager, path)] => {
            format!("Apply failed with 1 conflict: conflict with {manager}: {path}")
        }
        _ => format!("Apply failed with {} conflicts:", causes.len()),
    };
    if causes.len() > 1 {
        let mut last = "";
        for (index, (manager, path)) in causes.iter().enumerate() {
            if manager != last {
                message.push_str(&format!(
                    "{}conflicts with {manager}:",
                    if index == 0 { " " } else { "\n" }
                ));
                last = manager;
            }
            message.push_str(&format!("\n- {path}"));
        }
    }
    let causes = causes.into_iter().map(|(manager, field)| Cause {
        reason: "FieldManagerConflict".to_owned(),
        message: format!("conflict with {manager}"),
        field,
    });
    Status::new(409, "Conflict", message).with_causes(causes)
}

/// Returns `old` with `new` laid over it: scalars and what is atomic is replaced, the rest merged.
pub(super) fn merge(old: &Value, new: &Value, schema: &Schema) -> Value {
    match (schema.walk(old), schema.walk(new)) {
        (Walk::Fields, Walk::Fields) => {
            let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else {
                return new.clone();
            };
            let mut merged = old.clone();
            for (name, value) in new {
                let value = match old.get(name) {
                    Some(old) => merge(old, value, schema.field(name).unwrap_or(&Schema::Any)),
                    None => value.clone(),
                };
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        (Walk::Set(_), Walk::Set(_)) => {
            interleave(old, new, |item| item.to_string(), |_, new| new.clone())
        }
        (Walk::Items(inner, keys), Walk::Items(..)) => interleave(
            old,
            new,
            |item| item_key(item, keys),
            |old, new| merge(old, new, inner),
        ),
        _ => new.clone(),
    }
}

/// Merges two lists in the order that structured-merge-diff gives: items of the old list alone stay where they are, shared and new
/// items come in the order of the new list.
fn interleave(
    old: &Value,
    new: &Value,
    name: impl Fn(&Value) -> String,
    join: impl Fn(&Value, &Value) -> Value,
) -> Value {
    let list = |value: &Value| -> Vec<(String, Value)> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| (name(item), item.clone()))
            .collect()
    };
    let (old, new) = (list(old), list(new));
    let find =
        |list: &[(String, Value)], name: &str| list.iter().position(|(other, _)| other == name);
    let mut merged = Vec::with_capacity(old.len() + new.len());
    let mut next_old = 0;
    for (index, (key, item)) in new.iter().enumerate() {
        // Old items that are not in the new list come first, up to the next shared one.
        let shared = new[index..].iter().find_map(|(key, _)| find(&old, key));
        while next_old < old.len() && Some(next_old) != shared {
            let (key, item) = &old[next_old];
            if find(&new, key).is_none() {
                merged.push(item.clone());
            }
            next_old += 1;
        }
        match find(&old, key) {
            Some(at) => merged.push(join(&old[at].1, item)),
            None => merged.push(item.clone()),
        }
        if shared.is_some() && find(&old, key) == shared {
            next_old += 1;
        }
    }
    merged.extend(
        old[next_old.min(old.len())..]
            .iter()
            .filter(|(key, _)| find(&new, key).is_none())
            .map(|(_, item)| item.clone()),
    );
    Value::Array(merged)
}

/// Checks a configuration against the schema as typed parsing does: no unknown field, no item twice.
pub(super) fn check(value: &Value, schema: &Schema, path: &str) -> Result<(), String> {
    match (schema, value) {
        (Schema::Any, _) | (_, Value::Null) => Ok(()),
        (Schema::Object(_) | Schema::Map { .. }, Value::Object(fields)) => {
            for (name, value) in fields {
                let path = format!("{path}.{name}");
                let schema = schema
                    .field(name)
                    .ok_or_else(|| format!("{path}: field not declared in schema"))?;
                check(value, schema, &path)?;
            }
            Ok(())
        }
        (Schema::List { item, .. }, Value::Array(items)) => {
            let mut seen = std::collections::HashSet::new();
            for (index, value) in items.iter().enumerate() {
                let (name, at) = match schema.walk(&Value::Array(Vec::new())) {
                    Walk::Items(_, keys) => (item_key(value, keys), shown(value, keys)),
                    Walk::Set(_) => (value.to_string(), format!("[={value}]")),
                    _ => (index.to_string(), format!("[{index}]")),
                };
                if !seen.insert(name) {
                    return Err(format!("{path}: duplicate entries for key {at}"));
                }
                check(value, item, &format!("{path}{at}"))?;
            }
            Ok(())
        }
        (Schema::Object(_) | Schema::Map { .. }, _) => {
            Err(format!("{path}: expected map, got &{{{value}}}"))
        }
        (Schema::List { .. }, _) => Err(format!("{path}: expected list, got &{{{value}}}")),
        (Schema::Text { .. }, value) if !value.is_string() => Err(format!(
            "{path}: expected string, got &value.valueUnstructured{{Value:{value}}}"
        )),
        (Schema::Integer | Schema::Number, value) if !value.is_number() => Err(format!(
            "{path}: expected numeric (int or float), got {}",
            type_name(value)
        )),
        (Schema::Boolean, value) if !value.is_boolean() => Err(format!(
            "{path}: expected boolean, got &value.valueUnstructured{{Value:{value}}}"
        )),
        _ => Ok(()),
    }
}

fn shown(item: &Value, keys: &[ListKey]) -> String {
    let parts: Vec<String> = keys
        .iter()
        .filter_map(|key| {
            let value = item.get(&key.name).or(key.default.as_ref())?;
            Some(format!("{}={value}", key.name))
        })
        .collect();
    format!("[{}]", parts.join(","))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bool(_) => "bool",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
        Value::Number(_) => "number",
        Value::Null => "null",
    }
}

/// Returns an object without the fields that nobody owns: what tells objects apart, and what the server writes.
pub(super) fn without_identity(object: &Value) -> Value {
    let mut object = object.clone();
    let Some(fields) = object.as_object_mut() else {
        return json!({});
    };
    fields.shift_remove("apiVersion");
    fields.shift_remove("kind");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for name in [
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "generation",
            "managedFields",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            metadata.shift_remove(name);
        }
    }
    fields.entry("metadata").or_insert_with(|| json!({}));
    object
}

/// Returns `object` with the identity of another laid back in.
pub(super) fn with_identity(mut object: Value, identity: &Value) -> Value {
    let Some(fields) = object.as_object_mut() else {
        return object;
    };
    let mut result = Map::new();
    for name in ["apiVersion", "kind"] {
        if let Some(value) = identity.get(name) {
            result.insert(name.to_owned(), value.clone());
        }
    }
    let mut metadata = match fields.shift_remove("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    for (name, value) in identity["metadata"].as_object().into_iter().flatten() {
        let server = matches!(
            name.as_str(),
            "name"
                | "namespace"
                | "creationTimestamp"
                | "uid"
                | "generation"
                | "resourceVersion"
                | "deletionTimestamp"
                | "deletionGracePeriodSeconds"
        );
        if server {
            metadata.insert(name.clone(), value.clone());
        }
    }
    result.insert("metadata".to_owned(), Value::Object(metadata));
    result.append(fields);
    Value::Object(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::kinds::Registry;

    fn run(
        live: &Value,
        config: &Value,
        managers: &mut Managers,
        manager: &str,
        force: bool,
    ) -> Result<Value, Status> {
        let registry = Registry::new();
        let schema = registry
            .resource("", "v1", "pods")
            .expect("served")
            .schema();
        let applier = Applier {
            manager,
            api_version: "v1",
            subresource: None,
            force,
        };
        apply(live, config, schema, managers, &applier)
    }

    fn containers(pod: &Value) -> Vec<&str> {
        let list = pod["spec"]["containers"].as_array().into_iter().flatten();
        list.filter_map(|container| container["name"].as_str())
            .collect()
    }

    fn pod(names: &[&str]) -> Value {
        let list: Vec<Value> = names
            .iter()
            .map(|name| json!({ "name": name, "image": "i:1" }))
            .collect();
        json!({ "spec": { "containers": list } })
    }

    #[test]
    fn keeps_the_order_of_both_lists() {
        let mut managers = Managers::default();
        let live = run(
            &json!({}),
            &pod(&["a", "b", "c"]),
            &mut managers,
            "one",
            false,
        )
        .expect("applies");
        let merged =
            run(&live, &pod(&["x", "b", "y"]), &mut managers, "two", false).expect("applies");
        assert_eq!(containers(&merged), ["a", "x", "b", "c", "y"]);
        let turned = run(&merged, &pod(&["y", "x"]), &mut managers, "two", false).expect("applies");
        assert_eq!(
            containers(&turned),
            ["a", "b", "c", "y", "x"],
            "b stays, for the first manager owns it"
        );
    }

    #[test]
    fn removes_what_a_manager_drops_and_nobody_else_owns() {
        let mut managers = Managers::default();
        let live =
            run(&json!({}), &pod(&["a", "b"]), &mut managers, "one", false).expect("applies");
        let live = run(&live, &pod(&["b"]), &mut managers, "two", false).expect("shares");
        let live = run(&live, &pod(&["a"]), &mut managers, "one", false).expect("drops b");
        assert_eq!(containers(&live), ["a", "b"]);
        let live =
            run(&live, &json!({ "spec": {} }), &mut managers, "two", false).expect("drops b too");
        assert_eq!(containers(&live), ["a"]);
    }

    #[test]
    fn conflicts_name_the_field_and_force_takes_it() {
        let mut managers = Managers::default();
        let live = run(&json!({}), &pod(&["a"]), &mut managers, "one", false).expect("applies");
        let config = json!({ "spec": { "containers": [{ "name": "a", "image": "i:2" }] } });
        let refused =
            run(&live, &config, &mut managers.clone(), "two", false).expect_err("conflicts");
        assert_eq!(
            refused.message,
            r#"Apply failed with 1 conflict: conflict with "one": .spec.containers[name="a"].image"#
        );
        let forced = run(&live, &config, &mut managers, "two", true).expect("takes it");
        assert_eq!(forced["spec"]["containers"][0]["image"], "i:2");
        let back = run(&forced, &pod(&["a"]), &mut managers, "one", false)
            .expect_err("it is the other's now");
        assert!(
            back.message.contains("conflict with \"two\""),
            "{}",
            back.message
        );
    }
}
