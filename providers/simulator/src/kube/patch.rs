//! JSON patch (RFC 6902), merge patch (RFC 7396) and Kubernetes' strategic merge patch
//! (<https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/>).

use super::{
    schema::{ListKey, Schema, Walk},
    status::Status,
};
use serde_json::{Map, Value, json};

/// Merges a patch as RFC 7396 says.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(fields) = target.as_object_mut() else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            fields.shift_remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Runs the operations of a JSON patch.
pub(super) fn operate(target: &mut Value, patch: &Value) -> Result<(), Status> {
    let Some(operations) = patch.as_array() else {
        return Err(Status::bad_request(format!(
            "error decoding patch: json: cannot unmarshal {} into Go value of type []handlers.jsonPatchOp",
            if patch.is_object() { "object" } else { "value" }
        )));
    };
    let refused = || {
        Status::new(
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
        )
        .with_empty_details()
    };
    for operation in operations {
        run(target, operation).ok_or_else(refused)?;
    }
    Ok(())
}

fn run(target: &mut Value, operation: &Value) -> Option<()> {
    let path = operation["path"].as_str()?;
    match operation["op"].as_str()? {
        "test" => {
            (target.pointer(path).unwrap_or(&Value::Null) == operation.get("value")?).then_some(())
        }
        "add" => add(target, path, operation.get("value")?.clone()),
        "replace" => {
            *target.pointer_mut(path)? = operation.get("value")?.clone();
            Some(())
        }
        "remove" => remove(target, path).map(drop),
        "move" => {
            let value = remove(target, operation["from"].as_str()?)?;
            add(target, path, value)
        }
        "copy" => {
            let value = target.pointer(operation["from"].as_str()?)?.clone();
            add(target, path, value)
        }
        _ => None,
    }
}

fn parent<'a>(target: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((
        target.pointer_mut(parent)?,
        last.replace("~1", "/").replace("~0", "~"),
    ))
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *target = value;
        return Some(());
    }
    match parent(target, path)? {
        (Value::Object(fields), name) => {
            fields.insert(name, value);
        }
        (Value::Array(items), index) => {
            let index = if index == "-" {
                items.len()
            } else {
                index.parse().ok()?
            };
            if index > items.len() {
                return None;
            }
            items.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn remove(target: &mut Value, path: &str) -> Option<Value> {
    match parent(target, path)? {
        (Value::Object(fields), name) => fields.shift_remove(&name),
        (Value::Array(items), index) => {
            let index: usize = index.parse().ok()?;
            (index < items.len()).then(|| items.remove(index))
        }
        _ => None,
    }
}

/// Merges a strategic merge patch: lists of keyed items item by item, with the directives `$patch`, `$retainKeys`,
/// `$deleteFromPrimitiveList` and `$setElementOrder`.
pub(super) fn strategic(target: &mut Value, patch: &Value, schema: &Schema) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let mut whole = patch.clone();
            whole.shift_remove("$patch");
            *target = Value::Object(whole);
            return;
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return;
        }
        _ => {}
    }
    if !target.is_object() {
        *target = json!({});
    }
    let Some(fields) = target.as_object_mut() else {
        return;
    };
    if let Some(retained) = patch.get("$retainKeys").and_then(Value::as_array) {
        fields.retain(|name, _| retained.iter().any(|kept| kept == name));
    }
    for (name, value) in patch {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(items) = fields.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if name.starts_with('$') {
            continue;
        }
        if value.is_null() {
            fields.shift_remove(name);
            continue;
        }
        let inner = schema.field(name).unwrap_or(&Schema::Any);
        let order = patch
            .get(&format!("$setElementOrder/{name}"))
            .and_then(Value::as_array);
        let current = fields.entry(name.clone()).or_insert(Value::Null);
        match inner.walk(value) {
            Walk::Items(item, keys) => list(current, value, item, keys, order),
            Walk::Set(_) => union(current, value),
            _ if value.is_object() => strategic(current, value, inner),
            _ => *current = value.clone(),
        }
    }
}

