//! What stands in the cells of a table.

use super::Column;
use crate::kube::kinds::Kind;
use serde_json::{Map, Value, json};

/// Returns one cell.
pub(super) fn cell(kind: &Kind, column: &Column, object: &Value, now: jiff::Timestamp) -> Value {
    if column.name == "Name" {
        return object["metadata"]["name"].clone();
    }
    if !column.path.is_empty() {
        return custom(column, object, now);
    }
    match column.name.as_str() {
        "Age" => json!(age(&object["metadata"]["creationTimestamp"], now)),
        "Created At" => object["metadata"]["creationTimestamp"].clone(),
        _ => builtin(kind, &column.name, object),
    }
}

fn custom(column: &Column, object: &Value, now: jiff::Timestamp) -> Value {
    let steps = column.path.trim_start_matches('.').split('.');
    let Some(value) = steps
        .into_iter()
        .try_fold(object, |value, step| find(value, step))
    else {
        return Value::Null;
    };
    if column.class == "date" {
        json!(age(value, now))
    } else {
        value.clone()
    }
}

/// Follows one step of a JSON path: a field, and after it an index or a filter on one field.
fn find<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    let (name, rest) = step.split_once('[').unwrap_or((step, ""));
    let value = if name.is_empty() {
        value
    } else {
        value.get(name)?
    };
    let Some(inside) = rest.strip_suffix(']') else {
        return Some(value);
    };
    if let Some(filter) = inside.strip_prefix("?(@") {
        let (field, wanted) = filter
            .trim_end_matches(')')
            .trim_start_matches('.')
            .split_once("==")?;
        let wanted = wanted.trim_matches(['"', '\'', ' ']);
        return value
            .as_array()?
            .iter()
            .find(|item| item[field.trim()] == wanted);
    }
    value.get(inside.parse::<usize>().ok()?)
}

fn builtin(kind: &Kind, column: &str, object: &Value) -> Value {
    let (spec, status) = (&object["spec"], &object["status"]);
    let count = |value: &Value| value.as_i64().unwrap_or(0);
    let or_none = |value: &Value| {
        json!(
            value
                .as_str()
                .filter(|text| !text.is_empty())
                .unwrap_or("<none>")
        )
    };
    match (kind.kind.as_str(), column) {
        ("ConfigMap" | "Secret", "Data") => {
            let size = |name: &str| object[name].as_object().map_or(0, Map::len);
            json!(size("data") + size("binaryData"))
        }
        ("Secret", "Type") => object["type"].clone(),
        ("Namespace", "Status") => status["phase"].clone(),
        ("Node", "Status") => json!(if condition(status, "Ready") {
            "Ready"
        } else {
            "NotReady"
        }),
        ("Node", "Version") => status["nodeInfo"]["kubeletVersion"].clone(),
        ("Deployment" | "StatefulSet", "Ready") => json!(format!(
            "{}/{}",
            count(&status["readyReplicas"]),
            count(&spec["replicas"])
        )),
        ("Deployment", "Up-to-date") => json!(count(&status["updatedReplicas"])),
        ("Deployment", "Available") => json!(count(&status["availableReplicas"])),
        ("Deployment", "Containers") => json!(containers(spec, "name")),
        ("Deployment", "Images") => json!(containers(spec, "image")),
        ("Deployment", "Selector") => json!(labels(&spec["selector"]["matchLabels"])),
        ("ReplicaSet", "Desired") => json!(count(&spec["replicas"])),
        ("ReplicaSet", "Current") => json!(count(&status["replicas"])),
        ("ReplicaSet", "Ready") => json!(count(&status["readyReplicas"])),
        ("Service", "Type") => spec["type"].clone(),
        ("Service", "Cluster-IP") => or_none(&spec["clusterIP"]),
        ("Service", "External-IP") => json!(external(spec, status)),
        ("Service", "Port(s)") => json!(ports(spec)),
        ("Service", "Selector") => json!(labels(&spec["selector"])),
        ("Pod", "Ready") => {
            let states = status["containerStatuses"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let ready = states.iter().filter(|state| state["ready"] == true).count();
            json!(format!(
                "{ready}/{}",
                spec["containers"].as_array().map_or(0, Vec::len)
            ))
        }
        ("Pod", "Status") => json!(pod_status(object)),
        ("Pod", "Restarts") => {
            let states = status["containerStatuses"].as_array().into_iter().flatten();
            json!(
                states
                    .map(|state| count(&state["restartCount"]))
                    .sum::<i64>()
                    .to_string()
            )
        }
        ("Pod", "IP") => or_none(&status["podIP"]),
        ("Pod", "Node") => or_none(&spec["nodeName"]),
        ("Pod", "Nominated Node") => or_none(&status["nominatedNodeName"]),
        ("Pod", "Readiness Gates") => json!("<none>"),
        _ => Value::Null,
    }
}

fn condition(status: &Value, name: &str) -> bool {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .any(|condition| condition["type"] == name && condition["status"] == "True")
}

fn pod_status(object: &Value) -> String {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return "Terminating".to_owned();
    }
    let states = object["status"]["containerStatuses"]
        .as_array()
        .into_iter()
        .flatten();
    let waiting = states
        .filter_map(|state| state["state"]["waiting"]["reason"].as_str())
        .next();
    waiting
        .or(object["status"]["phase"].as_str())
        .unwrap_or("Unknown")
        .to_owned()
}

fn containers(spec: &Value, field: &str) -> String {
    let containers = spec["template"]["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten();
    let names: Vec<&str> = containers
        .filter_map(|container| container[field].as_str())
        .collect();
    names.join(",")
}

fn labels(labels: &Value) -> String {
    let pairs = labels.as_object().into_iter().flatten();
    let pairs: Vec<String> = pairs
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    if pairs.is_empty() {
        "<none>".to_owned()
    } else {
        pairs.join(",")
    }
}

fn external(spec: &Value, status: &Value) -> String {
    let given = spec["externalIPs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let balanced = status["loadBalancer"]["ingress"]
        .as_array()
        .into_iter()
        .flatten();
    let balanced =
        balanced.filter_map(|ingress| ingress["ip"].as_str().or(ingress["hostname"].as_str()));
    let addresses: Vec<&str> = given.chain(balanced).collect();
    match addresses.as_slice() {
        [] if spec["type"] == "LoadBalancer" => "<pending>".to_owned(),
        [] => "<none>".to_owned(),
        _ => addresses.join(","),
    }
}

fn ports(spec: &Value) -> String {
    let ports = spec["ports"].as_array().into_iter().flatten();
    let ports: Vec<String> = ports
        .map(|port| {
            let node = port["nodePort"]
                .as_i64()
                .map(|number| format!(":{number}"))
                .unwrap_or_default();
            format!(
                "{}{node}/{}",
                port["port"],
                port["protocol"].as_str().unwrap_or("TCP")
            )
        })
        .collect();
    if ports.is_empty() {
        "<none>".to_owned()
    } else {
        ports.join(",")
    }
}

/// Returns how long ago a moment was, as kubectl writes it: "3m", "2d".
fn age(since: &Value, now: jiff::Timestamp) -> String {
    let Some(since) = since
        .as_str()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok())
    else {
        return "<unknown>".to_owned();
    };
    let seconds = now.as_second() - since.as_second();
    match seconds {
        ..120 => format!("{}s", seconds.max(0)),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}
