//! What only AWS knows of a cluster.

use serde::{Deserialize, Serialize};

/// What only AWS knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AwsOptions {
    /// The region; `None`: that of the environment or the profile.
    pub region: Option<String>,
    /// The profile of AWS's own configuration files; `None`: that of the environment, or the default one.
    pub profile: Option<String>,
    /// The zones of the cluster, two or three; empty: the first that offer what is asked for.
    pub zones: Vec<String>,
    /// The instance type of the nodes that every cluster has, in place of the one that their size stands for.
    pub machine: Option<String>,
    /// Whether those nodes are spot instances.
    pub spot: bool,
    /// What the nodes run.
    pub image: AwsImage,
    /// How large a node's disk is, in GiB; `None`: the image's own.
    pub disk: Option<u32>,
    /// From where the cluster's API can be reached.
    pub endpoint: AwsEndpoint,
    /// The ranges that may use the public endpoint; empty: all.
    pub allowed_cidrs: Vec<String>,
    /// An existing VPC, used and never deleted; `None`: one is made.
    pub vpc: Option<String>,
    /// The subnets of that VPC that the nodes go to, in two zones at least.
    pub subnets: Vec<String>,
    /// How many NAT gateways lead the nodes out.
    pub nat: AwsNat,
    /// Which logs of the control plane go to CloudWatch: api, audit, authenticator, controllerManager, scheduler.
    pub logs: Vec<String>,
    /// After how many days those logs go by themselves; `None`: 30.
    pub log_days: Option<u32>,
    /// The controllers that get a role in AWS, by Pod Identity: external-dns, cert-manager, crossplane.
    pub controllers: Vec<String>,
}

impl AwsOptions {
    /// Returns whether nobody said anything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What nodes run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AwsImage {
    /// Amazon Linux 2023.
    #[default]
    Al2023,
    /// Bottlerocket.
    Bottlerocket,
}

/// From where a cluster's API can be reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AwsEndpoint {
    /// From the internet and from the VPC: nodes stay inside of it.
    #[default]
    Both,
    /// From the internet only.
    Public,
    /// From the VPC only.
    Private,
}

/// How many NAT gateways there are. Each costs by the hour and by what goes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AwsNat {
    /// One for all zones.
    #[default]
    One,
    /// One in each zone: what fails in one zone stays in it.
    PerZone,
}
