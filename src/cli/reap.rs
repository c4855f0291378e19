//! `windlass destroy --all` and `--expired`: many clusters, one after the other, each with a run and a receipt of its own.

use std::{path::Path, time::Duration};

use clap::Args;
use jiff::Timestamp;
use windlass_provider::{Clock, Regions};

use super::{
    App,
    cluster_flags::flags_at,
    decisions::sentences,
    destroy::{self, DestroyArgs},
    fleet::{self, CLOCKS, Cluster, Fleet, RegionFlags},
    run::RESERVE,
};
use crate::{
    error::{Error, Kind, Result},
    output::Format,
};

/// More than one cluster at once.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Many clusters")]
pub(super) struct ManyArgs {
    /// Every cluster that windlass made, at every provider that this machine has access to, or at PROVIDER
    #[arg(long, conflicts_with = "expired")]
    all: bool,
    /// Every such cluster whose lifetime is over, by ten minutes since clocks differ: for a reaper. One without a lifetime is left
    /// alone
    #[arg(long)]
    expired: bool,
    #[command(flatten)]
    regions: RegionFlags,
}

/// Which clusters go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    All,
    Expired,
}

impl ManyArgs {
    /// Returns which clusters go; `None`: the one that the settings name.
    pub(super) fn which(&self) -> Option<Which> {
        match (self.all, self.expired) {
            (true, _) => Some(Which::All),
            (_, true) => Some(Which::Expired),
            _ => None,
        }
    }

    pub(super) fn regions(&self) -> Regions {
        self.regions.scope()
    }
}

/// Lets all of them down that windlass made and that are meant. What fails of one stops no other.
pub(super) async fn run(which: Which, args: DestroyArgs, app: App) -> Result<()> {
    app.say_rehearsal();
    let flags = flags_at(&app, args.place.as_deref())?;
    if let Some(cluster) = flags.cluster {
        return Err(Error::usage(format!(
            "--cluster {cluster} names one cluster, and {} means many",
            which.flag()
        ))
        .hint("leave one of them out"));
    }
    let fleet = Fleet::find(&app, flags.provider.as_deref(), args.many.regions()).await?;
    let chosen: Vec<&Cluster> = fleet.clusters.iter().filter(|it| which.means(it)).collect();
    if which == Which::Expired {
        tell_doubts(&app, &fleet);
    }
    for cluster in &chosen {
        args.drain.check(cluster.place.id)?;
    }
    let what = match which {
        Which::All => "that windlass made",
        Which::Expired => "whose lifetime is over",
    };
    if args.run.dry_run {
        fleet::show(&app, chosen)?;
        return fleet.verdict("there may be more");
    }
    if chosen.is_empty() {
        if fleet.is_whole() {
            app.output().note(&format!("there are no clusters {what}"));
        }
        return fleet.verdict("there may be clusters that should go");
    }
    if let Some(folder) = &args.receipt {
        check_folder(folder)?;
    }
    let names: Vec<String> = chosen.iter().map(|it| name(it)).collect();
    let yes = args.yes || app.global().rehearse;
    let asked = format!(
        "Destroy {}: {}.{} Go on?",
        count(&chosen),
        names.join(", "),
        sentences(&args.drain.general_risks())
    );
    if !app.confirm(&asked, yes).await? {
        return Err(Error::message(Kind::Refused, "nothing was destroyed"));
    }
    let mut left = Vec::new();
    let mut worst: Option<Kind> = None;
    let mut budget = Budget::new(args.run.timeout, chosen.len());
    for cluster in &chosen {
        let stopped = match worst {
            Some(Kind::Interrupted) => Some(Kind::Interrupted),
            _ if budget.is_spent(&*cluster.place.cx.clock) => Some(Kind::TimedOut),
            _ => None,
        };
        let ended = match stopped {
            Some(kind) => Err(kind),
            None => let_down(&app, &args, cluster, &mut budget).await,
        };
        if let Err(kind) = ended {
            left.push(name(cluster));
            worst = Some(worst.map_or(kind, |worst| worst.graver(kind)));
        }
    }
    let Some(kind) = worst else {
        app.output().note(&format!(
            "{} let down: {}",
            count(&chosen),
            names.join(", ")
        ));
        return fleet.verdict("there may be more");
    };
    let provider = flags
        .provider
        .map_or_else(String::new, |id| format!(" {id}"));
    // Who could not be asked was told already.
    let kind = fleet
        .verdict("")
        .map_or_else(|other| kind.graver(other.kind), |()| kind);
    Err(Error::message(
        kind,
        format!(
            "{} of {} not wholly let down: {}",
            left.len(),
            count(&chosen),
            left.join(", ")
        ),
    )
    .hint(format!(
        "go on: windlass {}{provider} {}",
        args.command(),
        which.flag()
    )))
}

