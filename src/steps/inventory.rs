//! What windlass installed, as the cluster itself remembers it.

use serde_json::{Value, json};
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
    /// Before it is applied, so that a crash in between leaves nothing that an uninstall would not find.
    pub(super) async fn claim(&self, cx: &Ctx, claim: Claim<'_>) -> Result<()> {
        let cluster = self.cluster(cx).await?;
        self.claim_namespaces(cx, claim.objects).await?;
        let inventory = Inventory::read(&cluster, cx).await?;
        let (own, others): (Vec<ObjectRef>, Vec<ObjectRef>) = claim
            .objects
            .iter()
            .filter_map(ObjectRef::of)
            .filter(|object| object.kind != "Namespace")
            .partition(|object| {
                let entry = inventory.components.get(claim.component);
                entry.is_some_and(|entry| entry.objects.contains(object))
            });
        let foreign = there(cx, &cluster, others.clone()).await?;
        let made = others
            .into_iter()
            .filter(|object| !foreign.contains(object));
        let component = Component {
            version: claim.version.to_owned(),
            namespace: claim.namespace.to_owned(),
            digest: format!("sha256:{}", claim.digest),
            objects: own.into_iter().chain(made).collect(),
            rest: Default::default(),
        };
        component.record(&cluster, cx, claim.component).await
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
