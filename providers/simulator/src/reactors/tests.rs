mod assets;
mod clouds;
mod jobs;
mod limits;

use crate::{
    kube::{ApiServer, Key},
    stage::Stage,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The API server of a cluster, from within.
struct Cluster {
    stage: Stage,
    api: Arc<ApiServer>,
}

impl Cluster {
    async fn open() -> Self {
        let stage = Stage::open().await;
        stage.dot().await;
        let api = stage.world.ground().running("dot").unwrap().api.clone();
        Self { stage, api }
    }

    fn apply(&self, object: Value) {
        self.api.apply("test", object).unwrap();
    }

    /// Waits until an object is as `holds` wants it.
    async fn until(
        &self,
        kind: (&str, &str),
        name: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Arc<Value> {
        let mut changes = self.api.subscribe();
        let key = key(kind.0, kind.1, name);
        loop {
            if let Some(object) = self.api.get(&key)
                && holds(&object)
            {
                return object;
            }
            changes.recv().await.unwrap();
        }
    }

    fn events(&self, reason: &str) -> usize {
        self.api
            .list("", "Event", None)
            .iter()
            .filter(|it| it["reason"] == reason)
            .count()
    }

    /// Installs Flux and waits for its controllers.
    async fn flux(&self) {
        let text = crate::manifests::find("flux/v2.9.4/install.yaml").unwrap();
        let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        objects.sort_by_key(|it| it["kind"] != "Namespace");
        objects.into_iter().for_each(|object| self.apply(object));
    }
}

fn key(group: &str, kind: &str, name: &str) -> Key {
    Key {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: Some("default".to_owned()),
        name: name.to_owned(),
    }
}

fn workload(kind: &str, name: &str, image: &str, spec: Value) -> Value {
    let group = if kind == "Job" { "batch/v1" } else { "apps/v1" };
    let mut object = json!({
        "apiVersion": group, "kind": kind, "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}},
    });
    if kind == "Job" {
        object["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    } else {
        object["spec"]["selector"] = json!({"matchLabels": {"app": name}});
        object["spec"]["template"]["metadata"] = json!({"labels": {"app": name}});
    }
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    object
}

fn reason(object: &Value, condition: &str) -> String {
    let found = super::object::find(object, condition)
        .cloned()
        .unwrap_or_default();
    format!(
        "{}:{}",
        found["status"].as_str().unwrap_or_default(),
        found["reason"].as_str().unwrap_or_default()
    )
}

#[tokio::test]
async fn a_deployment_rolls_out_and_scales() {
    let cluster = Cluster::open().await;
    let apps = ("apps", "Deployment");
    cluster.apply(workload(
        "Deployment",
        "web",
        "nginx:1",
        json!({"replicas": 3}),
    ));
    let it = cluster
        .until(apps, "web", |it| it["status"]["availableReplicas"] == 3)
        .await;
    assert_eq!(reason(&it, "Available"), "True:MinimumReplicasAvailable");
    let it = cluster
        .until(apps, "web", |it| {
            reason(it, "Progressing") == "True:NewReplicaSetAvailable"
        })
        .await;
    assert_eq!(
        it["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "1"
    );
    cluster.apply(workload(
        "Deployment",
        "web",
        "nginx:2",
        json!({"replicas": 2}),
    ));
    let done = |it: &Value| {
        it["status"]["observedGeneration"] == 2
            && it["status"]["updatedReplicas"] == 2
            && it["status"]["replicas"] == 2
            && it["status"]["availableReplicas"] == 2
    };
    cluster
        .until(apps, "web", |it| {
            it["metadata"]["generation"] == 2 && done(it)
        })
        .await;
    let pods = cluster.api.list("", "Pod", Some("default"));
    let images: Vec<_> = pods
        .iter()
        .map(|it| it["spec"]["containers"][0]["image"].clone())
        .collect();
    assert_eq!(images, ["nginx:2", "nginx:2"]);
}

#[tokio::test]
async fn what_goes_wrong_with_a_pod_is_explained() {
    let cluster = Cluster::open().await;
    let apps = ("apps", "Deployment");
    cluster.apply(workload(
        "Deployment",
        "gone",
        "nginx:missing",
        json!({"progressDeadlineSeconds": 30}),
    ));
    cluster.apply(workload("Deployment", "bad", "nginx:crash", json!({})));
    let waiting = |reason: &'static str| {
        move |pod: &Arc<Value>| {
            pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == reason
        }
    };
    let late = cluster
        .until(apps, "gone", |it| {
            reason(it, "Progressing") == "False:ProgressDeadlineExceeded"
        })
        .await;
    assert_eq!(
        reason(&late, "Available"),
        "False:MinimumReplicasUnavailable"
    );
    let pods = cluster.api.list("", "Pod", Some("default"));
    assert!(pods.iter().any(waiting("ImagePullBackOff")));
    let crashing = pods
        .iter()
        .find(|pod| waiting("CrashLoopBackOff")(pod))
        .unwrap();
    assert!(
        crashing["status"]["containerStatuses"][0]["restartCount"]
            .as_u64()
            .unwrap()
            >= 1
    );
    assert!(
        crashing["metadata"]["annotations"][super::pods::LOG]
            .as_str()
            .unwrap()
            .contains("Error")
    );
    assert_eq!(
        (cluster.events("BackOff"), cluster.events("Failed")),
        (2, 1)
    );
    let picky = json!({"template": {"metadata": {"labels": {"app": "picky"}}, "spec": {
        "nodeSelector": {"pool": "none"}, "containers": [{"name": "main", "image": "nginx:1"}],
    }}});
    cluster.apply(workload("Deployment", "picky", "nginx:1", picky));
    let mut changes = cluster.api.subscribe();
    while cluster.events("FailedScheduling") == 0 {
        changes.recv().await.unwrap();
    }
}

#[tokio::test]
async fn stateful_sets_and_their_volumes() {
    let cluster = Cluster::open().await;
    let claims = json!({"replicas": 2, "serviceName": "db", "volumeClaimTemplates": [{
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }]});
    cluster.apply(workload("StatefulSet", "db", "postgres:18", claims));
    cluster
        .until(("apps", "StatefulSet"), "db", |it| {
            it["status"]["readyReplicas"] == 2
        })
        .await;
    let names: Vec<_> = cluster
        .api
        .list("", "PersistentVolumeClaim", None)
        .iter()
        .map(|it| it["metadata"]["name"].clone())
        .collect();
    assert_eq!(names, ["data-db-0", "data-db-1"]);
    let used = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "user", "namespace": "default"},
        "spec": {"containers": [{"name": "main", "image": "nginx:1"}], "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "mine"}}]},
    });
    cluster.apply(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "mine", "namespace": "default"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }));
    cluster
        .until(("", "PersistentVolumeClaim"), "mine", |it| {
            it["status"]["phase"] == "Pending"
        })
        .await;
    cluster.apply(used);
    let claim = cluster
        .until(("", "PersistentVolumeClaim"), "mine", |it| {
            it["status"]["phase"] == "Bound"
        })
        .await;
    assert_eq!(claim["spec"]["storageClassName"], "standard");
}

