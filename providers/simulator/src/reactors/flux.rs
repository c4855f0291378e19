//! Flux: its sources, HelmReleases and Kustomizations, with the conditions, reasons and messages of the real controllers (helm-controller
//! 1.6, source-controller 1.9, kustomize-controller 1.9). A controller acts only while its Deployment is Available.

mod chart;
mod inventory;
mod kustomizations;
mod releases;
mod send;
mod sources;
mod values;

use super::{
    Cx, Next, external,
    object::{Conditions, deleting, find, generation, is_true, key, name, namespace, text},
};
use crate::kube::{ApiServer, Change, Key};
use serde_json::{Value, json};
use std::sync::Arc;

const SOURCE: &str = "source.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const SYSTEM: &str = "flux-system";
const FINALIZER: &str = "finalizers.fluxcd.io";

pub(super) fn react(cx: &Cx<'_>, kind: &str, object: &Value) -> Next {
    let (controller, reactor): (&str, fn(&Cx<'_>, &Value) -> Next) = match kind {
        "HelmRepository" => ("source-controller", sources::helm_repository),
        "HelmChart" => ("source-controller", sources::helm_chart),
        "OCIRepository" => ("source-controller", sources::oci_repository),
        "GitRepository" => ("source-controller", sources::git_repository),
        "HelmRelease" => ("helm-controller", releases::release),
        "Kustomization" => ("kustomize-controller", kustomizations::kustomization),
        _ => return Next::NEVER,
    };
    let running = cx.get("apps", "Deployment", SYSTEM, controller);
    if !running.is_some_and(|it| external::is_served(&it) && !deleting(&it)) {
        return Next::NEVER;
    }
    if deleting(object) {
        return match (external::is_held(object, FINALIZER), kind) {
            (false, _) => Next::NEVER,
            (true, "HelmRelease") => releases::uninstall(cx, object),
            (true, "Kustomization") => kustomizations::prune(cx, object),
            (true, _) => release_finalizer(cx, object, controller),
        };
    }
    if object["spec"]["suspend"] == true {
        return Next::NEVER;
    }
    if external::hold(cx, object, controller, FINALIZER) {
        // The change brings it here again.
        return Next::NEVER;
    }
    if heed(cx, kind, object, controller) {
        return Next::NEVER;
    }
    reactor(cx, object)
}

/// Takes up what annotations ask for: `requestedAt` asks to look again, with `resetAt` of the same value to forget failures; returns
/// whether there was anything. <https://fluxcd.io/flux/components/helm/helmreleases/#resetting-remediation-retries>
fn heed(cx: &Cx<'_>, kind: &str, object: &Value, manager: &str) -> bool {
    let asked = &object["metadata"]["annotations"];
    let handled = &object["status"];
    let requested = &asked["reconcile.fluxcd.io/requestedAt"];
    if !requested.is_string() {
        return false;
    }
    let mut status = json!({"lastHandledReconcileAt": requested});
    let reset = &asked["reconcile.fluxcd.io/resetAt"];
    if kind == "HelmRelease" && reset.is_string() {
        status["lastHandledResetAt"] = reset.clone();
        if reset == requested && *reset != handled["lastHandledResetAt"] {
            let mut conditions = Conditions::of(object, cx.now);
            conditions.remove("Stalled");
            status["conditions"] = conditions.into_value();
            for count in ["failures", "installFailures", "upgradeFailures"] {
                status[count] = Value::Null;
            }
        }
    }
    if kind != "HelmRelease" && find(object, "FetchFailed").is_some() {
        // A source is fetched again.
        let mut conditions = Conditions::of(object, cx.now);
        conditions.remove("FetchFailed");
        conditions.remove("Stalled");
        status["conditions"] = conditions.into_value();
    }
    cx.status(object, manager, status).is_some()
}

/// Returns what else is to be looked at when an object changed.
pub(super) fn concern(api: &Arc<ApiServer>, change: &Change) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut all =
        |group: &str, kind: &str| keys.extend(api.list(group, kind, None).iter().map(|it| key(it)));
    let changed = &change.key;
    match (changed.group.as_str(), changed.kind.as_str()) {
        ("apps", "Deployment") if changed.namespace.as_deref() == Some(SYSTEM) => {
            for kind in [
                "HelmRepository",
                "HelmChart",
                "OCIRepository",
                "GitRepository",
            ] {
                all(SOURCE, kind);
            }
            all(HELM, "HelmRelease");
            all(KUSTOMIZE, "Kustomization");
        }
        (SOURCE, kind) => {
            if kind == "HelmRepository" {
                all(SOURCE, "HelmChart");
            }
            all(HELM, "HelmRelease");
            all(KUSTOMIZE, "Kustomization");
        }
        (HELM, _) => all(HELM, "HelmRelease"),
        (KUSTOMIZE, _) => all(KUSTOMIZE, "Kustomization"),
        // Values may come from them.
        ("", "Secret" | "ConfigMap") => all(HELM, "HelmRelease"),
        _ => {}
    }
    let labels = &change.object["metadata"]["labels"];
    for (group, kind) in [(HELM, "HelmRelease"), (KUSTOMIZE, "Kustomization")] {
        if let (Some(name), Some(namespace)) = (
            labels[format!("{group}/name")].as_str(),
            labels[format!("{group}/namespace")].as_str(),
        ) {
            keys.push(Key {
                group: group.to_owned(),
                kind: kind.to_owned(),
                namespace: Some(namespace.to_owned()),
                name: name.to_owned(),
            });
        }
    }
    keys
}

