mod flux;

use serde_json::{Value, json};

use super::{Verdict, judge};

/// The verdict in one line: "ready", "waiting: …", "failed: …".
fn verdict(object: &Value) -> String {
    match judge(object) {
        Verdict::Ready => "ready".into(),
        Verdict::Waiting(what) => format!("waiting: {what}"),
        Verdict::Failed(reason) => format!("failed: {reason}"),
    }
}

fn object(api_version: &str, kind: &str, generation: i64, spec: Value, status: Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": { "name": "x", "namespace": "y", "generation": generation },
        "spec": spec, "status": status,
    })
}

fn condition(name: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({ "type": name, "status": status, "reason": reason, "message": message })
}

fn check(cases: &[(&str, Value)]) {
    for (expected, object) in cases {
        assert_eq!(verdict(object), *expected, "{object:#}");
    }
}

#[test]
fn deployments() {
    let deployment =
        |status: Value| object("apps/v1", "Deployment", 2, json!({ "replicas": 2 }), status);
    let available = condition("Available", "True", "MinimumReplicasAvailable", "");
    check(&[
        (
            "waiting: its controller has not looked at it yet",
            deployment(Value::Null),
        ),
        (
            "waiting: its controller has not seen the last change yet",
            deployment(
                json!({ "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2 }),
            ),
        ),
        (
            "waiting: 1 of 2 updated",
            deployment(json!({ "observedGeneration": 2, "updatedReplicas": 1, "replicas": 3 })),
        ),
        (
            "waiting: 1 old to go",
            deployment(json!({ "observedGeneration": 2, "updatedReplicas": 2, "replicas": 3 })),
        ),
        (
            "waiting: 1 of 2 available",
            deployment(
                json!({ "observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 1 }),
            ),
        ),
        (
            "failed: ProgressDeadlineExceeded: ReplicaSet \"x-1\" has timed out progressing.",
            deployment(
                json!({ "observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "conditions": [
                condition("Progressing", "False", "ProgressDeadlineExceeded", "ReplicaSet \"x-1\" has timed out progressing.") ] }),
            ),
        ),
        (
            "ready",
            deployment(
                json!({ "observedGeneration": 2, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2, "conditions": [available] }),
            ),
        ),
        (
            "ready",
            object(
                "apps/v1",
                "Deployment",
                1,
                json!({ "replicas": 0 }),
                json!({ "observedGeneration": 1 }),
            ),
        ),
    ]);
}

#[test]
fn other_workloads() {
    let rolling = json!({ "replicas": 3, "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": { "partition": 1 } } });
    let set =
        |spec: &Value, status: Value| object("apps/v1", "StatefulSet", 1, spec.clone(), status);
    let daemon = |status: Value| object("apps/v1", "DaemonSet", 1, json!({}), status);
    let job = |status: Value| object("batch/v1", "Job", 1, json!({ "completions": 2 }), status);
    check(&[
        (
            "waiting: 2 of 3 ready",
            set(
                &rolling,
                json!({ "observedGeneration": 1, "readyReplicas": 2 }),
            ),
        ),
        (
            "waiting: 1 of 2 updated",
            set(
                &rolling,
                json!({ "observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": 1 }),
            ),
        ),
        (
            "ready",
            set(
                &rolling,
                json!({ "observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": 2 }),
            ),
        ),
        (
            "ready",
            set(
                &json!({ "updateStrategy": { "type": "OnDelete" } }),
                json!({ "observedGeneration": 1, "readyReplicas": 1 }),
            ),
        ),
        (
            "waiting: its controller has not looked at it yet",
            daemon(json!({})),
        ),
        (
            "waiting: 2 of 3 updated",
            daemon(
                json!({ "observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 2, "numberAvailable": 3 }),
            ),
        ),
        (
            "waiting: 2 of 3 available",
            daemon(
                json!({ "observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2 }),
            ),
        ),
        (
            "ready",
            daemon(
                json!({ "observedGeneration": 1, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3 }),
            ),
        ),
        ("waiting: 1 of 2 complete", job(json!({ "succeeded": 1 }))),
        (
            "ready",
            job(json!({ "succeeded": 2, "conditions": [condition("Complete", "True", "", "")] })),
        ),
        (
            "failed: BackoffLimitExceeded: Job has reached the specified backoff limit",
            job(
                json!({ "conditions": [condition("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")] }),
            ),
        ),
        (
            "waiting: ContainersNotReady: containers with unready status: [web]",
            object(
                "v1",
                "Pod",
                1,
                json!({}),
                json!({ "phase": "Running", "conditions": [
                condition("Ready", "False", "ContainersNotReady", "containers with unready status: [web]") ] }),
            ),
        ),
        (
            "waiting: pending",
            object("v1", "Pod", 1, json!({}), json!({ "phase": "Pending" })),
        ),
        (
            "ready",
            object("v1", "Pod", 1, json!({}), json!({ "phase": "Succeeded" })),
        ),
        (
            "failed: Evicted: The node was low on resource: memory.",
            object(
                "v1",
                "Pod",
                1,
                json!({}),
                json!({ "phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory." }),
            ),
        ),
    ]);
}

#[test]
fn what_the_cluster_itself_keeps() {
    let core = |kind: &str, spec: Value, status: Value| object("v1", kind, 1, spec, status);
    let definition = |conditions: Value| {
        object(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            1,
            json!({}),
            json!({ "conditions": conditions }),
        )
    };
    let mut going = core("Namespace", json!({}), json!({ "phase": "Terminating" }));
    going["metadata"]["deletionTimestamp"] = json!("2026-01-02T03:04:05Z");
    check(&[
        (
            "ready",
            core("Namespace", json!({}), json!({ "phase": "Active" })),
        ),
        (
            "waiting: not active yet",
            core("Namespace", json!({}), Value::Null),
        ),
        ("waiting: being deleted", going),
        (
            "waiting: pending",
            core(
                "PersistentVolumeClaim",
                json!({}),
                json!({ "phase": "Pending" }),
            ),
        ),
        (
            "ready",
            core(
                "PersistentVolumeClaim",
                json!({}),
                json!({ "phase": "Bound" }),
            ),
        ),
        (
            "failed: Lost: the volume that it was bound to is gone",
            core(
                "PersistentVolumeClaim",
                json!({}),
                json!({ "phase": "Lost" }),
            ),
        ),
        (
            "ready",
            core(
                "Service",
                json!({ "type": "ClusterIP" }),
                json!({ "loadBalancer": {} }),
            ),
        ),
        (
            "waiting: no address yet",
            core(
                "Service",
                json!({ "type": "LoadBalancer" }),
                json!({ "loadBalancer": {} }),
            ),
        ),
        (
            "ready",
            core(
                "Service",
                json!({ "type": "LoadBalancer" }),
                json!({ "loadBalancer": { "ingress": [{ "ip": "10.0.0.1" }] } }),
            ),
        ),
        ("waiting: not established yet", definition(json!([]))),
        (
            "ready",
            definition(json!([
                condition("NamesAccepted", "True", "NoConflicts", ""),
                condition("Established", "True", "InitialNamesAccepted", "")
            ])),
        ),
        (
            "failed: ListKindConflict: \"FooList\" is already in use",
            definition(json!([condition(
                "NamesAccepted",
                "False",
                "ListKindConflict",
                "\"FooList\" is already in use"
            )])),
        ),
        (
            "waiting: FailedDiscoveryCheck: no response",
            object(
                "apiregistration.k8s.io/v1",
                "APIService",
                0,
                json!({}),
                json!({ "conditions": [condition("Available", "False", "FailedDiscoveryCheck", "no response")] }),
            ),
        ),
        ("ready", core("ConfigMap", Value::Null, Value::Null)),
    ]);
}

#[test]
fn any_object_with_conditions() {
    let stale =
        json!({ "conditions": [{ "type": "Ready", "status": "True", "observedGeneration": 1 }] });
    check(&[
        (
            "ready",
            object(
                "traefik.io/v1alpha1",
                "Middleware",
                1,
                json!({}),
                Value::Null,
            ),
        ),
        (
            "ready",
            object(
                "example.com/v1",
                "Thing",
                1,
                json!({}),
                json!({ "conditions": [condition("Ready", "True", "", "")] }),
            ),
        ),
        (
            "waiting: Ready is False",
            object(
                "example.com/v1",
                "Thing",
                1,
                json!({}),
                json!({ "conditions": [condition("Ready", "False", "", "")] }),
            ),
        ),
        (
            "waiting: its controller has not looked at it yet",
            object(
                "cert-manager.io/v1",
                "ClusterIssuer",
                1,
                json!({}),
                Value::Null,
            ),
        ),
        (
            "waiting: its controller has not looked at it yet",
            object("example.com/v1", "Thing", 2, json!({}), stale),
        ),
        (
            "waiting: UnhealthyPackageRevision: not healthy",
            object(
                "pkg.crossplane.io/v1",
                "Provider",
                1,
                json!({}),
                json!({ "conditions": [
                condition("Installed", "True", "ActivePackageRevision", ""), condition("Healthy", "False", "UnhealthyPackageRevision", "not healthy") ] }),
            ),
        ),
        (
            "ready",
            object(
                "aws.m.upbound.io/v1beta1",
                "ClusterProviderConfig",
                1,
                json!({}),
                Value::Null,
            ),
        ),
    ]);
}
