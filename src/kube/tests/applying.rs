use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};
use windlass_provider::{Change, Fault};

use super::fixture::{Answer, Fixture, told};
use crate::kube::{Applied, ObjectRef, parse};

/// A component as manifests have them, in an order in which it could not be made.
const MANIFEST: &str = "
apiVersion: example.com/v1
kind: Gadget
metadata: {name: one, namespace: gadgets}
spec: {size: 3}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: gadgets}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: 'web:1', resources: {requests: {cpu: 100m}}}]
---
apiVersion: v1
kind: Secret
metadata: {name: values, namespace: gadgets}
stringData: {key: secret}
---
apiVersion: v1
kind: Namespace
metadata: {name: gadgets, labels: {app.kubernetes.io/managed-by: windlass}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Gadget, listKind: GadgetList, plural: gadgets, singular: gadget}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer, maximum: 5}}}
";

fn changes(applied: &[Applied]) -> Vec<String> {
    applied
        .iter()
        .map(|applied| format!("{}: {:?}", applied.object, applied.change))
        .collect()
}

#[tokio::test]
async fn what_is_applied_twice_is_unchanged() {
    let fixture = Fixture::new().await;
    let (cluster, cx) = (&fixture.cluster, &fixture.cx);
    let mut objects = parse("gadgets.yaml", MANIFEST).unwrap();
    let first = cluster.apply(cx, &objects).await.unwrap();
    insta::assert_snapshot!(changes(&first).join("\n"), @r"
    CustomResourceDefinition gadgets.example.com: Made
    Namespace gadgets: Made
    Secret gadgets/values: Made
    Deployment gadgets/web: Made
    Gadget gadgets/one: Made
    ");
    let versions = |applied: &[Applied]| -> Vec<Value> {
        applied
            .iter()
            .map(|applied| {
                fixture.read(&applied.object).unwrap()["metadata"]["resourceVersion"].clone()
            })
            .collect()
    };
    let before = versions(&first);
    let second = cluster.apply(cx, &objects).await.unwrap();
    for applied in &second {
        assert_eq!(applied.change, Change::Unchanged, "{}", applied.object);
    }
    assert_eq!(versions(&second), before);
    let secret = fixture
        .read(&ObjectRef::namespaced("v1", "Secret", "gadgets", "values"))
        .unwrap();
    assert_eq!(secret["data"], json!({ "key": "c2VjcmV0" }));

    objects[1]["spec"]["template"]["spec"]["containers"][0]["image"] = json!("web:2");
    let third = cluster.apply(cx, &objects).await.unwrap();
    let changed: Vec<_> = third
        .iter()
        .filter(|it| it.change != Change::Unchanged)
        .collect();
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].change, Change::Updated);
    assert_eq!(changed[0].object.kind, "Deployment");
}

#[tokio::test]
async fn what_holds_is_told_from_what_does_not() {
    let fixture = Fixture::new().await;
    let (cluster, cx) = (&fixture.cluster, &fixture.cx);
    let objects = parse("gadgets.yaml", MANIFEST).unwrap();
    let names: BTreeSet<_> = objects
        .iter()
        .map(|object| ObjectRef::of(object).unwrap())
        .collect();
    assert!(cluster.held(cx, &objects).await.unwrap().is_empty());
    cluster.apply(cx, &objects).await.unwrap();
    let held: BTreeSet<_> = cluster
        .held(cx, &objects)
        .await
        .unwrap()
        .into_keys()
        .collect();
    assert_eq!(held, names);

    let gadget = ObjectRef::namespaced("example.com/v1", "Gadget", "gadgets", "one");
    fixture.patch(&gadget, json!({ "spec": { "size": 4 } }));
    let secret = ObjectRef::namespaced("v1", "Secret", "gadgets", "values");
    fixture.patch(
        &secret,
        json!({ "metadata": { "finalizers": ["example.com/hold"] } }),
    );
    cluster
        .patch(
            cx,
            &gadget,
            &json!({ "metadata": { "labels": { "theirs": "too" } } }),
        )
        .await
        .unwrap();
    fixture.api.delete(&super::fixture::key(&secret)).unwrap();
    let held: BTreeSet<_> = cluster
        .held(cx, &objects)
        .await
        .unwrap()
        .into_keys()
        .collect();
    let lost: Vec<_> = names.difference(&held).map(ToString::to_string).collect();
    assert_eq!(lost, ["Gadget gadgets/one", "Secret gadgets/values"]);

    // Applying sets back what someone else changed.
    let again = cluster.apply(cx, &objects[..1]).await.unwrap();
    assert_eq!(changes(&again), ["Gadget gadgets/one: Updated"]);
    assert_eq!(fixture.read(&gadget).unwrap()["spec"]["size"], 3);
}

#[tokio::test]
async fn a_failed_apply_names_the_object_and_the_field() {
    let fixture = Fixture::new().await;
    let (cluster, cx) = (&fixture.cluster, &fixture.cx);
    let mut objects = parse("gadgets.yaml", MANIFEST).unwrap();
    objects[0]["spec"]["size"] = json!(9);
    let error = cluster.apply(cx, &objects).await.unwrap_err();
    assert_eq!(error.fault, Fault::Invalid);
    assert_eq!(error.message, "cannot apply Gadget gadgets/one");
    assert!(told(&error).contains("spec.size: "), "{}", told(&error));

    objects[0]["spec"] = json!({ "sise": 3 });
    let error = cluster.apply(cx, &objects[..1]).await.unwrap_err();
    assert_eq!(error.fault, Fault::Invalid, "{}", told(&error));
    assert!(
        told(&error).contains(".spec.sise: field not declared in schema"),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn where_an_object_lives_is_checked() {
    let fixture = Fixture::new().await;
    let (cluster, cx) = (&fixture.cluster, &fixture.cx);
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" } });
    let error = cluster
        .apply(cx, std::slice::from_ref(&map))
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Invalid);
    assert_eq!(error.hints, ["add metadata.namespace to ConfigMap m"]);

    let mut lost = map.clone();
    lost["metadata"]["namespace"] = json!("nowhere");
    let error = cluster.apply(cx, &[lost]).await.unwrap_err();
    assert_eq!(error.fault, Fault::Failed, "{}", told(&error));
    assert_eq!(
        error.hints,
        ["create it first: kubectl create namespace nowhere"]
    );

    // kubectl ignores the namespace of a kind that has none; charts rely on it.
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "r", "namespace": "a" }, "rules": [] });
    let applied = cluster.apply(cx, &[role]).await.unwrap();
    assert_eq!(changes(&applied), ["ClusterRole r: Made"]);
}

#[tokio::test]
async fn a_kind_that_is_established_and_not_served_yet_is_asked_for_again() {
    let fixture = Fixture::new().await;
    let page = Answer::Instead(StatusCode::NOT_FOUND, &[], "404 page not found\n".into());
    fixture.disturb("PATCH /apis/example.com", 2, page);
    let objects = parse("gadgets.yaml", MANIFEST).unwrap();
    fixture.cluster.apply(&fixture.cx, &objects).await.unwrap();
    assert_eq!(fixture.requests("PATCH /apis/example.com").len(), 3);
}
