//! What a kubeconfig says, and what it shall say: pure.

use std::path::Path;

use serde_json::{Value, json};
use windlass_provider::{Error, Fault, Result};

use super::{Entry, MARK};

pub(super) const SECTIONS: [&str; 3] = ["clusters", "contexts", "users"];

/// Returns a kubeconfig with nothing in it.
pub(super) fn empty() -> Value {
    json!({ "apiVersion": "v1", "kind": "Config", "clusters": [], "contexts": [], "users": [], "current-context": "" })
}

/// Reads a kubeconfig; an empty file is an empty one.
pub(super) fn parse(path: &Path, text: &str) -> Result<Value> {
    let wrong = |why: String| {
        Error::new(
            Fault::Invalid,
            format!("cannot read kubeconfig {}", path.display()),
        )
        .cause(why)
        .hint("correct the file or move it away; windlass has not touched it")
    };
    let options = serde_saphyr::options! { with_snippet: false };
    let document: Option<Value> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| wrong(error.to_string()))?;
    let document = match document {
        None | Some(Value::Null) => return Ok(empty()),
        Some(document) => document,
    };
    if !document.is_object() {
        return Err(wrong("it is no kubeconfig: no mapping at line 1".into()));
    }
    if let Some(kind) = document.get("kind").filter(|kind| *kind != "Config") {
        return Err(wrong(format!("it is no kubeconfig: its kind is {kind}")));
    }
    for section in SECTIONS {
        let named = |item: &Value| item["name"].is_string();
        match document.get(section) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) if items.iter().all(named) => {}
            Some(Value::Array(_)) => {
                return Err(wrong(format!("an item of {section} has no name")));
            }
            Some(_) => return Err(wrong(format!("{section} is no list"))),
        }
    }
    Ok(document)
}

/// Returns the document with an entry in it, in the place of ours where there is one; else why it cannot be.
pub(super) fn with(document: &Value, entry: &Entry, make_current: bool) -> Result<Value, String> {
    let mut document = document.clone();
    for (section, item) in entry.items() {
        if !document[section].is_array() {
            document[section] = json!([]);
        }
        let Some(items) = document[section].as_array_mut() else {
            continue;
        };
        match items.iter_mut().find(|there| there["name"] == item["name"]) {
            Some(there) if is_of(there, &entry.cluster) => *there = item,
            Some(_) => {
                return Err(format!(
                    "there is an entry \"{}\" in {section} that windlass did not write",
                    entry.name
                ));
            }
            None => items.push(item),
        }
    }
    if make_current {
        document["current-context"] = entry.name.as_str().into();
    }
    Ok(document)
}

/// Returns the document without what is ours of a cluster.
pub(super) fn without(document: &Value, cluster: &str) -> Value {
    let mut document = document.clone();
    let current = document["current-context"].clone();
    for section in SECTIONS {
        let Some(Value::Array(items)) = document.get_mut(section) else {
            continue;
        };
        let was_current = section == "contexts"
            && items
                .iter()
                .any(|item| item["name"] == current && is_of(item, cluster));
        items.retain(|item| !is_of(item, cluster));
        if was_current {
            document["current-context"] = "".into();
        }
    }
    document
}

/// Tells whether an item carries our mark for a cluster.
fn is_of(item: &Value, cluster: &str) -> bool {
    ["cluster", "context", "user"].iter().any(|body| {
        item[*body]["extensions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|extension| {
                extension["name"] == MARK && extension["extension"]["cluster"] == cluster
            })
    })
}
