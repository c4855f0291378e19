//! What GKE's controllers make in the compute API for Services and volumes. It outlives its cluster.

use super::{
    account::{CLUSTER, COMPUTE, Cx, text},
    clusters, nodes, versions,
};
use crate::{
    aws::Thing,
    ground::Ground,
    site::{Asset, Gke},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// A cluster of GKE's has something new outside of it.
pub(crate) fn acquired(ground: &Arc<Ground>, gke: &Gke, asset: &Asset) {
    let cx = Cx {
        ground,
        now: ground.clock.now(),
    };
    let id = format!("{}/{}", gke.location, gke.name);
    let Some(cluster) = cx.get(CLUSTER, &gke.project, &id) else {
        return;
    };
    match asset.kind.as_str() {
        "load-balancer" => balancer(&cx, gke, &cluster, asset),
        "volume" => disk(&cx, gke, &cluster, asset),
        _ => {}
    }
}

/// Makes a thing of the compute API.
fn make(cx: &Cx<'_>, gke: &Gke, path: &str, asset: &Asset, mut body: Value) {
    let name = path.rsplit('/').next().unwrap_or_default();
    let link = format!(
        "https://www.googleapis.com/compute/v1/projects/{}/{path}",
        gke.project
    );
    for (key, value) in [
        ("name", json!(name)),
        (
            "id",
            json!(
                u64::from_str_radix(&cx.ground.mint(path)[..15], 16)
                    .unwrap_or_default()
                    .to_string()
            ),
        ),
        ("selfLink", json!(link)),
        ("creationTimestamp", json!(super::time(cx.now))),
        ("-asset", json!(asset.id)),
        ("-cluster", json!(gke.name)),
        ("-maker", json!(asset.maker)),
    ] {
        body[key] = value;
    }
    cx.make(COMPUTE, &gke.project, path, body);
}

/// Makes a load balancer of a Service
/// (<https://github.com/kubernetes/cloud-provider-gcp/blob/master/providers/gce/gce_loadbalancer_external.go>).
fn balancer(cx: &Cx<'_>, gke: &Gke, cluster: &Thing, asset: &Asset) {
    let region = versions::region(&gke.location);
    // Cloud providers cut it off there.
    let name: &str = asset.id.get(..32).unwrap_or(&asset.id);
    let service = asset.maker.trim_start_matches("Service ");
    let about = json!({"kubernetes.io/service-name": service}).to_string();
    let pool = format!("regions/{region}/targetPools/{name}");
    let link = format!(
        "https://www.googleapis.com/compute/v1/projects/{}/{pool}",
        gke.project
    );
    make(
        cx,
        gke,
        &format!("regions/{region}/forwardingRules/{name}"),
        asset,
        json!({
            "description": about, "region": region, "IPProtocol": "TCP", "portRange": "80-443", "loadBalancingScheme": "EXTERNAL", "target": link,
        }),
    );
    make(
        cx,
        gke,
        &pool,
        asset,
        json!({
            "description": about, "region": region, "sessionAffinity": "NONE", "instances": nodes::links(cx, cluster),
        }),
    );
    make(
        cx,
        gke,
        &format!("global/firewalls/k8s-fw-{name}"),
        asset,
        json!({
            "description": json!({"kubernetes.io/service-name": service, "kubernetes.io/service-ip": ""}).to_string(), "network": cluster.body["network"],
            "sourceRanges": ["0.0.0.0/0"], "allowed": [{"IPProtocol": "tcp", "ports": ["80", "443"]}],
            "targetTags": [format!("gke-{}-{}-node", gke.name, nodes::mark(cluster))],
        }),
    );
}

/// Makes the disk of a volume (<https://github.com/kubernetes-sigs/gcp-compute-persistent-disk-csi-driver>).
fn disk(cx: &Cx<'_>, gke: &Gke, cluster: &Thing, asset: &Asset) {
    let zone = clusters::list(&cluster.body["locations"])
        .into_iter()
        .next()
        .unwrap_or_default();
    let mut labels = json!({
        "goog-gke-volume": "", "goog-k8s-cluster-name": gke.name, "goog-k8s-cluster-location": gke.location,
    });
    for (key, value) in cluster.body["resourceLabels"]
        .as_object()
        .into_iter()
        .flatten()
    {
        labels[key] = value.clone();
    }
    let claim = claim(cx, cluster, &asset.name);
    let about = json!({
        "kubernetes.io/created-for/pv/name": asset.name, "kubernetes.io/created-for/pvc/name": claim["name"],
        "kubernetes.io/created-for/pvc/namespace": claim["namespace"], "storage.gke.io/created-by": "pd.csi.storage.gke.io",
    });
    make(
        cx,
        gke,
        &format!("zones/{zone}/disks/{}", asset.name),
        asset,
        json!({
            "description": about.to_string(), "zone": zone, "sizeGb": "10", "status": "READY", "labels": labels,
        }),
    );
}

/// Returns what a volume is bound to.
fn claim(cx: &Cx<'_>, cluster: &Thing, volume: &str) -> Value {
    let Some(running) = cx.ground.running(text(cluster, "-server")) else {
        return Value::Null;
    };
    let volumes = running.api.list("", "PersistentVolume", None);
    let found = volumes
        .into_iter()
        .find(|it| it["metadata"]["name"] == volume);
    found.map_or(Value::Null, |it| it["spec"]["claimRef"].clone())
}

/// A controller let something go that is outside of its cluster.
pub(crate) fn released(ground: &Arc<Ground>, gke: &Gke, id: &str) {
    let cx = Cx {
        ground,
        now: ground.clock.now(),
    };
    for thing in cx.under(COMPUTE, &gke.project, "") {
        if thing.body["-asset"] == id {
            cx.remove(&thing);
        }
    }
}
