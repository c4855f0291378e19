//! What holds, setting by setting, and where each value comes from.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::Spec;
use crate::settings::{GitReference, Origin, Setting, Settings};

/// The settings that have no default: they are listed where nobody set them, too.
const OPTIONAL: [&str; 8] = [
    "environment",
    "gitops.url",
    "kind.engine",
    "kind.image",
    "kubernetes-version",
    "lifetime",
    "only",
    "without",
];

/// A setting, as it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The setting: its key, without the table of the cluster.
    pub setting: String,
    /// Its value; a secret is told by the variable that holds it. `None`: nobody set it, and it has no default.
    pub value: Option<String>,
    /// Where the value comes from.
    pub origin: String,
}

/// Lists all settings, sorted: what `spec` made of `settings`, with the origin of each value.
#[must_use]
pub fn list(settings: &Settings, spec: &Spec) -> Vec<Held> {
    let origins = origins(settings);
    let mut values: BTreeMap<String, Option<String>> = spec
        .asked()
        .into_iter()
        .map(|(setting, value)| (setting, Some(value)))
        .collect();
    for setting in OPTIONAL {
        values.entry(setting.to_owned()).or_default();
    }
    // Set on purpose, and without effect in a spec.
    if settings
        .lifetime
        .as_ref()
        .is_some_and(|lifetime| lifetime.value.is_none())
    {
        values.insert("lifetime".to_owned(), Some("never".to_owned()));
    }
    for component in &spec.components {
        if !component.values.is_empty() {
            let written = Value::Object(component.values.clone()).to_string();
            values.insert(
                format!("components.{}.values", component.name),
                Some(written),
            );
        }
    }
    values
        .into_iter()
        .map(|(setting, value)| Held {
            origin: match (find(&origins, &setting), &value) {
                (Some(origin), _) => origin.to_string(),
                (None, Some(_)) => Origin::Default.to_string(),
                (None, None) => "nobody set it".to_owned(),
            },
            setting,
            value,
        })
        .collect()
}

/// Returns where a setting comes from, or else where the table comes from that it is in.
fn find<'o>(origins: &'o BTreeMap<String, Origin>, setting: &str) -> Option<&'o Origin> {
    origins.get(setting).or_else(|| {
        origins
            .iter()
            .filter(|(key, _)| {
                setting
                    .strip_prefix(key.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
            })
            .max_by_key(|(key, _)| key.len())
            .map(|(_, origin)| origin)
    })
}

/// Returns the origins of all values that somebody set.
fn origins(settings: &Settings) -> BTreeMap<String, Origin> {
    let mut origins = BTreeMap::new();
    let mut put = |key: String, origin: &Origin| {
        origins.insert(key, origin.clone());
    };
    put("cluster".to_owned(), &settings.cluster.origin);
    fn at<T>(setting: &Option<Setting<T>>) -> Option<&Origin> {
        setting.as_ref().map(|setting| &setting.origin)
    }
    for (key, origin) in [
        ("environment", at(&settings.environment)),
        ("provider", at(&settings.provider)),
        ("kubernetes-version", at(&settings.kubernetes_version)),
        ("lifetime", at(&settings.lifetime)),
        ("nodes.min", at(&settings.min_nodes)),
        ("nodes.max", at(&settings.max_nodes)),
        ("nodes.size", at(&settings.node_size)),
        ("kind.engine", at(&settings.engine)),
        ("kind.image", at(&settings.image)),
        ("kind.http-port", at(&settings.http_port)),
        ("kind.https-port", at(&settings.https_port)),
        ("only", at(&settings.only)),
        ("without", at(&settings.without)),
        ("platform.namespaces", at(&settings.namespaces)),
    ] {
        if let Some(origin) = origin {
            put(key.to_owned(), origin);
        }
    }
    for (key, origin) in settings.aws.origins() {
        put(format!("aws.{key}"), origin);
    }
    for (key, origin) in settings.azure.origins() {
        put(format!("azure.{key}"), origin);
    }
    for (key, origin) in settings.google.origins() {
        put(format!("google.{key}"), origin);
    }
    for pool in &settings.node_pools {
        put(format!("node-pools.{}", pool.value.name), &pool.origin);
    }
    for (name, component) in &settings.components {
        let key = format!("components.{name}");
        put(key.clone(), &component.origin);
        for (part, origin) in [
            ("enabled", at(&component.enabled)),
            ("version", at(&component.version)),
            ("namespace", at(&component.namespace)),
        ] {
            if let Some(origin) = origin {
                put(format!("{key}.{part}"), origin);
            }
        }
        for (name, option) in &component.options {
            put(format!("{key}.{name}"), &option.origin);
        }
        for (path, variable) in &component.secrets {
            put(format!("{key}.secrets.{path}"), &variable.origin);
        }
    }
    if let Some(gitops) = &settings.gitops {
        put("gitops.url".to_owned(), &gitops.url.origin);
        if let Some(reference) = &gitops.reference {
            let key = match &reference.value {
                GitReference::Branch(_) => "gitops.branch",
                GitReference::Tag(_) => "gitops.tag",
                GitReference::Commit(_) => "gitops.commit",
            };
            put(key.to_owned(), &reference.origin);
        }
        for (key, origin) in [
            ("gitops.path", at(&gitops.path)),
            ("gitops.interval", at(&gitops.interval)),
            ("gitops.prune", at(&gitops.prune)),
            ("gitops.namespace", at(&gitops.namespace)),
        ] {
            if let Some(origin) = origin {
                put(key.to_owned(), origin);
            }
        }
    }
    origins
}
