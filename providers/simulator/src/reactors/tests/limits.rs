//! What a cluster has no room for: ports of nodes, and quotas.

use super::{Cluster, key, reason, workload};
use serde_json::{Value, json};

fn listening(name: &str, image: &str) -> Value {
    let mut object = workload(
        "Deployment",
        name,
        image,
        json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}}),
    );
    let container = &mut object["spec"]["template"]["spec"]["containers"][0];
    container["ports"] = json!([{"containerPort": 8000, "hostPort": 80, "protocol": "TCP"}]);
    object
}

#[tokio::test]
async fn a_port_of_a_node_is_held_once() {
    let cluster = Cluster::open().await;
    let apps = ("apps", "Deployment");
    let is_available = |it: &Value| it["status"]["availableReplicas"] == 1;
    cluster.apply(listening("first", "nginx:1"));
    cluster.until(apps, "first", is_available).await;
    // Its own update gives the port up first.
    cluster.apply(listening("first", "nginx:2"));
    let done = |it: &Value| it["status"]["observedGeneration"] == 2 && is_available(it);
    cluster.until(apps, "first", done).await;
    cluster.apply(listening("second", "nginx:1"));
    let mut changes = cluster.api.subscribe();
    let message = loop {
        let pods = cluster.api.list("", "Pod", Some("default"));
        let condition = |pod: &Value| super::super::object::find(pod, "PodScheduled").cloned();
        let refused = pods
            .iter()
            .filter_map(|pod| condition(pod))
            .find(|it| it["status"] == "False");
        match refused {
            Some(condition) => break condition["message"].clone(),
            None => drop(changes.recv().await.unwrap()),
        }
    };
    assert_eq!(
        message,
        "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."
    );
    // Whoever waits gets it when its holder goes.
    cluster
        .api
        .delete(&key("apps", "Deployment", "first"))
        .unwrap();
    cluster.until(apps, "second", is_available).await;
}

#[tokio::test]
async fn a_quota_keeps_pods_away_until_it_grows() {
    let cluster = Cluster::open().await;
    let quota = |pods: &str| {
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team", "namespace": "default"},
            "spec": {"hard": {"pods": pods, "count/deployments.apps": "2", "limits.cpu": "4"}},
        })
    };
    cluster.apply(quota("1"));
    cluster.apply(workload(
        "Deployment",
        "web",
        "nginx:1",
        json!({"replicas": 2}),
    ));
    let apps = ("apps", "Deployment");
    let short = cluster
        .until(apps, "web", |it| {
            reason(it, "ReplicaFailure") == "True:FailedCreate"
                && it["status"]["availableReplicas"] == 1
        })
        .await;
    let failure = super::super::object::find(&short, "ReplicaFailure").unwrap();
    let message = failure["message"].as_str().unwrap();
    assert!(
        message.ends_with(
            "is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1"
        ),
        "{message}"
    );
    assert_eq!(cluster.events("FailedCreate"), 1);
    let used =
        |it: &Value| it["status"]["used"] == json!({"pods": "1", "count/deployments.apps": "1"});
    cluster.until(("", "ResourceQuota"), "team", used).await;
    cluster.apply(quota("5"));
    cluster
        .until(apps, "web", |it| {
            it["status"]["availableReplicas"] == 2 && reason(it, "ReplicaFailure") == ":"
        })
        .await;
    cluster.apply(workload("Deployment", "two", "nginx:1", json!({})));
    let third = workload("Deployment", "three", "nginx:1", json!({}));
    let refused = cluster.api.apply("test", third).unwrap_err();
    assert!(
        refused
            .message
            .contains("limited: count/deployments.apps=2"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_chart_whose_kinds_are_not_served_sends_nothing() {
    let cluster = Cluster::open().await;
    cluster.flux().await;
    cluster.apply(json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "metadata": {"name": "certs", "namespace": "default"},
        "spec": {"interval": "1h", "url": "oci://quay.io/jetstack/charts/cert-manager", "ref": {"tag": "v1.21.1"}},
    }));
    cluster.apply(json!({
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "certs", "namespace": "default"},
        "spec": {
            "interval": "1h", "chartRef": {"kind": "OCIRepository", "name": "certs"},
            "values": {"prometheus": {"servicemonitor": {"enabled": true}}},
        },
    }));
    let release = ("helm.toolkit.fluxcd.io", "HelmRelease");
    let failed = cluster
        .until(release, "certs", |it| {
            reason(it, "Ready") == "False:InstallFailed"
        })
        .await;
    let message = super::super::object::find(&failed, "Ready").unwrap()["message"]
        .as_str()
        .unwrap();
    assert!(
        message.contains(
            "no matches for kind \"ServiceMonitor\" in version \"monitoring.coreos.com/v1\""
        ),
        "{message}"
    );
    assert!(
        cluster
            .api
            .list("apps", "Deployment", Some("default"))
            .is_empty()
    );
}
