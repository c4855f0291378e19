//! `windlass destroy`: removes what windlass made, and audits that nothing is left.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use windlass_provider::{ClusterName, Owner, ProviderId, Scope};

use super::{
    App,
    app::Place,
    cluster_flags::flags_at,
    ended,
    reap::{self, ManyArgs},
    run::{self, RunArgs},
};
use crate::{
    catalog::Catalog,
    engine,
    error::{Error, Kind, Result},
    plan::{self, Action, DestroyFacts, Drainable, Phase, Plan},
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
    let look = steps::look_inside(cx, &*place.provider, &found, &cluster);
    let mut inside = guard.preparing(async { Ok(look.await) }).await?;
    if was_drained(&place.workdir.cluster(&cluster)) {
        inside.unproven.clear();
    }
    for unproven in &inside.unproven {
        app.warn(
            &format!("nobody can tell {unproven}"),
            &["bring its API back first, and they are deleted with it; otherwise what they hold stays where it is".to_owned()],
        );
    }
    let mut drain = inside.drain.filter(|_| ours);
    let (mut left, mut kept) = (Vec::new(), Vec::new());
    if let Some(found) = &mut drain {
        remember_kept(&place.workdir.cluster(&cluster), found);
    }
    if args.drain.skip_drain {
        for (phase, found) in drain.take().into_iter().flatten() {
            kept.extend(found.keeps);
            match phase {
                Phase::Volumes if args.drain.keep.contains(&Keep::Volumes) => {
                    let volumes = found.holds.into_iter();
                    kept.extend(volumes.map(|name| format!("{name}: you asked to keep volumes")));
                }
                _ => left.extend(found.holds),
            }
        }
        for holder in &left {
            app.warn(&format!("not drained, and left behind: {holder}"), &[]);
        }
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
    let audit = place.provider.discover(&place.cx, scope).await;
    let facts = ended::Audit {
        found,
        after: audit,
        left,
        kept,
        unproven: inside.unproven,
        file: args.receipt,
    };
    ended.receipt(app, facts)
}

/// Returns whether an earlier destroy, which did not come to its end, drained the cluster: then nothing is left in it to be looked for,
/// whether or not its API still answers.
fn was_drained(folder: &Path) -> bool {
    // As below, of the journal.
    let Ok(Some(past)) = engine::read_latest::<Action>(folder) else {
        return false;
    };
    let drains = |step: &&plan::Step| matches!(step.action, Action::Drain { .. });
    let mut drains = past.plan.steps.iter().filter(drains).peekable();
    !past.is_finished()
        && drains.peek().is_some()
        && drains.all(|step| past.outcomes.contains_key(&step.id))
}

/// Adds what an earlier destroy, which did not come to its end, found to stay outside of the cluster by its own word: its objects
/// may be gone by now. An object that is there and says otherwise now is taken at its word.
fn remember_kept(folder: &Path, found: &mut BTreeMap<Phase, Drainable>) {
    // A journal that cannot be read is told of when the run begins.
    let Ok(Some(past)) = engine::read_latest::<Action>(folder) else {
        return;
    };
    if past.is_finished() {
        return;
    }
    for step in &past.plan.steps {
        let Action::Drain { phase, keeps } = &step.action else {
            continue;
        };
        let now = found.entry(*phase).or_default();
        let done = past.outcomes.get(&step.id);
        for line in keeps.iter().chain(done.iter().flat_map(|it| &it.kept)) {
            let same = |other: &String| steps::name_in(other) == steps::name_in(line);
            if !now.keeps.iter().chain(&now.goes).any(same) {
                now.keeps.push(line.clone());
            }
        }
    }
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
