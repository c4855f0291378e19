//! Machine types, and the nodes of pools within their cluster.

use super::{
    account::{Cx, project_of, text},
    clusters, versions,
};
use crate::{
    aws::Thing,
    kube::{ApiServer, Key},
    reactors::key,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Returns the processors and the memory, in GiB, of a machine type (<https://cloud.google.com/compute/docs/machine-resource>).
pub(super) fn machine(name: &str) -> Option<(u64, u64)> {
    if name == "e2-medium" {
        return Some((2, 4));
    }
    let mut parts = name.splitn(3, '-');
    let (family, kind, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let processors: u64 = rest
        .trim_end_matches('g')
        .parse()
        .ok()
        .filter(|it| *it <= 416)?;
    let known = [
        "e2", "n1", "n2", "n2d", "n4", "c2", "c2d", "c3", "c4", "t2d", "t2a", "g2", "a2", "a3",
    ];
    let per = match kind {
        "standard" => 4,
        "highmem" => 8,
        "highcpu" => 1,
        "highgpu" => return Some((processors * 12, processors * 85)),
        _ => return None,
    };
    (known.contains(&family) && processors > 0).then_some((processors, processors * per))
}

fn node_key(name: &str) -> Key {
    Key {
        group: String::new(),
        kind: "Node".to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}

/// Returns the mark in the names of what belongs to a cluster's nodes.
pub(super) fn mark(cluster: &Thing) -> String {
    text(cluster, "id").chars().take(8).collect()
}

/// Returns the nodes of a pool, the oldest first.
fn nodes(api: &Arc<ApiServer>, pool: &Value) -> Vec<Arc<Value>> {
    let mut all: Vec<Arc<Value>> = api
        .list("", "Node", None)
        .into_iter()
        .filter(|it| it["metadata"]["labels"]["cloud.google.com/gke-nodepool"] == pool["name"])
        .collect();
    let number = |it: &Arc<Value>| {
        let told = it["metadata"]["annotations"]["simulator/number"].as_str();
        told.and_then(|it| it.parse::<usize>().ok())
    };
    all.sort_by_key(number);
    all
}

pub(super) fn count(cx: &Cx<'_>, cluster: &Thing, pool: &Value) -> usize {
    clusters::running(cx, cluster).map_or(0, |it| nodes(&it.api, pool).len())
}

/// Returns the URLs of a cluster's nodes.
pub(super) fn links(cx: &Cx<'_>, cluster: &Thing) -> Vec<String> {
    let Some(running) = clusters::running(cx, cluster) else {
        return Vec::new();
    };
    let project = project_of(cluster);
    let all = running.api.list("", "Node", None).into_iter().map(|it| {
        let metadata = &it["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let zone = text(&metadata["labels"]["topology.kubernetes.io/zone"]);
        let name = text(&metadata["name"]);
        format!(
            "https://www.googleapis.com/compute/v1/projects/{project}/zones/{zone}/instances/{name}"
        )
    });
    all.collect()
}

/// Returns what the names of a pool's nodes begin with; they are in one group a zone, which is called so, too.
fn stem(cluster: &Thing, pool: &str) -> String {
    let short = |text: &str, most| text.chars().take(most).collect::<String>();
    let (name, pool) = (short(text(cluster, "name"), 18), short(pool, 17));
    format!("gke-{name}-{pool}-{}", mark(cluster))
}

/// Returns the URLs of the groups that a pool's nodes are in.
pub(super) fn groups(cluster: &Thing, pool: &Value) -> Vec<String> {
    let project = project_of(cluster);
    let stem = stem(cluster, pool["name"].as_str().unwrap_or_default());
    let zones = clusters::list(&pool["locations"]).into_iter();
    let all = zones.map(|zone| {
        format!("https://www.googleapis.com/compute/v1/projects/{project}/zones/{zone}/instanceGroupManagers/{stem}-grp")
    });
    all.collect()
}

/// Lets a pool have as many nodes: new ones come, the newest go.
pub(super) fn fit(cx: &Cx<'_>, cluster: &Thing, pool: &Value, wanted: usize) {
    let Some(running) = clusters::running(cx, cluster) else {
        return;
    };
    let there = nodes(&running.api, pool);
    for node in there.iter().skip(wanted) {
        let name = node["metadata"]["name"].clone();
        // The node first, so that nothing comes back to it. What is gone already is as good.
        let _ = running.api.delete(&key(node));
        for pod in running.api.list("", "Pod", None) {
            if pod["spec"]["nodeName"] == name {
                let _ = running.api.delete(&key(&pod));
            }
        }
    }
    for number in there.len()..wanted {
        let object = object(cx, cluster, pool, number);
        let status = object["status"].clone();
        let name = object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if running.api.apply("kubelet", object).is_ok() {
            // It was made a moment ago.
            let status = json!({"status": status});
            let _ = running
                .api
                .merge_patch(&node_key(&name), "kubelet", Some("status"), status);
        }
    }
}

fn taints(pool: &Value) -> Vec<Value> {
    let effect = |it: &Value| match it["effect"].as_str() {
        Some("NO_SCHEDULE") => "NoSchedule",
        Some("NO_EXECUTE") => "NoExecute",
        _ => "PreferNoSchedule",
    };
    let given = pool["config"]["taints"].as_array().into_iter().flatten();
    given
        .map(|it| {
            let mut taint = json!({"key": it["key"], "effect": effect(it)});
            if it["value"].as_str().is_some_and(|it| !it.is_empty()) {
                taint["value"] = it["value"].clone();
            }
            taint
        })
        .collect()
}

fn object(cx: &Cx<'_>, cluster: &Thing, pool: &Value, number: usize) -> Value {
    let config = &pool["config"];
    let name_of_pool = pool["name"].as_str().unwrap_or_default();
    let zones = clusters::list(&pool["locations"]);
    let zone = zones
        .get(number % zones.len().max(1))
        .cloned()
        .unwrap_or_default();
    let digest = cx.ground.mint("node");
    let name = format!("{}-{}", stem(cluster, name_of_pool), &digest[..4]);
    let machine_type = config["machineType"].as_str().unwrap_or_default();
    let (processors, memory) = machine(machine_type).unwrap_or((2, 4));
    let region = versions::region(&zone);
    let mut labels = json!({
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": machine_type, "topology.kubernetes.io/zone": zone, "topology.kubernetes.io/region": region,
        "topology.gke.io/zone": zone, "cloud.google.com/gke-nodepool": name_of_pool, "cloud.google.com/gke-container-runtime": "containerd",
        "cloud.google.com/gke-os-distribution": "cos", "cloud.google.com/machine-family": machine_type.split('-').next(),
        "iam.gke.io/gke-metadata-server-enabled": "true",
    });
    if config["spot"] == true {
        labels["cloud.google.com/gke-spot"] = json!("true");
    }
    for (key, value) in config["labels"].as_object().into_iter().flatten() {
        labels[key] = value.clone();
    }
    let mut all = taints(pool);
    all.push(json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}));
    let mut room = json!({
        "cpu": processors.to_string(), "memory": format!("{}Ki", memory * 1_024_000), "pods": "110", "ephemeral-storage": "98831908Ki",
    });
    if let Some(it) = config["accelerators"].get(0) {
        labels["cloud.google.com/gke-accelerator"] = it["acceleratorType"].clone();
        room["nvidia.com/gpu"] = match &it["acceleratorCount"] {
            Value::String(count) => json!(count),
            other => json!(other.to_string()),
        };
    }
    let address = format!("10.142.{}.{}", number / 250, 2 + number % 250);
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"simulator/number": number.to_string()}},
        "spec": {"providerID": format!("gce://{}/{zone}/{name}", project_of(cluster)), "taints": all},
        "status": {
            "capacity": room, "allocatable": room,
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "nodeInfo": {
                "kubeletVersion": format!("v{}", pool["version"].as_str().unwrap_or_default()), "architecture": "amd64",
                "operatingSystem": "linux", "kernelVersion": "6.12.46+", "containerRuntimeVersion": "containerd://2.1.5",
                "osImage": "Container-Optimized OS from Google", "kubeProxyVersion": "", "machineID": digest[..32],
                "systemUUID": digest[..32], "bootID": digest[32..],
            },
            "conditions": [{
                "type": "Ready", "status": "False", "reason": "KubeletNotReady",
                "message": "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
            }],
        },
    })
}

/// Gives a pool's nodes its labels and taints.
pub(super) fn relabel(cx: &Cx<'_>, cluster: &Thing, pool: &Value) {
    let Some(running) = clusters::running(cx, cluster) else {
        return;
    };
    for node in nodes(&running.api, pool) {
        let labels: Map<String, Value> = pool["config"]["labels"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let mut all = taints(pool);
        let own = node["spec"]["taints"].as_array().into_iter().flatten();
        let is_own = |it: &&Value| {
            it["key"]
                .as_str()
                .is_some_and(|it| it.starts_with("node.kubernetes.io/"))
        };
        all.extend(own.filter(is_own).cloned());
        let all = match all.is_empty() {
            true => Value::Null,
            false => json!(all),
        };
        let patch = json!({"metadata": {"labels": labels}, "spec": {"taints": all}});
        // One that went meanwhile needs none.
        let _ = running.api.merge_patch(&key(&node), "gke", None, patch);
    }
}
