//! What windlass installed, as the cluster itself remembers it.

use serde_json::{Map, Value, json};
use windlass_provider::{Change, Ctx, Result};

use super::{Steps, accounts, change_of, namespaces::namespace_ref};
use crate::{
    engine::Outcome,
    files::Digest,
    kube::{
        Cluster, Component, Inventory, ObjectRef,
        inventory::{self, NAMESPACE},
    },
};

/// A component that is about to be applied.
pub(super) struct Claim<'a> {
    pub(super) component: &'a str,
    pub(super) version: &'a str,
    pub(super) namespace: &'a str,
    pub(super) digest: Digest,
    pub(super) objects: &'a [Value],
    /// What is applied afterwards, in rounds.
    pub(super) extras: &'a [Vec<Value>],
    pub(super) options: Map<String, Value>,
}

/// Returns the objects that the inventory needs before anything is written down.
pub(super) fn inventory_objects() -> Vec<Value> {
    vec![json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": { "app.kubernetes.io/managed-by": "windlass" },
        },
    })]
}

impl Steps {
    pub(super) async fn open_inventory(&self, cx: &Ctx) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let applied = cluster.apply(cx, &inventory_objects()).await?;
        // Read once, so that one that cannot be read stops the run before anything is installed.
        Inventory::read(&cluster, cx).await?;
        Ok(Outcome::of(change_of(&applied)))
    }

    pub(super) async fn remove_inventory(&self, cx: &Ctx) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let mut outcome = Outcome::of(Change::Removed);
        for ((home, name), entry) in Inventory::read(&cluster, cx).await?.accounts {
            accounts::remove(&cluster, cx, &home, &name, &entry).await?;
            outcome.notes.push(format!(
                "took the access of service account {home}/{name} away"
            ));
        }
        cluster
            .delete_and_wait(cx, &[namespace_ref(NAMESPACE)])
            .await?;
        Ok(outcome)
    }

    /// Returns the workloads and releases among `objects` that are there although windlass did not install the component:
    /// somebody else did, and it is used and never removed.
    pub(super) async fn made_by_others(
        &self,
        cx: &Ctx,
        component: &str,
        objects: &[Value],
    ) -> Result<Vec<ObjectRef>> {
        const TELLING: [&str; 4] = ["DaemonSet", "Deployment", "HelmRelease", "StatefulSet"];
        let cluster = self.cluster(cx).await?;
        let inventory = Inventory::read(&cluster, cx).await?;
        if inventory.components.contains_key(component) {
            return Ok(Vec::new());
        }
        let telling: Vec<ObjectRef> = objects
            .iter()
            .filter_map(ObjectRef::of)
            .filter(|object| TELLING.contains(&object.kind.as_str()))
            .collect();
        there(cx, &cluster, telling).await
    }

    /// Writes down a component and what of it windlass makes: what is there already and was not its own never becomes so.
    /// Before it is applied, so that a crash in between leaves nothing that an uninstall would not find. Returns what windlass
    /// made for it earlier and is not wanted any more, in rounds, the last made first; it stays written down until
    /// [`Self::prune`] has removed it.
    pub(super) async fn claim(&self, cx: &Ctx, claim: Claim<'_>) -> Result<Vec<Vec<ObjectRef>>> {
        let cluster = self.cluster(cx).await?;
        self.claim_namespaces(cx, claim.objects).await?;
        let inventory = Inventory::read(&cluster, cx).await?;
        let named = |objects: &[Value]| -> Vec<ObjectRef> {
            let named = objects.iter().filter_map(ObjectRef::of);
            named.filter(|object| object.kind != "Namespace").collect()
        };
        let mut rounds = vec![named(claim.objects)];
        rounds.extend(claim.extras.iter().map(|round| named(round)));
        let before: Vec<Vec<ObjectRef>> = match inventory.components.get(claim.component) {
            Some(entry) => std::iter::once(&entry.objects)
                .chain(&entry.extras)
                .cloned()
                .collect(),
            None => Vec::new(),
        };
        let is_in = |rounds: &[Vec<ObjectRef>], object: &ObjectRef| {
            rounds.iter().any(|round| round.contains(object))
        };
        let wanted = rounds.clone();
        let others = wanted.iter().flatten();
        let others = others.filter(|object| !is_in(&before, object));
        let foreign = there(cx, &cluster, others.cloned().collect()).await?;
        for round in &mut rounds {
            round.retain(|object| !foreign.contains(object));
        }
        let mut stale = before;
        for (index, round) in stale.iter_mut().enumerate() {
            round.retain(|object| !is_in(&wanted, object));
            if rounds.len() == index {
                rounds.push(Vec::new());
            }
            rounds[index].extend(round.iter().cloned());
        }
        let mut rounds = rounds.into_iter();
        let component = Component {
            version: claim.version.to_owned(),
            namespace: claim.namespace.to_owned(),
            digest: format!("sha256:{}", claim.digest),
            objects: rounds.next().unwrap_or_default(),
            extras: rounds.collect(),
            options: claim.options,
            rest: Default::default(),
        };
        component.record(&cluster, cx, claim.component).await?;
        stale.retain(|round| !round.is_empty());
        stale.reverse();
        Ok(stale)
    }

    /// Removes what [`Self::claim`] returned, round by round, and takes it out of the inventory.
    pub(super) async fn prune(
        &self,
        cx: &Ctx,
        component: &str,
        stale: &[Vec<ObjectRef>],
    ) -> Result<()> {
        let cluster = self.cluster(cx).await?;
        for round in stale {
            cluster.delete_and_wait(cx, round).await?;
        }
        let mut inventory = Inventory::read(&cluster, cx).await?;
        let Some(mut entry) = inventory.components.remove(component) else {
            return Ok(());
        };
        let is_stale = |object: &ObjectRef| stale.iter().any(|round| round.contains(object));
        entry.objects.retain(|object| !is_stale(object));
        for round in &mut entry.extras {
            round.retain(|object| !is_stale(object));
        }
        while entry.extras.last().is_some_and(Vec::is_empty) {
            entry.extras.pop();
        }
        entry.record(&cluster, cx, component).await
    }

    /// Writes down which of the namespaces among `objects` windlass is about to make: those that are not there yet. Before
    /// they are made, so that a crash in between loses none; those that were there are not its own.
    pub(super) async fn claim_namespaces(&self, cx: &Ctx, objects: &[Value]) -> Result<()> {
        let cluster = self.cluster(cx).await?;
        for object in objects.iter().filter_map(ObjectRef::of) {
            if object.kind == "Namespace" && cluster.get(cx, &object).await?.is_none() {
                inventory::record_namespace(&cluster, cx, &object.name).await?;
            }
        }
        Ok(())
    }
}

/// Returns those of `objects` that are in the cluster, asked for side by side.
async fn there(cx: &Ctx, cluster: &Cluster, objects: Vec<ObjectRef>) -> Result<Vec<ObjectRef>> {
    let asked = objects.into_iter().map(|object| async move {
        let found = cluster.get(cx, &object).await?;
        Ok::<_, windlass_provider::Error>(found.map(|_| object))
    });
    let found = futures::future::try_join_all(asked).await?;
    Ok(found.into_iter().flatten().collect())
}
