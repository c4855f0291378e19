//! What GKE puts into a new cluster: its network plug-in, DNS, the driver of disks, and their storage classes.

use crate::kube::ApiServer;
use serde_json::{Value, json};
use std::sync::Arc;

const REGISTRY: &str = "gke.gcr.io";

fn apply(api: &Arc<ApiServer>, object: Value) {
    // What the API server refuses is missed by who looks at it.
    let _ = api.apply("gke", object);
}

pub(super) fn begin(api: &Arc<ApiServer>) {
    for (kind, name, replicas) in [
        ("DaemonSet", "anetd", 0),
        ("DaemonSet", "gke-metadata-server", 0),
        ("DaemonSet", "pdcsi-node", 0),
        ("Deployment", "kube-dns", 2),
        ("Deployment", "konnectivity-agent", 1),
    ] {
        let labels = json!({"k8s-app": name});
        let mut pod = json!({"containers": [{"name": name, "image": format!("{REGISTRY}/{name}:v1.36.0-gke.1")}]});
        // Deployments stay off nodes that are not ready or tainted; what makes nodes ready does not.
        if kind == "DaemonSet" {
            pod["tolerations"] = json!([{"operator": "Exists"}]);
        }
        let mut spec = json!({"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}});
        if kind == "Deployment" {
            spec["replicas"] = json!(replicas);
        }
        apply(
            api,
            json!({
                "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system", "labels": labels}, "spec": spec,
            }),
        );
    }
    apply(
        api,
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
            "spec": {"selector": {"k8s-app": "kube-dns"}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53}]},
        }),
    );
    apply(
        api,
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "pd.csi.storage.gke.io"},
            "spec": {"attachRequired": true, "podInfoOnMount": false},
        }),
    );
    // https://cloud.google.com/kubernetes-engine/docs/concepts/persistent-volumes#storageclasses
    for (name, disk, default) in [
        ("standard-rwo", "pd-balanced", "true"),
        ("premium-rwo", "pd-ssd", "false"),
    ] {
        apply(
            api,
            json!({
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
                "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": default}},
                "provisioner": "pd.csi.storage.gke.io", "parameters": {"type": disk}, "reclaimPolicy": "Delete",
                "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true,
            }),
        );
    }
}
