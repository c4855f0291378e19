//! Cells that tell how nodes, pods, Jobs and events are.

use super::{condition, count, items, or, or_none, text};
use crate::kube::table::age::{age, duration, moment};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(super) fn node(column: &str, object: &Value) -> Value {
    let (metadata, status) = (&object["metadata"], &object["status"]);
    let info = &status["nodeInfo"];
    let address = |class: &str| {
        let mut found = items(&status["addresses"]).filter(|it| it["type"] == class);
        or_none(found.next().map_or(&Value::Null, |it| &it["address"]))
    };
    let or_unknown = |value: &Value| or(value, "<unknown>");
    match column {
        "Status" => {
            let ready = if condition(status, "Ready") {
                "Ready"
            } else {
                "NotReady"
            };
            let cordoned = object["spec"]["unschedulable"] == true;
            json!(format!(
                "{ready}{}",
                if cordoned { ",SchedulingDisabled" } else { "" }
            ))
        }
        "Roles" => {
            let labels = metadata["labels"].as_object().into_iter().flatten();
            let mut roles: Vec<&str> = labels
                .filter_map(
                    |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                        Some(role) => Some(role),
                        None => (key == "kubernetes.io/role").then(|| text(value)),
                    },
                )
                .filter(|role| !role.is_empty())
                .collect();
            roles.sort_unstable();
            json!(if roles.is_empty() {
                "<none>".to_owned()
            } else {
                roles.join(",")
            })
        }
        "Version" => info["kubeletVersion"].clone(),
        "Internal-IP" => address("InternalIP"),
        "External-IP" => address("ExternalIP"),
        "OS-Image" => or_unknown(&info["osImage"]),
        "Kernel-Version" => or_unknown(&info["kernelVersion"]),
        _ => or_unknown(&info["containerRuntimeVersion"]),
    }
}

pub(super) fn pod(column: &str, object: &Value, now: Timestamp) -> Value {
    let (spec, status) = (&object["spec"], &object["status"]);
    let states = || items(&status["containerStatuses"]);
    match column {
        "Ready" => {
            let ready = states().filter(|state| state["ready"] == true).count();
            json!(format!(
                "{ready}/{}",
                spec["containers"].as_array().map_or(0, Vec::len)
            ))
        }
        "Status" => json!(pod_status(object)),
        "Restarts" => {
            let restarts: i64 = states().map(|state| count(&state["restartCount"])).sum();
            let last = states()
                .filter_map(|state| moment(&state["lastState"]["terminated"]["finishedAt"]));
            match last.max() {
                Some(last) if restarts > 0 => {
                    let ago = duration(now.as_second() - last.as_second());
                    json!(format!("{restarts} ({ago} ago)"))
                }
                _ => json!(restarts.to_string()),
            }
        }
        "IP" => or_none(&status["podIP"]),
        "Node" => or_none(&spec["nodeName"]),
        "Nominated Node" => or_none(&status["nominatedNodeName"]),
        _ => json!("<none>"),
    }
}

/// Returns what a pod is said to be: the first container that says more than the phase counts, those before the start first.
fn pod_status(object: &Value) -> String {
    let status = &object["status"];
    let phase = match text(&status["reason"]) {
        "" => text(&status["phase"]),
        reason => reason,
    };
    let wrong = |state: &Value| -> Option<String> {
        let (waiting, ended) = (&state["state"]["waiting"], &state["state"]["terminated"]);
        match (text(&waiting["reason"]), text(&ended["reason"])) {
            ("", "") if ended.is_object() => {
                Some(format!("ExitCode:{}", count(&ended["exitCode"])))
            }
            ("", "") => None,
            ("", reason) | (reason, _) => Some(reason.to_owned()),
        }
    };
    let mut shown = if phase.is_empty() {
        "Unknown".to_owned()
    } else {
        phase.to_owned()
    };
    let (inits, all) = (
        items(&status["initContainerStatuses"]),
        items(&object["spec"]["initContainers"]).count(),
    );
    let mut starting = false;
    for (n, state) in inits.enumerate() {
        let ended = &state["state"]["terminated"];
        if ended["exitCode"] == 0
            || state["started"] == true && state["state"]["running"].is_object()
        {
            continue;
        }
        shown = match wrong(state) {
            Some(reason) if reason != "PodInitializing" => format!("Init:{reason}"),
            _ => format!("Init:{n}/{all}"),
        };
        starting = true;
        break;
    }
    if !starting {
        let mut running = false;
        for state in items(&status["containerStatuses"]) {
            match wrong(state) {
                Some(reason) => shown = reason,
                None => running |= state["ready"] == true && state["state"]["running"].is_object(),
            }
        }
        if shown == "Completed" && running {
            let ready = condition(status, "Ready");
            shown = if ready { "Running" } else { "NotReady" }.to_owned();
        }
    }
    if object["metadata"]["deletionTimestamp"].is_null() {
        shown
    } else {
        "Terminating".to_owned()
    }
}

pub(super) fn job_status(object: &Value) -> &'static str {
    let status = &object["status"];
    match () {
        () if condition(status, "Complete") => "Complete",
        () if condition(status, "Failed") => "Failed",
        () if !object["metadata"]["deletionTimestamp"].is_null() => "Terminating",
        () if condition(status, "Suspended") => "Suspended",
        () if condition(status, "FailureTarget") => "FailureTarget",
        () if condition(status, "SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

pub(super) fn event(column: &str, object: &Value, now: Timestamp) -> Value {
    let about = match &object["involvedObject"] {
        Value::Null => &object["regarding"],
        about => about,
    };
    let seen = |fields: &[&str]| {
        let mut times = fields.iter().map(|field| &object[*field]);
        let time = times.find(|time| !time.is_null());
        json!(time.map_or("<unknown>".to_owned(), |time| age(time, now)))
    };
    match column {
        "Last Seen" => seen(&[
            "lastTimestamp",
            "deprecatedLastTimestamp",
            "eventTime",
            "firstTimestamp",
        ]),
        "First Seen" => seen(&["firstTimestamp", "deprecatedFirstTimestamp", "eventTime"]),
        "Type" => object["type"].clone(),
        "Reason" => object["reason"].clone(),
        "Object" => json!(format!(
            "{}/{}",
            text(&about["kind"]).to_lowercase(),
            text(&about["name"])
        )),
        "Subobject" => or(&about["fieldPath"], ""),
        "Source" => {
            let source = &object["source"];
            let parts = [&source["component"], &source["host"]].map(text);
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            json!(parts.join(", "))
        }
        "Message" => json!(
            text(match &object["message"] {
                Value::Null => &object["note"],
                message => message,
            })
            .trim()
        ),
        _ => json!(object["count"].as_i64().unwrap_or(1)),
    }
}
