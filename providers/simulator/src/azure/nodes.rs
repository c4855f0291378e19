//! What is in a cluster of AKS from the beginning, and its nodes.

use super::{
    account::{Cx, text},
    clusters, offers,
};
use crate::{
    aws::Thing,
    ground::digest,
    kube::{ApiServer, Key},
    reactors::key,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const REGISTRY: &str = "mcr.microsoft.com/oss";
const DISKS: &str = "disk.csi.azure.com";

/// Puts into a new cluster what AKS puts there.
pub(super) fn begin(api: &Arc<ApiServer>, cilium: bool) {
    let plugin = if cilium { "cilium" } else { "azure-cns" };
    let mut objects = vec![json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
        "spec": {"selector": {"k8s-app": "kube-dns"}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53}]},
    })];
    for (kind, name, replicas) in [
        ("DaemonSet", plugin, 0),
        ("DaemonSet", "csi-azuredisk-node", 0),
        ("DaemonSet", "csi-azurefile-node", 0),
        ("Deployment", "coredns", 2),
        ("Deployment", "metrics-server", 2),
        ("Deployment", "konnectivity-agent", 2),
        ("Deployment", "azure-wi-webhook-controller-manager", 2),
    ] {
        let labels = json!({"k8s-app": if name == "coredns" { "kube-dns" } else { name }});
        let mut pod =
            json!({"containers": [{"name": name, "image": format!("{REGISTRY}/{name}:v1")}]});
        // What makes nodes ready does not wait for them to be so.
        if kind == "DaemonSet" {
            pod["tolerations"] = json!([{"operator": "Exists"}]);
        }
        let mut spec = json!({"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}});
        if kind == "Deployment" {
            spec["replicas"] = json!(replicas);
        }
        objects.push(json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system", "labels": labels}, "spec": spec,
        }));
    }
    objects.push(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": DISKS}, "spec": {"attachRequired": true, "podInfoOnMount": false},
    }));
    for (name, sku, default) in [
        ("default", "StandardSSD_LRS", true),
        ("managed-csi", "StandardSSD_LRS", false),
        ("managed-csi-premium", "Premium_LRS", false),
    ] {
        let mut class = json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}, "provisioner": DISKS,
            "parameters": {"skuname": sku}, "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true,
        });
        if default {
            class["metadata"]["annotations"] =
                json!({"storageclass.kubernetes.io/is-default-class": "true"});
        }
        objects.push(class);
    }
    for object in objects {
        // What the API server refuses is missed by who looks at it.
        let _ = api.apply("aks", object);
    }
}

