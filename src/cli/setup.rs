//! `windlass setup`: makes the cluster and raises the platform on it.

use std::collections::BTreeMap;

use clap::Args;
use clap_complete::ArgValueCandidates;
use serde_json::Value;
use windlass_provider::{Ctx, Verdict};

use super::{
    App,
    app::Place,
    candidates,
    cluster_flags::ClusterFlags,
    run::{self, RunArgs},
};
use crate::{
    catalog::{self, Catalog},
    error::{Error, Kind, Result},
    plan::{self, Action, Manifest, Plan, SetupFacts},
    settings::Settings,
    spec::{ComponentSpec, Spec},
    steps,
};

/// Create a cluster and raise the platform on it.
///
/// Run it again to go on after an interruption, or to bring the platform into line with a changed windlass.toml.
#[derive(Debug, Args)]
pub(super) struct SetupArgs {
    /// Where the cluster runs; asked for on a terminal
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
    /// Only these components, and what they need
    #[arg(
        long,
        value_name = "COMPONENT",
        value_delimiter = ',',
        add = ArgValueCandidates::new(candidates::components),
        help_heading = "Components"
    )]
    only: Vec<String>,
    /// All components but these
    #[arg(
        long,
        value_name = "COMPONENT",
        value_delimiter = ',',
        add = ArgValueCandidates::new(candidates::components),
        help_heading = "Components"
    )]
    without: Vec<String>,
    #[command(flatten)]
    unfinished: UnfinishedArgs,
    #[command(flatten)]
    run: RunArgs,
    /// Whether only the cluster is made
    #[arg(skip)]
    bare: bool,
}

/// What to do about an unfinished run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
struct UnfinishedArgs {
    /// Go on with the plan of the unfinished run, whatever the flags say now
    #[arg(long, conflicts_with = "replan")]
    resume: bool,
    /// Leave the plan of the unfinished run, and make a new one
    #[arg(long)]
    replan: bool,
}

/// Create a cluster, with its kubeconfig and nothing on it; `windlass setup` raises the platform on it later.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// Where the cluster runs; asked for on a terminal
    #[arg(value_name = "PROVIDER", value_parser = super::global::provider_names())]
    place: Option<String>,
    #[command(flatten)]
    cluster: ClusterFlags,
    #[command(flatten)]
    unfinished: UnfinishedArgs,
    #[command(flatten)]
    run: RunArgs,
}

/// Makes the cluster alone.
pub(super) async fn create(args: CreateArgs, app: App) -> Result<()> {
    let args = SetupArgs {
        place: args.place,
        cluster: args.cluster,
        flux_manifest: None,
        only: Vec::new(),
        without: Vec::new(),
        unfinished: args.unfinished,
        run: args.run,
        bare: true,
    };
    run(args, app).await
}

pub(super) async fn run(args: SetupArgs, app: App) -> Result<()> {
    let mut flags = args.cluster.flags(&app, args.place.as_deref())?;
    flags.only.clone_from(&args.only);
    flags.without.clone_from(&args.without);
    let catalog = Catalog::load().map_err(|error| Error::new(Kind::Bug, error))?;
    let mut settings = app.settings(flags)?;
    settings.check_components(&catalog.names())?;
    if settings.provider.is_none() {
        settings.answer_provider(app.ask_provider().await?);
    }
    settings
        .secrets()
        .for_each(|secret| app.redactor().learn(secret));
    let mut spec = Spec::new(&settings)?;
    plan::unfold(&mut spec, &catalog).map_err(Error::usage)?;
    let command = if args.bare {
        spec.only = Some(Vec::new());
        spec.without.clear();
        spec.components.clear();
        spec.namespaces.clear();
        spec.gitops = None;
        "cluster create"
    } else {
        "setup"
    };
    let place = app.place(spec.cluster.provider).await?;
    let guard = run::Guard::begin(&app, &place, &spec.cluster.name, command, &args.run).await?;
    let work = prepare(&args, &app, &settings, &place, &guard, &spec, &catalog);
    let mut plan = guard.preparing(work).await?;
    plan.command = command.to_owned();
    if args.run.dry_run {
        return app.output().show_plan(&plan);
    }
    let work = run::Work {
        secrets: secrets(&settings, &plan),
        plan,
        catalog,
        unfinished: run::Unfinished::of(args.unfinished.resume, args.unfinished.replan),
        drain: steps::How::default(),
    };
    let finished = run::execute(&app, &place, guard, work).await?;
    finished.report(&app, next_steps(&app, &spec, args.bare))
}

