use serde_json::json;
use windlass_provider::Fault;

use super::fixture::{Fixture, told};
use crate::kube::{Component, Inventory, ObjectRef, inventory};

fn component(i: usize) -> Component {
    Component {
        version: format!("1.{i}"),
        digest: "sha256:00".into(),
        namespace: "traefik".into(),
        objects: vec![ObjectRef::namespaced("v1", "Secret", "traefik", "values")],
        extras: Vec::new(),
        options: Default::default(),
        rest: Default::default(),
    }
}

#[tokio::test]
async fn entries_written_side_by_side_are_all_there() {
    let fixture = Fixture::new().await;
    let (cluster, cx) = (&fixture.cluster, &fixture.cx);
    assert_eq!(
        Inventory::read(cluster, cx).await.unwrap(),
        Inventory::default()
    );
    fixture.create(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": inventory::NAMESPACE } }));
    let components: Vec<_> = (0..12).map(|i| (format!("c{i}"), component(i))).collect();
    let writes = components
        .iter()
        .map(|(name, component)| component.record(cluster, cx, name));
    let namespaces =
        ["a-team", "b-team"].map(|name| inventory::record_namespace(cluster, cx, name));
    let (written, recorded) = futures::join!(
        futures::future::join_all(writes),
        futures::future::join_all(namespaces)
    );
    for result in written.into_iter().chain(recorded) {
        result.unwrap();
    }
    let read = Inventory::read(cluster, cx).await.unwrap();
    assert_eq!(read.components, components.iter().cloned().collect());
    assert_eq!(
        read.namespaces.iter().collect::<Vec<_>>(),
        ["a-team", "b-team"]
    );

    component(99).record(cluster, cx, "c3").await.unwrap();
    Component::forget(cluster, cx, "c4").await.unwrap();
    Component::forget(cluster, cx, "c4").await.unwrap();
    inventory::forget_namespace(cluster, cx, "a-team")
        .await
        .unwrap();
    let read = Inventory::read(cluster, cx).await.unwrap();
    assert_eq!(read.components.len(), 11);
    assert_eq!(read.components["c3"].version, "1.99");
    assert_eq!(read.namespaces.iter().collect::<Vec<_>>(), ["b-team"]);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_not_overwritten() {
    let fixture = Fixture::new().await;
    let (cluster, cx) = (&fixture.cluster, &fixture.cx);
    fixture.create(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": inventory::NAMESPACE } }));
    component(1).record(cluster, cx, "flux").await.unwrap();
    let map = ObjectRef::namespaced("v1", "ConfigMap", inventory::NAMESPACE, "windlass");
    fixture.patch(&map, json!({ "data": { "component.flux": "{half" } }));
    for error in [
        Inventory::read(cluster, cx).await.unwrap_err(),
        component(2).record(cluster, cx, "flux").await.unwrap_err(),
    ] {
        assert_eq!(error.fault, Fault::Invalid);
        assert!(
            error.message.contains("key component.flux"),
            "{}",
            told(&error)
        );
    }
    assert_eq!(
        fixture.read(&map).unwrap()["data"]["component.flux"],
        "{half"
    );
    component(2).record(cluster, cx, "traefik").await.unwrap();
}
