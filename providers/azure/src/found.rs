//! Tells a found cluster as settings have it: for a change of one thing that changes nothing else.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_provider::{
    ClusterSpec, Found, Owner,
    told::{list, node_pool},
};

use crate::want::{CLUSTER, CLUSTER_IDENTITY, FLUX_EXTENSION, GROUP, Piece, Want, part};

/// Returns `spec` with all in it that can be read off a cluster as it is there.
pub(crate) fn as_found(spec: &ClusterSpec, found: &[Found]) -> ClusterSpec {
    let mut spec = spec.clone();
    let of = |id: &str| found.iter().find(|it| it.resource.id.as_str() == id);
    let Some(cluster) = of(CLUSTER) else {
        return spec;
    };
    let outputs = &cluster.observed.outputs;
    let told = |key: &str| outputs.get(key).cloned();
    if let Ok(want) = Want::read(&cluster.resource) {
        spec.azure.location = Some(want.place.location);
        spec.azure.resource_group = match of(GROUP).map(|it| it.observed.owner) {
            Some(Owner::Foreign) => Some(want.place.group),
            _ => None,
        };
    }
    let lived = cluster.tags.as_ref().and_then(|tags| {
        let seconds = tags.expires?.as_second() - tags.created.as_second();
        u64::try_from(seconds).ok()
    });
    spec.lifetime = lived.map(Duration::from_secs);
    spec.kubernetes_version = told("kubernetes-version");
    let number = |key: &str| outputs.get(key).and_then(|text| text.parse().ok());
    spec.nodes.min = number("min").unwrap_or(spec.nodes.min);
    spec.nodes.max = number("max").unwrap_or(spec.nodes.max);
    let mut azure = serde_json::to_value(&spec.azure).unwrap_or_default();
    azure["machine"] = json!(told("machine"));
    azure["identity"] = json!(if of(CLUSTER_IDENTITY).is_some() {
        "user"
    } else {
        "system"
    });
    for key in ["tier", "upgrades", "network"] {
        azure[key] = json!(told(key));
    }
    for key in ["zones", "allowed-cidrs", "entra-groups"] {
        azure[key] = json!(list(outputs, key));
    }
    for key in [
        "azure-rbac",
        "no-local-accounts",
        "istio",
        "node-provisioning",
    ] {
        azure[key] = json!(outputs.contains_key(key));
    }
    azure["flux-extension"] = json!(of(FLUX_EXTENSION).is_some());
    // Nobody can tell them, and nothing compares them.
    azure["disk"] = Value::Null;
    azure["controllers"] = found.iter().filter_map(controller).collect();
    // What is told in words that this version does not know stays as it was said.
    if let Ok(read) = serde_json::from_value(azure) {
        spec.azure = read;
    }
    let pools = found.iter().filter(|it| is_pool(it));
    spec.node_pools = pools
        .map(|it| node_pool(part(&it.resource), &it.observed.outputs))
        .collect();
    spec
}

fn controller(found: &Found) -> Option<Value> {
    match Want::read(&found.resource).ok()?.piece {
        Piece::Controller(name, _) => Some(name.into()),
        _ => None,
    }
}

fn is_pool(found: &Found) -> bool {
    let want = Want::read(&found.resource);
    want.is_ok_and(|want| matches!(want.piece, Piece::Pool(_)))
}
