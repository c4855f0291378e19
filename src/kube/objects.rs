//! Objects as plain JSON: how they are read from YAML, and how they are named.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use windlass_provider::{Error, Fault, Result};

/// Names one object. As text: "HelmRelease flux-system/cert-manager".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// Group and version: "apps/v1", "v1".
    pub api_version: String,
    /// The kind.
    pub kind: String,
    /// The namespace; `None` where the kind has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectRef {
    /// Returns the reference to an object in a namespace.
    pub fn namespaced(
        api_version: impl Into<String>,
        kind: impl Into<String>,
        namespace: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: Some(namespace.into()),
            name: name.into(),
        }
    }

    /// Returns the reference to an object of a kind without namespaces.
    pub fn cluster(
        api_version: impl Into<String>,
        kind: impl Into<String>,
        name: impl Into<String>,
    ) -> Self {
        Self {
            api_version: api_version.into(),
            kind: kind.into(),
            namespace: None,
            name: name.into(),
        }
    }

    /// Returns the reference to an object that has been parsed; `None` where it lacks apiVersion, kind or name.
    #[must_use]
    pub fn of(object: &Value) -> Option<Self> {
        let metadata = &object["metadata"];
        Some(Self {
            api_version: object["apiVersion"].as_str()?.to_owned(),
            kind: object["kind"].as_str()?.to_owned(),
            namespace: metadata["namespace"].as_str().map(str::to_owned),
            name: metadata["name"].as_str()?.to_owned(),
        })
    }

    /// Returns the API group, empty for the core's.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// Reads the objects of a file of YAML documents; `origin` names it in errors.
///
/// Empty documents are skipped and a `List` is taken apart. What the server owns (status, managedFields, timestamps) is left
/// out, as an apply must not carry it. Numbers with a leading zero are octal, as kubectl reads them (file modes).
///
/// # Errors
/// [`Fault::Invalid`], with the line where the YAML is broken or with the document that is no object, and what it lacks.
pub fn parse(origin: &str, yaml: &str) -> Result<Vec<Value>> {
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
        // Large charts' CRDs go past the default of a million events.
        budget: serde_saphyr::budget! { max_events: 20_000_000, max_nodes: 10_000_000 },
    };
    let documents: Vec<Value> =
        serde_saphyr::from_multiple_with_options(yaml, options).map_err(|error| {
            Error::new(Fault::Invalid, format!("cannot read {origin}")).cause(error.to_string())
        })?;
    let mut objects = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let wrong = |lacks: String| {
            Error::new(Fault::Invalid, format!("cannot read {origin}"))
                .cause(format!("document {}: {lacks}", index + 1))
        };
        match document {
            Value::Null => {}
            Value::Object(mut list) if list.get("kind").and_then(Value::as_str) == Some("List") => {
                let Some(Value::Array(items)) = list.remove("items") else {
                    return Err(wrong("a List has no items".into()));
                };
                for (item, object) in items.into_iter().enumerate() {
                    objects.push(
                        checked(object)
                            .map_err(|lacks| wrong(format!("item {}: {lacks}", item + 1)))?,
                    );
                }
            }
            object => objects.push(checked(object).map_err(wrong)?),
        }
    }
    Ok(objects)
}

/// Returns an object of a cluster as it can be applied to another: without what the server owns, and without its owners, whose
/// identities are of this cluster. `None` where it is no object.
#[must_use]
pub fn portable(object: Value) -> Option<Value> {
    let mut object = checked(object).ok()?;
    let metadata = object["metadata"].as_object_mut()?;
    for of_this_cluster in [
        "ownerReferences",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        metadata.shift_remove(of_this_cluster);
    }
    Some(object)
}

