use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use windlass_provider::Fault;

use super::fixture::{Answer, Cut, Fixture, key, told};
use crate::kube::{ObjectRef, parse};

#[tokio::test]
async fn a_wait_ends_when_the_last_object_is_ready() {
    let fixture = Fixture::new().await;
    let refs = [fixture.deployment("one"), fixture.deployment("two")];
    let controller = async {
        fixture
            .until_said("0 of 2 ready; Deployment a/one: 0 of 1 available")
            .await;
        fixture.deployment_status(&refs[0], 1);
        fixture
            .until_said("1 of 2 ready; Deployment a/two: 0 of 1 available")
            .await;
        fixture.deployment_status(&refs[1], 1);
    };
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), controller);
    waited.unwrap();
    // One list and one watch for both, and one for the pods beneath them: nothing is polled.
    assert_eq!(fixture.requests("/deployments?").len(), 2);
    assert_eq!(fixture.requests("/pods?").len(), 2);
    fixture
        .cluster
        .wait_ready(&fixture.cx, &refs)
        .await
        .unwrap();
    assert_eq!(fixture.said().len(), 2);
}

#[tokio::test]
async fn a_watch_that_is_cut_misses_nothing() {
    let expired = r#"{"kind":"Status","status":"Failure","reason":"Expired","message":"too old resource version: 1 (9)","code":410}"#;
    let event = format!("{{\"type\":\"ERROR\",\"object\":{expired}}}\n");
    let answers = [
        None,
        // What the server has forgotten is listed again, whether it says so in the answer or in an event.
        Some(Answer::Instead(StatusCode::GONE, &[], expired.into())),
        Some(Answer::Instead(StatusCode::OK, &[], event)),
        Some(Answer::Instead(
            StatusCode::SERVICE_UNAVAILABLE,
            &[],
            "".into(),
        )),
    ];
    for cut in [Cut::End, Cut::Break] {
        for answer in answers.clone() {
            let fixture = Fixture::new().await;
            let refs = [fixture.deployment("one")];
            let controller = async {
                fixture.until_said("0 of 1 available").await;
                if let Some(answer) = answer {
                    fixture.disturb("deployments?watch=true", 1, answer);
                }
                fixture.cut(cut);
                fixture.deployment_status(&refs[0], 1);
            };
            let (waited, ()) =
                futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), controller);
            waited.unwrap();
        }
    }
}

#[tokio::test]
async fn an_object_that_does_not_exist_yet_is_waited_for() {
    let fixture = Fixture::new().await;
    let name = ObjectRef::namespaced("apps/v1", "Deployment", "a", "one");
    let controller = async {
        fixture.until_said("Deployment a/one: not there yet").await;
        fixture.deployment("one");
        fixture.deployment_status(&name, 1);
    };
    let refs = std::slice::from_ref(&name);
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, refs), controller);
    waited.unwrap();
}

#[tokio::test]
async fn a_failed_object_ends_the_wait_and_is_explained() {
    let fixture = Fixture::new().await;
    let refs = [fixture.deployment("one")];
    fixture.replica_set("one-1", "one", "1");
    let pod = fixture.pod(
        "one-1-x",
        "one",
        "one-1",
        json!({
            "restartCount": 4,
            "state": { "terminated": { "exitCode": 1, "reason": "Error" } },
            "lastState": { "terminated": { "exitCode": 1, "reason": "Error" } },
        }),
    );
    fixture.event(
        &refs[0],
        "FailedCreate",
        "pods \"one-1-y\" is forbidden: exceeded quota: small",
    );
    fixture.event(
        &pod,
        "Unhealthy",
        "Readiness probe failed: connection refused",
    );
    let log = "starting\nlistening on :8080\n\nfatal: no such table: users\n";
    fixture.disturb(
        "pods/one-1-x/log",
        1,
        Answer::Instead(StatusCode::OK, &[], log.into()),
    );
    let controller = async {
        fixture.until_said("0 of 1 available").await;
        fixture.patch(
            &refs[0],
            json!({ "status": { "conditions": [{
                "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                "message": "ReplicaSet \"one-1\" has timed out progressing.",
            }] } }),
        );
    };
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), controller);
    insta::assert_snapshot!(told(&waited.unwrap_err()), @r#"
    Quota: Deployment a/one failed
      caused by: Deployment a/one: ProgressDeadlineExceeded: ReplicaSet "one-1" has timed out progressing.
      caused by: event: FailedCreate: pods "one-1-y" is forbidden: exceeded quota: small
      caused by: Pod a/one-1-x: pending
      caused by: event: Unhealthy: Readiness probe failed: connection refused
      caused by: log: starting
      caused by: log: listening on :8080
      caused by: log: fatal: no such table: users
      hint: a ResourceQuota of the namespace is used up: kubectl describe quota --all-namespaces
      hint: see its pods and events: kubectl describe -n a deployment.apps/one
    "#);
    assert_eq!(
        fixture.requests("/log"),
        [
            "GET /api/v1/namespaces/a/pods/one-1-x/log?container=web&tailLines=5&limitBytes=4096&previous=false"
        ]
    );
}

