//! The phases in which a cluster is drained before it goes: a fixed list, for what there is to drain is found as it goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Action, Step, StepId};

/// A phase of the drain. Each lists and deletes until nothing is left, while the controllers live that know how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Flux's Kustomizations rest, so that nothing is brought back.
    Gitops,
    /// Crossplane's claims and composites.
    Claims,
    /// Managed resources of Crossplane and resources of Azure Service Operator.
    Managed,
    /// Helm releases whose objects hold load balancers or disks. Before those, which would come back beneath a release.
    Releases,
    /// Services of type LoadBalancer, Ingresses and Gateways.
    Network,
    /// Pods that mount disks of a cloud, and then those.
    Volumes,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 6] = [
        Self::Gitops,
        Self::Claims,
        Self::Managed,
        Self::Releases,
        Self::Network,
        Self::Volumes,
    ];

    /// Returns the id of its step.
    #[must_use]
    pub fn id(self) -> StepId {
        StepId::new(match self {
            Self::Gitops => "drain/gitops",
            Self::Claims => "drain/claims",
            Self::Managed => "drain/managed",
            Self::Releases => "drain/releases",
            Self::Network => "drain/network",
            Self::Volumes => "drain/volumes",
        })
    }

    fn title(self) -> &'static str {
        match self {
            Self::Gitops => "suspend Flux's Kustomizations",
            Self::Claims => "delete claims and composites",
            Self::Managed => "delete managed resources",
            Self::Releases => "uninstall releases that hold load balancers or disks",
            Self::Network => "delete load balancers, ingresses and gateways",
            Self::Volumes => "delete the disks of volumes",
        }
    }

    /// Returns how many seconds the phase may take: clouds take long to delete databases.
    fn limit_seconds(self) -> u64 {
        match self {
            Self::Gitops => 600,
            Self::Claims | Self::Managed => 60 * 60,
            Self::Releases | Self::Network | Self::Volumes => 20 * 60,
        }
    }
}

/// What one look found to drain, for one phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drainable {
    /// What goes, by name.
    pub goes: Vec<String>,
    /// Those of them that hold something outside of the cluster, which is left if nothing drains them.
    pub holds: Vec<String>,
    /// What stays outside of the cluster by its own word, and why.
    pub keeps: Vec<String>,
    /// Those that have been asked to go already.
    pub going: Vec<String>,
}

/// What is outside of a cluster that goes, and that no step removes, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beyond {
    /// What stays on purpose, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// What is left behind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// What could not be proven.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unproven: Vec<String>,
}

impl Beyond {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the steps of a drain, each after the one before; `found` says what one look found. With `abandon`, what is stuck is
/// given up after each phase: in a step of its own, so that what that costs is written down before it happens.
pub(super) fn steps(mut found: BTreeMap<Phase, Drainable>, abandon: bool) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for phase in Phase::ALL {
        let needs = |steps: &[Step]| {
            steps
                .last()
                .map(|step| step.id.clone())
                .into_iter()
                .collect()
        };
        let Drainable {
            goes, holds, keeps, ..
        } = found.remove(&phase).unwrap_or_default();
        steps.push(Step {
            id: phase.id(),
            title: phase.title().to_owned(),
            needs: needs(&steps),
            usual_seconds: if goes.is_empty() { 1 } else { 60 },
            limit_seconds: phase.limit_seconds(),
            makes: Vec::new(),
            removes: goes,
            action: Action::Drain {
                phase,
                keeps,
                holds,
            },
        });
        if abandon && phase != Phase::Gitops {
            steps.push(Step {
                id: StepId::new(format!("{}-abandon", phase.id())),
                title: format!("give up what is stuck of: {}", phase.title()),
                needs: needs(&steps),
                usual_seconds: 1,
                limit_seconds: 20 * 60,
                makes: Vec::new(),
                removes: Vec::new(),
                action: Action::GiveUp { phase },
            });
        }
    }
    steps
}
