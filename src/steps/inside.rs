//! Looks inside a cluster before it goes: what windlass installed, and what objects hold outside of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use windlass_provider::{ClusterName, Ctx, Fault, Found, Provider, Result, State};

use super::{Connection, drain::target_of, namespaces::namespace_ref};
use crate::{
    kube::{self, Cluster, Inventory, inventory::NAMESPACE},
    plan::{Drainable, Phase},
};

/// How long to wait before an API that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(10);

/// What there is inside a cluster that is about to be destroyed.
#[derive(Clone, Debug, Default)]
pub struct Inside {
    /// The components that windlass installed, in the order of installation.
    pub installed: Vec<String>,
    /// The namespaces that windlass made, but for those that components live in.
    pub namespaces: Vec<String>,
    /// The namespaces that windlass made for components.
    pub homes: Vec<String>,
    /// The service accounts to which windlass gave a role, as "namespace/name".
    pub accounts: Vec<String>,
    /// Whether there is an inventory.
    pub inventory: bool,
    /// What there is to drain, by phase; `None` where the API could not be asked.
    pub drain: Option<BTreeMap<Phase, Drainable>>,
    /// What could not be looked at, each a lower-case fragment.
    pub unproven: Vec<String>,
}

/// Looks inside the cluster that discovery found, as far as its API answers within `patience`: a dead one can still be destroyed.
///
/// # Errors
/// Of an API that is alive and refuses: whoever may not look cannot know what would be left.
pub async fn look_inside(
    cx: &Ctx,
    provider: &Arc<dyn Provider>,
    found: &[Found],
    name: &ClusterName,
    patience: Duration,
) -> Result<Inside> {
    let used = |item: &Found| !item.observed.unused && item.observed.state != State::Missing;
    if !found.iter().any(used) {
        return Ok(Inside::default());
    }
    let connection = Connection::default();
    let cluster = match connection.open(cx, provider, name).await {
        Ok(cluster) => cluster,
        Err(error) => return Ok(Inside::unknown(name, &error)),
    };
    let until = cx.clock.now() + patience;
    loop {
        let error = match read_inside(cx, &cluster).await {
            Ok(inside) => return Ok(inside),
            Err(error) if error.fault == Fault::Denied => return Err(error),
            Err(error) => error,
        };
        if error.fault != Fault::Transient || cx.clock.now() + AGAIN > until {
            return Ok(Inside::unknown(name, &error));
        }
        let left = until.duration_since(cx.clock.now()).as_secs();
        cx.progress.say(format!(
            "the API of cluster {name} does not answer: it is asked again for up to {left} s"
        ));
        cx.clock.sleep(AGAIN).await;
    }
}

impl Inside {
    /// Says that nothing is known of what is in a cluster, and why.
    #[must_use]
    pub fn unknown(cluster: &ClusterName, error: &windlass_provider::Error) -> Self {
        let why = error.to_line();
        Self {
            unproven: vec![format!(
                "whether objects in cluster {cluster} hold cloud resources: its API does not answer ({why})"
            )],
            ..Self::default()
        }
    }
}

async fn read_inside(cx: &Ctx, cluster: &Cluster) -> Result<Inside> {
    let inventory = Inventory::read(cluster, cx).await?;
    let is_home = |name: &String| {
        let mut components = inventory.components.values();
        components.any(|component| component.namespace == *name)
    };
    let (homes, namespaces) = inventory.namespaces.into_iter().partition(is_home);
    let accounts = inventory.accounts.keys();
    let accounts = accounts
        .map(|(home, name)| format!("{home}/{name}"))
        .collect();
    // Flux was installed first and goes last: it is what uninstalls the others.
    let (flux, others): (Vec<String>, Vec<String>) = inventory
        .components
        .into_keys()
        .partition(|name| name == "flux");
    Ok(Inside {
        installed: flux.into_iter().chain(others).collect(),
        namespaces,
        homes,
        accounts,
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
                going: kube::list_asked(&found),
            };
            Ok::<_, windlass_provider::Error>((phase, drainable))
        })
    });
    let found = futures::future::try_join_all(looks).await?;
    Ok(found.into_iter().collect())
}
