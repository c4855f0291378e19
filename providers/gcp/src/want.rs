//! What is wanted of each resource, as it travels through plans and journals.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use windlass_provider::{
    Accelerator, ClusterName, GoogleChannel, GoogleDataplane, Resource, ResourceId, Result, Taint,
};

/// The id of the project.
pub(crate) const PROJECT: &str = "project";
/// The id of the project's APIs.
pub(crate) const APIS: &str = "apis";
/// The id of the router with the NAT.
pub(crate) const NAT: &str = "nat";
/// The id of the cluster.
pub(crate) const CLUSTER: &str = "cluster";
/// The purpose of the nodes' service account.
pub(crate) const NODES: &str = "nodes";
/// The node pool of the nodes that every cluster has.
pub(crate) const NODES_POOL: &str = "default";

/// The `want` of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Want {
    /// The project.
    pub(crate) project: String,
    /// The region or the zone of the cluster.
    pub(crate) location: String,
    /// What it is.
    pub(crate) piece: Piece,
}

/// What a resource is, and of one that is planned what it is to be like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Piece {
    /// The project, where windlass makes it.
    Project(Option<ProjectLayout>),
    /// APIs that the project lacks.
    Apis(Vec<String>),
    /// A service account, by its purpose.
    Account(String, Option<AccountLayout>),
    /// The router that lets nodes without addresses of the internet out.
    Nat(Option<NatLayout>),
    /// The cluster, with the nodes that every cluster has.
    Cluster(Option<Box<ClusterLayout>>),
    /// Another node pool.
    Pool(Option<PoolLayout>),
    /// What a controller left behind: its collection, and its path in the compute API.
    Leftover(Left, String),
}

/// What controllers leave behind, in the order in which it goes: what hangs on another goes before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Left {
    /// What takes the traffic of an address.
    ForwardingRule,
    /// What ends HTTP.
    HttpProxy,
    /// What ends HTTPS.
    HttpsProxy,
    /// The certificate that one shows.
    Certificate,
    /// What a load balancer does with which path.
    UrlMap,
    /// What a load balancer leads to.
    BackendService,
    /// The nodes that a load balancer leads to.
    TargetPool,
    /// How a load balancer looks whether what it leads to lives.
    HealthCheck,
    /// The older form of it.
    HttpHealthCheck,
    /// The pods that a load balancer leads to.
    EndpointGroup,
    /// The nodes that a load balancer leads to, in one zone.
    InstanceGroup,
    /// An address.
    Address,
    /// A firewall rule. The last: the others are known by them.
    Firewall,
    /// A disk of a persistent volume.
    Disk,
}

impl Left {
    /// All of them, in the order in which they go.
    pub(crate) const ALL: [Self; 14] = [
        Self::ForwardingRule,
        Self::HttpProxy,
        Self::HttpsProxy,
        Self::Certificate,
        Self::UrlMap,
        Self::BackendService,
        Self::TargetPool,
        Self::HealthCheck,
        Self::HttpHealthCheck,
        Self::EndpointGroup,
        Self::InstanceGroup,
        Self::Address,
        Self::Firewall,
        Self::Disk,
    ];

    /// Returns what it is, in words.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::ForwardingRule => "forwarding rule",
            Self::HttpProxy => "HTTP proxy",
            Self::HttpsProxy => "HTTPS proxy",
            Self::Certificate => "SSL certificate",
            Self::UrlMap => "URL map",
            Self::BackendService => "backend service",
            Self::TargetPool => "target pool",
            Self::HealthCheck => "health check",
            Self::HttpHealthCheck => "HTTP health check",
            Self::EndpointGroup => "network endpoint group",
            Self::InstanceGroup => "instance group",
            Self::Address => "address",
            Self::Firewall => "firewall rule",
            Self::Disk => "disk",
        }
    }

    /// Returns the name of its collection in the compute API.
    pub(crate) fn collection(self) -> &'static str {
        match self {
            Self::ForwardingRule => "forwardingRules",
            Self::HttpProxy => "targetHttpProxies",
            Self::HttpsProxy => "targetHttpsProxies",
            Self::Certificate => "sslCertificates",
            Self::UrlMap => "urlMaps",
            Self::BackendService => "backendServices",
            Self::TargetPool => "targetPools",
            Self::HealthCheck => "healthChecks",
            Self::HttpHealthCheck => "httpHealthChecks",
            Self::EndpointGroup => "networkEndpointGroups",
            Self::InstanceGroup => "instanceGroups",
            Self::Address => "addresses",
            Self::Firewall => "firewalls",
            Self::Disk => "disks",
        }
    }
}