fn union(current: &mut Value, patch: &Value) {
    let mut items = current.as_array().cloned().unwrap_or_default();
    for item in patch.as_array().into_iter().flatten() {
        if !items.contains(item) {
            items.push(item.clone());
        }
    }
    *current = Value::Array(items);
}

/// Merges lists by the first of their keys, which is the patch merge key of every list that has one.
fn list(
    current: &mut Value,
    patch: &Value,
    schema: &Schema,
    keys: &[ListKey],
    order: Option<&Vec<Value>>,
) {
    let Some(key) = keys.first() else { return };
    let patch = patch.as_array().map(Vec::as_slice).unwrap_or_default();
    let old = current.as_array().cloned().unwrap_or_default();
    let name = |item: &Value| item[key.name.as_str()].clone();
    if patch.iter().any(|item| item["$patch"] == "replace") {
        let kept = patch.iter().filter(|item| item["$patch"] != "replace");
        *current = Value::Array(kept.cloned().collect());
        return;
    }
    let deleted: Vec<Value> = patch
        .iter()
        .filter(|item| item["$patch"] == "delete")
        .map(name)
        .collect();
    let mut merged: Vec<(Option<usize>, Value)> = Vec::new();
    for item in patch.iter().filter(|item| item["$patch"] != "delete") {
        let at = old.iter().position(|other| name(other) == name(item));
        let mut result = at.map_or(Value::Null, |at| old[at].clone());
        strategic(&mut result, item, schema);
        merged.push((at, result));
    }
    // The rest of the old list goes between, by its old places.
    let mut rest = old
        .iter()
        .enumerate()
        .filter(|(_, item)| {
            !deleted.contains(&name(item))
                && !merged.iter().any(|(_, other)| name(other) == name(item))
        })
        .map(|(at, item)| (at, item.clone()))
        .peekable();
    let mut items = Vec::new();
    for (at, item) in merged.clone() {
        if let Some(at) = at {
            while let Some((_, earlier)) = rest.next_if(|(other, _)| *other < at) {
                items.push(earlier);
            }
        }
        items.push(item);
    }
    items.extend(rest.map(|(_, item)| item));
    if let Some(order) = order {
        items.sort_by_key(|item| {
            order
                .iter()
                .position(|wanted| name(wanted) == name(item))
                .unwrap_or(usize::MAX)
        });
    }
    *current = Value::Array(items);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::kinds::Registry;

    #[test]
    fn runs_the_operations_of_rfc_6902() {
        let mut target = json!({ "a": [1, 2], "b": { "c/d": 1 } });
        let patch = json!([
            { "op": "add", "path": "/a/1", "value": 9 },
            { "op": "add", "path": "/a/-", "value": 3 },
            { "op": "move", "from": "/b/c~1d", "path": "/e" },
            { "op": "copy", "from": "/e", "path": "/f" },
            { "op": "remove", "path": "/a/0" },
            { "op": "test", "path": "/f", "value": 1 },
        ]);
        operate(&mut target, &patch).expect("applies");
        assert_eq!(target, json!({ "a": [9, 2, 3], "b": {}, "e": 1, "f": 1 }));
        assert!(operate(&mut target, &json!([{ "op": "remove", "path": "/zz" }])).is_err());
    }

    #[test]
    fn merges_keyed_lists_item_by_item() {
        let registry = Registry::new();
        let schema = registry
            .resource("", "v1", "pods")
            .expect("served")
            .schema();
        let mut pod = json!({ "spec": { "containers": [
            { "name": "a", "image": "1" }, { "name": "b", "image": "1" }, { "name": "c", "image": "1" },
        ] } });
        let patch = json!({ "spec": { "containers": [
            { "name": "new", "image": "2" }, { "name": "b", "image": "2" }, { "name": "c", "$patch": "delete" },
        ] } });
        strategic(&mut pod, &patch, schema);
        let names: Vec<_> = pod["spec"]["containers"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|c| (&c["name"], &c["image"]))
            .collect();
        assert_eq!(
            names,
            [
                (&json!("new"), &json!("2")),
                (&json!("a"), &json!("1")),
                (&json!("b"), &json!("2"))
            ]
        );
    }
}
