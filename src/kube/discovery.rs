//! Which kinds the cluster serves: asked once, kept, and asked again when a kind is missing.

use std::{collections::HashMap, sync::Arc};

use kube::core::discovery::v2::{ACCEPT_AGGREGATED_DISCOVERY_V2, APIGroupDiscoveryList};
use serde_json::Value;
use tokio::sync::{Mutex, RwLock};
use windlass_provider::{Ctx, Error, Fault, Result};

use super::{Cluster, client};

/// A kind as the cluster serves it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind {
    /// Group and version, as objects write them: "apps/v1", "v1".
    pub api_version: String,
    /// The kind: "Deployment".
    pub kind: String,
    /// Its name in URLs: "deployments".
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// The names of groups of kinds that it is in: "managed", "claim".
    pub categories: Vec<String>,
}

impl Kind {
    /// Returns the API group, empty for the core's.
    #[must_use]
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    /// Tells whether it is in a category.
    pub(super) fn is_in(&self, category: &str) -> bool {
        self.categories.iter().any(|name| name == category)
    }

    /// Returns the path of the objects of this kind in a namespace, or in all.
    pub(super) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.api_version.contains('/') {
            "apis"
        } else {
            "api"
        };
        match namespace {
            Some(namespace) if self.namespaced => format!(
                "/{root}/{}/namespaces/{namespace}/{}",
                self.api_version, self.plural
            ),
            _ => format!("/{root}/{}/{}", self.api_version, self.plural),
        }
    }
}

type Table = HashMap<(String, String), Arc<Kind>>;

/// What is known of the cluster's kinds.
#[derive(Default)]
pub(super) struct Kinds {
    known: RwLock<Arc<Table>>,
    asking: Mutex<()>,
}

impl Cluster {
    /// Returns a kind by the apiVersion and kind that objects write.
    ///
    /// # Errors
    /// Transient where the cluster does not serve it, even asked anew: its CRD may be on its way.
    pub async fn kind(&self, cx: &Ctx, api_version: &str, kind: &str) -> Result<Arc<Kind>> {
        match self.find_kind(cx, api_version, kind).await? {
            Some(kind) => Ok(kind),
            None => Err(Error::new(
                Fault::Transient,
                format!(
                    "the cluster has no kind {kind} in {api_version}: its CRD is not there yet"
                ),
            )
            .hint("install the component that brings it, or check apiVersion and kind")),
        }
    }

