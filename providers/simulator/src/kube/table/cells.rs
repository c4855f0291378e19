//! What stands in the cells of a table.

mod states;

use super::{
    Column,
    age::{age, duration, moment},
    path,
};
use crate::kube::kinds::Kind;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Returns one cell.
pub(super) fn cell(kind: &Kind, column: &Column, object: &Value, now: Timestamp) -> Value {
    if !column.path.is_empty() {
        return custom(column, object, now);
    }
    match column.name.as_str() {
        "Name" if kind.kind == "StorageClass" => {
            let marks = &object["metadata"]["annotations"];
            let default = marks["storageclass.kubernetes.io/is-default-class"] == "true";
            let name = text(&object["metadata"]["name"]);
            json!(if default {
                format!("{name} (default)")
            } else {
                name.to_owned()
            })
        }
        "Name" => object["metadata"]["name"].clone(),
        "Age" => json!(age(&object["metadata"]["creationTimestamp"], now)),
        "Created At" => object["metadata"]["creationTimestamp"].clone(),
        name => workload(kind, name, object, now)
            .or_else(|| plain(kind, name, object, now))
            .unwrap_or_default(),
    }
}

/// Returns the cell of a column that a definition describes: what does not fit its type is left empty.
fn custom(column: &Column, object: &Value, now: Timestamp) -> Value {
    let Some(value) = path::find(object, &column.path) else {
        return Value::Null;
    };
    match column.class.as_str() {
        "date" => json!(age(value, now)),
        "integer" => match value.as_f64() {
            // As Go converts: towards zero.
            Some(number) => json!(number as i64),
            None => Value::Null,
        },
        "number" => value.as_f64().map_or(Value::Null, |number| json!(number)),
        "boolean" => value.as_bool().map_or(Value::Null, |truth| json!(truth)),
        _ => match value {
            Value::String(_) | Value::Null => value.clone(),
            other => json!(other.to_string()),
        },
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn or(value: &Value, other: &str) -> Value {
    match text(value) {
        "" => json!(other),
        text => json!(text),
    }
}

fn or_none(value: &Value) -> Value {
    or(value, "<none>")
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn workload(kind: &Kind, column: &str, object: &Value, now: Timestamp) -> Option<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    Some(match (kind.kind.as_str(), column) {
        ("CronJob", "Containers") => json!(containers(&spec["jobTemplate"]["spec"], "name")),
        ("CronJob", "Images") => json!(containers(&spec["jobTemplate"]["spec"], "image")),
        ("CronJob", "Selector") => json!(labels(
            &spec["jobTemplate"]["spec"]["selector"]["matchLabels"]
        )),
        ("ReplicationController", "Selector") => json!(labels(&spec["selector"])),
        ("Service", _) | ("Pod", _) => return None,
        (_, "Containers") => json!(containers(spec, "name")),
        (_, "Images") => json!(containers(spec, "image")),
        (_, "Selector") => json!(labels(&spec["selector"]["matchLabels"])),
        ("Deployment" | "StatefulSet", "Ready") => json!(format!(
            "{}/{}",
            count(&status["readyReplicas"]),
            count(&spec["replicas"])
        )),
        ("Deployment", "Up-to-date") => json!(count(&status["updatedReplicas"])),
        ("Deployment", "Available") => json!(count(&status["availableReplicas"])),
        ("ReplicaSet" | "ReplicationController", "Desired") => json!(count(&spec["replicas"])),
        ("ReplicaSet" | "ReplicationController", "Current") => json!(count(&status["replicas"])),
        ("ReplicaSet" | "ReplicationController", "Ready") => json!(count(&status["readyReplicas"])),
        ("DaemonSet", "Desired") => json!(count(&status["desiredNumberScheduled"])),
        ("DaemonSet", "Current") => json!(count(&status["currentNumberScheduled"])),
        ("DaemonSet", "Ready") => json!(count(&status["numberReady"])),
        ("DaemonSet", "Up-to-date") => json!(count(&status["updatedNumberScheduled"])),
        ("DaemonSet", "Available") => json!(count(&status["numberAvailable"])),
        ("DaemonSet", "Node Selector") => json!(labels(&spec["template"]["spec"]["nodeSelector"])),
        ("ControllerRevision", "Controller") => {
            let owner =
                items(&object["metadata"]["ownerReferences"]).find(|it| it["controller"] == true);
            json!(owner.map_or("<none>".to_owned(), |it| {
                let group = text(&it["apiVersion"])
                    .split_once('/')
                    .map(|(group, _)| format!(".{group}"));
                format!(
                    "{}{}/{}",
                    text(&it["kind"]).to_lowercase(),
                    group.unwrap_or_default(),
                    text(&it["name"])
                )
            }))
        }
        ("ControllerRevision", "Revision") => object["revision"].clone(),
        ("Job", "Status") => json!(states::job_status(object)),
        ("Job", "Completions") => {
            let succeeded = count(&status["succeeded"]);
            let wanted = match (spec["completions"].as_i64(), count(&spec["parallelism"])) {
                (Some(wanted), _) => wanted.to_string(),
                (None, several @ 2..) => format!("1 of {several}"),
                (None, _) => "1".to_owned(),
            };
            json!(format!("{succeeded}/{wanted}"))
        }
        ("Job", "Duration") => match (
            moment(&status["startTime"]),
            moment(&status["completionTime"]),
        ) {
            (None, _) => json!(""),
            (Some(since), until) => json!(duration(
                until.unwrap_or(now).as_second() - since.as_second()
            )),
        },
        ("CronJob", "Schedule") => spec["schedule"].clone(),
        ("CronJob", "Timezone") => or_none(&spec["timeZone"]),
        ("CronJob", "Suspend") => json!(if spec["suspend"] == true {
            "True"
        } else {
            "False"
        }),
        ("CronJob", "Active") => json!(status["active"].as_array().map_or(0, Vec::len)),
        ("CronJob", "Last Schedule") => match status["lastScheduleTime"].is_null() {
            true => json!("<none>"),
            false => json!(age(&status["lastScheduleTime"], now)),
        },
        _ => return None,
    })
}

fn plain(kind: &Kind, column: &str, object: &Value, now: Timestamp) -> Option<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let size = |name: &str| object[name].as_object().map_or(0, Map::len);
    Some(match (kind.kind.as_str(), column) {
        ("ConfigMap" | "Secret", "Data") => json!(size("data") + size("binaryData")),
        ("Secret", "Type") => object["type"].clone(),
        ("Namespace", "Status") => status["phase"].clone(),
        ("ServiceAccount", "Secrets") => json!(object["secrets"].as_array().map_or(0, Vec::len)),
        ("Node", column) => return Some(states::node(column, object)),
        ("Service", "Type") => spec["type"].clone(),
        ("Service", "Cluster-IP") => or_none(&spec["clusterIP"]),
        ("Service", "External-IP") => json!(external(spec, status)),
        ("Service", "Port(s)") => json!(ports(spec)),
        ("Service", "Selector") => json!(labels(&spec["selector"])),
        ("Pod", column) => return Some(states::pod(column, object, now)),
        ("PersistentVolumeClaim" | "PersistentVolume", column) => {
            return Some(volume(kind, column, object));
        }
        ("Event", column) => return Some(states::event(column, object, now)),
        ("StorageClass", "Provisioner") => object["provisioner"].clone(),
        ("StorageClass", "ReclaimPolicy") => or(&object["reclaimPolicy"], "Delete"),
        ("StorageClass", "VolumeBindingMode") => or(&object["volumeBindingMode"], "Immediate"),
        ("StorageClass", "AllowVolumeExpansion") => json!(object["allowVolumeExpansion"] == true),
        ("Ingress", "Class") => or_none(&spec["ingressClassName"]),
        ("Ingress", "Hosts") => {
            let hosts = items(&spec["rules"]).map(|rule| text(&rule["host"]));
            let hosts: Vec<&str> = hosts.filter(|host| !host.is_empty()).collect();
            json!(if hosts.is_empty() {
                "*".to_owned()
            } else {
                hosts.join(",")
            })
        }
        ("Ingress", "Address") => json!(addresses(status).collect::<Vec<_>>().join(",")),
        ("Ingress", "Ports") => json!(
            if spec["tls"].as_array().is_some_and(|tls| !tls.is_empty()) {
                "80, 443"
            } else {
                "80"
            }
        ),
        ("IngressClass", "Controller") => spec["controller"].clone(),
        ("IngressClass", "Parameters") => or_none(&spec["parameters"]["name"]),
        ("NetworkPolicy", "Pod-Selector") => json!(labels(&spec["podSelector"]["matchLabels"])),
        ("RoleBinding" | "ClusterRoleBinding", "Role") => {
            let role = &object["roleRef"];
            json!(format!("{}/{}", text(&role["kind"]), text(&role["name"])))
        }
        ("RoleBinding" | "ClusterRoleBinding", column) => {
            let named = |it: &&Value| format!("{}s", text(&it["kind"])) == column;
            let shown = |it: &Value| match text(&it["namespace"]) {
                "" => text(&it["name"]).to_owned(),
                namespace => format!("{namespace}/{}", text(&it["name"])),
            };
            let subjects: Vec<String> = items(&object["subjects"])
                .filter(named)
                .map(shown)
                .collect();
            json!(subjects.join(", "))
        }
        ("PriorityClass", "Value") => object["value"].clone(),
        ("PriorityClass", "Global-Default") => json!(object["globalDefault"] == true),
        ("PriorityClass", "PreemptionPolicy") => object["preemptionPolicy"].clone(),
        ("PodDisruptionBudget", "Min Available") => any(&spec["minAvailable"]),
        ("PodDisruptionBudget", "Max Unavailable") => any(&spec["maxUnavailable"]),
        ("PodDisruptionBudget", _) => json!(count(&status["disruptionsAllowed"])),
        ("HorizontalPodAutoscaler", "Reference") => {
            let target = &spec["scaleTargetRef"];
            json!(format!(
                "{}/{}",
                text(&target["kind"]),
                text(&target["name"])
            ))
        }
        ("HorizontalPodAutoscaler", "MinPods") => spec["minReplicas"]
            .as_i64()
            .map_or(json!("<unset>"), |it| json!(it)),
        ("HorizontalPodAutoscaler", "MaxPods") => spec["maxReplicas"].clone(),
        ("HorizontalPodAutoscaler", "Replicas") => json!(count(&status["currentReplicas"])),
        ("ResourceQuota", column) => json!(quota(column == "Limit", status)),
        ("Endpoints", "Endpoints") => json!(endpoints(object)),
        ("Lease", "Holder") => spec["holderIdentity"].clone(),
        (_, "Webhooks") => json!(object["webhooks"].as_array().map_or(0, Vec::len)),
        _ => return None,
    })
}

/// Returns a number or a text as it is.
fn any(value: &Value) -> Value {
    match value {
        Value::Null => json!("N/A"),
        Value::String(_) => value.clone(),
        other => json!(other.to_string()),
    }
}

fn volume(kind: &Kind, column: &str, object: &Value) -> Value {
    let (spec, status) = (&object["spec"], &object["status"]);
    let claims = kind.kind == "PersistentVolumeClaim";
    let facts = if claims { status } else { spec };
    match column {
        "Status" if !object["metadata"]["deletionTimestamp"].is_null() => json!("Terminating"),
        "Status" => status["phase"].clone(),
        "Volume" => or(&spec["volumeName"], ""),
        "Capacity" => or(&facts["capacity"]["storage"], ""),
        "Access Modes" => {
            let short = |mode: &Value| match mode.as_str() {
                Some("ReadWriteOnce") => "RWO",
                Some("ReadOnlyMany") => "ROX",
                Some("ReadWriteMany") => "RWX",
                Some("ReadWriteOncePod") => "RWOP",
                _ => "",
            };
            json!(
                items(&facts["accessModes"])
                    .map(short)
                    .collect::<Vec<_>>()
                    .join(",")
            )
        }
        "Reclaim Policy" => spec["persistentVolumeReclaimPolicy"].clone(),
        "Claim" if spec["claimRef"].is_object() => {
            let claim = &spec["claimRef"];
            json!(format!(
                "{}/{}",
                text(&claim["namespace"]),
                text(&claim["name"])
            ))
        }
        "Claim" => json!(""),
        "StorageClass" => or(&spec["storageClassName"], ""),
        "VolumeAttributesClass" => or(&spec["volumeAttributesClassName"], "<unset>"),
        "Reason" => or(&status["reason"], ""),
        _ => or(&spec["volumeMode"], "Filesystem"),
    }
}

fn quota(limits: bool, status: &Value) -> String {
    let hard = status["hard"].as_object().into_iter().flatten();
    let mut parts: Vec<String> = hard
        .filter(|(name, _)| name.starts_with("limits.") == limits)
        .map(|(name, hard)| format!("{name}: {}/{}", text(&status["used"][name]), text(hard)))
        .collect();
    parts.sort();
    parts.join(", ")
}

fn endpoints(object: &Value) -> String {
    let mut shown = Vec::new();
    for subset in items(&object["subsets"]) {
        for address in items(&subset["addresses"]) {
            let ports = items(&subset["ports"]).map(|port| port["port"].as_i64());
            let ip = text(&address["ip"]);
            shown.extend(ports.map(|port| format!("{ip}:{}", port.unwrap_or(0))));
        }
    }
    match shown.len() {
        0 => "<none>".to_owned(),
        4.. => format!("{} + {} more...", shown[..3].join(","), shown.len() - 3),
        _ => shown.join(","),
    }
}

fn condition(status: &Value, name: &str) -> bool {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    conditions
        .into_iter()
        .any(|condition| condition["type"] == name && condition["status"] == "True")
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

/// Returns the addresses at which a balancer is reached.
fn addresses(status: &Value) -> impl Iterator<Item = &str> {
    let balanced = items(&status["loadBalancer"]["ingress"]);
    balanced.filter_map(|ingress| ingress["ip"].as_str().or(ingress["hostname"].as_str()))
}

fn external(spec: &Value, status: &Value) -> String {
    let given = items(&spec["externalIPs"]).filter_map(Value::as_str);
    let known: Vec<&str> = addresses(status).chain(given).collect();
    match known.as_slice() {
        [] if spec["type"] == "LoadBalancer" => "<pending>".to_owned(),
        [] => "<none>".to_owned(),
        _ => known.join(","),
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
