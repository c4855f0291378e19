use serde_json::{Value, json};

use super::{check, condition, object};

#[test]
fn helm_releases() {
    let release = |spec: Value, status: Value| {
        object("helm.toolkit.fluxcd.io/v2", "HelmRelease", 3, spec, status)
    };
    let failed = |reason: &str| {
        condition(
            "Ready",
            "False",
            reason,
            "Helm install failed: context deadline exceeded",
        )
    };
    let asked = |mut release: Value| {
        release["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"] = json!("now");
        release
    };
    let retries = |n: i64| json!({ "install": { "remediation": { "retries": n } } });
    check(&[
        (
            "waiting: its controller has not looked at it yet",
            release(json!({}), Value::Null),
        ),
        (
            "waiting: its controller has not seen the last change yet",
            release(
                json!({}),
                json!({ "observedGeneration": 2, "conditions": [condition("Ready", "True", "InstallSucceeded", "")] }),
            ),
        ),
        (
            "waiting: Progressing: Running 'install' action with timeout of 5m0s",
            release(
                json!({}),
                json!({ "conditions": [
                condition("Reconciling", "True", "Progressing", "Running 'install' action with timeout of 5m0s"),
                condition("Ready", "Unknown", "Progressing", "Running 'install' action with timeout of 5m0s") ] }),
            ),
        ),
        (
            "waiting: ArtifactFailed: Helm install failed: context deadline exceeded",
            release(
                json!({}),
                json!({ "observedGeneration": 3, "conditions": [failed("ArtifactFailed")] }),
            ),
        ),
        // One failure, no retries: it stays so, though the controller has not said Stalled yet.
        (
            "failed: InstallFailed: Helm install failed: context deadline exceeded",
            release(
                json!({}),
                json!({ "observedGeneration": 3, "installFailures": 1, "conditions": [failed("InstallFailed")] }),
            ),
        ),
        (
            "waiting: InstallFailed: Helm install failed: context deadline exceeded",
            release(
                retries(2),
                json!({ "observedGeneration": 3, "installFailures": 2, "conditions": [failed("InstallFailed")] }),
            ),
        ),
        (
            "failed: InstallFailed: Helm install failed: context deadline exceeded",
            release(
                retries(2),
                json!({ "observedGeneration": 3, "installFailures": 3, "conditions": [failed("InstallFailed")] }),
            ),
        ),
        (
            "waiting: InstallFailed: Helm install failed: context deadline exceeded",
            release(
                retries(-1),
                json!({ "observedGeneration": 3, "installFailures": 9, "conditions": [failed("InstallFailed")] }),
            ),
        ),
        (
            "waiting: UpgradeFailed: Helm install failed: context deadline exceeded",
            release(
                json!({ "upgrade": { "strategy": { "name": "RetryOnFailure" } } }),
                json!({ "observedGeneration": 3, "upgradeFailures": 4, "conditions": [failed("UpgradeFailed")] }),
            ),
        ),
        (
            "failed: RetriesExceeded: Failed to install after 1 attempt(s)",
            release(
                json!({}),
                json!({ "observedGeneration": 3, "conditions": [
                failed("InstallFailed"), condition("Stalled", "True", "RetriesExceeded", "Failed to install after 1 attempt(s)") ] }),
            ),
        ),
        (
            "failed: Suspended: its controller leaves it alone until it is resumed",
            release(json!({ "suspend": true }), json!({ "conditions": [] })),
        ),
        // What it says is from before it was asked to try again.
        (
            "waiting: its controller has not taken up the request to look again yet",
            asked(release(
                json!({}),
                json!({ "observedGeneration": 3, "lastHandledReconcileAt": "before", "conditions": [
                failed("InstallFailed"), condition("Stalled", "True", "RetriesExceeded", "") ] }),
            )),
        ),
        (
            "failed: RetriesExceeded",
            asked(release(
                json!({}),
                json!({ "observedGeneration": 3, "lastHandledReconcileAt": "now", "conditions": [
                failed("InstallFailed"), condition("Stalled", "True", "RetriesExceeded", "") ] }),
            )),
        ),
        (
            "ready",
            release(
                json!({ "suspend": true }),
                json!({ "observedGeneration": 3, "conditions": [condition("Ready", "True", "", "")] }),
            ),
        ),
        (
            "ready",
            release(
                json!({}),
                json!({ "observedGeneration": 3, "conditions": [condition("Ready", "True", "InstallSucceeded", "Helm install succeeded")] }),
            ),
        ),
    ]);
}

