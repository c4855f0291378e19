//! What came of a run, as data and as text; destroy's is a receipt.

use std::fmt::Write;

use serde::Serialize;
use windlass_provider::{Change, Fault, ProviderId};

use super::{
    commands::Commands,
    words::{write_count, write_line, write_time_taken},
};
use crate::{
    engine::{Finished, Outcome},
    error::Kind,
    plan::{Plan, Step, StepId, name_run},
};

/// What came of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The command: "setup".
    pub command: String,
    /// The cluster.
    pub cluster: String,
    /// Where it runs.
    pub provider: ProviderId,
    /// Whether nothing of this is real.
    pub rehearsal: bool,
    /// The exit code.
    pub exit: u8,
    /// What was not there and was made.
    pub made: Vec<Item>,
    /// What was there and right.
    pub reused: Vec<Item>,
    /// What was there and was changed or finished.
    pub updated: Vec<Item>,
    /// What was there and was removed.
    pub removed: Vec<Item>,
    /// What was to be removed and was not there.
    pub absent: Vec<Item>,
    /// What was left on purpose: it is not ours, or the user said so.
    pub kept: Vec<Item>,
    /// What is still there and should not be, with its id at the provider. The caller adds what an audit finds.
    pub left: Vec<String>,
    /// What could not be proven to be gone, and why. The caller adds what an audit could not find out.
    pub unproven: Vec<String>,
    /// Whether nothing of the cluster was there, nor a record of what became of what it held. The caller says so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub traceless: bool,
    /// What failed.
    pub failed: Vec<Failure>,
    /// The steps that never began.
    pub not_begun: Vec<StepId>,
    /// What to type next. The caller fills it in.
    pub next: Vec<String>,
    /// How long this attempt took, in seconds; assumed where it is a rehearsal.
    pub seconds: f64,
}

/// One step that is done.
#[derive(Clone, Debug, Serialize)]
pub struct Item {
    /// The step.
    pub step: StepId,
    /// What it is about: what it makes or removes, or else its title.
    pub what: String,
    /// What the user should know about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One step that failed.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// The step.
    pub step: StepId,
    /// The class of the fault.
    pub fault: Fault,
    /// What could not be done.
    pub error: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to type or to change.
    pub hints: Vec<String>,
}

impl Report {
    /// Returns the report of a run of `plan`, as far as the engine knows: what is left, unproven and to be typed next is
    /// the caller's to say.
    #[must_use]
    pub fn of<A>(plan: &Plan<A>, finished: &Finished) -> Self {
        let done = || {
            plan.steps
                .iter()
                .filter_map(|step| Some((step, finished.outcomes.get(&step.id)?)))
        };
        let items = |change: Change| {
            done()
                .filter(|(_, outcome)| outcome.change == change)
                .filter_map(|(step, outcome)| {
                    Some(Item {
                        step: step.id.clone(),
                        what: tell(step, outcome)?,
                        notes: outcome.notes.clone(),
                    })
                })
                .collect()
        };
        let kept = done().flat_map(|(step, outcome)| {
            outcome.kept.iter().map(|what| Item {
                step: step.id.clone(),
                what: what.clone(),
                notes: Vec::new(),
            })
        });
        Self {
            command: plan.command.clone(),
            cluster: plan.cluster.to_string(),
            provider: plan.provider,
            rehearsal: plan.rehearsal,
            exit: finished.exit.map_or(0, Kind::exit_code),
            made: items(Change::Made),
            reused: items(Change::Unchanged),
            updated: items(Change::Updated),
            removed: items(Change::Removed),
            absent: items(Change::Absent),
            kept: items(Change::Kept).into_iter().chain(kept).collect(),
            left: done()
                .flat_map(|(_, outcome)| outcome.left.clone())
                .collect(),
            unproven: done()
                .flat_map(|(_, outcome)| outcome.unproven.clone())
                .collect(),
            traceless: false,
            failed: finished
                .failures
                .iter()
                .map(|(step, error)| Failure {
                    step: step.clone(),
                    fault: error.fault,
                    error: error.message.clone(),
                    causes: error.causes.clone(),
                    hints: error.hints.clone(),
                })
                .collect(),
            not_begun: finished.not_begun.clone(),
            next: Vec::new(),
            seconds: finished.seconds,
        }
    }