/// Returns the object as it can be applied, or what it lacks.
fn checked(mut object: Value) -> Result<Value, String> {
    let Value::Object(fields) = &mut object else {
        return Err("it is no object: apiVersion, kind and metadata are missing".into());
    };
    let text = |fields: &serde_json::Map<String, Value>, field: &str| match fields.get(field) {
        None | Some(Value::Null) => Err(format!("{field} is missing")),
        Some(Value::String(text)) if text.is_empty() => Err(format!("{field} is empty")),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(format!("{field} is {other}, not text")),
    };
    let kind = text(fields, "kind")?;
    text(fields, "apiVersion").map_err(|lacks| format!("{kind}: {lacks}"))?;
    fields.shift_remove("status");
    let Some(Value::Object(metadata)) = fields.get_mut("metadata") else {
        return Err(format!("{kind}: metadata is missing"));
    };
    for owned_by_the_server in [
        "creationTimestamp",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    ] {
        metadata.shift_remove(owned_by_the_server);
    }
    for field in ["name", "namespace"] {
        if field == "namespace" && matches!(metadata.get(field), None | Some(Value::Null)) {
            metadata.shift_remove(field);
            continue;
        }
        let value = text(metadata, field).map_err(|lacks| format!("{kind}: metadata.{lacks}"))?;
        // It becomes part of a URL.
        if !value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c))
            || value == "."
            || value == ".."
        {
            return Err(format!(
                "{kind}: metadata.{field} \"{value}\" is not a name"
            ));
        }
    }
    Ok(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_become_objects() {
        let objects = parse(
            "install.yaml",
            "# only a comment\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  creationTimestamp: null\nstatus: {}\n---\n---\n\
             apiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: { name: b, namespace: a }\n  spec: { mode: 0644, text: \"0644\" }\n",
        )
        .unwrap();
        let names: Vec<_> = objects
            .iter()
            .map(|object| ObjectRef::of(object).unwrap().to_string())
            .collect();
        assert_eq!(names, ["Namespace a", "Deployment a/b"]);
        assert_eq!(
            objects[0],
            serde_json::json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "a" } })
        );
        assert_eq!(
            objects[1]["spec"],
            serde_json::json!({ "mode": 420, "text": "0644" })
        );
    }

    #[test]
    fn what_is_no_object_is_named_with_its_document() {
        let cases = [
            ("apiVersion: v1\n---\n- a\n", "document 1: kind is missing"),
            (
                "---\nkind: A\nmetadata: {name: a}\n",
                "document 1: A: apiVersion is missing",
            ),
            (
                "just text",
                "document 1: it is no object: apiVersion, kind and metadata are missing",
            ),
            (
                "{apiVersion: v1, kind: A}",
                "document 1: A: metadata is missing",
            ),
            (
                "{apiVersion: v1, kind: A, metadata: {}}",
                "document 1: A: metadata.name is missing",
            ),
            (
                "{apiVersion: v1, kind: A, metadata: {name: 7}}",
                "document 1: A: metadata.name is 7, not text",
            ),
            (
                "{apiVersion: v1, kind: A, metadata: {name: ../x}}",
                "document 1: A: metadata.name \"../x\" is not a name",
            ),
            (
                "{apiVersion: v1, kind: List}",
                "document 1: a List has no items",
            ),
            (
                "{apiVersion: v1, kind: A, metadata: {name: a}}\n---\n{apiVersion: v1, kind: List, items: [{kind: B}]}",
                "document 2: item 1: B: apiVersion is missing",
            ),
        ];
        for (yaml, expected) in cases {
            let error = parse("x.yaml", yaml).unwrap_err();
            assert_eq!(error.fault, Fault::Invalid);
            assert_eq!(error.causes, [expected], "{yaml}");
        }
    }

    #[test]
    fn broken_yaml_names_the_line() {
        for yaml in ["a: b\nc: [", "a: 1\na: 2\n", "a: b\n\tc: d\n"] {
            let error = parse("x.yaml", yaml).unwrap_err();
            assert_eq!(error.message, "cannot read x.yaml");
            assert!(error.causes[0].contains("line "), "{}", error.causes[0]);
        }
    }
}
