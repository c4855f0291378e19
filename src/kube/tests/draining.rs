//! Draining, with the test in the place of the controllers.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use windlass_provider::Fault;

use super::fixture::{Fixture, told};
use crate::kube::{How, ObjectRef, Target};

const FINALIZER: &str = "finalizer.managedresource.crossplane.io";

/// Defines a kind in a category, as the revision of a provider of Crossplane does.
async fn define(fixture: &Fixture, group: &str, kind: &str, category: &str) {
    let revisions = definition(
        "pkg.crossplane.io",
        "ProviderRevision",
        "Cluster",
        "crossplane",
    );
    let revision = json!({
        "apiVersion": "pkg.crossplane.io/v1", "kind": "ProviderRevision", "metadata": { "name": "s3-1" },
    });
    let both = [revisions, revision];
    fixture.cluster.apply(&fixture.cx, &both).await.unwrap();
    let name = ObjectRef::cluster("pkg.crossplane.io/v1", "ProviderRevision", "s3-1");
    let mut defined = definition(group, kind, "Namespaced", category);
    defined["metadata"]["ownerReferences"] = json!([{
        "apiVersion": name.api_version, "kind": name.kind, "name": name.name,
        "uid": fixture.read(&name).unwrap()["metadata"]["uid"], "controller": true,
    }]);
    fixture
        .cluster
        .apply(&fixture.cx, &[defined])
        .await
        .unwrap();
}

fn definition(group: &str, kind: &str, scope: &str, category: &str) -> Value {
    let singular = kind.to_lowercase();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{singular}s.{group}") },
        "spec": {
            "group": group, "scope": scope,
            "names": {
                "kind": kind, "listKind": format!("{kind}List"), "plural": format!("{singular}s"), "singular": singular,
                "categories": [category],
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    })
}

fn bucket(fixture: &Fixture, name: &str, spec: Value) -> ObjectRef {
    fixture.create(json!({
        "apiVersion": "s3.example.org/v1", "kind": "Bucket", "spec": spec,
        "metadata": {
            "name": name, "namespace": "a", "finalizers": [FINALIZER],
            "annotations": { "crossplane.io/external-name": format!("{name}-7f2c") },
        },
    }));
    ObjectRef::namespaced("s3.example.org/v1", "Bucket", "a", name)
}

fn free(fixture: &Fixture, name: &ObjectRef) {
    fixture.patch(name, json!({ "metadata": { "finalizers": null } }));
}

#[tokio::test]
async fn managed_resources_go_through_their_controller_and_orphans_are_told() {
    let fixture = Fixture::new().await;
    define(&fixture, "s3.example.org", "Bucket", "managed").await;
    let data = bucket(&fixture, "data", json!({}));
    let kept = bucket(&fixture, "kept", json!({ "deletionPolicy": "Orphan" }));
    let late = async {
        fixture.until_said("0 of 2 gone").await;
        // What is made meanwhile goes, too.
        let more = bucket(&fixture, "more", json!({}));
        free(&fixture, &data);
        free(&fixture, &kept);
        fixture.until_said("Bucket a/more: held by").await;
        free(&fixture, &more);
    };
    let how = How::default();
    let drain = fixture.cluster.drain(&fixture.cx, Target::Managed, &how);
    let (drained, ()) = futures::join!(drain, late);
    let drained = drained.unwrap();
    assert_eq!(
        drained.removed,
        ["Bucket a/data (data-7f2c)", "Bucket a/more (more-7f2c)"]
    );
    assert_eq!(
        drained.kept,
        BTreeSet::from(["Bucket a/kept (kept-7f2c): its deletionPolicy is Orphan".to_owned()])
    );
    assert!(drained.stuck.is_empty());
}

