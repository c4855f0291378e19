//! Clusters on Google Cloud: GKE.
//!
//! What is made says whose it is from the call that makes it on: by labels, and service accounts, which have none, by their
//! descriptions. There is no state file. This room speaks to Google Cloud only through [`client`], which paces calls and tries again
//! by the clock that it is given; it never touches what carries no label of a cluster of windlass's.

mod access;
mod accounts;
mod apis;
mod client;
mod cluster;
mod discover;
mod facts;
mod found;
mod gke;
mod labels;
mod leftovers;
mod machine;
mod nat;
mod operations;
mod permissions;
mod plan;
mod policy;
mod pools;
mod preflight;
mod project;
mod refusal;
mod service;
mod session;
mod want;

use async_trait::async_trait;
use windlass_provider::{
    Change, Check, ClusterName, ClusterSpec, Ctx, Error, ExecCredential, Facts, Fault, Found,
    Known, Kubeconfig, Observed, Outputs, Provider, ProviderId, Resource, Result, Scope, Verdict,
};

use client::Client;
use gke::Place;
use session::Session;
pub use session::{Access, Rehearsed};
use want::{Piece, Want};

/// Returns the address of the service account that a component of a cluster acts as on Google Cloud.
#[must_use]
pub fn identity(project: &str, cluster: &ClusterName, component: &str) -> String {
    want::email(project, &want::account_name(cluster, component))
}

/// Returns the project that facts speak of, where it is one that windlass makes or has made for the cluster: its name, which may be made
/// up, is known from then on.
#[must_use]
pub fn made_project(facts: &Facts) -> Option<String> {
    let seen = facts::Seen::read(facts).ok()?;
    seen.makes_project.then_some(seen.project)
}

/// Google Cloud as a place where clusters run.
#[derive(Clone, Debug)]
pub struct Google {
    client: Client,
}

