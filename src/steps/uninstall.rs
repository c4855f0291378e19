//! Removes what windlass installed, by what the inventory says.

use windlass_provider::{Change, Ctx, Result};

use super::{Steps, chart::release_ref};
use crate::{
    engine::Outcome,
    kube::{Component, Inventory},
};

impl Steps {
    pub(super) async fn uninstall(&self, cx: &Ctx, component: &str) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let inventory = Inventory::read(&cluster, cx).await?;
        let Some(entry) = inventory.components.get(component) else {
            return Ok(Outcome::of(Change::Absent));
        };
        // What came last goes first, while the controllers live that know how.
        for round in entry.extras.iter().rev() {
            cluster.delete_and_wait(cx, round).await?;
        }
        if component == "crossplane" {
            self.remove_self_made(cx, component).await?;
        }
        // Then the release: Flux's controllers uninstall the chart while the source is still there.
        cluster
            .delete_and_wait(cx, &[release_ref(component)])
            .await?;
        cluster.delete_and_wait(cx, &entry.objects).await?;
        Component::forget(&cluster, cx, component).await?;
        let mut outcome = Outcome::of(Change::Removed);
        if let Some(known) = self.catalog.get(component) {
            outcome.notes.extend(known.uninstall.iter().cloned());
        }
        Ok(outcome)
    }
}
