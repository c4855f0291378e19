//! What only Azure knows of a cluster.

use serde::{Deserialize, Serialize};

/// What only Azure knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AzureOptions {
    /// The subscription's id; `None`: that of the environment, or of the developer tools.
    pub subscription: Option<String>,
    /// The tenant; `None`: that of the environment, or the subscription's own.
    pub tenant: Option<String>,
    /// The location; `None`: eastus.
    pub location: Option<String>,
    /// An existing resource group, used and never deleted; `None`: one is made.
    pub resource_group: Option<String>,
    /// The size of the nodes that every cluster has, in place of the one that the words stand for.
    pub machine: Option<String>,
    /// The zones of those nodes; empty: none in particular.
    pub zones: Vec<String>,
    /// How large a node's disk is, in GiB; `None`: the size's own.
    pub disk: Option<u32>,
    /// What is promised of the control plane.
    pub tier: AzureTier,
    /// By which channel the cluster upgrades itself.
    pub upgrades: AzureUpgrades,
    /// Who the cluster is in Azure.
    pub identity: AzureIdentity,
    /// How pods are connected.
    pub network: AzureNetwork,
    /// The ranges that may use the cluster's API; empty: all.
    pub allowed_cidrs: Vec<String>,
    /// Groups of Entra, by id, whose members administer the cluster. Where there is one, people sign in with Entra.
    pub entra_groups: Vec<String>,
    /// Whether roles of Azure decide what people who sign in with Entra may do; they sign in so then.
    pub azure_rbac: bool,
    /// Whether the cluster's own administrator is off, which only a cluster can do without in which people sign in with Entra.
    pub no_local_accounts: bool,
    /// Whether AKS's own Istio is installed.
    pub istio: bool,
    /// Whether Flux comes as AKS's extension, and not from windlass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flux_extension: bool,
    /// Whether nodes are made as pods need them, in whichever size suits.
    pub node_provisioning: bool,
    /// A public SSH key for the nodes; `None`: nobody signs in to them.
    pub ssh_key: Option<String>,
    /// The controllers that get an identity in Azure: aso, crossplane, external-dns, cert-manager, platform.
    pub controllers: Vec<String>,
}

impl AzureOptions {
    /// Returns whether nobody said anything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns whether people sign in with Entra.
    #[must_use]
    pub fn has_entra(&self) -> bool {
        self.azure_rbac || !self.entra_groups.is_empty()
    }
}

/// What is promised of a control plane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AzureTier {
    /// Nothing, at no cost.
    #[default]
    Free,
    /// How much of the time it answers.
    Standard,
    /// The same, and two years of support for some versions.
    Premium,
}

/// By which channel a cluster upgrades itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AzureUpgrades {
    /// To the newest patch of its minor version.
    #[default]
    Patch,
    /// Not at all.
    None,
    /// To the minor version before the newest.
    Stable,
    /// To the newest minor version.
    Rapid,
    /// The image of its nodes only.
    NodeImage,
}

/// Who a cluster is in Azure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AzureIdentity {
    /// An identity of its own that comes and goes with it.
    #[default]
    System,
    /// An identity that windlass makes before it, and to which roles can be given that outlive the cluster.
    User,
}

/// How pods are connected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AzureNetwork {
    /// An overlay network with Cilium, which also enforces network policies.
    #[default]
    Cilium,
    /// An overlay network with Azure's own data plane, and no network policies.
    Azure,
}
