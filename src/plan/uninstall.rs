//! The plan of `uninstall`.

use std::collections::BTreeMap;

use windlass_provider::{ClusterName, ProviderId};

use super::{Action, Plan, Step, StepId, install::component_id};
use crate::catalog::Component;

/// What was looked up before planning an uninstall.
#[derive(Clone, Debug)]
pub struct UninstallFacts<'a> {
    /// The cluster.
    pub cluster: ClusterName,
    /// Where it runs.
    pub provider: ProviderId,
    /// Whether it is a rehearsal.
    pub rehearsal: bool,
    /// What the user asked for: setting → value.
    pub asked: BTreeMap<String, String>,
    /// The components that go, each after what it needs.
    pub components: Vec<Going<'a>>,
}

/// A component that goes.
#[derive(Clone, Debug)]
pub struct Going<'a> {
    /// Which.
    pub component: &'a Component,
    /// What stays, and why.
    pub notes: Vec<String>,
    /// The CRDs that are removed with all objects of their kinds, and those objects.
    pub definitions: Vec<String>,
    /// The objects, as "Certificate team/web".
    pub objects: Vec<String>,
    /// The namespace that is removed with all that is in it.
    pub namespace: Option<String>,
    /// Whether it is not waited for until it is gone.
    pub unawaited: bool,
}

/// Returns the plan that takes components out of a cluster: each after those that need it; the objects of its CRDs before its
/// controllers, which they need to go.
#[must_use]
pub fn uninstall(facts: UninstallFacts<'_>) -> Plan {
    let mut steps: Vec<Step> = Vec::new();
    for (index, going) in facts.components.iter().enumerate().rev() {
        let name = &going.component.name;
        let mut needs: Vec<StepId> = facts.components[index + 1..]
            .iter()
            .filter(|other| other.component.needs.contains(name))
            .map(|other| component_id(&other.component.name))
            .collect();
        let mut push = |id: StepId, title: String, removes: Vec<String>, action: Action| {
            let needs = std::mem::replace(&mut needs, vec![id.clone()]);
            steps.push(Step {
                id,
                title,
                needs,
                action,
                makes: Vec::new(),
                removes,
                usual_seconds: 10,
                // Clouds take long to delete databases.
                limit_seconds: 60 * 60,
            });
        };
        if !going.objects.is_empty() {
            push(
                StepId::new(format!("drain/{name}")),
                format!("delete the objects of {name}'s CRDs"),
                going.objects.clone(),
                Action::EmptyDefinitions {
                    component: name.clone(),
                    definitions: going.definitions.clone(),
                },
            );
        }
        push(
            component_id(name),
            format!("uninstall {}", going.component.title),
            vec![name.clone()],
            Action::RemoveComponent {
                component: name.clone(),
                notes: going.notes.clone(),
                unawaited: going.unawaited,
            },
        );
        if !going.definitions.is_empty() {
            push(
                StepId::new(format!("kube/{name}-definitions")),
                format!("delete the CRDs of {name}"),
                going
                    .definitions
                    .iter()
                    .map(|name| format!("CustomResourceDefinition {name}"))
                    .collect(),
                Action::RemoveDefinitions {
                    definitions: going.definitions.clone(),
                },
            );
        }
        if let Some(namespace) = &going.namespace {
            push(
                StepId::new(format!("kube/{name}-namespace")),
                format!("remove the namespace {namespace}"),
                vec![format!("Namespace {namespace}")],
                Action::RemoveNamespaces {
                    names: vec![namespace.clone()],
                },
            );
        }
    }
    Plan {
        command: "uninstall".to_owned(),
        cluster: facts.cluster,
        provider: facts.provider,
        rehearsal: facts.rehearsal,
        asked: facts.asked,
        beyond: Default::default(),
        steps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn what_needs_another_goes_first_and_objects_before_controllers() {
        let catalog = Catalog::load().unwrap();
        let going = |name: &str, purged: bool| Going {
            component: catalog.get(name).unwrap(),
            notes: Vec::new(),
            definitions: if purged {
                vec!["a.x".into()]
            } else {
                Vec::new()
            },
            objects: if purged {
                vec!["A team/a".into()]
            } else {
                Vec::new()
            },
            namespace: purged.then(|| name.to_owned()),
            unawaited: false,
        };
        let plan = uninstall(UninstallFacts {
            cluster: "dot".parse().unwrap(),
            provider: ProviderId::Kind,
            rehearsal: false,
            asked: BTreeMap::new(),
            components: vec![going("flux", false), going("cert-manager", true)],
        });
        assert_eq!(plan.check(), Ok(()));
        let told: Vec<String> = plan
            .steps
            .iter()
            .map(|step| {
                let needs: Vec<&str> = step.needs.iter().map(StepId::as_str).collect();
                format!("{} < {}", step.id, needs.join(" "))
            })
            .collect();
        assert_eq!(
            told,
            [
                "drain/cert-manager < ",
                "component/cert-manager < drain/cert-manager",
                "kube/cert-manager-definitions < component/cert-manager",
                "kube/cert-manager-namespace < kube/cert-manager-definitions",
                "component/flux < component/cert-manager",
            ]
        );
    }
}
