//! Removes what windlass installed, by what the inventory says.

use std::sync::Arc;

use serde_json::Value;
use windlass_provider::{Change, ClusterName, Ctx, Provider, Result};

use super::{Connection, Leaving, Steps, chart::release_ref, leaving::definition_ref};
use crate::{
    engine::Outcome,
    kube::{self, Component, Inventory, ObjectRef},
};

impl Steps {
    pub(super) async fn uninstall(&self, cx: &Ctx, component: &str) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let inventory = Inventory::read(&cluster, cx).await?;
        let Some(entry) = inventory.components.get(component) else {
            return Ok(Outcome::of(Change::Absent));
        };
        self.remove_extras(cx, component, entry).await?;
        // Then the release: Flux's controllers uninstall the chart while the source is still there.
        cluster
            .delete_and_wait(cx, &[release_ref(component)])
            .await?;
        cluster.delete_and_wait(cx, &entry.objects).await?;
        Component::forget(&cluster, cx, component).await?;
        let mut outcome = Outcome::of(Change::Removed);
        if let Some(known) = self.catalog.get(component) {
            outcome.notes.extend(known.uninstall.iter().cloned());
        }
        Ok(outcome)
    }

    /// Asks for a component to go, and does not wait until it is gone. As long as something of it is there, it stays in the
    /// inventory, so that the same again, or a destroy, ends it.
    pub(super) async fn ask_to_uninstall(
        &self,
        cx: &Ctx,
        component: &str,
        notes: &[String],
    ) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let inventory = Inventory::read(&cluster, cx).await?;
        let Some(entry) = inventory.components.get(component) else {
            return Ok(Outcome::of(Change::Absent));
        };
        self.remove_extras(cx, component, entry).await?;
        // What is deleted after the release is what that needs to go.
        let release = [release_ref(component)];
        let mut going = cluster.delete_unawaited(cx, &release).await?;
        if going.is_empty() {
            going = cluster.delete_unawaited(cx, &entry.objects).await?;
        }
        if going.is_empty() {
            Component::forget(&cluster, cx, component).await?;
        }
        let told = going.first().map(|first| {
            let again = "windlass uninstall";
            format!("{first} is going, and was not waited for; to see it gone: {again} {component}")
        });
        Ok(Outcome {
            notes: told.into_iter().chain(notes.iter().cloned()).collect(),
            ..Outcome::of(match going.is_empty() {
                true => Change::Removed,
                false => Change::Updated,
            })
        })
    }

    /// Removes what came after the release, the last first, while the controllers live that know how.
    async fn remove_extras(&self, cx: &Ctx, component: &str, entry: &Component) -> Result<()> {
        let cluster = self.cluster(cx).await?;
        for round in entry.extras.iter().rev() {
            cluster.delete_and_wait(cx, round).await?;
        }
        if component == "crossplane" {
            self.remove_self_made(cx, component).await?;
        }
        Ok(())
    }
}

/// Returns the objects that go with components, as they are in the cluster and in the order in which they would be applied
/// again: what windlass made, and, of what they leave where it is purged,
/// the CRDs, the objects of their kinds and the namespace.
///
/// # Errors
/// Those of the provider and of the API.
pub async fn find_going(
    cx: &Ctx,
    connection: &Connection,
    provider: &Arc<dyn Provider>,
    name: &ClusterName,
    components: &[(&str, Option<&Leaving>)],
) -> Result<Vec<Value>> {
    let cluster = connection.open(cx, provider, name).await?;
    let inventory = Inventory::read(&cluster, cx).await?;
    let mut refs: Vec<ObjectRef> = Vec::new();
    for (component, purged) in components {
        if let Some(entry) = inventory.components.get(*component) {
            refs.push(release_ref(component));
            refs.extend(entry.all_objects().cloned());
        }
        let Some(purged) = purged else { continue };
        for definition in &purged.definitions {
            refs.push(definition_ref(&definition.name));
            refs.extend(definition.objects.iter().cloned());
        }
        let namespace = purged.namespace.iter();
        refs.extend(namespace.map(|name| ObjectRef::cluster("v1", "Namespace", name)));
    }
    let mut objects = Vec::new();
    for (at, name) in refs.iter().enumerate() {
        if refs[..at].contains(name) {
            continue;
        }
        objects.extend(cluster.get(cx, name).await?.and_then(kube::portable));
    }
    kube::sort_for_apply(&mut objects);
    Ok(objects)
}
