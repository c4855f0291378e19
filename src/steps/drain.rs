//! The phases of the drain.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use windlass_provider::{Change, ClusterName, Ctx, Fault, Provider, Result};

use super::{Connection, Steps};
use crate::{
    engine::{Outcome, Outcomes},
    kube::{self, Cluster, Target},
    plan::Phase,
};

/// How long an API may be silent before the drain goes on without it.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How long a drain must have waited in vain before it advises to give up.
const STUCK: Duration = Duration::from_secs(2 * 60);

/// What a look before the run found for a phase, by name.
#[derive(Clone, Copy)]
pub(super) struct Planned<'a> {
    /// What goes.
    pub(super) goes: &'a [String],
    /// What stays, and why.
    pub(super) keeps: &'a [String],
    /// Those that go and hold something outside of the cluster.
    pub(super) holds: &'a [String],
}

/// Says of each of these that it may still be there.
#[must_use]
pub fn name_unproven(holds: &[String]) -> Vec<String> {
    let names = holds.iter();
    names
        .map(|name| format!("whether {name} is gone"))
        .collect()
}

/// Asks all to go that a cluster's drain would delete, without waiting, for a run whose time was up before it began to. Returns what was
/// asked, a line each.
pub async fn ask_to_go(
    cx: &Ctx,
    provider: &Arc<dyn Provider>,
    cluster: &ClusterName,
    how: &kube::How,
) -> Vec<String> {
    match Connection::default().open(cx, provider, cluster).await {
        Ok(cluster) => cluster.ask_to_go(cx, Target::Claims, how).await,
        Err(error) => vec![format!("nothing was asked to go: {}", error.to_line())],
    }
}

/// Returns what a phase lists and deletes; `None` where it deletes nothing.
pub(super) fn target_of(phase: Phase) -> Option<Target> {
    match phase {
        Phase::Gitops => None,
        Phase::Claims => Some(Target::Claims),
        Phase::Managed => Some(Target::Managed),
        Phase::Releases => Some(Target::Releases),
        Phase::Network => Some(Target::Network),
        Phase::Volumes => Some(Target::Volumes),
    }
}

impl Steps {
    /// Returns whether there is nothing left for a phase to do.
    pub(super) async fn is_drained(&self, cx: &Ctx, phase: Phase) -> Result<bool> {
        let cluster = self.cluster(cx).await?;
        let Some(target) = target_of(phase) else {
            return Ok(cluster.find_awake(cx).await?.is_empty());
        };
        let found = cluster.find_drainable(cx, target).await?;
        Ok(match target {
            Target::Volumes => kube::list_going(&found).is_empty(),
            _ => found.is_empty(),
        })
    }