#[tokio::test]
async fn a_pod_that_will_not_start_ends_the_wait_for_its_deployment() {
    let fixture = Fixture::new().await;
    let refs = [fixture.deployment("one")];
    fixture.replica_set("one-1", "one", "1");
    let controller = async {
        fixture.until_said("0 of 1 available").await;
        fixture.pod(
            "one-1-x",
            "one",
            "one-1",
            waiting("ImagePullBackOff", "Back-off pulling image \"web:1\""),
        );
    };
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), controller);
    insta::assert_snapshot!(told(&waited.unwrap_err()), @r#"
    Failed: Deployment a/one failed
      caused by: Deployment a/one: 0 of 1 available
      caused by: Pod a/one-1-x: container web: ImagePullBackOff: Back-off pulling image "web:1"
      hint: check the image's name and tag, and that the cluster's nodes reach its registry: kubectl describe -n a pod/one-1-x
    "#);
}

#[tokio::test]
async fn what_an_older_revision_suffers_is_borne_with() {
    let fixture = Fixture::new().await;
    let refs = [fixture.deployment("one")];
    fixture.patch(
        &refs[0],
        json!({ "metadata": { "annotations": { "deployment.kubernetes.io/revision": "2" } } }),
    );
    fixture.replica_set("one-1", "one", "1");
    fixture.replica_set("one-2", "one", "2");
    let crash = || waiting("CrashLoopBackOff", "back-off 5m0s");
    fixture.pod("one-1-x", "one", "one-1", crash());
    let controller = async {
        fixture.until_said("0 of 1 available").await;
        fixture.deployment_status(&refs[0], 1);
    };
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), controller);
    waited.unwrap();
    fixture.deployment_status(&refs[0], 0);
    fixture.pod("one-2-x", "one", "one-2", crash());
    let error = fixture
        .cluster
        .wait_ready(&fixture.cx, &refs)
        .await
        .unwrap_err();
    assert!(
        told(&error).contains("Pod a/one-2-x: container web: CrashLoopBackOff"),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn who_may_not_read_pods_waits_without_them() {
    let fixture = Fixture::new().await;
    let refs = [fixture.deployment("one")];
    let denied = r#"{"kind":"Status","status":"Failure","reason":"Forbidden","message":"pods is forbidden","code":403}"#;
    fixture.disturb(
        "/pods?",
        1,
        Answer::Instead(StatusCode::FORBIDDEN, &[], denied.into()),
    );
    let controller = async {
        fixture.until_said("0 of 1 available").await;
        fixture.deployment_status(&refs[0], 1);
    };
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), controller);
    waited.unwrap();
}

const RELEASES: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: helmreleases.helm.toolkit.fluxcd.io}
spec:
  group: helm.toolkit.fluxcd.io
  scope: Namespaced
  names: {kind: HelmRelease, listKind: HelmReleaseList, plural: helmreleases, singular: helmrelease}
  versions:
  - name: v2
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        x-kubernetes-preserve-unknown-fields: true
---
apiVersion: v1
kind: Namespace
metadata: {name: flux-system}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: web, namespace: flux-system}
spec: {targetNamespace: a}
";

/// Makes a HelmRelease that is being installed since `since`, with the Deployment that its chart has.
async fn release(fixture: &Fixture, since: &str) -> ObjectRef {
    let objects = parse("releases.yaml", RELEASES).unwrap();
    fixture.cluster.apply(&fixture.cx, &objects).await.unwrap();
    let release = ObjectRef::of(&objects[2]).unwrap();
    fixture.patch(
        &release,
        json!({ "status": { "conditions": [{
            "type": "Ready", "status": "Unknown", "reason": "Progressing", "observedGeneration": 1,
            "message": "Running 'install' action with timeout of 5m0s", "lastTransitionTime": since,
        }] } }),
    );
    let deployment = fixture.deployment("one");
    fixture.patch(
        &deployment,
        json!({ "metadata": { "labels": {
            "helm.toolkit.fluxcd.io/name": "web", "helm.toolkit.fluxcd.io/namespace": "flux-system" } } }),
    );
    fixture.replica_set("one-1", "one", "1");
    release
}