/// Lets one of them down, tells what came of it, and says how it ended.
async fn let_down(
    app: &App,
    args: &DestroyArgs,
    cluster: &Cluster,
    budget: &mut Budget,
) -> std::result::Result<(), Kind> {
    let mut one = args.clone();
    one.yes = true;
    one.run.timeout = budget.share(&*cluster.place.cx.clock);
    one.receipt = args
        .receipt
        .as_ref()
        .map(|folder| folder.join(format!("{}-{}.json", cluster.place.id, cluster.name)));
    if app.global().output == Some(Format::Yaml) {
        // One document a receipt.
        app.output().streams().data("---\n").map_err(|it| it.kind)?;
    }
    let ended = destroy::let_down(one, app, &cluster.place, cluster.name.clone()).await;
    ended.map_err(|error| {
        app.output().show_error(&error);
        error.kind
    })
}

impl Which {
    fn flag(self) -> &'static str {
        match self {
            Self::All => "--all",
            Self::Expired => "--expired",
        }
    }

    fn means(self, cluster: &Cluster) -> bool {
        match self {
            Self::All => cluster.is_ours(),
            Self::Expired => cluster.is_due(),
        }
    }
}

/// Says of which clusters nobody can tell whether they have expired: they stay, but not in silence.
fn tell_doubts(app: &App, fleet: &Fleet) {
    for cluster in &fleet.clusters {
        if cluster.is_expired() && !cluster.is_due() {
            app.output().note(&format!(
                "cluster {} is left alone for now: its lifetime has been over for less than {} minutes, and clocks differ",
                name(cluster),
                CLOCKS.as_secs() / 60
            ));
        }
        if let Some(doubt) = cluster.doubt() {
            let (id, name) = (cluster.place.id, &cluster.name);
            app.warn(
                &format!(
                    "cluster {name} on {id} is left alone: when it expires cannot be told ({doubt})"
                ),
                &[format!(
                    "let it down by its name: windlass destroy {id} --cluster {name}"
                )],
            );
        }
    }
}

/// Refuses a place for the receipts that is no folder, before anything happens.
fn check_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let shown = folder.display();
    Err(
        Error::usage(format!("--receipt {shown}: there is no such folder"))
            .hint("with --all or --expired it names a folder, for a receipt of each cluster: mkdir receipts"),
    )
}

fn name(cluster: &Cluster) -> String {
    format!("{} on {}", cluster.name, cluster.place.id)
}

fn count(clusters: &[&Cluster]) -> String {
    match clusters {
        [_] => "1 cluster".to_owned(),
        many => format!("{} clusters", many.len()),
    }
}

/// What is left of `--timeout`, which is for all of them together.
struct Budget {
    timeout: Option<Duration>,
    /// When all is spent: known from the first cluster on, by whose clock it is measured.
    end: Option<Timestamp>,
    /// How many clusters are still to come.
    left: u32,
}

impl Budget {
    fn new(timeout: Option<Duration>, clusters: usize) -> Self {
        Self {
            timeout,
            end: None,
            left: u32::try_from(clusters).unwrap_or(u32::MAX),
        }
    }

    fn rest(&self, clock: &dyn Clock) -> Option<Duration> {
        let end = self.end?;
        Some(Duration::try_from(end.duration_since(clock.now())).unwrap_or_default())
    }

    fn is_spent(&self, clock: &dyn Clock) -> bool {
        self.rest(clock).is_some_and(|rest| rest.is_zero())
    }

    /// Returns how long the next cluster may take: all that is left, but for the time that each later one needs to have its
    /// deletes sent at least.
    fn share(&mut self, clock: &dyn Clock) -> Option<Duration> {
        let timeout = self.timeout?;
        self.end.get_or_insert_with(|| clock.now() + timeout);
        let rest = self.rest(clock)?;
        self.left = self.left.saturating_sub(1);
        let reserved = RESERVE.saturating_mul(self.left);
        Some(rest.saturating_sub(reserved).max(rest.min(RESERVE)))
    }
}

#[cfg(test)]
mod tests {
    use windlass_provider::SystemClock;

    use super::*;

    #[test]
    fn the_first_cluster_leaves_the_later_ones_time_to_send_their_deletes() {
        let mut none = Budget::new(None, 3);
        assert_eq!(none.share(&SystemClock), None);
        assert!(!none.is_spent(&SystemClock));

        let mut budget = Budget::new(Some(Duration::from_secs(600)), 3);
        // The clock goes on meanwhile.
        let within = |share: Option<Duration>, at_most: u64| {
            let share = share.unwrap().as_secs();
            assert!((at_most - 5..=at_most).contains(&share), "{share}");
        };
        within(budget.share(&SystemClock), 480);
        within(budget.share(&SystemClock), 540);
        within(budget.share(&SystemClock), 600);

        let mut short = Budget::new(Some(Duration::from_secs(90)), 3);
        within(short.share(&SystemClock), 60);
        let mut none = Budget::new(Some(Duration::ZERO), 1);
        assert_eq!(none.share(&SystemClock), Some(Duration::ZERO));
        assert!(none.is_spent(&SystemClock));
    }
}
