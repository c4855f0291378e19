//! `windlass uninstall`: takes components out of a cluster that stays, and says what of them stays, too.

use std::collections::BTreeMap;

use clap::Args;
use clap_complete::ArgValueCandidates;

use super::{
    App, candidates,
    component_flags::{Target, TargetFlags},
    components::{check_names, component_name, load_catalog, name_asked},
    run::{self, RunArgs, UnfinishedArgs},
    uninstall_flags,
};
use crate::{
    catalog::{self, Catalog, Component},
    error::{Error, Kind, Result},
    plan::{self, Going, Plan, UninstallFacts},
    spec::Spec,
    steps::{self, Installer, Leaving, Present},
};

/// How many names are told of many.
const SHOWN: usize = 5;

/// Take components out of a cluster that stays. Nothing that somebody else installed is touched.
///
/// What others need, and what has live objects of its CRDs, is refused. CRDs that the chart does not take along, and the
/// namespace with its volumes, stay unless --purge. A component goes as the inventory knows it, with whichever values it has:
/// --values and --set mean nothing here, and are refused.
#[derive(Debug, Args)]
pub(super) struct UninstallArgs {
    /// What to uninstall; ingress is traefik
    #[arg(value_name = "COMPONENT", required = true, value_parser = component_name, add = ArgValueCandidates::new(candidates::components))]
    components: Vec<String>,
    /// Remove its CRDs, all objects of their kinds, and its namespace with its volumes, too
    #[arg(long)]
    purge: bool,
    /// Uninstall although others need it or objects of its CRDs live
    #[arg(long)]
    force: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    one: uninstall_flags::OneFlags,
    #[command(flatten)]
    values: uninstall_flags::NoValues,
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    unfinished: UnfinishedArgs,
    #[command(flatten)]
    run: RunArgs,
}

