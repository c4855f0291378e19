//! What only the user can decide about a destroy, each with what it risks: not to drain, to give up what is stuck, to keep something.

use clap::{Args, ValueEnum};
use windlass_provider::{Found, Owner, ProviderId};

use crate::{
    error::{Error, Kind, Result},
    plan::{Action, Plan},
    steps,
};

/// How a cluster is drained before it goes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Drain")]
pub(super) struct DrainArgs {
    /// Do not delete what objects in the cluster hold in a cloud (databases, load balancers, disks): each is named, goes on
    /// existing and costing, and is left behind (exit code 5)
    #[arg(long, conflicts_with = "abandon")]
    pub(super) skip_drain: bool,
    /// Give up what is stuck for two minutes: its finalizers are removed, and what they guard is named, goes on existing and
    /// costing, and is left behind (exit code 5)
    #[arg(long)]
    pub(super) abandon: bool,
    /// Keep these on purpose: disks of volumes, and what windlass made around the cluster
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    keep: Vec<Keep>,
    /// The same as --keep group
    #[arg(long, hide = true)]
    keep_group: bool,
    /// Purge the cluster's key vaults that are deleted and could still be recovered [Azure]; without it they are named and kept
    #[arg(long)]
    pub(super) purge: bool,
}

/// What can be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Keep {
    /// The project of Google Cloud
    Project,
    /// The resource group of Azure
    Group,
    /// The disks of volumes
    Volumes,
    /// The cluster's logs
    Logs,
}