    /// Returns the report as lines of text.
    pub(super) fn to_text(&self, commands: &Commands) -> String {
        let mut text = String::new();
        if self.rehearsal {
            text.push_str(
                "This is a rehearsal: nothing of it is real, and the times are assumed.\n\n",
            );
        }
        let is_receipt = ["destroy", "cluster delete"].contains(&self.command.as_str());
        let head = if is_receipt { "receipt: " } else { "" };
        let how = match self.exit {
            0 => "done".to_owned(),
            130 => "interrupted".to_owned(),
            code => format!("not done (exit code {code})"),
        };
        let Self {
            command,
            cluster,
            provider,
            ..
        } = self;
        let took = write_time_taken(self.seconds, self.rehearsal);
        add(
            &mut text,
            &format!(
                "{head}{} on {provider}: {how} in {took}",
                name_run(command, cluster)
            ),
        );
        for (name, items) in [
            ("made", &self.made),
            ("updated", &self.updated),
            ("already there", &self.reused),
            ("removed", &self.removed),
            ("already gone", &self.absent),
            ("kept on purpose", &self.kept),
        ] {
            if !items.is_empty() {
                add(&mut text, name);
            }
            for item in items {
                add(&mut text, &format!("  {}", write_line(&item.what)));
                for note in &item.notes {
                    add(&mut text, &format!("    {}", write_line(note)));
                }
            }
        }
        for (name, lines) in [
            ("left behind", &self.left),
            ("not proven to be gone", &self.unproven),
        ] {
            add_section(&mut text, name, lines);
        }
        if !self.failed.is_empty() {
            add(&mut text, "failed");
        }
        for failure in &self.failed {
            let error = write_line(&failure.error);
            add(&mut text, &format!("  {}: {error}", failure.step));
            for cause in &failure.causes {
                add(&mut text, &format!("    caused by: {}", write_line(cause)));
            }
            for hint in &failure.hints {
                let hint = commands.text(&write_line(hint));
                add(&mut text, &format!("    hint: {hint}"));
            }
        }
        if !self.not_begun.is_empty() {
            let count = write_count(self.not_begun.len(), "step");
            add(&mut text, &format!("not begun: {count}"));
        }
        if is_receipt && self.exit == 0 && self.left.is_empty() && self.unproven.is_empty() {
            let said = match (self.traceless, self.kept.is_empty()) {
                // There may never have been one; nothing here can tell what one held that somebody else removed.
                (true, _) => format!(
                    "there was nothing of cluster {cluster}; if somebody else removed it, nothing here tells what it held in a cloud"
                ),
                (false, true) => "nothing is left behind".to_owned(),
                (false, false) => {
                    "nothing is left behind, but for what is kept on purpose".to_owned()
                }
            };
            add(&mut text, &said);
        }
        let next: Vec<String> = self.next.iter().map(|line| commands.text(line)).collect();
        add_section(&mut text, "next", &next);
        text
    }
}

/// Says what a step was about; `None` where there was nothing for it to do.
fn tell<A>(step: &Step<A>, outcome: &Outcome) -> Option<String> {
    let told = match outcome.gone.is_empty() {
        true => [step.makes.as_slice(), &step.removes].concat(),
        false => outcome.gone.clone(),
    };
    match outcome.change {
        // It was to delete whatever there is, and there was nothing; or that could not be told.
        Change::Absent if told.is_empty() => None,
        Change::Absent if !outcome.unproven.is_empty() || !outcome.left.is_empty() => None,
        _ if told.is_empty() => Some(step.title.clone()),
        _ => Some(told.join(", ")),
    }
}

fn add_section(text: &mut String, name: &str, lines: &[String]) {
    if !lines.is_empty() {
        add(text, name);
    }
    for line in lines {
        add(text, &format!("  {}", write_line(line)));
    }
}

fn add(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a String takes whatever is written to it");
}
