//! `windlass status`: the cluster and its components, and what is not well.

use std::time::Duration;

use clap::Args;
use serde::Serialize;
use windlass_provider::ClusterName;

use super::{
    App,
    app::Place,
    cluster_flags::flags_at,
    components::load_catalog,
    drift::{Drift, find_drift},
    run::interrupted,
};
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
    /// Compare what is installed with windlass.toml, too: versions, values, what is missing and what is not wanted
    #[arg(long, conflicts_with = "watch")]
    diff: bool,
}

/// What is shown: the survey, and the drift where that is asked for.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    survey: &'a Survey,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<&'a [Drift]>,
}

pub(super) async fn run(args: StatusArgs, app: App) -> Result<()> {
    if args.watch && app.global().output == Some(Format::Yaml) {
        return Err(Error::usage("a watch is no single YAML document")
            .hint("watch as JSON, one document after the other: --output json"));
    }
    app.say_rehearsal();
    let mut settings = app.settings(flags_at(&app, None)?)?;
    let place = app.place(app.provider_of(&settings)?).await?;
    settings.answer_provider(place.id);
    let cluster = &settings.cluster.value;
    let catalog = load_catalog()?;
    if args.diff {
        settings.check_components(&catalog.names())?;
    }
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
    // A cluster that does not answer has told so already.
    let drift = match args.diff && survey.cluster.health == Health::Ready {
        true => Some(find_drift(&settings, &place, &catalog).await?),
        false => None,
    };
    show(&app, &survey, drift.as_deref())?;
    let unwell: Vec<&str> = survey
        .rows()
        .filter(|row| row.health != Health::Ready)
        .map(|row| row.what.as_str())
        .collect();
    if unwell.is_empty() {
        return Ok(());
    }
    let troubles = steps::explain_survey(&place.cx, &*place.provider, cluster, &survey).await;
    let mut told: Vec<String> = troubles
        .iter()
        .flat_map(|trouble| {
            let name = &trouble.component;
            trouble
                .causes
                .iter()
                .map(move |cause| format!("{name}: {cause}"))
        })
        .collect();
    told.insert(0, format!("not well: {}", unwell.join(", ")));
    let mut told = told.into_iter().rev();
    let root = anyhow::anyhow!(told.next().unwrap_or_default());
    let mut error = Error::new(Kind::Unhealthy, told.fold(root, anyhow::Error::context));
    error.hints = troubles
        .into_iter()
        .flat_map(|trouble| {
            let name = trouble.component;
            trouble
                .hints
                .into_iter()
                .map(move |hint| format!("{name}: {hint}"))
        })
        .collect();
    Err(error.hint(format!(
        "bring it into line: windlass setup {id} --cluster {cluster}"
    )))
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
    let mut shown = app.output().watch();
    loop {
        let now = steps::survey(&place.cx, &*place.provider, cluster, catalog).await?;
        let is_ready = now
            .as_ref()
            .is_some_and(|survey| survey.rows().all(|row| row.health == Health::Ready));
        if last.as_ref() != Some(&now) {
            match &now {
                Some(survey) => {
                    let table = tabulate(survey);
                    shown.show(survey, &table)?;
                }
                None => {
                    shown.end();
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

fn show(app: &App, survey: &Survey, drift: Option<&[Drift]>) -> Result<()> {
    let mut table = tabulate(survey);
    for one in drift.into_iter().flatten() {
        for change in &one.changes {
            table.add([&*one.component, &one.version, one.kind.as_str(), change]);
        }
    }
    if drift.is_some_and(<[Drift]>::is_empty) {
        app.output().note("all is as windlass.toml wants it");
    }
    app.output().show_table(&Shown { survey, drift }, &table)
}
