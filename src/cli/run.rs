//! What all commands that run a plan share: the lock, the signals, resuming and the engine.

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use jiff::Timestamp;
use windlass_provider::{ClusterName, Ctx};

use super::{App, app::Place, ended::Ended};
use crate::{
    catalog::Catalog,
    engine::{self, Engine, Interrupt, PastRun, RunLock},
    error::{Error, Kind, Result},
    files::WorkDir,
    plan::{Action, Plan, Step, name_run},
    steps::{Connection, How, Says, Steps},
};

/// How a run goes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Run")]
pub(super) struct RunArgs {
    /// Print the plan and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// How many steps run side by side at most
    #[arg(long, value_name = "N", env = "WINDLASS_JOBS", hide_env_values = true, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Stop after this long, such as 30m; the same command goes on
    #[arg(long, value_name = "DURATION", env = "WINDLASS_TIMEOUT", hide_env_values = true, value_parser = crate::settings::parse_duration)]
    pub(super) timeout: Option<Duration>,
}

/// How much of a destroy's budget is kept to send deletes that nobody waits for any more.
pub(super) const RESERVE: Duration = Duration::from_secs(60);

/// What to do about an unfinished run.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Run")]
pub(super) struct UnfinishedArgs {
    /// Go on with the plan of the unfinished run, whatever the flags say now
    #[arg(long, conflicts_with = "replan")]
    resume: bool,
    /// Leave the plan of the unfinished run, and make a new one
    #[arg(long)]
    replan: bool,
}

impl UnfinishedArgs {
    pub(super) fn choice(&self) -> Unfinished {
        match (self.resume, self.replan) {
            (true, _) => Unfinished::Resume,
            (_, true) => Unfinished::Replan,
            _ => Unfinished::Ask,
        }
    }
}

/// What to do about an unfinished run whose plan is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// Say what differs, and stop.
    Ask,
    /// Go on with its plan.
    Resume,
    /// Make a new plan.
    Replan,
}

/// Holds the cluster's run lock and listens for signals, from before the first look to the end of the run.
pub(super) struct Guard {
    lock: Option<RunLock>,
    /// What there was none of before: where nothing is begun, it goes again.
    fresh: Option<(WorkDir, ClusterName)>,
    interrupt: Interrupt,
    cx: Ctx,
    jobs: usize,
}

impl Guard {
    /// Takes the lock, unless it is a dry run, and begins to listen for SIGINT and SIGTERM.
    pub(super) async fn begin(
        app: &App,
        place: &Place,
        cluster: &ClusterName,
        command: &str,
        args: &RunArgs,
    ) -> Result<Self> {
        let interrupt = Interrupt::new();
        listen(app, &interrupt);
        let mut cx = place.cx.clone();
        if let Some(timeout) = args.timeout {
            cx = cx.within(timeout);
        }
        cx.cancel = interrupt.gently().clone();
        let mut fresh = None;
        let lock = if args.dry_run {
            None
        } else {
            place.workdir.prepare()?;
            let folder = place.workdir.cluster(cluster);
            fresh = (!folder.exists()).then(|| (place.workdir.clone(), cluster.clone()));
            let lock = RunLock::take(&folder, command, &*cx.clock)?;
            let output = app.output().clone();
            cx.progress = windlass_provider::Progress::new(move |message| output.note(message));
            cx.program_lock = Some(engine::take_program_lock(&folder, &cx).await?);
            cx.progress = Default::default();
            cx.scratch = place.workdir.clear_scratch(cluster)?;
            Some(lock)
        };
        Ok(Self {
            lock,
            fresh,
            interrupt,
            cx,
            jobs: args.jobs.into(),
        })
    }

    /// Returns the context of what comes before the run: an interruption ends it at once, since nothing has changed yet.
    pub(super) fn cx(&self) -> &Ctx {
        &self.cx
    }

    /// Returns when the budget of the run, where there is one, is down to its reserve.
    fn hurry_at(&self) -> Option<Timestamp> {
        Some(self.cx.deadline? - RESERVE)
    }

    /// Runs what comes before the run, until it ends or the user interrupts.
    pub(super) async fn preparing<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.interrupt.gently().cancelled() => {
                Err(Error::message(Kind::Interrupted, "interrupted: nothing was changed"))
            }
            result = work => result,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let (Some(_), Some((workdir, cluster))) = (&self.lock, &self.fresh) {
            // No run was begun: what cannot be removed now is removed by `clean`.
            let _ = workdir.forget(cluster);
        }
    }
}

/// Pulls `interrupt` at each SIGINT and SIGTERM; the third ends the process.
fn listen(app: &App, interrupt: &Interrupt) {
    let interrupt = interrupt.clone();
    app.signals().take(move || {
        if interrupt.at_once().is_cancelled() {
            std::process::exit(Kind::Interrupted.exit_code().into());
        }
        interrupt.request();
    });
}

/// Returns once the user interrupts: SIGINT or SIGTERM.
pub(super) async fn interrupted(app: &App) {
    let interrupt = Interrupt::new();
    listen(app, &interrupt);
    interrupt.gently().cancelled().await;
}

/// What is to be run.
pub(super) struct Work {
    pub(super) plan: Plan,
    pub(super) catalog: Catalog,
    /// The secrets that components' values name: variable → value.
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) unfinished: Unfinished,
    /// Where the cluster is, if it is not to be asked of the provider.
    pub(super) connection: Connection,
    /// What follows windlass's name in the command that goes on with the run; `None`: the plan's command and provider.
    pub(super) again: Option<String>,
    /// How the cluster is drained, where the plan says that it is.
    pub(super) drain: How,
    /// Where the user says which versions are wanted.
    pub(super) says: Says,
}

