//! What Crossplane manages: looked at, awaited, deleted.

use std::sync::Arc;

use serde_json::Value;
use windlass_provider::{Change, ClusterName, Ctx, Provider, Result};

use super::{Connection, Steps, chart::FROM_GIT};
use crate::{engine::Outcome, kube, plan::Scope};

/// What Crossplane manages in a cluster, as far as it is meant.
#[derive(Clone, Debug, Default)]
pub struct Composites {
    /// What goes when it is drained, each with what the cloud calls it.
    pub goes: Vec<String>,
    /// What comes from Git, with the Kustomization that would bring it back.
    pub from_git: Vec<(String, String)>,
}

/// Looks at what Crossplane manages.
///
/// # Errors
/// Those of the provider and of the API.
pub async fn look_at_composites(
    cx: &Ctx,
    connection: &Connection,
    provider: &Arc<dyn Provider>,
    name: &ClusterName,
    scope: &Scope,
) -> Result<Composites> {
    let cluster = connection.open(cx, provider, name).await?;
    let found = cluster.find_composed(cx).await?;
    let meant: Vec<Value> = found.all().filter(|it| scope.has(it)).cloned().collect();
    let owner = |object: &Value| {
        let owner = object["metadata"]["labels"][FROM_GIT].as_str()?.to_owned();
        Some((kube::ObjectRef::of(object)?.to_string(), owner))
    };
    Ok(Composites {
        goes: kube::list_going(&meant),
        from_git: meant.iter().filter_map(owner).collect(),
    })
}

/// Waits until what Crossplane manages is Ready; returns it by name.
///
/// # Errors
/// What is not Ready in time, explained; those of the provider and of the API.
pub async fn await_composites(
    cx: &Ctx,
    connection: &Connection,
    provider: &Arc<dyn Provider>,
    name: &ClusterName,
    scope: &Scope,
) -> Result<Vec<String>> {
    let cluster = connection.open(cx, provider, name).await?;
    let ready = cluster.await_composed(cx, |it| scope.has(it)).await?;
    Ok(ready.iter().map(ToString::to_string).collect())
}

impl Steps {
    pub(super) async fn drain_crossplane(&self, cx: &Ctx, scope: &Scope) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let drained = cluster.drain_composed(cx, |it| scope.has(it)).await?;
        let change = match drained.removed.is_empty() {
            true => Change::Absent,
            false => Change::Removed,
        };
        Ok(Outcome {
            gone: drained.removed,
            kept: drained.kept.into_iter().collect(),
            ..Outcome::of(change)
        })
    }
}
