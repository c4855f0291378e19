//! Short descriptions of Kubernetes objects, as the data files under `charts/` and `manifests/` give them.
//!
//! An item is a `crd`, a `deployment`, a `service`, an `account` or a whole `object`, made where `when` holds. `${path}` stands for
//! a value: alone in a scalar it keeps its type. `${condition?path}` stands for one where the condition holds, as in `when`; where it does
//! not, the field is left out.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One item of a data file, before values are put in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Item {
    /// Path of a value that must be true; with "!" one that must not be.
    when: Option<String>,
    /// Path of a value that, if true, keeps the object when the release is uninstalled.
    keep: Option<String>,
    /// Whether the object is in the chart's `crds` folder, which Helm installs once and never removes.
    #[serde(default)]
    folder: bool,
    #[serde(default)]
    crd: Value,
    #[serde(default)]
    deployment: Value,
    #[serde(default)]
    service: Value,
    #[serde(default)]
    account: Value,
    #[serde(default)]
    object: Value,
}

/// An object made from an item.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) object: Value,
    /// It stays when the release is uninstalled.
    pub(crate) keep: bool,
    pub(crate) folder: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Crd {
    group: String,
    kind: String,
    plural: String,
    #[serde(default)]
    short: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    versions: Vec<String>,
    #[serde(default)]
    cluster: bool,
    /// Fields that `spec` must have.
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    columns: Vec<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deployment {
    name: String,
    image: String,
    #[serde(default = "one")]
    replicas: u32,
    #[serde(default)]
    labels: Map<String, Value>,
    account: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    ports: Vec<Value>,
    /// What else is in the specification, and in that of its pods.
    #[serde(default)]
    strategy: Value,
    #[serde(default)]
    pod: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Service {
    name: String,
    #[serde(rename = "type", default = "cluster_ip")]
    kind: String,
    selector: Map<String, Value>,
    #[serde(default)]
    labels: Map<String, Value>,
    ports: Vec<Value>,
}

fn one() -> u32 {
    1
}

fn cluster_ip() -> String {
    "ClusterIP".to_owned()
}

/// Kinds of the data files that have no namespace.
const CLUSTER_WIDE: [&str; 7] = [
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "IngressClass",
    "Namespace",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
];

/// Makes the objects of `items` with `values`, in `namespace` where they have one and name none; "" stands for no namespace.
pub(crate) fn make(items: &[Item], values: &Value, namespace: &str) -> Result<Vec<Made>> {
    let wanted = items
        .iter()
        .filter(|item| item.when.as_deref().is_none_or(|path| holds(values, path)));
    wanted.map(|item| one_of(item, values, namespace)).collect()
}

fn one_of(item: &Item, values: &Value, namespace: &str) -> Result<Made> {
    let mut object = if !item.crd.is_null() {
        definition(read(&item.crd, values)?)
    } else if !item.deployment.is_null() {
        deployment(read(&item.deployment, values)?)
    } else if !item.service.is_null() {
        service(read(&item.service, values)?)
    } else if !item.account.is_null() {
        let name = fill(&item.account, values)?;
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
    } else if !item.object.is_null() {
        fill(&item.object, values)?
    } else {
        bail!("an item describes nothing");
    };
    let wide = object["kind"]
        .as_str()
        .is_some_and(|kind| CLUSTER_WIDE.contains(&kind));
    if !wide && !namespace.is_empty() && object["metadata"]["namespace"].is_null() {
        object["metadata"]["namespace"] = json!(namespace);
    }
    let keep = item.keep.as_deref().is_some_and(|path| holds(values, path));
    if keep {
        object["metadata"]["annotations"]["helm.sh/resource-policy"] = json!("keep");
    }
    Ok(Made {
        object,
        keep: keep || item.folder,
        folder: item.folder,
    })
}

fn read<T: serde::de::DeserializeOwned>(template: &Value, values: &Value) -> Result<T> {
    let filled = fill(template, values)?;
    serde_json::from_value(filled.clone())
        .with_context(|| format!("an item is malformed: {filled}"))
}

/// Puts values in for `${path}`.
fn fill(template: &Value, values: &Value) -> Result<Value> {
    Ok(match template {
        Value::String(text) => {
            if let Some(path) = text
                .strip_prefix("${")
                .and_then(|rest| rest.strip_suffix('}'))
                && !path.contains("${")
            {
                let path = match path.split_once('?') {
                    Some((condition, _)) if !holds(values, condition) => return Ok(Value::Null),
                    Some((_, path)) => path,
                    None => path,
                };
                return find(values, path)
                    .cloned()
                    .with_context(|| format!("there is no value {path}"));
            }
            let mut filled = String::new();
            let mut rest = text.as_str();
            while let Some(start) = rest.find("${") {
                let Some(end) = rest[start..].find('}') else {
                    break;
                };
                let path = &rest[start + 2..start + end];
                let value =
                    find(values, path).with_context(|| format!("there is no value {path}"))?;
                filled.push_str(&rest[..start]);
                match value {
                    Value::String(text) => filled.push_str(text),
                    other => filled.push_str(&other.to_string()),
                }
                rest = &rest[start + end + 1..];
            }
            Value::String(filled + rest)
        }
        Value::Array(items) => Value::Array(
            items
                .iter()
                .map(|item| fill(item, values))
                .collect::<Result<_>>()?,
        ),
        Value::Object(fields) => {
            let mut filled = Map::new();
            for (key, value) in fields {
                let made = fill(value, values)?;
                if !made.is_null() || value.is_null() {
                    filled.insert(key.clone(), made);
                }
            }
            Value::Object(filled)
        }
        other => other.clone(),
    })
}

fn find<'a>(values: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(values, |value, name| value.get(name))
}

fn holds(values: &Value, path: &str) -> bool {
    let (path, wanted) = match path.strip_prefix('!') {
        Some(path) => (path, false),
        None => (path, true),
    };
    let truth = find(values, path)
        .is_some_and(|value| !matches!(value, Value::Null | Value::Bool(false)) && value != "");
    truth == wanted
}

fn definition(crd: Crd) -> Value {
    let latest = crd.versions.len() - 1;
    let columns: Vec<Value> = crd
        .columns
        .iter()
        .map(|(name, path)| {
            let dated = path == ".metadata.creationTimestamp";
            json!({"name": name, "type": if dated { "date" } else { "string" }, "jsonPath": path})
        })
        .collect();
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let mut spec = open.clone();
    if !crd.required.is_empty() {
        spec["required"] = json!(crd.required);
    }
    let mut schema = json!({
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
            "spec": spec, "status": open,
        },
        "x-kubernetes-preserve-unknown-fields": true,
    });
    if !crd.required.is_empty() {
        schema["required"] = json!(["spec"]);
    }
    let versions: Vec<Value> = crd
        .versions
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let mut version = json!({
                "name": name, "served": true, "storage": n == latest, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": schema},
            });
            if !columns.is_empty() {
                version["additionalPrinterColumns"] = json!(columns);
            }
            version
        })
        .collect();
    let mut names = json!({
        "kind": crd.kind, "listKind": format!("{}List", crd.kind), "plural": crd.plural, "singular": crd.kind.to_lowercase(),
    });
    if !crd.short.is_empty() {
        names["shortNames"] = json!(crd.short);
    }
    if !crd.categories.is_empty() {
        names["categories"] = json!(crd.categories);
    }
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", crd.plural, crd.group)},
        "spec": {
            "group": crd.group, "names": names, "scope": if crd.cluster { "Cluster" } else { "Namespaced" }, "versions": versions,
        },
    })
}

fn deployment(it: Deployment) -> Value {
    let mut labels = it.labels;
    if labels.is_empty() {
        labels.insert("app".to_owned(), json!(it.name));
    }
    let mut container = json!({"name": it.name, "image": it.image});
    if !it.args.is_empty() {
        container["args"] = json!(it.args);
    }
    if !it.ports.is_empty() {
        container["ports"] = json!(it.ports);
    }
    let mut pod = json!({"containers": [container]});
    if let Some(account) = it.account {
        pod["serviceAccountName"] = json!(account);
    }
    for (field, value) in it.pod {
        pod[field] = value;
    }
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": it.name, "labels": labels},
        "spec": {
            "replicas": it.replicas, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    });
    if !it.strategy.is_null() {
        object["spec"]["strategy"] = it.strategy;
    }
    object
}

fn service(it: Service) -> Value {
    let labels = if it.labels.is_empty() {
        it.selector.clone()
    } else {
        it.labels
    };
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": it.name, "labels": labels},
        "spec": {"type": it.kind, "selector": it.selector, "ports": it.ports},
    })
}
