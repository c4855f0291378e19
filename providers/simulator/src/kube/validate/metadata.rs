//! Names, labels, finalizers and owners (`k8s.io/apimachinery/pkg/api/validation`).

use crate::kube::{kinds::Kind, status::Cause};
use serde_json::{Value, json};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
     and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
     '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with \
     an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, \
     and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is \
     '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
     character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and \
     end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is \
     '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Checks the metadata of an object.
pub(super) fn check(kind: &Kind, object: &Value) -> Vec<Cause> {
    let metadata = &object["metadata"];
    let mut causes = Vec::new();
    match metadata["name"].as_str() {
        None | Some("") => causes.push(Cause::required(
            "metadata.name",
            "name or generateName is required",
        )),
        Some(name) => {
            if let Some(fault) = name_fault(kind, name) {
                causes.push(Cause::invalid("metadata.name", name, &fault));
            }
        }
    }
    for (key, value) in metadata["labels"].as_object().into_iter().flatten() {
        if let Some(fault) = key_fault(key) {
            causes.push(Cause::invalid("metadata.labels", key.as_str(), &fault));
        }
        let value = value.as_str().unwrap_or_default();
        if value.len() > 63 {
            causes.push(Cause::invalid(
                "metadata.labels",
                value,
                "must be no more than 63 bytes",
            ));
        } else if !value.is_empty() && !is_qualified(value) {
            causes.push(Cause::invalid("metadata.labels", value, LABEL_VALUE));
        }
    }
    for key in metadata["annotations"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key)
    {
        if let Some(fault) = key_fault(&key.to_lowercase()) {
            causes.push(Cause::invalid("metadata.annotations", key.as_str(), &fault));
        }
    }
    for (index, finalizer) in metadata["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let name = finalizer.as_str().unwrap_or_default();
        let field = format!("metadata.finalizers[{index}]");
        if let Some(fault) = key_fault(name) {
            causes.push(Cause::invalid(field, name, &fault));
        } else if kind.custom().is_none()
            // Custom resources only get a warning; Flux's finalizer has no path.
            && !name.contains('/')
            && !matches!(name, "orphan" | "foregroundDeletion" | "kubernetes")
        {
            causes.push(Cause::invalid(
                field,
                name,
                "name is neither a standard finalizer name nor is it fully qualified",
            ));
        }
    }
    causes.extend(check_owners(&metadata["ownerReferences"]));
    causes
}

fn check_owners(references: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let list = references.as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, reference) in list.iter().enumerate() {
        for name in ["apiVersion", "kind", "name", "uid"] {
            if reference[name].as_str().is_none_or(str::is_empty) {
                let field = format!("metadata.ownerReferences[{index}].{name}");
                causes.push(Cause::invalid(field, "", "must not be empty"));
            }
        }
    }
    let controllers: Vec<String> = list
        .iter()
        .filter(|reference| reference["controller"] == true)
        .map(|reference| {
            format!(
                "{}/{}",
                reference["kind"].as_str().unwrap_or_default(),
                reference["name"].as_str().unwrap_or_default()
            )
        })
        .collect();
    if let [first, second, ..] = controllers.as_slice() {
        let why = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {second}"
        );
        causes.push(Cause::invalid(
            "metadata.ownerReferences",
            references.clone(),
            &why,
        ));
    }
    causes
}

/// Checks what may not change.
pub(super) fn check_update(old: &Value, new: &Value) -> Vec<Cause> {
    let (old, new) = (&old["metadata"], &new["metadata"]);
    let mut causes = Vec::new();
    if new["uid"] != old["uid"] {
        causes.push(Cause::invalid(
            "metadata.uid",
            new["uid"].clone(),
            "field is immutable",
        ));
    }
    if !old["deletionTimestamp"].is_null() {
        let before = old["finalizers"].as_array().cloned().unwrap_or_default();
        let added: Vec<&str> = new["finalizers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|finalizer| !before.contains(finalizer))
            .filter_map(Value::as_str)
            .collect();
        if !added.is_empty() {
            let listed: Vec<String> = added
                .iter()
                .map(|name| format!("{}", json!(name)))
                .collect();
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                listed.join(", ")
            );
            causes.push(Cause::forbidden("metadata.finalizers", &why));
        }
    }
    causes
}

fn name_fault(kind: &Kind, name: &str) -> Option<String> {
    let path_kind =
        kind.group == "rbac.authorization.k8s.io" || kind.kind == "PriorityLevelConfiguration";
    if path_kind {
        return (name == "." || name == ".." || name.contains(['/', '%']))
            .then(|| "may not contain '/'".to_owned());
    }
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace") if name.len() > 63 => Some("must be no more than 63 bytes".to_owned()),
        ("", "Namespace") if !is_label(name) => Some(LABEL.to_owned()),
        ("", "Service") if name.len() > 63 => Some("must be no more than 63 bytes".to_owned()),
        ("", "Service") if !is_label(name) || name.starts_with(|c: char| c.is_ascii_digit()) => {
            Some(LABEL_1035.to_owned())
        }
        _ if name.len() > 253 => Some("must be no more than 253 bytes".to_owned()),
        _ => (!name.split('.').all(is_label)).then(|| SUBDOMAIN.to_owned()),
    }
}

pub(super) fn is_label(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.chars().all(|c| alphanumeric(c) || c == '-')
}

fn is_qualified(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text
            .chars()
            .all(|c| alphanumeric(c) || matches!(c, '-' | '_' | '.'))
}

/// Returns what is wrong with a qualified name, the key of a label.
pub(super) fn key_fault(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if let Some(prefix) = prefix {
        if prefix.is_empty() {
            return Some("prefix part must be non-empty".to_owned());
        }
        if !prefix.split('.').all(is_label) {
            return Some(format!("prefix part {SUBDOMAIN}"));
        }
    }
    if name.is_empty() {
        return Some("name part must be non-empty".to_owned());
    }
    if name.len() > 63 {
        return Some("name part must be no more than 63 bytes".to_owned());
    }
    (!is_qualified(name)).then(|| NAME_PART.to_owned())
}
