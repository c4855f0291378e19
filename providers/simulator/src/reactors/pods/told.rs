//! What the scheduler and the kubelet tell of a pod that fares well: Scheduled, Pulling, Pulled, Created, Started, Killing; as
//! Kubernetes 1.36 words them.

use super::super::{
    Cx,
    object::{name, namespace, text, uid},
};
use crate::ground::digest;
use serde_json::Value;

/// Marks the pods that no scheduler has seen.
const STATIC: &str = "kubernetes.io/config.source";

/// The kubelet has taken a pod over, and fetches what it does not have.
pub(super) fn taken_over(cx: &Cx<'_>, pod: &Value) {
    if pod["metadata"]["annotations"][STATIC].is_null() {
        let message = format!(
            "Successfully assigned {}/{} to {}",
            namespace(pod),
            name(pod),
            text(&pod["spec"], "nodeName")
        );
        cx.event(pod, "Normal", "Scheduled", &message);
    }
    for container in containers(pod) {
        if !is_present(cx, pod, container) {
            let message = format!("Pulling image \"{}\"", text(container, "image"));
            cx.event_of(pod, text(container, "name"), "Normal", "Pulling", &message);
        }
    }
}

/// The containers of a pod have begun, perhaps anew.
pub(super) fn begun(cx: &Cx<'_>, pod: &Value) {
    let first = pod["status"]["phase"] == "Pending";
    for container in containers(pod) {
        let image = text(container, "image");
        let message = match first && !is_present(cx, pod, container) {
            true => {
                let (seconds, bytes) = assumed(image);
                format!(
                    "Successfully pulled image \"{image}\" in {seconds:.3}s ({seconds:.3}s including waiting). Image size: {bytes} bytes."
                )
            }
            false => format!(
                "Container image \"{image}\" already present on machine and can be accessed by the pod"
            ),
        };
        for (reason, message) in [
            ("Pulled", message.as_str()),
            ("Created", "Container created"),
            ("Started", "Container started"),
        ] {
            cx.event_of(pod, text(container, "name"), "Normal", reason, message);
        }
    }
}

/// A pod is gone: its containers that ran were stopped.
pub(in crate::reactors) fn gone(cx: &Cx<'_>, pod: &Value) {
    let states = pod["status"]["containerStatuses"].as_array();
    for state in states.into_iter().flatten() {
        if !state["state"]["running"].is_null() {
            let container = text(state, "name");
            let message = format!("Stopping container {container}");
            cx.event_of(pod, container, "Normal", "Killing", &message);
        }
    }
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["spec"]["containers"].as_array().into_iter().flatten()
}

/// Tells whether the pod's node has fetched a container's image already, for another pod.
fn is_present(cx: &Cx<'_>, pod: &Value, container: &Value) -> bool {
    if container["imagePullPolicy"] == "Always" {
        return false;
    }
    let fetched = |it: &Value| it["image"] == container["image"] && it["imageID"] != "";
    cx.api.list("", "Pod", None).iter().any(|other| {
        let states = other["status"]["containerStatuses"].as_array();
        other["spec"]["nodeName"] == pod["spec"]["nodeName"]
            && uid(other) != uid(pod)
            && states.into_iter().flatten().any(fetched)
    })
}

/// Returns how many seconds fetching an image is assumed to take, and how large it is: the same each time.
fn assumed(image: &str) -> (f64, u64) {
    let number = u64::from_str_radix(&digest(image)[..8], 16).unwrap_or_default();
    (
        (800 + number % 1000) as f64 / 1000.0,
        8_000_000 + number % 90_000_000,
    )
}
