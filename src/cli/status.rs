//! `windlass status`: the cluster and its components, and what is not well.

use clap::Args;

use super::{App, cluster_flags::flags_at};
use crate::{
    catalog::Catalog,
    error::{Error, Kind, Result},
    output::Table,
    steps::{self, Health},
};

/// Show the cluster, its components, and what is not well (exit code 4).
#[derive(Debug, Args)]
pub(super) struct StatusArgs {}

pub(super) async fn run(_args: StatusArgs, app: App) -> Result<()> {
    app.say_rehearsal();
    let settings = app.settings(flags_at(&app, None)?)?;
    let id = app.provider_of(&settings)?;
    let place = app.place(id).await?;
    let cluster = &settings.cluster.value;
    let catalog = Catalog::load().map_err(|error| Error::new(Kind::Bug, error))?;
    let survey = steps::survey(&place.cx, &*place.provider, cluster, &catalog).await?;
    let flags = app.global().rehearsal_flags();
    let Some(survey) = survey else {
        return Err(Error::message(
            Kind::Unhealthy,
            format!("there is no cluster {cluster} at {id}"),
        )
        .hint(format!(
            "make it: windlass setup {id} --cluster {cluster}{flags}"
        )));
    };
    let mut table = Table::new(&["WHAT", "VERSION", "HEALTH", "DETAIL"]);
    for row in survey.rows() {
        table.add([
            &row.what,
            &row.version,
            &row.health.to_string(),
            &row.detail,
        ]);
    }
    app.output().show_table(&survey, &table)?;
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
            "bring it into line: windlass setup {id} --cluster {cluster}{flags}"
        )),
    )
}
