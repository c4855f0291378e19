//! Looks at which components a cluster has, whoever installed them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use windlass_provider::{ClusterName, Ctx, Provider, Result};

use super::{
    Connection,
    chart::{FROM_GIT, release_ref},
    survey::{Health, judge_object, look},
};
use crate::{
    catalog::{Catalog, Component},
    kube::{Cluster, Inventory, ObjectRef, Selector},
};

/// Who installed a component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Installer {
    /// Windlass: it is in the inventory.
    Windlass,
    /// Git, through the Kustomization of that name.
    Git(String),
    /// The cloud, as the add-on of that name.
    #[serde(rename = "add-on")]
    AddOn(String),
    /// Somebody else, with Helm or by hand.
    Others,
}

/// A component that is in a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Present {
    /// Its version; `None` where nothing tells it.
    pub version: Option<String>,
    /// The namespace that it is in, as far as that is known.
    pub namespace: String,
    /// The digest of what windlass applied, as in "sha256:…"; empty where it was not windlass.
    pub digest: String,
    /// Who installed it.
    pub installer: Installer,
    /// How it is.
    pub health: Health,
    /// Why it is not well, or what it waits for.
    pub detail: String,
    /// The values that its release has; `None` where it is no release of Flux's.
    pub values: Option<Value>,
    /// The secret values that its release has, by path.
    pub secrets: Vec<String>,
    /// What only this component was told.
    pub options: Map<String, Value>,
}

/// Returns the components of the catalogue that are in the cluster, by name; of a set, its parts.
///
/// # Errors
/// Those of the provider and of the API.
pub async fn find_present(
    cx: &Ctx,
    connection: &Connection,
    provider: &Arc<dyn Provider>,
    name: &ClusterName,
    catalog: &Catalog,
) -> Result<BTreeMap<String, Present>> {
    let cluster = connection.open(cx, provider, name).await?;
    let inventory = Inventory::read(&cluster, cx).await?;
    let releases = releases(cx, &cluster).await?;
    let mut present = BTreeMap::new();
    for component in catalog.all().filter(|component| !component.is_set()) {
        let found = match inventory.components.get(&component.name) {
            Some(entry) => {
                let row = look(cx, &cluster, catalog, &component.name, entry).await?;
                let release = releases.get(&component.name);
                Some(Present {
                    version: Some(entry.version.clone()),
                    namespace: entry.namespace.clone(),
                    digest: entry.digest.clone(),
                    installer: match release.and_then(owner_in_git) {
                        Some(owner) => Installer::Git(owner),
                        None => Installer::Windlass,
                    },
                    health: row.health,
                    detail: row.detail,
                    values: release.map(|release| release["spec"]["values"].clone()),
                    secrets: release.map(secret_paths).unwrap_or_default(),
                    options: entry.options.clone(),
                })
            }
            None => match releases.get(&component.name) {
                Some(release) => Some(of_release(component, release)),
                None => match find_add_on(cx, &cluster, component).await? {
                    Some(found) => Some(found),
                    None => signed(cx, &cluster, component).await?,
                },
            },
        };
        if let Some(found) = found {
            present.insert(component.name.clone(), found);
        }
    }
    Ok(present)
}

/// Returns Flux's releases, by name.
async fn releases(cx: &Ctx, cluster: &Cluster) -> Result<BTreeMap<String, Value>> {
    let any = release_ref("any");
    let Some(kind) = cluster.find_kind(cx, &any.api_version, &any.kind).await? else {
        return Ok(BTreeMap::new());
    };
    let listed = cluster
        .list(cx, &kind, any.namespace.as_deref(), &Selector::default())
        .await?;
    Ok(listed
        .into_iter()
        .filter_map(|release| Some((release["metadata"]["name"].as_str()?.to_owned(), release)))
        .collect())
}

fn owner_in_git(object: &Value) -> Option<String> {
    let owner = object["metadata"]["labels"][FROM_GIT].as_str()?;
    Some(owner.to_owned())
}

fn secret_paths(release: &Value) -> Vec<String> {
    let references = release["spec"]["valuesFrom"].as_array();
    references
        .into_iter()
        .flatten()
        .filter_map(|reference| reference["targetPath"].as_str().map(str::to_owned))
        .collect()
}

/// Tells of a release that windlass did not make.
fn of_release(component: &Component, release: &Value) -> Present {
    let (health, detail) = judge_object(Some(release), &release_ref(&component.name));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Present {
        version: text(&release["status"]["history"][0]["chartVersion"]),
        namespace: text(&release["spec"]["targetNamespace"]).unwrap_or_default(),
        digest: String::new(),
        installer: owner_in_git(release).map_or(Installer::Others, Installer::Git),
        health,
        detail,
        values: Some(release["spec"]["values"].clone()),
        secrets: secret_paths(release),
        options: Map::new(),
    }
}

/// Tells of what the cloud runs in the place of a component.
pub(super) async fn find_add_on(
    cx: &Ctx,
    cluster: &Cluster,
    component: &Component,
) -> Result<Option<Present>> {
    let Some(add_on) = &component.add_on else {
        return Ok(None);
    };
    let kind = cluster.kind(cx, "apps/v1", "Deployment").await?;
    let labels = Selector::labels(add_on.labels.clone());
    let found = cluster.list(cx, &kind, Some(&add_on.namespace), &labels);
    let Some(object) = found.await?.into_iter().next() else {
        return Ok(None);
    };
    let name = ObjectRef::of(&object).unwrap_or_else(|| release_ref(&component.name));
    let (health, detail) = judge_object(Some(&object), &name);
    let version = object["metadata"]["labels"][&add_on.version].as_str();
    Ok(Some(Present {
        version: version.map(str::to_owned),
        namespace: add_on.namespace.clone(),
        digest: String::new(),
        installer: Installer::AddOn(add_on.title.clone()),
        health,
        detail,
        values: None,
        secrets: Vec::new(),
        options: Map::new(),
    }))
}

/// Tells of a component that somebody installed without Flux: by the object that is its sign, or by Helm's own record.
async fn signed(cx: &Ctx, cluster: &Cluster, component: &Component) -> Result<Option<Present>> {
    let (sign, found) = match &component.sign {
        Some(sign) => {
            let sign = ObjectRef {
                api_version: sign.api_version.clone(),
                kind: sign.kind.clone(),
                namespace: sign.namespace.clone(),
                name: sign.name.clone(),
            };
            let found = cluster.get(cx, &sign).await?;
            (sign, found)
        }
        None => {
            let secret = cluster.kind(cx, "v1", "Secret").await?;
            // Source: <https://helm.sh/docs/topics/advanced/#storage-backends>
            let kept = Selector::labels(format!("owner=helm,name={}", component.name));
            let found = cluster
                .list(cx, &secret, None, &kept)
                .await?
                .into_iter()
                .next();
            let sign = found
                .as_ref()
                .and_then(ObjectRef::of)
                .unwrap_or_else(|| release_ref(&component.name));
            (sign, found)
        }
    };
    Ok(found.map(|object| {
        let (health, detail) = judge_object(Some(&object), &sign);
        let label = &object["metadata"]["labels"]["app.kubernetes.io/version"];
        Present {
            version: label
                .as_str()
                .map(|version| version.trim_start_matches('v').to_owned()),
            namespace: sign.namespace.unwrap_or_default(),
            digest: String::new(),
            installer: owner_in_git(&object).map_or(Installer::Others, Installer::Git),
            health,
            detail,
            values: None,
            secrets: Vec::new(),
            options: Map::new(),
        }
    }))
}