fn release_finalizer(cx: &Cx<'_>, object: &Value, manager: &str) -> Next {
    external::let_go(cx, object, manager, FINALIZER);
    Next::NEVER
}

/// Returns whether an object is Ready as it is now.
fn ready(object: &Value) -> bool {
    is_true(object, "Ready")
        && object["status"]["observedGeneration"].as_i64() == Some(generation(object))
}

/// Returns the first of `spec.dependsOn` that is not ready.
fn unmet(cx: &Cx<'_>, object: &Value, group: &str, kind: &str) -> Option<String> {
    let wanted = object["spec"]["dependsOn"].as_array();
    wanted.into_iter().flatten().find_map(|it| {
        let space = it["namespace"].as_str().unwrap_or(namespace(object));
        let shown = format!("{space}/{}", text(it, "name"));
        match cx.get(group, kind, space, text(it, "name")) {
            None => Some(format!(
                "unable to get '{shown}' dependency: {}s.{group} \"{}\" not found",
                kind.to_lowercase(),
                text(it, "name")
            )),
            Some(found) => (!ready(&found)).then(|| format!("dependency '{shown}' is not ready")),
        }
    })
}

/// Returns why a source cannot be used yet, worded as helm-controller does; `None` where it is ready.
fn unready_source(source: &Value) -> Option<String> {
    let shown = format!(
        "{} '{}/{}' is not ready",
        text(source, "kind"),
        namespace(source),
        name(source)
    );
    if source["status"]["observedGeneration"].as_i64() != Some(generation(source)) {
        let failed = find(source, "Ready")
            .filter(|it| it["status"] == "False")
            .map(|it| text(it, "message"));
        let cause = failed.unwrap_or("latest generation of object has not been reconciled");
        return Some(format!("{shown}: {cause}"));
    }
    if let Some(stalled) = find(source, "Stalled").filter(|it| it["status"] == "True") {
        return Some(format!("{shown}: {}", text(stalled, "message")));
    }
    source["status"]["artifact"]
        .is_null()
        .then(|| format!("{shown}: does not have an artifact"))
}

/// Returns an object's conditions, to be set at its generation.
fn conditions(cx: &Cx<'_>, object: &Value) -> Conditions {
    Conditions::of(object, cx.now).observing(generation(object))
}

/// Returns the labels that tell whose an object is.
fn labels(release: &Value) -> Value {
    json!({format!("{HELM}/name"): name(release), format!("{HELM}/namespace"): namespace(release)})
}