#[tokio::test]
async fn jobs_complete_and_fail() {
    let cluster = Cluster::open().await;
    let batch = ("batch", "Job");
    cluster.apply(workload(
        "Job",
        "good",
        "busybox:1",
        json!({"completions": 2}),
    ));
    cluster.apply(workload(
        "Job",
        "bad",
        "busybox:crash",
        json!({"backoffLimit": 1}),
    ));
    let good = cluster
        .until(batch, "good", |it| {
            reason(it, "Complete") == "True:CompletionsReached"
        })
        .await;
    assert_eq!(
        (&good["status"]["succeeded"], &good["status"]["active"]),
        (&json!(2), &Value::Null)
    );
    let bad = cluster
        .until(batch, "bad", |it| {
            reason(it, "Failed") == "True:BackoffLimitExceeded"
        })
        .await;
    assert_eq!(bad["status"]["failed"], 2);
}

#[tokio::test]
async fn a_helm_repository_feeds_a_release_through_a_chart() {
    let cluster = Cluster::open().await;
    cluster.flux().await;
    let flux = |kind: &str, name: &str, spec: Value| {
        let (group, version) = if kind == "HelmRelease" {
            ("helm", "v2")
        } else {
            ("source", "v1")
        };
        json!({
            "apiVersion": format!("{group}.toolkit.fluxcd.io/{version}"), "kind": kind,
            "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        })
    };
    let helm = ("helm.toolkit.fluxcd.io", "HelmRelease");
    let chart = |repository: &str, version: &str| {
        json!({
            "interval": "1h", "releaseName": "edge",
            "valuesFrom": [{"kind": "ConfigMap", "name": "values"}],
            "chart": {"spec": {"chart": "traefik", "version": version, "sourceRef": {"kind": "HelmRepository", "name": repository}}},
        })
    };
    cluster.apply(flux(
        "HelmRepository",
        "oci",
        json!({"type": "oci", "url": "oci://ghcr.io/traefik/helm"}),
    ));
    cluster.apply(flux(
        "HelmRepository",
        "dead",
        json!({"url": "https://example.com/charts"}),
    ));
    cluster.apply(flux(
        "HelmRelease",
        "edge",
        chart("oci", ">=41.0.0 <42.0.0"),
    ));
    cluster.apply(flux("HelmRelease", "old", chart("oci", "1.2.3")));
    let source = ("source.toolkit.fluxcd.io", "HelmRepository");
    cluster
        .until(source, "dead", |it| {
            reason(it, "FetchFailed").starts_with("True:")
        })
        .await;
    let old = cluster
        .until(
            ("source.toolkit.fluxcd.io", "HelmChart"),
            "default-old",
            |it| reason(it, "Stalled") == "True:InvalidChartReference",
        )
        .await;
    assert_eq!(reason(&old, "Ready"), "False:InvalidChartReference");
    // The release waits for the values that it names.
    cluster
        .until(helm, "edge", |it| {
            reason(it, "Ready") == "False:ValuesError"
        })
        .await;
    cluster.apply(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "values", "namespace": "default"},
        "data": {"values.yaml": "deployment: {replicas: 2}\nservice: {type: NodePort}\n"},
    }));
    let edge = cluster
        .until(helm, "edge", |it| {
            reason(it, "Ready") == "True:InstallSucceeded"
        })
        .await;
    assert_eq!(edge["status"]["helmChart"], "default/default-edge");
    let made = cluster
        .until(("apps", "Deployment"), "edge-traefik", |_| true)
        .await;
    assert_eq!(made["spec"]["replicas"], 2);

    // Deleted while suspended, it leaves what it made.
    let mut suspended = flux("HelmRelease", "edge", chart("oci", ">=41.0.0 <42.0.0"));
    suspended["spec"]["suspend"] = json!(true);
    cluster.apply(suspended);
    let key = super::key(&edge);
    let mut changes = cluster.api.subscribe();
    cluster.api.delete(&key).unwrap();
    while cluster.api.get(&key).is_some() {
        changes.recv().await.unwrap();
    }
    cluster
        .until(("apps", "Deployment"), "edge-traefik", |_| true)
        .await;
}

