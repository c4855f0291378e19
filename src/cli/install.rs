//! `windlass install`: installs components into a cluster that is there, with what they need; alone, lists them.

use clap::{Args, ValueHint};
use clap_complete::ArgValueCandidates;

use super::{
    App, candidates,
    component_flags::{Target, TargetFlags, ValueFlags, check_types, said_of},
    components::{
        Asked, Fetch, check_names, component_name, load_catalog, name_asked, secrets, unfold,
        version_of,
    },
    ended, listing, ports,
    run::{self, RunArgs, UnfinishedArgs},
    special::SpecialFlags,
};
use crate::{
    catalog::{self, Catalog, Component},
    error::{Error, Kind, Result},
    plan::{self, InstallFacts, Plan, StepId},
    spec::{ComponentSpec, Spec},
    steps::{self, Health, Installer, Present, Says},
};

/// Install components, with what they need; without a name, list them.
///
/// What is there already and right is left alone. `windlass upgrade` changes what is there.
#[derive(Debug, Args)]
pub(super) struct InstallArgs {
    /// What to install; without one: list what there is, and what is installed; ingress is traefik
    #[arg(value_name = "COMPONENT", value_parser = component_name, add = ArgValueCandidates::new(candidates::components))]
    components: Vec<String>,
    #[command(flatten)]
    values: ValueFlags,
    /// The namespace for it [default: windlass.toml's, or the component's own]
    #[arg(long, value_name = "NAMESPACE", help_heading = "Component")]
    namespace: Option<String>,
    /// Print the objects that would be applied, and do nothing
    #[arg(long, conflicts_with = "dry_run", help_heading = "Component")]
    export: bool,
    /// Wait until what is installed is ready: the default
    #[arg(long, help_heading = "Component", overrides_with = "no_wait")]
    wait: bool,
    /// Do not wait until it is ready; what it needs is waited for
    #[arg(long, help_heading = "Component")]
    no_wait: bool,
    /// Flux's manifest, for networks without the internet
    #[arg(long, value_name = "FILE|URL", env = "WINDLASS_FLUX_MANIFEST", hide_env_values = true, value_hint = ValueHint::FilePath, help_heading = "Component")]
    flux_manifest: Option<String>,
    #[command(flatten)]
    special: SpecialFlags,
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    unfinished: UnfinishedArgs,
    #[command(flatten)]
    run: RunArgs,
}

impl InstallArgs {
    fn says(&self) -> Says {
        let named = |name: &String| self.special.mention(name);
        let others = self.namespace.is_some() || self.components.iter().any(named);
        self.values.says("install", &self.components, others)
    }

    /// Returns whether the user says how the one component is to be, and not only that it is to be.
    fn is_about_one(&self) -> bool {
        self.values.any() || self.namespace.is_some()
    }

    /// Returns whether the user says how a component is to be.
    fn is_explicit(&self, component: &str) -> bool {
        self.is_about_one() || self.special.mention(component)
    }
}

