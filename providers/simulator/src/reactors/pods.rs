//! Pods: scheduled, started after an assumed time, running; or failing, where an image or an annotation asks for it.
//!
//! An image with the tag `crash` ends at once again and again, one with the tag `missing` cannot be pulled. The annotation
//! `simulator.windlass.dev/fate` with `crash`, `missing`, `never` (it never becomes ready) or `unschedulable` asks for the same.

use super::{
    Cx, Next,
    object::{Conditions, deleting, name, namespace, path, second, text, time, uid},
    scheduler,
};
use crate::{clock, faults::Strike, ground::digest};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// Assumed time from a pod's being scheduled to its containers' running.
const START: Duration = Duration::from_secs(2);
/// Assumed time that a container which is to end takes.
const RUN: Duration = Duration::from_secs(3);
/// How often a crash loop goes round before the simulator lets it rest, and its first pause.
const RESTARTS: u64 = 3;
const BACK_OFF: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(300);
/// Assumed time after which an image that cannot be pulled is tried less often.
const PULL: Duration = Duration::from_secs(15);
/// Where the text is that `kubectl logs` shows.
pub(super) const LOG: &str = "simulator.windlass.dev/log";
const FATE: &str = "simulator.windlass.dev/fate";

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Run,
    Crash,
    Missing,
    Never,
}

pub(super) fn pod(cx: &Cx<'_>, pod: &Value) -> Next {
    if deleting(pod) {
        return Next::NEVER;
    }
    match text(&pod["status"], "phase") {
        "Succeeded" | "Failed" => Next::NEVER,
        _ if text(&pod["spec"], "nodeName").is_empty() => {
            let full = asked(cx, pod).effect == Some("unschedulable");
            scheduler::schedule(cx, pod, full)
        }
        _ => match time(&pod["status"]["startTime"]) {
            None => begin(cx, pod),
            Some(started) => go_on(cx, pod, started),
        },
    }
}

/// Returns what faults, or its annotation, ask of a pod.
fn asked<'a>(cx: &Cx<'_>, pod: &'a Value) -> Strike<&'a str> {
    let images = pod["spec"]["containers"].as_array().into_iter().flatten();
    let images = images.map(|it| text(it, "image"));
    let strike = cx.ground.faults.pod(&path(pod), images, uid(pod), cx.now);
    Strike {
        latency: strike.latency,
        effect: strike
            .effect
            .or(pod["metadata"]["annotations"][FATE].as_str()),
    }
}

/// The kubelet takes the pod over.
fn begin(cx: &Cx<'_>, pod: &Value) -> Next {
    let mut conditions = Conditions::of(pod, cx.now);
    conditions.set("PodScheduled", "True", "", "");
    conditions.set("Initialized", "True", "", "");
    let waiting = json!({"waiting": {"reason": "ContainerCreating"}});
    unready(&mut conditions, pod);
    let node = cx.get("", "Node", "", text(&pod["spec"], "nodeName"));
    let mut addresses = node
        .iter()
        .flat_map(|it| it["status"]["addresses"].as_array().into_iter().flatten());
    let host = addresses
        .find(|it| it["type"] == "InternalIP")
        .map(|it| &it["address"]);
    let status = json!({
        "hostIP": host, "hostIPs": host.map(|host| json!([{"ip": host}])),
        "phase": "Pending", "startTime": second(cx.now), "qosClass": "BestEffort",
        "conditions": conditions.into_value(), "containerStatuses": containers(pod, &waiting, 0, false, None),
    });
    cx.status(pod, "kubelet", status);
    Next::at(clock::add(cx.now, START))
}

