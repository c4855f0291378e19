//! `windlass destroy`: removes what windlass made, and audits that nothing is left.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use windlass_provider::{ClusterName, Owner, ProviderId, Scope};

use super::{
    App,
    app::Place,
    cluster_flags::flags_at,
    ended, outside,
    reap::{self, ManyArgs},
    run::{self, RunArgs},
};

/// How long an API that does not answer is waited for before the cluster goes undrained.
const PATIENCE: Duration = Duration::from_secs(120);

use crate::{
    catalog::Catalog,
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

impl DrainArgs {
    /// Refuses to keep what there is not.
    pub(super) fn check(&self, provider: ProviderId) -> Result<()> {
        let kept = self.keep.iter().find(|kept| **kept != Keep::Volumes);
        let Some(kept) = kept.filter(|_| provider == ProviderId::Kind) else {
            return Ok(());
        };
        let name = kept
            .to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned());
        Err(Error::message(
            Kind::Usage,
            format!("--keep {name}: a cluster on {provider} has none"),
        )
        .hint("leave it out; --keep volumes is for every provider"))
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
    let mut drain = inside.drain.filter(|_| ours);
    let folder = place.workdir.cluster(&cluster);
    let mut known = outside::remember(&folder, drain.as_mut());
    known.unproven.extend(inside.unproven);
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
    let asked = question(&plan);
    if !guard.preparing(app.confirm(&asked, yes)).await? {
        return Err(Error::message(Kind::Refused, "nothing was destroyed"));
    }
    let catalog = Catalog::load().map_err(|error| Error::new(Kind::Bug, error))?;
    let work = run::Work {
        plan,
        catalog,
        secrets: Default::default(),
        unfinished: run::Unfinished::Replan,
        connection: Default::default(),
        again: None,
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

/// Says what will go: the steps, but for phases of the drain that have nothing to do, and what those would delete.
fn question(plan: &Plan) -> String {
    let told: Vec<String> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Drain { .. } if step.removes.is_empty() => None,
            Action::Drain { .. } => Some(format!("{} ({})", step.title, step.removes.join(", "))),
            _ => Some(step.title.clone()),
        })
        .collect();
    format!("Cluster {}: {}. Go on?", plan.cluster, told.join(", "))
}