pub(super) async fn run(args: InstallArgs, app: App) -> Result<()> {
    let catalog = load_catalog()?;
    check_names(&catalog, &args.components)?;
    if args.is_about_one() && args.components.len() != 1 {
        return Err(Error::usage(
            "--version, --values, --set, --set-string, --set-secret and --namespace are about one component",
        )
        .hint("name one, or write them into windlass.toml: [components.NAME]"));
    }
    if args.components.is_empty() {
        // A flag without its component is a mistake, not a question.
        args.special.lay_over(&catalog, &mut Vec::new(), &[])?;
        return listing::list(&app, &args.target, &catalog).await;
    }
    let target = match args.export {
        true => Target::without_cluster(&app)?,
        false => args.target.open(&app).await?,
    };
    let settings = &target.settings;
    settings.check_components(&catalog.names())?;
    settings
        .secrets()
        .for_each(|secret| app.redactor().learn(secret));
    let mut spec = Spec::new(settings)?;
    let said = &mut spec.components;
    for name in &args.components {
        let Some(component) = catalog.get(name) else {
            continue;
        };
        let mut one = said_of(component, said);
        args.values.lay_over(&mut one)?;
        one.namespace = args.namespace.clone().or(one.namespace);
        said.retain(|other| other.name != *name);
        said.push(one);
    }
    args.special.lay_over(&catalog, said, &args.components)?;
    let expanded = unfold(&mut spec, &catalog, &args.components)?;
    let names: Vec<&str> = expanded.iter().map(String::as_str).collect();
    let ordered: Vec<Asked<'_>> = catalog::order(&catalog, &names)
        .map_err(Error::usage)?
        .into_iter()
        .map(|component| (component, spec.component(&component.name)))
        .collect();
    let provider = target.provider();
    check_types(ordered.iter().copied(), provider)?;
    ports::check_wanted(&ordered, (provider, target.cluster()))?;
    if args.export {
        return super::export::export(
            &app,
            (provider, target.cluster()),
            &args.flux_manifest,
            &names,
            &ordered,
        )
        .await;
    }
    let place = target.place()?;
    let guard = run::Guard::begin(&app, place, target.cluster(), "install", &args.run).await?;
    let work = prepare(
        &args,
        &app,
        &target,
        &guard,
        &catalog,
        (&expanded, &ordered),
    );
    let Some(plan) = guard.preparing(work).await? else {
        app.output().note("there is nothing to install");
        return Ok(());
    };
    if args.run.dry_run {
        return app.output().show_plan(&plan);
    }
    let flags = target.flags.clone();
    let again = format!(
        "install {} --resume{}",
        args.components.join(" "),
        target.flags
    );
    let (place, connection) = (place.clone(), target.connection);
    let work = run::Work {
        secrets: secrets(&target.settings, &plan),
        plan,
        catalog,
        unfinished: args.unfinished.choice(),
        connection,
        drain: Default::default(),
        says: args.says(),
        again: Some(again),
    };
    let next = match target.flags.as_str() {
        "" => vec![
            format!(
                "windlass status{}{flags}",
                ended::cluster_flag(&work.plan.cluster)
            ),
            format!(
                "windlass uninstall {}{}{flags}",
                args.components.join(" "),
                ended::cluster_flag(&work.plan.cluster)
            ),
        ],
        _ => vec![format!("windlass install{flags}")],
    };
    let finished = run::execute(&app, &place, guard, work).await?;
    finished.report(&app, next)
}

