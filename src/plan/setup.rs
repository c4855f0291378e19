//! The plan of `setup`.

use serde_json::{Value, json};
use windlass_provider::Resource;

use super::{Action, Chart, Plan, Step, StepId};
use crate::{
    catalog::{Component, Source},
    spec::{ComponentSpec, Spec},
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

/// A manifest that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The component that it is.
    pub component: String,
    /// Where it is from.
    pub url: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// Returns the plan that makes the cluster and raises the platform on it.
///
/// # Panics
/// Where a component that is a manifest comes without one in `facts.manifests`.
#[must_use]
pub fn setup(spec: &Spec, facts: SetupFacts<'_>) -> Plan {
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
    let inventory = Step {
        id: StepId::new("kube/inventory"),
        title: "open the inventory".to_owned(),
        needs: vec![access.id.clone()],
        action: Action::OpenInventory,
        makes: vec![
            "Namespace windlass-system".to_owned(),
            "ConfigMap windlass-system/windlass".to_owned(),
        ],
        removes: Vec::new(),
        usual_seconds: 1,
        limit_seconds: 300,
    };
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
    steps.extend([access, inventory]);
    for (component, wanted) in &facts.components {
        steps.push(install(component, *wanted, spec, &facts.manifests, &ready));
    }
    steps.extend(namespaces);
    steps.extend(sync(spec));
    Plan {
        command: "setup".to_owned(),
        cluster: cluster.clone(),
        provider: spec.cluster.provider,
        rehearsal: facts.rehearsal,
        asked: spec.asked(),
        steps,
    }
}

fn ensure_resource(resource: Resource) -> Step {
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

fn component_id(name: &str) -> StepId {
    StepId::new(format!("component/{name}"))
}

fn install(
    component: &Component,
    wanted: Option<&ComponentSpec>,
    spec: &Spec,
    manifests: &[Manifest],
    ready: &StepId,
) -> Step {
    let version = wanted
        .and_then(|wanted| wanted.version.as_ref())
        .unwrap_or(&component.version)
        .clone();
    let namespace = wanted
        .and_then(|wanted| wanted.namespace.as_ref())
        .unwrap_or(&component.namespace)
        .clone();
    let name = component.name.clone();
    let mut needs: Vec<StepId> = component
        .needs
        .iter()
        .map(|need| component_id(need))
        .collect();
    if needs.is_empty() {
        needs.push(ready.clone());
    }
    let (action, makes) = match &component.source {
        Source::Manifest { .. } => {
            let manifest = manifests
                .iter()
                .find(|manifest| manifest.component == name)
                .expect("each component that is a manifest was fetched before planning");
            (
                Action::InstallManifest {
                    component: name.clone(),
                    version: version.clone(),
                    namespace,
                    url: manifest.url.clone(),
                    sha256: manifest.sha256.clone(),
                },
                vec![format!("everything in {}", manifest.url)],
            )
        }
        source @ (Source::Oci { .. } | Source::Repository { .. }) => {
            let kind = match source {
                Source::Oci { .. } => "OCIRepository",
                _ => "HelmRepository",
            };
            let makes = vec![
                format!("Namespace {namespace}"),
                format!("{kind} flux-system/{name}"),
                format!("HelmRelease flux-system/{name}"),
            ];
            let chart = Chart {
                component: name.clone(),
                version: version.clone(),
                namespace,
                values: component.values(
                    spec.cluster.provider,
                    spec.cluster.name.as_str(),
                    &wanted.map_or(Value::Null, |wanted| wanted.values.clone().into()),
                ),
                secrets: wanted
                    .map(|wanted| wanted.secrets.clone())
                    .unwrap_or_default(),
            };
            (Action::InstallChart { chart }, makes)
        }
        Source::Set { .. } => unreachable!("the catalogue's order has a set's parts in its place"),
    };
    Step {
        id: component_id(&name),
        title: format!("install {} {version}", component.title),
        needs,
        action,
        makes,
        removes: Vec::new(),
        usual_seconds: component.usual_seconds,
        limit_seconds: 15 * 60,
    }
}

fn sync(spec: &Spec) -> Option<Step> {
    let gitops = spec.gitops.as_ref()?;
    Some(Step {
        id: StepId::new("kube/gitops"),
        title: format!("sync {} from {}", gitops.path, gitops.url),
        needs: vec![component_id("flux")],
        action: Action::SyncGit {
            scope: json!({
                "url": gitops.url,
                "ref": gitops.reference,
                "path": gitops.path,
                "interval": format!("{}s", gitops.interval_seconds),
                "prune": gitops.prune,
                "namespace": gitops.namespace,
            }),
        },
        makes: vec![
            format!("GitRepository {}/windlass", gitops.namespace),
            format!("Kustomization {}/windlass", gitops.namespace),
        ],
        removes: Vec::new(),
        usual_seconds: 20,
        limit_seconds: 15 * 60,
    })
}
