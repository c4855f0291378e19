//! How a cluster and its components are.

use std::fmt;

use serde::Serialize;
use windlass_provider::{ClusterName, Ctx, Owner, Provider, Result, State};

use super::chart::release_ref;
use crate::{
    catalog::{Catalog, Source},
    kube::{self, Cluster, Inventory, ObjectRef, Verdict},
};

/// How one thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Well.
    Ready,
    /// On its way.
    Progressing,
    /// Not well, and not by itself going to be.
    Failed,
    /// It cannot be told.
    Unknown,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Progressing => "progressing",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Installation {
    /// What: the cluster, or a component's name.
    pub what: String,
    /// Its version, where it has one.
    pub version: String,
    /// How it is.
    pub health: Health,
    /// Why, where it is not well; where it came from, otherwise.
    pub detail: String,
}

/// How a cluster and its components are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// The cluster.
    pub cluster: Installation,
    /// Its components, as the inventory has them.
    pub components: Vec<Installation>,
    /// The namespaces that windlass made.
    pub namespaces: Vec<String>,
}

impl Survey {
    /// Returns all that was looked at.
    pub fn rows(&self) -> impl Iterator<Item = &Installation> {
        std::iter::once(&self.cluster).chain(&self.components)
    }
}

/// Looks at a cluster and its components; `None` where there is no such cluster.
///
/// # Errors
/// Those of the provider. An API that does not answer is a finding, not an error.
pub async fn survey(
    cx: &Ctx,
    provider: &dyn Provider,
    name: &ClusterName,
    catalog: &Catalog,
) -> Result<Option<Survey>> {
    let found = provider.discover(cx, Some(name)).await?;
    if found.is_empty() {
        return Ok(None);
    }
    let unwell = found
        .iter()
        .find(|item| item.observed.state != State::Ready);
    let foreign = found
        .iter()
        .any(|item| item.observed.owner == Owner::Foreign);
    let mut row = Installation {
        what: format!("cluster {name}"),
        version: String::new(),
        health: Health::Ready,
        detail: if foreign {
            "made by others: windlass uses it and will not delete it".to_owned()
        } else {
            String::new()
        },
    };
    if let Some(item) = unwell {
        row.health = match item.observed.state {
            State::Making | State::Deleting => Health::Progressing,
            _ => Health::Failed,
        };
        row.detail = item.observed.detail.clone().unwrap_or_else(|| {
            format!("{} {} is not ready", item.resource.kind, item.resource.name)
        });
    }
    let inside = async {
        let access = provider.kubeconfig(cx, name).await?;
        let cluster = Cluster::connect(&access)?;
        let version = cluster.reachable(cx).await?;
        let inventory = Inventory::read(&cluster, cx).await?;
        let mut components = Vec::new();
        for (component, entry) in &inventory.components {
            components.push(look(cx, &cluster, catalog, component, entry).await?);
        }
        Ok((
            version,
            components,
            inventory.namespaces.into_iter().collect(),
        ))
    };
    let answer: Result<(String, Vec<Installation>, Vec<String>)> = inside.await;
    let (components, namespaces) = match answer {
        Ok((version, components, namespaces)) => {
            row.version = version;
            (components, namespaces)
        }
        Err(error) => {
            row.health = Health::Failed;
            if row.detail.is_empty() {
                row.detail = std::iter::once(error.message)
                    .chain(error.causes)
                    .collect::<Vec<_>>()
                    .join(": ");
            }
            (Vec::new(), Vec::new())
        }
    };
    Ok(Some(Survey {
        cluster: row,
        components,
        namespaces,
    }))
}

async fn look(
    cx: &Ctx,
    cluster: &Cluster,
    catalog: &Catalog,
    name: &str,
    entry: &kube::Component,
) -> Result<Installation> {
    let is_manifest = catalog
        .get(name)
        .is_some_and(|component| matches!(component.source, Source::Manifest { .. }));
    let watched: Vec<ObjectRef> = if is_manifest {
        entry
            .objects
            .iter()
            .filter(|object| object.kind == "Deployment")
            .cloned()
            .collect()
    } else {
        vec![release_ref(name)]
    };
    let mut row = Installation {
        what: name.to_owned(),
        version: entry.version.clone(),
        health: Health::Ready,
        detail: String::new(),
    };
    for object in &watched {
        let (health, detail) = match cluster.get(cx, object).await? {
            None => (Health::Failed, format!("{object} is gone")),
            Some(live) => match kube::judge(&live) {
                Verdict::Ready => continue,
                Verdict::Waiting(what) => (Health::Progressing, format!("{object}: {what}")),
                Verdict::Failed(reason) => (Health::Failed, format!("{object}: {reason}")),
            },
        };
        row.health = health;
        row.detail = detail;
        break;
    }
    Ok(row)
}
