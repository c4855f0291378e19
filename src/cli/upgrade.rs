//! `windlass upgrade`: brings installed components to another version or other values, having shown what changes.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, ValueHint};
use clap_complete::ArgValueCandidates;
use serde_json::Value;
use windlass_provider::{ClusterName, ProviderId};

use super::{
    App, candidates,
    component_flags::{Target, TargetFlags, ValueFlags, check_types, said_of},
    components::{
        Asked, Fetch, check_names, component_name, load_catalog, name_asked, secrets, unfold,
        version_of,
    },
    ports,
    run::{self, RunArgs, UnfinishedArgs},
    special::SpecialFlags,
};
use crate::{
    catalog::{self, Catalog, Component, Leap},
    error::{Error, Kind, Result},
    plan::{self, Action, InstallFacts, Plan},
    spec::{ComponentSpec, Spec, special::Special},
    steps::{self, Health, Installer, Present, Says},
};

/// Bring installed components to another version or other values, having shown what changes.
///
/// Wanted is what windlass.toml and the flags say; values that only flags of an earlier command said are gone again, unless
/// with --reuse-values.
#[derive(Debug, Args)]
pub(super) struct UpgradeArgs {
    /// What to upgrade; ingress is traefik
    #[arg(value_name = "COMPONENT", required_unless_present = "all", value_parser = component_name, add = ArgValueCandidates::new(candidates::components))]
    components: Vec<String>,
    /// All that windlass installed
    #[arg(long, conflicts_with = "components")]
    all: bool,
    #[command(flatten)]
    values: ValueFlags,
    #[command(flatten)]
    special: SpecialFlags,
    /// The namespace that it is in: it cannot move
    #[arg(long, value_name = "NAMESPACE", help_heading = "Component")]
    namespace: Option<String>,
    /// Print the objects that would be applied, and do nothing
    #[arg(long, conflicts_with = "dry_run", help_heading = "Component")]
    export: bool,
    /// Begin from the values that are installed, and not from windlass.toml's
    #[arg(long, help_heading = "Component")]
    reuse_values: bool,
    /// Wait until what is upgraded is ready: the default
    #[arg(long, help_heading = "Component", overrides_with = "no_wait")]
    wait: bool,
    /// Do not wait until it is ready
    #[arg(long, help_heading = "Component")]
    no_wait: bool,
    /// Flux's manifest, for networks without the internet
    #[arg(long, value_name = "FILE|URL", env = "WINDLASS_FLUX_MANIFEST", hide_env_values = true, value_hint = ValueHint::FilePath, help_heading = "Component")]
    flux_manifest: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    unfinished: UnfinishedArgs,
    #[command(flatten)]
    run: RunArgs,
}

impl UpgradeArgs {
    fn says(&self) -> Says {
        let named = |name: &String| self.special.mention(name);
        let others = self.reuse_values || self.components.iter().any(named);
        self.values.says("upgrade", &self.components, others)
    }
}

pub(super) async fn run(args: UpgradeArgs, app: App) -> Result<()> {
    let catalog = load_catalog()?;
    check_names(&catalog, &args.components)?;
    let about_one = args.values.any() || args.namespace.is_some();
    if about_one && args.components.len() != 1 {
        return Err(Error::usage(
            "--version, --values, --set, --set-string, --set-secret and --namespace are about one component",
        )
        .hint("name one, or write them into windlass.toml: [components.NAME]"));
    }
    let target = args.target.open(&app).await?;
    target.settings.check_components(&catalog.names())?;
    target
        .settings
        .secrets()
        .for_each(|secret| app.redactor().learn(secret));
    let spec = Spec::new(&target.settings)?;
    let place = target.place()?.clone();
    let guard = run::Guard::begin(&app, &place, target.cluster(), "upgrade", &args.run).await?;
    let work = prepare(&args, &app, &target, &guard, &catalog, spec);
    let prepared = match guard.preparing(work).await? {
        Prepared::Upgrade(prepared) => prepared,
        Prepared::Exported => return Ok(()),
        Prepared::Nothing => {
            app.output().note("there is nothing to upgrade");
            return Ok(());
        }
    };
    for change in &prepared.changes {
        app.output().note(change);
    }
    for (warning, hint) in &prepared.warnings {
        app.warn(warning, std::slice::from_ref(hint));
    }
    let plan = prepared.plan;
    if args.run.dry_run {
        return app.output().show_plan(&plan);
    }
    let titles: Vec<&str> = plan.steps[1..]
        .iter()
        .map(|step| step.title.as_str())
        .collect();
    let question = format!("Cluster {}: {}. Go on?", plan.cluster, titles.join(", "));
    if !app
        .confirm(&question, args.yes || app.global().rehearse)
        .await?
    {
        return Err(Error::message(Kind::Refused, "nothing was upgraded"));
    }
    let names = plan.asked.get("components").cloned().unwrap_or_default();
    let work = run::Work {
        secrets: secrets(&target.settings, &plan),
        plan,
        catalog,
        unfinished: args.unfinished.choice(),
        connection: target.connection,
        drain: Default::default(),
        says: args.says(),
        again: Some(format!(
            "upgrade {} --resume{}",
            names.replace(',', " "),
            target.flags
        )),
    };
    let next = vec![format!("windlass install{}", target.flags)];
    let finished = run::execute(&app, &place, guard, work).await?;
    finished.report(&app, next)
}

