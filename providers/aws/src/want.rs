//! What is wanted of each resource, as it travels through plans and journals.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use windlass_provider::{
    AwsEndpoint, AwsImage, AwsNat, ClusterName, Resource, ResourceId, Result, Taint,
};

/// The id of the stack.
pub(crate) const NETWORK: &str = "network";
/// The id of the VPC that somebody else made.
pub(crate) const VPC: &str = "vpc";
/// The id of the control plane's logs.
pub(crate) const LOGS: &str = "logs";
/// The id of the cluster.
pub(crate) const CLUSTER: &str = "cluster";
/// The id of the nodes that every cluster has.
pub(crate) const NODES: &str = "nodes";
/// The node group of those nodes.
pub(crate) const NODES_GROUP: &str = "default";

/// The `want` of a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Want {
    /// The region.
    pub(crate) region: String,
    /// What it is.
    pub(crate) piece: Piece,
}

/// What a resource is, and of one that is planned what it is to be like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Piece {
    /// A VPC that somebody else made.
    Vpc,
    /// The stack of the network and the roles.
    Stack(Option<StackLayout>),
    /// The control plane's logs.
    Logs(Option<LogsLayout>),
    /// The cluster.
    Cluster(Option<ClusterLayout>),
    /// One of EKS's add-ons.
    AddOn(Option<AddOnLayout>),
    /// A node group.
    Nodes(Option<NodesLayout>),
    /// The role of a controller's service account.
    Identity(Option<IdentityLayout>),
    /// What a controller left behind, with its id.
    Leftover(Left, String),
}

/// What controllers leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Left {
    /// A disk of a persistent volume.
    Volume,
    /// A security group.
    SecurityGroup,
    /// A network interface that hangs on nothing.
    Interface,
    /// A target group.
    TargetGroup,
    /// A classic load balancer.
    ClassicBalancer,
    /// An application, network or gateway load balancer.
    Balancer,
    /// An OpenID Connect provider of IAM, made by hand or by another tool for this cluster.
    OpenId,
}

impl Left {
    /// Returns what it is, in words.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Volume => "disk",
            Self::SecurityGroup => "security group",
            Self::Interface => "network interface",
            Self::TargetGroup => "target group",
            Self::ClassicBalancer | Self::Balancer => "load balancer",
            Self::OpenId => "OpenID Connect provider",
        }
    }

    /// Returns the beginning of its resource's id.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Volume => "disk",
            Self::SecurityGroup => "security-group",
            Self::Interface => "network-interface",
            Self::TargetGroup => "target-group",
            Self::ClassicBalancer => "classic-load-balancer",
            Self::Balancer => "load-balancer",
            Self::OpenId => "openid",
        }
    }
}

/// The network and the roles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StackLayout {
    /// The zones, two or three.
    pub(crate) zones: Vec<String>,
    /// How many NAT gateways.
    pub(crate) nat: AwsNat,
    /// A VPC that somebody else made, and its range.
    pub(crate) vpc: Option<(String, String)>,
    /// The controllers that get a role.
    #[serde(default)]
    pub(crate) controllers: Vec<String>,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// The control plane's logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LogsLayout {
    /// After how many days they go by themselves.
    pub(crate) days: u32,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// The cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ClusterLayout {
    /// The minor version.
    pub(crate) version: String,
    /// From where its API can be reached.
    pub(crate) endpoint: AwsEndpoint,
    /// The ranges that may use the public endpoint; empty: all.
    pub(crate) allowed: Vec<String>,
    /// Which logs go to CloudWatch, in order.
    pub(crate) logs: Vec<String>,
    /// The subnets, where somebody else made them.
    pub(crate) subnets: Vec<String>,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// One of EKS's add-ons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AddOnLayout {
    /// The minor version of Kubernetes that it must suit.
    pub(crate) version: String,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// The role of a controller's service account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct IdentityLayout {
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

