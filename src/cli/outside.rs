//! What objects of a cluster hold outside of it: as earlier runs knew it, and as it is when a run is over.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use windlass_provider::{Ctx, Found, Owner, Provider};

use super::run::lets_down;
use crate::{
    engine::{self, Outcomes, PastRun},
    plan::{Action, Beyond, Drainable, Phase, Plan, Step, StepId},
    steps::{self, name_in},
};

/// How long the last look may take: whoever ends a job has little patience.
const LAST_LOOK: Duration = Duration::from_secs(30);

/// What there is outside of a cluster, by name.
#[derive(Debug, Default)]
pub(super) struct Outside {
    /// What stays on purpose, and why.
    pub(super) kept: Vec<String>,
    /// What is still there and should not be.
    pub(super) left: Vec<String>,
    /// What is gone of what a step that did not come to its end was to remove.
    pub(super) removed: Vec<(StepId, String)>,
    /// What could not be proven.
    pub(super) unproven: Vec<String>,
}

impl Outside {
    /// Says of what was left behind that nobody can tell any more whether it is gone, now that nothing of the cluster is there to be
    /// asked: somebody may have seen to it.
    pub(super) fn doubt(&mut self) {
        for line in std::mem::take(&mut self.left) {
            let (name, why) = line
                .split_once(": ")
                .unwrap_or((&line, "it was left behind"));
            add_line(
                &mut self.unproven,
                &format!("whether {name} is gone: {why}"),
            );
        }
    }

    /// Adds what a destroy knew of a cluster of the same name that it took, before there was another one: that which is there now cannot
    /// be asked about it.
    fn remember_former(&mut self, past: &PastRun<Action>) {
        let mut former = Self {
            left: past.plan.beyond.left.clone(),
            unproven: past.plan.beyond.unproven.clone(),
            ..Self::default()
        };
        for done in past.outcomes.values() {
            add(&mut former.left, &done.left);
            add(&mut former.unproven, &done.unproven);
        }
        let gone: Vec<String> = past
            .outcomes
            .values()
            .flat_map(|it| it.gone.clone())
            .collect();
        former.left.retain(|line| !has(&gone, line));
        for holds in undone(past).into_iter().flatten() {
            add(&mut former.unproven, &steps::name_unproven(holds));
        }
        former.doubt();
        add(&mut self.unproven, &former.unproven);
    }

    /// Returns whether nothing is known.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.left.is_empty() && self.unproven.is_empty()
    }

    /// Returns what is known before a run, for its plan.
    pub(super) fn beyond(&self) -> Beyond {
        Beyond {
            kept: self.kept.clone(),
            left: self.left.clone(),
            unproven: self.unproven.clone(),
        }
    }
}

/// Returns what earlier destroys that left something knew, and nothing tells any more: their objects are gone, or cannot be asked. What
/// stays is added to `found`, where there is to be a drain. An object that is there is taken at its word, and while all can be asked
/// nothing is unproven.
pub(super) fn remember(
    folder: &Path,
    mut found: Option<&mut BTreeMap<Phase, Drainable>>,
) -> Outside {
    let mut known = Outside::default();
    // Journals that cannot be read are told of when the run begins.
    // A destroy that left nothing takes its own journals away.
    let mut past: Vec<_> = engine::read_runs::<Action>(folder).collect();
    let last = past.iter().position(|past| !lets_down(&past.plan));
    let before = past.split_off(last.unwrap_or(past.len()));
    for past in before.iter().filter(|past| took_cluster(past)) {
        known.remember_former(past);
    }
    let there = |found: &Option<&mut BTreeMap<Phase, Drainable>>| -> Vec<String> {
        let found = found.iter().flat_map(|found| found.values());
        found.flat_map(|it| &it.goes).cloned().collect()
    };
    let steps = past
        .iter()
        .flat_map(|past| past.plan.steps.iter().map(move |step| (past, step)));
    for (past, step) in steps {
        let done = past.outcomes.get(&step.id);
        if let Action::Drain { phase, keeps, .. } = &step.action {
            let kept = keeps.iter().chain(done.iter().flat_map(|it| &it.kept));
            match &mut found {
                None => add(&mut known.kept, kept),
                Some(found) => {
                    let now = found.entry(*phase).or_default();
                    let there = now.goes.clone();
                    add(&mut now.keeps, kept.filter(|line| !has(&there, line)));
                }
            }
        }
        let Some(done) = done else { continue };
        // What was given up may have gone by itself after all.
        let mut gone = there(&found);
        gone.extend(past.outcomes.values().flat_map(|it| it.gone.clone()));
        add(
            &mut known.left,
            done.left.iter().filter(|line| !has(&gone, line)),
        );
        if found.is_none() {
            done.unproven
                .iter()
                .for_each(|line| add_line(&mut known.unproven, line));
        }
    }
    for past in &past {
        let Beyond {
            kept,
            left,
            unproven,
        } = &past.plan.beyond;
        let there = there(&found);
        add(&mut known.kept, kept.iter().filter(|it| !has(&there, it)));
        add(&mut known.left, left.iter().filter(|it| !has(&there, it)));
        if found.is_none() {
            unproven
                .iter()
                .for_each(|line| add_line(&mut known.unproven, line));
        }
    }
    if found.is_none() {
        // What the last drain had not come to, and nobody has looked at since.
        let last = past.iter().find(|past| undone(past).is_some());
        for holds in last.and_then(undone).into_iter().flatten() {
            steps::name_unproven(holds)
                .iter()
                .for_each(|line| add_line(&mut known.unproven, line));
        }
    }
    known
}