/// What came of looking at what is there.
enum Prepared {
    Nothing,
    /// The objects were printed.
    Exported,
    Upgrade(Box<Upgrade>),
}

/// An upgrade that is ready to be shown and run.
struct Upgrade {
    plan: Plan,
    /// What changes, a line each.
    changes: Vec<String>,
    /// What the user should think of, with a hint.
    warnings: Vec<(String, String)>,
}

async fn prepare(
    args: &UpgradeArgs,
    app: &App,
    target: &Target,
    guard: &run::Guard,
    catalog: &Catalog,
    mut spec: Spec,
) -> Result<Prepared> {
    let place = target.place()?;
    let cx = guard.cx();
    let (connection, cluster) = (&target.connection, target.cluster());
    let present = steps::find_present(cx, connection, &place.provider, cluster, catalog).await?;
    let names: Vec<String> = match args.all {
        true => present
            .iter()
            .filter(|(_, there)| there.installer == Installer::Windlass)
            .map(|(name, _)| name.clone())
            .collect(),
        false => args.components.clone(),
    };
    let typed = &args.components;
    let is_set = |name: &String| catalog.get(name).is_some_and(Component::is_set);
    // Values for a set are for its parts; otherwise flags are laid over below, where installed values may come between.
    let sets = args.values.any() && typed.iter().any(is_set);
    if sets && args.reuse_values {
        return Err(
            Error::usage("--reuse-values is about one component, and not about a set")
                .hint("name the part that the values are for"),
        );
    }
    for name in typed.iter().filter(|_| sets) {
        if let Some(set) = catalog.get(name) {
            let mut said = said_of(set, &spec.components);
            args.values.lay_over(&mut said)?;
            spec.components.retain(|other| other.name != *name);
            spec.components.push(said);
        }
    }
    args.special
        .lay_over(catalog, &mut spec.components, &names)?;
    let names = unfold(&mut spec, catalog, &names)?;
    let said = &spec.components;
    let texts: Vec<&str> = names.iter().map(String::as_str).collect();
    let ordered: Vec<&Component> = catalog::order(catalog, &texts)
        .map_err(Error::usage)?
        .into_iter()
        .filter(|component| names.contains(&component.name))
        .collect();
    let mut wanted = Vec::new();
    for component in &ordered {
        let there = installed(component, &present)?;
        let mut spec = said_of(component, said);
        if args.reuse_values
            && let Some(Value::Object(values)) = &there.values
        {
            spec.values = values.clone();
            spec.options = there.options.clone();
            // What options made of the values, they make anew.
            let made = Special::settle(&component.name, Some(&spec), target.provider())?;
            if let Some(made) = made.as_ref().map(catalog::special_values) {
                catalog::take_away(&mut spec.values, &made);
            }
            args.special.lay_over_one(&mut spec)?;
        }
        if !sets {
            args.values.lay_over(&mut spec)?;
        }
        spec.namespace = args.namespace.clone().or(spec.namespace);
        stay(component, &mut spec, there)?;
        wanted.push(spec);
    }
    let pairs = ordered.iter().copied().zip(wanted.iter().map(Some));
    check_types(pairs.clone(), target.provider())?;
    if args.export {
        let (of, flux) = ((target.provider(), cluster), &args.flux_manifest);
        let pairs: Vec<Asked<'_>> = pairs.collect();
        super::export::export(app, of, flux, &texts, &pairs).await?;
        return Ok(Prepared::Exported);
    }
    let mut told: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut components: Vec<Asked<'_>> = Vec::new();
    let mut warnings = Vec::new();
    for (component, spec) in pairs {
        let there = installed(component, &present)?;
        let changes = compare(component, spec, there, (target.provider(), cluster));
        if changes.is_empty() && there.health == Health::Ready {
            let version = there.version.as_deref().unwrap_or_default();
            app.output()
                .note(&format!("{} {version} is as it is wanted", component.name));
            continue;
        }
        let then = version_of(component, spec);
        let now = there.version.as_deref().unwrap_or_default();
        warnings
            .extend(catalog::judge_leap(now, then).map(|leap| warn(component, leap, now, then)));
        told.insert(&component.name, changes);
        components.push((component, spec));
    }
    if components.is_empty() {
        return Ok(Prepared::Nothing);
    }
    ports::check_wanted(&components, (target.provider(), cluster))?;
    ports::check_present(catalog, &components, &present, (target.provider(), cluster))?;
    target.check_secrets(&components)?;
    let fetch = Fetch {
        place,
        cx,
        cluster,
        flux_manifest: args.flux_manifest.as_deref(),
        dry_run: args.run.dry_run,
        says: &args.says(),
    };
    let manifests = fetch.all(&components).await?;
    let upgraded: Vec<&str> = components
        .iter()
        .map(|(component, _)| component.name.as_str())
        .collect();
    let mut plan = plan::install(InstallFacts {
        command: "upgrade",
        cluster: cluster.clone(),
        provider: place.id,
        rehearsal: place.rehearsal.is_some(),
        asked: name_asked(
            target,
            if args.all { &names } else { typed },
            &names,
            &components,
        ),
        unawaited: if args.no_wait { upgraded } else { Vec::new() },
        components,
        manifests,
    })?;
    let mut lines = Vec::new();
    for step in &mut plan.steps {
        let name = match &step.action {
            Action::InstallChart { chart } => chart.component.clone(),
            Action::InstallManifest { component, .. } => component.clone(),
            _ => continue,
        };
        let changes = told.remove(name.as_str()).unwrap_or_default();
        let changes = if changes.is_empty() {
            vec!["nothing but what is not well".to_owned()]
        } else {
            changes
        };
        lines.extend(changes.iter().map(|change| format!("{name}: {change}")));
        step.makes = vec![format!("{name}: {}", changes.join("; "))];
    }
    Ok(Prepared::Upgrade(Box::new(Upgrade {
        plan,
        changes: lines,
        warnings,
    })))
}

