//! Components that are a chart: Flux installs them, this waits until they are Ready.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use windlass_provider::{Change, Ctx, Error, Fault, ProviderId, Result};

use super::{Steps, change_of, inventory::Claim, present::find_add_on};
use crate::{
    catalog::{self, Extras, Home, Release, Source},
    engine::Outcome,
    files::Digest,
    kube::{Cluster, Inventory, ObjectRef, Selector},
    plan::Chart,
    spec::special::Special,
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
        if let Some(kept) = self.keep_add_on(cx, &cluster, chart).await? {
            return Ok(kept);
        }
        // What the inventory keeps is what was asked for: who a controller is the provider knows.
        let told = self.with_identity(cx, chart).await?;
        let extras = self.chart_extras(&told)?;
        let mut objects = self.chart_objects(&told)?;
        objects.extend(extras.before);
        let others = self.made_by_others(cx, &chart.component, &objects).await?;
        if !others.is_empty() || self.is_helms_own(cx, &cluster, chart).await? {
            cluster.wait_ready(cx, &others).await?;
            return Ok(super::left_to_others(&chart.component));
        }
        self.check_ports(cx, &cluster, chart).await?;
        let stale = self
            .claim(
                cx,
                Claim {
                    component: &chart.component,
                    version: &chart.version,
                    namespace: &chart.namespace,
                    digest: chart_digest(chart),
                    objects: &objects,
                    extras: &extras.after,
                    options: chart
                        .special
                        .as_ref()
                        .map(Special::list)
                        .unwrap_or_default(),
                },
            )
            .await?;
        self.check_unused(cx, &stale).await?;
        let mut done = cluster.apply(cx, &objects).await?;
        let refs: Vec<ObjectRef> = done.iter().map(|item| item.object.clone()).collect();
        cluster.ask_again(cx, &refs).await?;
        let mut waited: Vec<ObjectRef> = refs
            .into_iter()
            .filter(|object| object.kind != "Namespace" && object.kind != "Secret")
            .chain(self.fetched_for(&chart.component))
            .collect();
        for round in &extras.after {
            // What comes next needs what is there: the CRDs of the chart, and those of packages.
            self.await_chart(cx, &cluster, chart, &waited).await?;
            let applied = cluster.apply(cx, round).await?;
            waited = applied.iter().map(|item| item.object.clone()).collect();
            done.extend(applied);
        }
        let mut outcome = Outcome::of(change_of(&done));
        outcome.notes = extras.notes;
        if chart.unawaited {
            outcome.notes.push(super::not_awaited(&chart.component));
        } else {
            self.await_chart(cx, &cluster, chart, &waited).await?;
            if outcome.change == Change::Unchanged {
                self.await_workloads(cx, &cluster, &chart.component).await?;
            }
        }
        if !stale.is_empty() {
            self.prune(cx, &chart.component, &stale).await?;
            outcome.change = Change::Updated;
        }
        Ok(outcome)
    }

    /// Leaves the component to the cloud that runs it as an add-on, unless windlass installed it before.
    async fn keep_add_on(
        &self,
        cx: &Ctx,
        cluster: &Cluster,
        chart: &Chart,
    ) -> Result<Option<Outcome>> {
        let Some(component) = self.catalog.get(&chart.component) else {
            return Ok(None);
        };
        let Some(add_on) = &component.add_on else {
            return Ok(None);
        };
        let inventory = Inventory::read(cluster, cx).await?;
        if inventory.components.contains_key(&chart.component) {
            return Ok(None);
        }
        let found = find_add_on(cx, cluster, component).await?;
        Ok(found.map(|_| {
            let mut outcome = Outcome::of(Change::Kept);
            outcome.notes.push(format!(
                "the cluster has {}: {} is left to it; {}",
                add_on.title, chart.component, add_on.advice
            ));
            outcome
        }))
    }

    /// Checks that no other release has the ports of the node that a chart listens on; on Kind there is one node that is reached.
    async fn check_ports(&self, cx: &Ctx, cluster: &Cluster, chart: &Chart) -> Result<()> {
        let component = self.catalog.get(&chart.component);
        let wanted = component.map(|it| it.host_ports(&chart.values));
        let wanted = wanted.unwrap_or_default();
        if self.provider_id != ProviderId::Kind || wanted.is_empty() {
            return Ok(());
        }
        let others = self.catalog.all().filter(|it| it.name != chart.component);
        for other in others.filter(|it| !it.without_host_ports().is_empty()) {
            let Some(release) = cluster.get(cx, &release_ref(&other.name)).await? else {
                continue;
            };
            let has = other.host_ports(&release["spec"]["values"]);
            if let Some(port) = wanted.intersection(&has).next() {
                let name = &other.name;
                return Err(Error::new(
                    Fault::Conflict,
                    format!(
                        "{} wants port {port} of the node, and {name} has it",
                        chart.component
                    ),
                )
                .hint(format!(
                    "windlass uninstall {name}, and then the same again"
                )));
            }
        }
        Ok(())
    }

    /// Returns what the controllers make to fetch a component's chart from a repository: what is wrong with the chart, its release
    /// does not say for good.
    fn fetched_for(&self, component: &str) -> Option<ObjectRef> {
        let known = self.catalog.get(component)?;
        matches!(known.source, Source::Repository { .. }).then(|| {
            ObjectRef::namespaced(
                "source.toolkit.fluxcd.io/v1",
                "HelmChart",
                "flux-system",
                format!("flux-system-{component}"),
            )
        })
    }

    /// Waits until the objects of a chart are ready; what windlass knows besides of why they are not is told with the rest.
    async fn await_chart(
        &self,
        cx: &Ctx,
        cluster: &Cluster,
        chart: &Chart,
        objects: &[ObjectRef],
    ) -> Result<()> {
        match cluster.wait_ready(cx, objects).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.advise(cx, error, chart).await),
        }
    }

    /// Waits until what a release made long ago is ready: the release stays Ready whatever becomes of it.
    async fn await_workloads(&self, cx: &Ctx, cluster: &Cluster, component: &str) -> Result<()> {
        let release = release_ref(component);
        while let Some(live) = cluster.get(cx, &release).await?
            && let Some(workload) = cluster.unready_workload(cx, &release, &live).await?
            && let Some(name) = ObjectRef::of(&workload)
        {
            cluster.wait_ready(cx, &[name]).await?;
        }
        Ok(())
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

    /// Returns the objects that a chart's options make besides, with secret values from the environment.
    pub(super) fn chart_extras(&self, chart: &Chart) -> Result<Extras> {
        let Some(special) = &chart.special else {
            return Ok(Extras::default());
        };
        if let Some(variable) = special
            .variables()
            .find(|it| !self.secrets.contains_key(*it))
        {
            return Err(Error::new(
                Fault::Invalid,
                format!("{} wants a secret", chart.component),
            )
            .cause(format!("the environment variable {variable} is not set"))
            .hint(format!("set {variable} and run the same command again")));
        }
        let home = Home {
            cluster: self.cluster.as_str(),
            provider: self.provider_id,
            namespace: &chart.namespace,
        };
        let secret = |name: &str| self.secrets.get(name).cloned().unwrap_or_default();
        catalog::extras(special, home, &secret).map_err(super::broken_template)
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

/// Returns the digest of what a chart is told, as the inventory keeps it.
#[must_use]
pub fn chart_digest(chart: &Chart) -> Digest {
    match &chart.special {
        None => Digest::of(chart.values.to_string()),
        Some(special) => {
            let told = json!({ "values": chart.values, "options": special.list() });
            Digest::of(told.to_string())
        }
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