#[tokio::test]
async fn a_pod_that_will_not_start_ends_the_wait_for_its_release() {
    let fixture = Fixture::new().await;
    let refs = [release(&fixture, "2026-01-02T03:00:00Z").await];
    fixture.replica_set("other-1", "other", "1");
    fixture.pod(
        "other",
        "other",
        "other-1",
        waiting("CrashLoopBackOff", "not of this release"),
    );
    let controller = async {
        fixture.until_said("Running 'install' action").await;
        let pod = fixture.pod(
            "one-1-x",
            "one",
            "one-1",
            waiting("CreateContainerConfigError", "secret \"values\" not found"),
        );
        fixture.event(&pod, "Failed", "Error: secret \"values\" not found");
    };
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), controller);
    insta::assert_snapshot!(told(&waited.unwrap_err()), @r#"
    Failed: HelmRelease flux-system/web failed
      caused by: HelmRelease flux-system/web: Progressing: Running 'install' action with timeout of 5m0s
      caused by: Pod a/one-1-x: container web: CreateContainerConfigError: secret "values" not found
      caused by: event: Failed: Error: secret "values" not found
      hint: a Secret or ConfigMap that the pod names may be missing: kubectl describe -n a pod/one-1-x
    "#);
}

#[tokio::test]
async fn a_release_may_mend_what_was_broken_before() {
    let fixture = Fixture::new().await;
    // The attempt began after the pod was made.
    let refs = [release(&fixture, "2026-01-02T03:10:00Z").await];
    fixture.pod(
        "one-1-x",
        "one",
        "one-1",
        waiting("CrashLoopBackOff", "back-off 5m0s"),
    );
    let clock = async {
        fixture.until_said("Running 'install' action").await;
        fixture.clock.advance(Duration::from_secs(59));
        fixture.patch(
            &refs[0],
            json!({ "metadata": { "annotations": { "x": "y" } } }),
        );
        fixture.clock.advance(Duration::from_secs(2));
    };
    let before = fixture.cx.clock.now();
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), clock);
    assert!(told(&waited.unwrap_err()).contains("CrashLoopBackOff"));
    assert!(fixture.cx.clock.now().duration_since(before).as_secs() >= 60);
}

#[tokio::test]
async fn a_pod_without_a_node_is_waited_for_only_so_long() {
    let fixture = Fixture::new().await;
    let refs = [fixture.deployment("one")];
    fixture.replica_set("one-1", "one", "1");
    let pod = fixture.pod("one-1-x", "one", "one-1", json!({ "state": {} }));
    fixture.patch(
        &pod,
        json!({ "status": { "containerStatuses": null, "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu.", "lastTransitionTime": "2026-01-02T03:00:00Z",
        }] } }),
    );
    let clock = async {
        fixture.until_said("0 of 1 available").await;
        fixture.clock.advance(Duration::from_secs(301));
    };
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), clock);
    let error = waited.unwrap_err();
    assert_eq!(error.fault, Fault::Failed);
    assert!(
        told(&error).contains("Pod a/one-1-x: Unschedulable: 0/1 nodes"),
        "{}",
        told(&error)
    );
}

#[tokio::test]
async fn a_deadline_that_passes_is_explained() {
    let fixture = Fixture::new().await;
    let refs = [
        fixture.deployment("one"),
        fixture.deployment("two"),
        fixture.deployment("three"),
    ];
    fixture.deployment_status(&refs[1], 1);
    let cx = fixture.cx.within(Duration::from_secs(60));
    let clock = async {
        fixture.until_said("1 of 3 ready").await;
        fixture.clock.advance(Duration::from_secs(61));
    };
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&cx, &refs), clock);
    insta::assert_snapshot!(told(&waited.unwrap_err()), @r"
    TimedOut: 2 of 3 objects are not ready: the time ran out
      caused by: Deployment a/one: 0 of 1 available
      caused by: Deployment a/three: 0 of 1 available
      hint: look closer: kubectl describe -n a deployment.apps/one
    ");
}

#[tokio::test]
async fn an_interruption_ends_the_wait() {
    let fixture = Fixture::new().await;
    let refs = [fixture.deployment("one")];
    let user = async {
        fixture.until_said("0 of 1 available").await;
        fixture.cx.cancel.cancel();
    };
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), user);
    assert_eq!(waited.unwrap_err().fault, Fault::Cancelled);
}

#[tokio::test]
async fn an_object_that_is_deleted_meanwhile_is_made_again_by_the_caller() {
    let fixture = Fixture::new().await;
    let refs = [fixture.deployment("one")];
    let someone = async {
        fixture.until_said("0 of 1 available").await;
        fixture.api.delete(&key(&refs[0])).unwrap();
    };
    let (waited, ()) = futures::join!(fixture.cluster.wait_ready(&fixture.cx, &refs), someone);
    let error = waited.unwrap_err();
    assert_eq!(error.fault, Fault::Transient);
    assert_eq!(
        error.message,
        "Deployment a/one was deleted while it was awaited"
    );
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({ "state": { "waiting": { "reason": reason, "message": message } } })
}
