//! What is wanted of each resource, as it travels through plans and journals.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use windlass_provider::{
    AzureNetwork, AzureTier, AzureUpgrades, ClusterName, Resource, ResourceId, Result, Taint,
};

use crate::client::encode;

/// The id of the registrations of what is called.
pub(crate) const PROVIDERS: &str = "resource-providers";
/// The id of the resource group.
pub(crate) const GROUP: &str = "group";
/// The id of the cluster's own identity, where windlass makes it.
pub(crate) const CLUSTER_IDENTITY: &str = "cluster-identity";
/// The id of the cluster.
pub(crate) const CLUSTER: &str = "cluster";
/// The id of Flux as an extension.
pub(crate) const FLUX_EXTENSION: &str = "flux-extension";
/// The pool of the nodes that every cluster has.
pub(crate) const SYSTEM_POOL: &str = "system";

/// The versions of the APIs that are called.
pub(crate) const AKS_API: &str = "2026-05-01";
pub(crate) const RESOURCES_API: &str = "2024-11-01";
pub(crate) const IDENTITY_API: &str = "2023-01-31";
pub(crate) const ROLES_API: &str = "2022-04-01";

/// The `want` of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Want {
    /// Where it is.
    pub(crate) place: Place,
    /// What it is.
    pub(crate) piece: Piece,
}

/// Where a resource is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Place {
    /// The subscription.
    pub(crate) subscription: String,
    /// The resource group.
    pub(crate) group: String,
    /// The location.
    pub(crate) location: String,
}

impl Place {
    /// Returns the path of the subscription.
    pub(crate) fn root(&self) -> String {
        format!("/subscriptions/{}", encode(&self.subscription))
    }

    /// Returns the path of a resource group of the subscription.
    pub(crate) fn any_group(&self, group: &str) -> String {
        format!("{}/resourceGroups/{}", self.root(), encode(group))
    }

    /// Returns the path of the resource group.
    pub(crate) fn own_group(&self) -> String {
        self.any_group(&self.group)
    }

    /// Returns the path of the managed cluster.
    pub(crate) fn cluster(&self, name: &str) -> String {
        let name = encode(name);
        format!(
            "{}/providers/Microsoft.ContainerService/managedClusters/{name}",
            self.own_group()
        )
    }

    /// Returns the path of a node pool.
    pub(crate) fn pool(&self, cluster: &str, pool: &str) -> String {
        format!("{}/agentPools/{}", self.cluster(cluster), encode(pool))
    }

    /// Returns the path of a managed identity.
    pub(crate) fn identity(&self, name: &str) -> String {
        let name = encode(name);
        format!(
            "{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}",
            self.own_group()
        )
    }
}

/// Returns a path with the version of its API.
pub(crate) fn at(path: &str, api: &str) -> String {
    format!("{path}?api-version={api}")
}

/// What a resource is, and of one that is planned what it is to be like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Piece {
    /// The registrations of resource providers that the subscription lacks.
    Providers(Vec<String>),
    /// The resource group.
    Group(Option<GroupLayout>),
    /// The cluster's own identity.
    ClusterIdentity(Option<IdentityLayout>),
    /// The cluster with its system pool.
    Cluster(Option<Box<ClusterLayout>>),
    /// Another node pool.
    Pool(Option<PoolLayout>),
    /// Flux as AKS's extension of the cluster.
    Flux,
    /// The identity of a controller in the cluster.
    Controller(String, Option<ControllerLayout>),
    /// What is left of a cluster that is gone, with its path.
    Leftover(Left, String),
}

/// What is left of a cluster that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Left {
    /// The group that AKS made for its nodes, disks, addresses and load balancers.
    NodeGroup,
    /// A role of an identity that is gone.
    RoleAssignment,
    /// A key vault that is deleted and can be recovered.
    DeletedVault,
}

impl Left {
    /// Returns what it is, in words.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::NodeGroup => "resource group of nodes",
            Self::RoleAssignment => "role assignment",
            Self::DeletedVault => windlass_provider::SOFT_DELETED,
        }
    }
}

