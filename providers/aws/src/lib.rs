//! Clusters on Amazon Web Services: EKS.
//!
//! Network and roles are one CloudFormation stack; cluster, nodes and add-ons go through EKS's API; whose something is its tags say, from
//! the call that makes it on. There is no state file. This room speaks to AWS only through [`client`], which signs, paces and tries
//! again by the clock that it is given; it never touches what carries no tag of a cluster of windlass's.

mod access;
mod addons;
mod balancers;
mod client;
mod cluster;
mod discover;
mod ec2;
mod eks;
mod facts;
mod found;
mod identities;
mod leftovers;
mod logs;
mod machine;
mod network;
mod nodes;
mod permissions;
mod plan;
mod preflight;
mod refusal;
mod service;
mod session;
mod stacks;
mod tagged;
mod token;
mod want;
mod xml;

use async_trait::async_trait;
use windlass_provider::{
    Change, Check, ClusterName, ClusterSpec, Ctx, Error, ExecCredential, Facts, Fault, Found,
    Known, Kubeconfig, Observed, Outputs, Provider, ProviderId, Resource, Result, Scope, Verdict,
};

use client::Client;
use session::Session;
pub use session::{Access, Keys};
use want::{Piece, Want};

/// AWS as a place where clusters run.
#[derive(Clone, Debug)]
pub struct Aws {
    client: Client,
    session: Session,
}

impl Aws {
    /// Returns AWS over this access. Nothing is looked up yet.
    #[must_use]
    pub fn new(access: Access) -> Self {
        let session = Session::new(access);
        Self {
            client: Client::new(session.clone(), String::new()),
            session,
        }
    }

    /// Returns a client in the region that is meant: that of the spec, or that of the access.
    async fn client(&self, named: Option<&str>) -> Result<Client> {
        let region = match named {
            Some(region) => region.to_owned(),
            None => self.session.region().await?,
        };
        Ok(self.client.within(&region))
    }

    /// Returns whether the chain has credentials, whatever they are good for.
    pub async fn has_credentials(&self, cx: &Ctx) -> bool {
        let found = self.session.credentials(cx).await;
        !matches!(found, Err(error) if error.fault == Fault::NoAccess)
    }

