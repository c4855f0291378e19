//! What a cluster that was found would be in settings.

use std::{collections::BTreeMap, time::Duration};

use windlass_provider::{
    AwsEndpoint, AwsImage, AwsNat, ClusterSpec, Found, NodePool, Outputs, Resource, Taint,
    TaintEffect,
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
        let pool = pool(name, outputs);
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

fn list(outputs: &Outputs, key: &str) -> Vec<String> {
    let text = outputs.get(key).map(String::as_str).unwrap_or_default();
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

fn pool(name: &str, outputs: &Outputs) -> NodePool {
    let number = |key: &str| outputs.get(key).and_then(|text| text.parse().ok());
    let labels = list(outputs, "labels").into_iter();
    let labels: BTreeMap<String, String> = labels
        .filter_map(|label| {
            let (key, value) = label.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        })
        .collect();
    let taints = list(outputs, "taints").into_iter();
    NodePool {
        name: name.to_owned(),
        min: number("min").unwrap_or(0),
        max: number("max").unwrap_or(1),
        labels,
        taints: taints.filter_map(|text| taint(&text)).collect(),
        machine: outputs.get("machine").cloned(),
        zone: outputs.get("zone").cloned(),
        spot: outputs.contains_key("spot"),
        accelerator: None,
    }
}

/// Reads a taint as outputs have it: "key=value:NO_SCHEDULE".
fn taint(text: &str) -> Option<Taint> {
    let (pair, effect) = text.rsplit_once(':')?;
    let (key, value) = pair.split_once('=')?;
    Some(Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect: match effect {
            "NO_EXECUTE" => TaintEffect::NoExecute,
            "PREFER_NO_SCHEDULE" => TaintEffect::PreferNoSchedule,
            _ => TaintEffect::NoSchedule,
        },
    })
}
