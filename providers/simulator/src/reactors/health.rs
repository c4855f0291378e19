//! Whether an object is as it is wanted, judged by its own status as kstatus does.

use super::object::{deleting, find, generation, is_true, text};
use serde_json::Value;

/// How an object is.
pub(super) enum Health {
    Ready,
    Progressing(String),
    Failed(String),
}

/// Returns how an object is. A kind that has no status is ready as soon as it exists.
pub(super) fn of(object: &Value) -> Health {
    if deleting(object) {
        return Health::Progressing("Resource scheduled for deletion".to_owned());
    }
    let (spec, status) = (&object["spec"], &object["status"]);
    let observed = status["observedGeneration"].as_i64() == Some(generation(object));
    let number = |value: &Value, default: u64| value.as_u64().unwrap_or(default);
    let behind = |what: &str, have: u64, want: u64| match have >= want {
        true => Health::Ready,
        false => Health::Progressing(format!("{what}: {have}/{want}")),
    };
    match text(object, "kind") {
        "Deployment" | "StatefulSet" | "DaemonSet" if !observed => {
            Health::Progressing("latest generation is not observed".to_owned())
        }
        "Deployment" => {
            if let Some(late) =
                find(object, "Progressing").filter(|it| it["reason"] == "ProgressDeadlineExceeded")
            {
                return Health::Failed(text(late, "message").to_owned());
            }
            let wanted = number(&spec["replicas"], 1);
            match number(&status["updatedReplicas"], 0) >= wanted {
                true => behind("Available", number(&status["availableReplicas"], 0), wanted),
                false => behind("Updated", number(&status["updatedReplicas"], 0), wanted),
            }
        }
        "StatefulSet" => behind(
            "Ready",
            number(&status["readyReplicas"], 0),
            number(&spec["replicas"], 1),
        ),
        "DaemonSet" => behind(
            "Ready",
            number(&status["numberReady"], 0),
            number(&status["desiredNumberScheduled"], 1),
        ),
        "Job" if is_true(object, "Failed") => Health::Failed("Job Failed".to_owned()),
        "Job" if !is_true(object, "Complete") => Health::Progressing("Job in progress".to_owned()),
        "CustomResourceDefinition" if !is_true(object, "Established") => {
            Health::Progressing("Install in progress".to_owned())
        }
        "Namespace" | "Service" | "Job" | "CustomResourceDefinition" => Health::Ready,
        _ => match find(object, "Ready") {
            Some(ready)
                if ready["status"] != "True"
                    || !(observed || status["observedGeneration"].is_null()) =>
            {
                match is_true(object, "Stalled") {
                    true => Health::Failed(text(ready, "message").to_owned()),
                    false => Health::Progressing(text(ready, "message").to_owned()),
                }
            }
            _ => Health::Ready,
        },
    }
}
