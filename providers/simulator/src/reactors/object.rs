//! Reading and making parts of objects.

use crate::{ground::digest, kube::Key};
use jiff::{Timestamp, Unit};
use serde_json::{Value, json};

/// Returns the key of an object as the API server gives it.
pub(crate) fn key(object: &Value) -> Key {
    let group = group(text(object, "apiVersion"));
    Key {
        group: group.to_owned(),
        kind: text(object, "kind").to_owned(),
        namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
        name: text(&object["metadata"], "name").to_owned(),
    }
}

/// Returns whether a condition of an object is True.
pub(crate) fn is_true(object: &Value, condition: &str) -> bool {
    find(object, condition).is_some_and(|it| it["status"] == "True")
}

/// Returns a condition of an object.
pub(super) fn find<'a>(object: &'a Value, condition: &str) -> Option<&'a Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|it| it["type"] == condition)
}

pub(super) fn group(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

/// Returns a field that is text, or "".
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_default()
}

pub(super) fn name(object: &Value) -> &str {
    text(&object["metadata"], "name")
}

pub(super) fn namespace(object: &Value) -> &str {
    text(&object["metadata"], "namespace")
}

/// Returns "namespace/name", or the name of what has no namespace.
pub(super) fn path(object: &Value) -> String {
    match namespace(object) {
        "" => name(object).to_owned(),
        namespace => format!("{namespace}/{}", name(object)),
    }
}

pub(super) fn uid(object: &Value) -> &str {
    text(&object["metadata"], "uid")
}

pub(super) fn generation(object: &Value) -> i64 {
    object["metadata"]["generation"].as_i64().unwrap_or(0)
}

pub(super) fn deleting(object: &Value) -> bool {
    !object["metadata"]["deletionTimestamp"].is_null()
}

/// Returns whether a pod has ended.
pub(super) fn is_ended(pod: &Value) -> bool {
    matches!(text(&pod["status"], "phase"), "Succeeded" | "Failed")
}

pub(super) fn finalizers(object: &Value) -> Vec<Value> {
    object["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

/// Returns a field that is a time.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Returns a time as objects carry it: to the second.
pub(super) fn second(at: Timestamp) -> Value {
    json!(at.round(Unit::Second).unwrap_or(at))
}

/// Returns the key of the controller that owns an object.
pub(super) fn controller(object: &Value) -> Option<Key> {
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    Some(Key {
        group: group(text(owner, "apiVersion")).to_owned(),
        kind: text(owner, "kind").to_owned(),
        namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
        name: text(owner, "name").to_owned(),
    })
}

/// Returns whether `owner` controls an object.
pub(super) fn owned(object: &Value, owner: &Value) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.is_some_and(|owners| {
        owners
            .iter()
            .any(|it| it["controller"] == true && it["uid"] == owner["metadata"]["uid"])
    })
}

/// Returns the reference with which `owner` controls what it makes.
pub(super) fn reference(owner: &Value) -> Value {
    json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true,
    }])
}

/// Returns the controller that says something of an object.
pub(super) fn component(about: &Value, reason: &str) -> &'static str {
    match (group(text(about, "apiVersion")), text(about, "kind")) {
        ("", "Pod") if matches!(reason, "FailedScheduling" | "Scheduled") => "default-scheduler",
        ("", "Pod") => "kubelet",
        ("", "PersistentVolumeClaim") => "persistentvolume-controller",
        ("", "Service") => "service-controller",
        ("", "Node") => "node-controller",
        ("apps", "Deployment") => "deployment-controller",
        ("apps", "ReplicaSet") => "replicaset-controller",
        ("apps", "StatefulSet") => "statefulset-controller",
        ("apps", "DaemonSet") => "daemonset-controller",
        ("batch", "Job") => "job-controller",
        ("batch", "CronJob") => "cronjob-controller",
        ("helm.toolkit.fluxcd.io", _) => "helm-controller",
        ("kustomize.toolkit.fluxcd.io", _) => "kustomize-controller",
        ("source.toolkit.fluxcd.io", _) => "source-controller",
        _ => "kube-controller-manager",
    }
}

/// Returns a short name that depends on nothing but `text`, from the letters that Kubernetes uses.
pub(super) fn mark(text: &str, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let bytes = digest(text).into_bytes();
    bytes
        .chunks(2)
        .take(length)
        .map(|pair| {
            char::from(LETTERS[(usize::from(pair[0]) * 31 + usize::from(pair[1])) % LETTERS.len()])
        })
        .collect()
}

/// Returns whether merging `patch` into `object` would change nothing.
pub(super) fn contains(object: &Value, patch: &Value) -> bool {
    match patch {
        Value::Object(fields) => fields.iter().all(|(key, value)| match value {
            Value::Null => object.get(key).is_none_or(Value::is_null),
            value => object.get(key).is_some_and(|known| contains(known, value)),
        }),
        other => object == other,
    }
}

/// The conditions of an object, to be changed.
pub(super) struct Conditions {
    list: Vec<Value>,
    now: Value,
    generation: Option<i64>,
}

impl Conditions {
    /// Returns the conditions that an object has.
    pub(super) fn of(object: &Value, now: Timestamp) -> Self {
        Self {
            list: object["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default(),
            now: second(now),
            generation: None,
        }
    }

    /// Lets each condition that is set carry the generation.
    pub(super) fn observing(mut self, generation: i64) -> Self {
        self.generation = Some(generation);
        self
    }

    /// Sets a condition; the time of its last transition stays where its status does.
    pub(super) fn set(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let known = self.list.iter().position(|it| it["type"] == kind);
        let since = known
            .filter(|at| self.list[*at]["status"] == status)
            .map(|at| self.list[at]["lastTransitionTime"].clone());
        let mut condition = json!({
            "lastTransitionTime": since.unwrap_or_else(|| self.now.clone()), "message": message, "reason": reason, "status": status, "type": kind,
        });
        if let Some(fields) = condition.as_object_mut() {
            // As Go leaves out what is empty.
            fields.retain(|_, value| value != "");
        }
        if let Some(generation) = self.generation {
            condition["observedGeneration"] = json!(generation);
        }
        match known {
            Some(at) => self.list[at] = condition,
            None => self.list.push(condition),
        }
    }

    /// Sets a condition of a Deployment, which also says when it was last updated.
    pub(super) fn update(&mut self, kind: &str, status: &str, reason: &str, message: &str) {
        let same =
            |it: &&Value| it["type"] == kind && it["status"] == status && it["reason"] == reason;
        let updated = self
            .list
            .iter()
            .find(same)
            .map(|it| it["lastUpdateTime"].clone());
        self.set(kind, status, reason, message);
        let now = self.now.clone();
        if let Some(condition) = self.list.iter_mut().find(|it| it["type"] == kind) {
            condition["lastUpdateTime"] = updated.unwrap_or(now);
        }
    }

    pub(super) fn remove(&mut self, kind: &str) {
        self.list.retain(|it| it["type"] != kind);
    }

    pub(super) fn into_value(self) -> Value {
        Value::Array(self.list)
    }
}
