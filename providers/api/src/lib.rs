//! The seam between windlass and the places where clusters run.
//!
//! A [`Provider`] knows one cloud, or Kind on this machine; everything else in windlass speaks to it only through the
//! types of this crate, which depends on nothing of windlass. A provider makes, observes, finds and deletes *resources*;
//! it knows nothing of plans, journals, components or the terminal.

mod access;
mod aws;
mod azure;
mod check;
mod clock;
mod context;
mod error;
mod google;
mod resource;
mod scope;
mod spec;
mod tags;
pub mod told;
mod trace;

use async_trait::async_trait;

pub use access::{Auth, ExecCredential, Kubeconfig};
pub use aws::{AwsEndpoint, AwsImage, AwsNat, AwsOptions};
pub use azure::{AzureIdentity, AzureNetwork, AzureOptions, AzureTier, AzureUpgrades};
pub use check::{Check, Verdict};
pub use clock::{Clock, SystemClock};
pub use context::{Ctx, Progress};
pub use error::{Error, Fault, Result};
pub use google::{Accelerator, Driver, GoogleChannel, GoogleDataplane, GoogleMode, GoogleOptions};
pub use resource::{
    Change, Difference, Facts, Found, Known, Observed, Outputs, Owner, Resource, ResourceId,
    SOFT_DELETED, State,
};
pub use scope::{Regions, Scope};
pub use spec::{
    ClusterName, ClusterSpec, InvalidName, KindOptions, NodePool, NodeSize, Nodes, ProviderId,
    Taint, TaintEffect,
};
pub use tags::{InvalidTag, Tags};
pub use trace::{Exchange, Program, Request, Trace};

/// A place where clusters run: one cloud, or Kind on this machine.
///
/// Every method may be called again after a crash at any point; none keeps state between calls other than connections.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Returns which provider this is.
    fn id(&self) -> ProviderId;

    /// Looks up what a plan needs to know: programs and their versions, versions and sizes on offer, zones, who we are.
    async fn facts(&self, cx: &Ctx, spec: &ClusterSpec) -> Result<Facts>;

    /// Lists what `spec` needs, and what each piece needs first. Does no I/O.
    fn resources(&self, spec: &ClusterSpec, facts: &Facts) -> Result<Vec<Resource>>;

    /// Returns `spec` with all in it that can be read off a cluster as it is there: for a change of one thing that changes nothing
    /// else. Does no I/O. A provider that cannot change a cluster returns it as it is.
    fn as_found(&self, spec: &ClusterSpec, found: &[Found]) -> ClusterSpec {
        let _ = found;
        spec.clone()
    }

    /// Checks programs, permissions, quota, ports and name clashes before the first change. Changes nothing.
    async fn preflight(&self, cx: &Ctx, spec: &ClusterSpec, facts: &Facts) -> Vec<Check>;

    /// Reads what there is of one resource. Absence is `State::Missing`, never an error.
    async fn observe(&self, cx: &Ctx, resource: &Resource, known: &Known) -> Result<Observed>;

    /// Makes the resource, finishes one that is half made, or brings one that differs into line. Safe to call twice.
    async fn ensure(
        &self,
        cx: &Ctx,
        resource: &Resource,
        known: &Known,
    ) -> Result<(Change, Outputs)>;

    /// Deletes the resource and waits until it is gone. Absence is success; what is foreign is refused.
    async fn delete(&self, cx: &Ctx, resource: &Resource, known: &Known) -> Result<Change>;

    /// Rebuilds the resources of one cluster, or of all, from tags alone: in the order of creation, with what each needs,
    /// and with what controllers left behind. Destroy, audit and `cluster list` use only this.
    ///
    /// [`Fault::NoAccess`] where nothing on this machine leads there: no credentials, or no program. That is no fault to
    /// somebody who asks everywhere; a place that is there and does not answer is another.
    async fn discover(&self, cx: &Ctx, scope: Scope<'_>) -> Result<Vec<Found>>;

    /// Returns how to reach the cluster's API, and with which credential for now.
    async fn kubeconfig(&self, cx: &Ctx, cluster: &ClusterName) -> Result<Kubeconfig>;

    /// Returns a credential for the exec plugin (`windlass token`).
    async fn credential(&self, cx: &Ctx, cluster: &ClusterName) -> Result<ExecCredential>;
}