#[test]
fn flux_sources_and_kustomizations() {
    let flux = |kind: &str, status: Value| {
        let group = if kind == "Kustomization" {
            "kustomize"
        } else {
            "source"
        };
        object(
            &format!("{group}.toolkit.fluxcd.io/v1"),
            kind,
            1,
            json!({}),
            status,
        )
    };
    let pull = |message: &str| {
        json!({ "observedGeneration": -1, "conditions": [
            condition("FetchFailed", "True", "OCIArtifactPullFailed", message),
            condition("Ready", "False", "OCIArtifactPullFailed", message) ] })
    };
    let mut missing = flux("OCIRepository", pull("MANIFEST_UNKNOWN: manifest unknown"));
    missing["status"]["observedGeneration"] = json!(1);
    let mut network = flux("OCIRepository", pull("dial tcp: i/o timeout"));
    network["status"]["observedGeneration"] = json!(1);
    check(&[
        (
            "waiting: its controller has not seen the last change yet",
            flux("OCIRepository", json!({ "observedGeneration": -1 })),
        ),
        (
            "failed: OCIArtifactPullFailed: MANIFEST_UNKNOWN: manifest unknown",
            missing,
        ),
        (
            "waiting: OCIArtifactPullFailed: dial tcp: i/o timeout",
            network,
        ),
        (
            "failed: URLInvalid: first path segment in URL cannot contain colon",
            flux(
                "HelmRepository",
                json!({ "observedGeneration": 1, "conditions": [
                condition("Stalled", "True", "URLInvalid", "first path segment in URL cannot contain colon") ] }),
            ),
        ),
        (
            "failed: BuildFailed: kustomization path not found",
            flux(
                "Kustomization",
                json!({ "observedGeneration": 1, "conditions": [condition("Ready", "False", "BuildFailed", "kustomization path not found")] }),
            ),
        ),
        (
            "waiting: HealthCheckFailed: timeout waiting for Deployment",
            flux(
                "Kustomization",
                json!({ "observedGeneration": 1, "conditions": [condition("Ready", "False", "HealthCheckFailed", "timeout waiting for Deployment")] }),
            ),
        ),
        (
            "waiting: NewGeneration: reconciling new object generation (2)",
            flux(
                "Kustomization",
                json!({ "observedGeneration": 1, "conditions": [
                condition("Reconciling", "True", "NewGeneration", "reconciling new object generation (2)"),
                condition("Ready", "True", "ReconciliationSucceeded", "") ] }),
            ),
        ),
        (
            "ready",
            object(
                "notification.toolkit.fluxcd.io/v1beta3",
                "Alert",
                1,
                json!({}),
                Value::Null,
            ),
        ),
    ]);
}

#[test]
fn a_release_of_another_version_than_asked_for_is_not_ready() {
    let release = |wanted: &str, released: &str| {
        let mut it = object(
            "helm.toolkit.fluxcd.io/v2",
            "HelmRelease",
            3,
            json!({}),
            json!({ "observedGeneration": 3, "history": [{ "chartVersion": released }],
                "conditions": [condition("Ready", "True", "UpgradeSucceeded", "")] }),
        );
        it["metadata"]["annotations"]["windlass.dev/version"] = wanted.into();
        it
    };
    check(&[
        ("ready", release("41.3.0", "41.3.0")),
        ("ready", release("v1.21.1", "1.21.1+0123456789ab")),
        (
            "waiting: 41.2.0+0123456789ab is released, 41.3.0 not yet",
            release("41.3.0", "41.2.0+0123456789ab"),
        ),
    ]);
}
