//! Removes what windlass installed, by what the inventory says, and looks inside a cluster before it goes.

use windlass_provider::{Change, ClusterName, Ctx, Found, Owner, Provider, Result, State};

use super::{Steps, chart::release_ref, namespaces::namespace_ref};
use crate::{
    engine::Outcome,
    kube::{Cluster, Component, Inventory, ObjectRef, Selector, inventory::NAMESPACE},
};

/// What there is inside a cluster that is about to be destroyed.
#[derive(Clone, Debug, Default)]
pub struct Inside {
    /// The components that windlass installed, in the order of installation.
    pub installed: Vec<String>,
    /// The namespaces that windlass made, but for those that components live in.
    pub namespaces: Vec<String>,
    /// The namespaces that windlass made for components.
    pub homes: Vec<String>,
    /// Whether there is an inventory.
    pub inventory: bool,
    /// The objects that hold resources of a cloud, as "Bucket team/data".
    pub holders: Vec<String>,
    /// What could not be looked at, each a lower-case fragment.
    pub unproven: Vec<String>,
}

/// The API groups of Azure Service Operator: each object there is a resource of Azure.
const ASO: &str = ".azure.com";

/// Looks inside the cluster that discovery found, as far as its API answers: a dead one can still be destroyed.
pub async fn look_inside(
    cx: &Ctx,
    provider: &dyn Provider,
    found: &[Found],
    cluster: &ClusterName,
) -> Inside {
    let there = found
        .iter()
        .any(|item| item.observed.state == State::Ready || item.observed.owner == Owner::Foreign);
    if !there {
        return Inside::default();
    }
    let look = async {
        let access = provider.kubeconfig(cx, cluster).await?;
        let cluster = Cluster::connect(&access)?;
        read_inside(cx, &cluster).await
    };
    look.await.unwrap_or_else(|error: windlass_provider::Error| Inside {
        unproven: vec![format!(
            "whether objects in cluster {cluster} hold cloud resources: its API does not answer ({error})"
        )],
        ..Inside::default()
    })
}

async fn read_inside(cx: &Ctx, cluster: &Cluster) -> Result<Inside> {
    let inventory = Inventory::read(cluster, cx).await?;
    let is_home = |name: &String| {
        let mut components = inventory.components.values();
        components.any(|component| component.namespace == *name)
    };
    let (homes, namespaces) = inventory.namespaces.into_iter().partition(is_home);
    // Flux was installed first and goes last: it is what uninstalls the others.
    let (flux, others): (Vec<String>, Vec<String>) = inventory
        .components
        .into_keys()
        .partition(|name| name == "flux");
    Ok(Inside {
        installed: flux.into_iter().chain(others).collect(),
        namespaces,
        homes,
        inventory: cluster.get(cx, &namespace_ref(NAMESPACE)).await?.is_some(),
        holders: holders(cx, cluster).await?,
        unproven: Vec::new(),
    })
}

/// Returns the objects whose deletion would delete resources of a cloud: Crossplane's managed resources and claims, and
/// Azure Service Operator's.
async fn holders(cx: &Ctx, cluster: &Cluster) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let definition = cluster
        .kind(cx, "apiextensions.k8s.io/v1", "CustomResourceDefinition")
        .await?;
    let definitions = cluster
        .list(cx, &definition, None, &Selector::default())
        .await?;
    for definition in &definitions {
        let spec = &definition["spec"];
        let group = spec["group"].as_str().unwrap_or_default();
        let managed = spec["names"]["categories"]
            .as_array()
            .is_some_and(|categories| {
                categories
                    .iter()
                    .any(|name| name == "managed" || name == "claim")
            });
        if !managed && !group.ends_with(ASO) {
            continue;
        }
        let version = spec["versions"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|version| version["served"] == true)
            .and_then(|version| version["name"].as_str());
        let (Some(version), Some(kind)) = (version, spec["names"]["kind"].as_str()) else {
            continue;
        };
        let Some(kind) = cluster
            .find_kind(cx, &format!("{group}/{version}"), kind)
            .await?
        else {
            continue;
        };
        let objects = cluster.list(cx, &kind, None, &Selector::default()).await?;
        found.extend(
            objects
                .iter()
                .filter_map(ObjectRef::of)
                .map(|object| object.to_string()),
        );
    }
    Ok(found)
}

impl Steps {
    pub(super) async fn uninstall(&self, cx: &Ctx, component: &str) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let inventory = Inventory::read(&cluster, cx).await?;
        let Some(entry) = inventory.components.get(component) else {
            return Ok(Outcome::of(Change::Absent));
        };
        // The release first: Flux's controllers uninstall the chart while the source is still there.
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
}
