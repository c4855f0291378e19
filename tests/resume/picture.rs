//! What there is: a world and the folder that windlass works in, without what differs from one world to the next.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use regex::Regex;
use serde_json::{Value, json};

/// All that there is, by name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture(BTreeMap<String, Value>);

impl Picture {
    /// Takes one of what `folder` holds, of the `state` of the world and of the `objects` of its clusters.
    pub(crate) fn of(folder: &Path, state: &Value, objects: &Value) -> Result<Self> {
        let mut all = BTreeMap::new();
        for container in list(&state["containers"])? {
            let (name, role) = (&container["name"], &container["role"]);
            let told = json!({"role": role, "status": container["status"]});
            all.insert(format!("container {name}"), told);
        }
        for (cluster, objects) in objects.as_object().context("no map")? {
            for object in list(objects)? {
                let Some((name, object)) = essence(folder, object)? else {
                    continue;
                };
                // Pods have no name that lasts: how many there are of each owner is what counts.
                let count = all
                    .entry(format!("{cluster}: {name}"))
                    .or_insert(json!(null));
                *count = match count["times"].as_u64() {
                    None => json!({"times": 1, "object": object}),
                    Some(times) => json!({"times": times + 1, "object": object}),
                };
            }
        }
        for (name, text) in files(&folder.join("here"))? {
            // A run has its own name and times; a lock names a process.
            let (name, text) = match name.rsplit_once('/') {
                Some((folder, _)) if folder.ends_with("/runs") => (folder.to_owned(), None),
                Some((_, "lock")) => (name, None),
                _ => (name, Some(normalise(folder, &text)?)),
            };
            let count = all.entry(format!("file {name}")).or_insert(json!(null));
            let times = count["times"].as_u64().unwrap_or(0) + 1;
            *count = json!({"times": times, "text": text});
        }
        for (name, _) in files(&folder.join("tmp"))? {
            all.insert(format!("temporary file {name}"), json!(null));
        }
        Ok(Self(all))
    }

    /// Says how another one differs from this; `None` where it does not.
    pub(crate) fn compare(&self, other: &Self) -> Option<String> {
        let mut told = Vec::new();
        for (name, value) in &self.0 {
            match other.0.get(name) {
                None => told.push(format!("{name} is missing")),
                Some(found) if found != value => {
                    told.extend(differ(value, found).map(|at| format!("{name}: {at}")));
                }
                Some(_) => {}
            }
        }
        let more = other.0.keys().filter(|name| !self.0.contains_key(*name));
        told.extend(more.map(|name| format!("{name} is too many")));
        (!told.is_empty()).then(|| told.join("\n  "))
    }

    /// Returns the names of all.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// Returns the first place in which two values differ.
fn differ(wanted: &Value, found: &Value) -> Option<String> {
    let within = |at: String, wanted: Option<&Value>, found: Option<&Value>| {
        let null = Value::Null;
        let told = differ(wanted.unwrap_or(&null), found.unwrap_or(&null))?;
        Some(format!("{at}.{told}"))
    };
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            let keys = wanted.keys().chain(found.keys());
            let mut told = keys.map(|key| within(key.clone(), wanted.get(key), found.get(key)));
            told.find_map(|told| told)
        }
        (Value::Array(wanted), Value::Array(found)) => {
            let places = 0..wanted.len().max(found.len());
            let mut told = places.map(|at| within(at.to_string(), wanted.get(at), found.get(at)));
            told.find_map(|told| told)
        }
        _ => (wanted != found).then(|| format!(" is {found} and not {wanted}")),
    }
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().context("no list")
}

/// Returns an object's name and what windlass and its controllers want of it; nothing of what passes.
fn essence(folder: &Path, object: &Value) -> Result<Option<(String, Value)>> {
    let kind = text(&object["kind"]);
    // Events tell what happened on the way.
    if kind == "Event" {
        return Ok(None);
    }
    let mut object = object.clone();
    let owner = text(&object["metadata"]["ownerReferences"][0]["name"]);
    let map = object.as_object_mut().context("no object")?;
    map.remove("status");
    let metadata = map["metadata"].as_object_mut().context("no metadata")?;
    for passing in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
        metadata.remove(passing);
    }
    // When another attempt was asked for, last.
    if let Some(notes) = metadata
        .get_mut("annotations")
        .and_then(Value::as_object_mut)
    {
        notes.retain(|key, _| !key.starts_with("reconcile.fluxcd.io/"));
        if notes.is_empty() {
            metadata.remove("annotations");
        }
    }
    let mut name = text(&metadata["name"]);
    if kind == "Pod" && !owner.is_empty() {
        name = format!("of {owner}");
        metadata.remove("name");
    }
    if let Some(owners) = metadata
        .get_mut("ownerReferences")
        .and_then(Value::as_array_mut)
    {
        for owner in owners.iter_mut().filter_map(Value::as_object_mut) {
            owner.remove("uid");
        }
    }
    if let Some(fields) = metadata
        .get_mut("managedFields")
        .and_then(Value::as_array_mut)
    {
        // Of what others own, the conditions come and go.
        fields.retain(|entry| text(&entry["manager"]).starts_with("windlass"));
        for entry in fields.iter_mut() {
            let notes = entry.pointer_mut("/fieldsV1/f:metadata/f:annotations");
            if let Some(notes) = notes.and_then(Value::as_object_mut) {
                notes.retain(|key, _| !key.starts_with("f:reconcile.fluxcd.io/"));
            }
        }
        // The map itself is owned by who put the first one in.
        let nothing = [json!({}), json!({".": {}})]
            .map(|notes| json!({"f:metadata": {"f:annotations": notes}}));
        fields.retain(|entry| !nothing.contains(&entry["fieldsV1"]));
        for entry in fields.iter_mut().filter_map(Value::as_object_mut) {
            entry.remove("time");
        }
        fields.sort_by_key(|entry| text(&entry["manager"]));
    }
    let namespace = metadata.get("namespace").map(text).unwrap_or_default();
    if kind == "Service" {
        let spec = map["spec"].as_object_mut().context("no spec")?;
        spec.retain(|key, _| !key.starts_with("clusterIP"));
        let ports = spec.get_mut("ports").and_then(Value::as_array_mut);
        for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
            port.remove("nodePort");
        }
    }
    let object = serde_json::from_str(&normalise(folder, &object.to_string())?)?;
    Ok(Some((format!("{kind} {namespace}/{name}"), object)))
}

/// Replaces what is drawn by lot: folders, ports, keys, names of volumes.
fn normalise(folder: &Path, text: &str) -> Result<String> {
    let lots = "(certificate-authority-data: |kube-api-access-|127.0.0.1:)[A-Za-z0-9+/=]+";
    let lots = Regex::new(lots)?;
    let text = text.replace(&*folder.to_string_lossy(), "FOLDER");
    Ok(lots.replace_all(&text, "${1}LOT").into_owned())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Returns the files below a folder, by their paths from there, with what is in them.
fn files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
                let name = path.strip_prefix(folder)?.display().to_string();
                found.insert(name, text);
            }
        }
    }
    Ok(found)
}
