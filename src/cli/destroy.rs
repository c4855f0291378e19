//! `windlass destroy`: removes what windlass made, and audits that nothing is left.

use clap::Args;
use windlass_provider::{Found, Owner};

use super::{
    App,
    app::Place,
    cluster_flags::flags_at,
    run::{self, RunArgs},
};
use crate::{
    catalog::Catalog,
    error::{Error, Kind, Result},
    plan::{self, DestroyFacts, Plan},
    steps,
};

/// Let a cluster and its platform down again, and print a receipt.
///
/// The cluster is found by its marks: no file of setup is needed, and any machine with the same access will do. What
/// windlass did not make is never deleted.
#[derive(Debug, Args)]
pub(super) struct DestroyArgs {
    /// Where the cluster runs
    #[arg(value_name = "PROVIDER", value_parser = super::global::provider_names())]
    place: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Destroy although objects in the cluster hold cloud resources, which will go on existing and costing; each is named
    #[arg(long)]
    abandon: bool,
    #[command(flatten)]
    run: RunArgs,
    /// Whether a cluster that others made is left alone, with what windlass installed on it
    #[arg(skip)]
    bare: bool,
}

/// Deletes the cluster alone: one that windlass made, and what is on it goes with it.
pub(super) async fn delete(args: DestroyArgs, app: App) -> Result<()> {
    run(DestroyArgs { bare: true, ..args }, app).await
}

pub(super) async fn run(args: DestroyArgs, app: App) -> Result<()> {
    let settings = app.settings(flags_at(&app, args.place.as_deref())?)?;
    let id = app.provider_of(&settings)?;
    let place = app.place(id).await?;
    let cluster = settings.cluster.value.clone();
    let guard = run::Guard::begin(&app, &place, &cluster, "destroy", &args.run).await?;
    let cx = guard.cx();
    let found = guard
        .preparing(async { Ok(place.provider.discover(cx, Some(&cluster)).await?) })
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
    let inside = guard.preparing(async { Ok(look.await) }).await?;
    if ours {
        refuse_holders(&app, &args, &inside)?;
    }
    let plan = plan::destroy(DestroyFacts {
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
        found: found.clone(),
        rehearsal: place.rehearsal.is_some(),
    });
    if args.run.dry_run {
        return app.output().show_plan(&plan);
    }
    if !found.is_empty() && !app.confirm(&question(&plan), args.yes || app.global().rehearse)? {
        return Err(Error::message(Kind::Refused, "nothing was destroyed"));
    }
    let catalog = Catalog::load().map_err(|error| Error::new(Kind::Bug, error))?;
    let audit_cx = place.cx.clone();
    let work = run::Work {
        plan,
        catalog,
        secrets: Default::default(),
        unfinished: run::Unfinished::Replan,
    };
    let ended = run::execute(&app, &place, guard, work).await?;
    // The audit looks at the provider again, never at what the run remembers.
    let left = audit(&audit_cx, &place, &cluster).await;
    ended.receipt(&app, &found, left, inside.unproven)
}

/// Says what will go.
fn question(plan: &Plan) -> String {
    let titles: Vec<&str> = plan.steps.iter().map(|step| step.title.as_str()).collect();
    format!("Cluster {}: {}. Go on?", plan.cluster, titles.join(", "))
}

/// Refuses while objects in the cluster hold resources of a cloud: nothing would be left to delete them.
fn refuse_holders(app: &App, args: &DestroyArgs, inside: &steps::Inside) -> Result<()> {
    if inside.holders.is_empty() {
        return Ok(());
    }
    if args.abandon {
        for holder in &inside.holders {
            app.warn(&format!("abandoned: {holder}"), &[]);
        }
        return Ok(());
    }
    Err(Error::new(
        Kind::Refused,
        anyhow::anyhow!(inside.holders.join(", ")).context(
            "objects in the cluster hold cloud resources, which would go on existing and costing",
        ),
    )
    .hint("delete them and wait until they are gone: kubectl delete")
    .hint("or give them up by name: the same command with --abandon"))
}

/// Returns what the provider still has of the cluster; `None` where it cannot be asked.
async fn audit(
    cx: &windlass_provider::Ctx,
    place: &Place,
    cluster: &windlass_provider::ClusterName,
) -> std::result::Result<Vec<Found>, windlass_provider::Error> {
    place.provider.discover(cx, Some(cluster)).await
}
