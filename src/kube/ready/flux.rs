//! The rules for Flux's objects. Sources: helm-controller 1.6 `internal/reconcile/atomic_release.go`, kustomize-controller and
//! source-controller 1.x; conditions as in <https://fluxcd.io/flux/components/helm/helmreleases/#conditions>.

use serde_json::Value;

use super::{Reason, Verdict, by_conditions, condition, failed, reason};

/// The annotation that asks a controller to look again; it notes in its object's status that it did.
/// Source: <https://fluxcd.io/flux/components/helm/helmreleases/#triggering-a-reconcile>
pub(crate) const REQUESTED: &str = "reconcile.fluxcd.io/requestedAt";
/// The annotation that, with the same value, lets a HelmRelease forget its failures.
/// Source: <https://fluxcd.io/flux/components/helm/helmreleases/#resetting-remediation-retries>
pub(crate) const RESET: &str = "reconcile.fluxcd.io/resetAt";

pub(super) fn judge(kind: &str, object: &Value) -> Verdict {
    // These two have no status since their API v1beta3: they are ready by being there.
    if matches!(kind, "Alert" | "Provider") && object["status"].is_null() {
        return Verdict::Ready;
    }
    let requested = &object["metadata"]["annotations"][REQUESTED];
    if requested.is_string()
        && *requested != object["status"]["lastHandledReconcileAt"]
        && object["spec"]["suspend"] != true
    {
        return Verdict::Waiting(
            "its controller has not taken up the request to look again yet".into(),
        );
    }
    let verdict = by_conditions(object, true);
    if object["spec"]["suspend"] == true && verdict != Verdict::Ready {
        return failed(
            "Suspended",
            "its controller leaves it alone until it is resumed",
        );
    }
    if let (Verdict::Ready, "HelmRelease") = (&verdict, kind)
        && let Some((released, wanted)) = another_version(object)
    {
        return Verdict::Waiting(format!("{released} is released, {wanted} not yet"));
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

/// The annotation in which windlass writes down the version of the chart that a release is to have.
const VERSION: &str = "windlass.dev/version";

/// Returns the version that is released and the one that is wanted, where they differ: a release whose chart comes from an
/// OCIRepository stays Ready at its generation until it has seen the repository's new revision. The controller may add the
/// chart's digest to the version, behind a plus sign.
fn another_version(object: &Value) -> Option<(String, String)> {
    let plain = |text: &str| {
        let text = text.split('+').next().unwrap_or(text);
        text.strip_prefix('v').unwrap_or(text).to_owned()
    };
    let wanted = object["metadata"]["annotations"][VERSION].as_str()?;
    let released = object["status"]["history"][0]["chartVersion"].as_str()?;
    (plain(wanted) != plain(released)).then(|| (released.to_owned(), wanted.to_owned()))
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
    let fetch = condition(object, "FetchFailed").filter(|it| it["status"] == "True")?;
    is_final(fetch["message"].as_str()?).then(|| reason(fetch))
}

/// Tells whether a registry or a repository says that it does not have something, or does not give it.
pub(super) fn is_final(message: &str) -> bool {
    const FINAL: [&str; 7] = [
        "MANIFEST_UNKNOWN",
        "NAME_UNKNOWN",
        "UNAUTHORIZED",
        "DENIED",
        "authentication required",
        "repository not found",
        "couldn't find remote ref",
    ];
    FINAL.iter().any(|word| message.contains(word))
}