fn go_on(cx: &Cx<'_>, pod: &Value, started: Timestamp) -> Next {
    let strike = asked(cx, pod);
    let begun = clock::add(started, START.saturating_add(strike.latency));
    if cx.now < begun {
        return Next::at(begun);
    }
    let ends = matches!(text(&pod["spec"], "restartPolicy"), "Never" | "OnFailure");
    match fate(pod, strike.effect.unwrap_or_default()) {
        Fate::Missing => missing(cx, pod, begun),
        Fate::Crash if text(&pod["spec"], "restartPolicy") == "Never" => {
            finish(cx, pod, begun, false)
        }
        Fate::Crash => crash(cx, pod, begun),
        Fate::Run if ends => finish(cx, pod, begun, true),
        Fate::Run => {
            run(cx, pod, true);
            Next::NEVER
        }
        Fate::Never => {
            run(cx, pod, false);
            Next::NEVER
        }
    }
}

/// Returns what becomes of a pod of which `asked` is asked, or of one of whose images.
fn fate(pod: &Value, asked: &str) -> Fate {
    let tagged = |tag: &str| {
        let containers = pod["spec"]["containers"].as_array();
        containers
            .into_iter()
            .flatten()
            .any(|it| text(it, "image").ends_with(&format!(":{tag}")))
    };
    match asked {
        "crash" => Fate::Crash,
        "missing" => Fate::Missing,
        "never" => Fate::Never,
        _ if tagged("crash") => Fate::Crash,
        _ if tagged("missing") => Fate::Missing,
        _ => Fate::Run,
    }
}

fn run(cx: &Cx<'_>, pod: &Value, ready: bool) {
    if pod["status"]["phase"] == "Running" {
        return;
    }
    let mut conditions = Conditions::of(pod, cx.now);
    match ready {
        true => {
            conditions.set("ContainersReady", "True", "", "");
            conditions.set("Ready", "True", "", "");
        }
        false => {
            unready(&mut conditions, pod);
            cx.event(
                pod,
                "Warning",
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
            );
        }
    }
    let state = json!({"running": {"startedAt": second(cx.now)}});
    let status = json!({
        "phase": "Running", "podIP": address(pod), "podIPs": [{"ip": address(pod)}],
        "conditions": conditions.into_value(), "containerStatuses": containers(pod, &state, 0, ready, None),
    });
    cx.status(pod, "kubelet", status);
}

fn missing(cx: &Cx<'_>, pod: &Value, begun: Timestamp) -> Next {
    let image = text(&pod["spec"]["containers"][0], "image");
    let cause = format!(
        "failed to pull and unpack image \"{image}\": failed to resolve image: {image}: not found"
    );
    let refused = format!("rpc error: code = NotFound desc = {cause}");
    let pulled = format!("Failed to pull image \"{image}\": {refused}");
    cx.event(pod, "Warning", "Failed", &pulled);
    let backs_off = clock::add(begun, PULL);
    let (reason, message, next) = if cx.now < backs_off {
        ("ErrImagePull", refused, Next::at(backs_off))
    } else {
        let again = format!("Back-off pulling image \"{image}\"");
        cx.event(pod, "Normal", "BackOff", &again);
        let message = format!("{again}: ErrImagePull: {refused}");
        ("ImagePullBackOff", message, Next::NEVER)
    };
    let waiting = json!({"waiting": {"reason": reason, "message": message}});
    let status =
        json!({"phase": "Pending", "containerStatuses": containers(pod, &waiting, 0, false, None)});
    cx.status(pod, "kubelet", status);
    next
}

/// Returns how long the first `restarts` pauses of a crash loop take together: 10, 20, 40 s, and 5 minutes at most.
fn pauses(restarts: u64) -> Duration {
    (0..restarts).map(pause).sum()
}

fn pause(restart: u64) -> Duration {
    let doublings = u32::try_from(restart).unwrap_or(u32::MAX);
    BACK_OFF
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(LONGEST)
}

