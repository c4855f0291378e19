//! What a cluster that was found would be in settings.

use std::time::Duration;

use windlass_provider::{
    Accelerator, ClusterSpec, Driver, Found, GoogleChannel, GoogleDataplane, GoogleMode, NodePool,
    Outputs, Owner,
    told::{list, node_pool},
};

use crate::{
    gke::minor,
    want::{CLUSTER, NODES, NODES_POOL, PROJECT, Piece, Want},
};

/// Returns `spec` with all in it that can be read off the cluster as it is there.
pub(crate) fn as_found(spec: &ClusterSpec, found: &[Found]) -> ClusterSpec {
    let mut spec = spec.clone();
    let google = &mut spec.google;
    google.identities = Vec::new();
    google.create_project = false;
    google.parent = None;
    google.billing_account = None;
    spec.node_pools = Vec::new();
    let mut own_way = false;
    for item in found {
        let Ok(want) = Want::read(&item.resource) else {
            continue;
        };
        let outputs = &item.observed.outputs;
        match want.piece {
            Piece::Cluster(_) if item.resource.id.as_str() == CLUSTER => {
                google.project = Some(want.project);
                google.location = Some(want.location);
                read_cluster(google, outputs);
                spec.kubernetes_version = outputs.get("kubernetes-version").map(|it| minor(it));
                let seconds = item.tags.as_ref().and_then(|tags| {
                    let seconds = tags.expires?.as_second() - tags.created.as_second();
                    u64::try_from(seconds).ok()
                });
                spec.lifetime = seconds.map(Duration::from_secs);
                let own = pool(NODES_POOL, outputs);
                if google.mode == GoogleMode::Standard {
                    (spec.nodes.min, spec.nodes.max) = (own.min, own.max);
                }
                google.machine = own.machine;
                google.spot = own.spot;
            }
            Piece::Pool(_) => {
                let name = item.resource.name.split_once('/').map_or("", |it| it.1);
                spec.node_pools.push(pool(name, outputs));
            }
            Piece::Nat(_) => own_way = item.observed.owner == Owner::Ours,
            Piece::Account(purpose, _) if purpose != NODES => google.identities.push(purpose),
            Piece::Project(_) if item.resource.id.as_str() == PROJECT => {
                google.project = Some(want.project);
            }
            _ => {}
        }
    }
    // Private nodes without one of their own have another way out, or none on purpose.
    google.nat &= own_way || !google.private_nodes;
    // Those of each pool were said, or else nobody's.
    google.disk = None;
    spec
}

fn read_cluster(google: &mut windlass_provider::GoogleOptions, outputs: &Outputs) {
    let is = |key: &str, value: &str| outputs.get(key).is_some_and(|it| it == value);
    google.mode = match is("mode", "autopilot") {
        true => GoogleMode::Autopilot,
        false => GoogleMode::Standard,
    };
    google.dataplane = match is("dataplane", "calico") {
        true => GoogleDataplane::Calico,
        false => GoogleDataplane::V2,
    };
    google.channel = match outputs.get("channel").map(String::as_str) {
        Some("rapid") => GoogleChannel::Rapid,
        Some("stable") => GoogleChannel::Stable,
        Some("extended") => GoogleChannel::Extended,
        _ => GoogleChannel::Regular,
    };
    google.gateway_api = is("gateway-api", "true");
    google.private_nodes = is("private-nodes", "true");
    google.network = outputs.get("network").cloned();
    google.subnetwork = outputs.get("subnetwork").cloned();
    google.allowed_cidrs = list(outputs, "allowed-cidrs");
    google.zones = list(outputs, "zones");
}

fn pool(name: &str, outputs: &Outputs) -> NodePool {
    NodePool {
        accelerator: outputs.get("accelerator").and_then(|it| accelerator(it)),
        ..node_pool(name, outputs)
    }
}

/// Reads accelerators as outputs have them: "1 nvidia-l4". Which driver they were made with counts only when they are made.
fn accelerator(text: &str) -> Option<Accelerator> {
    let (count, kind) = text.split_once(' ')?;
    Some(Accelerator {
        kind: kind.to_owned(),
        count: count.parse().ok()?,
        driver: Driver::Default,
    })
}
