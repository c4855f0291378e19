//! Owners and dependents: what goes with what, in process.

mod common;

use serde_json::{Value, json};
use std::sync::Arc;
use windlass_simulator::kube::{ApiServer, ChangeKind, Key};

fn server() -> Arc<ApiServer> {
    common::server(None, None)
}

fn key(name: &str) -> Key {
    let namespace = Some("default".to_owned());
    Key {
        group: String::new(),
        kind: "ConfigMap".to_owned(),
        namespace,
        name: name.to_owned(),
    }
}

fn make(server: &ApiServer, name: &str, owners: &[&Value], finalizers: &[&str]) -> Arc<Value> {
    let owners: Vec<Value> = owners
        .iter()
        .map(|owner| {
            let (name, uid) = (&owner["metadata"]["name"], &owner["metadata"]["uid"]);
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, "blockOwnerDeletion": true })
        })
        .collect();
    let metadata = json!({ "name": name, "namespace": "default", "ownerReferences": owners, "finalizers": finalizers });
    server
        .create(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata }))
        .expect("creates")
}

async fn delete(server: &Arc<ApiServer>, name: &str, policy: &str) {
    let path = format!("/api/v1/namespaces/default/configmaps/{name}?propagationPolicy={policy}");
    let request = http::Request::delete(path)
        .body(axum::body::Body::empty())
        .expect("a request");
    assert!(server.handle(request).await.status().is_success());
}

#[tokio::test]
async fn dependents_go_with_their_last_owner() {
    let server = server();
    let (first, second) = (
        make(&server, "first", &[], &[]),
        make(&server, "second", &[], &[]),
    );
    let child = make(&server, "child", &[&first, &second], &[]);
    make(&server, "grandchild", &[&child], &[]);
    server.delete(&key("first")).expect("deletes");
    let kept = server.get(&key("child")).expect("the other owner is there");
    assert_eq!(
        kept["metadata"]["ownerReferences"].as_array().map(Vec::len),
        Some(1)
    );
    server.delete(&key("second")).expect("deletes");
    assert!(server.get(&key("child")).is_none());
    assert!(server.get(&key("grandchild")).is_none());
}

#[tokio::test]
async fn foreground_deletion_waits_for_the_dependents() {
    let server = server();
    let owner = make(&server, "owner", &[], &[]);
    make(&server, "child", &[&owner], &["example.com/hold"]);
    delete(&server, "owner", "Foreground").await;
    let waiting = server.get(&key("owner")).expect("waits");
    assert_eq!(
        waiting["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    let free = json!({ "metadata": { "finalizers": null } });
    server
        .merge_patch(&key("child"), "test", None, free)
        .expect("lets go");
    assert!(server.get(&key("child")).is_none());
    assert!(server.get(&key("owner")).is_none());
}

#[tokio::test]
async fn orphans_stay_and_forget_their_owner() {
    let server = server();
    let owner = make(&server, "owner", &[], &[]);
    make(&server, "child", &[&owner], &[]);
    delete(&server, "owner", "Orphan").await;
    assert!(server.get(&key("owner")).is_none());
    let child = server.get(&key("child")).expect("stays");
    assert!(child["metadata"]["ownerReferences"].is_null());
}

#[tokio::test]
async fn subscribers_see_each_change_once_and_in_order() {
    let server = server();
    let mut changes = server.subscribe();
    make(&server, "a", &[], &[]);
    server.apply("test", json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "namespace": "default" }, "data": { "k": "v" },
    })).expect("applies");
    server.apply("test", json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a", "namespace": "default" }, "data": { "k": "v" },
    })).expect("applies again");
    server.delete(&key("a")).expect("deletes");
    let mut seen = Vec::new();
    while let Ok(change) = changes.try_recv() {
        seen.push((change.kind, change.key.name));
    }
    let name = || "a".to_owned();
    assert_eq!(
        seen,
        [
            (ChangeKind::Added, name()),
            (ChangeKind::Modified, name()),
            (ChangeKind::Deleted, name())
        ]
    );
}

#[tokio::test]
async fn definitions_and_namespaces_wait_for_finalizers_of_their_own() {
    let server = server();
    let cluster = |group: &str, kind: &str, name: &str| Key {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: None,
        name: name.to_owned(),
    };
    let version = json!({
        "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object" } },
    });
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "gadgets.example.com", "finalizers": ["example.com/hold"] },
        "spec": {
            "group": "example.com", "scope": "Cluster", "names": { "plural": "gadgets", "kind": "Gadget" },
            "versions": [version],
        },
    });
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "team", "finalizers": ["example.com/hold"] },
    });
    let held = [
        (
            definition,
            cluster(
                "apiextensions.k8s.io",
                "CustomResourceDefinition",
                "gadgets.example.com",
            ),
        ),
        (namespace, cluster("", "Namespace", "team")),
    ];
    for (object, key) in held {
        server.create(object).expect("creates");
        server.delete(&key).expect("is deleted");
        let waiting = server.get(&key).expect("waits");
        assert_eq!(
            waiting["metadata"]["finalizers"],
            json!(["example.com/hold"]),
            "{key:?}"
        );
        let free = json!({ "metadata": { "finalizers": null } });
        server
            .merge_patch(&key, "test", None, free)
            .expect("lets go");
        assert!(server.get(&key).is_none(), "{key:?}");
    }
}