    /// Returns a kind, or nothing where the cluster does not serve it.
    ///
    /// # Errors
    /// Those of asking the cluster.
    pub async fn find_kind(
        &self,
        cx: &Ctx,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<Arc<Kind>>> {
        let key = (api_version.to_owned(), kind.to_owned());
        let before = self.kinds.known.read().await.clone();
        if let Some(kind) = before.get(&key) {
            return Ok(Some(kind.clone()));
        }
        // One asks for all that miss something at the same time.
        let _asking = self.kinds.asking.lock().await;
        let now = self.kinds.known.read().await.clone();
        if !Arc::ptr_eq(&before, &now) {
            return Ok(now.get(&key).cloned());
        }
        let fresh = table(self.discover(cx).await?);
        let found = fresh.get(&key).cloned();
        let mut known = self.kinds.known.write().await;
        // What a CRD taught stays: discovery may be behind it.
        let mut table = Table::clone(&known);
        table.extend(fresh);
        *known = Arc::new(table);
        Ok(found)
    }

    /// Returns the kinds that the cluster serves now and that `wanted` chooses, each in its preferred version.
    ///
    /// # Errors
    /// Those of asking the cluster.
    pub(in crate::kube) async fn list_kinds(
        &self,
        cx: &Ctx,
        wanted: impl Fn(&Kind) -> bool,
    ) -> Result<Vec<Arc<Kind>>> {
        let mut chosen: Vec<Arc<Kind>> = Vec::new();
        for kind in self.discover(cx).await? {
            // Versions come in the order of preference.
            let same = |other: &Arc<Kind>| other.group() == kind.group() && other.kind == kind.kind;
            if wanted(&kind) && !chosen.iter().any(same) {
                chosen.push(kind);
            }
        }
        Ok(chosen)
    }

    /// Remembers the kinds of an established CRD, whose own words are surer and sooner there than discovery.
    pub(super) async fn learn_kinds(&self, crd: &Value) {
        let kinds = defined(crd);
        let mut known = self.kinds.known.write().await;
        let mut table = Table::clone(&known);
        table.extend(kinds);
        *known = Arc::new(table);
    }

    /// Returns all kinds, of each group the preferred version first.
    async fn discover(&self, cx: &Ctx) -> Result<Vec<Arc<Kind>>> {
        let (core, groups) = futures::try_join!(
            self.discover_under(cx, "/api"),
            self.discover_under(cx, "/apis")
        )?;
        Ok(core.into_iter().chain(groups).collect())
    }

    async fn discover_under(&self, cx: &Ctx, path: &str) -> Result<Vec<Arc<Kind>>> {
        let doing = "list the kinds that the cluster serves";
        let mut request = client::get_request(path)?;
        request.headers_mut().insert(
            http::header::ACCEPT,
            http::HeaderValue::from_static(ACCEPT_AGGREGATED_DISCOVERY_V2),
        );
        let answer = self.read(cx, doing, request).await?;
        if answer["kind"] != "APIGroupDiscoveryList" {
            return Err(Error::new(Fault::Failed, format!("cannot {doing}"))
                .cause("the API has no aggregated discovery")
                .hint("windlass needs Kubernetes 1.30 or newer"));
        }
        let list: APIGroupDiscoveryList = serde_json::from_value(answer).map_err(|error| {
            Error::new(Fault::Failed, format!("cannot {doing}")).cause(error.to_string())
        })?;
        Ok(read_kinds(list))
    }
}

fn table(kinds: Vec<Arc<Kind>>) -> Table {
    let mut table = Table::new();
    for kind in kinds {
        table
            .entry((kind.api_version.clone(), kind.kind.clone()))
            .or_insert(kind);
    }
    table
}

fn read_kinds(list: APIGroupDiscoveryList) -> Vec<Arc<Kind>> {
    let mut kinds = Vec::new();
    for group in list.items {
        let name = group.metadata.and_then(|metadata| metadata.name);
        for version in group.versions {
            let api_version = api_version(
                name.as_deref().unwrap_or_default(),
                version.version.as_deref().unwrap_or_default(),
            );
            for resource in version.resources {
                let kind = resource.response_kind.and_then(|kind| kind.kind);
                let (Some(kind), Some(plural)) = (kind, resource.resource) else {
                    continue;
                };
                // A kind that cannot be read is not an object: reviews, bindings. A second resource of one kind
                // (Ingress in two groups has two apiVersions) does not occur within one version but for those.
                if !resource.verbs.iter().any(|verb| verb == "get") {
                    continue;
                }
                kinds.push(Arc::new(Kind {
                    api_version: api_version.clone(),
                    kind,
                    plural,
                    namespaced: resource.scope.as_deref() == Some("Namespaced"),
                    categories: resource.categories,
                }));
            }
        }
    }
    kinds
}

/// Returns the kinds that a CRD defines.
fn defined(crd: &Value) -> Table {
    let spec = &crd["spec"];
    let group = spec["group"].as_str().unwrap_or_default();
    let (Some(kind), Some(plural)) = (
        spec["names"]["kind"].as_str(),
        spec["names"]["plural"].as_str(),
    ) else {
        return Table::new();
    };
    let categories = spec["names"]["categories"].as_array().into_iter().flatten();
    let categories: Vec<String> = categories
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    let versions = spec["versions"].as_array().into_iter().flatten();
    versions
        .filter(|version| version["served"] == true)
        .filter_map(|version| version["name"].as_str())
        .map(|version| {
            let api_version = api_version(group, version);
            let entry = Arc::new(Kind {
                api_version: api_version.clone(),
                kind: kind.to_owned(),
                plural: plural.to_owned(),
                namespaced: spec["scope"] == "Namespaced",
                categories: categories.clone(),
            });
            ((api_version, kind.to_owned()), entry)
        })
        .collect()
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_crd_says_which_kinds_it_defines() {
        let crd = json!({ "spec": {
            "group": "helm.toolkit.fluxcd.io", "scope": "Namespaced",
            "names": { "kind": "HelmRelease", "plural": "helmreleases" },
            "versions": [{ "name": "v2", "served": true }, { "name": "v2beta1", "served": false }],
        } });
        let kinds = defined(&crd);
        assert_eq!(kinds.len(), 1);
        let kind = &kinds[&("helm.toolkit.fluxcd.io/v2".into(), "HelmRelease".into())];
        assert_eq!(
            kind.path(Some("flux-system")),
            "/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases"
        );
        assert_eq!(
            kind.path(None),
            "/apis/helm.toolkit.fluxcd.io/v2/helmreleases"
        );
        assert!(defined(&json!({})).is_empty());
    }

    #[test]
    fn discovery_leaves_out_what_is_no_object() {
        let list = serde_json::from_value(json!({ "items": [
            { "metadata": {}, "versions": [{ "version": "v1", "resources": [
                { "resource": "pods", "responseKind": { "kind": "Pod" }, "scope": "Namespaced", "verbs": ["get", "list"] },
                { "resource": "bindings", "responseKind": { "kind": "Binding" }, "scope": "Namespaced", "verbs": ["create"] },
                { "resource": "namespaces", "responseKind": { "kind": "Namespace" }, "scope": "Cluster", "verbs": ["get"] },
            ] }] },
        ] }))
        .unwrap();
        let table = table(read_kinds(list));
        assert_eq!(table.len(), 2);
        let namespace = &table[&("v1".into(), "Namespace".into())];
        assert_eq!(namespace.path(Some("ignored")), "/api/v1/namespaces");
    }
}
