//! What a step does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use windlass_provider::Resource;

use super::{Phase, Scope};
use crate::spec::special::Special;

/// What a step does; `steps` carries it out. Never a secret: plans are journalled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Makes a resource of the provider, or brings it into line.
    EnsureResource {
        /// Which.
        resource: Resource,
    },
    /// Deletes a resource of the provider, and waits until it is gone.
    DeleteResource {
        /// Which.
        resource: Resource,
    },
    /// Writes the kubeconfig and windlass's block of `.env`.
    WriteAccess,
    /// Removes the kubeconfig, its entries in other kubeconfigs, and windlass's block of `.env`.
    RemoveAccess,
    /// Makes the namespace and the ConfigMap of the inventory.
    OpenInventory,
    /// Removes them.
    RemoveInventory,
    /// Applies a component that is a manifest.
    InstallManifest {
        /// The component.
        component: String,
        /// Its version.
        version: String,
        /// The namespace that its objects are in.
        namespace: String,
        /// Where the manifest is from.
        url: String,
        /// The SHA-256 of its bytes, in hexadecimal.
        sha256: String,
        /// Whether its readiness is not waited for.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unawaited: bool,
    },
    /// Has Flux install a chart.
    InstallChart {
        /// What to install.
        chart: Chart,
    },
    /// Makes the namespaces of tenants.
    MakeNamespaces {
        /// Their names.
        names: Vec<String>,
    },
    /// Keeps the cluster in line with a folder of a Git repository.
    SyncGit {
        /// What the templates of `gitops/` need.
        scope: Value,
    },
    /// Deletes what objects in the cluster hold outside of it, one phase of the drain.
    Drain {
        /// Which.
        phase: Phase,
        /// What was found to stay outside of the cluster, by name and with the reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        keeps: Vec<String>,
        /// What was found that holds something outside of the cluster and goes, by name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        holds: Vec<String>,
    },
    /// Removes the finalizers of what a phase of the drain found to be stuck, and wrote down.
    GiveUp {
        /// Which phase.
        phase: Phase,
    },
    /// Deletes what Crossplane manages, through Crossplane.
    DrainCrossplane {
        /// What of it.
        scope: Scope,
    },
    /// Removes a component as the inventory describes it.
    UninstallComponent {
        /// The component.
        component: String,
    },
    /// Removes one component of a cluster that stays, as the inventory describes it.
    RemoveComponent {
        /// The component.
        component: String,
        /// What stays, and why.
        notes: Vec<String>,
        /// Whether it is not waited for until it is gone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unawaited: bool,
    },
    /// Deletes the objects of a component's CRDs, but for the component's own.
    EmptyDefinitions {
        /// The component.
        component: String,
        /// The names of the CRDs.
        definitions: Vec<String>,
    },
    /// Removes for good what the cluster's cloud keeps of what is deleted.
    PurgeDeleted,
    /// Deletes CRDs.
    RemoveDefinitions {
        /// Their names.
        definitions: Vec<String>,
    },
    /// Makes the storage class that is the provider's default.
    MakeStorageClass,
    /// Removes the namespaces that windlass made.
    RemoveNamespaces {
        /// Their names.
        names: Vec<String>,
    },
}

/// A chart to install.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// The component.
    pub component: String,
    /// Its version.
    pub version: String,
    /// The namespace that it goes to.
    pub namespace: String,
    /// Its values, complete but for secrets.
    pub values: Value,
    /// Whether its readiness is not waited for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unawaited: bool,
    /// Secret values: the path of the value → the environment variable that holds it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// What only this component can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special: Option<Special>,
}

impl Chart {
    /// Returns the variables of the environment that hold secrets which the chart needs.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let own = self.special.iter().flat_map(Special::variables);
        self.secrets.values().map(String::as_str).chain(own)
    }
}
