//! The kinds that a CustomResourceDefinition makes.

use super::{Kind, Origin, Subresource};
use serde_json::Value;
use std::sync::{Arc, OnceLock};

/// What a kind knows of its definition.
pub(in crate::kube) struct Custom {
    /// Name of the CustomResourceDefinition.
    pub(in crate::kube) definition: String,
    /// `openAPIV3Schema` of the version, an empty object where there is none.
    pub(in crate::kube) schema: Arc<Value>,
    /// `additionalPrinterColumns` of the version.
    pub(in crate::kube) columns: Vec<Value>,
    /// `subresources.scale` of the version.
    pub(in crate::kube) scale: Option<Value>,
    /// JSON paths that field selectors may name (`selectableFields`).
    pub(in crate::kube) selectable: Vec<String>,
    /// Whether the definition is being deleted.
    pub(in crate::kube) terminating: bool,
}

const ALL: &[&str] = &[
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
];
const PART: &[&str] = &["get", "patch", "update"];

/// Returns the kinds of the served versions of a definition whose names are accepted.
pub(super) fn kinds(definition: &Value, since: u64) -> Vec<Kind> {
    let text = |pointer: &str| {
        definition
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let texts = |pointer: &str| -> Vec<String> {
        let items = definition
            .pointer(pointer)
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let versions = definition
        .pointer("/spec/versions")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let storage = versions.iter().find(|version| version["storage"] == true);
    let storage_version = storage
        .and_then(|version| version["name"].as_str())
        .unwrap_or_default();
    let terminating = definition.pointer("/metadata/deletionTimestamp").is_some();
    let served = versions.iter().filter(|version| version["served"] == true);
    served
        .map(|version| Kind {
            group: text("/spec/group"),
            version: version["name"].as_str().unwrap_or_default().to_owned(),
            storage_version: storage_version.to_owned(),
            kind: text("/spec/names/kind"),
            list_kind: text("/spec/names/listKind"),
            plural: text("/spec/names/plural"),
            singular: text("/spec/names/singular"),
            short_names: texts("/spec/names/shortNames"),
            categories: texts("/spec/names/categories"),
            namespaced: definition["spec"]["scope"] == "Namespaced",
            verbs: ALL,
            subresources: subresources(version),
            origin: Origin::Custom(Custom {
                definition: text("/metadata/name"),
                schema: Arc::new(
                    version
                        .pointer("/schema/openAPIV3Schema")
                        .cloned()
                        .unwrap_or_default(),
                ),
                columns: version["additionalPrinterColumns"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default(),
                scale: version.pointer("/subresources/scale").cloned(),
                selectable: version["selectableFields"]
                    .as_array()
                    .map(Vec::as_slice)
                    .unwrap_or_default()
                    .iter()
                    .filter_map(|field| field["jsonPath"].as_str())
                    .map(|path| path.trim_start_matches('.').to_owned())
                    .collect(),
                terminating,
            }),
            since,
            schema: OnceLock::new(),
        })
        .collect()
}

fn subresources(version: &Value) -> Vec<Subresource> {
    let mut parts = Vec::new();
    if version.pointer("/subresources/status").is_some() {
        parts.push(Subresource {
            name: "status".to_owned(),
            body: None,
            verbs: PART,
        });
    }
    if version.pointer("/subresources/scale").is_some() {
        let body = Some(("autoscaling", "v1", "Scale"));
        parts.push(Subresource {
            name: "scale".to_owned(),
            body,
            verbs: PART,
        });
    }
    parts
}
