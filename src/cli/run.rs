//! What all commands that run a plan share: the lock, the signals, resuming, the engine and the report.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use jiff::Timestamp;
use windlass_provider::{ClusterName, Ctx, Found, Owner};

use super::{App, app::Place};
use crate::{
    catalog::Catalog,
    engine::{self, Engine, Finished, Interrupt, RunLock},
    error::{Error, Kind, Result},
    files::{Mode, WorkDir, atomic},
    output::{Item, Report},
    plan::{Action, Plan, StepId, name_run},
    steps::{Connection, How, Steps},
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
    timeout: Option<Duration>,
}

/// How much of a destroy's budget is kept to send deletes that nobody waits for any more.
const RESERVE: Duration = Duration::from_secs(60);

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

/// What came of a run, with what is needed to tell it.
pub(super) struct Ended {
    plan: Plan,
    finished: Finished,
    workdir: WorkDir,
    again: Option<String>,
    /// Held until all is told: what is left of the run's own files goes last.
    _lock: RunLock,
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
}

/// What a receipt is made from, besides the run.
pub(super) struct Audit {
    /// What discovery found before the run.
    pub(super) found: Vec<Found>,
    /// What it found afterwards.
    pub(super) after: std::result::Result<Vec<Found>, windlass_provider::Error>,
    /// What the user said to leave behind.
    pub(super) left: Vec<String>,
    /// What stays by its own word, where no drain tells it.
    pub(super) kept: Vec<String>,
    /// What could not be looked at before the run.
    pub(super) unproven: Vec<String>,
    /// Where the receipt is written as JSON, too.
    pub(super) file: Option<PathBuf>,
}

/// Returns the flag that names a cluster, with a space before it; nothing for the one that needs no naming.
pub(super) fn cluster_flag(cluster: &ClusterName) -> String {
    match cluster.as_str() {
        "dot" => String::new(),
        name => format!(" --cluster {name}"),
    }
}

/// Refuses a place for the receipt where there can be no file, before anything happens.
pub(super) fn check_receipt(file: &Path) -> Result<()> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let what = match folder {
        _ if file.is_dir() => "is a folder",
        Some(folder) if !folder.is_dir() => "is in a folder that is not there",
        _ => return Ok(()),
    };
    Err(
        Error::message(Kind::Usage, format!("--receipt {}: {what}", file.display()))
            .hint("name a file in a folder that is there: --receipt receipt.json"),
    )
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
    let past = past.filter(|past| {
        let components = |plan: &Plan| plan.asked.get("components").cloned();
        !past.is_finished()
            && past.plan.command == plan.command
            && components(&past.plan) == components(&plan)
    });
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

/// Returns whether a run takes things away: it goes on past what fails, and its report is a receipt.
fn lets_down(plan: &Plan) -> bool {
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

impl Ended {
    /// Shows the report of a setup; an error where not all is done.
    pub(super) fn report(self, app: &App, next: Vec<String>) -> Result<()> {
        let mut report = Report::of(&self.plan, &self.finished);
        if self.finished.exit.is_none() {
            report.next = next;
        } else {
            report.next.push(self.again());
        }
        app.output().show_report(&report)?;
        self.verdict(app)
    }

    /// Shows the receipt of a destroy, from what the audit found; an error where anything is left.
    pub(super) fn receipt(mut self, app: &App, audit: Audit) -> Result<()> {
        let mut report = Report::of(&self.plan, &self.finished);
        report.unproven = audit.unproven;
        report.left.extend(audit.left);
        report.kept.extend(audit.kept.into_iter().map(|what| Item {
            step: StepId::new("resource/cluster"),
            what,
            notes: Vec::new(),
        }));
        let name = |item: &Found| format!("{} {}", item.resource.kind, item.resource.name);
        for item in audit
            .found
            .iter()
            .filter(|item| item.observed.owner == Owner::Foreign)
        {
            report.kept.push(Item {
                step: StepId::new(format!("resource/{}", item.resource.id)),
                what: name(item),
                notes: vec!["windlass did not make it".to_owned()],
            });
        }
        // What an uninstallation leaves on purpose is told with what is kept, not with what is gone.
        for item in &mut report.removed {
            if !item.notes.is_empty() && item.step.as_str().starts_with("component/") {
                report.kept.push(Item {
                    step: item.step.clone(),
                    what: format!("what {} left behind", item.what),
                    notes: std::mem::take(&mut item.notes),
                });
            }
        }
        match audit.after {
            Ok(after) => {
                let ours = after
                    .iter()
                    .filter(|item| item.observed.owner == Owner::Ours);
                report.left.extend(ours.map(name));
            }
            Err(error) => report.unproven.push(format!(
                "that nothing is left: {} cannot be asked ({error})",
                self.plan.provider
            )),
        }
        let left = !report.left.is_empty();
        let unknown = !report.unproven.is_empty();
        if left || unknown {
            let exit = self
                .finished
                .exit
                .map_or(Kind::Left, |exit| exit.graver(Kind::Left));
            self.finished.exit = Some(exit);
            report.exit = exit.exit_code();
        }
        if self.finished.exit.is_some() {
            report.next.push(self.again());
        } else {
            self.workdir.forget(&self.plan.cluster)?;
        }
        app.output().show_report(&report)?;
        if let Some(file) = audit.file {
            let text = format!("{:#}\n", app.output().clean_value(&report)?);
            atomic::write(&file, Mode::Private, text.as_bytes())?;
        }
        self.verdict(app)
    }

    /// Returns the command that goes on with this run.
    fn again(&self) -> String {
        let plan = &self.plan;
        let cluster = cluster_flag(&plan.cluster);
        let typed = match &self.again {
            Some(typed) => typed.clone(),
            None => format!("{} {}", plan.command, plan.provider),
        };
        format!("windlass {typed}{cluster}")
    }

    fn verdict(self, app: &App) -> Result<()> {
        let again = self.again();
        let Some(kind) = self.finished.exit else {
            return Ok(());
        };
        let plan = &self.plan;
        let what = name_run(&plan.command, plan.cluster.as_str());
        let message = match kind {
            Kind::Interrupted => format!("the {what} was interrupted"),
            Kind::TimedOut => format!("the {what} ran out of time"),
            Kind::Left => {
                format!("the {what} left something behind, or could not prove that it did not")
            }
            Kind::Bug => format!("the {what} met a bug of windlass"),
            _ => format!("the {what} stopped part-way"),
        };
        let failure = self.finished.failures.into_iter().next();
        let error = match (self.finished.journal_fault, failure) {
            (Some(fault), _) => Error {
                kind,
                source: fault.source.context(message),
                hints: fault.hints,
            },
            // The report has told the causes already.
            (None, Some((_, fault))) if !app.global().quiet => Error {
                hints: fault.hints,
                ..Error::new(kind, anyhow::anyhow!(fault.message).context(message))
            },
            (None, Some((_, fault))) => {
                let inner = Error::from(fault);
                Error {
                    kind,
                    source: inner.source.context(message),
                    hints: inner.hints,
                }
            }
            (None, None) => Error::message(kind, message),
        };
        let done = self.finished.outcomes.len();
        let all = plan.steps.len();
        Err(error.hint(format!(
            "go on from step {} of {all}: {again}",
            (done + 1).min(all)
        )))
    }
}
