//! What was there before a step: objects that were made, and what controllers did, which the recording leaves out.

use crate::replay::Replay;
use serde_json::{Value, json};

const USER: &str = "contract/1.0";
const CONTROLLER: &str = "kube-controller-manager/1.36";

/// Makes in a namespace what controllers make, where there are none.
pub(crate) async fn stand_in(replay: &Replay, namespace: &str) {
    let account = json!({ "metadata": { "name": "default" } });
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    replay.must("POST", &path, CONTROLLER, &account).await;
    let description = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the \
                       internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of \
                       Kubernetes clusters.";
    let authority = json!({
        "metadata": { "name": "kube-root-ca.crt", "annotations": { "kubernetes.io/description": description } },
        "data": { "ca.crt": "" },
    });
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    replay.must("POST", &path, CONTROLLER, &authority).await;
}

/// Makes what a step needs.
pub(crate) async fn before(replay: &mut Replay, scenario: &str, step: &str) {
    match (scenario, step) {
        ("patches", "merge patch") => patches(replay).await,
        ("list", "equality") => {
            for (index, app) in ["a", "a", "a", "b", "b"].iter().enumerate() {
                let labels = json!({ "app": app, "n": index.to_string() });
                let object = json!({ "metadata": { "name": format!("l{index}"), "labels": labels }, "data": { "i": index.to_string() } });
                config_map(replay, "c-list", object).await;
            }
        }
        ("table", "pods") => {
            deployment(replay, "c-table", "t", 2, "t-7d4fc54b95", "7d4fc54b95").await;
        }
        (
            "watch",
            "from a resourceVersion: added, modified, leaving selector = DELETED, deleted",
        ) => watch(replay).await,
        ("delete", "plain: Status with details") => {
            for name in ["a", "b", "c", "d", "e", "f"] {
                config_map(
                    replay,
                    "c-delete",
                    json!({ "metadata": { "name": name }, "data": { "x": name } }),
                )
                .await;
            }
            let found = replay
                .must(
                    "GET",
                    "/api/v1/namespaces/c-delete/configmaps/b",
                    USER,
                    &Value::Null,
                )
                .await;
            learn(replay, "UID-3", &found["metadata"]["uid"]);
            learn(replay, "RV-3", &found["metadata"]["resourceVersion"]);
        }
        ("propagation", "owner references of a replica set") => {
            for (name, hash) in [
                ("bg", "764596c494"),
                ("fg", "7545849594"),
                ("or", "58f985f96d"),
            ] {
                deployment(
                    replay,
                    "c-propagation",
                    name,
                    1,
                    &format!("{name}-{hash}"),
                    hash,
                )
                .await;
            }
        }
        ("propagation", "dependent with blockOwnerDeletion") => {
            let owner = config_map(
                replay,
                "c-propagation",
                json!({ "metadata": { "name": "owner" } }),
            )
            .await;
            learn(replay, "UID-7", &owner["metadata"]["uid"]);
        }
        ("namespace", "delete: Terminating") => {
            let held =
                json!({ "metadata": { "name": "held", "finalizers": ["example.com/hold"] } });
            config_map(replay, "contract-ns", held).await;
        }
        ("namespace", "gone") => {
            let path = "/api/v1/namespaces/contract-ns/configmaps/held";
            replay
                .must(
                    "PATCH",
                    path,
                    USER,
                    &json!({ "metadata": { "finalizers": null } }),
                )
                .await;
        }
        ("crd", "delete the CRD: terminating, body trimmed") => {
            let held = json!({ "metadata": { "finalizers": ["example.com/hold"] } });
            replay
                .must(
                    "PATCH",
                    "/apis/contract.example.com/v1/namespaces/c-crd/gadgets/nulls",
                    USER,
                    &held,
                )
                .await;
        }
        ("crd", "CRD gone") => {
            let free = json!({ "metadata": { "finalizers": null } });
            replay
                .must(
                    "PATCH",
                    "/apis/contract.example.com/v1/namespaces/c-crd/gadgets/nulls",
                    USER,
                    &free,
                )
                .await;
        }
        ("dry-run", "patch") => {
            config_map(
                replay,
                "c-dry-run",
                json!({ "metadata": { "name": "e" }, "data": { "a": "1" } }),
            )
            .await;
        }
        ("eviction", "budget status") => {
            let metadata = json!({ "name": "p", "labels": { "app": "p" } });
            let spec = json!({ "containers": [{ "name": "c", "image": "busybox:1.36" }] });
            let pod =
                json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec });
            replay
                .must("POST", "/api/v1/namespaces/c-eviction/pods", USER, &pod)
                .await;
            // One that does not run may always go.
            let runs = json!({ "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } });
            let path = "/api/v1/namespaces/c-eviction/pods/p/status";
            replay.must("PATCH", path, CONTROLLER, &runs).await;
            let condition = json!({
                "type": "DisruptionAllowed", "status": "False", "observedGeneration": 1, "reason": "InsufficientPods",
                "message": "", "lastTransitionTime": "2026-05-28T20:26:40Z",
            });
            let status = json!({
                "observedGeneration": 1, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1, "disruptionsAllowed": 0,
                "conditions": [condition],
            });
            budget(replay, status).await;
        }
        ("eviction", "allowed 201") => budget(replay, json!({ "disruptionsAllowed": 1 })).await,
        _ => {}
    }
}

