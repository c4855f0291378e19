//! `windlass setup`: makes the cluster and raises the platform on it.

use clap::Args;
use clap_complete::ArgValueCandidates;
use serde_json::Value;
use windlass_provider::{Check, ProviderId, Verdict};

use super::{
    App,
    app::Place,
    candidates,
    cluster_flags::{ClusterFlags, flags_at},
    component_flags::check_types,
    components::{Fetch, component_name, components_of, needed_anyway, secrets},
    ended, ports,
    run::{self, RunArgs, UnfinishedArgs},
};
use crate::{
    catalog::Catalog,
    error::{Error, Kind, Result},
    plan::{self, Action, Plan, SetupFacts},
    providers,
    settings::{Flags, Settings},
    spec::Spec,
    steps::{INGRESS_CLASSES, Says},
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
        value_parser = component_name,
        add = ArgValueCandidates::new(candidates::components),
        help_heading = "Components"
    )]
    only: Vec<String>,
    /// All components but these
    #[arg(
        long,
        value_name = "COMPONENT",
        value_delimiter = ',',
        value_parser = component_name,
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
    let plain = Flags {
        cluster: flags.cluster.clone(),
        ..flags_at(&app, args.place.as_deref())?
    };
    // What flags asked for stands in the plan that is gone on with.
    let flagged = flags != plain || args.flux_manifest.is_some();
    let catalog = Catalog::load().map_err(|error| Error::new(Kind::Bug, error))?;
    let mut settings = app.settings(flags.clone())?;
    settings.check_components(&catalog.names())?;
    if settings.provider.is_none() {
        settings.answer_provider(app.ask_provider().await?);
    }
    settings
        .secrets()
        .for_each(|secret| app.redactor().learn(secret));
    let mut spec = Spec::new(&settings)?;
    plan::unfold(&mut spec, &catalog).map_err(Error::usage)?;
    let mut place = app.place_making(spec.cluster.provider, flags).await?;
    if spec.cluster.provider == ProviderId::Google {
        let google = &mut spec.cluster.google;
        if google.project.is_none() && !google.create_project {
            google.project = providers::project(&place.reach, place.rehearsal.as_deref());
            // Who goes on later knows it from the plan, and says the same in the kubeconfig.
            place.reach.google.project.clone_from(&google.project);
        }
        identify(&mut spec, &catalog);
    }
    let command = if args.bare {
        spec.only = Some(Vec::new());
        spec.without.clear();
        spec.components.clear();
        spec.namespaces.clear();
        spec.cluster.google.identities.clear();
        spec.gitops = None;
        "cluster create"
    } else {
        "setup"
    };
    let guard = run::Guard::begin(&app, &place, &spec.cluster.name, command, &args.run).await?;
    let work = prepare(&args, &app, &settings, &place, &guard, &spec, &catalog);
    let mut plan = guard.preparing(work).await?;
    plan.command = command.to_owned();
    if args.run.dry_run {
        return app.output().show_plan(&plan);
    }
    let next = next_steps(&app, &spec, &plan);
    let work = run::Work {
        secrets: secrets(&settings, &plan),
        plan,
        catalog,
        unfinished: args.unfinished.choice(),
        connection: Default::default(),
        again: flagged.then(|| format!("{command} {} --resume", spec.cluster.provider)),
        says: Default::default(),
        drain: Default::default(),
    };
    let finished = run::execute(&app, &place, guard, work).await?;
    finished.report(&app, next)
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
    judge(app, &checks, "a setup")?;
    let asked = spec;
    let spec = &match providers::made_up(&facts) {
        // A project that nobody named has its name only now.
        Some(project) if !args.bare && spec.cluster.google.project.is_none() => {
            let mut spec = spec.clone();
            spec.cluster.google.project = Some(project);
            identify(&mut spec, catalog);
            spec
        }
        _ => spec.clone(),
    };
    let resources = place.provider.resources(&spec.cluster, &facts)?;
    let components = components_of(spec, catalog)?;
    for (left_out, needer) in needed_anyway(spec, &components) {
        app.output().note(&format!(
            "{left_out} is installed all the same: {needer} needs it"
        ));
    }
    check_types(components.iter().copied(), spec.cluster.provider)?;
    ports::check_wanted(&components, (spec.cluster.provider, &spec.cluster.name))?;
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
    let manifests = Fetch {
        place,
        cx,
        cluster: &spec.cluster.name,
        flux_manifest: args.flux_manifest.as_deref(),
        dry_run: args.run.dry_run,
        says: &Says::File,
    };
    let manifests = manifests.all(&components).await?;
    let facts = SetupFacts {
        resources,
        components,
        manifests,
        rehearsal: place.rehearsal.is_some(),
    };
    let plan = plan::setup(spec, facts)?;
    // What was made up is no wish: it may be another the next time.
    Ok(Plan {
        asked: asked.asked(),
        ..plan
    })
}

/// Gives the components that act on Google Cloud the accounts that they have there.
fn identify(spec: &mut Spec, catalog: &Catalog) {
    let cluster = spec.cluster.name.clone();
    plan::give_identities(spec, catalog, |project, component| {
        providers::identity(project, &cluster, component)
    });
}

/// Tells what is worth saying of checks.
///
/// # Errors
/// One failed: nothing is begun then.
pub(super) fn judge(app: &App, checks: &[Check], what: &str) -> Result<()> {
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
            .context(format!("{} is not ready for {what}", first.name));
        return Err(error);
    }
    Ok(())
}

fn next_steps(app: &App, spec: &Spec, plan: &Plan) -> Vec<String> {
    let cluster = ended::cluster_flag(&spec.cluster.name);
    let provider = spec.cluster.provider;
    let mut next = Vec::new();
    if !app.global().rehearse {
        next.push("source .env".to_owned());
    }
    next.push(match plan.command.as_str() {
        "setup" => format!("windlass status{cluster}"),
        _ => format!("windlass setup {provider}{cluster}"),
    });
    let has_ingress = plan.steps.iter().any(|step| match &step.action {
        Action::InstallChart { chart } => INGRESS_CLASSES.contains(&&*chart.component),
        _ => false,
    });
    if has_ingress {
        next.push(format!("windlass ingress address --wait{cluster}"));
    }
    next.push(format!("windlass destroy {provider}{cluster}"));
    next
}
