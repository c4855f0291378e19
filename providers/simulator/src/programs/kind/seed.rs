//! What kubeadm and kind put into a new cluster, by stage.

use crate::site::{Container, Role};
use serde_json::{Value, json};

/// What the objects depend on.
pub(super) struct Scene<'a> {
    pub(super) cluster: &'a str,
    pub(super) containers: &'a [Container],
    /// As in "v1.36.1".
    pub(super) version: &'a str,
}

/// Returns what is there once the control plane has started, besides what an API server makes itself.
pub(super) fn control_plane(scene: &Scene<'_>) -> Vec<Value> {
    let mut objects = nodes(scene, Role::ControlPlane);
    objects.push(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
        "spec": {"selector": {"k8s-app": "kube-dns"}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53}]},
    }));
    let proxy = format!("registry.k8s.io/kube-proxy:{}", scene.version);
    objects.push(workload(
        "DaemonSet",
        "kube-system",
        "kube-proxy",
        0,
        &proxy,
    ));
    objects.push(workload(
        "Deployment",
        "kube-system",
        "coredns",
        2,
        "registry.k8s.io/coredns/coredns:v1.14.2",
    ));
    for part in [
        "etcd",
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ] {
        objects.extend(static_pods(scene, part));
    }
    objects
}

/// Returns what the network plug-in is made of.
pub(super) fn network(_: &Scene<'_>) -> Vec<Value> {
    vec![workload(
        "DaemonSet",
        "kube-system",
        "kindnet",
        0,
        "docker.io/kindest/kindnetd:v20260528-7c1b2a1f",
    )]
}

/// Returns the default storage class, and what serves it.
pub(super) fn storage(_: &Scene<'_>) -> Vec<Value> {
    let image = "docker.io/kindest/local-path-provisioner:v20260213-ea8e5717";
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "local-path-storage"}}),
        workload(
            "Deployment",
            "local-path-storage",
            "local-path-provisioner",
            1,
            image,
        ),
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": "standard", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "rancher.io/local-path", "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
        }),
    ]
}

/// Returns the nodes that join.
pub(super) fn join(scene: &Scene<'_>) -> Vec<Value> {
    nodes(scene, Role::Worker)
}

fn nodes(scene: &Scene<'_>, role: Role) -> Vec<Value> {
    let alone = scene
        .containers
        .iter()
        .filter(|it| it.role != Role::ExternalLoadBalancer)
        .count()
        == 1;
    let ours = scene.containers.iter().filter(|it| it.role == role);
    ours.map(|container| node(scene, container, alone))
        .collect()
}

fn node(scene: &Scene<'_>, container: &Container, alone: bool) -> Value {
    let mut labels = json!({
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux", "kubernetes.io/hostname": container.name,
    });
    let mut taints: Vec<Value> = container
        .taints
        .iter()
        .filter_map(|taint| {
            let (pair, effect) = taint.rsplit_once(':')?;
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some(match value {
                "" => json!({"key": key, "effect": effect}),
                value => json!({"key": key, "value": value, "effect": effect}),
            })
        })
        .collect();
    if container.role == Role::ControlPlane {
        labels["node-role.kubernetes.io/control-plane"] = json!("");
        // kind takes the taint away from a node that is alone.
        if !alone {
            taints.push(
                json!({"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}),
            );
        }
    }
    for (key, value) in &container.labels {
        labels[key] = json!(value);
    }
    taints.push(json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}));
    let quantities = json!({"cpu": "4", "memory": "8131072Ki", "pods": "110", "ephemeral-storage": "61255492Ki"});
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": container.name, "labels": labels},
        "spec": {"providerID": format!("kind://docker/{}/{}", scene.cluster, container.name), "taints": taints},
        "status": {
            "capacity": quantities, "allocatable": quantities,
            "addresses": [{"type": "InternalIP", "address": container.address}, {"type": "Hostname", "address": container.name}],
            "nodeInfo": {
                "kubeletVersion": scene.version, "architecture": "amd64", "operatingSystem": "linux",
                "containerRuntimeVersion": "containerd://2.3.1", "osImage": "Debian GNU/Linux 13 (trixie)",
                "kernelVersion": "6.12.0", "kubeProxyVersion": "", "machineID": container.id[..32],
                "systemUUID": container.id[..32], "bootID": container.id[32..],
            },
            "conditions": [{
                "type": "Ready", "status": "False", "reason": "KubeletNotReady",
                "message": "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
            }],
        },
    })
}

fn static_pods(scene: &Scene<'_>, part: &str) -> Vec<Value> {
    let image = match part {
        "etcd" => "registry.k8s.io/etcd:3.6.8-0".to_owned(),
        part => format!("registry.k8s.io/{part}:{}", scene.version),
    };
    let planes = scene
        .containers
        .iter()
        .filter(|it| it.role == Role::ControlPlane);
    planes.map(|container| json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("{part}-{}", container.name), "namespace": "kube-system",
            "labels": {"component": part, "tier": "control-plane"},
            "annotations": {"kubernetes.io/config.source": "file"},
        },
        "spec": {"nodeName": container.name, "hostNetwork": true, "containers": [{"name": part, "image": image}]},
    })).collect()
}

fn workload(kind: &str, namespace: &str, name: &str, replicas: u32, image: &str) -> Value {
    // As kubeadm labels it: the Service is older than CoreDNS.
    let labels = json!({"k8s-app": if name == "coredns" { "kube-dns" } else { name }});
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"tolerations": [{"operator": "Exists"}], "containers": [{"name": name, "image": image}]},
            },
        },
    });
    if kind == "Deployment" {
        object["spec"]["replicas"] = json!(replicas);
        // As kubeadm's coredns and the provisioner do: they stay off nodes that are not ready.
        object["spec"]["template"]["spec"]["tolerations"] =
            json!([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}]);
    }
    object
}
