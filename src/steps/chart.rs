//! Components that are a chart: Flux installs them, this waits until they are Ready.

use std::collections::BTreeMap;

use serde_json::Value;
use windlass_provider::{Change, Ctx, Error, Fault, Result};

use super::{Steps, change_of, inventory::Claim};
use crate::{
    catalog::{self, Release},
    engine::Outcome,
    files::Digest,
    kube::{Cluster, Inventory, ObjectRef, Selector},
    plan::Chart,
};

/// The label that Flux puts on what a Kustomization applies.
/// Source: <https://fluxcd.io/flux/components/kustomize/kustomizations/>
pub(super) const FROM_GIT: &str = "kustomize.toolkit.fluxcd.io/name";

impl Steps {
    pub(super) async fn install_chart(&self, cx: &Ctx, chart: &Chart) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let release = release_ref(&chart.component);
        if let Some(owner) = owner_in_git(cx, &cluster, &release).await? {
            // What Git manages, Git owns.
            let mut outcome = Outcome::of(Change::Kept);
            outcome.notes.push(format!(
                "{release} comes from Git, through Kustomization {owner}: it is left to it"
            ));
            return Ok(outcome);
        }
        let objects = self.chart_objects(chart)?;
        let others = self.made_by_others(cx, &chart.component, &objects).await?;
        if !others.is_empty() || self.is_helms_own(cx, &cluster, chart).await? {
            cluster.wait_ready(cx, &others).await?;
            return Ok(super::left_to_others(&chart.component));
        }
        self.claim(
            cx,
            Claim {
                component: &chart.component,
                version: &chart.version,
                namespace: &chart.namespace,
                digest: Digest::of(chart.values.to_string()),
                objects: &objects,
            },
        )
        .await?;
        let applied = cluster.apply(cx, &objects).await?;
        let refs: Vec<ObjectRef> = applied.iter().map(|item| item.object.clone()).collect();
        cluster.ask_again(cx, &refs).await?;
        if chart.unawaited {
            let mut outcome = Outcome::of(change_of(&applied));
            outcome
                .notes
                .push(format!("{} was not waited for", chart.component));
            return Ok(outcome);
        }
        let waited: Vec<ObjectRef> = applied
            .iter()
            .map(|item| item.object.clone())
            .filter(|object| object.kind != "Namespace" && object.kind != "Secret")
            .collect();
        let waited = cluster.wait_ready(cx, &waited).await;
        waited.map_err(|error| self.name_version(error, chart))?;
        Ok(Outcome::of(change_of(&applied)))
    }

    /// Adds to an error about a version that does not exist the one that does.
    fn name_version(&self, error: Error, chart: &Chart) -> Error {
        const UNKNOWN: [&str; 3] = ["MANIFEST_UNKNOWN", "chart version", "with version matching"];
        let is_unknown = error
            .causes
            .iter()
            .any(|cause| UNKNOWN.iter().any(|word| cause.contains(word)));
        match self.catalog.get(&chart.component) {
            Some(known) if is_unknown && known.version != chart.version => {
                error.hint(format!("windlass itself would take {}", known.version))
            }
            _ => error,
        }
    }

    /// Returns whether Helm installed the chart without Flux, by the Secrets in which it keeps releases, and windlass had no
    /// part in it. Source: <https://helm.sh/docs/topics/advanced/#storage-backends>
    async fn is_helms_own(&self, cx: &Ctx, cluster: &Cluster, chart: &Chart) -> Result<bool> {
        let inventory = Inventory::read(cluster, cx).await?;
        if inventory.components.contains_key(&chart.component) {
            return Ok(false);
        }
        let secret = cluster.kind(cx, "v1", "Secret").await?;
        let releases = Selector::labels(format!("owner=helm,name={}", chart.component));
        let found = cluster
            .list(cx, &secret, Some(&chart.namespace), &releases)
            .await?;
        Ok(!found.is_empty())
    }

    /// Returns the objects that install a chart, with secret values from the environment.
    pub(super) fn chart_objects(&self, chart: &Chart) -> Result<Vec<Value>> {
        let component = self.catalog.get(&chart.component).ok_or_else(|| {
            Error::new(
                Fault::Invalid,
                format!("there is no component {}", chart.component),
            )
        })?;
        let mut secrets = BTreeMap::new();
        for (path, variable) in &chart.secrets {
            let value = self.secrets.get(variable).ok_or_else(|| {
                Error::new(
                    Fault::Invalid,
                    format!("{} wants the secret value {path}", chart.component),
                )
                .cause(format!("the environment variable {variable} is not set"))
                .hint(format!("set {variable} and run the same command again"))
            })?;
            secrets.insert(path.clone(), value.clone());
        }
        catalog::release(&Release {
            component,
            version: &chart.version,
            namespace: &chart.namespace,
            values: &chart.values,
            secrets: &secrets,
        })
        .map_err(super::broken_template)
    }
}

/// Returns the HelmRelease of a component.
pub(super) fn release_ref(component: &str) -> ObjectRef {
    ObjectRef::namespaced(
        "helm.toolkit.fluxcd.io/v2",
        "HelmRelease",
        "flux-system",
        component,
    )
}

/// Returns the Kustomization that an object comes from, where Git manages it.
async fn owner_in_git(cx: &Ctx, cluster: &Cluster, object: &ObjectRef) -> Result<Option<String>> {
    let found = cluster.get(cx, object).await?;
    Ok(found
        .as_ref()
        .and_then(|object| object["metadata"]["labels"][FROM_GIT].as_str())
        .map(str::to_owned))
}