pub(super) async fn run(args: UninstallArgs, app: App) -> Result<()> {
    let catalog = load_catalog()?;
    check_names(&catalog, &args.components)?;
    args.values.refuse(&args.components)?;
    args.one.check_count(&args.components)?;
    let target = args.target.open(&app).await?;
    let place = target.place()?.clone();
    let guard = run::Guard::begin(&app, &place, target.cluster(), "uninstall", &args.run).await?;
    let work = prepare(&args, &app, &target, &guard, &catalog);
    let plan = match guard.preparing(work).await? {
        Prepared::Uninstall(plan) => plan,
        Prepared::Exported => return Ok(()),
        Prepared::Nothing => {
            app.output().note("there is nothing to uninstall");
            return Ok(());
        }
    };
    if args.run.dry_run {
        return app.output().show_plan(&plan);
    }
    let titles: Vec<&str> = plan.steps.iter().map(|step| step.title.as_str()).collect();
    let question = format!("Cluster {}: {}. Go on?", plan.cluster, titles.join(", "));
    if !app
        .confirm(&question, args.yes || app.global().rehearse)
        .await?
    {
        return Err(Error::message(Kind::Refused, "nothing was uninstalled"));
    }
    let purge = if args.purge { " --purge" } else { "" };
    let no_wait = if args.one.no_wait { " --no-wait" } else { "" };
    let work = run::Work {
        secrets: BTreeMap::new(),
        plan,
        catalog,
        unfinished: args.unfinished.choice(),
        connection: target.connection,
        says: Default::default(),
        drain: Default::default(),
        again: Some(format!(
            "uninstall {}{purge}{no_wait} --resume{}",
            args.components.join(" "),
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
    Uninstall(Plan),
}

async fn prepare(
    args: &UninstallArgs,
    app: &App,
    target: &Target,
    guard: &run::Guard,
    catalog: &Catalog,
) -> Result<Prepared> {
    let place = target.place()?;
    let cx = guard.cx();
    let (connection, cluster) = (&target.connection, target.cluster());
    let present = steps::find_present(cx, connection, &place.provider, cluster, catalog).await?;
    let mut going: Vec<&Component> = Vec::new();
    // All parts of a set, whether they were asked for or not.
    let mut spec = Spec::new(&target.settings)?;
    spec.without = args.components.clone();
    plan::unfold(&mut spec, catalog).map_err(Error::usage)?;
    let expanded = spec.without;
    let names: Vec<&str> = expanded.iter().map(String::as_str).collect();
    for component in catalog::order(catalog, &names).map_err(Error::usage)? {
        if !expanded.contains(&component.name) {
            continue;
        }
        match present.get(&component.name) {
            None if !args.components.contains(&component.name) => {}
            None => app
                .output()
                .note(&format!("{} is not installed", component.name)),
            Some(there) => {
                check_installer(component, there)?;
                args.one.check(component, there)?;
                going.push(component);
            }
        }
    }
    if going.is_empty() {
        return Ok(Prepared::Nothing);
    }
    if args.one.export {
        let of = (&place.provider, cluster);
        uninstall_flags::export(app, cx, connection, of, &going, args.purge).await?;
        return Ok(Prepared::Exported);
    }
    if !args.force {
        check_needed(catalog, &going, &present)?;
    }
    let leaving = steps::look_at_leaving(cx, connection, &place.provider, cluster, &going).await?;
    let mut components = Vec::new();
    for component in going.iter().copied() {
        let leaving = leaving.get(&component.name).cloned().unwrap_or_default();
        if !args.purge {
            check_objects(component, &leaving, args.force, &Others::UNINSTALL)?;
        }
        let mut next = leave(component, leaving, args.purge);
        // What goes after it goes when it is gone.
        let before = going.iter().any(|it| component.needs.contains(&it.name));
        next.unawaited = args.one.no_wait && !before;
        for note in &next.notes {
            app.output().note(&format!("{}: {note}", component.name));
        }
        components.push(next);
    }
    let mut asked = name_asked(target, &args.components, &[], &[]);
    asked.insert("purge".to_owned(), args.purge.to_string());
    Ok(Prepared::Uninstall(plan::uninstall(UninstallFacts {
        cluster: cluster.clone(),
        provider: place.id,
        rehearsal: place.rehearsal.is_some(),
        asked,
        components,
    })))
}

fn check_installer(component: &Component, there: &Present) -> Result<()> {
    let name = &component.name;
    match &there.installer {
        Installer::Windlass => Ok(()),
        Installer::Git(owner) => Err(Error::message(
            Kind::Refused,
            format!(
                "{name} comes from Git, through Kustomization {owner}: what Git manages, Git owns"
            ),
        )
        .hint("take it out of the repository")),
        Installer::AddOn(title) => Err(Error::message(
            Kind::Refused,
            format!("{name} is {title}: it is the cloud's"),
        )
        .hint("switch the add-on off where it was switched on")),
        Installer::Others => Err(Error::message(
            Kind::Refused,
            format!("{name} was installed by somebody else: nothing of it is touched"),
        )
        .hint("remove it the way it was installed")),
    }
}

/// Refuses while components that stay need those that go.
fn check_needed(
    catalog: &Catalog,
    going: &[&Component],
    present: &BTreeMap<String, Present>,
) -> Result<()> {
    let goes = |name: &str| going.iter().any(|component| component.name == name);
    for component in going {
        let needed: Vec<&str> = catalog
            .all()
            .filter(|other| other.needs.contains(&component.name) && !goes(&other.name))
            .filter(|other| {
                let there = present.get(&other.name);
                there.is_some_and(|there| there.installer == Installer::Windlass)
            })
            .map(|other| other.name.as_str())
            .collect();
        if !needed.is_empty() {
            return Err(Error::message(
                Kind::Refused,
                format!("{} is needed by {}", component.name, needed.join(", ")),
            )
            .hint(format!(
                "uninstall them together: windlass uninstall {} {}",
                component.name,
                needed.join(" ")
            ))
            .hint("or break them: the same command with --force"));
        }
    }
    Ok(())
}

/// What can be done about objects that live, besides deleting them.
pub(super) struct Others {
    /// How they are removed, too.
    purge: &'static str,
    /// How they are left untended.
    force: &'static str,
}

impl Others {
    const UNINSTALL: Self = Self {
        purge: "or remove them too: the same command with --purge",
        force: "or leave them untended: the same command with --force",
    };
    pub(super) const DESTROY: Self = Self {
        purge: "or remove them with the component: windlass uninstall COMPONENT --purge",
        force: "or leave them untended: the same command with --skip-drain",
    };
}

/// Refuses while objects of the component's CRDs live.
pub(super) fn check_objects(
    component: &Component,
    leaving: &Leaving,
    force: bool,
    others: &Others,
) -> Result<()> {
    let lost = |held: bool| -> Vec<String> {
        leaving
            .definitions
            .iter()
            .filter(|definition| !held || (definition.stays.is_none() && definition.held))
            .flat_map(|definition| definition.objects.iter().map(ToString::to_string))
            .collect()
    };
    let (all, stuck) = (lost(false), lost(true));
    let name = &component.name;
    let purge = others.purge.replace("COMPONENT", name);
    if !stuck.is_empty() && force {
        return Err(Error::message(
            Kind::Refused,
            format!(
                "{name} cannot go before {}: only its controllers take their finalizers away",
                some(&stuck)
            ),
        )
        .hint("delete them, and wait until they are gone")
        .hint(purge));
    }
    if all.is_empty() || force {
        return Ok(());
    }
    Err(Error::message(
        Kind::Refused,
        format!(
            "objects of {name} live, and nothing would tend them: {}",
            some(&all)
        ),
    )
    .hint("delete those that are not needed any more")
    .hint(purge)
    .hint(others.force))
}

/// Returns what goes with a component, and what stays and why.
fn leave(component: &Component, leaving: Leaving, purge: bool) -> Going<'_> {
    let mut going = Going {
        component,
        notes: Vec::new(),
        definitions: Vec::new(),
        objects: Vec::new(),
        namespace: None,
        unawaited: false,
    };
    // What is found in the cluster tells more than what is known of the component.
    let found = !leaving.definitions.is_empty();
    let known = component.uninstall.iter();
    going.notes.extend(
        known
            .filter(|note| !note.contains("CRD") || !(found || purge))
            .cloned(),
    );
    if purge {
        for definition in leaving.definitions {
            let objects = definition.objects.iter();
            going.objects.extend(objects.map(ToString::to_string));
            going.definitions.push(definition.name);
        }
        going.namespace = leaving.namespace;
        return going;
    }
    let known = going.notes.len();
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for definition in leaving.definitions {
        if let Some(reason) = definition.stays {
            reasons.entry(reason).or_default().push(definition.name);
        }
    }
    for (reason, names) in reasons {
        going
            .notes
            .push(format!("CRDs stay, since {reason}: {}", some(&names)));
    }
    if let Some(namespace) = leaving.namespace {
        going.notes.push(match leaving.volumes.as_slice() {
            [] => format!("namespace {namespace} stays, for what others put there"),
            volumes => format!(
                "namespace {namespace} stays with its data: {}",
                some(volumes)
            ),
        });
    }
    if going.notes.len() > known {
        going
            .notes
            .push("what stays is removed with --purge".to_owned());
    }
    going
}

/// Writes names, or the first of many.
fn some(names: &[String]) -> String {
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{} and {more} more", names[..SHOWN].join(", ")),
        _ => names.join(", "),
    }
}