#[tokio::test]
async fn a_kustomization_applies_and_prunes() {
    let cluster = Cluster::open().await;
    cluster.flux().await;
    let config = |name: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\n")
    };
    let git = json!({"url": "https://git.example/repo", "files": {"apps/a.yaml": config("a"), "apps/b.yaml": config("b"), "other/c.yaml": config("c")}});
    let flux = |group: &str, kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": format!("{group}.toolkit.fluxcd.io/v1"), "kind": kind,
            "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        })
    };
    let repository =
        json!({"interval": "1m", "url": "https://git.example/repo", "ref": {"branch": "main"}});
    cluster.apply(flux("source", "GitRepository", "repo", repository));
    let failed = cluster
        .until(
            ("source.toolkit.fluxcd.io", "GitRepository"),
            "repo",
            |it| reason(it, "Ready") == "False:GitOperationFailed",
        )
        .await;
    assert!(
        super::object::find(&failed, "Ready").unwrap()["message"]
            .as_str()
            .unwrap()
            .contains("repository not found")
    );
    let spec = |path: &str| json!({"interval": "1m", "prune": true, "wait": true, "path": path, "sourceRef": {"kind": "GitRepository", "name": "repo"}});
    cluster.apply(flux("kustomize", "Kustomization", "apps", spec("./apps")));
    cluster.apply(flux(
        "kustomize",
        "Kustomization",
        "nowhere",
        spec("./nowhere"),
    ));
    assert_eq!(cluster.stage.post("git", git).await.0, 200);

    let kustomize = ("kustomize.toolkit.fluxcd.io", "Kustomization");
    let done = cluster
        .until(kustomize, "apps", |it| {
            reason(it, "Ready") == "True:ReconciliationSucceeded"
        })
        .await;
    assert_eq!(
        done["status"]["inventory"]["entries"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let lost = cluster.until(kustomize, "nowhere", |it| {
        let message = super::object::find(it, "Ready")
            .cloned()
            .unwrap_or_default()["message"]
            .to_string();
        message.contains("kustomization path not found")
    });
    lost.await;
    // A file that goes takes its object along.
    let git = json!({"url": "https://git.example/repo", "files": {"apps/b.yaml": config("b")}});
    cluster.stage.post("git", git).await;
    let first = done["status"]["lastAppliedRevision"].clone();
    cluster
        .until(kustomize, "apps", |it| {
            it["status"]["lastAppliedRevision"] != first
        })
        .await;
    let names = |cluster: &Cluster| -> Vec<Value> {
        let maps = cluster.api.list("", "ConfigMap", Some("default"));
        maps.iter()
            .map(|it| it["metadata"]["name"].clone())
            .filter(|name| name != "kube-root-ca.crt")
            .collect()
    };
    assert_eq!(names(&cluster), ["b"]);
    let key = super::key(&done);
    let mut changes = cluster.api.subscribe();
    cluster.api.delete(&key).unwrap();
    while cluster.api.get(&key).is_some() {
        changes.recv().await.unwrap();
    }
    assert!(names(&cluster).is_empty());
}
