//! The phases of the drain.

use std::collections::BTreeSet;

use windlass_provider::{Change, Ctx, Fault, Result};

use super::Steps;
use crate::{
    engine::Outcome,
    kube::{self, Target},
    plan::Phase,
};

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

    /// Drains a phase; `planned` is what a look before the run found to go, and `keeps` what it found to stay.
    pub(super) async fn drain(
        &self,
        cx: &Ctx,
        phase: Phase,
        planned: &[String],
        keeps: &[String],
    ) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
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
        let drained = cluster.drain(cx, target, &self.drain).await;
        let drained = drained.map_err(|error| match error.fault {
            Fault::TimedOut if !self.drain.abandon => error.hint(
                "or give up what is stuck: the same command with --abandon names it, and it goes on existing and costing",
            ),
            _ => error,
        })?;
        // What was found before the run, or by one that was killed, is not seen again once its objects are gone.
        let mut kept = drained.kept;
        kube::add_kept(&mut kept, keeps.iter().cloned());
        // What went along with something else is gone as well.
        let mut removed = drained.removed;
        let told: BTreeSet<String> = [&removed, &drained.given_up]
            .into_iter()
            .flatten()
            .chain(&kept)
            .map(|line| kube::name_in(line).to_owned())
            .collect();
        let along = planned
            .iter()
            .filter(|line| !told.contains(kube::name_in(line)));
        removed.extend(along.cloned());
        let change = match removed.is_empty() {
            true => Change::Absent,
            false => Change::Removed,
        };
        Ok(Outcome {
            gone: removed,
            kept: kept.into_iter().collect(),
            left: drained
                .given_up
                .into_iter()
                .map(|name| format!("{name}: given up, as --abandon asked"))
                .collect(),
            ..Outcome::of(change)
        })
    }
}
