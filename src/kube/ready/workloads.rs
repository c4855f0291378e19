//! The rules for what runs pods. Source: kubectl's `pkg/polymorphichelpers/rollout_status.go`, and kstatus.

use serde_json::Value;

use super::{Verdict, condition, failed, reason, said};
use crate::kube::trouble;

/// Ready when all replicas are of the newest template and available, and the controller says Available.
pub(super) fn deployment(object: &Value) -> Verdict {
    if object["status"]["observedGeneration"].is_null() {
        return unseen();
    }
    if let Some(progress) = condition(object, "Progressing")
        && progress["reason"] == "ProgressDeadlineExceeded"
    {
        return Verdict::Failed(reason(progress));
    }
    let wanted = object["spec"]["replicas"].as_u64().unwrap_or(1);
    let updated = count(object, "updatedReplicas");
    let all = count(object, "replicas");
    let available = count(object, "availableReplicas");
    if updated < wanted {
        return waits(updated, wanted, "updated");
    }
    if all > updated {
        return Verdict::Waiting(format!("{} old to go", all - updated));
    }
    if available < wanted {
        return waits(available, wanted, "available");
    }
    match condition(object, "Available").filter(|it| it["status"] != "True") {
        Some(condition) => Verdict::Waiting(said(condition)),
        None => Verdict::Ready,
    }
}

/// Ready when as many as wanted are of the newest revision and ready; those that the partition holds back do not count.
pub(super) fn stateful_set(object: &Value) -> Verdict {
    if object["status"]["observedGeneration"].is_null() {
        return unseen();
    }
    let wanted = object["spec"]["replicas"].as_u64().unwrap_or(1);
    let ready = count(object, "readyReplicas");
    if ready < wanted {
        return waits(ready, wanted, "ready");
    }
    let strategy = &object["spec"]["updateStrategy"];
    if strategy["type"] == "OnDelete" {
        return Verdict::Ready;
    }
    let held_back = strategy["rollingUpdate"]["partition"].as_u64().unwrap_or(0);
    let to_update = wanted.saturating_sub(held_back);
    let updated = count(object, "updatedReplicas");
    if updated < to_update {
        return waits(updated, to_update, "updated");
    }
    Verdict::Ready
}

/// Ready when each node that should has an available pod of the newest template.
pub(super) fn daemon_set(object: &Value) -> Verdict {
    if object["status"]["observedGeneration"].is_null() {
        return unseen();
    }
    let wanted = count(object, "desiredNumberScheduled");
    let updated = count(object, "updatedNumberScheduled");
    let available = count(object, "numberAvailable");
    if object["spec"]["updateStrategy"]["type"] != "OnDelete" && updated < wanted {
        return waits(updated, wanted, "updated");
    }
    if available < wanted {
        return waits(available, wanted, "available");
    }
    Verdict::Ready
}

pub(super) fn replica_set(object: &Value) -> Verdict {
    let wanted = object["spec"]["replicas"].as_u64().unwrap_or(1);
    let available = count(object, "availableReplicas");
    if available < wanted {
        return waits(available, wanted, "available");
    }
    Verdict::Ready
}

/// Ready when complete; a Job that has failed stays so.
pub(super) fn job(object: &Value) -> Verdict {
    for name in ["Failed", "FailureTarget"] {
        if let Some(condition) = condition(object, name).filter(|it| it["status"] == "True") {
            return Verdict::Failed(reason(condition));
        }
    }
    if condition(object, "Complete").is_some_and(|it| it["status"] == "True") {
        return Verdict::Ready;
    }
    if object["spec"]["suspend"] == true {
        return Verdict::Waiting("suspended".into());
    }
    let wanted = object["spec"]["completions"].as_u64().unwrap_or(1);
    waits(count(object, "succeeded"), wanted, "complete")
}

/// Ready when its containers are, or when it has run to its end.
pub(super) fn pod(object: &Value) -> Verdict {
    if let Some(trouble) = trouble::of_containers(object) {
        return Verdict::Failed(trouble.reason);
    }
    match object["status"]["phase"].as_str() {
        Some("Succeeded") => Verdict::Ready,
        Some("Failed") => {
            let status = &object["status"];
            failed(
                status["reason"].as_str().unwrap_or("Failed"),
                status["message"].as_str().unwrap_or("the pod has failed"),
            )
        }
        phase => match condition(object, "Ready") {
            Some(ready) if ready["status"] == "True" => Verdict::Ready,
            Some(ready) => Verdict::Waiting(said(ready)),
            None => Verdict::Waiting(phase.unwrap_or("not started").to_lowercase()),
        },
    }
}

fn unseen() -> Verdict {
    Verdict::Waiting("its controller has not looked at it yet".into())
}

fn waits(there: u64, wanted: u64, how: &str) -> Verdict {
    Verdict::Waiting(format!("{there} of {wanted} {how}"))
}

fn count(object: &Value, field: &str) -> u64 {
    object["status"][field].as_u64().unwrap_or(0)
}
