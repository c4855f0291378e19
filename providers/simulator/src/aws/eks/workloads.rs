//! What runs within a cluster for its add-ons, and what a new cluster has.

use crate::{
    kube::{ApiServer, Key},
    reactors::key,
};
use serde_json::{Value, json};
use std::sync::Arc;

const REGISTRY: &str = "602401143452.dkr.ecr.us-east-1.amazonaws.com/eks";

/// Puts into a new cluster what EKS puts there: a storage class that is no default any more.
pub(super) fn begin(api: &Arc<ApiServer>) {
    apply(
        api,
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "gp2"}, "provisioner": "kubernetes.io/aws-ebs",
            "parameters": {"type": "gp2", "fsType": "ext4"}, "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
        }),
    );
}

fn apply(api: &Arc<ApiServer>, object: Value) {
    // What the API server refuses is missed by who looks at it.
    let _ = api.apply("eks", object);
}

/// Returns the service accounts of an add-on that may have a role.
pub(super) fn accounts(addon: &str) -> Vec<&'static str> {
    match addon {
        "vpc-cni" => vec!["aws-node"],
        "aws-ebs-csi-driver" => vec!["ebs-csi-controller-sa"],
        _ => Vec::new(),
    }
}

/// Returns the workloads of an add-on: kind, name, replicas.
fn parts(addon: &str) -> Vec<(&'static str, &'static str, u64)> {
    match addon {
        "vpc-cni" => vec![("DaemonSet", "aws-node", 0)],
        "coredns" => vec![("Deployment", "coredns", 2)],
        "kube-proxy" => vec![("DaemonSet", "kube-proxy", 0)],
        "eks-pod-identity-agent" => vec![("DaemonSet", "eks-pod-identity-agent", 0)],
        "aws-ebs-csi-driver" => vec![
            ("Deployment", "ebs-csi-controller", 2),
            ("DaemonSet", "ebs-csi-node", 0),
        ],
        "snapshot-controller" => vec![("Deployment", "snapshot-controller", 2)],
        "metrics-server" => vec![("Deployment", "metrics-server", 2)],
        "eks-node-monitoring-agent" => vec![("DaemonSet", "eks-node-monitoring-agent", 0)],
        _ => Vec::new(),
    }
}

fn objects(addon: &str, version: &str) -> Vec<Value> {
    let mut objects = Vec::new();
    for account in accounts(addon) {
        objects.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": "kube-system"}}));
    }
    if addon == "coredns" {
        objects.push(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {"selector": {"k8s-app": "kube-dns"}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53}]},
        }));
    }
    if addon == "aws-ebs-csi-driver" {
        objects.push(json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "ebs.csi.aws.com"},
            "spec": {"attachRequired": true, "podInfoOnMount": false},
        }));
    }
    for (kind, name, replicas) in parts(addon) {
        let labels = json!({"k8s-app": if name == "coredns" { "kube-dns" } else { name }});
        let mut pod = json!({"containers": [{"name": name, "image": format!("{REGISTRY}/{name}:{version}")}]});
        // Deployments stay off nodes that are not ready or tainted; what makes nodes ready does not.
        if kind == "DaemonSet" {
            pod["tolerations"] = json!([{"operator": "Exists"}]);
        }
        if let Some(account) = accounts(addon).first() {
            pod["serviceAccountName"] = json!(account);
        }
        let mut spec = json!({"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}});
        if kind == "Deployment" {
            spec["replicas"] = json!(replicas);
        }
        objects.push(json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system", "labels": labels}, "spec": spec,
        }));
    }
    objects
}

pub(super) fn install(api: &Arc<ApiServer>, addon: &str, version: &str) {
    for object in objects(addon, version) {
        apply(api, object);
    }
}

pub(super) fn remove(api: &Arc<ApiServer>, addon: &str) {
    for object in objects(addon, "") {
        // Gone already is as good.
        let _ = api.delete(&key(&object));
    }
}

fn find(api: &Arc<ApiServer>, kind: &str, name: &str) -> Option<Arc<Value>> {
    api.get(&Key {
        group: "apps".to_owned(),
        kind: kind.to_owned(),
        namespace: Some("kube-system".to_owned()),
        name: name.to_owned(),
    })
}

/// Returns whether any of an add-on's workloads is in a cluster.
pub(super) fn is_there(api: &Arc<ApiServer>, addon: &str) -> bool {
    parts(addon)
        .iter()
        .any(|(kind, name, _)| find(api, kind, name).is_some())
}

/// Returns the workloads of an add-on that are not as many as they should be; `None` where all are.
pub(super) fn lacks(api: &Arc<ApiServer>, addon: &str) -> Option<Vec<String>> {
    let lacks = |(kind, name, _): &(&'static str, &'static str, u64)| {
        let Some(object) = find(api, kind, name) else {
            return true;
        };
        let status = |field: &str| object["status"][field].as_u64().unwrap_or(0);
        match *kind {
            "DaemonSet" => {
                status("numberAvailable") < status("desiredNumberScheduled")
                    || object["status"].is_null()
            }
            _ => status("availableReplicas") < object["spec"]["replicas"].as_u64().unwrap_or(1),
        }
    };
    let lacking: Vec<String> = parts(addon)
        .iter()
        .filter(|it| lacks(it))
        .map(|it| it.1.to_owned())
        .collect();
    (!lacking.is_empty()).then_some(lacking)
}