/// Returns a component that windlass installed.
///
/// # Errors
/// It is not there, or another's.
fn installed<'p>(
    component: &Component,
    present: &'p BTreeMap<String, Present>,
) -> Result<&'p Present> {
    let name = &component.name;
    let refused = |why: String| Error::message(Kind::Refused, why);
    let Some(there) = present.get(name) else {
        return Err(
            refused(format!("{name} is not installed")).hint(format!("windlass install {name}"))
        );
    };
    match &there.installer {
        Installer::Windlass => Ok(there),
        Installer::Git(owner) => Err(refused(format!(
            "{name} comes from Git, through Kustomization {owner}: what Git manages, Git owns"
        ))
        .hint("change it in the repository")),
        Installer::Others => Err(refused(format!(
            "{name} was installed by somebody else: it is not windlass's to change"
        ))
        .hint("change it the way it was installed")),
    }
}

/// Keeps a component in the namespace where it is.
///
/// # Errors
/// It is to be in another one.
fn stay(component: &Component, wanted: &mut ComponentSpec, there: &Present) -> Result<()> {
    let name = &component.name;
    match &wanted.namespace {
        Some(namespace) if *namespace != there.namespace => Err(Error::message(
            Kind::Refused,
            format!(
                "{name} is in namespace {} and cannot move to {namespace}",
                there.namespace
            ),
        )
        .hint(format!("windlass uninstall {name}, then install it again"))),
        _ => {
            wanted.namespace = Some(there.namespace.clone());
            Ok(())
        }
    }
}

/// Returns what an upgrade of a component would change, a fragment each.
pub(super) fn compare(
    component: &Component,
    wanted: Option<&ComponentSpec>,
    there: &Present,
    cluster: (ProviderId, &ClusterName),
) -> Vec<String> {
    let mut changes = Vec::new();
    let then = version_of(component, wanted);
    let now = there.version.as_deref().unwrap_or("unknown");
    if now != then {
        changes.push(format!("version {now} → {then}"));
    }
    let Some(values) = &there.values else {
        return changes;
    };
    // What means nothing is told by the plan.
    let Ok(chart) = plan::chart(component, wanted, cluster) else {
        return changes;
    };
    let write = |value: &Option<Value>| match value {
        None => "not set".to_owned(),
        Some(value) => value.to_string(),
    };
    let options = chart.special.as_ref().map(Special::list);
    let options = catalog::compare_values(
        &there.options.clone().into(),
        &options.unwrap_or_default().into(),
    );
    let values = catalog::compare_values(values, &chart.values);
    for (under, found) in [("", options), ("values.", values)] {
        changes.extend(found.iter().map(|change| {
            let (now, then) = (write(&change.now), write(&change.then));
            format!("{under}{}: {now} → {then}", change.path)
        }));
    }
    let now: BTreeSet<&String> = there.secrets.iter().collect();
    let then: BTreeSet<&String> = wanted
        .iter()
        .flat_map(|wanted| wanted.secrets.keys())
        .collect();
    for path in then.difference(&now) {
        changes.push(format!("values.{path}: not set → a secret"));
    }
    for path in now.difference(&then) {
        changes.push(format!("values.{path}: a secret → not set"));
    }
    changes
}

fn warn(component: &Component, leap: Leap, now: &str, then: &str) -> (String, String) {
    let name = &component.title;
    match leap {
        Leap::Down => (
            format!(
                "{name} would go down from {now} to {then}: its CRDs and what is stored may be newer than {then} can read"
            ),
            "read its release notes before going on".to_owned(),
        ),
        Leap::Major => (
            format!(
                "{name} would go to another major version, from {now} to {then}: values and CRDs may have changed"
            ),
            "read its release notes before going on".to_owned(),
        ),
        Leap::Minors => (
            format!(
                "{name} would skip minor versions, from {now} to {then}: CRDs are often migrated from one to the next only"
            ),
            "go there in steps: --version".to_owned(),
        ),
    }
}
