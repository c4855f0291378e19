//! What the user wants of a cluster.

use std::{collections::BTreeMap, fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Accelerator, AwsOptions, AzureOptions, GoogleOptions};

/// Which provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProviderId {
    /// Amazon Web Services: EKS.
    Aws,
    /// Microsoft Azure: AKS.
    Azure,
    /// Google Cloud: GKE.
    #[serde(alias = "gcp")]
    Google,
    /// Kind, on this machine.
    Kind,
}

impl ProviderId {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Aws, Self::Azure, Self::Google, Self::Kind];

    /// Returns the name that users type.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Google => "google",
            Self::Kind => "kind",
        }
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of a cluster, valid at every provider: 1 to 40 lower-case letters, digits and single hyphens, beginning with a
/// letter and not ending with a hyphen.
///
/// The narrowest rules are GKE's (40 characters, begins with a letter, lower case:
/// <https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters>) and kind's
/// (`^[a-z0-9.-]+$`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ClusterName(String);

/// Why a name is not a cluster's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" is not a cluster name: {reason}")]
pub struct InvalidName {
    name: String,
    reason: &'static str,
}

impl ClusterName {
    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        let reason = if name.is_empty() {
            "it is empty"
        } else if name.len() > 40 {
            "it is longer than 40 characters"
        } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            "it must begin with a lower-case letter"
        } else if name.ends_with('-') {
            "it must not end with a hyphen"
        } else if !name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            "only lower-case letters, digits and hyphens are allowed"
        } else if name.contains("--") {
            "it must not have two hyphens in a row"
        } else {
            return Ok(Self(name.to_owned()));
        };
        Err(InvalidName {
            name: name.to_owned(),
            reason,
        })
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ClusterName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// How large a node is, in words that each provider translates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeSize {
    /// 2 vCPU.
    #[default]
    Small,
    /// 4 vCPU.
    Medium,
    /// 8 vCPU.
    Large,
}

/// The nodes that every cluster has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nodes {
    /// At least so many. Kind, which does not scale, makes exactly so many.
    pub min: u32,
    /// At most so many; not below `min`.
    pub max: u32,
    /// How large each is. Of no meaning on Kind.
    pub size: NodeSize,
}

/// More nodes, alike among themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePool {
    /// Its name, unique in the cluster; by the rules of a DNS label.
    pub name: String,
    /// At least so many. Kind makes exactly so many.
    pub min: u32,
    /// At most so many.
    pub max: u32,
    /// Labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
    /// The machine type of its nodes, in the cloud's words (`g6.xlarge`); `None`: that of the nodes that every cluster has. Kind
    /// has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The one zone of its nodes; `None`: all of the cluster's. Kind has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whether its nodes are such as the cloud may take back: spot instances. Kind has none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spot: bool,
    /// What its nodes have besides processors, where a cloud hangs it on machines of any type; `None`: what their type brings along.
    /// Google Cloud only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<Accelerator>,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value; may be empty.
    pub value: String,
    /// What it does to pods that do not tolerate it.
    pub effect: TaintEffect,
}

/// What a taint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaintEffect {
    /// Keeps new pods away.
    NoSchedule,
    /// Keeps new pods away where it can.
    PreferNoSchedule,
    /// Keeps new pods away and evicts those that are there.
    NoExecute,
}

/// What only Kind knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindOptions {
    /// The container engine: `docker`, `podman` or `nerdctl`; `None`: the first of them that answers.
    pub engine: Option<String>,
    /// The node image; `None`: kind's own for its version.
    pub image: Option<String>,
    /// The port of this machine that leads to the ingress controller's http; 0: none.
    pub http_port: u16,
    /// The port of this machine that leads to the ingress controller's https; 0: none.
    pub https_port: u16,
}

/// What the user wants of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// Its name.
    pub name: ClusterName,
    /// Where it runs.
    pub provider: ProviderId,
    /// The Kubernetes version, `1.36` or `1.36.1`; `None`: the provider's default.
    pub kubernetes_version: Option<String>,
    /// The nodes that it always has.
    pub nodes: Nodes,
    /// More nodes.
    pub node_pools: Vec<NodePool>,
    /// How long after its making the reaper may take it; `None`: never. A provider turns it into the tag
    /// [`crate::Tags::EXPIRES`] in the create call.
    #[serde(with = "crate::resource::optional_seconds")]
    pub lifetime: Option<Duration>,
    /// What only Kind knows; of no meaning elsewhere.
    pub kind: KindOptions,
    /// What only AWS knows; of no meaning elsewhere.
    #[serde(default, skip_serializing_if = "AwsOptions::is_default")]
    pub aws: AwsOptions,
    /// What only Azure knows; of no meaning elsewhere.
    #[serde(default, skip_serializing_if = "AzureOptions::is_default")]
    pub azure: AzureOptions,
    /// What only Google Cloud knows; of no meaning elsewhere.
    #[serde(default, skip_serializing_if = "GoogleOptions::is_default")]
    pub google: GoogleOptions,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_to_the_narrowest_rules() {
        for good in ["d", "dot", "a-1", &"a".repeat(40)] {
            assert!(good.parse::<ClusterName>().is_ok(), "{good}");
        }
        for (bad, reason) in [
            ("", "it is empty"),
            ("1dot", "it must begin with a lower-case letter"),
            ("Dot", "it must begin with a lower-case letter"),
            ("dot-", "it must not end with a hyphen"),
            (
                "d_t",
                "only lower-case letters, digits and hyphens are allowed",
            ),
            ("d--t", "it must not have two hyphens in a row"),
            (&"a".repeat(41), "it is longer than 40 characters"),
            ("../x", "it must begin with a lower-case letter"),
        ] {
            let error = bad.parse::<ClusterName>().unwrap_err();
            assert_eq!(error.reason, reason, "{bad}");
        }
    }
}