/// Lets the drain of a bucket that its controller cannot delete run out of time, with or without a Deployment of that.
async fn tell_stuck(with_controller: bool) -> String {
    let fixture = Fixture::new().await;
    define(&fixture, "s3.example.org", "Bucket", "managed").await;
    let stuck = bucket(&fixture, "data", json!({}));
    let says = json!([{
        "type": "Synced", "status": "False", "reason": "ReconcileError",
        "message": "delete failed: BucketNotEmpty", "lastTransitionTime": "2026-01-02T03:00:00Z",
    }]);
    fixture.patch(&stuck, json!({ "status": { "conditions": says } }));
    if with_controller {
        let controller = fixture.deployment("provider-s3");
        let labels = json!({ "pkg.crossplane.io/revision": "s3-1" });
        fixture.patch(&controller, json!({ "metadata": { "labels": labels } }));
    }
    let cx = fixture.cx.within(Duration::from_secs(60));
    let time = async {
        fixture.until_said("BucketNotEmpty").await;
        fixture.clock.advance(Duration::from_secs(120));
    };
    let how = How::default();
    let drain = fixture.cluster.drain(&cx, Target::Managed, &how);
    let (drained, ()) = futures::join!(drain, time);
    let there = fixture.read(&stuck).unwrap();
    assert_eq!(there["metadata"]["finalizers"], json!([FINALIZER]));
    told(&drained.unwrap_err())
}

