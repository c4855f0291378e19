//! Deleting: preconditions, finalizers, propagation, and the kinds that go their own way.

use super::{
    kinds::Kind,
    selector::Selector,
    state::State,
    status::{Cause, Status},
    store::Key,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// What becomes of dependents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Propagation {
    Background,
    Foreground,
    Orphan,
}

/// What a delete request asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct DeleteOptions {
    pub(super) propagation: Option<Propagation>,
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
    pub(super) dry_run: bool,
}

/// What a delete did.
pub(super) enum Deleted {
    /// The object waits for something, or its kind answers with the object.
    Object(Arc<Value>),
    /// The object is gone.
    Gone { name: String, uid: Value },
}

impl DeleteOptions {
    /// Reads the body and the parameters of a request.
    pub(super) fn read(
        body: &Value,
        parameter: &dyn Fn(&str) -> Option<String>,
        dry_run: bool,
    ) -> Result<Self, Status> {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let given = parameter("propagationPolicy").or_else(|| text("propagationPolicy"));
        let orphan = body["orphanDependents"]
            .as_bool()
            .or_else(|| parameter("orphanDependents").map(|value| value == "true"));
        if let (Some(given), Some(_)) = (&given, orphan) {
            let why = "orphanDependents and deletionPropagation cannot be both set";
            let cause = Cause::invalid("propagationPolicy", given.as_str(), why);
            return Err(Status::invalid_options("DeleteOptions", cause));
        }
        let propagation = match (given.as_deref(), orphan) {
            (Some("Background"), _) | (None, Some(false)) => Some(Propagation::Background),
            (Some("Foreground"), _) => Some(Propagation::Foreground),
            (Some("Orphan"), _) | (None, Some(true)) => Some(Propagation::Orphan),
            (Some(""), _) | (None, None) => None,
            (Some(other), _) => {
                let cause = Cause::unsupported(
                    "propagationPolicy",
                    other,
                    &["Foreground", "Background", "Orphan", "nil"],
                );
                return Err(Status::invalid_options("DeleteOptions", cause));
            }
        };
        let precondition = |name: &str| body["preconditions"][name].as_str().map(str::to_owned);
        let dry_run = dry_run
            || body["dryRun"]
                .as_array()
                .is_some_and(|list| !list.is_empty());
        Ok(Self {
            propagation,
            uid: precondition("uid"),
            resource_version: precondition("resourceVersion"),
            dry_run,
        })
    }
}

/// Returns whether a delete of the kind without a policy orphans its pods, which earns a warning.
pub(super) fn orphans_by_default(kind: &Kind) -> bool {
    kind.group == "batch" && kind.kind == "Job"
}

/// Deletes an object.
pub(super) fn delete(
    state: &mut State,
    kind: &Kind,
    key: &Key,
    options: &DeleteOptions,
) -> Result<Deleted, Status> {
    let Some(object) = state.store.get(key).cloned() else {
        return Err(Status::not_found(&kind.group, &kind.plural, &key.name));
    };
    check_preconditions(kind, key, &object, options)?;
    match (key.group.as_str(), key.kind.as_str()) {
        ("", "Namespace") => return delete_namespace(state, kind, key, object, options),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            return Ok(delete_definition(state, key, object, options));
        }
        _ => {}
    }
    let default = if orphans_by_default(kind) {
        Propagation::Orphan
    } else {
        Propagation::Background
    };
    let guard = match options.propagation.unwrap_or(default) {
        Propagation::Background => None,
        Propagation::Foreground => Some("foregroundDeletion"),
        Propagation::Orphan => Some("orphan"),
    };
    let mut marked = Value::clone(&object);
    let metadata = &mut marked["metadata"];
    if let Some(guard) = guard {
        let has = metadata["finalizers"]
            .as_array()
            .is_some_and(|list| list.iter().any(|name| name == guard));
        if !has {
            super::defaults::set(metadata, "finalizers", json!([]));
            if let Some(finalizers) = metadata["finalizers"].as_array_mut() {
                finalizers.push(json!(guard));
            }
        }
    }
    let held = metadata["finalizers"]
        .as_array()
        .is_some_and(|list| !list.is_empty());
    if object["metadata"]["deletionTimestamp"].is_null() {
        mark(&mut marked, &state.now());
        marked["metadata"]["deletionGracePeriodSeconds"] = json!(0);
    }
    if options.dry_run {
        return Ok(if held {
            Deleted::Object(Arc::new(marked))
        } else {
            answer(kind, key, Arc::new(marked))
        });
    }
    if held {
        if marked == *object {
            return Ok(Deleted::Object(object));
        }
        return Ok(Deleted::Object(state.put(key.clone(), marked)));
    }
    if let Some(last) = state.remove(key.clone()) {
        marked["metadata"]["resourceVersion"] = last["metadata"]["resourceVersion"].clone();
    }
    Ok(answer(kind, key, Arc::new(marked)))
}

