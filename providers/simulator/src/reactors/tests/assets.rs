//! What is made outside of a cluster, and how it goes.

use super::Cluster;
use serde_json::{Value, json};

impl Cluster {
    /// Returns the assets of the world as "kind of maker".
    async fn assets(&self) -> Vec<String> {
        let assets = self.stage.get("assets").await;
        let one = |it: &Value| format!("{} of {}", it["kind"], it["maker"]).replace('"', "");
        assets.as_array().unwrap().iter().map(one).collect()
    }

    fn delete(&self, group: &str, kind: &str, name: &str) {
        self.api.delete(&super::key(group, kind, name)).unwrap();
    }

    /// Waits until an object is gone.
    async fn gone(&self, kind: (&str, &str), name: &str) {
        let mut changes = self.api.subscribe();
        while self.api.get(&super::key(kind.0, kind.1, name)).is_some() {
            changes.recv().await.unwrap();
        }
    }
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
    })
}

fn class(name: &str, policy: &str) -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name},
        "provisioner": "disk.example.com", "reclaimPolicy": policy, "volumeBindingMode": "Immediate",
    })
}

fn claim(name: &str, class: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name, "namespace": "default"},
        "spec": {"storageClassName": class, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    })
}

#[tokio::test]
async fn load_balancers_are_where_the_platform_has_them() {
    let cluster = Cluster::open().await;
    cluster.apply(service("web"));
    cluster.apply(super::workload("Deployment", "app", "nginx:1", json!({})));
    let available = |it: &Value| it["status"]["readyReplicas"] == 1;
    cluster
        .until(("apps", "Deployment"), "app", available)
        .await;
    let pending = cluster.until(("", "Service"), "web", |_| true).await;
    assert_eq!(pending["status"]["loadBalancer"], json!({}));
    assert!(cluster.assets().await.is_empty());

    cluster.stage.post("balancers", json!(true)).await;
    let addressed = |it: &Value| it["status"]["loadBalancer"]["ingress"][0]["ip"].is_string();
    let ready = cluster.until(("", "Service"), "web", addressed).await;
    assert_eq!(
        ready["metadata"]["finalizers"],
        json!(["service.kubernetes.io/load-balancer-cleanup"])
    );
    assert_eq!(
        cluster.assets().await,
        ["load-balancer of Service default/web"]
    );
    cluster.delete("", "Service", "web");
    cluster.gone(("", "Service"), "web").await;
    assert!(cluster.assets().await.is_empty());

    // One that changes its type loses it, too.
    cluster.apply(service("two"));
    cluster.until(("", "Service"), "two", addressed).await;
    let mut inner = service("two");
    inner["spec"]["type"] = json!("ClusterIP");
    cluster.apply(inner);
    let bare = |it: &Value| it["metadata"]["finalizers"].is_null() && !addressed(it);
    cluster.until(("", "Service"), "two", bare).await;
    assert!(cluster.assets().await.is_empty());

    // What nobody deletes outlives the cluster, and the world's process.
    cluster.apply(service("left"));
    cluster.until(("", "Service"), "left", addressed).await;
    let Cluster { stage, api } = cluster;
    drop(api);
    stage
        .ok("kind", &["delete", "cluster", "--name", "dot"])
        .await;
    let stage = stage.reopen().await;
    let left = stage.get("assets").await;
    assert_eq!(left[0]["maker"], "Service default/left");
    assert_eq!(left[0]["cluster"], "dot");
}

#[tokio::test]
async fn disks_go_with_their_claims_or_are_retained() {
    let cluster = Cluster::open().await;
    for policy in ["Delete", "Retain"] {
        let name = policy.to_lowercase();
        cluster.apply(class(&name, policy));
        cluster.apply(claim(&name, &name));
        let bound = |it: &Value| it["status"]["phase"] == "Bound";
        cluster
            .until(("", "PersistentVolumeClaim"), &name, bound)
            .await;
    }
    let volumes = || cluster.api.list("", "PersistentVolume", None);
    while cluster.assets().await.len() < 2 {
        tokio::task::yield_now().await;
    }
    for volume in volumes() {
        assert_eq!(
            volume["metadata"]["finalizers"],
            json!(["kubernetes.io/pv-protection"])
        );
        assert_eq!(volume["spec"]["csi"]["driver"], "disk.example.com");
    }
    // A claim stays as long as a pod uses it.
    cluster.apply(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user", "namespace": "default"},
        "spec": {"containers": [{"name": "c", "image": "nginx:1"}], "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "delete"}}]},
    }));
    let runs = |it: &Value| it["status"]["phase"] == "Running";
    cluster.until(("", "Pod"), "user", runs).await;
    cluster.delete("", "PersistentVolumeClaim", "delete");
    let kept = cluster
        .until(("", "PersistentVolumeClaim"), "delete", |_| true)
        .await;
    assert!(kept["metadata"]["deletionTimestamp"].is_string(), "{kept}");
    assert_eq!(volumes().len(), 2);
    cluster.delete("", "Pod", "user");
    cluster.gone(("", "PersistentVolumeClaim"), "delete").await;
    cluster.delete("", "PersistentVolumeClaim", "retain");
    let mut changes = cluster.api.subscribe();
    while volumes().len() > 1 || volumes()[0]["status"]["phase"] != "Released" {
        changes.recv().await.unwrap();
    }
    // The disk of a volume that is retained is left over even when the volume goes.
    let released = volumes().remove(0);
    assert_eq!(released["spec"]["persistentVolumeReclaimPolicy"], "Retain");
    cluster
        .api
        .delete(&crate::reactors::key(&released))
        .unwrap();
    while !volumes().is_empty() {
        changes.recv().await.unwrap();
    }
    let shown = released["metadata"]["name"].as_str().unwrap();
    assert_eq!(
        cluster.assets().await,
        [format!("volume of PersistentVolume {shown}")]
    );
}