impl Keep {
    /// Returns what it is, and where there is such a thing.
    fn of(self) -> (&'static str, &'static [ProviderId]) {
        use ProviderId::{Aws, Azure, Google, Kind};
        match self {
            Self::Project => ("project of Google Cloud", &[Google]),
            Self::Group => ("resource group of Azure", &[Azure]),
            // On Azure they lie in a group of AKS's own, which goes with the cluster.
            Self::Volumes => ("disks that outlive it", &[Aws, Google, Kind]),
            Self::Logs => ("logs in a cloud", &[Aws, Google]),
        }
    }

    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl DrainArgs {
    /// Refuses to keep what there is not.
    pub(super) fn check(&self, provider: ProviderId) -> Result<()> {
        if self.purge && provider != ProviderId::Azure {
            return Err(Error::message(
                Kind::Usage,
                format!("--purge: a cluster on {provider} has no key vaults"),
            )
            .hint("leave it out"));
        }
        let meant = |keep: &Keep| keep.of().1.contains(&provider);
        let Some(keep) = self.kept().find(|keep| !meant(keep)) else {
            return Ok(());
        };
        let there = Keep::value_variants().iter().copied().filter(meant);
        let there: Vec<String> = there.map(Keep::name).collect();
        Err(Error::message(
            Kind::Usage,
            format!(
                "--keep {}: a cluster on {provider} has no {}",
                keep.name(),
                keep.of().0
            ),
        )
        .hint(format!(
            "leave it out: on {provider} there is --keep {}",
            there.join(",")
        )))
    }

    /// Returns what is kept.
    fn kept(&self) -> impl Iterator<Item = Keep> {
        let group = self.keep_group.then_some(Keep::Group);
        self.keep.iter().copied().chain(group)
    }

    /// Returns whether the disks of volumes are kept.
    pub(super) fn keeps_volumes(&self) -> bool {
        self.keep.contains(&Keep::Volumes)
    }

    /// Says what each decision risks, and what is not known: asked for once, before anything happens.
    pub(super) fn risks(&self, left: &[String], unproven: &[String]) -> Vec<String> {
        let mut risks = Vec::new();
        if !unproven.is_empty() {
            risks.push("what its objects hold in clouds cannot be looked at: it goes on existing and costing".to_owned());
        }
        if !left.is_empty() {
            risks.push(format!(
                "left behind, existing and costing: {}",
                left.join(", ")
            ));
        }
        if self.abandon {
            risks.push("what is stuck for two minutes is given up: it goes on existing and costing, and nothing in the cluster names it any more".to_owned());
        }
        if self.purge {
            risks.push("what is purged nobody can recover".to_owned());
        }
        for keep in self.kept() {
            risks.push(match keep {
                Keep::Volumes => "disks are kept, and go on costing".to_owned(),
                Keep::Logs => "logs are kept, and go on costing".to_owned(),
                Keep::Project => "the project is kept, with whatever else is in it".to_owned(),
                Keep::Group => "the resource group is kept, with whatever else is in it".to_owned(),
            });
        }
        risks
    }

    /// Says the same of clusters that nobody has looked into yet.
    pub(super) fn general_risks(&self) -> Vec<String> {
        let mut risks = self.risks(&[], &[]);
        if self.skip_drain {
            risks.push("what objects hold in clouds is not deleted: it is left behind, and goes on existing and costing".to_owned());
        }
        risks
    }

    /// Takes what stays out of what was found. `kept` tells of objects in the cluster that are kept.
    pub(super) fn set_aside(&self, found: &mut Vec<Found>, kept: &[String]) -> Aside {
        let mut aside = Aside::default();
        found.retain(|item| {
            let resource = &item.resource;
            let name = format!("{} {}", resource.kind, resource.name);
            match self.stay(item, kept) {
                None => return true,
                Some(Stay::Kept(why)) => aside.kept.push(format!("{name}: {why}")),
                Some(Stay::Left) => aside.left.push(name),
            }
            false
        });
        aside
    }

    /// Returns why what is deleted already, and can be recovered, stays.
    fn recoverable(&self, item: &Found) -> Option<Stay> {
        let outputs = &item.observed.outputs;
        let until = outputs.get("recoverable-until").map_or("", String::as_str);
        let is_protected = outputs.contains_key("purge-protected");
        match (self.purge, is_protected) {
            (true, false) => None,
            (_, true) => Some(Stay::Kept(format!(
                "it is deleted, and protected from being purged: Azure does so on {until}"
            ))),
            (false, false) => Some(Stay::Kept(format!(
                "it is deleted, costs nothing, and can be recovered until {until}; --purge removes it for good"
            ))),
        }
    }

    /// Returns why something that the provider found stays; `None`: it goes.
    fn stay(&self, item: &Found, kept: &[String]) -> Option<Stay> {
        let asked = |keep: Keep| {
            let is_kept = self.kept().any(|it| it == keep);
            is_kept.then(|| Stay::Kept(format!("you asked to keep the {}", keep.name())))
        };
        if item.observed.owner != Owner::Ours {
            return None;
        }
        match (item.resource.kind.as_str(), item.resource.id.as_str()) {
            ("disk", _) => {
                let volume = item.observed.outputs.get("volume");
                let is_retained = volume.is_some_and(|volume| {
                    let line = format!("PersistentVolume {volume}");
                    kept.iter().any(|it| steps::name_in(it) == line)
                });
                asked(Keep::Volumes)
                    .or_else(|| {
                        is_retained.then(|| Stay::Kept("its volume says Retain".to_owned()))
                    })
                    .or_else(|| self.skip_drain.then_some(Stay::Left))
            }
            (windlass_provider::SOFT_DELETED, _) => self.recoverable(item),
            ("log group", _) => asked(Keep::Logs),
            (_, "project") => asked(Keep::Project),
            (_, "group") => asked(Keep::Group),
            _ => None,
        }
    }
}

/// Why something stays.
enum Stay {
    /// On purpose.
    Kept(String),
    /// Since nothing is drained.
    Left,
}

/// What stays, a line each.
#[derive(Debug, Default)]
pub(super) struct Aside {
    /// On purpose, with the reason.
    pub(super) kept: Vec<String>,
    /// Left behind.
    pub(super) left: Vec<String>,
}

/// Says what will go: the steps, but for phases of the drain that have nothing to do, and what those would delete.
pub(super) fn question(plan: &Plan, risks: &[String]) -> String {
    let told: Vec<String> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Drain { .. } if step.removes.is_empty() => None,
            // What it risks is said once.
            Action::GiveUp { .. } => None,
            Action::Drain { .. } => Some(format!("{} ({})", step.title, step.removes.join(", "))),
            _ => Some(step.title.clone()),
        })
        .collect();
    format!(
        "Cluster {}: {}.{} Go on?",
        plan.cluster,
        told.join(", "),
        sentences(risks)
    )
}