    /// Says who one is, and which of windlass's calls one may make on a cluster of that name.
    pub async fn check_credentials(&self, cx: &Ctx, cluster: &ClusterName) -> Vec<Check> {
        let told = async {
            let client = self.client(None).await?;
            let (arn, account) = facts::identity(&client, cx).await?;
            Ok::<_, Error>((client, arn, account))
        };
        match told.await {
            Ok((client, arn, account)) => {
                let who = Check::new(
                    "identity",
                    Verdict::Passed,
                    format!("{arn} in account {account}, region {}", client.region()),
                );
                let may = permissions::check(&client, cx, (&arn, &account), cluster).await;
                vec![who, may]
            }
            Err(error) => {
                let check = Check::new("identity", Verdict::Failed, error.to_line());
                vec![error.hints.into_iter().fold(check, Check::hint)]
            }
        }
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
impl Provider for Aws {
    fn id(&self) -> ProviderId {
        ProviderId::Aws
    }

    async fn facts(&self, cx: &Ctx, spec: &ClusterSpec) -> Result<Facts> {
        let client = self.client(spec.aws.region.as_deref()).await?;
        facts::facts(&client, cx, spec).await
    }

    fn resources(&self, spec: &ClusterSpec, facts: &Facts) -> Result<Vec<Resource>> {
        plan::resources(spec, facts)
    }

    fn as_found(&self, spec: &ClusterSpec, found: &[Found]) -> ClusterSpec {
        found::as_found(spec, found)
    }

    async fn preflight(&self, cx: &Ctx, spec: &ClusterSpec, facts: &Facts) -> Vec<Check> {
        match self.client(spec.aws.region.as_deref()).await {
            Ok(client) => preflight::check(&client, cx, spec, facts).await,
            Err(error) => {
                let check = Check::new("region", Verdict::Failed, error.to_line());
                vec![error.hints.into_iter().fold(check, Check::hint)]
            }
        }
    }

    async fn observe(&self, cx: &Ctx, resource: &Resource, _known: &Known) -> Result<Observed> {
        let want = Want::read(resource)?;
        let client = self.client(Some(&want.region)).await?;
        match &want.piece {
            Piece::Vpc => Ok(match ec2::vpc(&client, cx, &resource.name).await? {
                None => Observed::missing(),
                Some(_) => discover::foreign(),
            }),
            Piece::Stack(layout) => network::observe(&client, cx, resource, layout.as_ref()).await,
            Piece::Logs(layout) => logs::observe(&client, cx, resource, layout.as_ref()).await,
            Piece::Cluster(layout) => {
                cluster::observe(&client, cx, resource, layout.as_ref()).await
            }
            Piece::AddOn(layout) => addons::observe(&client, cx, resource, layout.as_ref()).await,
            Piece::Identity(_) => identities::observe(&client, cx, resource).await,
            Piece::Nodes(layout) => nodes::observe(&client, cx, resource, layout.as_ref()).await,
            Piece::Leftover(left, id) => leftovers::observe(&client, cx, resource, *left, id).await,
        }
    }

    async fn ensure(
        &self,
        cx: &Ctx,
        resource: &Resource,
        known: &Known,
    ) -> Result<(Change, Outputs)> {
        let want = Want::read(resource)?;
        let client = self.client(Some(&want.region)).await?;
        let cx = &cx.within(resource.limit);
        match &want.piece {
            Piece::Vpc => match ec2::vpc(&client, cx, &resource.name).await? {
                Some(_) => Ok((Change::Unchanged, Outputs::new())),
                None => Err(Error::new(
                    Fault::Invalid,
                    format!("there is no VPC \"{}\" in {}", resource.name, want.region),
                )
                .hint("name one that is there: vpc in [clusters.NAME.aws] of windlass.toml")),
            },
            Piece::Stack(Some(layout)) => network::ensure(&client, cx, resource, layout).await,
            Piece::Logs(Some(layout)) => logs::ensure(&client, cx, resource, layout, known).await,
            Piece::Cluster(Some(layout)) => {
                cluster::ensure(&client, cx, resource, layout, known).await
            }
            Piece::AddOn(Some(layout)) => {
                addons::ensure(&client, cx, resource, layout, known).await
            }
            Piece::Identity(Some(layout)) => {
                identities::ensure(&client, cx, resource, layout, known).await
            }
            Piece::Nodes(Some(layout)) => nodes::ensure(&client, cx, resource, layout, known).await,
            _ => Err(unplanned(resource)),
        }
    }

    async fn delete(&self, cx: &Ctx, resource: &Resource, _known: &Known) -> Result<Change> {
        let want = Want::read(resource)?;
        let client = self.client(Some(&want.region)).await?;
        let cx = &cx.within(resource.limit);
        match &want.piece {
            Piece::Vpc => Ok(Change::Kept),
            Piece::Stack(_) => network::delete(&client, cx, resource).await,
            Piece::Logs(_) => logs::delete(&client, cx, resource).await,
            Piece::Cluster(_) => cluster::delete(&client, cx, resource).await,
            Piece::AddOn(_) => addons::delete(&client, cx, resource).await,
            Piece::Identity(_) => identities::delete(&client, cx, resource).await,
            Piece::Nodes(_) => nodes::delete(&client, cx, resource).await,
            Piece::Leftover(left, id) => {
                leftovers::delete(&client, cx, &resource.cluster, *left, id).await
            }
        }
    }

    async fn discover(&self, cx: &Ctx, scope: Scope<'_>) -> Result<Vec<Found>> {
        let client = self.client(None).await?;
        discover::discover(&client, cx, scope).await
    }

    async fn kubeconfig(&self, cx: &Ctx, cluster: &ClusterName) -> Result<Kubeconfig> {
        access::kubeconfig(&self.client(None).await?, cx, cluster).await
    }

    async fn credential(&self, cx: &Ctx, cluster: &ClusterName) -> Result<ExecCredential> {
        access::credential(&self.client(None).await?, cx, cluster).await
    }
}