/// Looks at what is there and makes the plan; `None`: there is nothing to do.
async fn prepare(
    args: &InstallArgs,
    app: &App,
    target: &Target,
    guard: &run::Guard,
    catalog: &Catalog,
    (asked, ordered): (&[String], &[Asked<'_>]),
) -> Result<Option<Plan>> {
    let place = target.place()?;
    let cx = guard.cx();
    let present = steps::find_present(
        cx,
        &target.connection,
        &place.provider,
        target.cluster(),
        catalog,
    )
    .await?;
    let mut components: Vec<Asked<'_>> = Vec::new();
    // What is there and right is applied all the same: somebody may have changed it.
    let mut right: Vec<StepId> = Vec::new();
    for (component, wanted) in ordered {
        let is_asked = asked.contains(&component.name);
        let there = present.get(&component.name);
        let left = match there {
            None => None,
            Some(there) if is_asked => leave_asked(args, target, component, *wanted, there)?,
            Some(there) => leave_needed(component, there),
        };
        match left {
            Some(reason) => app.output().note(&reason),
            None => {
                if there.is_some_and(|it| it.health == Health::Ready) {
                    right.push(plan::component_id(&component.name));
                }
                components.push((component, *wanted));
            }
        }
    }
    if components.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = components
        .iter()
        .map(|(component, _)| component.name.as_str())
        .collect();
    let cluster = (target.provider(), target.cluster());
    ports::check_present(catalog, &components, &present, cluster)?;
    target.check_secrets(&components)?;
    for (component, _) in &components {
        if let Some(warning) = &component.warning {
            app.warn(warning, &[]);
        }
    }
    let fetch = Fetch {
        place,
        cx,
        cluster: target.cluster(),
        flux_manifest: args.flux_manifest.as_deref(),
        dry_run: args.run.dry_run,
        says: &args.says(),
    };
    let manifests = fetch.all(&components).await?;
    let unawaited = match args.no_wait {
        true => names
            .into_iter()
            .filter(|name| asked.iter().any(|asked| asked == name))
            .collect(),
        false => Vec::new(),
    };
    let mut plan = plan::install(InstallFacts {
        command: "install",
        cluster: target.cluster().clone(),
        provider: place.id,
        rehearsal: place.rehearsal.is_some(),
        asked: name_asked(target, &args.components, asked, &components),
        components,
        manifests,
        unawaited,
    })?;
    // Only where it is shown: a plan that is gone on with is the same as it was.
    for step in plan.steps.iter_mut().filter(|_| args.run.dry_run) {
        if right.contains(&step.id) {
            step.makes = vec!["nothing: it is there, and as it is wanted".to_owned()];
        }
    }
    Ok(Some(plan))
}

/// Returns why a component that was asked for and is there is left alone; `None` where its step is to run.
///
/// # Errors
/// It is another's, or differs from what is asked for in so many words.
fn leave_asked(
    args: &InstallArgs,
    target: &Target,
    component: &Component,
    wanted: Option<&ComponentSpec>,
    there: &Present,
) -> Result<Option<String>> {
    let name = &component.name;
    match &there.installer {
        Installer::Git(owner) => {
            return Err(Error::message(
                Kind::Refused,
                format!("{name} comes from Git, through Kustomization {owner}: what Git manages, Git owns"),
            )
            .hint("change it in the repository"));
        }
        Installer::Others if args.is_explicit(name) => {
            return Err(Error::message(
                Kind::Refused,
                format!("{name} was installed by somebody else: it is used as it is"),
            )
            .hint("change it the way it was installed"));
        }
        Installer::Others => {
            return Ok(Some(format!(
                "{name} was installed by somebody else: it is used as it is"
            )));
        }
        Installer::Windlass => {}
    }
    let differs = difference(component, wanted, there, target);
    let Some(differs) = differs.filter(|_| there.health == Health::Ready) else {
        return Ok(None);
    };
    if !args.is_explicit(name) {
        return Ok(Some(format!(
            "{name} is installed and left alone, {differs}; to bring it into line: windlass upgrade {name}"
        )));
    }
    let error = Error::message(Kind::Refused, format!("{name} is installed, {differs}"));
    Err(match &args.namespace {
        Some(namespace) if *namespace != there.namespace => error.hint(format!(
            "it cannot move: windlass uninstall {name}, then install it again"
        )),
        _ => error.hint(format!(
            "windlass upgrade {name}, with the same flags, shows what changes and does it"
        )),
    })
}

/// Returns how what is there differs from what is wanted, as a fragment.
fn difference(
    component: &Component,
    wanted: Option<&ComponentSpec>,
    there: &Present,
    target: &Target,
) -> Option<String> {
    let version = version_of(component, wanted);
    let installed = there.version.as_deref().unwrap_or_default();
    if version != installed {
        return Some(format!("at version {installed} and not {version}"));
    }
    if let Some(namespace) = wanted.and_then(|wanted| wanted.namespace.as_ref())
        && *namespace != there.namespace
    {
        return Some(format!(
            "in namespace {} and not {namespace}",
            there.namespace
        ));
    }
    let is_chart = component.manifest(version).is_none();
    // What means nothing is told by the plan.
    let chart = plan::chart(component, wanted, (target.provider(), target.cluster())).ok()?;
    (is_chart && there.digest != format!("sha256:{}", steps::chart_digest(&chart)))
        .then(|| "with other values".to_owned())
}

/// Returns why a component that is needed is left alone; `None` where its step is to run.
fn leave_needed(component: &Component, there: &Present) -> Option<String> {
    let who = match &there.installer {
        Installer::Windlass => String::new(),
        Installer::Git(_) => ", from Git".to_owned(),
        Installer::Others => ", installed by somebody else".to_owned(),
    };
    let is_ours = there.installer == Installer::Windlass;
    (there.health == Health::Ready || !is_ours).then(|| {
        let version = there.version.as_deref().unwrap_or("of an unknown version");
        format!("{} {version} is there{who}", component.title)
    })
}
