//! `windlass cluster`: clusters alone, without a platform.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use windlass_provider::{Found, Owner, State};

use super::{App, cluster_flags::flags_at, destroy, setup};
use crate::{
    error::{Error, Kind, Result},
    output::Table,
    providers,
};

/// Create, delete, list or show clusters. They are found by their marks, not by files on this machine.
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
    /// List the clusters that windlass made
    List {
        /// Those of other makers too
        #[arg(long)]
        all: bool,
    },
    /// Show what a cluster is made of
    Show,
}

/// A cluster as it is listed.
#[derive(Debug, Serialize)]
struct Row {
    cluster: String,
    provider: String,
    state: State,
    made_by: &'static str,
    created: Option<Timestamp>,
    expires: Option<Timestamp>,
}

pub(super) async fn run(args: ClusterArgs, app: App) -> Result<()> {
    match args.command {
        ClusterCommand::Create(args) => setup::create(*args, app).await,
        ClusterCommand::Delete(args) => destroy::delete(args, app).await,
        ClusterCommand::List { all } => list(all, app).await,
        ClusterCommand::Show => show(app).await,
    }
}

async fn list(all: bool, app: App) -> Result<()> {
    app.say_rehearsal();
    let only = app.global().provider.clone();
    let mut rows = Vec::new();
    for id in providers::BUILT {
        if only.as_deref().is_some_and(|only| only != id.as_str()) {
            continue;
        }
        let place = app.place(*id).await?;
        for found in place.provider.discover(&place.cx, None).await? {
            if all || found.observed.owner == Owner::Ours {
                rows.push(Row {
                    cluster: found.resource.cluster.to_string(),
                    provider: id.to_string(),
                    state: found.observed.state,
                    made_by: maker(&found),
                    created: found.tags.as_ref().map(|tags| tags.created),
                    expires: found.tags.as_ref().and_then(|tags| tags.expires),
                });
            }
        }
    }
    rows.sort_by(|a, b| (&a.cluster, &a.provider).cmp(&(&b.cluster, &b.provider)));
    rows.dedup_by(|a, b| (&a.cluster, &a.provider) == (&b.cluster, &b.provider));
    let mut table = Table::new(&[
        "CLUSTER", "PROVIDER", "STATE", "MADE BY", "CREATED", "EXPIRES",
    ]);
    for row in &rows {
        table.add([
            row.cluster.clone(),
            row.provider.clone(),
            word(row.state),
            row.made_by.to_owned(),
            time(row.created),
            time(row.expires),
        ]);
    }
    if rows.is_empty() {
        app.output()
            .note("there are no clusters that windlass made");
    }
    app.output().show_table(&rows, &table)
}

async fn show(app: App) -> Result<()> {
    app.say_rehearsal();
    let settings = app.settings(flags_at(&app, None)?)?;
    let provider = app.provider_of(&settings)?;
    let place = app.place(provider).await?;
    let cluster = &settings.cluster.value;
    let found = place.provider.discover(&place.cx, Some(cluster)).await?;
    if found.is_empty() {
        return Err(Error::message(
            Kind::Refused,
            format!("there is no cluster {cluster} at {provider}"),
        )
        .hint("list them: windlass cluster list"));
    }
    let mut table = Table::new(&["RESOURCE", "NAME", "STATE", "MADE BY", "CREATED", "DETAIL"]);
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
            word(item.observed.state),
            maker(item).to_owned(),
            time(item.tags.as_ref().map(|tags| tags.created)),
            item.observed.detail.clone().unwrap_or(outputs),
        ]);
    }
    app.output().show_table(&found, &table)
}

fn maker(found: &Found) -> &'static str {
    match found.observed.owner {
        Owner::Ours => "windlass",
        Owner::Foreign => "others",
    }
}

fn word(state: State) -> String {
    match state {
        State::Missing => "missing",
        State::Making => "half made",
        State::Ready => "ready",
        State::Deleting => "deleting",
        State::Failed => "failed",
    }
    .to_owned()
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(
        || "-".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}
