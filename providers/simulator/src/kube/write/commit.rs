//! The last steps of a write: what a request may not change is laid back, checks are made, and the object is stored.

use super::WriteOptions;
use crate::kube::{
    convert, defaults,
    kinds::{self, Kind},
    managed::{Managers, Updater},
    quota, server,
    state::State,
    status::{Cause, Status},
    store::Key,
    strategy, validate, webhooks,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// An object that is about to change.
pub(super) struct Target<'a> {
    pub(super) kind: &'a Kind,
    pub(super) key: &'a Key,
    pub(super) subresource: Option<&'a str>,
    pub(super) current: &'a Arc<Value>,
}

/// Brings a changed object through checks into storage. With `managers` `None`, nobody owns anything
/// afterwards; with an empty manager in the options, the managers are as they should be already.
pub(super) fn update(
    state: &mut State,
    target: &Target<'_>,
    mut object: Value,
    managers: Option<Managers>,
    options: &WriteOptions<'_>,
) -> Result<Arc<Value>, Status> {
    let Target {
        kind,
        key,
        subresource,
        current,
    } = *target;
    let given = &object["metadata"]["resourceVersion"];
    if !given.is_null() && given != "" && *given != current["metadata"]["resourceVersion"] {
        return Err(Status::modified(&kind.group, &kind.plural, &key.name));
    }
    carry_over(kind, subresource, current, &mut object);
    let now = state.now();
    let tracked = managers.is_some();
    let mut managers = managers.unwrap_or_default();
    if tracked && !options.manager.is_empty() && !managers.is_empty() {
        let api_version = kind.api_version();
        let updater = Updater {
            manager: options.manager,
            api_version: &api_version,
            subresource,
        };
        let time = (subresource != Some("scale")).then_some(now.as_str());
        managers.update(current, &object, kind.schema(), &updater, time);
    }
    let changed = strip(&object) != strip(current);
    if changed && strategy::has_generation(kind) && subresource != Some("status") {
        let content = |object: &Value| -> Map<String, Value> {
            let fields = object.as_object().into_iter().flatten();
            let spec = fields.filter(|(name, _)| {
                !matches!(name.as_str(), "metadata" | "status" | "apiVersion" | "kind")
            });
            spec.map(|(name, value)| (name.clone(), value.clone()))
                .collect()
        };
        if content(&object) != content(current) {
            let generation = current["metadata"]["generation"].as_i64().unwrap_or(0);
            object["metadata"]["generation"] = json!(generation + 1);
        }
    }
    validate::updated(kind, current, &object)?;
    if !changed && Managers::read(current) == managers {
        return Ok(current.clone());
    }
    managers.write(&mut object);
    if !tracked && let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.shift_remove("managedFields");
    }
    object["apiVersion"] = json!(kinds::api_version(&kind.group, &kind.storage_version));
    let object = convert::to_storage(kind, object);
    if options.dry_run {
        return Ok(Arc::new(object));
    }
    let emptied = subresource == Some("finalize")
        && object["spec"]["finalizers"]
            .as_array()
            .is_none_or(Vec::is_empty);
    if emptied && !object["metadata"]["deletionTimestamp"].is_null() {
        state.remove(key.clone());
        return Ok(Arc::new(object));
    }
    // A namespace goes when it is empty.
    let namespace = kind.group.is_empty() && kind.kind == "Namespace";
    let deleted = !object["metadata"]["deletionTimestamp"].is_null();
    let leaves = deleted
        && !namespace
        && object["metadata"]["finalizers"]
            .as_array()
            .is_none_or(Vec::is_empty)
        && current["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|list| !list.is_empty());
    if leaves {
        state.remove(key.clone());
        return Ok(Arc::new(object));
    }
    Ok(state.put(key.clone(), object))
}

