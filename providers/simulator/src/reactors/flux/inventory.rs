//! Inventories: what a release or a Kustomization made, as Flux writes it down.

use crate::{
    kube::Key,
    reactors::object::{group, name, namespace, text},
};
use serde_json::{Value, json};

/// Returns the inventory of objects: each as "namespace_name_group_kind".
pub(super) fn write<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Value {
    let entry = |object: &Value| {
        let version = text(object, "apiVersion");
        let (namespace, name) = (namespace(object), name(object));
        let id = format!(
            "{namespace}_{name}_{}_{}",
            group(version),
            text(object, "kind")
        );
        json!({"id": id, "v": version.rsplit('/').next()})
    };
    let entries: Vec<Value> = objects.into_iter().map(entry).collect();
    json!({"entries": entries})
}

/// Returns the keys of what an inventory lists.
pub(super) fn read(it: &Value) -> Vec<Key> {
    let entries = it["status"]["inventory"]["entries"].as_array();
    let parse = |entry: &Value| {
        let mut parts = text(entry, "id").split('_');
        let (namespace, name, group, kind) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Key {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
            name: name.to_owned(),
        })
    };
    entries.into_iter().flatten().filter_map(parse).collect()
}
