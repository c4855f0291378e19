//! What is wanted of a cluster, as it travels through plans and journals.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use windlass_provider::{ClusterSpec, Facts, NodePool, Resource, ResourceId, Result};

use crate::{engine::Engine, validate};

/// The one resource's id.
pub(crate) const ID: &str = "cluster";
/// What the one resource is.
const KIND: &str = "kind cluster";
/// How long making a cluster usually takes, its image being there.
const USUAL: Duration = Duration::from_secs(60);
/// How long making a cluster may take: its image of 400 MB may have to come over a slow line.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// The `want` of the one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Want {
    /// The engine; `None`: the first that answers.
    pub(crate) engine: Option<Engine>,
    /// What the cluster is made of; `None` for one that was discovered and not planned.
    pub(crate) layout: Option<Layout>,
}

/// What a cluster is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Layout {
    /// The node image; `None`: kind's own.
    pub(crate) image: Option<String>,
    /// The Kubernetes version, whole or in part; `None`: that of the image.
    pub(crate) version: Option<String>,
    /// How many nodes there are besides the pools, the control-plane included.
    pub(crate) nodes: u32,
    /// More nodes.
    pub(crate) pools: Vec<NodePool>,
    /// The port of the machine that leads to port 80 of the control-plane; 0: none.
    pub(crate) http_port: u16,
    /// The port of the machine that leads to port 443 of the control-plane; 0: none.
    pub(crate) https_port: u16,
    /// In how many seconds after its making the cluster expires.
    pub(crate) lifetime: Option<u64>,
}

impl Layout {
    /// Returns how many nodes there are in all.
    pub(crate) fn total(&self) -> u32 {
        self.nodes + self.pools.iter().map(|pool| pool.min).sum::<u32>()
    }
}

impl Want {
    /// Reads the `want` of a resource.
    pub(crate) fn read(resource: &Resource) -> Result<Self> {
        resource.wanted()
    }

    /// Returns the engine's name.
    pub(crate) fn engine(&self) -> Option<&'static str> {
        self.engine.map(Engine::as_str)
    }

    /// Returns the resource of which this is wanted.
    pub(crate) fn resource(&self, cluster: &windlass_provider::ClusterName) -> Result<Resource> {
        let resource = Resource {
            id: ResourceId::new(ID),
            cluster: cluster.clone(),
            kind: KIND.to_owned(),
            name: cluster.to_string(),
            needs: Vec::new(),
            want: Value::Null,
            usual: USUAL,
            limit: LIMIT,
        };
        resource.wanting(self)
    }
}

/// Lists what `spec` needs: the cluster, which kind makes as one piece.
pub(crate) fn resources(spec: &ClusterSpec, facts: &Facts) -> Result<Vec<Resource>> {
    validate::check(spec)?;
    let found = facts
        .values
        .get("engine")
        .and_then(|engine| engine.as_str());
    let engine = found.or(spec.kind.engine.as_deref()).map(Engine::parse);
    let version = spec
        .kubernetes_version
        .as_deref()
        .map(|v| v.trim_start_matches('v').to_owned());
    let image = spec.kind.image.clone().or_else(|| {
        let version = version.as_ref()?;
        Some(format!("kindest/node:v{version}"))
    });
    let want = Want {
        engine: engine.transpose()?,
        layout: Some(Layout {
            image,
            version,
            nodes: spec.nodes.min,
            pools: spec.node_pools.clone(),
            http_port: spec.kind.http_port,
            https_port: spec.kind.https_port,
            lifetime: spec.lifetime.map(|lifetime| lifetime.as_secs()),
        }),
    };
    Ok(vec![want.resource(&spec.name)?])
}