/// A project that windlass makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ProjectLayout {
    /// What it lies in.
    pub(crate) parent: Option<String>,
    /// The billing account; `None`: the only one that is open.
    pub(crate) billing: Option<String>,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// A service account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AccountLayout {
    /// Its roles in the project.
    pub(crate) roles: Vec<String>,
    /// The service account of Kubernetes that acts as it: its namespace and its name.
    pub(crate) acts_for: Option<(String, String)>,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// A router with a NAT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct NatLayout {
    /// The network.
    pub(crate) network: String,
    /// The part of it that is let out; `None`: all of it in the region.
    pub(crate) subnetwork: Option<String>,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// The cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ClusterLayout {
    /// The version that was asked for: `1.36` or `1.36.1`; `None`: that of the channel.
    pub(crate) version: Option<String>,
    /// How early new versions come.
    pub(crate) channel: GoogleChannel,
    /// What carries the pods' traffic.
    pub(crate) dataplane: GoogleDataplane,
    /// Whether GKE brings the Gateway API along.
    pub(crate) gateway_api: bool,
    /// Whether nodes have no addresses of the internet.
    pub(crate) private_nodes: bool,
    /// The network.
    pub(crate) network: Option<String>,
    /// Its subnetwork.
    pub(crate) subnetwork: Option<String>,
    /// The ranges that may use the cluster's API; empty: all.
    pub(crate) allowed: Vec<String>,
    /// The zones of the nodes; empty: GKE's choice.
    pub(crate) zones: Vec<String>,
    /// The nodes that every cluster has; `None`: Google cares for the nodes.
    pub(crate) nodes: Option<PoolLayout>,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// A node pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PoolLayout {
    /// The pool's name; `None`: the nodes that every cluster has.
    pub(crate) pool: Option<String>,
    /// The version that was asked for.
    pub(crate) version: Option<String>,
    /// The machine type.
    pub(crate) machine: String,
    /// Whether they are spot VMs.
    pub(crate) spot: bool,
    /// How large their disks are, in GB; `None`: GKE's own.
    pub(crate) disk: Option<u32>,
    /// At least so many.
    pub(crate) min: u32,
    /// At most so many.
    pub(crate) max: u32,
    /// In how many zones they are.
    pub(crate) spread: u32,
    /// Their labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Their taints.
    pub(crate) taints: Vec<Taint>,
    /// Their one zone; `None`: all of the cluster's.
    pub(crate) zone: Option<String>,
    /// What they have besides processors.
    pub(crate) accelerator: Option<Accelerator>,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

impl PoolLayout {
    /// Returns the pool's name at Google.
    pub(crate) fn name(&self) -> &str {
        self.pool.as_deref().unwrap_or(NODES_POOL)
    }

