//! What only Google Cloud knows of a cluster.

use serde::{Deserialize, Serialize};

/// What only Google Cloud knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct GoogleOptions {
    /// The project; `None`: that of the environment or of the credentials. With `create_project` a new one of this id, or of one
    /// that is made up.
    pub project: Option<String>,
    /// Whether the project is made, and goes with the cluster.
    pub create_project: bool,
    /// What a new project lies in: `organizations/1` or `folders/1`.
    pub parent: Option<String>,
    /// The billing account of a new project; `None`: the only one that is open.
    pub billing_account: Option<String>,
    /// A region, for a regional cluster, or a zone, for a zonal one; `None`: that of the environment.
    pub location: Option<String>,
    /// The zones of a regional cluster's nodes; empty: GKE's choice.
    pub zones: Vec<String>,
    /// Who cares for the nodes.
    pub mode: GoogleMode,
    /// How early new versions come.
    pub channel: GoogleChannel,
    /// What carries the pods' traffic, and holds it to network policies.
    pub dataplane: GoogleDataplane,
    /// Whether GKE brings the Gateway API along.
    pub gateway_api: bool,
    /// Whether nodes have no addresses of the internet.
    pub private_nodes: bool,
    /// Whether such nodes are let out by a NAT, which is made where their network has none.
    pub nat: bool,
    /// The machine type of the nodes that every cluster has, in place of the one that their size stands for.
    pub machine: Option<String>,
    /// Whether those nodes are spot VMs.
    pub spot: bool,
    /// How large a node's disk is, in GB; `None`: GKE's own.
    pub disk: Option<u32>,
    /// The network; `None`: the project's default one. It is used and never deleted.
    pub network: Option<String>,
    /// Its subnetwork.
    pub subnetwork: Option<String>,
    /// The ranges that may use the cluster's API; empty: all.
    pub allowed_cidrs: Vec<String>,
    /// The service account that one acts as.
    pub impersonate: Option<String>,
    /// The components that act on Google Cloud, each of which is given a service account of its own.
    pub identities: Vec<String>,
}

impl Default for GoogleOptions {
    fn default() -> Self {
        Self {
            project: None,
            create_project: false,
            parent: None,
            billing_account: None,
            location: None,
            zones: Vec::new(),
            mode: GoogleMode::default(),
            channel: GoogleChannel::default(),
            dataplane: GoogleDataplane::default(),
            gateway_api: true,
            private_nodes: false,
            nat: true,
            machine: None,
            spot: false,
            disk: None,
            network: None,
            subnetwork: None,
            allowed_cidrs: Vec::new(),
            impersonate: None,
            identities: Vec::new(),
        }
    }
}

impl GoogleOptions {
    /// Returns whether nobody said anything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Who cares for the nodes of a GKE cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GoogleMode {
    /// Node pools of one's own.
    #[default]
    Standard,
    /// Google: pods are paid for, and nodes come as they need them.
    Autopilot,
}

/// How early new versions come to a GKE cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GoogleChannel {
    /// As soon as they are there.
    Rapid,
    /// Some months later.
    #[default]
    Regular,
    /// When others have run them for long.
    Stable,
    /// As the regular ones, and for up to two years.
    Extended,
}

/// What carries the traffic of a GKE cluster's pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GoogleDataplane {
    /// Dataplane V2, with network policies.
    #[default]
    V2,
    /// The older one, with network policies by Calico.
    Calico,
}

/// Graphics or other processors of a node pool, as Google Cloud hangs them on machines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Accelerator {
    /// Its type: `nvidia-l4`.
    pub kind: String,
    /// How many each node has.
    pub count: u32,
    /// Which driver GKE installs.
    #[serde(default)]
    pub driver: Driver,
}

/// Which driver of an accelerator is installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Driver {
    /// That of the version of Kubernetes.
    #[default]
    Default,
    /// The newest.
    Latest,
    /// None: somebody else installs it.
    None,
}
