//! What is told of pods, as the scheduler and the kubelet tell it.

use super::{Cluster, workload};
use serde_json::{Value, json};

/// Returns the events about objects whose name begins so, in order, as "Normal Pulled main by kubelet: message".
fn told(cluster: &Cluster, begins: &str) -> Vec<String> {
    let events = cluster.api.list("", "Event", Some("default"));
    let about = |it: &&std::sync::Arc<Value>| {
        let object = &it["involvedObject"];
        let name = object["name"].as_str().unwrap();
        object["kind"] == "Pod" && name.starts_with(begins)
    };
    let mut events: Vec<_> = events.iter().filter(about).collect();
    let at = |it: &Value, field: &str| it[field].as_str().unwrap().to_owned();
    let order = |it: &Value| {
        it["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .parse::<u64>()
    };
    events.sort_by_key(|it| (at(it, "firstTimestamp"), order(it).unwrap()));
    let tell = |it: &&std::sync::Arc<Value>| {
        let part = it["involvedObject"]["fieldPath"].as_str().unwrap_or("-");
        let part = part.trim_start_matches("spec.containers");
        let by = at(&it["source"], "component");
        format!(
            "{} {} {part} {by}: {}",
            at(it, "type"),
            at(it, "reason"),
            at(it, "message")
        )
    };
    events.iter().map(tell).collect()
}

fn pod(name: &str, images: &[&str]) -> Value {
    let containers = images.iter().enumerate();
    let containers: Vec<Value> = containers
        .map(|(n, image)| json!({"name": format!("c{n}"), "image": image}))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": containers},
    })
}

#[tokio::test]
async fn a_pod_is_told_from_its_scheduling_to_its_end() {
    let cluster = Cluster::open().await;
    let runs = |it: &Value| it["status"]["phase"] == "Running";
    // Until then the node is not ready.
    cluster.apply(pod("before", &["pause:1"]));
    cluster.until(("", "Pod"), "before", runs).await;
    cluster.apply(pod("first", &["nginx:1", "sidecar:2"]));
    let first = cluster.until(("", "Pod"), "first", runs).await;
    let node = first["spec"]["nodeName"].as_str().unwrap();
    assert_eq!(
        told(&cluster, "first")[..3],
        [
            format!(
                "Normal Scheduled - default-scheduler: Successfully assigned default/first to {node}"
            ),
            "Normal Pulling {c0} kubelet: Pulling image \"nginx:1\"".to_owned(),
            "Normal Pulling {c1} kubelet: Pulling image \"sidecar:2\"".to_owned(),
        ]
    );
    let rest: Vec<String> = told(&cluster, "first")[3..]
        .iter()
        .map(|it| it.split(" in ").next().unwrap().to_owned())
        .collect();
    assert_eq!(
        rest,
        [
            "Normal Pulled {c0} kubelet: Successfully pulled image \"nginx:1\"",
            "Normal Created {c0} kubelet: Container created",
            "Normal Started {c0} kubelet: Container started",
            "Normal Pulled {c1} kubelet: Successfully pulled image \"sidecar:2\"",
            "Normal Created {c1} kubelet: Container created",
            "Normal Started {c1} kubelet: Container started",
        ]
    );

    // What a node has, it does not fetch again.
    cluster.apply(pod("second", &["nginx:1"]));
    cluster.until(("", "Pod"), "second", runs).await;
    let second = told(&cluster, "second");
    assert!(
        second[1].ends_with(
            "Container image \"nginx:1\" already present on machine and can be accessed by the pod"
        ),
        "{second:?}"
    );
    assert_eq!(second.len(), 4);

    let mut changes = cluster.api.subscribe();
    cluster
        .api
        .delete(&super::key("", "Pod", "second"))
        .unwrap();
    while told(&cluster, "second").len() < 5 {
        changes.recv().await.unwrap();
    }
    assert_eq!(
        told(&cluster, "second")[4],
        "Normal Killing {c0} kubelet: Stopping container c0"
    );
    // Nothing was stopped of what was not there to be stopped.
    let all = cluster.events("Killing");
    assert_eq!(all, 1);
}

#[tokio::test]
async fn what_goes_wrong_with_a_container_is_told_with_what_went_well() {
    let cluster = Cluster::open().await;
    cluster.apply(workload("Deployment", "loop", "app:crash", json!({})));
    let mut changes = cluster.api.subscribe();
    let fourth = |it: &Value| it["reason"] == "Started" && it["count"] == 4;
    while !cluster
        .api
        .list("", "Event", Some("default"))
        .iter()
        .any(|it| fourth(it))
    {
        changes.recv().await.unwrap();
    }
    let reasons = |begins: &str| -> Vec<String> {
        let told = told(&cluster, begins);
        let words = told
            .iter()
            .map(|it| it.split(' ').take(2).collect::<Vec<_>>().join(" "));
        words.collect()
    };
    let told = reasons("loop-");
    for reason in ["Normal Pulling", "Normal Started", "Warning BackOff"] {
        assert!(told.contains(&reason.to_owned()), "{told:?}");
    }

    cluster.apply(pod("none", &["app:missing"]));
    cluster
        .until(("", "Pod"), "none", |it| {
            it["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
        })
        .await;
    assert_eq!(
        reasons("none"),
        [
            "Normal Scheduled",
            "Normal Pulling",
            "Warning Failed",
            "Warning Failed",
            "Normal BackOff",
            "Warning Failed"
        ]
    );
}