    /// Returns the name of a setting of it, as `windlass.toml` has it.
    pub(crate) fn field(&self, key: &str) -> String {
        match (&self.pool, key) {
            (Some(pool), key) => format!("node-pools.{pool}.{key}"),
            (None, "min" | "max") => format!("nodes.{key}"),
            (None, key) => format!("google.{key}"),
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
        &self,
        cluster: &ClusterName,
        id: ResourceId,
        name: String,
        needs: Vec<ResourceId>,
    ) -> Result<Resource> {
        let (usual, limit) = self.piece.minutes();
        let resource = Resource {
            id,
            cluster: cluster.clone(),
            kind: self.piece.kind().to_owned(),
            name,
            needs,
            want: Value::Null,
            usual,
            limit,
        };
        resource.wanting(self)
    }
}

impl Piece {
    /// Returns what it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Project(_) => "project",
            Self::Apis(_) => "APIs of project",
            Self::Account(..) => "service account",
            Self::Nat(_) => "router",
            Self::Cluster(_) => "GKE cluster",
            Self::Pool(_) => "node pool",
            Self::Leftover(left, _) => left.kind(),
        }
    }

    /// Returns how long making it usually takes, and may take.
    fn minutes(&self) -> (Duration, Duration) {
        let (usual, limit) = match self {
            Self::Project(_) => (20, 15),
            Self::Apis(_) => (60, 20),
            Self::Account(..) => (10, 15),
            Self::Nat(_) => (15, 15),
            Self::Cluster(_) => (6 * 60, 60),
            Self::Pool(_) => (2 * 60, 60),
            Self::Leftover(..) => (20, 20),
        };
        (Duration::from_secs(usual), Duration::from_secs(limit * 60))
    }
}

/// Returns the id of a service account's resource.
pub(crate) fn account_id(purpose: &str) -> ResourceId {
    ResourceId::new(format!("account-{purpose}"))
}

/// Returns the id of a node pool's resource.
pub(crate) fn pool_id(pool: &str) -> ResourceId {
    ResourceId::new(format!("node-pool-{pool}"))
}

/// Returns the name of a cluster's service account: it says the cluster and the purpose as far as they fit, and is another for each
/// pair of them.
///
/// Source: <https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create> (6 to 30 letters, digits, hyphens)
pub(crate) fn account_name(cluster: &ClusterName, purpose: &str) -> String {
    let digest = Sha256::digest(format!("{cluster}/{purpose}"));
    let mark: String = digest
        .iter()
        .take(3)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let purpose: String = purpose.chars().take(10).collect();
    let room = 30 - mark.len() - purpose.len() - 2;
    let cluster: String = cluster.as_str().chars().take(room).collect();
    format!("{}-{purpose}-{mark}", cluster.trim_end_matches('-'))
}

/// Returns the address of a service account of a project.
pub(crate) fn email(project: &str, account: &str) -> String {
    // A project of a domain is "example.com:name", and its accounts are of "name.example.com".
    let domain = match project.split_once(':') {
        Some((domain, name)) => format!("{name}.{domain}"),
        None => project.to_owned(),
    };
    format!("{account}@{domain}.iam.gserviceaccount.com")
}

/// Returns whether a location is a zone.
pub(crate) fn is_zone(location: &str) -> bool {
    let last = location.rsplit('-').next().unwrap_or_default();
    last.len() == 1 && last.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Returns the region that a location is in.
pub(crate) fn region_of(location: &str) -> &str {
    match is_zone(location) {
        true => &location[..location.len() - 2],
        false => location,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_names_that_google_takes_and_no_two_share() {
        let longest: ClusterName = "a".repeat(40).parse().unwrap();
        let short: ClusterName = "d".parse().unwrap();
        let mut all = std::collections::BTreeSet::new();
        for cluster in [&longest, &short] {
            for purpose in ["nodes", "crossplane", "cert-manager", "external-dns"] {
                let name = account_name(cluster, purpose);
                assert!((6..=30).contains(&name.len()), "{name}");
                assert!(all.insert(name));
            }
        }
        let (a, b) = ("x1-".repeat(13) + "y", "x1-".repeat(13) + "z");
        assert_ne!(
            account_name(&a.parse().unwrap(), "nodes"),
            account_name(&b.parse().unwrap(), "nodes")
        );
        assert_eq!(email("x.org:p", "a"), "a@p.x.org.iam.gserviceaccount.com");
    }

    #[test]
    fn zones_and_regions_are_told_apart() {
        assert!(
            is_zone("us-east1-b") && !is_zone("us-east1") && !is_zone("northamerica-northeast1")
        );
        assert_eq!(region_of("us-east1-b"), "us-east1");
        assert_eq!(region_of("us-east1"), "us-east1");
    }
}
