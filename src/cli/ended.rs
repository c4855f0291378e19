//! What came of a run, as it is told: the report of what makes, the receipt of what removes, and the exit code.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use windlass_provider::{ClusterName, Found, Owner};

use super::{
    App,
    outside::{self, Outside},
};
use crate::{
    engine::{Finished, RunLock},
    error::{Error, Kind, Result},
    files::{Mode, WorkDir, atomic},
    output::{Item, Report},
    plan::{Plan, StepId, name_run},
};

/// What came of a run, with what is needed to tell it.
pub(super) struct Ended {
    pub(super) plan: Plan,
    pub(super) finished: Finished,
    pub(super) workdir: WorkDir,
    pub(super) again: Option<String>,
    /// Whether the same command again would find nothing to do, and what is left is for the user to see to.
    pub(super) by_hand: bool,
    /// Held until all is told: what is left of the run's own files goes last.
    pub(super) _lock: RunLock,
}

/// What a receipt is made from, besides the run.
pub(super) struct Audit {
    /// What discovery found before the run.
    pub(super) found: Vec<Found>,
    /// What it found afterwards.
    pub(super) after: std::result::Result<Vec<Found>, windlass_provider::Error>,
    /// What there is outside of the cluster besides what the run tells: as it was known before, and as a last look showed it.
    pub(super) outside: [Outside; 2],
    /// Whether neither anything of the cluster was found nor any record of what became of what it held.
    pub(super) traceless: bool,
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

/// Refuses a folder in the place of a file that a flag names, before anything happens.
pub(super) fn check_file(flag: &str, file: &Path) -> Result<()> {
    if !file.is_dir() {
        return Ok(());
    }
    let message = format!("{flag} {}: is a folder", file.display());
    Err(Error::message(Kind::Usage, message).hint(format!("name a file: {flag} FILE")))
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
        report.traceless = audit.traceless;
        self.tell_outside(&mut report, audit.outside);
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
        // Doing it again removes what is there and can be asked; the rest is the user's.
        let mut by_hand = self.finished.exit.is_none();
        match audit.after {
            Ok(after) => {
                let ours = after
                    .iter()
                    .filter(|item| item.observed.owner == Owner::Ours);
                let ours: Vec<String> = ours.map(name).collect();
                by_hand &= ours.is_empty();
                report.left.extend(ours);
                let doubtful = after
                    .iter()
                    .filter(|item| item.observed.owner == Owner::Unproven);
                report.unproven.extend(doubtful.map(|item| {
                    let why = item.observed.detail.as_deref().unwrap_or_default();
                    format!("{}: {why}", name(item))
                }));
            }
            Err(error) => {
                by_hand = false;
                report.unproven.push(format!(
                    "that nothing is left: {} cannot be asked ({error})",
                    self.plan.provider
                ));
            }
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
            self.by_hand = by_hand;
            report.next.push(self.next());
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

    /// Adds what is known of things outside of the cluster besides what the run tells; each is told once.
    fn tell_outside(&self, report: &mut Report, outside: [Outside; 2]) {
        let outcomes = self.finished.outcomes.values();
        let gone: Vec<String> = outcomes.flat_map(|it| it.gone.clone()).collect();
        // What was given up may have gone by itself after all.
        report.left.retain(|line| !outside::has(&gone, line));
        for outside in outside {
            outside::add(&mut report.left, &outside.left);
            let kept = report.kept.iter().map(|item| item.what.clone());
            let kept: Vec<String> = kept.collect();
            let new = outside.kept.into_iter();
            let new = new.filter(|line| !outside::has(&kept, line));
            report.kept.extend(new.map(|what| Item {
                step: StepId::new("resource/cluster"),
                what,
                notes: Vec::new(),
            }));
            let removed = outside.removed.into_iter();
            report.removed.extend(removed.map(|(step, what)| Item {
                step,
                what,
                notes: Vec::new(),
            }));
            report.unproven.extend(outside.unproven);
        }
        let mut seen = BTreeSet::new();
        report.unproven.retain(|line| seen.insert(line.clone()));
    }

    /// Returns whether the time was up, or the user ended it, before any step of this attempt was tried.
    pub(super) fn began_nothing(&self) -> bool {
        let finished = &self.finished;
        let stopped = matches!(finished.exit, Some(Kind::TimedOut | Kind::Interrupted));
        let mut done = finished.outcomes.keys();
        stopped && finished.failures.is_empty() && done.all(|step| finished.skipped.contains(step))
    }

    /// Returns what is to be done next.
    fn next(&self) -> String {
        match self.by_hand {
            false => self.again(),
            true => format!(
                "look where it is, and delete it there; then let this folder forget it: windlass clean{}",
                cluster_flag(&self.plan.cluster)
            ),
        }
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
        let (again, next) = (self.again(), self.next());
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
        if self.by_hand {
            return Err(error.hint(next));
        }
        let done = self.finished.outcomes.len();
        let all = plan.steps.len();
        Err(error.hint(format!(
            "go on from step {} of {all}: {again}",
            (done + 1).min(all)
        )))
    }
}
