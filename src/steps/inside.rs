//! Looks inside a cluster before it goes: what windlass installed, and what objects hold outside of it.

use std::collections::BTreeMap;

use windlass_provider::{ClusterName, Ctx, Found, Provider, Result, State};

use super::{drain::target_of, namespaces::namespace_ref};
use crate::{
    kube::{self, Cluster, Inventory, inventory::NAMESPACE},
    plan::{Drainable, Phase},
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
    /// What there is to drain, by phase; `None` where the API could not be asked.
    pub drain: Option<BTreeMap<Phase, Drainable>>,
    /// What could not be looked at, each a lower-case fragment.
    pub unproven: Vec<String>,
}

/// Looks inside the cluster that discovery found, as far as its API answers: a dead one can still be destroyed.
pub async fn look_inside(
    cx: &Ctx,
    provider: &dyn Provider,
    found: &[Found],
    cluster: &ClusterName,
) -> Inside {
    let used = |item: &Found| !item.observed.unused && item.observed.state != State::Missing;
    if !found.iter().any(used) {
        return Inside::default();
    }
    let look = async {
        let access = provider.kubeconfig(cx, cluster).await?;
        let cluster = Cluster::connect(&access)?;
        read_inside(cx, &cluster).await
    };
    look.await.unwrap_or_else(|error: windlass_provider::Error| Inside {
        unproven: vec![format!(
            "whether objects in cluster {cluster} hold cloud resources: its API does not answer ({})",
            error.to_line()
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
        drain: Some(find_drainable(cx, cluster).await?),
        unproven: Vec::new(),
    })
}

/// Looks for what there is to drain, by phase.
async fn find_drainable(cx: &Ctx, cluster: &Cluster) -> Result<BTreeMap<Phase, Drainable>> {
    let looks = Phase::ALL.into_iter().filter_map(|phase| {
        let target = target_of(phase)?;
        Some(async move {
            let found = cluster.find_drainable(cx, target).await?;
            let drainable = Drainable {
                goes: kube::list_going(&found),
                holds: kube::list_holding(target, &found),
                keeps: kube::list_kept(&found),
            };
            Ok::<_, windlass_provider::Error>((phase, drainable))
        })
    });
    let found = futures::future::try_join_all(looks).await?;
    Ok(found.into_iter().collect())
}