/// The resource group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct GroupLayout {
    /// Whether somebody else made it.
    pub(crate) foreign: bool,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// A managed identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct IdentityLayout {
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// The identity of a controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ControllerLayout {
    /// The subjects of its tokens in the cluster: "system:serviceaccount:NAMESPACE:NAME".
    pub(crate) subjects: Vec<String>,
    /// The ids of the built-in roles that it has in the cluster's resource group.
    pub(crate) roles: Vec<String>,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// The cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ClusterLayout {
    /// The version, as it was asked for: "1.36" or "1.36.1".
    pub(crate) version: String,
    /// What is promised of the control plane.
    pub(crate) tier: AzureTier,
    /// By which channel it upgrades itself.
    pub(crate) upgrades: AzureUpgrades,
    /// Whether it has an identity that windlass makes.
    pub(crate) own_identity: bool,
    /// How pods are connected.
    pub(crate) network: AzureNetwork,
    /// The ranges that may use its API, in order; empty: all.
    pub(crate) allowed: Vec<String>,
    /// Whether people sign in with Entra.
    pub(crate) entra: bool,
    /// The groups of Entra that administer it, in order.
    pub(crate) groups: Vec<String>,
    /// Whether roles of Azure decide.
    pub(crate) azure_rbac: bool,
    /// Whether its own administrator is on.
    pub(crate) local_accounts: bool,
    /// Whether AKS's Istio is installed.
    pub(crate) istio: bool,
    /// Whether nodes are made as pods need them.
    pub(crate) node_provisioning: bool,
    /// A public SSH key.
    pub(crate) ssh_key: Option<String>,
    /// The system pool.
    pub(crate) pool: PoolLayout,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// A node pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PoolLayout {
    /// The pool's name; `None`: the nodes that every cluster has.
    pub(crate) pool: Option<String>,
    /// The version of Kubernetes, as it was asked for.
    pub(crate) version: String,
    /// The size of its machines.
    pub(crate) machine: String,
    /// Whether Azure may take them back.
    pub(crate) spot: bool,
    /// How large their disks are, in GiB; `None`: the size's own.
    pub(crate) disk: Option<u32>,
    /// At least so many.
    pub(crate) min: u32,
    /// At most so many.
    pub(crate) max: u32,
    /// Whether their number follows what is needed.
    pub(crate) scales: bool,
    /// Their zones; empty: none in particular.
    pub(crate) zones: Vec<String>,
    /// Their labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Their taints.
    pub(crate) taints: Vec<Taint>,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

impl PoolLayout {
    /// Returns the name of a setting of it, as `windlass.toml` has it.
    pub(crate) fn field(&self, key: &str) -> String {
        match (&self.pool, key) {
            (Some(pool), key) => format!("node-pools.{pool}.{key}"),
            (None, "min" | "max") => format!("nodes.{key}"),
            (None, key) => format!("azure.{key}"),
        }
    }
}

impl Want {
    /// Reads the `want` of a resource.
    pub(crate) fn read(resource: &Resource) -> Result<Self> {
        resource.wanted()
    }

    /// Returns a resource of which this is wanted.
    pub(crate) fn resource(
        self,
        cluster: &ClusterName,
        id: &str,
        name: String,
        needs: &[&str],
    ) -> Result<Resource> {
        let (usual, limit) = self.piece.times();
        let kind = self.piece.kind().to_owned();
        let resource = Resource {
            id: ResourceId::new(id),
            cluster: cluster.clone(),
            kind,
            name,
            needs: needs.iter().map(|need| ResourceId::new(*need)).collect(),
            want: Value::Null,
            usual,
            limit,
        };
        resource.wanting(&self)
    }
}

impl Piece {
    /// Returns what it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Providers(_) => "registrations",
            Self::Group(_) => "resource group",
            Self::ClusterIdentity(_) | Self::Controller(..) => "managed identity",
            Self::Cluster(_) => "AKS cluster",
            Self::Pool(_) => "node pool",
            Self::Flux => "AKS extension",
            Self::Leftover(left, _) => left.kind(),
        }
    }

    /// Returns how long making it usually takes, and may take.
    fn times(&self) -> (Duration, Duration) {
        let (usual, minutes) = match self {
            Self::Providers(_) => (60, 20),
            Self::Group(_) => (3, 60),
            Self::ClusterIdentity(_) => (5, 10),
            Self::Controller(..) => (15, 15),
            Self::Cluster(_) => (5 * 60, 90),
            Self::Pool(_) => (3 * 60, 60),
            Self::Flux => (2 * 60, 30),
            Self::Leftover(..) => (60, 60),
        };
        (
            Duration::from_secs(usual),
            Duration::from_secs(minutes * 60),
        )
    }
}

/// Returns the name of a cluster's resource group.
pub(crate) fn group_name(cluster: &ClusterName) -> String {
    format!("windlass-{cluster}")
}

/// Returns the name of the group that AKS makes for a cluster's nodes.
pub(crate) fn node_group_name(cluster: &ClusterName) -> String {
    format!("windlass-{cluster}-nodes")
}

/// Returns the name of the cluster's own identity.
pub(crate) fn cluster_identity_name(cluster: &ClusterName) -> String {
    format!("windlass-{cluster}-cluster")
}

/// Returns the name of a controller's identity.
pub(crate) fn controller_identity_name(cluster: &ClusterName, controller: &str) -> String {
    format!("windlass-{cluster}-{controller}")
}

/// Returns the id of a node pool's resource.
pub(crate) fn pool_id(pool: &str) -> String {
    format!("node-pool-{pool}")
}

/// Returns the id of a controller's identity.
pub(crate) fn controller_id(controller: &str) -> String {
    format!("identity-{controller}")
}

/// Returns what stands behind the cluster's name in a resource's name: the pool.
pub(crate) fn part(resource: &Resource) -> &str {
    resource
        .name
        .split_once('/')
        .map_or(resource.name.as_str(), |(_, part)| part)
}
