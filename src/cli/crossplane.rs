//! `windlass crossplane`: waits for what Crossplane manages, or deletes it through Crossplane.

use std::{collections::BTreeMap, time::Duration};

use clap::{Args, Subcommand};
use serde::Serialize;
use windlass_provider::{Ctx, Progress};

use super::{
    App,
    component_flags::{Target, TargetFlags},
    components::load_catalog,
    run::{self, Guard, RunArgs, UnfinishedArgs},
};
use crate::{
    error::{Error, Kind, Result},
    plan::{self, CrossplaneFacts, Scope},
    settings::parse_duration,
    steps,
};

/// Wait for what Crossplane manages, or delete it through Crossplane.
#[derive(Debug, Args)]
pub(super) struct CrossplaneArgs {
    #[command(subcommand)]
    command: CrossplaneCommand,
}

#[derive(Debug, Subcommand)]
enum CrossplaneCommand {
    Wait(Box<WaitArgs>),
    Drain(Box<DrainArgs>),
}

/// Which of the claims, composites and managed resources; all of them where nothing is said.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Which")]
struct ScopeFlags {
    /// Only those of this kind, and what is made of them
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only one of this name
    #[arg(long, value_name = "NAME")]
    object: Option<String>,
    /// Only those in this namespace
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
}

impl ScopeFlags {
    fn scope(&self) -> Scope {
        Scope {
            kind: self.kind.clone(),
            name: self.object.clone(),
            namespace: self.namespace.clone(),
        }
    }

    /// Refuses where something was asked for that is not there.
    fn missing(&self) -> Error {
        Error::message(
            Kind::Refused,
            format!("there is no {} in the cluster", self.scope().describe()),
        )
        .hint("windlass crossplane drain --dry-run lists what there is")
    }

    fn is_narrow(&self) -> bool {
        self.scope() != Scope::default()
    }
}

/// Wait until claims, composites and managed resources are Ready; explain what is not.
#[derive(Debug, Args)]
struct WaitArgs {
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    which: ScopeFlags,
    #[command(flatten)]
    target: TargetFlags,
}

/// Delete claims, composites and managed resources, and wait until nothing of them is left in the cloud.
///
/// Composites go first, and take along what they are made of; then managed resources, children before parents. What says Orphan
/// stays in the cloud. No finalizer is stripped.
#[derive(Debug, Args)]
struct DrainArgs {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    which: ScopeFlags,
    #[command(flatten)]
    target: TargetFlags,
    #[command(flatten)]
    unfinished: UnfinishedArgs,
    #[command(flatten)]
    run: RunArgs,
}

pub(super) async fn run(args: CrossplaneArgs, app: App) -> Result<()> {
    match args.command {
        CrossplaneCommand::Wait(args) => wait(*args, app).await,
        CrossplaneCommand::Drain(args) => drain(*args, app).await,
    }
}

/// What was waited for.
#[derive(Serialize)]
struct Awaited {
    ready: Vec<String>,
}

async fn wait(args: WaitArgs, app: App) -> Result<()> {
    app.say_rehearsal();
    let target = args.target.open(&app).await?;
    let place = target.place()?;
    let output = app.output().clone();
    let cx = Ctx {
        progress: Progress::new(move |said| output.note(said)),
        ..place.cx.within(args.timeout)
    };
    let (connection, cluster) = (&target.connection, target.cluster());
    let scope = args.which.scope();
    let ready = steps::await_composites(&cx, connection, &place.provider, cluster, &scope).await?;
    if ready.is_empty() && args.which.is_narrow() {
        return Err(args.which.missing());
    }
    let text = match ready.len() {
        0 => "Crossplane manages nothing\n".to_owned(),
        1 => "1 object is ready\n".to_owned(),
        count => format!("{count} objects are ready\n"),
    };
    app.output().show(&Awaited { ready }, || text)
}

async fn drain(args: DrainArgs, app: App) -> Result<()> {
    let target = args.target.open(&app).await?;
    let place = target.place()?.clone();
    let guard = Guard::begin(
        &app,
        &place,
        target.cluster(),
        "crossplane drain",
        &args.run,
    )
    .await?;
    let work = prepare(&args, &target, &guard);
    let Some(facts) = guard.preparing(work).await? else {
        app.output().note("Crossplane manages nothing");
        return Ok(());
    };
    let goes = facts.goes.clone();
    let plan = plan::drain_crossplane(facts);
    if args.run.dry_run {
        return app.output().show_plan(&plan);
    }
    let question = format!(
        "Cluster {}: delete {}, and what it stands for in a cloud. Go on?",
        plan.cluster,
        goes.join(", ")
    );
    if !app
        .confirm(&question, args.yes || app.global().rehearse)
        .await?
    {
        return Err(Error::message(Kind::Refused, "nothing was deleted"));
    }
    let flags = target.flags.clone();
    let work = run::Work {
        plan,
        catalog: load_catalog()?,
        secrets: BTreeMap::new(),
        unfinished: args.unfinished.choice(),
        connection: target.connection,
        again: Some(format!("crossplane drain --resume{flags}")),
        says: Default::default(),
        drain: Default::default(),
    };
    let finished = run::execute(&app, &place, guard, work).await?;
    finished.report(&app, vec![format!("windlass install{flags}")])
}

/// Looks at what there is to delete; `None`: nothing.
async fn prepare(
    args: &DrainArgs,
    target: &Target,
    guard: &Guard,
) -> Result<Option<CrossplaneFacts>> {
    let place = target.place()?;
    let scope = args.which.scope();
    let (connection, cluster) = (&target.connection, target.cluster());
    let look = steps::look_at_composites(guard.cx(), connection, &place.provider, cluster, &scope);
    let found = look.await?;
    if let Some((object, owner)) = found.from_git.first() {
        return Err(Error::message(
            Kind::Refused,
            format!(
                "{object} comes from Git, through Kustomization {owner}, which would bring it back"
            ),
        )
        .hint("take it out of the repository"));
    }
    if found.goes.is_empty() {
        return match args.which.is_narrow() {
            true => Err(args.which.missing()),
            false => Ok(None),
        };
    }
    let asked = [
        ("cluster", Some(cluster.to_string())),
        ("kind", scope.kind.clone()),
        ("object", scope.name.clone()),
        ("namespace", scope.namespace.clone()),
    ];
    let asked = asked.into_iter();
    Ok(Some(CrossplaneFacts {
        cluster: cluster.clone(),
        provider: place.id,
        rehearsal: place.rehearsal.is_some(),
        goes: found.goes,
        asked: asked
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect(),
        scope,
    }))
}
