//! When an object is ready, still on its way, or failed for good: pure rules over what the object itself says.
//!
//! First the generation: a status that speaks of an older one says nothing. Then the kind's own rule, or its conditions. The
//! rules are those of kubectl's `rollout status`, of kstatus (<https://github.com/kubernetes-sigs/cli-utils>) and of Flux's
//! controllers. No request is made here.

mod flux;
#[cfg(test)]
mod tests;
mod workloads;

pub(super) use flux::{REQUESTED, RESET};
use serde_json::Value;

/// How an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is as it should be.
    Ready,
    /// It is on its way; what is missing, as a lower-case fragment: "0 of 1 available".
    Waiting(String),
    /// It will not become ready by itself.
    Failed(Reason),
}

/// Why an object failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The word that the API uses: "ProgressDeadlineExceeded".
    pub reason: String,
    /// What it says besides.
    pub message: String,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.message.as_str() {
            "" => f.write_str(&self.reason),
            message => write!(f, "{}: {message}", self.reason),
        }
    }
}

/// Judges an object as the API returned it.
#[must_use]
pub fn judge(object: &Value) -> Verdict {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Verdict::Waiting("being deleted".into());
    }
    let generation = object["metadata"]["generation"].as_i64();
    if let (Some(observed), Some(generation)) =
        (object["status"]["observedGeneration"].as_i64(), generation)
        && observed < generation
    {
        return Verdict::Waiting("its controller has not seen the last change yet".into());
    }
    let group = object["apiVersion"]
        .as_str()
        .and_then(|version| version.split_once('/'))
        .map_or("", |(group, _)| group);
    let kind = object["kind"].as_str().unwrap_or_default();
    match (group, kind) {
        ("apps", "Deployment") => workloads::deployment(object),
        ("apps", "StatefulSet") => workloads::stateful_set(object),
        ("apps", "DaemonSet") => workloads::daemon_set(object),
        ("apps", "ReplicaSet") => workloads::replica_set(object),
        ("batch", "Job") => workloads::job(object),
        ("", "Pod") => workloads::pod(object),
        ("", "Namespace") => phase(object, "Active"),
        ("", "PersistentVolumeClaim") => match object["status"]["phase"].as_str() {
            Some("Lost") => failed("Lost", "the volume that it was bound to is gone"),
            _ => phase(object, "Bound"),
        },
        ("", "Service") => service(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("apiregistration.k8s.io", "APIService") => awaits(object, "Available"),
        _ if group == "toolkit.fluxcd.io" || group.ends_with(".toolkit.fluxcd.io") => {
            flux::judge(kind, object)
        }
        ("pkg.crossplane.io", "Provider" | "Configuration" | "Function") => {
            first(installed(object), || awaits(object, "Healthy"))
        }
        _ => by_conditions(object, promises_ready(group, kind)),
    }
}

/// Tells whether the controllers of a group are known to give their objects a Ready condition, so that one without it is not
/// ready yet. Of other groups nothing is known: there an object without it is ready by being there.
fn promises_ready(group: &str, kind: &str) -> bool {
    let is_config = kind.ends_with("ProviderConfig") || kind.ends_with("ProviderConfigUsage");
    match group {
        "cert-manager.io" => true,
        _ if group.ends_with(".azure.com") => true,
        _ if group.ends_with(".upbound.io") || group.ends_with(".crossplane.io") => {
            !is_config && group != "apiextensions.crossplane.io" && group != "pkg.crossplane.io"
        }
        _ => false,
    }
}

