use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tokio::sync::Barrier;
use windlass_provider::{Auth, Fault, Kubeconfig};

use super::fixture::{Answer, Fixture, told};
use crate::kube::{Cluster, ObjectRef, parse};

#[tokio::test]
async fn a_cluster_that_is_up_says_its_version() {
    let fixture = Fixture::new().await;
    let version = fixture.cluster.reachable(&fixture.cx).await.unwrap();
    assert_eq!(version, "v1.36.1");
}

#[tokio::test]
async fn a_wrong_token_is_denied_at_once() {
    let fixture = Fixture::new().await;
    let error = fixture
        .connect("wrong")
        .reachable(&fixture.cx)
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Denied);
    assert!(
        error.hints[0].contains("windlass kubeconfig"),
        "{}",
        told(&error)
    );
    assert_eq!(fixture.requests("/readyz").len(), 1);
}

#[tokio::test]
async fn nobody_there_is_transient() {
    let fixture = Fixture::new().await;
    // A port that no test can be given: one below 1024, and of a service that died out.
    let cluster = Cluster::connect(&Kubeconfig {
        server: "http://127.0.0.1:1".into(),
        certificate_authority: None,
        tls_server_name: None,
        auth: Auth::Token("t".into()),
    })
    .unwrap();
    let error = cluster.reachable(&fixture.cx).await.unwrap_err();
    assert_eq!(error.fault, Fault::Transient);
    assert!(told(&error).contains("refused"), "{}", told(&error));
}

#[test]
fn what_cannot_be_connected_to_is_said_before_anything_is_sent() {
    let access = |server: &str, certificate_authority: Option<&str>| Kubeconfig {
        server: server.into(),
        certificate_authority: certificate_authority.map(str::to_owned),
        tls_server_name: None,
        auth: Auth::Token("t".into()),
    };
    let cases = [
        (
            access("http://10.0.0.1:6443", None),
            "show the credential to the network",
        ),
        (access("not a url", None), "the server's URL is not valid"),
        (access("ftp://10.0.0.1", None), "must begin with https://"),
        (
            access(
                "https://10.0.0.1",
                Some("-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n"),
            ),
            "its certificate authority is not PEM",
        ),
    ];
    for (access, expected) in cases {
        let error = Cluster::connect(&access).unwrap_err();
        assert_eq!(error.fault, Fault::Invalid);
        assert!(told(&error).contains(expected), "{}", told(&error));
    }
}

#[tokio::test]
async fn a_throttled_request_waits_as_long_as_it_is_asked_to() {
    let fixture = Fixture::new().await;
    let busy = r#"{"kind":"Status","status":"Failure","reason":"TooManyRequests","message":"slow down","code":429}"#;
    let answer = Answer::Instead(
        StatusCode::TOO_MANY_REQUESTS,
        &[("retry-after", "7")],
        busy.into(),
    );
    fixture.disturb("GET /version", 2, answer);
    let before = fixture.cx.clock.now();
    fixture.cluster.reachable(&fixture.cx).await.unwrap();
    let waited = fixture.cx.clock.now().duration_since(before);
    assert_eq!(waited.as_secs(), 14);
    assert_eq!(fixture.requests("GET /version").len(), 3);
}

#[tokio::test]
async fn a_server_that_stays_down_is_given_up_within_the_deadline() {
    let fixture = Fixture::new().await;
    let down = || {
        Answer::Instead(
            StatusCode::BAD_GATEWAY,
            &[],
            "<html>Bad gateway</html>".into(),
        )
    };
    fixture.disturb("GET /readyz", 100, down());
    let error = fixture.cluster.reachable(&fixture.cx).await.unwrap_err();
    assert_eq!(error.fault, Fault::Transient);
    assert_eq!(error.causes, ["<html>Bad gateway</html>"]);
    assert_eq!(fixture.requests("GET /readyz").len(), 5);
    let cx = fixture.cx.within(Duration::from_millis(300));
    let error = fixture.cluster.reachable(&cx).await.unwrap_err();
    assert_eq!(error.fault, Fault::TimedOut);
}

#[tokio::test]
async fn requests_run_side_by_side_up_to_a_bound() {
    let fixture = Fixture::new().await;
    // Each waits for fifteen others: with fewer at once the test would not end.
    fixture.disturb("PATCH", 64, Answer::Together(Arc::new(Barrier::new(16))));
    let maps: String = (0..64)
        .map(|i| {
            format!(
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{i}, namespace: a}}\n"
            )
        })
        .collect();
    let applied = fixture
        .cluster
        .apply(&fixture.cx, &parse("maps.yaml", &maps).unwrap())
        .await
        .unwrap();
    assert_eq!(applied.len(), 64);
    // What there was: one list for all, not a read for each.
    assert_eq!(
        fixture
            .requests("GET /api/v1/namespaces/a/configmaps")
            .len(),
        1
    );
}

#[tokio::test]
async fn kinds_are_asked_for_once_and_again_when_one_is_missing() {
    let fixture = Fixture::new().await;
    let (cluster, cx) = (&fixture.cluster, &fixture.cx);
    cluster.kind(cx, "v1", "Pod").await.unwrap();
    cluster.kind(cx, "apps/v1", "Deployment").await.unwrap();
    assert_eq!(fixture.requests("GET /apis").len(), 1);
    let error = cluster
        .kind(cx, "example.com/v1", "Gadget")
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Transient);
    assert_eq!(
        error.message,
        "the cluster has no kind Gadget in example.com/v1: its CRD is not there yet"
    );
    assert_eq!(fixture.requests("GET /apis").len(), 2);
    let gadget = ObjectRef::cluster("example.com/v1", "Gadget", "x");
    assert_eq!(cluster.get(cx, &gadget).await.unwrap(), None);
}
