//! `windlass destroy`: removes what windlass made, and audits that nothing is left.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use windlass_provider::{ClusterName, Ctx, Owner, ProviderId, Scope};

use super::{
    App,
    app::Place,
    cluster_flags::flags_at,
    components::load_catalog,
    ended, outside,
    reap::{self, ManyArgs},
    run::{self, RunArgs},
    uninstall::{Others, check_objects},
};

/// How long an API that does not answer is waited for before the cluster goes undrained.
const PATIENCE: Duration = Duration::from_secs(120);

use crate::{
    catalog::Component,
    error::{Error, Kind, Result},
    plan::{self, Action, DestroyFacts, Phase, Plan},
    steps,
};

/// Let a cluster and its platform down again, and print a receipt.
///
/// The cluster is found by its marks: no file of setup is needed, and any machine with the same access will do. What
/// windlass did not make is never deleted.
#[derive(Clone, Debug, Args)]
pub(super) struct DestroyArgs {
    /// Where the cluster runs
    #[arg(value_name = "PROVIDER", value_parser = super::global::provider_names())]
    pub(super) place: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Also write the receipt, or what stands in its place, as JSON into this file; with --all or --expired, one for each cluster
    /// into this folder
    #[arg(long, value_name = "FILE")]
    pub(super) receipt: Option<PathBuf>,
    #[command(flatten)]
    pub(super) many: ManyArgs,
    #[command(flatten)]
    pub(super) drain: DrainArgs,
    #[command(flatten)]
    pub(super) run: RunArgs,
    /// Whether a cluster that others made is left alone, with what windlass installed on it
    #[arg(skip)]
    bare: bool,
}

impl DestroyArgs {
    /// Returns the command that was typed.
    pub(super) fn command(&self) -> &'static str {
        match self.bare {
            true => "cluster delete",
            false => "destroy",
        }
    }
}

