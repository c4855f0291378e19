//! What an [`Action`] does, one file a family. Every step may run again after a crash at any point.

mod access;
mod accounts;
mod advice;
mod chart;
mod connection;
mod crossplane;
mod drain;
mod identity;
mod ingress;
mod inside;
mod inspect;
mod inventory;
mod leaving;
mod machine;
mod manifest;
mod namespaces;
mod present;
mod publish;
mod resource;
mod survey;
mod uninstall;
mod verify;
mod versions;
mod web;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use windlass_provider::{Change, ClusterName, Ctx, Error, Fault, Provider, ProviderId, Result};

pub use access::{Exec, merge_access, merge_into, remove_access, write_access};
pub use accounts::{Accounts, Grant, Granted, Role};
pub use chart::chart_digest;
pub use connection::Connection;
pub use crossplane::{Composites, await_composites, look_at_composites};
pub use drain::{ask_to_go, name_unproven};
pub use ingress::{
    INGRESS_CLASSES, IngressAddress, LookUp, ask_name_servers, find_ingress_address,
};
pub use inside::{Inside, look_inside};
pub use inspect::{Section, inspect};
pub use leaving::{Definition, Leaving, look_at_leaving};
pub use machine::{check_folder, check_manifest, check_path, check_programs, check_proxy};
pub use manifest::{Origin, fetch, read_manifest};
pub use present::{Installer, Present, find_present};
pub use publish::{Login, Publication, PublishPrograms, Published};
pub use survey::{Health, Installation, Survey, Trouble, explain_survey, survey};
pub use uninstall::find_going;
pub use versions::{Absent, Says, Web, find_absent};

pub use crate::kube::{How, name_in};
use crate::{
    catalog::Catalog,
    engine::{Executor, Outcome, Outcomes},
    error,
    files::WorkDir,
    kube::Applied,
    plan::{Action, Step, StepId},
};

/// Carries out the steps of one run.
pub struct Steps {
    /// The cluster that the run is about.
    pub cluster: ClusterName,
    /// Where it runs.
    pub provider: Arc<dyn Provider>,
    /// Which provider that is.
    pub provider_id: ProviderId,
    /// The components.
    pub catalog: Catalog,
    /// Where files are written.
    pub workdir: WorkDir,
    /// What the kubeconfig runs for a credential.
    pub exec: Exec,
    /// The connection to the cluster's API, opened when it is first needed.
    pub connection: Connection,
    /// How the cluster is drained, where it is.
    pub drain: How,
    /// The secrets that components' values name: variable → value.
    pub secrets: BTreeMap<String, String>,
    /// Where the versions of components are told.
    pub web: Web,
    /// Where the user says which is wanted.
    pub says: Says,
}

#[async_trait]
impl Executor<Action> for Steps {
    async fn run(&self, cx: &Ctx, step: &Step, done: &Outcomes) -> Result<Outcome> {
        match &step.action {
            Action::EnsureResource { resource } => self.ensure_resource(cx, resource, done).await,
            Action::DeleteResource { resource } => self.delete_resource(cx, resource, done).await,
            Action::WriteAccess => self.write_access(cx).await,
            Action::RemoveAccess => self.remove_access(cx).await,
            Action::OpenInventory => self.open_inventory(cx).await,
            Action::RemoveInventory => self.remove_inventory(cx).await,
            Action::InstallManifest {
                component,
                version,
                namespace,
                url,
                sha256,
                unawaited,
            } => {
                let manifest = manifest::Wanted {
                    component,
                    version,
                    namespace,
                    url,
                    sha256,
                    unawaited: *unawaited,
                };
                self.install_manifest(cx, &manifest).await
            }
            Action::InstallChart { chart } => self.install_chart(cx, chart).await,
            Action::MakeStorageClass => self.make_storage_class(cx).await,
            Action::MakeNamespaces { names } => self.make_namespaces(cx, names).await,
            Action::SyncGit { scope } => self.sync_git(cx, scope).await,
            Action::DrainCrossplane { scope } => self.drain_crossplane(cx, scope).await,
            Action::Drain {
                phase,
                keeps,
                holds,
            } => {
                let planned = drain::Planned {
                    goes: &step.removes,
                    keeps,
                    holds,
                };
                self.drain(cx, *phase, planned).await
            }
            Action::GiveUp { phase } => self.give_up(cx, *phase, done).await,
            Action::UninstallComponent { component } => self.uninstall(cx, component).await,
            Action::RemoveComponent {
                component,
                notes,
                unawaited: true,
            } => self.ask_to_uninstall(cx, component, notes).await,
            Action::RemoveComponent {
                component, notes, ..
            } => {
                let outcome = self.uninstall(cx, component).await?;
                Ok(Outcome {
                    notes: notes.clone(),
                    ..outcome
                })
            }
            Action::EmptyDefinitions {
                component,
                definitions,
            } => self.empty_definitions(cx, component, definitions).await,
            Action::PurgeDeleted => self.purge_deleted(cx).await,
            Action::RemoveDefinitions { definitions } => {
                self.remove_definitions(cx, definitions).await
            }
            Action::RemoveNamespaces { names } => self.remove_namespaces(cx, names).await,
        }
    }

    async fn verify(&self, cx: &Ctx, steps: &[&Step], done: &Outcomes) -> BTreeSet<StepId> {
        self.verify_steps(cx, steps, done).await
    }
}

/// Turns an error at the edge into a step's.
fn story(error: error::Error) -> Error {
    let mut causes = error.source.chain().map(ToString::to_string);
    let class = match error.kind {
        // A file of the user's that is wrong is that, whoever reads it first.
        error::Kind::Usage => Fault::Invalid,
        _ => Fault::Failed,
    };
    let mut fault = Error::new(class, causes.next().unwrap_or_default());
    fault.causes = causes.collect();
    fault.hints = error.hints;
    fault
}

/// Turns a template that cannot be filled, which is our mistake, into a step's error.
fn broken_template(error: anyhow::Error) -> Error {
    let mut fault = Error::new(Fault::Failed, "cannot fill a template of windlass");
    fault.causes = error.chain().map(ToString::to_string).collect();
    fault.hint("this is a bug of windlass: please report it")
}

/// Returns the outcome for a component that somebody else installed.
fn left_to_others(component: &str) -> Outcome {
    Outcome {
        notes: vec![format!(
            "{component} was installed by somebody else: it is used as it is, and destroy will not remove it"
        )],
        ..Outcome::of(Change::Kept)
    }
}

/// Returns what is said of a component that is left to become ready by itself.
fn not_awaited(component: &str) -> String {
    format!("{component} was not waited for")
}

/// Returns what an apply did as a whole.
fn change_of(applied: &[Applied]) -> Change {
    let all = |change| applied.iter().all(|item| item.change == change);
    if all(Change::Unchanged) {
        Change::Unchanged
    } else if applied.iter().any(|item| item.change == Change::Made)
        && !applied.iter().any(|item| item.change == Change::Updated)
    {
        Change::Made
    } else {
        Change::Updated
    }
}
