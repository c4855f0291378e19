//! Trouble of pods that does not pass by itself, or hardly: what saves users from waiting out a timeout. Pure.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::ready::{Reason, condition};

/// What a container waits for when it will not start without help.
const FINAL: [&str; 8] = [
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
    "RegistryUnavailable",
];

/// How long a pod may find no node: autoscalers take minutes to bring one.
pub(super) const UNSCHEDULABLE: Duration = Duration::from_secs(300);

/// The trouble of one pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The container; `None` where the pod itself is in trouble.
    pub(super) container: Option<String>,
    pub(super) reason: Reason,
    /// Whether the container has run before, so that its previous log is the telling one.
    pub(super) has_run: bool,
}

/// Returns the trouble of a pod's containers.
///
/// A first `ErrImagePull` is none: the kubelet tries again and says `ImagePullBackOff` when that fails too.
pub(super) fn of_containers(pod: &Value) -> Option<Trouble> {
    ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|field| pod["status"][field].as_array().into_iter().flatten())
        .find_map(|container| {
            let waiting = &container["state"]["waiting"];
            let word = waiting["reason"].as_str()?;
            FINAL.contains(&word).then(|| Trouble {
                container: container["name"].as_str().map(str::to_owned),
                reason: Reason {
                    reason: word.to_owned(),
                    message: super::fault::shorten(&told(container, waiting)),
                },
                has_run: container["restartCount"].as_u64().unwrap_or(0) > 0
                    || !container["lastState"]["terminated"].is_null(),
            })
        })
}

/// Returns since when a pod finds no node.
pub(super) fn unschedulable_since(pod: &Value) -> Option<(Timestamp, Trouble)> {
    let scheduled = condition(pod, "PodScheduled")?;
    if scheduled["status"] != "False" || scheduled["reason"] != "Unschedulable" {
        return None;
    }
    let since = scheduled["lastTransitionTime"].as_str()?.parse().ok()?;
    Some((
        since,
        Trouble {
            container: None,
            reason: Reason {
                reason: "Unschedulable".into(),
                message: super::fault::shorten(scheduled["message"].as_str().unwrap_or_default()),
            },
            has_run: false,
        },
    ))
}

/// Returns what is known of why a container waits: how it ended last tells more than "back-off".
fn told(container: &Value, waiting: &Value) -> String {
    let message = waiting["message"].as_str().unwrap_or_default();
    let ended = &container["lastState"]["terminated"];
    let Some(code) = ended["exitCode"].as_i64() else {
        return message.to_owned();
    };
    let reason = ended["reason"].as_str().unwrap_or("Error");
    let restarts = container["restartCount"].as_u64().unwrap_or(0);
    let times = if restarts == 1 { "time" } else { "times" };
    format!("last ended with exit code {code} ({reason}), restarted {restarts} {times}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn containers_that_will_not_start_are_trouble() {
        let pod = |waiting: Value, last: Value| {
            json!({ "status": {
                "initContainerStatuses": [{ "name": "init", "state": { "terminated": { "exitCode": 0 } } }],
                "containerStatuses": [{ "name": "web", "restartCount": 3, "state": { "waiting": waiting }, "lastState": last }],
            } })
        };
        let image = of_containers(&pod(
            json!({ "reason": "ImagePullBackOff", "message": "Back-off pulling image \"x\"" }),
            json!({}),
        ))
        .unwrap();
        assert_eq!(image.container.as_deref(), Some("web"));
        assert_eq!(
            image.reason.to_string(),
            "ImagePullBackOff: Back-off pulling image \"x\""
        );
        let crash = of_containers(&pod(
            json!({ "reason": "CrashLoopBackOff", "message": "back-off 40s restarting" }),
            json!({ "terminated": { "exitCode": 137, "reason": "OOMKilled" } }),
        ))
        .unwrap();
        assert_eq!(
            crash.reason.to_string(),
            "CrashLoopBackOff: last ended with exit code 137 (OOMKilled), restarted 3 times"
        );
        assert!(crash.has_run);
        for passing in ["ContainerCreating", "PodInitializing", "ErrImagePull"] {
            assert_eq!(
                of_containers(&pod(json!({ "reason": passing }), json!({}))),
                None
            );
        }
    }

    #[test]
    fn a_pod_without_a_node_says_since_when() {
        let pod = json!({ "status": { "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu.", "lastTransitionTime": "2026-01-02T03:04:05Z",
        }] } });
        let (since, trouble) = unschedulable_since(&pod).unwrap();
        assert_eq!(since.to_string(), "2026-01-02T03:04:05Z");
        assert_eq!(
            trouble.reason.to_string(),
            "Unschedulable: 0/1 nodes are available: 1 Insufficient cpu."
        );
        assert_eq!(unschedulable_since(&json!({})), None);
    }
}
