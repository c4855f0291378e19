//! The Kubernetes objects that install a component, a Git sync, or namespaces.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};
use windlass_provider::ProviderId;

use super::{Component, Source, template::fill};

/// A chart to be installed by Flux: which, with which values.
#[derive(Clone, Debug)]
pub struct Release<'a> {
    /// The component.
    pub component: &'a Component,
    /// The chart's version.
    pub version: &'a str,
    /// The namespace that it goes to.
    pub namespace: &'a str,
    /// The values, complete.
    pub values: &'a Value,
    /// Secret values, by the path of the value that they are for: `auth.password`.
    pub secrets: &'a BTreeMap<String, String>,
}

/// Returns the objects that install a chart: its namespace, a Secret with secret values where there are any, its source
/// and its HelmRelease, in this order. A component that is a manifest or a set has none.
///
/// # Errors
/// Where a template is wrong: our mistake.
pub fn release(release: &Release<'_>) -> Result<Vec<Value>> {
    let (source, helm_release, url, chart) = match &release.component.source {
        Source::Oci { oci } => ("oci-repository", "release-from-oci", oci, Value::Null),
        Source::Repository { repository, chart } => (
            "helm-repository",
            "release-from-repository",
            repository,
            chart.as_str().into(),
        ),
        Source::Manifest { .. } | Source::Set { .. } => return Ok(Vec::new()),
    };
    // A key of a Secret may not hold every character of a value's path, so the keys are counted and carry the path.
    let keyed: Vec<(String, &String, &String)> = release
        .secrets
        .iter()
        .enumerate()
        .map(|(n, (path, value))| (format!("value-{n}"), path, value))
        .collect();
    let values_from: Vec<Value> = keyed
        .iter()
        .map(|(key, path, _)| {
            json!({
                "kind": "Secret",
                "name": format!("windlass-values-{}", release.component.name),
                "valuesKey": key,
                "targetPath": path,
            })
        })
        .collect();
    let scope = json!({
        "name": release.component.name,
        "namespace": release.namespace,
        "url": url,
        "chart": chart,
        "version": release.version,
        "values": release.values,
        "valuesFrom": if values_from.is_empty() { Value::Null } else { values_from.into() },
        "secrets": keyed.iter().map(|(key, _, value)| (key.clone(), json!(value))).collect::<serde_json::Map<_, _>>(),
    });
    let mut objects = vec![fill("flux/namespace.yaml", &scope)?];
    if !keyed.is_empty() {
        objects.push(fill("flux/values-secret.yaml", &scope)?);
    }
    objects.push(fill(&format!("flux/{source}.yaml"), &scope)?);
    objects.push(fill(&format!("flux/{helm_release}.yaml"), &scope)?);
    Ok(objects)
}

/// Returns the objects that keep the cluster in line with a folder of a Git repository: `scope` has `url`, `ref`, `path`,
/// `interval`, `prune` and `namespace`.
///
/// # Errors
/// Where a template is wrong: our mistake.
pub fn gitops(scope: &Value) -> Result<Vec<Value>> {
    Ok(vec![
        fill("gitops/git-repository.yaml", scope)?,
        fill("gitops/kustomization.yaml", scope)?,
    ])
}

/// Returns the namespaces of tenants.
///
/// # Errors
/// Where the template is wrong: our mistake.
pub fn namespaces(names: &[String]) -> Result<Vec<Value>> {
    names
        .iter()
        .map(|name| fill("platform/namespace.yaml", &json!({ "namespace": name })))
        .collect()
}

/// Returns the storage class that is a provider's default, where windlass brings it along.
///
/// # Errors
/// The template is broken.
pub fn storage_class(provider: ProviderId) -> Result<Option<Value>> {
    match provider {
        ProviderId::Aws => fill("aws/storage-class.yaml", &json!({})).map(Some),
        ProviderId::Azure | ProviderId::Google | ProviderId::Kind => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn secrets_reach_a_chart_by_reference_only() {
        let catalog = Catalog::load().unwrap();
        let component = catalog.get("traefik").unwrap();
        let values = component.values(ProviderId::Kind, "dot", &[]);
        let objects = release(&Release {
            component,
            version: "41.3.0",
            namespace: "edge",
            values: &values,
            secrets: &[("hub.token".to_owned(), "planted".to_owned())].into(),
        })
        .unwrap();
        let kinds: Vec<_> = objects.iter().map(|object| &object["kind"]).collect();
        assert_eq!(
            kinds,
            ["Namespace", "Secret", "OCIRepository", "HelmRelease"]
        );
        assert_eq!(objects[1]["stringData"], json!({ "value-0": "planted" }));
        assert_eq!(
            objects[3]["spec"]["valuesFrom"],
            json!([{ "kind": "Secret", "name": "windlass-values-traefik", "valuesKey": "value-0", "targetPath": "hub.token" }])
        );
        assert!(!objects[3].to_string().contains("planted"));
        assert_eq!(objects[3]["spec"]["targetNamespace"], "edge");
        assert_eq!(objects[3]["spec"]["values"]["ports"]["web"]["hostPort"], 80);
    }
}
