//! The plan of `setup`.

use windlass_provider::{ProviderId, Resource};

use super::{
    Action, Manifest, Plan, Step, StepId,
    gitops::sync,
    install::{component_id, install_all, open_inventory},
};
use crate::{
    catalog::Component,
    spec::{ComponentSpec, Spec, special::Misuse},
};

/// What was looked up before planning a setup.
#[derive(Clone, Debug)]
pub struct SetupFacts<'a> {
    /// What the provider says that the cluster needs, each after what it needs.
    pub resources: Vec<Resource>,
    /// The components, each after what it needs, with what the user says of it.
    pub components: Vec<(&'a Component, Option<&'a ComponentSpec>)>,
    /// The manifests of those components that are one.
    pub manifests: Vec<Manifest>,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
}

/// Returns the plan that makes the cluster and raises the platform on it.
///
/// # Errors
/// Options of a component that mean nothing together.
///
/// # Panics
/// Where a component that is a manifest comes without one in `facts.manifests`.
pub fn setup(spec: &Spec, facts: SetupFacts<'_>) -> Result<Plan, Misuse> {
    let cluster = &spec.cluster.name;
    let mut steps: Vec<Step> = facts.resources.into_iter().map(ensure_resource).collect();
    let access = Step {
        id: StepId::new("kube/access"),
        title: format!("write the kubeconfig of {cluster}"),
        needs: steps.iter().map(|step| step.id.clone()).collect(),
        action: Action::WriteAccess,
        makes: vec![format!("kubeconfig-{cluster}.yaml"), ".env".to_owned()],
        removes: Vec::new(),
        usual_seconds: 1,
        limit_seconds: 300,
    };
    let storage = (spec.cluster.provider == ProviderId::Aws).then(|| Step {
        id: StepId::new("kube/storage-class"),
        title: "make the default storage class".to_owned(),
        needs: vec![access.id.clone()],
        action: Action::MakeStorageClass,
        makes: vec!["StorageClass gp3".to_owned()],
        removes: Vec::new(),
        usual_seconds: 1,
        limit_seconds: 300,
    });
    // What is installed may claim disks.
    let before = [Some(&access), storage.as_ref()].into_iter().flatten();
    let inventory = open_inventory(before.map(|step| step.id.clone()).collect());
    let namespaces = (!spec.namespaces.is_empty()).then(|| Step {
        id: StepId::new("kube/namespaces"),
        title: format!("make the namespaces {}", spec.namespaces.join(", ")),
        needs: vec![inventory.id.clone()],
        action: Action::MakeNamespaces {
            names: spec.namespaces.clone(),
        },
        makes: spec
            .namespaces
            .iter()
            .map(|name| format!("Namespace {name}"))
            .collect(),
        removes: Vec::new(),
        usual_seconds: 1,
        limit_seconds: 300,
    });
    let ready = inventory.id.clone();
    steps.push(access);
    steps.extend(storage);
    steps.push(inventory);
    let target = (spec.cluster.provider, cluster);
    let mut installs = install_all(&facts.components, target, &facts.manifests, &ready)?;
    if spec.cluster.azure.flux_extension {
        for step in installs
            .iter_mut()
            .filter(|it| it.id == component_id("flux"))
        {
            "wait for Flux, which AKS installs".clone_into(&mut step.title);
            step.makes.clear();
        }
    }
    check_identities(spec, &installs)?;
    steps.extend(installs);
    steps.extend(namespaces);
    let synced = spec.gitops.as_ref();
    steps.extend(synced.map(|gitops| sync(gitops, component_id("flux"))));
    Ok(Plan {
        command: "setup".to_owned(),
        cluster: cluster.clone(),
        provider: spec.cluster.provider,
        rehearsal: facts.rehearsal,
        asked: spec.asked(),
        beyond: Default::default(),
        steps,
    })
}

/// Refuses components that can do nothing in the cluster's cloud without an identity, where none is made for them.
fn check_identities(spec: &Spec, installs: &[Step]) -> Result<(), Misuse> {
    if spec.cluster.provider != ProviderId::Azure {
        return Ok(());
    }
    for step in installs {
        if let Action::InstallChart { chart } = &step.action
            && let Some(special) = &chart.special
            && !spec.cluster.azure.controllers.contains(&chart.component)
        {
            special.check_identity(&chart.values)?;
        }
    }
    Ok(())
}

/// Returns the step that brings a resource about.
pub(super) fn ensure_resource(resource: Resource) -> Step {
    Step {
        id: StepId::new(format!("resource/{}", resource.id)),
        title: format!("create {} {}", resource.kind, resource.name),
        needs: resource
            .needs
            .iter()
            .map(|need| StepId::new(format!("resource/{need}")))
            .collect(),
        makes: vec![format!("{} {}", resource.kind, resource.name)],
        removes: Vec::new(),
        usual_seconds: resource.usual.as_secs(),
        limit_seconds: resource.limit.as_secs(),
        action: Action::EnsureResource { resource },
    }
}
