//! The plan of `destroy`.

use std::collections::BTreeMap;

use windlass_provider::{ClusterName, Found, Owner, ProviderId};

use super::{
    Action, Beyond, Plan, Step, StepId,
    drain::{self, Drainable, Phase},
};

/// What was looked up before planning a destroy.
#[derive(Clone, Debug)]
pub struct DestroyFacts {
    /// The cluster.
    pub cluster: ClusterName,
    /// Where it runs.
    pub provider: ProviderId,
    /// What discovery found of it, in the order of creation.
    pub found: Vec<Found>,
    /// What windlass installed into a cluster that somebody else made, in the order of installation, and the namespaces
    /// that it made there; empty where the cluster itself goes.
    pub installed: Vec<String>,
    /// The namespaces that windlass made in such a cluster, but for those that components live in.
    pub namespaces: Vec<String>,
    /// Those that it made for components.
    pub homes: Vec<String>,
    /// Whether there is an inventory in such a cluster.
    pub inventory: bool,
    /// The service accounts to which windlass gave a role in such a cluster, as "namespace/name".
    pub accounts: Vec<String>,
    /// What one look found to drain, by phase: for a cluster that goes and whose API answers; `None`: it is not drained.
    pub drain: Option<BTreeMap<Phase, Drainable>>,
    /// What is known to stay outside of the cluster.
    pub beyond: Beyond,
    /// Whether what is stuck in the drain is given up.
    pub abandon: bool,
    /// Whether what is deleted and could be recovered is purged.
    pub purge: bool,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
}

/// Returns the plan that removes all that windlass made, the last made first; the access to the cluster goes last, so that
/// a destroy that stopped can go on.
#[must_use]
pub fn destroy(facts: DestroyFacts) -> Plan {
    let DestroyFacts {
        cluster,
        provider,
        found,
        installed,
        namespaces,
        homes,
        inventory,
        accounts,
        drain,
        beyond,
        abandon,
        purge,
        rehearsal,
    } = facts;
    let mut steps: Vec<Step> = drain
        .map(|found| drain::steps(found, abandon))
        .unwrap_or_default();
    // While the controllers live that tend what is in them.
    steps.extend(remove_namespaces("kube/namespaces", namespaces, &steps));
    // One after the other, the last installed first: what needs another goes before it.
    for name in installed.into_iter().rev() {
        steps.push(Step {
            id: StepId::new(format!("component/{name}")),
            title: format!("uninstall {name}"),
            needs: steps
                .last()
                .map(|step| step.id.clone())
                .into_iter()
                .collect(),
            makes: Vec::new(),
            removes: vec![name.clone()],
            action: Action::UninstallComponent { component: name },
            usual_seconds: 20,
            limit_seconds: 15 * 60,
        });
    }
    // After the controllers in them have uninstalled the charts.
    steps.extend(remove_namespaces(
        "kube/component-namespaces",
        homes,
        &steps,
    ));
    if inventory {
        steps.push(Step {
            id: StepId::new("kube/inventory"),
            title: "remove the inventory".to_owned(),
            needs: steps.iter().map(|step| step.id.clone()).collect(),
            action: Action::RemoveInventory,
            makes: Vec::new(),
            removes: accounts
                .iter()
                .map(|account| format!("the access of service account {account}"))
                .chain(["Namespace windlass-system".to_owned()])
                .collect(),
            usual_seconds: 2,
            limit_seconds: 15 * 60,
        });
    }
    // What is in the cluster goes while it lives.
    let first: Vec<StepId> = steps.iter().map(|step| step.id.clone()).collect();
    let id = |resource: &windlass_provider::ResourceId| StepId::new(format!("resource/{resource}"));
    for item in found
        .iter()
        .rev()
        .filter(|item| item.observed.owner == Owner::Ours)
    {
        let resource = &item.resource;
        // What needs this one goes before it.
        let needs = found
            .iter()
            .filter(|other| other.observed.owner == Owner::Ours)
            .filter(|other| other.resource.needs.contains(&resource.id))
            .map(|other| id(&other.resource.id))
            .chain(first.iter().cloned())
            .collect();
        steps.push(Step {
            id: id(&resource.id),
            title: format!("delete {} {}", resource.kind, resource.name),
            needs,
            action: Action::DeleteResource {
                resource: resource.clone(),
            },
            makes: Vec::new(),
            removes: vec![format!("{} {}", resource.kind, resource.name)],
            usual_seconds: 15,
            limit_seconds: resource.limit.as_secs(),
        });
    }
    if purge {
        steps.push(Step {
            id: StepId::new("resource/deleted"),
            title: "purge what is deleted and could be recovered".to_owned(),
            needs: steps.iter().map(|step| step.id.clone()).collect(),
            action: Action::PurgeDeleted,
            makes: Vec::new(),
            removes: Vec::new(),
            usual_seconds: 5,
            limit_seconds: 60 * 60,
        });
    }
    steps.push(Step {
        id: StepId::new("kube/access"),
        title: format!("remove the kubeconfig of {cluster}"),
        needs: steps.iter().map(|step| step.id.clone()).collect(),
        action: Action::RemoveAccess,
        makes: Vec::new(),
        removes: vec![
            format!("kubeconfig-{cluster}.yaml"),
            format!("the block of {cluster} in .env"),
        ],
        usual_seconds: 1,
        limit_seconds: 60,
    });
    Plan {
        command: "destroy".to_owned(),
        cluster,
        provider,
        rehearsal,
        asked: Default::default(),
        beyond,
        steps,
    }
}

/// Returns the step that removes these namespaces after `earlier`, if there are any.
fn remove_namespaces(id: &str, names: Vec<String>, earlier: &[Step]) -> Option<Step> {
    (!names.is_empty()).then(|| Step {
        id: StepId::new(id),
        title: format!("remove the namespaces {}", names.join(", ")),
        needs: earlier.iter().map(|step| step.id.clone()).collect(),
        makes: Vec::new(),
        removes: names
            .iter()
            .map(|name| format!("Namespace {name}"))
            .collect(),
        action: Action::RemoveNamespaces { names },
        usual_seconds: 5,
        limit_seconds: 15 * 60,
    })
}