/// Returns whether a run took the cluster.
fn took_cluster(past: &PastRun<Action>) -> bool {
    let mut steps = past.plan.steps.iter();
    steps.any(|step| match &step.action {
        Action::DeleteResource { resource } => {
            resource.id.as_str() == "cluster" && past.outcomes.contains_key(&step.id)
        }
        _ => false,
    })
}

/// Returns what the phases of a run's drain hold that did not come to their end; `None` where it had no drain.
fn undone(past: &PastRun<Action>) -> Option<Vec<&Vec<String>>> {
    let mut any = false;
    let mut undone = Vec::new();
    for step in &past.plan.steps {
        if let Action::Drain { holds, .. } = &step.action {
            any = true;
            if !past.outcomes.contains_key(&step.id) {
                undone.push(holds);
            }
        }
    }
    any.then_some(undone)
}

/// Returns whether an earlier destroy, which did not come to its end, drained the cluster: then nothing is left in it to be looked for,
/// whether or not its API still answers.
pub(super) fn was_drained(folder: &Path) -> bool {
    // As above, of the journal.
    let Some(past) = engine::read_runs::<Action>(folder).next() else {
        return false;
    };
    let drains = |step: &&Step| matches!(step.action, Action::Drain { .. });
    let mut drains = past.plan.steps.iter().filter(drains).peekable();
    !past.is_finished()
        && drains.peek().is_some()
        && drains.all(|step| past.outcomes.contains_key(&step.id))
}

/// Looks at what there is outside of a cluster after a run: whatever the run remembers, its objects tell what is.
pub(super) async fn look_again(
    cx: &Ctx,
    provider: &Arc<dyn Provider>,
    plan: &Plan,
    outcomes: &Outcomes,
    after: Option<&[Found]>,
) -> Outside {
    let mut outside = Outside::default();
    let undone = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Drain {
            phase,
            keeps,
            holds,
        } if !outcomes.contains_key(&step.id) => Some((step, *phase, keeps, holds)),
        _ => None,
    });
    let ours = |found: &[Found]| found.iter().any(|it| it.observed.owner == Owner::Ours);
    let now = match after {
        // Nothing of it is left that could tell anything: somebody else was quicker.
        Some(found) if !ours(found) => None,
        Some(found) => {
            let look = steps::look_inside(cx, provider, found, &plan.cluster, Duration::ZERO);
            let look = cx.within(LAST_LOOK).bound("look inside", look).await;
            look.ok().and_then(|inside| inside.drain)
        }
        None => None,
    };
    let Some(now) = now else {
        for (_, _, keeps, holds) in undone {
            add(&mut outside.kept, keeps);
            outside.unproven.extend(steps::name_unproven(holds));
        }
        return outside;
    };
    for (step, phase, keeps, _) in undone {
        let there = now.get(&phase).cloned().unwrap_or_default();
        add(
            &mut outside.kept,
            keeps.iter().filter(|line| !has(&there.goes, line)),
        );
        let gone = step.removes.iter();
        let gone = gone.filter(|line| !has(&there.goes, line) && !has(&there.keeps, line));
        let gone: Vec<&str> = gone.map(String::as_str).collect();
        if !gone.is_empty() {
            outside.removed.push((step.id.clone(), gone.join(", ")));
        }
    }
    for found in now.values() {
        add(&mut outside.kept, &found.keeps);
        let left = found
            .holds
            .iter()
            .map(|line| match found.going.contains(line) {
                true => format!("{line}: asked to go, and not gone yet"),
                false => line.clone(),
            });
        add(&mut outside.left, &left.collect::<Vec<_>>());
    }
    outside
}

/// Returns whether one of these lines is about the same object.
pub(super) fn has(lines: &[String], line: &str) -> bool {
    lines.iter().any(|known| name_in(known) == name_in(line))
}

/// Adds those lines that are about an object of which nothing is told yet.
pub(super) fn add<'a>(known: &mut Vec<String>, lines: impl IntoIterator<Item = &'a String>) {
    for line in lines {
        if !has(known, line) {
            known.push(line.clone());
        }
    }
}

fn add_line(lines: &mut Vec<String>, line: &str) {
    if !lines.iter().any(|known| known == line) {
        lines.push(line.to_owned());
    }
}
