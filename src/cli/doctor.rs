//! `windlass doctor`: what a setup would meet on this machine.

use std::{env, ffi::OsString};

use clap::Args;
use windlass_provider::{Check, Verdict};

use super::{App, app::Place, cluster_flags::ClusterFlags};
use crate::{
    catalog::Catalog,
    error::{Error, Kind, Result},
    files,
    output::Table,
    providers,
    spec::Spec,
    steps,
};

/// Check this machine: programs, the container engine, ports, network and proxy, disk and folders (exit code 4).
///
/// Nothing is changed. With --rehearse, the rehearsed machine is checked.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Where the cluster is to run
    #[arg(value_name = "PROVIDER", value_parser = super::global::provider_names())]
    place: Option<String>,
    #[command(flatten)]
    cluster: ClusterFlags,
    /// Flux's manifest, for networks without the internet
    #[arg(
        long,
        value_name = "FILE|URL",
        env = "WINDLASS_FLUX_MANIFEST",
        hide_env_values = true,
        help_heading = "Components"
    )]
    flux_manifest: Option<String>,
}

pub(super) async fn run(args: DoctorArgs, app: App) -> Result<()> {
    app.say_rehearsal();
    let mut settings = app.settings(args.cluster.flags(&app, args.place.as_deref())?)?;
    let id = app.provider_of(&settings)?;
    settings.answer_provider(id);
    let spec = Spec::new(&settings)?;
    let place = app.place(id).await?;
    let checks = check(&place, &spec, args.flux_manifest.as_deref()).await?;
    show(&app, &checks)
}

/// Makes all checks.
pub(super) async fn check(
    place: &Place,
    spec: &Spec,
    flux_manifest: Option<&str>,
) -> Result<Vec<Check>> {
    let mut checks = check_place(place, spec).await;
    checks.extend(check_network(flux_manifest, place).await?);
    checks.push(steps::check_folder(
        "working directory",
        place.workdir.root(),
    ));
    checks.push(check_state());
    let own = env::current_exe().unwrap_or_default();
    checks.push(steps::check_path(env::var_os("PATH").as_ref(), &own));
    Ok(checks)
}

/// Checks the programs, and with them what the provider checks before a setup.
async fn check_place(place: &Place, spec: &Spec) -> Vec<Check> {
    let mut checks = Vec::new();
    if place.rehearsal.is_none() {
        let mut programs = providers::programs(place.id);
        if let Some(engine) = &spec.cluster.kind.engine {
            programs.one_of.retain(|name| name == engine);
        }
        let path: OsString = env::var_os("PATH").unwrap_or_default();
        checks = steps::check_programs(&programs.each, &programs.one_of, &path, providers::advise);
    }
    let name = format!("provider {}", place.id);
    if checks.iter().any(|check| check.verdict == Verdict::Failed) {
        let detail = "not asked: a program is missing";
        checks.push(Check::new(name, Verdict::Skipped, detail));
        return checks;
    }
    match place.provider.facts(&place.cx, &spec.cluster).await {
        Ok(facts) => {
            checks.push(Check::new(name, Verdict::Passed, facts.identity.clone()));
            let (provider, cx) = (&place.provider, &place.cx);
            checks.extend(provider.preflight(cx, &spec.cluster, &facts).await);
        }
        Err(error) => {
            let check = Check::new(name, Verdict::Failed, error.to_line());
            checks.push(error.hints.into_iter().fold(check, Check::hint));
        }
    }
    checks
}

/// Checks whether Flux's manifest, the one thing that windlass itself fetches, can be had.
async fn check_network(flux_manifest: Option<&str>, place: &Place) -> Result<Vec<Check>> {
    let catalog = Catalog::load().map_err(|error| Error::new(Kind::Bug, error))?;
    let pinned = catalog
        .get("flux")
        .and_then(|flux| Some((&flux.version, flux.manifest(&flux.version)?)));
    let Some((version, url)) = pinned else {
        return Err(Error::message(Kind::Bug, "flux has no manifest"));
    };
    let location = match (flux_manifest, &place.rehearsal) {
        (Some(location), _) => location.to_owned(),
        (None, Some(rehearsal)) => rehearsal.manifest("flux", version),
        (None, None) => url,
    };
    Ok(vec![
        steps::check_proxy(&location, |name| env::var(name).ok()),
        steps::check_manifest(&place.cx, &location).await,
    ])
}

/// Checks the user's state directory, in which rehearsals live.
fn check_state() -> Check {
    match files::state_dir(|name| env::var_os(name)) {
        Ok(folder) => steps::check_folder("state directory", &folder),
        Err(error) => error.hints.into_iter().fold(
            Check::new(
                "state directory",
                Verdict::Warning,
                error.source.to_string(),
            ),
            Check::hint,
        ),
    }
}

/// Returns the checks as a table.
pub(super) fn tabulate(checks: &[Check]) -> Table {
    let mut table = Table::new(&["CHECK", "VERDICT", "DETAIL"]);
    for check in checks {
        table.add([check.name.as_str(), word(check.verdict), &check.detail]);
    }
    table
}

/// Shows checks; an error where one failed.
pub(super) fn show(app: &App, checks: &[Check]) -> Result<()> {
    app.output().show_table(&checks, &tabulate(checks))?;
    for check in checks
        .iter()
        .filter(|check| check.verdict == Verdict::Warning)
    {
        app.warn(&format!("{}: {}", check.name, check.detail), &check.hints);
    }
    let failed: Vec<&Check> = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed)
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = failed.iter().map(|check| check.name.as_str()).collect();
    let mut error = Error::message(
        Kind::Unhealthy,
        format!("not in order: {}", names.join(", ")),
    );
    error.hints = failed
        .iter()
        .flat_map(|check| check.hints.clone())
        .collect();
    Err(error)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Warning => "warning",
        Verdict::Failed => "failed",
        Verdict::Skipped => "skipped",
    }
}
