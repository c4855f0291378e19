//! What a cluster that was found would be in settings.

use std::time::Duration;

use windlass_provider::{
    AwsEndpoint, AwsImage, AwsNat, ClusterSpec, Found, Resource,
    told::{list, node_pool},
};

use crate::identities::PARAMETERS;
use crate::want::{CLUSTER, LOGS, NETWORK, NODES_GROUP, Piece, VPC, Want, part};

/// Returns `spec` with all in it that can be read off the cluster as it is there.
pub(crate) fn as_found(spec: &ClusterSpec, found: &[Found]) -> ClusterSpec {
    let mut spec = spec.clone();
    let of = |id: &str| found.iter().find(|it| it.resource.id.as_str() == id);
    if let Some(network) = of(NETWORK) {
        let outputs = &network.observed.outputs;
        let zones = ["zone-a", "zone-b", "zone-c"].into_iter();
        spec.aws.zones = zones.filter_map(|key| outputs.get(key).cloned()).collect();
        spec.aws.nat = match outputs.get("nat").map(String::as_str) {
            Some("per-zone") => AwsNat::PerZone,
            _ => AwsNat::One,
        };
        let controllers = PARAMETERS.iter().map(|(controller, _)| *controller);
        spec.aws.controllers = controllers
            .filter(|it| outputs.contains_key(&format!("{it}-role")))
            .map(str::to_owned)
            .collect();
    }
    spec.aws.vpc = of(VPC).map(|it| it.resource.name.clone());
    if let Some(logs) = of(LOGS) {
        let days = logs.observed.outputs.get("days");
        spec.aws.log_days = days.and_then(|days| days.parse().ok());
    }
    if let Some(cluster) = of(CLUSTER) {
        let outputs = &cluster.observed.outputs;
        if let Ok(want) = Want::read(&cluster.resource) {
            spec.aws.region = Some(want.region);
        }
        spec.kubernetes_version = outputs.get("kubernetes-version").cloned();
        spec.aws.endpoint = match outputs.get("access").map(String::as_str) {
            Some("private") => AwsEndpoint::Private,
            Some("public") => AwsEndpoint::Public,
            _ => AwsEndpoint::Both,
        };
        spec.aws.allowed_cidrs = list(outputs, "allowed-cidrs");
        spec.aws.logs = list(outputs, "logs");
        let seconds = cluster.tags.as_ref().and_then(|tags| {
            let seconds = tags.expires?.as_second() - tags.created.as_second();
            u64::try_from(seconds).ok()
        });
        spec.lifetime = seconds.map(Duration::from_secs);
    }
    spec.node_pools = Vec::new();
    spec.aws.subnets = Vec::new();
    let groups = found.iter().filter(|it| is_group(&it.resource));
    for group in groups {
        let outputs = &group.observed.outputs;
        let name = part(&group.resource);
        let pool = node_pool(name, outputs);
        spec.aws.image = match outputs.get("image") {
            Some(image) if image.starts_with("BOTTLEROCKET") => AwsImage::Bottlerocket,
            _ => AwsImage::Al2023,
        };
        if spec.aws.vpc.is_some() {
            spec.aws.subnets.extend(list(outputs, "subnets"));
        }
        if name == NODES_GROUP {
            spec.nodes.min = pool.min;
            spec.nodes.max = pool.max;
            spec.aws.machine = pool.machine;
            spec.aws.spot = pool.spot;
        } else {
            spec.node_pools.push(pool);
        }
    }
    // Those of each pool were said, or else nobody's.
    spec.aws.disk = None;
    spec.aws.subnets.sort();
    spec.aws.subnets.dedup();
    spec
}

fn is_group(resource: &Resource) -> bool {
    matches!(
        Want::read(resource),
        Ok(Want {
            piece: Piece::Nodes(_),
            ..
        })
    )
}
