use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use windlass_provider::Change;

use super::fixture::{Answer, Fixture, key, told};
use crate::kube::ObjectRef;

fn map(fixture: &Fixture, name: &str, finalizers: &[&str]) -> ObjectRef {
    fixture.create(json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": "a", "finalizers": finalizers },
    }));
    ObjectRef::namespaced("v1", "ConfigMap", "a", name)
}

#[tokio::test]
async fn deleting_ends_when_the_last_finalizer_is_gone() {
    let fixture = Fixture::new().await;
    let free = map(&fixture, "free", &[]);
    let held = map(&fixture, "held", &["example.com/hold"]);
    let absent = ObjectRef::namespaced("v1", "ConfigMap", "a", "absent");
    let unserved = ObjectRef::cluster("example.com/v1", "Gadget", "x");
    let refs = [free.clone(), held.clone(), absent, unserved];
    let controller = async {
        fixture
            .until_said("ConfigMap a/held: held by example.com/hold")
            .await;
        assert!(fixture.read(&free).is_none());
        fixture.patch(&held, json!({ "metadata": { "finalizers": null } }));
    };
    let (deleted, ()) = futures::join!(
        fixture.cluster.delete_and_wait(&fixture.cx, &refs),
        controller
    );
    assert_eq!(
        deleted.unwrap(),
        [
            Change::Removed,
            Change::Removed,
            Change::Absent,
            Change::Absent
        ]
    );
    let again = fixture
        .cluster
        .delete_and_wait(&fixture.cx, &refs)
        .await
        .unwrap();
    assert_eq!(again, [Change::Absent; 4]);
}

#[tokio::test]
async fn a_deletion_that_is_stuck_names_what_holds_it_and_leaves_it() {
    // Whatever the clock of the API shows.
    for minutes in [0, -60, 60] {
        let fixture = Fixture::ahead(minutes).await;
        is_told_and_left(&fixture).await;
    }
}

async fn is_told_and_left(fixture: &Fixture) {
    let held = map(fixture, "held", &["example.com/hold", "example.com/other"]);
    fixture.api.delete(&key(&held)).unwrap();
    fixture.clock.advance(Duration::from_secs(180));
    let cx = fixture.cx.within(Duration::from_secs(60));
    let time = async {
        fixture.until_said("held by").await;
        fixture.clock.advance(Duration::from_secs(120));
    };
    let refs = std::slice::from_ref(&held);
    let (deleted, ()) = futures::join!(fixture.cluster.delete_and_wait(&cx, refs), time);
    insta::allow_duplicates! {
    insta::assert_snapshot!(told(&deleted.unwrap_err()), @r"
    TimedOut: ConfigMap a/held is not gone: the time ran out
      caused by: ConfigMap a/held: held by example.com/hold, example.com/other, deleted 5 min ago
      hint: a finalizer is taken away by the controller that set it, when what it guards is gone: see whether that controller runs and what it says
    ");
    }
    let there = fixture.read(&held).unwrap();
    assert_eq!(
        there["metadata"]["finalizers"],
        json!(["example.com/hold", "example.com/other"])
    );
}

#[tokio::test]
async fn a_namespace_goes_with_all_that_is_in_it() {
    let fixture = Fixture::new().await;
    let held = map(&fixture, "held", &["example.com/hold"]);
    let namespace = ObjectRef::cluster("v1", "Namespace", "a");
    let controller = async {
        fixture.until_said("Namespace a").await;
        fixture.patch(&held, json!({ "metadata": { "finalizers": null } }));
    };
    let refs = std::slice::from_ref(&namespace);
    let (deleted, ()) = futures::join!(
        fixture.cluster.delete_and_wait(&fixture.cx, refs),
        controller
    );
    assert_eq!(deleted.unwrap(), [Change::Removed]);
    assert!(fixture.read(&namespace).is_none());
}

#[tokio::test]
async fn another_of_the_same_name_is_not_waited_for() {
    let fixture = Fixture::new().await;
    let held = map(&fixture, "held", &["example.com/hold"]);
    let controller = async {
        fixture.until_said("held by").await;
        fixture.patch(&held, json!({ "metadata": { "finalizers": null } }));
        map(&fixture, "held", &[]);
    };
    let refs = std::slice::from_ref(&held);
    let (deleted, ()) = futures::join!(
        fixture.cluster.delete_and_wait(&fixture.cx, refs),
        controller
    );
    assert_eq!(deleted.unwrap(), [Change::Removed]);
    assert!(fixture.read(&held).is_some());
}

#[tokio::test]
async fn what_is_being_deleted_already_is_waited_for() {
    let fixture = Fixture::new().await;
    let held = map(&fixture, "held", &["example.com/hold"]);
    let namespace = ObjectRef::cluster("v1", "Namespace", "a");
    fixture.api.delete(&key(&namespace)).unwrap();
    let refusal = r#"{"kind":"Status","status":"Failure","reason":"Conflict","message":"The system is ensuring all content is removed from this namespace.","code":409}"#;
    let refusal = Answer::Instead(StatusCode::CONFLICT, &[], refusal.into());
    fixture.disturb("DELETE", 1, refusal);
    let controller = async {
        fixture.until_said("Namespace a").await;
        fixture.patch(&held, json!({ "metadata": { "finalizers": null } }));
    };
    let refs = std::slice::from_ref(&namespace);
    let (deleted, ()) = futures::join!(
        fixture.cluster.delete_and_wait(&fixture.cx, refs),
        controller
    );
    assert_eq!(deleted.unwrap(), [Change::Removed]);
}
