//! The rules for Flux's objects. Sources: helm-controller 1.6 `internal/reconcile/atomic_release.go`, kustomize-controller and
//! source-controller 1.x; conditions as in <https://fluxcd.io/flux/components/helm/helmreleases/#conditions>.

use serde_json::Value;

use super::{Reason, Verdict, by_conditions, condition, failed, reason};

pub(super) fn judge(kind: &str, object: &Value) -> Verdict {
    // These two have no status since their API v1beta3: they are ready by being there.
    if matches!(kind, "Alert" | "Provider") && object["status"].is_null() {
        return Verdict::Ready;
    }
    let verdict = by_conditions(object, true);
    if object["spec"]["suspend"] == true && verdict != Verdict::Ready {
        return failed(
            "Suspended",
            "its controller leaves it alone until it is resumed",
        );
    }
    if !matches!(verdict, Verdict::Waiting(_)) {
        return verdict;
    }
    let terminal = match kind {
        "HelmRelease" => release(object),
        "Kustomization" => kustomization(object),
        _ => source(object),
    };
    terminal.map_or(verdict, Verdict::Failed)
}

/// A failed install or upgrade that will not be tried again. The controller says Stalled only a moment later, after it has
/// counted: with as many failures as retries, and one more. A strategy that always retries never ends.
fn release(object: &Value) -> Option<Reason> {
    let ready = condition(object, "Ready").filter(|it| it["status"] == "False")?;
    let (action, failures) = match ready["reason"].as_str()? {
        "InstallFailed" => ("install", "installFailures"),
        "UpgradeFailed" => ("upgrade", "upgradeFailures"),
        _ => return None,
    };
    let action = &object["spec"][action];
    if action["strategy"]["name"] == "RetryOnFailure" {
        return None;
    }
    let retries = action["remediation"]["retries"].as_i64().unwrap_or(0);
    let failures = object["status"][failures].as_i64().unwrap_or(0);
    (retries >= 0 && failures > retries).then(|| reason(ready))
}

/// What cannot be built from this revision will not be built from it later. Health checks and applies are tried again.
fn kustomization(object: &Value) -> Option<Reason> {
    let ready = condition(object, "Ready").filter(|it| it["status"] == "False")?;
    (ready["reason"] == "BuildFailed").then(|| reason(ready))
}

/// A source that the registry does not have, or does not give. The controller would ask for ever.
fn source(object: &Value) -> Option<Reason> {
    const FINAL: [&str; 6] = [
        "MANIFEST_UNKNOWN",
        "NAME_UNKNOWN",
        "UNAUTHORIZED",
        "DENIED",
        "authentication required",
        "repository not found",
    ];
    let fetch = condition(object, "FetchFailed").filter(|it| it["status"] == "True")?;
    let message = fetch["message"].as_str()?;
    FINAL
        .iter()
        .any(|word| message.contains(word))
        .then(|| reason(fetch))
}
