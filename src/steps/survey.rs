//! How a cluster and its components are.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use windlass_provider::{ClusterName, Ctx, Owner, Provider, Result, Scope, State};

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
    /// The object that is not well.
    #[serde(skip)]
    object: Option<ObjectRef>,
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
    let found = provider.discover(cx, Scope::of(name)).await?;
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
        object: None,
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
        let looks = inventory.components.iter();
        let looks = looks.map(|(name, entry)| look(cx, &cluster, catalog, name, entry));
        let components = futures::future::try_join_all(looks).await?;
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
                row.detail = error.to_line();
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

/// Why a component is not well, and what may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The component.
    pub component: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to type or to change.
    pub hints: Vec<String>,
}

/// Explains why components are not well, as far as the cluster's API tells.
pub async fn explain_survey(
    cx: &Ctx,
    provider: &dyn Provider,
    name: &ClusterName,
    survey: &Survey,
) -> Vec<Trouble> {
    let unwell: Vec<(&Installation, &ObjectRef)> = survey
        .components
        .iter()
        .filter_map(|row| Some((row, row.object.as_ref()?)))
        .collect();
    if unwell.is_empty() {
        return Vec::new();
    }
    // What cannot be explained is shown all the same.
    let Ok(access) = provider.kubeconfig(cx, name).await else {
        return Vec::new();
    };
    let Ok(cluster) = Cluster::connect(&access) else {
        return Vec::new();
    };
    let explained = unwell.into_iter().map(|(row, object)| async {
        let kube::Diagnosis { causes, hints } = cluster.diagnose(cx, object).await;
        Trouble {
            component: row.what.clone(),
            causes,
            hints,
        }
    });
    futures::future::join_all(explained).await
}

/// Looks at a component that is in the inventory.
pub(super) async fn look(
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
        let after = entry.extras.iter().flatten().cloned();
        std::iter::once(release_ref(name)).chain(after).collect()
    };
    let mut row = Installation {
        what: name.to_owned(),
        version: entry.version.clone(),
        health: Health::Ready,
        detail: String::new(),
        object: None,
    };
    for object in &watched {
        let live = cluster.get(cx, object).await?;
        let mut object = object.clone();
        (row.health, row.detail) = judge_object(live.as_ref(), &object);
        // A release stays Ready whatever becomes of what it made.
        if row.health == Health::Ready
            && let Some(live) = &live
            && let Some(workload) = cluster.unready_workload(cx, &object, live).await?
            && let Some(name) = ObjectRef::of(&workload)
        {
            (row.health, row.detail) = judge_object(Some(&workload), &name);
            object = name;
        }
        if row.health != Health::Ready {
            row.object = Some(object);
            break;
        }
    }
    Ok(row)
}

/// Returns how an object is, and why where it is not well; `None` in its place is one that is gone.
pub(super) fn judge_object(live: Option<&Value>, object: &ObjectRef) -> (Health, String) {
    match live.map(kube::judge) {
        None => (Health::Failed, format!("{object} is gone")),
        Some(Verdict::Ready) => (Health::Ready, String::new()),
        Some(Verdict::Waiting(what)) => (Health::Progressing, format!("{object}: {what}")),
        Some(Verdict::Failed(reason)) => (Health::Failed, format!("{object}: {reason}")),
    }
}