/// Deletes the objects of a kind that a selector wants and returns them as they were.
pub(super) fn delete_collection(
    state: &mut State,
    kind: &Kind,
    namespace: Option<&str>,
    selector: &Selector,
    options: &DeleteOptions,
) -> Result<Vec<Arc<Value>>, Status> {
    let objects = state.store.list(&kind.group, &kind.kind, namespace);
    let mut deleted = Vec::new();
    for object in objects
        .into_iter()
        .filter(|object| selector.matches(object))
    {
        let key = super::server::key_of(&object)?;
        match delete(state, kind, &key, options)? {
            Deleted::Object(object) => deleted.push(object),
            Deleted::Gone { .. } => deleted.push(object),
        }
    }
    Ok(deleted)
}

/// Deletes for the garbage collector, dependents in the background.
pub(super) fn collect(state: &mut State, key: &Key) {
    collect_with(state, key, Propagation::Background);
}

/// Deletes for the garbage collector, dependents first.
pub(super) fn collect_first(state: &mut State, key: &Key) {
    collect_with(state, key, Propagation::Foreground);
}

fn collect_with(state: &mut State, key: &Key, propagation: Propagation) {
    if let Some(kind) = state.kind_of(key) {
        let options = DeleteOptions {
            propagation: Some(propagation),
            ..DeleteOptions::default()
        };
        // What is already gone needs no collecting.
        let _ = delete(state, &kind, key, &options);
    }
}

fn mark(object: &mut Value, now: &str) {
    object["metadata"]["deletionTimestamp"] = json!(now);
    if let Some(generation) = object["metadata"]["generation"].as_i64() {
        object["metadata"]["generation"] = json!(generation + 1);
    }
}

fn returns_object(kind: &Kind) -> bool {
    kind.group.is_empty()
        && matches!(
            kind.kind.as_str(),
            "Pod"
                | "Service"
                | "ServiceAccount"
                | "PersistentVolume"
                | "PersistentVolumeClaim"
                | "PodTemplate"
                | "ResourceQuota"
        )
}

fn answer(kind: &Kind, key: &Key, object: Arc<Value>) -> Deleted {
    if returns_object(kind) {
        return Deleted::Object(object);
    }
    Deleted::Gone {
        name: key.name.clone(),
        uid: object["metadata"]["uid"].clone(),
    }
}

fn check_preconditions(
    kind: &Kind,
    key: &Key,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let refused = |what: &str, wanted: &str, found: &Value, why: &str| {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{}\": the {what} in the precondition ({wanted}) does not match the {what} in \
             record ({}). The object might have been {why}",
            kind.qualified_kind(),
            key.name,
            found.as_str().unwrap_or_default()
        );
        Err(Status::new(409, "Conflict", message).about(&kind.group, &kind.kind, &key.name))
    };
    let metadata = &object["metadata"];
    if let Some(uid) = options.uid.as_deref().filter(|uid| metadata["uid"] != *uid) {
        return refused("UID", uid, &metadata["uid"], "deleted and then recreated");
    }
    if let Some(version) = options
        .resource_version
        .as_deref()
        .filter(|version| metadata["resourceVersion"] != *version)
    {
        return refused(
            "ResourceVersion",
            version,
            &metadata["resourceVersion"],
            "modified",
        );
    }
    Ok(())
}

fn delete_namespace(
    state: &mut State,
    kind: &Kind,
    key: &Key,
    object: Arc<Value>,
    options: &DeleteOptions,
) -> Result<Deleted, Status> {
    if matches!(key.name.as_str(), "default" | "kube-system" | "kube-public") {
        return Err(Status::forbidden(
            &kind.group,
            &kind.plural,
            &key.name,
            "this namespace may not be deleted",
        ));
    }
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Ok(Deleted::Object(object));
    }
    let mut marked = Value::clone(&object);
    marked["metadata"]["deletionTimestamp"] = json!(state.now());
    marked["status"]["phase"] = json!("Terminating");
    if options.dry_run {
        return Ok(Deleted::Object(Arc::new(marked)));
    }
    Ok(Deleted::Object(state.put(key.clone(), marked)))
}

fn delete_definition(
    state: &mut State,
    key: &Key,
    object: Arc<Value>,
    options: &DeleteOptions,
) -> Deleted {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Deleted::Object(object);
    }
    let mut marked = Value::clone(&object);
    marked["metadata"]["deletionTimestamp"] = json!(state.now());
    super::defaults::set(&mut marked["metadata"], "finalizers", json!([]));
    if let Some(finalizers) = marked["metadata"]["finalizers"].as_array_mut() {
        finalizers.push(json!(super::controllers::CLEANUP));
    }
    let message =
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    super::controllers::set_condition(
        &mut marked,
        "Terminating",
        "InstanceDeletionPending",
        message,
        &state.now(),
    );
    if options.dry_run {
        return Deleted::Object(Arc::new(marked));
    }
    Deleted::Object(state.put(key.clone(), marked))
}