    /// Drains a phase, as far as the API answers: a cluster whose API has died goes all the same, and what cannot be proven is said.
    pub(super) async fn drain(
        &self,
        cx: &Ctx,
        phase: Phase,
        planned: Planned<'_>,
    ) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let work = async {
            let mut outcome = self.drain_phase(cx, &cluster, phase, planned).await?;
            if self.drain.hurry.is_cancelled() {
                // No later phase begins.
                outcome
                    .notes
                    .extend(self.ask_after(cx, &cluster, phase).await);
            }
            Ok(outcome)
        };
        match cluster.while_it_answers(cx, PATIENCE, work).await {
            Err(error) if error.fault == Fault::Unavailable => {
                let mut unproven = name_unproven(planned.holds);
                unproven.push(format!(
                    "what else objects in cluster {} hold outside of it: {error}",
                    self.cluster
                ));
                Ok(Outcome {
                    kept: planned.keeps.to_vec(),
                    unproven,
                    notes: vec![format!("not drained: {error}")],
                    ..Outcome::of(Change::Absent)
                })
            }
            answer => answer,
        }
    }

    /// Asks all to go that phases after this one would delete, without waiting.
    async fn ask_after(&self, cx: &Ctx, cluster: &Cluster, phase: Phase) -> Vec<String> {
        let later = Phase::ALL.into_iter().skip_while(|it| *it != phase).skip(1);
        match later.filter_map(target_of).next() {
            Some(first) => cluster.ask_to_go(cx, first, &self.drain).await,
            None => Vec::new(),
        }
    }

    async fn drain_phase(
        &self,
        cx: &Ctx,
        cluster: &Cluster,
        phase: Phase,
        planned: Planned<'_>,
    ) -> Result<Outcome> {
        let Some(target) = target_of(phase) else {
            let suspended = cluster.suspend_kustomizations(cx).await?;
            let notes = suspended
                .into_iter()
                .map(|name| format!("{name} is suspended"));
            let notes: Vec<String> = notes.collect();
            let change = match notes.is_empty() {
                true => Change::Absent,
                false => Change::Updated,
            };
            return Ok(Outcome {
                notes,
                ..Outcome::of(change)
            });
        };
        let began = cx.clock.now();
        let drained = cluster.drain(cx, target, &self.drain).await;
        let drained = drained.map_err(|error| match error.fault {
            Fault::TimedOut if !self.drain.abandon && cx.clock.now() >= began + STUCK => error.hint(
                "or give up what is stuck: the same command with --abandon names it, and it goes on existing and costing",
            ),
            _ => error,
        })?;
        // What was found before the run, or by one that was killed, is not seen again once its objects are gone.
        let mut kept = drained.kept;
        kube::add_kept(&mut kept, planned.keeps.iter().cloned());
        // What went along with something else is gone as well.
        let mut removed = drained.removed;
        let told: BTreeSet<String> = [&removed, &drained.stuck]
            .into_iter()
            .flatten()
            .chain(&kept)
            .map(|line| kube::name_in(line).to_owned())
            .collect();
        let along = planned.goes.iter();
        let along = along.filter(|line| !told.contains(kube::name_in(line)));
        // Composites and releases that are stuck hold nothing themselves, and are in no list.
        let all_told = !matches!(target, Target::Claims | Target::Releases);
        if drained.stuck.is_empty() && (all_told || !self.drain.abandon) {
            removed.extend(along.cloned());
        }
        let change = match removed.is_empty() {
            true => Change::Absent,
            false => Change::Removed,
        };
        Ok(Outcome {
            gone: removed,
            kept: kept.into_iter().collect(),
            left: drained
                .stuck
                .into_iter()
                .map(|name| format!("{name}: given up, as --abandon asked"))
                .collect(),
            ..Outcome::of(change)
        })
    }

    /// Removes the finalizers of what a phase of the drain, which is `done`, named as stuck.
    pub(super) async fn give_up(&self, cx: &Ctx, phase: Phase, done: &Outcomes) -> Result<Outcome> {
        let (Some(target), Some(drained)) = (target_of(phase), done.get(&phase.id())) else {
            return Ok(Outcome::of(Change::Absent));
        };
        if !drained.unproven.is_empty() {
            // Nothing was drained, so nothing was found to be stuck.
            return Ok(Outcome::of(Change::Absent));
        }
        let cluster = self.cluster(cx).await?;
        let work = cluster.give_up(cx, target, &drained.left, &drained.gone);
        let given = cluster.while_it_answers(cx, PATIENCE, work).await?;
        let asked = match self.drain.hurry.is_cancelled() {
            true => self.ask_after(cx, &cluster, phase).await,
            false => Vec::new(),
        };
        let change = match (given.went.is_empty(), given.freed.is_empty()) {
            (false, _) => Change::Removed,
            (true, false) => Change::Updated,
            (true, true) => Change::Absent,
        };
        let freed = given.freed.iter();
        Ok(Outcome {
            notes: freed
                .map(|name| format!("{name}: its finalizers were removed"))
                .chain(asked)
                .collect(),
            gone: given.went,
            ..Outcome::of(change)
        })
    }
}