/// A node group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct NodesLayout {
    /// The pool's name; `None`: the nodes that every cluster has.
    pub(crate) pool: Option<String>,
    /// The minor version of Kubernetes.
    pub(crate) version: String,
    /// The instance type.
    pub(crate) machine: String,
    /// Whether they are spot instances.
    pub(crate) spot: bool,
    /// What they run.
    pub(crate) image: AwsImage,
    /// How large their disks are, in GiB; `None`: the image's own.
    pub(crate) disk: Option<u32>,
    /// At least so many.
    pub(crate) min: u32,
    /// At most so many.
    pub(crate) max: u32,
    /// Their labels.
    pub(crate) labels: BTreeMap<String, String>,
    /// Their taints.
    pub(crate) taints: Vec<Taint>,
    /// Their one zone; `None`: all of the cluster's.
    pub(crate) zone: Option<String>,
    /// Their subnets, where somebody else made them.
    pub(crate) subnets: Vec<String>,
    /// In how many seconds after its making it expires.
    pub(crate) lifetime: Option<u64>,
}

impl NodesLayout {
    /// Returns the name of a setting of it, as `windlass.toml` has it.
    pub(crate) fn field(&self, key: &str) -> String {
        match (&self.pool, key) {
            (Some(pool), key) => format!("node-pools.{pool}.{key}"),
            (None, "min" | "max") => format!("nodes.{key}"),
            (None, key) => format!("aws.{key}"),
        }
    }
}

impl Want {
    /// Reads the `want` of a resource.
    pub(crate) fn read(resource: &Resource) -> Result<Self> {
        resource.wanted()
    }

    /// Returns a resource of which this is wanted.
    pub(crate) fn resource(&self, shape: Shape<'_>) -> Result<Resource> {
        let resource = Resource {
            id: ResourceId::new(shape.id),
            cluster: shape.cluster.clone(),
            kind: self.piece.kind().to_owned(),
            name: shape.name,
            needs: shape.needs,
            want: Value::Null,
            usual: shape.minutes.0,
            limit: shape.minutes.1,
        };
        resource.wanting(self)
    }
}

/// What a resource is besides what is wanted of it.
pub(crate) struct Shape<'a> {
    pub(crate) id: String,
    pub(crate) cluster: &'a ClusterName,
    pub(crate) name: String,
    pub(crate) needs: Vec<ResourceId>,
    /// How long making it usually takes, and may take.
    pub(crate) minutes: (Duration, Duration),
}

impl Piece {
    /// Returns what it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Vpc => "VPC",
            Self::Stack(_) => "stack",
            Self::Logs(_) => "log group",
            Self::Cluster(_) => "EKS cluster",
            Self::AddOn(_) => "add-on",
            Self::Identity(_) => "Pod Identity association",
            Self::Nodes(_) => "node group",
            Self::Leftover(left, _) => left.kind(),
        }
    }

    /// Returns how long making it usually takes, and may take.
    pub(crate) fn minutes(&self) -> (Duration, Duration) {
        let (usual, limit) = match self {
            Self::Vpc => (1, 5),
            Self::Stack(_) => (4 * 60, 40),
            Self::Logs(_) => (2, 5),
            Self::Cluster(_) => (10 * 60, 60),
            Self::AddOn(_) => (60, 25),
            Self::Identity(_) => (2, 5),
            Self::Nodes(_) => (3 * 60, 60),
            Self::Leftover(..) => (20, 20),
        };
        (Duration::from_secs(usual), Duration::from_secs(limit * 60))
    }
}

/// Returns the name of a cluster's stack.
pub(crate) fn stack_name(cluster: &ClusterName) -> String {
    format!("windlass-{cluster}")
}

/// Returns the name of the group of a cluster's logs, which EKS decides.
///
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html>
pub(crate) fn log_group_name(cluster: &ClusterName) -> String {
    format!("/aws/eks/{cluster}/cluster")
}

/// Returns the id of an add-on's resource.
pub(crate) fn add_on_id(add_on: &str) -> ResourceId {
    ResourceId::new(format!("add-on-{add_on}"))
}

/// Returns the id of the resource of a controller's role.
pub(crate) fn identity_id(controller: &str) -> ResourceId {
    ResourceId::new(format!("identity-{controller}"))
}

/// Returns the id of a node group's resource.
pub(crate) fn nodes_id(group: &str) -> ResourceId {
    ResourceId::new(match group {
        NODES_GROUP => NODES.to_owned(),
        pool => format!("node-pool-{pool}"),
    })
}

/// Returns what stands behind the cluster's name in a resource's name: the node group or the add-on.
pub(crate) fn part(resource: &Resource) -> &str {
    resource
        .name
        .split_once('/')
        .map_or(resource.name.as_str(), |(_, part)| part)
}
