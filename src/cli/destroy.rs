//! `windlass destroy`: removes what windlass made, and audits that nothing is left.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use windlass_provider::{ClusterName, Ctx, Found, Owner, Scope};

use super::{
    App,
    app::Place,
    cluster_flags::flags_at,
    components::load_catalog,
    decisions::{DrainArgs, question},
    ended, outside,
    reap::{self, ManyArgs},
    run::{self, RunArgs},
    uninstall::{Others, check_objects},
};

/// How long an API that does not answer is waited for before the cluster goes undrained.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long it may take to ask all to go where the time was up before the drain began.
const LAST_WORDS: Duration = Duration::from_secs(30);

use crate::{
    catalog::Component,
    error::{Error, Kind, Result},
    plan::{self, DestroyFacts, Phase},
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
    /// Returns where a cluster is looked for, before the run and in its audit.
    fn scope<'n>(&self, cluster: &'n ClusterName) -> Scope<'n> {
        Scope::of(cluster).within(self.many.regions())
    }

    /// Returns the command that was typed.
    pub(super) fn command(&self) -> &'static str {
        match self.bare {
            true => "cluster delete",
            false => "destroy",
        }
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
    let place = app.place_asking(id).await?;
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
    let scope = args.scope(&cluster);
    let mut found = guard
        .preparing(async { Ok(place.provider.discover(cx, scope).await?) })
        .await?;
    let any = !found.is_empty();
    let ours = found.iter().any(|item| item.observed.owner == Owner::Ours);
    let foreign = |item: &Found| item.observed.owner == Owner::Foreign;
    if args.bare && !ours && found.iter().any(foreign) {
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
    let folder = place.workdir.cluster(&cluster);
    let drained = outside::was_drained(&folder);
    if drained {
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
    let mut known = outside::remember(&folder, drain.as_mut());
    known.unproven.extend(inside.unproven);
    known.left.extend(untended);
    let mut skipped = Vec::new();
    if args.drain.skip_drain {
        for (phase, found) in drain.take().into_iter().flatten() {
            known.kept.extend(found.keeps);
            match phase {
                Phase::Volumes if args.drain.keeps_volumes() => {
                    let volumes = found.holds.into_iter();
                    let kept = volumes.map(|name| format!("{name}: you asked to keep volumes"));
                    known.kept.extend(kept);
                }
                _ => skipped.extend(found.holds),
            }
        }
        known.left.extend(skipped);
    }
    if !any {
        known.doubt();
    }
    let keeps = drain.iter().flat_map(|drain| drain.values());
    let keeps = keeps.flat_map(|phase| &phase.keeps);
    let kept: Vec<String> = known.kept.iter().chain(keeps).cloned().collect();
    // What stays is told, not deleted, and no audit counts it as left behind once more.
    let aside = args.drain.set_aside(&mut found, &kept);
    known.kept.extend(aside.kept);
    known.left.extend(aside.left);
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
        beyond: known.beyond(),
        abandon: args.drain.abandon,
        purge: args.drain.purge,
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
    if yes && any {
        // Who is not asked is told, at least, before anything happens; what could not be looked at was told already.
        for risk in args.drain.risks(&known.left, &[]) {
            app.warn(&risk, &[]);
        }
    }
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
            can_abandon: true,
            keep_volumes: args.drain.keeps_volumes(),
            ..steps::How::default()
        },
    };
    let how = work.drain.clone();
    let ended = run::execute(app, place, guard, work).await?;
    if ours && !args.drain.skip_drain && ended.began_nothing() {
        // What was there to be looked at took all the time.
        let cx = place.cx.within(LAST_WORDS);
        for line in steps::ask_to_go(&cx, &place.provider, &cluster, &how).await {
            app.warn(&line, &[]);
        }
    }
    // The audit looks at the provider again, never at what the run remembers.
    let mut after = place.provider.discover(&place.cx, scope).await;
    let aside = match &mut after {
        Ok(after) => args.drain.set_aside(after, &kept),
        Err(_) => Default::default(),
    };
    let there = after.as_ref().ok().map(Vec::as_slice);
    let outcomes = &ended.finished.outcomes;
    let look = outside::look_again(&place.cx, &place.provider, &ended.plan, outcomes, there);
    let mut look = look.await;
    // What can be recovered came to be so in the run itself.
    outside::add(&mut look.kept, &aside.kept);
    let facts = ended::Audit {
        traceless: !any && !drained && known.is_empty(),
        outside: [known, look],
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
            const OWN: [&str; 2] = ["GitRepository", "Kustomization"];
            definition
                .objects
                .retain(|it| it.name != "windlass" || !OWN.contains(&it.kind.as_str()));
        }
        if let Some(component) = going.iter().find(|component| component.name == name) {
            check_objects(component, &leaving, force, &Others::DESTROY)?;
            let objects = leaving.definitions.into_iter().flat_map(|it| it.objects);
            untended.extend(objects.map(|it| format!("{it}: untended, as --skip-drain asked")));
        }
    }
    Ok(untended)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use windlass_provider::Regions;

    use super::*;

    #[test]
    fn all_regions_are_looked_at_where_that_is_asked_for() {
        #[derive(Parser)]
        struct Typed {
            #[command(flatten)]
            destroy: DestroyArgs,
        }
        let cluster = "dot".parse().unwrap();
        for (flags, regions) in [
            (&["destroy"][..], Regions::Configured),
            (&["destroy", "--all-regions"], Regions::All),
            (&["destroy", "--all", "--all-regions"], Regions::All),
        ] {
            let typed = Typed::parse_from(flags).destroy;
            let wanted = Scope {
                cluster: Some(&cluster),
                regions,
            };
            assert_eq!(typed.scope(&cluster), wanted);
            assert_eq!(typed.many.regions(), regions);
        }
    }
}