impl Google {
    /// Returns Google Cloud over this access. Nothing is looked up yet.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self {
            client: Client::new(Session::new(access)),
        }
    }

    /// Returns the project that is meant where nobody names one: that of the credentials, or gcloud's.
    #[must_use]
    pub fn project(&self) -> Option<String> {
        self.client.session().project()
    }

    fn check_access(&self) -> Result<()> {
        match self.client.session().has_credentials() {
            true => Ok(()),
            false => Err(session::nobody()),
        }
    }

    /// Says who one is and in which project, and which of windlass's calls one may not make there.
    pub async fn check_credentials(&self, cx: &Ctx) -> Vec<Check> {
        let told = async {
            self.check_access()?;
            let principal = facts::identity(&self.client, cx).await?;
            Ok::<_, Error>((principal, self.client.session().project()))
        };
        match told.await {
            Ok((principal, Some(project))) => {
                let detail = format!("{principal} in project {project}");
                let who = Check::new("identity", Verdict::Passed, detail);
                let of = (principal.as_str(), project.as_str());
                vec![who, permissions::check(&self.client, cx, of).await]
            }
            Ok((principal, None)) => {
                let error = facts::no_project();
                let check = Check::new("project", Verdict::Warning, error.to_line());
                vec![
                    Check::new("identity", Verdict::Passed, principal),
                    error.hints.into_iter().fold(check, Check::hint),
                ]
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
impl Provider for Google {
    fn id(&self) -> ProviderId {
        ProviderId::Google
    }

    async fn facts(&self, cx: &Ctx, spec: &ClusterSpec) -> Result<Facts> {
        self.check_access()?;
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

    async fn observe(&self, cx: &Ctx, resource: &Resource, _known: &Known) -> Result<Observed> {
        let want = Want::read(resource)?;
        let (client, project) = (&self.client, want.project.as_str());
        let place = Place {
            project,
            location: &want.location,
        };
        match &want.piece {
            Piece::Project(layout) => project::observe(client, cx, resource, layout.as_ref()).await,
            Piece::Apis(wanted) => apis::observe(client, cx, project, wanted).await,
            Piece::Account(_, layout) => {
                accounts::observe(client, cx, resource, project, layout.as_ref()).await
            }
            Piece::Nat(layout) => nat::observe(client, cx, resource, place, layout.as_ref()).await,
            Piece::Cluster(layout) => {
                cluster::observe(client, cx, resource, place, layout.as_deref()).await
            }
            Piece::Pool(layout) => {
                pools::observe(client, cx, resource, place, layout.as_ref()).await
            }
            Piece::Leftover(_, path) => leftovers::observe(client, cx, path).await,
        }
    }

    async fn ensure(
        &self,
        cx: &Ctx,
        resource: &Resource,
        known: &Known,
    ) -> Result<(Change, Outputs)> {
        let want = Want::read(resource)?;
        let (client, project) = (&self.client, want.project.as_str());
        let place = Place {
            project,
            location: &want.location,
        };
        let cx = &cx.within(resource.limit);
        match &want.piece {
            Piece::Project(Some(layout)) => {
                project::ensure(client, cx, resource, layout, known).await
            }
            Piece::Apis(wanted) => apis::ensure(client, cx, project, wanted).await,
            Piece::Account(purpose, Some(layout)) => {
                let of = ((project, want.location.as_str()), purpose.as_str());
                accounts::ensure(client, cx, resource, of, layout, known).await
            }
            Piece::Nat(Some(layout)) => {
                nat::ensure(client, cx, resource, place, layout, known).await
            }
            Piece::Cluster(Some(layout)) => {
                cluster::ensure(client, cx, resource, place, layout, known).await
            }
            Piece::Pool(Some(layout)) => {
                pools::ensure(client, cx, resource, place, layout, known).await
            }
            _ => Err(unplanned(resource)),
        }
    }

    async fn delete(&self, cx: &Ctx, resource: &Resource, _known: &Known) -> Result<Change> {
        let want = Want::read(resource)?;
        let (client, project) = (&self.client, want.project.as_str());
        let place = Place {
            project,
            location: &want.location,
        };
        let cx = &cx.within(resource.limit);
        match &want.piece {
            Piece::Project(_) => project::delete(client, cx, resource).await,
            // Something else in the project may need them.
            Piece::Apis(_) => Ok(Change::Kept),
            Piece::Account(..) => accounts::delete(client, cx, resource, project).await,
            Piece::Nat(_) => nat::delete(client, cx, resource, place).await,
            Piece::Cluster(_) => cluster::delete(client, cx, resource, place).await,
            Piece::Pool(_) => pools::delete(client, cx, resource, place).await,
            Piece::Leftover(left, path) => {
                leftovers::delete(client, cx, resource, (*left, path)).await
            }
        }
    }

    async fn discover(&self, cx: &Ctx, scope: Scope<'_>) -> Result<Vec<Found>> {
        self.check_access()?;
        discover::discover(&self.client, cx, scope).await
    }

    async fn kubeconfig(&self, cx: &Ctx, cluster: &ClusterName) -> Result<Kubeconfig> {
        self.check_access()?;
        let Some((_, found)) = discover::locate(&self.client, cx, cluster).await? else {
            let project = self.client.session().project().unwrap_or_default();
            return Err(access::nowhere(cluster, &project));
        };
        access::kubeconfig(&self.client, cx, cluster, &found).await
    }

    async fn credential(&self, cx: &Ctx, cluster: &ClusterName) -> Result<ExecCredential> {
        self.check_access()?;
        match discover::locate(&self.client, cx, cluster).await {
            Ok(Some(_)) => {}
            Ok(None) => {
                let project = self.client.session().project().unwrap_or_default();
                return Err(access::nowhere(cluster, &project));
            }
            // Who may use a cluster need not be allowed to look it up.
            Err(error) if error.fault == Fault::Denied => {}
            Err(error) => return Err(error),
        }
        access::credential(&self.client, cx).await
    }
}