fn node_key(name: &str) -> Key {
    Key {
        group: String::new(),
        kind: "Node".to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}

/// Returns the nodes of a pool by their names, the oldest first.
fn of(api: &Arc<ApiServer>, pool: &str) -> Vec<Arc<Value>> {
    let mut all = api.list("", "Node", None);
    all.retain(|it| it["metadata"]["labels"]["agentpool"] == pool);
    all.sort_by_key(|it| text(&it["metadata"], "name").to_owned());
    all
}

/// Reads a taint as "key=value:effect".
pub(super) fn taint(text: &str) -> Option<Value> {
    let (rest, effect) = text.rsplit_once(':')?;
    let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
    let known = ["NoSchedule", "PreferNoSchedule", "NoExecute"].contains(&effect);
    let mut taint = json!({"key": key, "effect": effect});
    if !value.is_empty() {
        taint["value"] = json!(value);
    }
    (known && !key.is_empty()).then_some(taint)
}

fn taints(pool: &Thing) -> Vec<Value> {
    let given = pool.body["properties"]["nodeTaints"].as_array();
    given
        .into_iter()
        .flatten()
        .filter_map(|it| taint(it.as_str()?))
        .collect()
}

/// Lets a pool have so many nodes: new ones come, and the newest go first, with the pods on them.
pub(super) fn scale(cx: &Cx<'_>, cluster: &Thing, pool: &Thing, count: u64) {
    let Some(running) = clusters::running(cx, cluster) else {
        return;
    };
    let name = text(&pool.body, "name");
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let there = of(&running.api, name);
    for node in there.iter().skip(count) {
        let called = text(&node["metadata"], "name");
        // The node first, so that nothing comes back to it.
        let _ = running.api.delete(&node_key(called));
        for pod in running.api.list("", "Pod", None) {
            if pod["spec"]["nodeName"] == called {
                let _ = running.api.delete(&key(&pod));
            }
        }
    }
    let mark = u64::from_str_radix(&digest(&pool.id)[..7], 16).unwrap_or_default() % 90_000_000
        + 10_000_000;
    let taken = |number: usize| {
        let called = format!("aks-{name}-{mark}-vmss{number:06}");
        let free = there
            .iter()
            .take(count)
            .all(|it| text(&it["metadata"], "name") != called);
        free.then_some(called)
    };
    let missing = count.saturating_sub(there.len());
    for called in (0..).filter_map(taken).take(missing) {
        let object = object(cluster, pool, &called);
        let status = object["status"].clone();
        if running.api.apply("kubelet", object).is_ok() {
            // It was made a moment ago.
            let _ = running.api.merge_patch(
                &node_key(&called),
                "kubelet",
                Some("status"),
                json!({"status": status}),
            );
        }
    }
}

fn object(cluster: &Thing, pool: &Thing, called: &str) -> Value {
    let location = text(&cluster.body, "location");
    let properties = &pool.body["properties"];
    let name = text(&pool.body, "name");
    let size = offers::size(location, text(properties, "vmSize")).ok();
    let number: u64 = called
        .rsplit("vmss")
        .next()
        .and_then(|it| it.parse().ok())
        .unwrap_or_default();
    let zones: Vec<&str> = properties["availabilityZones"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let zone = match zones.is_empty() {
        true => "0".to_owned(),
        false => format!(
            "{location}-{}",
            zones[usize::try_from(number).unwrap_or_default() % zones.len()]
        ),
    };
    let group = text(&cluster.body["properties"], "nodeResourceGroup");
    let mut labels = json!({
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": called, "agentpool": name,
        "kubernetes.azure.com/agentpool": name, "kubernetes.azure.com/cluster": group,
        "kubernetes.azure.com/mode": text(properties, "mode").to_lowercase(), "kubernetes.io/role": "agent",
        "node.kubernetes.io/instance-type": properties["vmSize"], "topology.kubernetes.io/region": location, "topology.kubernetes.io/zone": zone,
        "topology.disk.csi.azure.com/zone": if zone == "0" { "" } else { zone.as_str() },
    });
    for (key, value) in properties["nodeLabels"].as_object().into_iter().flatten() {
        labels[key] = value.clone();
    }
    let mut all = taints(pool);
    all.push(json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}));
    let (cpus, memory) = size.map_or((2, 4), |it| (it.cpus, it.memory));
    let room = json!({
        "cpu": cpus.to_string(), "memory": format!("{}Ki", u64::from(memory) * 1_014_000), "pods": "250", "ephemeral-storage": "129886128Ki",
    });
    let mark = digest(&format!("{} {called}", pool.id));
    let version = format!("v{}", text(properties, "currentOrchestratorVersion"));
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": called, "labels": labels},
        "spec": {
            "providerID": format!("azure:///subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachineScaleSets/aks-{name}-vmss/virtualMachines/{number}", super::SUBSCRIPTION),
            "taints": all,
        },
        "status": {
            "capacity": room, "allocatable": room,
            "addresses": [
                {"type": "InternalIP", "address": format!("10.224.{}.{}", u8::from_str_radix(&mark[..2], 16).unwrap_or(0) % 250, 4 + number % 250)},
                {"type": "Hostname", "address": called},
            ],
            "nodeInfo": {
                "kubeletVersion": version, "architecture": "amd64", "operatingSystem": "linux", "kernelVersion": "6.8.0-1040-azure",
                "containerRuntimeVersion": "containerd://2.1.5-1", "osImage": "Ubuntu 24.04.3 LTS", "kubeProxyVersion": "",
                "machineID": mark[..32], "systemUUID": mark[..32], "bootID": mark[32..],
            },
            "conditions": [{
                "type": "Ready", "status": "False", "reason": "KubeletNotReady",
                "message": "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
            }],
        },
    })
}

/// Gives a pool's nodes its labels and taints.
pub(super) fn relabel(cx: &Cx<'_>, cluster: &Thing, pool: &Thing) {
    let Some(running) = clusters::running(cx, cluster) else {
        return;
    };
    let labels: Map<String, Value> = pool.body["properties"]["nodeLabels"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    for node in of(&running.api, text(&pool.body, "name")) {
        let mut all = taints(pool);
        let own = node["spec"]["taints"].as_array().into_iter().flatten();
        all.extend(
            own.filter(|it| {
                it["key"]
                    .as_str()
                    .is_some_and(|it| it.starts_with("node.kubernetes.io/"))
            })
            .cloned(),
        );
        let all = if all.is_empty() {
            Value::Null
        } else {
            json!(all)
        };
        let patch = json!({"metadata": {"labels": labels}, "spec": {"taints": all}});
        // One that went meanwhile needs none.
        let _ = running.api.merge_patch(
            &node_key(text(&node["metadata"], "name")),
            "aks",
            None,
            patch,
        );
    }
}
