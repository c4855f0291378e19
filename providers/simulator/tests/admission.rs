//! What stands before storage besides the rules of a kind: webhooks and roles.

mod common;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use std::sync::Arc;
use windlass_simulator::kube::ApiServer;

async fn send(
    server: &Arc<ApiServer>,
    method: &str,
    path: &str,
    token: &str,
    body: Value,
) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"));
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let response = server
        .handle(request.body(Body::from(text)).expect("a request"))
        .await;
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .expect("a body");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn a_webhook_without_its_service_refuses() {
    let server = common::server(None, None);
    let webhook = json!({
        "name": "w.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": { "service": { "name": "hook", "namespace": "default", "path": "/v" } },
        "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["*/*"] }],
        "objectSelector": { "matchLabels": { "checked": "yes" } },
    });
    server
        .create(json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": "w" }, "webhooks": [webhook],
        }))
        .expect("creates");
    let object = |name: &str, label: &str| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": "default", "labels": { "checked": label } },
        })
    };
    let refused = server
        .create(object("a", "yes"))
        .expect_err("nobody answers");
    assert_eq!(refused.code, 500);
    assert!(
        refused.message.contains("service \"hook\" not found"),
        "{refused}"
    );
    server
        .create(object("b", "no"))
        .expect("is none of its objects");
    server
        .create(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "hook", "namespace": "default" },
            "spec": { "ports": [{ "port": 443 }] },
        }))
        .expect("creates");
    server.create(object("a", "yes")).expect("somebody answers");

    // One that leads to pods has nobody to answer until one of them is ready.
    let key = windlass_simulator::kube::Key {
        group: String::new(),
        kind: "Service".to_owned(),
        namespace: Some("default".to_owned()),
        name: "hook".to_owned(),
    };
    let selector = json!({ "spec": { "selector": { "app": "hook" } } });
    let service = server
        .merge_patch(&key, "test", None, selector)
        .expect("changes");
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "hook", "namespace": "default", "labels": { "app": "hook" } },
        "spec": { "containers": [{ "name": "main", "image": "hook:1" }] },
    });
    server.create(pod).expect("creates");
    let refused = server
        .create(object("c", "yes"))
        .expect_err("nobody answers");
    let address = service["spec"]["clusterIP"].as_str().expect("an address");
    assert_eq!(
        refused.message,
        format!(
            "Internal error occurred: failed calling webhook \"w.example.com\": failed to call webhook: Post \
             \"https://hook.default.svc:443/v?timeout=10s\": dial tcp {address}:443: connect: connection refused"
        )
    );
    let key = windlass_simulator::kube::Key {
        kind: "Pod".to_owned(),
        ..key
    };
    let ready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
    server
        .merge_patch(&key, "kubelet", Some("status"), ready)
        .expect("changes");
    server.create(object("c", "yes")).expect("a pod answers");
}

#[tokio::test]
async fn a_token_of_a_service_account_may_what_its_role_says_until_the_account_goes() {
    let server = common::server(Some("admin"), None);
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    let account = json!({ "metadata": { "name": "bot" } });
    assert_eq!(
        send(&server, "POST", accounts, "admin", account).await.0,
        201
    );
    let asked = json!({ "spec": { "expirationSeconds": 600 } });
    let (_, issued) = send(
        &server,
        "POST",
        &format!("{accounts}/bot/token"),
        "admin",
        asked,
    )
    .await;
    let token = issued["status"]["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let maps = "/api/v1/namespaces/default/configmaps";
    assert_eq!(send(&server, "GET", maps, &token, Value::Null).await.0, 403);
    let role = json!({
        "metadata": { "name": "reader" }, "rules": [{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"] }],
    });
    let rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
    assert_eq!(
        send(&server, "POST", &format!("{rbac}/roles"), "admin", role)
            .await
            .0,
        201
    );
    let binding = json!({
        "metadata": { "name": "reader" }, "roleRef": { "kind": "Role", "name": "reader" },
        "subjects": [{ "kind": "ServiceAccount", "name": "bot", "namespace": "default" }],
    });
    assert_eq!(
        send(
            &server,
            "POST",
            &format!("{rbac}/rolebindings"),
            "admin",
            binding
        )
        .await
        .0,
        201
    );
    assert_eq!(send(&server, "GET", maps, &token, Value::Null).await.0, 200);
    assert_eq!(
        send(&server, "DELETE", maps, &token, Value::Null).await.0,
        403,
        "only what the role says"
    );
    let forged = format!("{}x", &token[..token.len() - 1]);
    assert_eq!(
        send(&server, "GET", maps, &forged, Value::Null).await.0,
        401
    );
    assert_eq!(
        send(
            &server,
            "DELETE",
            &format!("{accounts}/bot"),
            "admin",
            Value::Null
        )
        .await
        .0,
        200
    );
    assert_eq!(
        send(&server, "GET", maps, &token, Value::Null).await.0,
        401,
        "a token goes with its account"
    );
}

#[tokio::test]
async fn what_a_container_mounts_must_be_there() {
    let server = common::server(None, None);
    let set = |volume: &str| {
        let mount = json!({ "name": volume, "mountPath": "/data" });
        let spec =
            json!({ "containers": [{ "name": "c", "image": "i:1", "volumeMounts": [mount] }] });
        let claim = json!({
            "metadata": { "name": "claimed" },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
        });
        json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": { "name": "s", "namespace": "default" },
            "spec": {
                "serviceName": "s", "selector": { "matchLabels": { "app": "s" } }, "volumeClaimTemplates": [claim],
                "template": { "metadata": { "labels": { "app": "s" } }, "spec": spec },
            },
        })
    };
    let refused = server
        .create(set("missing"))
        .expect_err("there is no such volume");
    let place = "spec.template.spec.containers[0].volumeMounts[0].name: Not found: \"missing\"";
    assert!(refused.message.contains(place), "{refused}");
    let made = server.create(set("claimed")).expect("a claim is a volume");
    assert_eq!(made["spec"]["podManagementPolicy"], "OrderedReady");
}

#[tokio::test]
async fn without_a_token_everyone_is_admin() {
    let server = common::server(None, None);
    let (status, review) = send(
        &server,
        "POST",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        "eyJhbGciOiJub25lIn0.e30.x",
        json!({}),
    )
    .await;
    assert_eq!(
        (status, &review["status"]["userInfo"]["username"]),
        (201, &json!("admin"))
    );
}
