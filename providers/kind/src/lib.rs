//! Clusters on this machine, through the `kind` program and a container engine: docker, podman or nerdctl.
//!
//! A cluster is known by its containers alone: kind's label says which cluster they belong to, and a marker of ours (a
//! mount, see [`marker`]) says whether windlass made it. There is no state file. This room never touches the user's own
//! kubeconfig, never goes through a shell, and never changes or deletes a cluster that carries no marker.

mod access;
mod causes;
mod command;
mod config;
mod containers;
mod delete;
mod difference;
mod discover;
mod engine;
mod ensure;
mod health;
mod host;
mod lines;
mod marker;
mod ports;
mod preflight;
mod programs;
mod validate;
mod want;

use async_trait::async_trait;
use windlass_provider::{
    Change, Check, ClusterName, ClusterSpec, Ctx, ExecCredential, Facts, Found, Known, Kubeconfig,
    Observed, Outputs, Provider, ProviderId, Resource, Result, Scope,
};

pub use engine::Engine;
pub use programs::{Programs, advise};

/// Kind as a place where clusters run.
#[derive(Clone, Debug)]
pub struct Kind {
    programs: Programs,
}

impl Kind {
    /// Returns Kind over these programs. Nothing is run or looked up yet.
    #[must_use]
    pub fn new(programs: Programs) -> Self {
        Self { programs }
    }
}

#[async_trait]
impl Provider for Kind {
    fn id(&self) -> ProviderId {
        ProviderId::Kind
    }

    async fn facts(&self, cx: &Ctx, spec: &ClusterSpec) -> Result<Facts> {
        host::facts(&self.programs, cx, spec).await
    }

    fn resources(&self, spec: &ClusterSpec, facts: &Facts) -> Result<Vec<Resource>> {
        want::resources(spec, facts)
    }

    async fn preflight(&self, cx: &Ctx, spec: &ClusterSpec, facts: &Facts) -> Vec<Check> {
        preflight::check(&self.programs, cx, spec, facts).await
    }

    async fn observe(&self, cx: &Ctx, resource: &Resource, _known: &Known) -> Result<Observed> {
        discover::observe(&self.programs, cx, resource).await
    }

    async fn ensure(
        &self,
        cx: &Ctx,
        resource: &Resource,
        _known: &Known,
    ) -> Result<(Change, Outputs)> {
        ensure::ensure(&self.programs, cx, resource).await
    }

    async fn delete(&self, cx: &Ctx, resource: &Resource, _known: &Known) -> Result<Change> {
        delete::delete(&self.programs, cx, resource).await
    }

    async fn discover(&self, cx: &Ctx, scope: Scope<'_>) -> Result<Vec<Found>> {
        // A machine has no regions.
        discover::discover(&self.programs, cx, scope.cluster).await
    }

    async fn kubeconfig(&self, cx: &Ctx, cluster: &ClusterName) -> Result<Kubeconfig> {
        access::kubeconfig(&self.programs, cx, cluster).await
    }

    async fn credential(&self, cx: &Ctx, cluster: &ClusterName) -> Result<ExecCredential> {
        let auth = access::kubeconfig(&self.programs, cx, cluster).await?.auth;
        Ok(ExecCredential {
            auth,
            expires: None,
        })
    }
}