/// How a cluster is drained before it goes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Drain")]
pub(super) struct DrainArgs {
    /// Do not delete what objects in the cluster hold in a cloud (databases, load balancers, disks): each is named, goes on
    /// existing and costing, and is left behind (exit code 5)
    #[arg(long, conflicts_with = "abandon")]
    skip_drain: bool,
    /// Give up what is stuck for two minutes: its finalizers are removed, and what they guard is named, goes on existing and
    /// costing, and is left behind (exit code 5)
    #[arg(long)]
    abandon: bool,
    /// Keep these on purpose: disks of volumes, and what windlass made around the cluster
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    keep: Vec<Keep>,
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
            Self::Volumes => ("disks of a cloud", &[Aws, Azure, Google, Kind]),
            Self::Logs => ("logs in a cloud", &[Aws, Azure, Google]),
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
        let meant = |keep: &Keep| keep.of().1.contains(&provider);
        let Some(keep) = self.keep.iter().find(|keep| !meant(keep)) else {
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

    /// Says what each decision risks, and what is not known: asked for once, before anything happens.
    fn risks(&self, left: &[String], unproven: &[String]) -> Vec<String> {
        let mut risks = Vec::new();
        if !unproven.is_empty() {
            risks.push("What its objects hold in clouds cannot be looked at: it goes on existing and costing.".to_owned());
        }
        if !left.is_empty() {
            risks.push(format!(
                "Left behind, existing and costing: {}.",
                left.join(", ")
            ));
        }
        if self.abandon {
            risks.push("What is stuck for two minutes is given up: it goes on existing and costing, and nothing in the cluster names it any more.".to_owned());
        }
        if self.keep.contains(&Keep::Volumes) {
            risks.push("Disks are kept, and go on costing.".to_owned());
        }
        risks
    }
}

/// Deletes the cluster alone: one that windlass made, and what is on it goes with it.
pub(super) async fn delete(args: DestroyArgs, app: App) -> Result<()> {
    run(DestroyArgs { bare: true, ..args }, app).await
}

pub(super) async fn run(args: DestroyArgs, app: App) -> Result<()> {
    if let Some(which) = args.many.which() {
        return reap::run(which, args, app).await;
    }
    let settings = app.settings(flags_at(&app, args.place.as_deref())?)?;
    let id = app.provider_of(&settings)?;
    args.drain.check(id)?;
    let place = app.place(id).await?;
    let cluster = settings.cluster.value.clone();
    let_down(args, &app, &place, cluster).await
}

/// Lets one cluster down, as far as windlass made it.
pub(super) async fn let_down(
    args: DestroyArgs,
    app: &App,
    place: &Place,
    cluster: ClusterName,
) -> Result<()> {
    let id = place.id;
    let command = args.command();
    let guard = run::Guard::begin(app, place, &cluster, command, &args.run).await?;
    let cx = guard.cx();
    let scope = Scope::of(&cluster).within(args.many.regions());
    let found = guard
        .preparing(async { Ok(place.provider.discover(cx, scope).await?) })
        .await?;
    let ours = found.iter().any(|item| item.observed.owner == Owner::Ours);
    if args.bare && !ours && !found.is_empty() {
        return Err(Error::message(
            Kind::Refused,
            format!("windlass did not make cluster {cluster}, and does not delete it"),
        )
        .hint(format!(
            "take what windlass installed out of it: windlass destroy {id} --cluster {cluster}"
        )));
    }
    let mut telling = cx.clone();
    let output = app.output().clone();
    telling.progress = windlass_provider::Progress::new(move |message| output.note(message));
    let look = steps::look_inside(&telling, &place.provider, &found, &cluster, PATIENCE);
    let mut inside = match guard.preparing(async { Ok(look.await) }).await? {
        Ok(inside) => inside,
        Err(error) if args.drain.skip_drain => steps::Inside::unknown(&cluster, &error),
        Err(error) => {
            let what =
                format!("cannot look at what objects in cluster {cluster} hold outside of it");
            return Err(Error::from(error.context(&what)).hint(
                "or destroy it unseen: --skip-drain, and what its objects hold is left behind",
            ));
        }
    };
    if outside::was_drained(&place.workdir.cluster(&cluster)) {
        inside.unproven.clear();
    }
    for unproven in &inside.unproven {
        app.warn(
            &format!("nobody can tell {unproven}"),
            &["bring its API back first, and they are deleted with it; otherwise what they hold stays where it is".to_owned()],
        );
    }
    let catalog = load_catalog()?;
    let accounts = inside.accounts.clone();
    let mut untended = Vec::new();
    if !ours {
        let names = inside.installed.iter();
        let going: Vec<&Component> = names.filter_map(|name| catalog.get(name)).collect();
        let force = args.drain.skip_drain;
        untended = guard
            .preparing(check_untended(cx, place, &cluster, &going, force))
            .await?;
    }
    let mut drain = inside.drain.filter(|_| ours);
    let folder = place.workdir.cluster(&cluster);
    let mut known = outside::remember(&folder, drain.as_mut());
    known.unproven.extend(inside.unproven);
    known.left.extend(untended);
    let mut skipped = Vec::new();
    if args.drain.skip_drain {
        for (phase, found) in drain.take().into_iter().flatten() {
            known.kept.extend(found.keeps);
            match phase {
                Phase::Volumes if args.drain.keep.contains(&Keep::Volumes) => {
                    let volumes = found.holds.into_iter();
                    let kept = volumes.map(|name| format!("{name}: you asked to keep volumes"));
                    known.kept.extend(kept);
                }
                _ => skipped.extend(found.holds),
            }
        }
        for holder in &skipped {
            app.warn(&format!("not drained, and left behind: {holder}"), &[]);
        }
        known.left.extend(skipped);
    }
    let mut plan = plan::destroy(DestroyFacts {
        cluster: cluster.clone(),
        provider: id,
        installed: if ours {
            Vec::new()
        } else {
            inside.installed.clone()
        },
        namespaces: if ours {
            Vec::new()
        } else {
            inside.namespaces.clone()
        },
        homes: if ours {
            Vec::new()
        } else {
            inside.homes.clone()
        },
        inventory: !ours && inside.inventory,
        accounts,
        drain,
        abandon: args.drain.abandon,
        found: found.clone(),
        rehearsal: place.rehearsal.is_some(),
    });
    plan.command = command.to_owned();
    if args.run.dry_run {
        return app.output().show_plan(&plan);
    }
    if let Some(file) = &args.receipt {
        ended::check_receipt(file)?;
    }
    let yes = args.yes || app.global().rehearse || found.is_empty();
    let risks = args.drain.risks(&known.left, &known.unproven);
    let asked = question(&plan, &risks);
    if !guard.preparing(app.confirm(&asked, yes)).await? {
        return Err(Error::message(Kind::Refused, "nothing was destroyed"));
    }
    let work = run::Work {
        plan,
        catalog,
        secrets: Default::default(),
        unfinished: run::Unfinished::Replan,
        connection: Default::default(),
        again: None,
        says: Default::default(),
        drain: steps::How {
            abandon: args.drain.abandon,
            keep_volumes: args.drain.keep.contains(&Keep::Volumes),
            ..steps::How::default()
        },
    };
    let ended = run::execute(app, place, guard, work).await?;
    // The audit looks at the provider again, never at what the run remembers.
    let after = place.provider.discover(&place.cx, scope).await;
    let there = after.as_ref().ok().map(Vec::as_slice);
    let outcomes = &ended.finished.outcomes;
    let look = outside::look_again(&place.cx, &place.provider, &ended.plan, outcomes, there);
    let facts = ended::Audit {
        outside: [known, look.await],
        found,
        after,
        file: args.receipt,
    };
    ended.receipt(app, facts)
}

/// Refuses to take components out of somebody else's cluster while objects of their CRDs live: nothing would tend them any more.
/// With `force`, returns those.
async fn check_untended(
    cx: &Ctx,
    place: &Place,
    cluster: &ClusterName,
    going: &[&Component],
    force: bool,
) -> Result<Vec<String>> {
    let mut untended = Vec::new();
    if going.is_empty() {
        return Ok(untended);
    }
    let connection = steps::Connection::default();
    let look = steps::look_at_leaving(cx, &connection, &place.provider, cluster, going);
    for (name, mut leaving) in look.await? {
        for definition in &mut leaving.definitions {
            // What setup made to keep the cluster in line with Git.
            const OWN: [&str; 2] = ["GitRepository ", "Kustomization "];
            let own = |it: &String| {
                it.ends_with("/windlass") && OWN.iter().any(|kind| it.starts_with(kind))
            };
            definition.objects.retain(|it| !own(it));
        }
        if let Some(component) = going.iter().find(|component| component.name == name) {
            check_objects(component, &leaving, force, &Others::DESTROY)?;
            let objects = leaving.definitions.into_iter().flat_map(|it| it.objects);
            untended.extend(objects.map(|it| format!("{it}: untended, as --skip-drain asked")));
        }
    }
    Ok(untended)
}

/// Says what will go: the steps, but for phases of the drain that have nothing to do, and what those would delete.
fn question(plan: &Plan, risks: &[String]) -> String {
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
    let risks: String = risks.iter().map(|risk| format!(" {risk}")).collect();
    format!(
        "Cluster {}: {}.{risks} Go on?",
        plan.cluster,
        told.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
            abandon: true,
            rehearsal: false,
        });
        let args = DrainArgs {
            skip_drain: false,
            abandon: true,
            keep: vec![Keep::Volumes],
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
    fn only_what_a_provider_has_can_be_kept() {
        let keep = |keep: Keep, provider| {
            let args = DrainArgs {
                skip_drain: false,
                abandon: false,
                keep: vec![keep],
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
            keep(Keep::Group, ProviderId::Aws).unwrap_err(),
            "error: --keep group: a cluster on aws has no resource group of Azure\n  \
             hint: leave it out: on aws there is --keep volumes,logs"
        );
    }
}
