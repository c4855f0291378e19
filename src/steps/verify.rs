//! Looks again at steps that an earlier, unfinished run had finished: one read a resource, one list a kind in the cluster.

use std::collections::BTreeSet;

use serde_json::Value;
use windlass_provider::{Ctx, Result};

use super::{Steps, access::access_holds, inventory::inventory_objects};
use crate::{
    catalog,
    engine::Outcomes,
    files::{Digest, atomic},
    kube::{self, ObjectRef, Verdict},
    plan::{Action, Step, StepId},
};

/// A step and the objects that it stands for.
struct Applied<'a> {
    step: &'a StepId,
    objects: Vec<Value>,
    /// Whether each object must be Ready too, and not only there.
    ready: bool,
}

impl Steps {
    pub(super) async fn verify_steps(
        &self,
        cx: &Ctx,
        steps: &[&Step],
        done: &Outcomes,
    ) -> BTreeSet<StepId> {
        let resources = steps.iter().filter_map(|step| match &step.action {
            Action::EnsureResource { resource } => Some((step, resource)),
            _ => None,
        });
        let resources = futures::future::join_all(resources.map(|(step, resource)| async {
            let holds = self.resource_holds(cx, resource, done).await;
            holds.then(|| step.id.clone())
        }));
        let drains = steps.iter().filter_map(|step| match &step.action {
            Action::Drain { phase, .. } | Action::GiveUp { phase } => Some((step, *phase)),
            _ => None,
        });
        let drains = futures::future::join_all(drains.map(|(step, phase)| async move {
            let drained = self.is_drained(cx, phase).await;
            drained.is_ok_and(|it| it).then(|| step.id.clone())
        }));
        // What cannot be told does not hold: an error here is no error.
        let objects = async { self.verify_objects(cx, steps).await.unwrap_or_default() };
        let access = async {
            let step = steps
                .iter()
                .find(|step| step.action == Action::WriteAccess)?;
            let access = self.provider.kubeconfig(cx, &self.cluster).await.ok()?;
            access_holds(&self.workdir, &self.cluster, &access, &self.exec).then(|| step.id.clone())
        };
        let (resources, drains, objects, access) =
            futures::join!(resources, drains, objects, access);
        resources
            .into_iter()
            .chain(drains)
            .flatten()
            .chain(objects)
            .chain(access)
            .collect()
    }

    async fn verify_objects(&self, cx: &Ctx, steps: &[&Step]) -> Result<BTreeSet<StepId>> {
        let expected: Vec<Applied<'_>> = steps
            .iter()
            .filter_map(|step| self.expected(step))
            .collect();
        if expected.is_empty() {
            return Ok(BTreeSet::new());
        }
        let cluster = self.cluster(cx).await?;
        let all: Vec<Value> = expected
            .iter()
            .flat_map(|applied| applied.objects.iter().cloned())
            .collect();
        let found = cluster.held(cx, &all).await?;
        let holds = |applied: &Applied<'_>| {
            applied.objects.iter().all(|object| {
                ObjectRef::of(object)
                    .and_then(|name| found.get(&name))
                    .is_some_and(|live| !applied.ready || kube::judge(live) == Verdict::Ready)
            })
        };
        Ok(expected
            .iter()
            .filter(|applied| holds(applied))
            .map(|applied| applied.step.clone())
            .collect())
    }

    /// Returns the objects that a finished step stands for; `None` where it stands for none, or they cannot be told.
    fn expected<'a>(&self, step: &'a Step) -> Option<Applied<'a>> {
        let (objects, ready) = match &step.action {
            Action::OpenInventory => (inventory_objects(), false),
            Action::InstallManifest {
                component,
                version,
                sha256,
                unawaited,
                ..
            } => {
                let bytes = atomic::read(&self.kept_at(component, version)).ok()??;
                if Digest::of(&bytes).to_string() != *sha256 {
                    return None;
                }
                let text = String::from_utf8(bytes).ok()?;
                (kube::parse(component, &text).ok()?, !unawaited)
            }
            Action::InstallChart { chart } => {
                let extras = self.chart_extras(chart).ok()?;
                let mut objects = self.chart_objects(chart).ok()?;
                objects.extend(extras.objects().cloned());
                (objects, !chart.unawaited)
            }
            Action::MakeStorageClass => {
                let class = catalog::storage_class(self.provider_id).ok()?;
                (class.into_iter().collect(), false)
            }
            Action::MakeNamespaces { names } => (catalog::namespaces(names).ok()?, false),
            Action::SyncGit { scope } => (catalog::gitops(scope).ok()?, true),
            Action::EnsureResource { .. }
            | Action::WriteAccess
            | Action::DeleteResource { .. }
            | Action::RemoveAccess
            | Action::PurgeDeleted
            | Action::Drain { .. }
            | Action::DrainCrossplane { .. }
            | Action::GiveUp { .. }
            | Action::RemoveInventory
            | Action::UninstallComponent { .. }
            | Action::RemoveComponent { .. }
            | Action::EmptyDefinitions { .. }
            | Action::RemoveDefinitions { .. }
            | Action::RemoveNamespaces { .. } => return None,
        };
        Some(Applied {
            step: &step.id,
            objects,
            ready,
        })
    }
}