/// The rule for any object with conditions: Stalled ends it, Reconciling goes on, Ready decides.
fn by_conditions(object: &Value, promised: bool) -> Verdict {
    if let Some(stalled) = condition(object, "Stalled").filter(|it| it["status"] == "True") {
        return Verdict::Failed(reason(stalled));
    }
    match condition(object, "Ready") {
        Some(ready) if ready["status"] == "True" => {
            match condition(object, "Reconciling").filter(|it| it["status"] == "True") {
                Some(reconciling) => Verdict::Waiting(said(reconciling)),
                None => Verdict::Ready,
            }
        }
        Some(ready) => Verdict::Waiting(said(ready)),
        None => match condition(object, "Reconciling").filter(|it| it["status"] == "True") {
            Some(reconciling) => Verdict::Waiting(said(reconciling)),
            None if promised || has_stale_ready(object) => {
                Verdict::Waiting("its controller has not looked at it yet".into())
            }
            None => Verdict::Ready,
        },
    }
}

/// Tells whether there is a Ready condition, though one of an older generation.
fn has_stale_ready(object: &Value) -> bool {
    object["status"]["conditions"]
        .as_array()
        .is_some_and(|all| all.iter().any(|condition| condition["type"] == "Ready"))
}

fn service(object: &Value) -> Verdict {
    let balancer = object["spec"]["type"] == "LoadBalancer";
    let addresses = object["status"]["loadBalancer"]["ingress"].as_array();
    if balancer && addresses.is_none_or(Vec::is_empty) {
        return Verdict::Waiting("no address yet".into());
    }
    Verdict::Ready
}

fn definition(object: &Value) -> Verdict {
    if let Some(names) = condition(object, "NamesAccepted").filter(|it| it["status"] == "False") {
        return Verdict::Failed(reason(names));
    }
    awaits(object, "Established")
}

fn phase(object: &Value, wanted: &str) -> Verdict {
    match object["status"]["phase"].as_str() {
        Some(phase) if phase == wanted => Verdict::Ready,
        Some(phase) => Verdict::Waiting(phase.to_lowercase()),
        None => Verdict::Waiting(format!("not {} yet", wanted.to_lowercase())),
    }
}

/// Whether a package of Crossplane's is installed; what its registry does not have or does not give ends it.
fn installed(object: &Value) -> Verdict {
    match condition(object, "Installed") {
        Some(condition) if condition["message"].as_str().is_some_and(flux::is_final) => {
            Verdict::Failed(reason(condition))
        }
        _ => awaits(object, "Installed"),
    }
}

/// Wants one condition to be true.
fn awaits(object: &Value, name: &str) -> Verdict {
    match condition(object, name) {
        Some(condition) if condition["status"] == "True" => Verdict::Ready,
        Some(condition) => Verdict::Waiting(said(condition)),
        None => Verdict::Waiting(format!("not {} yet", name.to_lowercase())),
    }
}

/// Returns the first verdict unless it is Ready, else the second.
fn first(verdict: Verdict, then: impl FnOnce() -> Verdict) -> Verdict {
    match verdict {
        Verdict::Ready => then(),
        other => other,
    }
}

/// Returns a condition by its type, unless it speaks of an older generation.
pub(super) fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let generation = object["metadata"]["generation"].as_i64();
    object["status"]["conditions"]
        .as_array()?
        .iter()
        .find(|condition| condition["type"] == name)
        .filter(
            |condition| match (condition["observedGeneration"].as_i64(), generation) {
                // Some controllers leave the field at 0.
                (Some(observed), Some(generation)) if observed > 0 => observed >= generation,
                _ => true,
            },
        )
}

fn reason(condition: &Value) -> Reason {
    let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    Reason {
        reason: match text("reason") {
            reason if reason.is_empty() => text("type"),
            reason => reason,
        },
        message: super::fault::shorten(&text("message")),
    }
}

fn failed(reason: &str, message: impl Into<String>) -> Verdict {
    Verdict::Failed(Reason {
        reason: reason.into(),
        message: message.into(),
    })
}

/// Returns what a condition says, as a fragment: its message, else its reason, else its name and status.
fn said(condition: &Value) -> String {
    let text = |field: &str| condition[field].as_str().unwrap_or_default();
    let said = match (text("reason"), text("message")) {
        ("", "") => format!("{} is {}", text("type"), text("status")),
        (reason, "") => reason.to_owned(),
        ("", message) => message.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    };
    super::fault::shorten(&said)
}
