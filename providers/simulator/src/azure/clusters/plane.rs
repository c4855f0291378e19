//! The API server of a cluster, and what AKS puts into it.

use super::running;
use crate::{
    aws::Thing,
    azure::{
        account::{Cx, text},
        nodes, pools,
    },
    site::{self, Aks, Entry},
};
use serde_json::json;

/// Starts the API server, with what AKS puts into it and the nodes of its pools.
pub(super) fn start(cx: &Cx<'_>, cluster: &mut Thing) {
    let uid = text(&cluster.body["sim"], "uid").to_owned();
    let server = format!("aks_{}_{}", text(&cluster.body, "name"), &uid[..8]);
    cluster.body["sim"]["server"] = json!(server);
    cx.put(cluster.clone());
    let version = format!(
        "v{}",
        text(&cluster.body["properties"], "currentKubernetesVersion")
    );
    let entry = site::Cluster {
        name: server,
        id: uid,
        token: cx.ground.mint("token"),
        version,
        created: cx.now,
        balancers: true,
        eks: None,
        aks: Some(Aks {
            id: text(&cluster.body, "id").to_owned(),
        }),
        google: None,
    };
    cx.ground.write(Entry::Cluster(entry.clone()));
    let running = cx.ground.serve(&entry, Vec::new());
    let cilium = cluster.body["properties"]["networkProfile"]["networkDataplane"] == "cilium";
    nodes::begin(&running.api, cilium);
    for pool in pools::of(cx, cluster) {
        let count = pool.body["properties"]["count"]
            .as_u64()
            .unwrap_or_default();
        nodes::scale(cx, cluster, &pool, count);
    }
}

/// Lets the API server be of another version.
pub(super) fn renew(cx: &Cx<'_>, cluster: &Thing, version: &str) {
    let git = format!("v{version}");
    let server = text(&cluster.body["sim"], "server");
    let known = cx.ground.site().clusters.get(server).cloned();
    if let Some(known) = known {
        let version = git.clone();
        cx.ground
            .write(Entry::Cluster(site::Cluster { version, ..known }));
    }
    if let Some(running) = running(cx, cluster) {
        running.api.upgrade(&git);
    }
}