/// Lays what a request may not write back over its object.
fn carry_over(kind: &Kind, subresource: Option<&str>, current: &Value, object: &mut Value) {
    if let (Some(fields), Some(before)) = (object.as_object_mut(), current.as_object()) {
        let keep = |fields: &mut Map<String, Value>, name: &str| match before.get(name) {
            Some(value) => fields.insert(name.to_owned(), value.clone()),
            None => fields.shift_remove(name),
        };
        match subresource {
            Some("status" | "approval") => {
                let metadata = if kind.custom().is_some() {
                    None
                } else {
                    fields.get("metadata").cloned()
                };
                let status = fields.get("status").cloned();
                *fields = before.clone();
                for (name, value) in [("metadata", metadata), ("status", status)] {
                    if let Some(value) = value {
                        fields.insert(name.to_owned(), value);
                    }
                }
            }
            Some("finalize") => {
                let finalizers = fields
                    .get("spec")
                    .and_then(|spec| spec.get("finalizers"))
                    .cloned();
                *fields = before.clone();
                fields.insert(
                    "spec".to_owned(),
                    finalizers.map_or_else(|| json!({}), |list| json!({ "finalizers": list })),
                );
            }
            _ if kind.group.is_empty() && kind.kind == "Namespace" => {
                keep(fields, "spec");
                keep(fields, "status");
            }
            _ if kind.has_status() => drop(keep(fields, "status")),
            _ => {}
        }
    }
    let metadata = &current["metadata"];
    for name in [
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "resourceVersion",
        "managedFields",
    ] {
        match metadata.get(name) {
            Some(value) => object["metadata"][name] = value.clone(),
            None => {
                if let Some(fields) = object["metadata"].as_object_mut() {
                    fields.shift_remove(name);
                }
            }
        }
    }
    if object["metadata"]["uid"].is_null() {
        object["metadata"]["uid"] = metadata["uid"].clone();
    }
    if let Some(fields) = object["metadata"].as_object_mut()
        && fields.get("generateName").is_none_or(Value::is_null)
        && let Some(value) = metadata.get("generateName")
    {
        fields.insert("generateName".to_owned(), value.clone());
    }
    if kind.group.is_empty() && kind.kind == "Service" {
        for name in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
            if let Some(value) = current["spec"].get(name) {
                defaults::set(&mut object["spec"], name, value.clone());
            }
        }
        let ports = current["spec"]["ports"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        for port in defaults::items(&mut object["spec"], "ports") {
            let before = ports.iter().find(|other| {
                other["port"] == port["port"] && other["protocol"] == port["protocol"]
            });
            if let Some(number) = before.and_then(|before| before.get("nodePort")) {
                defaults::set(port, "nodePort", number.clone());
            }
        }
        strategy::service(object, metadata["uid"].as_str().unwrap_or_default());
    }
}

/// Brings a new object through admission and checks into storage.
pub(super) fn store_new(
    state: &mut State,
    kind: &Kind,
    mut object: Value,
    managers: &Managers,
    options: &WriteOptions<'_>,
) -> Result<Arc<Value>, Status> {
    let metadata = &mut object["metadata"];
    let generated = metadata["generateName"].as_str().map(str::to_owned);
    if let (true, Some(prefix)) = (
        metadata["name"].as_str().is_none_or(str::is_empty),
        generated,
    ) {
        metadata["name"] = json!(format!("{prefix}{}", strategy::suffix()));
    }
    let name = metadata["name"].as_str().unwrap_or_default().to_owned();
    if let Some(namespace) = metadata["namespace"].as_str() {
        match state.namespace(namespace) {
            None => return Err(Status::not_found("", "namespaces", namespace)),
            Some(found) if !found["metadata"]["deletionTimestamp"].is_null() => {
                let why = format!(
                    "unable to create new content in namespace {namespace} because it is being terminated"
                );
                let cause = Cause {
                    reason: "NamespaceTerminating".to_owned(),
                    message: format!("namespace {namespace} is being terminated"),
                    field: "metadata.namespace".to_owned(),
                };
                return Err(
                    Status::forbidden(&kind.group, &kind.plural, &name, &why).with_causes([cause])
                );
            }
            Some(_) => {}
        }
    }
    if kind.custom().is_some_and(|custom| custom.terminating) {
        let why = "create not allowed while custom resource definition is terminating";
        return Err(Status::forbidden(&kind.group, &kind.plural, &name, why));
    }
    metadata["uid"] = json!(strategy::uid());
    metadata["creationTimestamp"] = json!(state.now());
    if let Some(fields) = metadata.as_object_mut() {
        for gone in [
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "resourceVersion",
            "generation",
            "managedFields",
        ] {
            fields.shift_remove(gone);
        }
    }
    if strategy::has_generation(kind) {
        metadata["generation"] = json!(1);
    }
    strategy::prepare(kind, &mut object);
    webhooks::admit(state, kind, &object)?;
    validate::created(kind, &object)?;
    quota::admit(state, kind, &object)?;
    managers.write(&mut object);
    object["apiVersion"] = json!(kinds::api_version(&kind.group, &kind.storage_version));
    let object = convert::to_storage(kind, object);
    let key = server::key_of(&object)?;
    if let Some(found) = state.store.get(&key) {
        let mut refused = Status::already_exists(&kind.group, &kind.plural, &name);
        if !found["metadata"]["deletionTimestamp"].is_null() {
            refused.message = format!("object is being deleted: {}", refused.message);
        }
        return Err(refused);
    }
    if options.dry_run {
        return Ok(Arc::new(object));
    }
    Ok(state.put(key, object))
}

/// Returns an object without what changes of itself.
pub(super) fn strip(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for name in ["managedFields", "resourceVersion"] {
            metadata.shift_remove(name);
        }
    }
    if let Some(fields) = object.as_object_mut() {
        fields.shift_remove("apiVersion");
    }
    object
}