fn crash(cx: &Cx<'_>, pod: &Value, begun: Timestamp) -> Next {
    // A Job counts restarts, and ends the pod.
    let most = match text(&pod["spec"], "restartPolicy") {
        "OnFailure" => RESTARTS * 4,
        _ => RESTARTS,
    };
    let restarts = (0..=most)
        .rev()
        .find(|n| clock::add(begun, pauses(*n)) <= cx.now)
        .unwrap_or(0);
    let container = text(&pod["spec"]["containers"][0], "name");
    let (namespace, uid) = (namespace(pod), uid(pod));
    let shown = format!("{}_{namespace}({uid})", name(pod));
    let message = format!(
        "back-off {}s restarting failed container={container} pod={shown}",
        pause(restarts).as_secs()
    );
    let state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
    let last = json!({"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": second(clock::add(begun, pauses(restarts)))}});
    let mut conditions = Conditions::of(pod, cx.now);
    unready(&mut conditions, pod);
    let log =
        format!("starting {container}\nError: cannot read the configuration: it says to crash\n");
    cx.patch(
        pod,
        "kubelet",
        None,
        json!({"metadata": {"annotations": {LOG: log}}}),
    );
    let status = json!({
        "phase": "Running", "podIP": address(pod), "conditions": conditions.into_value(),
        "containerStatuses": containers(pod, &state, restarts, false, Some(&last)),
    });
    cx.status(pod, "kubelet", status);
    cx.event(
        pod,
        "Warning",
        "BackOff",
        &format!("Back-off restarting failed container {container} in pod {shown}"),
    );
    match restarts < most {
        true => Next::at(clock::add(begun, pauses(restarts + 1))),
        false => Next::NEVER,
    }
}

/// A pod whose containers end of themselves.
fn finish(cx: &Cx<'_>, pod: &Value, begun: Timestamp, well: bool) -> Next {
    let end = clock::add(begun, RUN);
    if cx.now < end {
        run(cx, pod, true);
        return Next::at(end);
    }
    let (code, reason, phase) = if well {
        (0, "Completed", "Succeeded")
    } else {
        (1, "Error", "Failed")
    };
    if !well {
        cx.patch(
            pod,
            "kubelet",
            None,
            json!({"metadata": {"annotations": {LOG: "Error: it says to crash\n"}}}),
        );
    }
    let state = json!({"terminated": {"exitCode": code, "reason": reason, "startedAt": second(begun), "finishedAt": second(cx.now)}});
    let mut conditions = Conditions::of(pod, cx.now);
    conditions.set("Ready", "False", "PodCompleted", "");
    let status = json!({
        "phase": phase, "conditions": conditions.into_value(), "containerStatuses": containers(pod, &state, 0, false, None),
    });
    cx.status(pod, "kubelet", status);
    Next::NEVER
}

fn unready(conditions: &mut Conditions, pod: &Value) {
    let names: Vec<&str> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| text(it, "name"))
        .collect();
    let message = format!("containers with unready status: [{}]", names.join(" "));
    conditions.set("ContainersReady", "False", "ContainersNotReady", &message);
    conditions.set("Ready", "False", "ContainersNotReady", &message);
}

fn containers(
    pod: &Value,
    state: &Value,
    restarts: u64,
    ready: bool,
    last: Option<&Value>,
) -> Value {
    let containers = pod["spec"]["containers"].as_array();
    let begun = state["waiting"].is_null() || restarts > 0;
    let identify = |container: &Value| {
        if !begun {
            return (String::new(), String::new());
        }
        let (name, image) = (text(container, "name"), text(container, "image"));
        let id = digest(&format!("{name} {} {restarts}", uid(pod)));
        let image = format!("{image}@sha256:{}", digest(image));
        (format!("containerd://{id}"), image)
    };
    let list = containers.into_iter().flatten().map(|container| {
        let (id, image) = identify(container);
        json!({
            "name": container["name"], "image": container["image"], "imageID": image, "containerID": id,
            "ready": ready, "started": ready, "restartCount": restarts, "state": state,
            "lastState": last.unwrap_or(&json!({})),
        })
    });
    Value::Array(list.collect())
}

fn address(pod: &Value) -> String {
    let number = u32::from_str_radix(&digest(uid(pod))[..4], 16).unwrap_or_default();
    format!("10.244.{}.{}", number % 4, 2 + (number >> 2) % 250)
}