/// Returns whether a step is refused by nothing but a rule in CEL. Rules are not evaluated: what was refused would be stored.
pub(crate) fn rests_on_rules(scenario: &str, step: &str) -> bool {
    scenario == "crd" && matches!(step, "CEL 422" | "transition rule 422")
}

fn learn(replay: &mut Replay, name: &str, value: &Value) {
    replay
        .known
        .insert(name.to_owned(), value.as_str().expect("text").to_owned());
}

async fn config_map(replay: &Replay, namespace: &str, mut object: Value) -> Value {
    object["apiVersion"] = json!("v1");
    object["kind"] = json!("ConfigMap");
    replay
        .must(
            "POST",
            &format!("/api/v1/namespaces/{namespace}/configmaps"),
            USER,
            &object,
        )
        .await
}

async fn budget(replay: &Replay, status: Value) {
    let path = "/apis/policy/v1/namespaces/c-eviction/poddisruptionbudgets/b/status";
    replay
        .must("PATCH", path, CONTROLLER, &json!({ "status": status }))
        .await;
}

fn pod_spec() -> Value {
    json!({ "containers": [{
        "name": "web", "image": "nginx:1.25", "ports": [{ "containerPort": 80 }], "env": [{ "name": "A", "value": "1" }],
    }] })
}

async fn patches(replay: &mut Replay) {
    let object = json!({ "metadata": { "name": "p", "labels": { "x": "y" } }, "data": { "a": "1", "b": "2" } });
    let object = config_map(replay, "c-patches", object).await;
    learn(replay, "RV-1", &object["metadata"]["resourceVersion"]);
    let frozen =
        json!({ "metadata": { "name": "frozen" }, "data": { "a": "1" }, "immutable": true });
    config_map(replay, "c-patches", frozen).await;
    replay
        .must(
            "POST",
            "/apis/apps/v1/namespaces/c-patches/deployments",
            USER,
            &deployment_of("d", 0),
        )
        .await;
}

async fn watch(replay: &mut Replay) {
    let path = "/api/v1/namespaces/c-watch/configmaps";
    let before = replay.must("GET", path, USER, &Value::Null).await;
    learn(replay, "RV-2", &before["metadata"]["resourceVersion"]);
    let object = |name: &str| json!({ "metadata": { "name": name, "labels": { "w": "1" } }, "data": { "a": "1" } });
    config_map(replay, "c-watch", object("w1")).await;
    replay
        .must(
            "PATCH",
            &format!("{path}/w1"),
            USER,
            &json!({ "data": { "a": "2" } }),
        )
        .await;
    config_map(replay, "c-watch", object("w2")).await;
    replay
        .must("DELETE", &format!("{path}/w2"), USER, &Value::Null)
        .await;
    replay
        .must(
            "PATCH",
            &format!("{path}/w1"),
            USER,
            &json!({ "metadata": { "labels": { "w": null } } }),
        )
        .await;
    config_map(replay, "c-watch", object("w3")).await;
}

fn deployment_of(name: &str, replicas: u32) -> Value {
    let labels = json!({ "app": name });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod_spec() },
        },
    })
}

/// Makes a Deployment and what its controllers make of it.
async fn deployment(
    replay: &mut Replay,
    namespace: &str,
    name: &str,
    replicas: u32,
    set: &str,
    hash: &str,
) {
    let apps = format!("/apis/apps/v1/namespaces/{namespace}");
    let made = replay
        .must(
            "POST",
            &format!("{apps}/deployments"),
            USER,
            &deployment_of(name, replicas),
        )
        .await;
    let labels = json!({ "app": name, "pod-template-hash": hash });
    let owner = |api_version: &str, kind: &str, name: &str, uid: &Value| {
        json!([{
            "apiVersion": api_version, "kind": kind, "name": name, "uid": uid, "controller": true, "blockOwnerDeletion": true,
        }])
    };
    let annotations = json!({
        "deployment.kubernetes.io/desired-replicas": replicas.to_string(),
        "deployment.kubernetes.io/max-replicas": (replicas + 1).to_string(),
        "deployment.kubernetes.io/revision": "1",
    });
    let replica_set = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": set, "labels": labels, "annotations": annotations,
            "ownerReferences": owner("apps/v1", "Deployment", name, &made["metadata"]["uid"]),
        },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": pod_spec() },
        },
    });
    let made = replay
        .must(
            "POST",
            &format!("{apps}/replicasets"),
            CONTROLLER,
            &replica_set,
        )
        .await;
    for index in 0..replicas {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "generateName": format!("{set}-"), "name": format!("{set}-pod{index:02}"), "labels": labels,
                "ownerReferences": owner("apps/v1", "ReplicaSet", set, &made["metadata"]["uid"]),
            },
            "spec": pod_spec(),
        });
        replay
            .must(
                "POST",
                &format!("/api/v1/namespaces/{namespace}/pods"),
                CONTROLLER,
                &pod,
            )
            .await;
    }
    let status = json!({
        "replicas": replicas, "fullyLabeledReplicas": replicas, "terminatingReplicas": 0, "observedGeneration": 1,
    });
    let path = format!("{apps}/replicasets/{set}/status");
    replay
        .must("PATCH", &path, CONTROLLER, &json!({ "status": status }))
        .await;
    let status = json!({
        "observedGeneration": 1, "replicas": replicas, "updatedReplicas": replicas, "unavailableReplicas": replicas,
        "terminatingReplicas": 0,
    });
    let path = format!("{apps}/deployments/{name}/status");
    replay
        .must("PATCH", &path, CONTROLLER, &json!({ "status": status }))
        .await;
}