/// Runs a plan with the engine: anew, or going on with an unfinished run of the same plan.
pub(super) async fn execute(
    app: &App,
    place: &Place,
    mut guard: Guard,
    work: Work,
) -> Result<Ended> {
    let Work {
        plan,
        catalog,
        secrets,
        unfinished,
        connection,
        again,
        drain,
        says,
    } = work;
    let lock = guard
        .lock
        .take()
        .ok_or_else(|| Error::message(Kind::Bug, "a run without its lock"))?;
    let past = match engine::read_latest::<Action>(lock.folder()) {
        Ok(past) => past,
        // Destroy needs no journal: what there is has been looked at.
        Err(error) if lets_down(&plan) => {
            app.warn(&format!("{:#}", error.source), &[]);
            None
        }
        Err(error) => return Err(error),
    };
    let past = match past {
        Some(past) if !is_same(&past.plan, &plan) && leaves_alone(&past.plan, &plan) => {
            let earlier = engine::read_runs(lock.folder());
            let mut earlier = earlier.skip_while(|past: &PastRun<Action>| {
                !is_same(&past.plan, &plan) && leaves_alone(&past.plan, &plan)
            });
            earlier.next()
        }
        past => past,
    };
    let past = past.filter(|past| !past.is_finished() && is_same(&past.plan, &plan));
    if past.is_none() && unfinished == Unfinished::Resume {
        app.output().note(&format!(
            "there is no unfinished {} to go on with: what is asked now is done",
            name_run(&plan.command, plan.cluster.as_str())
        ));
    }
    let (plan, past) = match past {
        None => (plan, None),
        Some(past) if past.digest == engine::digest(&plan) => (plan, Some(past)),
        Some(past) if unfinished == Unfinished::Resume => {
            if past.redacted {
                return Err(Error::message(
                    Kind::Refused,
                    "the plan of the unfinished run held a secret, which was not written down",
                )
                .hint("make a new plan: --replan"));
            }
            (past.plan.clone(), Some(past))
        }
        Some(past) => {
            let differences = engine::list_differences(&past.plan.asked, &plan.asked);
            if unfinished == Unfinished::Ask && !differences.is_empty() {
                return Err(differ(&plan, &differences));
            }
            (plan, None)
        }
    };
    if let Some(rehearsal) = &place.rehearsal {
        for step in &plan.steps {
            if let Action::SyncGit { scope } = &step.action
                && let Some(url) = scope["url"].as_str()
                && rehearsal.assume_repository(url).await?
            {
                app.output().note(&format!(
                    "rehearsal: what is in {url} is not looked at: it is assumed to be there, and its folders to be empty"
                ));
            }
        }
    }
    let cluster = plan.cluster.clone();
    let steps = Steps {
        exec: place.exec(&cluster)?,
        cluster,
        provider: place.provider.clone(),
        provider_id: place.id,
        catalog,
        workdir: place.workdir.clone(),
        connection,
        drain: How {
            hurry: guard.interrupt.gently().clone(),
            hurry_at: guard.hurry_at(),
            ..drain
        },
        secrets,
        web: place.web(),
        says,
    };
    let engine = Engine {
        reporter: app.output().reporter(guard.cx.clock.clone()),
        cx: guard.cx.clone(),
        interrupt: guard.interrupt.clone(),
        redactor: app.redactor().clone(),
        options: engine::Options {
            jobs: guard.jobs,
            keep_going: lets_down(&plan),
            seed: std::process::id().into(),
            ..engine::Options::default()
        },
    };
    let finished = engine.run(&lock, &plan, past.as_ref(), &steps).await?;
    Ok(Ended {
        plan,
        finished,
        workdir: place.workdir.clone(),
        again,
        _lock: lock,
    })
}

/// Returns whether two plans are of the same command, about the same components.
fn is_same(past: &Plan, plan: &Plan) -> bool {
    let components = |plan: &Plan| plan.asked.get("components").cloned();
    past.command == plan.command && components(past) == components(plan)
}

/// Returns whether a run installed something else, so that an unfinished one before it can still be gone on with.
fn leaves_alone(past: &Plan, plan: &Plan) -> bool {
    let installs = |plan: &Plan| ["install", "upgrade"].contains(&plan.command.as_str());
    let touched = |step: &&Step| step.id.as_str().starts_with("component/");
    let mut steps = past.steps.iter().filter(touched);
    installs(past)
        && installs(plan)
        && !steps.any(|step| plan.steps.iter().any(|own| own.id == step.id))
}

/// Returns whether a run takes things away: it goes on past what fails, and its report is a receipt.
pub(super) fn lets_down(plan: &Plan) -> bool {
    ["destroy", "cluster delete"].contains(&plan.command.as_str())
}

/// Says how what is asked for differs from the plan of the unfinished run.
fn differ(plan: &Plan, differences: &[engine::Difference]) -> Error {
    let told = differences
        .iter()
        .map(|difference| {
            let word =
                |value: &Option<String>| value.clone().unwrap_or_else(|| "not set".to_owned());
            format!(
                "{} was {} and is now {}",
                difference.setting,
                word(&difference.earlier),
                word(&difference.now)
            )
        })
        .collect::<Vec<_>>()
        .join("; ");
    Error::new(
        Kind::Refused,
        anyhow::anyhow!(told).context(format!(
            "an unfinished {} was asked for something else",
            name_run(&plan.command, plan.cluster.as_str())
        )),
    )
    .hint("go on with its plan: the same command with --resume")
    .hint("make a new plan from what is asked now: the same command with --replan")
}