/// Writes each of these as a sentence, with a space before it.
pub(super) fn sentences(risks: &[String]) -> String {
    let sentence = |risk: &String| {
        let mut rest = risk.chars();
        let first = rest.next().map(|it| it.to_uppercase().to_string());
        format!(" {}{}.", first.unwrap_or_default(), rest.as_str())
    };
    risks.iter().map(sentence).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::{self, DestroyFacts, Phase};

    #[test]
    fn what_each_decision_risks_is_asked_for_once() {
        let plan = plan::destroy(DestroyFacts {
            cluster: "dot".parse().unwrap(),
            provider: ProviderId::Kind,
            found: Vec::new(),
            installed: Vec::new(),
            namespaces: Vec::new(),
            homes: Vec::new(),
            inventory: false,
            accounts: Vec::new(),
            drain: Some([(Phase::Network, Default::default())].into()),
            beyond: Default::default(),
            abandon: true,
            purge: false,
            rehearsal: false,
        });
        let args = DrainArgs {
            skip_drain: false,
            abandon: true,
            keep: vec![Keep::Volumes],
            keep_group: false,
            purge: false,
        };
        let asked = question(&plan, &args.risks(&["Bucket a (b)".to_owned()], &[]));
        assert_eq!(
            asked,
            "Cluster dot: remove the kubeconfig of dot. Left behind, existing and costing: Bucket a (b). What is stuck for two \
             minutes is given up: it goes on existing and costing, and nothing in the cluster names it any more. Disks are kept, \
             and go on costing. Go on?"
        );
    }

    #[test]
    fn what_is_kept_is_neither_deleted_nor_left_behind() {
        let found = |id: &str, owner| Found {
            resource: windlass_provider::Resource {
                id: windlass_provider::ResourceId::new(id),
                cluster: "dot".parse().unwrap(),
                kind: "resource group".to_owned(),
                name: "windlass-dot".to_owned(),
                needs: Vec::new(),
                want: Default::default(),
                usual: Duration::ZERO,
                limit: Duration::ZERO,
            },
            observed: windlass_provider::Observed {
                owner,
                ..windlass_provider::Observed::missing()
            },
            tags: None,
        };
        let args = DrainArgs {
            skip_drain: false,
            abandon: false,
            keep: Vec::new(),
            keep_group: true,
            purge: false,
        };
        let mut all = vec![found("group", Owner::Ours), found("cluster", Owner::Ours)];
        let kept = args.set_aside(&mut all, &[]).kept;
        assert_eq!(
            kept,
            ["resource group windlass-dot: you asked to keep the group"]
        );
        assert_eq!(all, [found("cluster", Owner::Ours)]);
        let mut theirs = vec![found("group", Owner::Foreign)];
        assert!(args.set_aside(&mut theirs, &[]).kept.is_empty() && theirs.len() == 1);
    }

    #[test]
    fn only_what_a_provider_has_can_be_kept() {
        let keep = |keep: Keep, provider| {
            let args = DrainArgs {
                skip_drain: false,
                abandon: false,
                keep: vec![keep],
                keep_group: false,
                purge: false,
            };
            args.check(provider).map_err(|error| error.to_string())
        };
        assert!(keep(Keep::Volumes, ProviderId::Kind).is_ok());
        assert!(keep(Keep::Project, ProviderId::Google).is_ok());
        assert_eq!(
            keep(Keep::Project, ProviderId::Kind).unwrap_err(),
            "error: --keep project: a cluster on kind has no project of Google Cloud\n  \
             hint: leave it out: on kind there is --keep volumes"
        );
        assert_eq!(
            keep(Keep::Volumes, ProviderId::Azure).unwrap_err(),
            "error: --keep volumes: a cluster on azure has no disks that outlive it\n  \
             hint: leave it out: on azure there is --keep group"
        );
        assert_eq!(
            keep(Keep::Group, ProviderId::Aws).unwrap_err(),
            "error: --keep group: a cluster on aws has no resource group of Azure\n  \
             hint: leave it out: on aws there is --keep volumes,logs"
        );
    }
}
