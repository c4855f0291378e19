//! `windlass install` alone: the components that there are, and which of them are installed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{App, component_flags::TargetFlags};
use crate::{
    catalog::{Catalog, Component, Source},
    error::Result,
    output::Table,
    steps::{self, Health, Installer, Present},
};

/// A component, as it is listed.
#[derive(Serialize)]
struct Row<'a> {
    component: &'a str,
    title: &'a str,
    description: &'a str,
    /// The version that windlass would install.
    available: &'a str,
    /// Whether it is there; `None`: no cluster could be asked.
    present: Option<bool>,
    /// The version that is there, where that is known.
    installed: Option<&'a str>,
    installer: Option<&'a Installer>,
    health: Option<Health>,
    needs: &'a [String],
}

/// Lists the components. A cluster that cannot be asked is no error: then nothing is known of what is installed.
pub(super) async fn list(app: &App, target: &TargetFlags, catalog: &Catalog) -> Result<()> {
    app.say_rehearsal();
    let present = look(app, target, catalog).await;
    if let Err(error) = &present {
        let why: Vec<String> = error.source.chain().map(ToString::to_string).collect();
        app.output().note(&format!(
            "what is installed is not known: {}",
            why.join(": ")
        ));
    }
    let known = present.as_ref().ok();
    let rows: Vec<Row<'_>> = catalog
        .all()
        .map(|component| {
            let there = known.and_then(|known| find(component, known));
            Row {
                component: &component.name,
                title: &component.title,
                description: &component.description,
                available: &component.version,
                present: known.map(|_| there.is_some()),
                installed: there.and_then(|there| there.version.as_deref()),
                installer: there.map(|there| &there.installer),
                health: there.map(|there| there.health),
                needs: &component.needs,
            }
        })
        .collect();
    let mut table = Table::new(&["COMPONENT", "INSTALLED", "AVAILABLE", "DESCRIPTION"]);
    for row in &rows {
        let installed = match (row.present, row.installed) {
            (None, _) => "unknown".to_owned(),
            (Some(false), _) => "-".to_owned(),
            (Some(true), version) => {
                let version = version.unwrap_or("unknown");
                let who = match row.installer {
                    Some(Installer::Git(_)) => " (from Git)",
                    Some(Installer::AddOn(_)) => " (add-on)",
                    Some(Installer::Others) => " (by others)",
                    _ => "",
                };
                match row.health {
                    Some(Health::Ready) | None => format!("{version}{who}"),
                    Some(health) => format!("{version}{who}, {health}"),
                }
            }
        };
        table.add([row.component, &installed, row.available, row.description]);
    }
    app.output().show_table(&rows, &table)
}

/// Returns what is there of a component; of a set, its part that is the least well, once it has all that it always has.
fn find<'p>(component: &Component, known: &'p BTreeMap<String, Present>) -> Option<&'p Present> {
    let Source::Set { parts } = &component.source else {
        return known.get(&component.name);
    };
    let parts: Option<Vec<&Present>> = parts.iter().map(|part| known.get(part)).collect();
    let parts = parts?;
    let unwell = parts.iter().find(|part| part.health != Health::Ready);
    unwell.or(parts.first()).copied()
}

async fn look(
    app: &App,
    target: &TargetFlags,
    catalog: &Catalog,
) -> Result<BTreeMap<String, Present>> {
    let target = target.open(app).await?;
    let place = target.place()?;
    Ok(steps::find_present(
        &place.cx,
        &target.connection,
        &place.provider,
        target.cluster(),
        catalog,
    )
    .await?)
}