/// Looks up the facts and makes the plan. Changes nothing but the kept copy of what it fetches.
async fn prepare(
    args: &SetupArgs,
    app: &App,
    settings: &Settings,
    place: &Place,
    guard: &run::Guard,
    spec: &Spec,
    catalog: &Catalog,
) -> Result<Plan> {
    let cx = guard.cx();
    let facts = place.provider.facts(cx, &spec.cluster).await?;
    let checks = place.provider.preflight(cx, &spec.cluster, &facts).await;
    for check in checks
        .iter()
        .filter(|check| check.verdict == Verdict::Warning)
    {
        app.warn(&check.detail, &check.hints);
    }
    let failed: Vec<_> = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Failed)
        .collect();
    if let Some(first) = failed.first() {
        let mut error = Error::message(
            Kind::Refused,
            failed
                .iter()
                .map(|check| check.detail.as_str())
                .collect::<Vec<_>>()
                .join("; "),
        );
        error.hints = failed
            .iter()
            .flat_map(|check| check.hints.clone())
            .collect();
        error.source = error
            .source
            .context(format!("{} is not ready for a setup", first.name));
        return Err(error);
    }
    let resources = place.provider.resources(&spec.cluster, &facts)?;
    let components = components(spec, catalog)?;
    let names: Vec<&str> = components
        .iter()
        .map(|(component, _)| component.name.as_str())
        .collect();
    let sets = catalog.names().into_iter().filter(|set| {
        let parts = catalog
            .get(set)
            .and_then(|set| set.parts(&Value::Null).ok());
        let mut parts = parts.into_iter().flatten();
        parts.any(|part| names.contains(&part.name.as_str()))
    });
    let named: Vec<&str> = names.iter().copied().chain(sets).collect();
    settings.check_secrets(&named)?;
    for (component, _) in &components {
        if let Some(warning) = &component.warning {
            app.warn(warning, &[]);
        }
    }
    let mut manifests = Vec::new();
    for (component, wanted) in &components {
        let version = wanted
            .and_then(|wanted| wanted.version.as_ref())
            .unwrap_or(&component.version);
        let Some(url) = component.manifest(version) else {
            continue;
        };
        let location = match (&place.rehearsal, &args.flux_manifest) {
            (_, Some(location)) if component.name == "flux" => location.clone(),
            (Some(rehearsal), _) => rehearsal.manifest(&component.name, version),
            (None, _) => url,
        };
        manifests.push(manifest(args, place, cx, spec, &component.name, version, location).await?);
    }
    Ok(plan::setup(
        spec,
        SetupFacts {
            resources,
            components,
            manifests,
            rehearsal: place.rehearsal.is_some(),
        },
    ))
}

async fn manifest(
    args: &SetupArgs,
    place: &Place,
    cx: &Ctx,
    spec: &Spec,
    component: &str,
    version: &str,
    location: String,
) -> Result<Manifest> {
    if args.run.dry_run {
        // Fetching would write a copy; a dry run does nothing.
        return Ok(Manifest {
            component: component.to_owned(),
            url: location,
            sha256: String::new(),
        });
    }
    let origin = steps::Origin {
        component: component.to_owned(),
        version: version.to_owned(),
        location,
    };
    steps::fetch(cx, &origin, &place.workdir, &spec.cluster.name).await
}

/// Returns the components to install, each after what it needs.
fn components<'a>(
    spec: &'a Spec,
    catalog: &'a Catalog,
) -> Result<Vec<(&'a catalog::Component, Option<&'a ComponentSpec>)>> {
    let mut names: Vec<&str> = catalog
        .names()
        .into_iter()
        .filter(|name| {
            let by_default = catalog.get(name).is_some_and(|it| it.default);
            spec.wants(name, by_default)
        })
        .collect();
    if spec.gitops.is_some() {
        names.push("flux");
    }
    let ordered = catalog::order(catalog, &names).map_err(Error::usage)?;
    Ok(ordered
        .into_iter()
        .map(|component| (component, spec.component(&component.name)))
        .collect())
}

/// Returns the secrets that the plan's charts name, as far as they are set.
fn secrets(settings: &Settings, plan: &Plan) -> BTreeMap<String, String> {
    plan.steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::InstallChart { chart } => Some(chart.secrets.values()),
            _ => None,
        })
        .flatten()
        .filter_map(|name| Some((name.clone(), settings.variables.get(name)?.0.to_owned())))
        .collect()
}

fn next_steps(app: &App, spec: &Spec, bare: bool) -> Vec<String> {
    let cluster = match spec.cluster.name.as_str() {
        "dot" => String::new(),
        name => format!(" --cluster {name}"),
    };
    let provider = spec.cluster.provider;
    let mut next = Vec::new();
    if !app.global().rehearse {
        next.push("source .env".to_owned());
    }
    next.push(match bare {
        true => format!("windlass setup {provider}{cluster}"),
        false => format!("windlass status{cluster}"),
    });
    next.push(format!("windlass destroy {provider}{cluster}"));
    next
}