#[tokio::test]
async fn what_is_stuck_is_explained_down_to_its_controller_and_keeps_its_finalizer() {
    insta::assert_snapshot!(tell_stuck(false).await, @r"
    TimedOut: Bucket a/data is not gone: the time ran out
      caused by: Bucket a/data: held by finalizer.managedresource.crossplane.io, deleted 2 min ago; ReconcileError: delete failed: BucketNotEmpty
      caused by: finalizer.managedresource.crossplane.io is taken away by the package that brought its kind: there is none, so nobody will
      hint: bring that controller back (kubectl rollout restart, or windlass setup), then run destroy again: it alone deletes what the object stands for
    ");
    insta::assert_snapshot!(tell_stuck(true).await, @r"
    TimedOut: Bucket a/data is not gone: the time ran out
      caused by: Bucket a/data: held by finalizer.managedresource.crossplane.io, deleted 2 min ago; ReconcileError: delete failed: BucketNotEmpty
      caused by: finalizer.managedresource.crossplane.io is kept by Deployment a/provider-s3, which does not run: 0 of 1 available
      hint: bring that controller back (kubectl rollout restart, or windlass setup), then run destroy again: it alone deletes what the object stands for
    ");
}

#[tokio::test]
async fn only_who_gives_up_has_finalizers_removed_and_is_told_what_stays() {
    let fixture = Fixture::new().await;
    define(&fixture, "s3.example.org", "Bucket", "managed").await;
    let stuck = bucket(&fixture, "data", json!({}));
    let time = async {
        fixture.until_said("held by").await;
        fixture.clock.advance(Duration::from_secs(130));
    };
    let how = How {
        abandon: true,
        ..How::default()
    };
    let drain = fixture.cluster.drain(&fixture.cx, Target::Managed, &how);
    let (drained, ()) = futures::join!(drain, time);
    let drained = drained.unwrap();
    assert_eq!(drained.stuck, ["Bucket a/data (data-7f2c)"]);
    assert!(drained.removed.is_empty(), "{drained:?}");
    assert!(fixture.read(&stuck).is_some());
    // Only what is written down is given up.
    let (cluster, cx) = (&fixture.cluster, &fixture.cx);
    let refused = cluster.give_up(cx, Target::Managed, &[], &[]).await;
    assert_eq!(refused.unwrap_err().fault, Fault::Conflict);
    assert!(fixture.read(&stuck).is_some());
    let named = [drained.stuck, vec!["Bucket a/gone: given up".to_owned()]].concat();
    let given = cluster.give_up(cx, Target::Managed, &named, &[]).await;
    let given = given.unwrap();
    assert_eq!(given.freed, ["Bucket a/data"]);
    assert_eq!(given.went, ["Bucket a/gone: given up"]);
    assert!(fixture.read(&stuck).is_none());
}

#[tokio::test]
async fn where_no_time_is_left_all_that_is_left_is_asked_to_go() {
    let fixture = Fixture::new().await;
    define(&fixture, "s3.example.org", "Bucket", "managed").await;
    let data = bucket(&fixture, "data", json!({}));
    let balancer = ObjectRef::namespaced("v1", "Service", "a", "web");
    fixture.create(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "web", "namespace": "a", "finalizers": ["service.kubernetes.io/load-balancer-cleanup"] },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] },
    }));
    let how = How {
        hurry_at: Some(fixture.cx.clock.now() + Duration::from_secs(30)),
        ..How::default()
    };
    let time = async {
        fixture.until_said("held by").await;
        assert!(fixture.read(&balancer).unwrap()["metadata"]["deletionTimestamp"].is_null());
        fixture.clock.advance(Duration::from_secs(40));
    };
    let drain = fixture.cluster.drain(&fixture.cx, Target::Managed, &how);
    let (drained, ()) = futures::join!(drain, time);
    let error = drained.unwrap_err();
    assert_eq!(error.fault, Fault::TimedOut);
    insta::assert_snapshot!(told(&error), @r"
    TimedOut: Bucket a/data is not gone: the time ran out
      caused by: Bucket a/data: held by finalizer.managedresource.crossplane.io
      caused by: finalizer.managedresource.crossplane.io is taken away by the package that brought its kind: there is none, so nobody will
      caused by: asked to go, and not waited for: Bucket a/data
      caused by: asked to go, and not waited for: Service a/web
      hint: bring that controller back (kubectl rollout restart, or windlass setup), then run destroy again: it alone deletes what the object stands for
    ");
    for name in [&data, &balancer] {
        let object = fixture.read(name).unwrap();
        assert!(
            object["metadata"]["deletionTimestamp"].is_string(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn composites_of_others_go_with_their_makers() {
    let fixture = Fixture::new().await;
    define(&fixture, "app.example.org", "Platform", "composite").await;
    let make = |name: &str, owner: Option<&str>| {
        let owners: Vec<Value> = owner
            .iter()
            .map(|uid| json!({ "apiVersion": "app.example.org/v1", "kind": "Platform", "name": "whole", "uid": uid }))
            .collect();
        fixture.create(json!({
            "apiVersion": "app.example.org/v1", "kind": "Platform",
            "metadata": { "name": name, "namespace": "a", "ownerReferences": owners },
        }))
    };
    let whole = make("whole", None);
    make("part", whole["metadata"]["uid"].as_str());
    let how = How::default();
    let drained = fixture.cluster.drain(&fixture.cx, Target::Claims, &how);
    assert_eq!(drained.await.unwrap().removed, ["Platform a/whole"]);
    // The garbage collector took the part; it was not asked to go by windlass.
    assert_eq!(fixture.requests("DELETE").len(), 1);
}

#[tokio::test]
async fn disks_go_after_who_mounts_them_and_those_to_retain_stay() {
    let fixture = Fixture::new().await;
    let volume = |name: &str, policy: &str| {
        fixture.create(json!({
            "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": name },
            "spec": {
                "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"],
                "persistentVolumeReclaimPolicy": policy,
                "csi": { "driver": "ebs.csi.aws.com", "volumeHandle": format!("vol-{name}") },
                "claimRef": { "namespace": "a", "name": name },
            },
        }));
        fixture.create(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": name, "namespace": "a" },
            "spec": { "volumeName": name, "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
        }));
        ObjectRef::cluster("v1", "PersistentVolume", name)
    };
    let data = volume("data", "Delete");
    volume("archive", "Retain");
    fixture.create(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "db", "namespace": "a" },
        "spec": {
            "containers": [{ "name": "db", "image": "db:1" }],
            "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }],
        },
    }));
    let driver = async {
        fixture.until_said("PersistentVolume data").await;
        let claim = ObjectRef::namespaced("v1", "PersistentVolumeClaim", "a", "data");
        let pod = ObjectRef::namespaced("v1", "Pod", "a", "db");
        assert!(fixture.read(&claim).is_none() && fixture.read(&pod).is_none());
        fixture.api.delete(&super::fixture::key(&data)).unwrap();
    };
    let how = How::default();
    let drain = fixture.cluster.drain(&fixture.cx, Target::Volumes, &how);
    let (drained, ()) = futures::join!(drain, driver);
    let drained = drained.unwrap();
    assert_eq!(drained.removed, ["PersistentVolume data (vol-data)"]);
    assert_eq!(
        drained.kept,
        BTreeSet::from([
            "PersistentVolume archive (vol-archive): its reclaim policy is Retain".to_owned()
        ])
    );
}
