//! Namespaces of tenants, the default storage class, and the sync from Git.

use serde_json::Value;
use windlass_provider::{Change, Ctx, Result};

use super::{Steps, broken_template, change_of};
use crate::{
    catalog,
    engine::Outcome,
    kube::{ObjectRef, inventory},
};

/// Returns the reference to a namespace.
pub(super) fn namespace_ref(name: &str) -> ObjectRef {
    ObjectRef::cluster("v1", "Namespace", name)
}

impl Steps {
    pub(super) async fn make_namespaces(&self, cx: &Ctx, names: &[String]) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let objects = catalog::namespaces(names).map_err(broken_template)?;
        self.claim_namespaces(cx, &objects).await?;
        let applied = cluster.apply(cx, &objects).await?;
        Ok(Outcome::of(change_of(&applied)))
    }

    pub(super) async fn make_storage_class(&self, cx: &Ctx) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let class = catalog::storage_class(self.provider_id).map_err(broken_template)?;
        let objects: Vec<Value> = class.into_iter().collect();
        let applied = cluster.apply(cx, &objects).await?;
        Ok(Outcome::of(change_of(&applied)))
    }

    pub(super) async fn remove_namespaces(&self, cx: &Ctx, names: &[String]) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let refs: Vec<ObjectRef> = names.iter().map(|name| namespace_ref(name)).collect();
        cluster.delete_and_wait(cx, &refs).await?;
        for name in names {
            inventory::forget_namespace(&cluster, cx, name).await?;
        }
        Ok(Outcome::of(Change::Removed))
    }

    pub(super) async fn sync_git(&self, cx: &Ctx, scope: &Value) -> Result<Outcome> {
        let cluster = self.cluster(cx).await?;
        let objects = catalog::gitops(scope).map_err(broken_template)?;
        let applied = cluster.apply(cx, &objects).await?;
        let refs: Vec<ObjectRef> = applied.iter().map(|item| item.object.clone()).collect();
        cluster.wait_ready(cx, &refs).await?;
        Ok(Outcome::of(change_of(&applied)))
    }
}
