//! What a server must bear: bodies that make no sense, many objects, and everyone at once.

mod common;

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use windlass_simulator::kube::ApiServer;

fn server() -> Arc<ApiServer> {
    common::server(None, None)
}

async fn send(
    server: &Arc<ApiServer>,
    method: &str,
    path: &str,
    media: &str,
    body: &str,
) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", media);
    let response = server
        .handle(
            request
                .body(Body::from(body.to_owned()))
                .expect("a request"),
        )
        .await;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

const GADGETS: &str = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
    "metadata":{"name":"gadgets.example.com"},"spec":{"group":"example.com","scope":"Namespaced",
    "names":{"plural":"gadgets","kind":"Gadget"},"versions":[{"name":"v1","served":true,"storage":true,
    "subresources":{"status":{},"scale":{"specReplicasPath":".spec.replicas","statusReplicasPath":".status.replicas"}},
    "schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":
    {"replicas":{"type":"integer","default":1}}},"status":{"type":"object"}}}}}]}}"#;

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused_and_change_nothing() {
    let server = server();
    let json = "application/json";
    let (status, _) = send(
        &server,
        "POST",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        json,
        GADGETS,
    )
    .await;
    assert_eq!(status, 201);
    let gadget =
        r#"{"apiVersion":"example.com/v1","kind":"Gadget","metadata":{"name":"g"},"spec":{}}"#;
    let gadgets = "/apis/example.com/v1/namespaces/default/gadgets";
    assert_eq!(send(&server, "POST", gadgets, json, gadget).await.0, 201);
    let account = r#"{"metadata":{"name":"a"}}"#;
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    assert_eq!(send(&server, "POST", accounts, json, account).await.0, 201);
    let before = server.objects();

    let bodies = [
        "",
        "null",
        "true",
        "7",
        "\"x\"",
        "[]",
        "[1",
        "{",
        "{\"metadata\":\"x\"}",
        "{\"metadata\":[]}",
        "{\"metadata\":{\"labels\":\"x\"}}",
        "{\"metadata\":{\"name\":7}}",
        "{\"metadata\":{\"ownerReferences\":{}}}",
        "{\"metadata\":{\"finalizers\":[7]}}",
        "{\"spec\":\"x\"}",
        "{\"spec\":[]}",
        "{\"spec\":{\"replicas\":{}}}",
        "{\"spec\":{\"template\":7}}",
        "{\"status\":\"x\"}",
        "{\"data\":[]}",
        "{\"kind\":7}",
        "{\"apiVersion\":{}}",
        "\u{0}",
        "{\"a\":",
        "- a\n- b",
        "a: [",
        "[{\"op\":\"add\"}]",
        "[{\"op\":\"add\",\"path\":\"/x/y/z\",\"value\":1}]",
        "[{\"op\":\"replace\",\"path\":\"\",\"value\":7}]",
        "[{\"op\":\"remove\",\"path\":\"/metadata\"}]",
    ];
    let paths = [
        ("POST", "/api/v1/namespaces/default/configmaps"),
        ("POST", "/apis/apps/v1/namespaces/default/deployments"),
        (
            "POST",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        ),
        ("POST", gadgets),
        ("PUT", "/apis/example.com/v1/namespaces/default/gadgets/g"),
        (
            "PUT",
            "/apis/example.com/v1/namespaces/default/gadgets/g/status",
        ),
        (
            "PATCH",
            "/apis/example.com/v1/namespaces/default/gadgets/none",
        ),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/default/deployments/none?fieldManager=m",
        ),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/default/deployments/none/scale",
        ),
        ("POST", "/api/v1/namespaces/default/pods/none/eviction"),
        ("DELETE", "/api/v1/namespaces/default/configmaps/none"),
    ];
    let media = [
        json,
        "application/yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    ];
    for (method, path) in paths {
        for media in media {
            for body in bodies {
                let (status, answer) = send(&server, method, path, media, body).await;
                assert!(
                    status.as_u16() >= 400,
                    "{method} {path} {media} {body:?}: {answer}"
                );
                assert_eq!(answer["kind"], "Status", "{method} {path} {media} {body:?}");
            }
        }
    }
    // These two answer some of the bodies well; they must only not break.
    for body in bodies {
        send(
            &server,
            "POST",
            "/api/v1/namespaces/default/serviceaccounts/a/token",
            json,
            body,
        )
        .await;
        send(
            &server,
            "POST",
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            json,
            body,
        )
        .await;
    }
    assert_eq!(server.objects(), before);
}

#[tokio::test]
async fn patches_that_make_no_sense_are_refused() {
    let server = server();
    let path = "/api/v1/namespaces/default/configmaps/kube-root-ca.crt";
    for (media, body) in [
        ("application/merge-patch+json", r#"{"metadata":"x"}"#),
        ("application/merge-patch+json", "7"),
        ("application/merge-patch+json", r#"{"data":{"a":{}}}"#),
        (
            "application/strategic-merge-patch+json",
            r#"{"metadata":[]}"#,
        ),
        (
            "application/json-patch+json",
            r#"[{"op":"replace","path":"","value":"x"}]"#,
        ),
        (
            "application/json-patch+json",
            r#"[{"op":"add","path":"/metadata/labels/x/y","value":"x"}]"#,
        ),
        (
            "application/json-patch+json",
            r#"[{"op":"move","path":"/data/b"}]"#,
        ),
    ] {
        let (status, answer) = send(&server, "PATCH", path, media, body).await;
        assert!(
            status.is_client_error(),
            "{media} {body}: {status} {answer}"
        );
    }
}

fn mixed(index: usize) -> (String, Value) {
    let name = format!("o{index}");
    let metadata = json!({ "name": name, "namespace": "default", "labels": { "app": name } });
    match index % 5 {
        0 => (
            format!("/api/v1/namespaces/default/configmaps/{name}"),
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { "a": "1" } }),
        ),
        1 => (
            format!("/api/v1/namespaces/default/secrets/{name}"),
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": { "a": "1" } }),
        ),
        2 => (
            format!("/api/v1/namespaces/default/services/{name}"),
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": metadata,
                "spec": { "selector": { "app": name }, "ports": [{ "port": 80 }] },
            }),
        ),
        3 => (
            format!("/apis/apps/v1/namespaces/default/deployments/{name}"),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
                "spec": {
                    "selector": { "matchLabels": { "app": name } },
                    "template": {
                        "metadata": { "labels": { "app": name } },
                        "spec": { "containers": [{ "name": "c", "image": "i:1", "env": [{ "name": "A", "value": "1" }] }] },
                    },
                },
            }),
        ),
        _ => (
            format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}"),
            json!({
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": name },
                "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }],
            }),
        ),
    }
}

#[tokio::test]
async fn five_hundred_objects_apply_side_by_side() {
    let server = server();
    let tasks: Vec<_> = (0..500)
        .map(|index| {
            let server = server.clone();
            tokio::spawn(async move {
                let (path, object) = mixed(index);
                let path = format!("{path}?fieldManager=test");
                send(
                    &server,
                    "PATCH",
                    &path,
                    "application/apply-patch+yaml",
                    &object.to_string(),
                )
                .await
                .0
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.expect("no task panics"), 201);
    }
    assert_eq!(server.list("apps", "Deployment", None).len(), 100);
    let mut revisions: Vec<String> = server
        .objects()
        .iter()
        .map(|object| object["metadata"]["resourceVersion"].to_string())
        .collect();
    let all = revisions.len();
    revisions.sort();
    revisions.dedup();
    assert_eq!(
        revisions.len(),
        all,
        "each object has a revision of its own"
    );
}
