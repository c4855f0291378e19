//! Resources of the provider.

use windlass_provider::{
    Change, Ctx, Known, Owner, Resource, ResourceId, Result, SOFT_DELETED, Scope, State,
};

use super::Steps;
use crate::engine::{Outcome, Outcomes};

/// Returns what is known of the resources that are there.
fn known(done: &Outcomes) -> Known {
    done.iter()
        .filter_map(|(id, outcome)| {
            let id = id.as_str().strip_prefix("resource/")?;
            Some((ResourceId::new(id), outcome.outputs.clone()))
        })
        .collect()
}

impl Steps {
    pub(super) async fn ensure_resource(
        &self,
        cx: &Ctx,
        resource: &Resource,
        done: &Outcomes,
    ) -> Result<Outcome> {
        let known = known(done);
        let (change, outputs) = self.provider.ensure(cx, resource, &known).await?;
        let mut notes = Vec::new();
        if let (Some(address), Some(port)) = (outputs.get("address"), outputs.get("http-port")) {
            notes.push(format!(
                "http://{address}:{port} leads to the ingress controller"
            ));
        }
        if change == Change::Unchanged {
            let observed = self.provider.observe(cx, resource, &known).await?;
            if observed.owner == Owner::Foreign {
                notes.push(format!(
                    "{} {} was not made by windlass: it is used, and destroy will not delete it",
                    resource.kind, resource.name
                ));
            }
            notes.extend(observed.differs.iter().map(|difference| {
                format!(
                    "{} is {}, not {}",
                    difference.field, difference.found, difference.wanted
                )
            }));
        }
        Ok(Outcome {
            outputs,
            notes,
            ..Outcome::of(change)
        })
    }

    pub(super) async fn delete_resource(
        &self,
        cx: &Ctx,
        resource: &Resource,
        done: &Outcomes,
    ) -> Result<Outcome> {
        let change = self.provider.delete(cx, resource, &known(done)).await?;
        Ok(Outcome::of(change))
    }

    /// Removes for good what the cloud keeps of what is deleted, and may be removed.
    pub(super) async fn purge_deleted(&self, cx: &Ctx) -> Result<Outcome> {
        let found = self.provider.discover(cx, Scope::of(&self.cluster)).await?;
        let mut outcome = Outcome::of(Change::Absent);
        for item in found {
            let resource = &item.resource;
            let is_protected = item.observed.outputs.contains_key("purge-protected");
            if resource.kind != SOFT_DELETED || is_protected {
                continue;
            }
            self.provider.delete(cx, resource, &Known::new()).await?;
            outcome.change = Change::Removed;
            outcome
                .gone
                .push(format!("{} {}", resource.kind, resource.name));
        }
        Ok(outcome)
    }

    /// Returns whether a resource is still there, ready and as wanted: one read.
    pub(super) async fn resource_holds(
        &self,
        cx: &Ctx,
        resource: &Resource,
        done: &Outcomes,
    ) -> bool {
        match self.provider.observe(cx, resource, &known(done)).await {
            Ok(observed) => observed.state == State::Ready && observed.differs.is_empty(),
            Err(_) => false,
        }
    }
}
