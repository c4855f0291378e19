//! `windlass cluster`: clusters alone, without a platform, and their nodes.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use windlass_provider::Scope;

use super::{
    App,
    cluster_flags::flags_at,
    destroy,
    fleet::{self, Fleet, RegionFlags},
    pools, setup,
};
use crate::{
    error::{Error, Kind, Result},
    output::Table,
};

/// Create, delete, list, show or change clusters. They are found by their marks, not by files on this machine.
#[derive(Debug, Args)]
pub(super) struct ClusterArgs {
    #[command(subcommand)]
    command: ClusterCommand,
}

#[derive(Debug, Subcommand)]
enum ClusterCommand {
    Create(Box<setup::CreateArgs>),
    /// Delete a cluster that windlass made, with all that is on it, and print a receipt
    Delete(destroy::DestroyArgs),
    /// List the clusters that windlass made, wherever they run
    ///
    /// Every provider that this machine has access to is asked at once, and clusters are found by their marks: no file of a
    /// setup is needed. A provider that fails is told of, hides no other, and decides the exit code.
    List {
        /// Those of other makers too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        regions: RegionFlags,
    },
    /// Show what a cluster is made of
    Show,
    Upgrade(pools::UpgradeClusterArgs),
    NodePool(pools::PoolArgs),
}

pub(super) async fn run(args: ClusterArgs, app: App) -> Result<()> {
    match args.command {
        ClusterCommand::Create(args) => setup::create(*args, app).await,
        ClusterCommand::Delete(args) => destroy::delete(args, app).await,
        ClusterCommand::List { all, regions } => list(all, &regions, app).await,
        ClusterCommand::Show => show(app).await,
        ClusterCommand::Upgrade(args) => pools::upgrade(args, app).await,
        ClusterCommand::NodePool(args) => pools::run(args, app).await,
    }
}

async fn list(all: bool, regions: &RegionFlags, app: App) -> Result<()> {
    app.say_rehearsal();
    let only = app.global().provider.clone();
    let mut fleet = Fleet::find(&app, only.as_deref(), regions.scope()).await?;
    if !all {
        fleet.clusters.retain(|cluster| cluster.is_ours());
    }
    if fleet.clusters.is_empty() && fleet.is_whole() {
        app.output().note(match all {
            true => "there are no clusters",
            false => "there are no clusters that windlass made",
        });
    }
    fleet::show(&app, &fleet.clusters)?;
    fleet.verdict("the list is not whole")
}

async fn show(app: App) -> Result<()> {
    app.say_rehearsal();
    let settings = app.settings(flags_at(&app, None)?)?;
    let provider = app.provider_of(&settings)?;
    let place = app.place(provider).await?;
    let cluster = &settings.cluster.value;
    let found = place
        .provider
        .discover(&place.cx, Scope::of(cluster))
        .await?;
    if found.is_empty() {
        return Err(Error::message(
            Kind::Refused,
            format!("there is no cluster {cluster} at {provider}"),
        )
        .hint("list them: windlass cluster list"));
    }
    let mut table = Table::new(&["RESOURCE", "NAME", "STATE", "OWNER", "CREATED", "DETAIL"]);
    for item in &found {
        let outputs = item
            .observed
            .outputs
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>()
            .join(" ");
        table.add([
            item.resource.kind.clone(),
            item.resource.name.clone(),
            fleet::word(item.observed.state).to_owned(),
            fleet::maker(item.observed.owner).to_owned(),
            time(item.tags.as_ref().map(|tags| tags.created)),
            item.observed.detail.clone().unwrap_or(outputs),
        ]);
    }
    app.output().show_table(&found, &table)
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(
        || "-".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}
