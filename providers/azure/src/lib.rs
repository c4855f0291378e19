//! Clusters on Microsoft Azure: AKS.
//!
//! A resource group, a managed cluster in it, and identities for what runs there, all through the resource manager's REST API; whose
//! something is its tags say, from the call that makes it on. There is no state file. This room speaks to Azure only through [`client`],
//! which signs in, paces, tries again and follows long-running operations by the clock that it is given; it never touches what carries no
//! tag of a cluster of windlass's.

mod access;
mod certificate;
mod client;
mod cluster;
mod discover;
mod extension;
mod facts;
mod found;
mod group;
mod identities;
mod pace;
mod permissions;
mod plan;
mod pools;
mod preflight;
mod refusal;
mod registrations;
mod roles;
mod session;
mod tagged;
mod vaults;
mod version;
mod want;

use async_trait::async_trait;
use windlass_provider::{
    Change, Check, ClusterName, ClusterSpec, Ctx, Error, ExecCredential, Facts, Fault, Found,
    Known, Kubeconfig, Observed, Outputs, Provider, ProviderId, Resource, Result, Scope, Verdict,
};

use client::Client;
use session::Session;
pub use session::{Access, Keys};
use want::{Left, Piece, Place, Want};

/// Azure as a place where clusters run.
#[derive(Clone, Debug)]
pub struct Azure {
    client: Client,
}

impl Azure {
    /// Returns Azure over this access. Nothing is looked up yet.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self {
            client: Client::new(Session::new(access)),
        }
    }

    /// Returns whether somebody is signed in, whatever that is good for.
    pub async fn has_credentials(&self, cx: &Ctx) -> bool {
        let found = self.client.token(cx, &self.client.session().scope()).await;
        !matches!(found.map_err(Error::from), Err(error) if error.fault == Fault::NoAccess)
    }

    /// Returns the subscriptions that one may see, by id and name, where nobody named one; empty where one is named.
    ///
    /// # Errors
    /// Whoever is asked does not answer, or nobody is signed in.
    pub async fn choices(&self, cx: &Ctx) -> Result<Vec<(String, String)>> {
        match self.client.session().subscription() {
            Some(_) => Ok(Vec::new()),
            None => Ok(self.client.subscriptions(cx).await?),
        }
    }

    /// Says who one is, and which of windlass's calls one may make.
    pub async fn check_credentials(&self, cx: &Ctx) -> Vec<Check> {
        let client = &self.client;
        let told = async {
            let who = facts::identity(client, cx).await?;
            let subscription = client.subscription(cx).await?;
            Ok::<_, refusal::Trouble>((who, subscription))
        };
        match told.await {
            Ok((who, subscription)) => {
                let place = Place {
                    subscription,
                    ..Place::default()
                };
                let detail = format!("{who}, subscription {}", place.subscription);
                let may = permissions::check(client, cx, &place, None, true).await;
                vec![Check::new("identity", Verdict::Passed, detail), may]
            }
            Err(trouble) => {
                let error = Error::from(trouble);
                let check = Check::new("identity", Verdict::Failed, error.to_line());
                vec![error.hints.into_iter().fold(check, Check::hint)]
            }
        }
    }

    async fn observe_leftover(&self, cx: &Ctx, left: Left, id: &str) -> Result<Observed> {
        let api = match left {
            Left::NodeGroup => want::RESOURCES_API,
            Left::RoleAssignment => want::ROLES_API,
            Left::DeletedVault => vaults::VAULTS_API,
        };
        let found = self.client.get(cx, left.kind(), want::at(id, api)).await?;
        Ok(match found {
            None => Observed::missing(),
            Some(vault) if left == Left::DeletedVault => vaults::describe(&vault),
            Some(_) => discover::there(),
        })
    }

    async fn delete_leftover(
        &self,
        cx: &Ctx,
        resource: &Resource,
        place: &Place,
        (left, id): (Left, &str),
    ) -> Result<Change> {
        if self.observe_leftover(cx, left, id).await?.state == windlass_provider::State::Missing {
            return Ok(Change::Absent);
        }
        match left {
            Left::NodeGroup => group::remove(&self.client, cx, place, &resource.name).await?,
            Left::RoleAssignment => roles::take_role(&self.client, cx, id).await?,
            Left::DeletedVault => vaults::purge(&self.client, cx, id).await?,
        }
        Ok(Change::Removed)
    }
}

/// Refuses to make what was found and not planned.
fn unplanned(resource: &Resource) -> Error {
    Error::new(
        Fault::Invalid,
        format!(
            "{} \"{}\" was found and not planned: it cannot be made",
            resource.kind, resource.name
        ),
    )
}

