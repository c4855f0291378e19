//! The plans of `install` and `upgrade`, and the steps that install components, which `setup` shares.

use std::collections::BTreeMap;

use serde_json::Value;
use windlass_provider::{ClusterName, ProviderId};

use super::{Action, Chart, Plan, Step, StepId};
use crate::{
    catalog::{self, Component, Home, Source},
    spec::{
        ComponentSpec,
        special::{Misuse, Special},
    },
};

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

/// What was looked up before planning an install.
#[derive(Clone, Debug)]
pub struct InstallFacts<'a> {
    /// "install", "upgrade" or "gitops sync".
    pub command: &'a str,
    /// The cluster.
    pub cluster: ClusterName,
    /// Where it runs.
    pub provider: ProviderId,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// What the user asked for: setting → value.
    pub asked: BTreeMap<String, String>,
    /// The components, each after what it needs, with what the user says of it. What they need and is not among them is there.
    pub components: Vec<(&'a Component, Option<&'a ComponentSpec>)>,
    /// The manifests of those components that are one.
    pub manifests: Vec<Manifest>,
    /// The components that are not waited for.
    pub unawaited: Vec<&'a str>,
}

/// Returns the plan that installs components into a cluster that is there.
///
/// # Errors
/// Options of a component that mean nothing together.
///
/// # Panics
/// Where a component that is a manifest comes without one in `facts.manifests`.
pub fn install(facts: InstallFacts<'_>) -> Result<Plan, Misuse> {
    let inventory = open_inventory(Vec::new());
    let ready = inventory.id.clone();
    let mut steps = vec![inventory];
    let components = install_all(
        &facts.components,
        (facts.provider, &facts.cluster),
        &facts.manifests,
        &ready,
    )?;
    steps.extend(components.into_iter().map(|mut step| {
        if facts.command == "upgrade" {
            step.title = step.title.replacen("install", facts.command, 1);
        }
        let is_unawaited = |component: &String| facts.unawaited.contains(&component.as_str());
        match &mut step.action {
            Action::InstallChart { chart } => chart.unawaited = is_unawaited(&chart.component),
            Action::InstallManifest {
                component,
                unawaited,
                ..
            } => *unawaited = is_unawaited(component),
            _ => {}
        }
        step
    }));
    Ok(Plan {
        command: facts.command.to_owned(),
        cluster: facts.cluster,
        provider: facts.provider,
        rehearsal: facts.rehearsal,
        asked: facts.asked,
        beyond: Default::default(),
        steps,
    })
}

/// Returns a chart as the user wants it.
///
/// # Errors
/// Options of the component that mean nothing together.
pub fn chart(
    component: &Component,
    wanted: Option<&ComponentSpec>,
    (provider, cluster): (ProviderId, &ClusterName),
) -> Result<Chart, Misuse> {
    let said = |of: fn(&ComponentSpec) -> Option<&String>, ours: &String| {
        wanted.and_then(of).unwrap_or(ours).clone()
    };
    let users = wanted.map_or(Value::Null, |wanted| wanted.values.clone().into());
    let special = Special::settle(&component.name, wanted, provider)?;
    let from_options = special
        .as_ref()
        .map_or(Value::Null, catalog::special_values);
    Ok(Chart {
        component: component.name.clone(),
        version: said(|wanted| wanted.version.as_ref(), &component.version),
        namespace: said(|wanted| wanted.namespace.as_ref(), &component.namespace),
        values: component.values(provider, cluster.as_str(), &[&from_options, &users]),
        unawaited: false,
        secrets: wanted
            .map(|wanted| wanted.secrets.clone())
            .unwrap_or_default(),
        special,
    })
}

/// Returns the step that opens the inventory.
pub(super) fn open_inventory(needs: Vec<StepId>) -> Step {
    Step {
        id: StepId::new("kube/inventory"),
        title: "open the inventory".to_owned(),
        needs,
        action: Action::OpenInventory,
        makes: vec![
            "Namespace windlass-system".to_owned(),
            "ConfigMap windlass-system/windlass".to_owned(),
        ],
        removes: Vec::new(),
        usual_seconds: 1,
        limit_seconds: 300,
    }
}

/// Returns the steps that install components. Each needs the steps of those among them that it needs, or else `ready`.
pub(super) fn install_all(
    components: &[(&Component, Option<&ComponentSpec>)],
    cluster: (ProviderId, &ClusterName),
    manifests: &[Manifest],
    ready: &StepId,
) -> Result<Vec<Step>, Misuse> {
    let planned: Vec<&str> = components
        .iter()
        .map(|(component, _)| component.name.as_str())
        .collect();
    components
        .iter()
        .map(|(component, wanted)| {
            let mut step = install_one(component, *wanted, cluster, manifests)?;
            step.needs = component
                .needs
                .iter()
                .filter(|need| planned.contains(&need.as_str()))
                .map(|need| component_id(need))
                .collect();
            if step.needs.is_empty() {
                step.needs.push(ready.clone());
            }
            Ok(step)
        })
        .collect()
}

/// Returns the id of a component's step.
#[must_use]
pub fn component_id(name: &str) -> StepId {
    StepId::new(format!("component/{name}"))
}

/// Returns the names of the objects that a chart's options make besides.
fn list_extras(chart: &Chart, (provider, cluster): (ProviderId, &ClusterName)) -> Vec<String> {
    let Some(special) = &chart.special else {
        return Vec::new();
    };
    let home = Home {
        cluster: cluster.as_str(),
        provider,
        namespace: &chart.namespace,
    };
    // A template that is wrong is told by the step that needs it.
    let extras = catalog::extras(special, home, &|_| String::new()).unwrap_or_default();
    let name = |object: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        let home = metadata["namespace"].as_str();
        let home = home.map(|home| format!("{home}/")).unwrap_or_default();
        format!(
            "{} {home}{}",
            text(&object["kind"]),
            text(&metadata["name"])
        )
    };
    extras.objects().map(name).collect()
}

fn install_one(
    component: &Component,
    wanted: Option<&ComponentSpec>,
    cluster: (ProviderId, &ClusterName),
    manifests: &[Manifest],
) -> Result<Step, Misuse> {
    let chart = chart(component, wanted, cluster)?;
    let (name, version) = (component.name.clone(), chart.version.clone());
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
                    namespace: chart.namespace,
                    url: manifest.url.clone(),
                    sha256: manifest.sha256.clone(),
                    unawaited: false,
                },
                vec![format!("everything in {}", manifest.url)],
            )
        }
        source @ (Source::Oci { .. } | Source::Repository { .. }) => {
            let kind = match source {
                Source::Oci { .. } => "OCIRepository",
                _ => "HelmRepository",
            };
            let mut makes = vec![
                format!("Namespace {}", chart.namespace),
                format!("{kind} flux-system/{name}"),
                format!("HelmRelease flux-system/{name}"),
            ];
            makes.extend(list_extras(&chart, cluster));
            (Action::InstallChart { chart }, makes)
        }
        Source::Set { .. } => unreachable!("the catalogue's order has a set's parts in its place"),
    };
    Ok(Step {
        id: component_id(&name),
        title: format!("install {} {version}", component.title),
        needs: Vec::new(),
        action,
        makes,
        removes: Vec::new(),
        usual_seconds: component.usual_seconds,
        limit_seconds: 15 * 60,
    })
}
