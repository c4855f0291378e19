//! `windlass status`: the cluster and its components, and what is not well.

use std::time::Duration;

use clap::Args;
use windlass_provider::ClusterName;

use super::{App, app::Place, cluster_flags::flags_at, run::interrupted};
use crate::{
    catalog::Catalog,
    error::{Error, Kind, Result},
    output::{Format, Table},
    steps::{self, Health, Survey},
};

/// How long the watch rests between two looks.
const PAUSE: Duration = Duration::from_secs(2);

/// Show the cluster, its components, and what is not well (exit code 4).
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Go on looking, and show it again when it changes; ends on Ctrl-C
    #[arg(long)]
    watch: bool,
    /// End the watch once all is ready
    #[arg(long, requires = "watch")]
    until_ready: bool,
}

pub(super) async fn run(args: StatusArgs, app: App) -> Result<()> {
    if args.watch && app.global().output == Some(Format::Yaml) {
        return Err(Error::usage("a watch is no single YAML document")
            .hint("watch as JSON, one document after the other: --output json"));
    }
    app.say_rehearsal();
    let settings = app.settings(flags_at(&app, None)?)?;
    let place = app.place(app.provider_of(&settings)?).await?;
    let cluster = &settings.cluster.value;
    let catalog = Catalog::load().map_err(|error| Error::new(Kind::Bug, error))?;
    if args.watch {
        return tokio::select! {
            biased;
            () = interrupted(&app) => {
                Err(Error::message(Kind::Interrupted, "the watch was interrupted"))
            }
            ended = watch(&app, &place, cluster, &catalog, args.until_ready) => ended,
        };
    }
    let survey = steps::survey(&place.cx, &*place.provider, cluster, &catalog).await?;
    let id = place.id;
    let Some(survey) = survey else {
        return Err(absent(cluster, &place)
            .hint(format!("make it: windlass setup {id} --cluster {cluster}")));
    };
    show(&app, &survey)?;
    let unwell: Vec<&str> = survey
        .rows()
        .filter(|row| row.health != Health::Ready)
        .map(|row| row.what.as_str())
        .collect();
    if unwell.is_empty() {
        return Ok(());
    }
    Err(
        Error::message(Kind::Unhealthy, format!("not well: {}", unwell.join(", "))).hint(format!(
            "bring it into line: windlass setup {id} --cluster {cluster}"
        )),
    )
}

/// Shows the cluster whenever it has changed, until all is ready if that is asked for.
async fn watch(
    app: &App,
    place: &Place,
    cluster: &ClusterName,
    catalog: &Catalog,
    until_ready: bool,
) -> Result<()> {
    let mut last: Option<Option<Survey>> = None;
    let mut lines = 0;
    loop {
        let now = steps::survey(&place.cx, &*place.provider, cluster, catalog).await?;
        let is_ready = now
            .as_ref()
            .is_some_and(|survey| survey.rows().all(|row| row.health == Health::Ready));
        if last.as_ref() != Some(&now) {
            match &now {
                Some(survey) => {
                    let table = tabulate(survey);
                    lines = app.output().show_table_again(survey, &table, lines)?;
                }
                None => {
                    lines = 0;
                    app.output()
                        .note(&absent(cluster, place).source.to_string());
                }
            }
            last = Some(now);
        }
        if until_ready && is_ready {
            return Ok(());
        }
        place.cx.clock.sleep(PAUSE).await;
    }
}

fn absent(cluster: &ClusterName, place: &Place) -> Error {
    Error::message(
        Kind::Unhealthy,
        format!("there is no cluster {cluster} at {}", place.id),
    )
}

/// Returns what was looked at as a table.
pub(super) fn tabulate(survey: &Survey) -> Table {
    let mut table = Table::new(&["WHAT", "VERSION", "HEALTH", "DETAIL"]);
    for row in survey.rows() {
        table.add([
            &row.what,
            &row.version,
            &row.health.to_string(),
            &row.detail,
        ]);
    }
    table
}

fn show(app: &App, survey: &Survey) -> Result<()> {
    app.output().show_table(survey, &tabulate(survey))
}