#[async_trait]
impl Provider for Azure {
    fn id(&self) -> ProviderId {
        ProviderId::Azure
    }

    async fn facts(&self, cx: &Ctx, spec: &ClusterSpec) -> Result<Facts> {
        facts::facts(&self.client, cx, spec).await
    }

    fn resources(&self, spec: &ClusterSpec, facts: &Facts) -> Result<Vec<Resource>> {
        plan::resources(spec, facts)
    }

    fn as_found(&self, spec: &ClusterSpec, found: &[Found]) -> ClusterSpec {
        found::as_found(spec, found)
    }

    async fn preflight(&self, cx: &Ctx, spec: &ClusterSpec, facts: &Facts) -> Vec<Check> {
        preflight::check(&self.client, cx, spec, facts).await
    }

    async fn observe(&self, cx: &Ctx, resource: &Resource, known: &Known) -> Result<Observed> {
        let Want { place, piece } = Want::read(resource)?;
        let (client, place) = (&self.client, &place);
        match &piece {
            Piece::Providers(names) => registrations::observe(client, cx, place, names).await,
            Piece::Group(layout) => {
                group::observe(client, cx, resource, place, layout.as_ref()).await
            }
            Piece::ClusterIdentity(_) => identities::observe(client, cx, resource, place).await,
            Piece::Cluster(layout) => {
                cluster::observe(client, cx, resource, place, layout.as_deref()).await
            }
            Piece::Pool(layout) => {
                pools::observe(client, cx, resource, place, layout.as_ref()).await
            }
            Piece::Flux => extension::observe(client, cx, resource, place).await,
            Piece::Controller(_, layout) => {
                let layout = layout.as_ref();
                identities::observe_controller(client, cx, resource, place, layout, known).await
            }
            Piece::Leftover(left, id) => self.observe_leftover(cx, *left, id).await,
        }
    }

    async fn ensure(
        &self,
        cx: &Ctx,
        resource: &Resource,
        known: &Known,
    ) -> Result<(Change, Outputs)> {
        let Want { place, piece } = Want::read(resource)?;
        let (client, place) = (&self.client, &place);
        let cx = &cx.within(resource.limit);
        match &piece {
            Piece::Providers(names) => registrations::ensure(client, cx, place, names).await,
            Piece::Group(Some(layout)) => group::ensure(client, cx, resource, place, layout).await,
            Piece::ClusterIdentity(Some(layout)) => {
                identities::ensure(client, cx, resource, place, layout, known).await
            }
            Piece::Cluster(Some(layout)) => {
                cluster::ensure(client, cx, resource, place, layout, known).await
            }
            Piece::Pool(Some(layout)) => {
                pools::ensure(client, cx, resource, place, layout, known).await
            }
            Piece::Flux => extension::ensure(client, cx, resource, place).await,
            Piece::Controller(_, Some(layout)) => {
                identities::ensure_controller(client, cx, resource, place, layout, known).await
            }
            _ => Err(unplanned(resource)),
        }
    }

    async fn delete(&self, cx: &Ctx, resource: &Resource, _known: &Known) -> Result<Change> {
        let Want { place, piece } = Want::read(resource)?;
        let (client, place) = (&self.client, &place);
        let cx = &cx.within(resource.limit);
        match &piece {
            Piece::Providers(_) => Ok(Change::Kept),
            Piece::Group(_) => group::delete(client, cx, resource, place).await,
            Piece::Cluster(_) => cluster::delete(client, cx, resource, place).await,
            Piece::Pool(_) => pools::delete(client, cx, resource, place).await,
            Piece::Flux => extension::delete(client, cx, resource, place).await,
            Piece::ClusterIdentity(_) | Piece::Controller(..) => {
                identities::delete(client, cx, resource, place).await
            }
            Piece::Leftover(left, id) => {
                self.delete_leftover(cx, resource, place, (*left, id)).await
            }
        }
    }

    async fn discover(&self, cx: &Ctx, scope: Scope<'_>) -> Result<Vec<Found>> {
        discover::discover(&self.client, cx, scope).await
    }

    async fn kubeconfig(&self, cx: &Ctx, cluster: &ClusterName) -> Result<Kubeconfig> {
        access::kubeconfig(&self.client, cx, cluster).await
    }

    async fn credential(&self, cx: &Ctx, cluster: &ClusterName) -> Result<ExecCredential> {
        access::credential(&self.client, cx, cluster).await
    }
}
