//! Rules of single built-in kinds: those that manifests meet in practice.

use super::metadata::is_label;
use crate::kube::{kinds::Kind, selector::Selector, status::Cause};
use serde_json::{Map, Value, json};

/// Checks an object of a built-in kind.
pub(super) fn check(kind: &Kind, object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "ConfigMap") => too_long(&[&object["data"], &object["binaryData"]], "[]"),
        ("", "Secret") => secret(object),
        ("", "Pod") => pod_spec(spec, "spec", &[]),
        ("", "Service") => service(spec),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") => {
            workload(object, &kind.kind)
        }
        ("batch", "Job") => job(spec, "spec"),
        ("batch", "CronJob") => job(&spec["jobTemplate"]["spec"], "spec.jobTemplate.spec"),
        ("" | "events.k8s.io", "Event") => event(kind, object),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => binding(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            crate::kube::schema::custom::check::definition(object)
        }
        _ => Vec::new(),
    }
}

/// Checks what may not change about an object of a built-in kind.
pub(super) fn check_update(kind: &Kind, old: &Value, new: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut immutable = |field: &str, pointer: &str| {
        let before = old.pointer(pointer).unwrap_or(&Value::Null);
        let after = new.pointer(pointer).unwrap_or(&Value::Null);
        if before != after && !before.is_null() {
            causes.push(Cause::invalid(field, after.clone(), "field is immutable"));
        }
    };
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment" | "ReplicaSet" | "DaemonSet") | ("batch", "Job") => {
            immutable("spec.selector", "/spec/selector");
            if kind.kind == "Job" {
                immutable("spec.template", "/spec/template");
                immutable("spec.completionMode", "/spec/completionMode");
            }
        }
        ("apps", "StatefulSet") => {
            let fixed = [
                "selector",
                "serviceName",
                "volumeClaimTemplates",
                "podManagementPolicy",
            ];
            if fixed
                .iter()
                .any(|name| old["spec"][*name] != new["spec"][*name])
            {
                causes.push(Cause::forbidden(
                    "spec",
                    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
                     'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
                ));
            }
        }
        ("", "Secret") => {
            immutable("type", "/type");
            if old["immutable"] == true && old["data"] != new["data"] {
                causes.push(Cause::forbidden(
                    "data",
                    "field is immutable when `immutable` is set",
                ));
            }
        }
        ("", "ConfigMap") if old["immutable"] == true => {
            for name in ["data", "binaryData"] {
                if old[name] != new[name] {
                    causes.push(Cause::forbidden(
                        name,
                        "field is immutable when `immutable` is set",
                    ));
                }
            }
        }
        ("", "Service")
            if new["spec"]["type"] != "ExternalName"
                && old["spec"]["type"] != "ExternalName"
                && old["spec"]["clusterIP"] != new["spec"]["clusterIP"] =>
        {
            let address = new["spec"]["clusterIP"].as_str().unwrap_or_default();
            causes.push(Cause::invalid(
                "spec.clusterIPs[0]",
                json!([address]),
                "may not change once set",
            ));
        }
        ("", "Pod") => causes.extend(pod_update(&old["spec"], &new["spec"])),
        ("", "PersistentVolumeClaim") => {
            let mut before = old["spec"].clone();
            before["resources"] = new["spec"]["resources"].clone();
            before["volumeName"] = new["spec"]["volumeName"].clone();
            // A claim without a class gets the default one, even later.
            if let (None, Some(class)) = (
                before.get("storageClassName"),
                new["spec"].get("storageClassName"),
            ) {
                before["storageClassName"] = class.clone();
            }
            let mut after = new["spec"].clone();
            after["resources"] = new["spec"]["resources"].clone();
            after["volumeName"] = new["spec"]["volumeName"].clone();
            if before != after {
                causes.push(Cause::forbidden(
                    "spec",
                    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
                ));
            }
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding")
            if old["roleRef"] != new["roleRef"] =>
        {
            let reference = &new["roleRef"];
            let shown = json!({ "APIGroup": reference["apiGroup"], "Kind": reference["kind"], "Name": reference["name"] });
            causes.push(Cause::invalid("roleRef", shown, "cannot change roleRef"));
        }
        ("storage.k8s.io", "StorageClass") => {
            for name in [
                "parameters",
                "provisioner",
                "reclaimPolicy",
                "volumeBindingMode",
            ] {
                if old[name] != new[name] {
                    causes.push(Cause::forbidden(
                        name,
                        "updates to this field are forbidden.",
                    ));
                }
            }
        }
        _ => {}
    }
    causes
}

fn pod_update(old: &Value, new: &Value) -> Vec<Cause> {
    // Lays what may change out of the way, then compares.
    let fixed = |spec: &Value| {
        let mut spec = spec.clone();
        for list in ["containers", "initContainers"] {
            for container in spec
                .get_mut(list)
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                if let Some(fields) = container.as_object_mut() {
                    fields.shift_remove("image");
                }
            }
        }
        if let Some(fields) = spec.as_object_mut() {
            for name in [
                "activeDeadlineSeconds",
                "tolerations",
                "terminationGracePeriodSeconds",
                "nodeName",
                "ephemeralContainers",
            ] {
                fields.shift_remove(name);
            }
        }
        spec
    };
    if fixed(old) == fixed(new) {
        return Vec::new();
    }
    vec![Cause::forbidden(
        "spec",
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
         `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
         `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )]
}

const LIMIT: usize = 1024 * 1024;

fn too_long(maps: &[&Value], field: &str) -> Vec<Cause> {
    let entries = maps.iter().filter_map(|map| map.as_object()).flatten();
    let size: usize = entries
        .filter_map(|(_, value)| value.as_str())
        .map(str::len)
        .sum();
    if size <= LIMIT {
        return Vec::new();
    }
    vec![Cause::too_long(
        field,
        &format!("may not be more than {LIMIT} bytes"),
    )]
}

fn secret(object: &Value) -> Vec<Cause> {
    let required: &[&str] = match object["type"].as_str() {
        Some("kubernetes.io/tls") => &["tls.crt", "tls.key"],
        Some("kubernetes.io/dockerconfigjson") => &[".dockerconfigjson"],
        Some("kubernetes.io/dockercfg") => &[".dockercfg"],
        Some("kubernetes.io/ssh-auth") => &["ssh-privatekey"],
        _ => &[],
    };
    let missing = required
        .iter()
        .filter(|name| object["data"][**name].is_null());
    let mut causes: Vec<Cause> = missing
        .map(|name| Cause::required(format!("data[{name}]"), ""))
        .collect();
    causes.extend(too_long(&[&object["data"]], "data"));
    causes
}

fn workload(object: &Value, kind: &str) -> Vec<Cause> {
    let mut causes = Vec::new();
    let spec = &object["spec"];
    let labels = &spec["template"]["metadata"]["labels"];
    if spec["selector"].is_null() {
        causes.push(Cause::required("spec.selector", ""));
    } else if spec["selector"].as_object().is_some_and(Map::is_empty) {
        let why = format!("empty selector is invalid for {}", kind.to_lowercase());
        causes.push(Cause::invalid("spec.selector", json!({}), &why));
    } else if !Selector::of_object(&spec["selector"])
        .matches(&json!({ "metadata": { "labels": labels } }))
    {
        let field = "spec.template.metadata.labels";
        causes.push(Cause::invalid(
            field,
            labels.clone(),
            "`selector` does not match template `labels`",
        ));
    }
    if spec["replicas"]
        .as_i64()
        .is_some_and(|replicas| replicas < 0)
    {
        causes.push(Cause::invalid(
            "spec.replicas",
            spec["replicas"].clone(),
            "must be greater than or equal to 0",
        ));
    }
    let claims = spec["volumeClaimTemplates"]
        .as_array()
        .into_iter()
        .flatten();
    let claims: Vec<&Value> = claims.map(|claim| &claim["metadata"]["name"]).collect();
    causes.extend(pod_spec(
        &spec["template"]["spec"],
        "spec.template.spec",
        &claims,
    ));
    let policy = &spec["template"]["spec"]["restartPolicy"];
    if policy != "Always" {
        causes.push(Cause::unsupported(
            "spec.template.spec.restartPolicy",
            policy.clone(),
            &["Always"],
        ));
    }
    causes
}

fn job(spec: &Value, path: &str) -> Vec<Cause> {
    let mut causes = pod_spec(
        &spec["template"]["spec"],
        &format!("{path}.template.spec"),
        &[],
    );
    let policy = &spec["template"]["spec"]["restartPolicy"];
    if policy != "Never" && policy != "OnFailure" {
        let field = format!("{path}.template.spec.restartPolicy");
        causes.push(Cause::required(
            field,
            "valid values: \"OnFailure\", \"Never\"",
        ));
    }
    causes.extend(completions(spec, path));
    causes
}

/// Checks how the completions of a Job are counted.
fn completions(spec: &Value, path: &str) -> Vec<Cause> {
    let mode = spec["completionMode"].as_str();
    match mode {
        Some("Indexed") if spec["completions"].is_null() => vec![Cause::required(
            format!("{path}.completions"),
            "when completion mode is Indexed",
        )],
        Some("Indexed") => Vec::new(),
        None | Some("NonIndexed") => {
            let fields = ["backoffLimitPerIndex", "maxFailedIndexes"].into_iter();
            let given = fields.filter(|field| !spec[*field].is_null());
            given
                .map(|field| {
                    let value = spec[field].clone();
                    let field = format!("{path}.{field}");
                    Cause::invalid(field, value, "requires indexed completion mode")
                })
                .collect()
        }
        Some(other) => vec![Cause::unsupported(
            format!("{path}.completionMode"),
            other,
            &["Indexed", "NonIndexed"],
        )],
    }
}

fn pod_spec(spec: &Value, path: &str, claims: &[&Value]) -> Vec<Cause> {
    let mut causes = Vec::new();
    let volumes: Vec<&Value> = spec["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|volume| &volume["name"])
        .collect();
    for list in ["initContainers", "containers"] {
        let containers = spec[list].as_array().map(Vec::as_slice).unwrap_or_default();
        if list == "containers" && containers.is_empty() {
            causes.push(Cause::required(format!("{path}.containers"), ""));
        }
        for (index, container) in containers.iter().enumerate() {
            let path = format!("{path}.{list}[{index}]");
            match container["name"].as_str() {
                None | Some("") => causes.push(Cause::required(format!("{path}.name"), "")),
                Some(name) => {
                    if !is_label(name) || name.len() > 63 {
                        causes.push(Cause::invalid(format!("{path}.name"), name, "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"));
                    }
                    if containers[..index]
                        .iter()
                        .any(|other| other["name"] == name)
                    {
                        causes.push(Cause::duplicate(format!("{path}.name"), name));
                    }
                }
            }
            if container["image"].as_str().is_none_or(str::is_empty) {
                causes.push(Cause::required(format!("{path}.image"), ""));
            }
            for (index, port) in container["ports"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                causes.extend(port_range(
                    &port["containerPort"],
                    &format!("{path}.ports[{index}].containerPort"),
                ));
            }
            for (index, mount) in container["volumeMounts"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                if !volumes.contains(&&mount["name"]) && !claims.contains(&&mount["name"]) {
                    let field = format!("{path}.volumeMounts[{index}].name");
                    let name = mount["name"].as_str().unwrap_or_default();
                    causes.push(Cause {
                        reason: "FieldValueNotFound".to_owned(),
                        message: format!("Not found: \"{name}\""),
                        field,
                    });
                }
            }
        }
    }
    causes
}

fn port_range(port: &Value, field: &str) -> Option<Cause> {
    match port.as_i64() {
        None => Some(Cause::required(field, "")),
        Some(1..=65535) => None,
        Some(_) => Some(Cause::invalid(
            field,
            port.clone(),
            "must be between 1 and 65535, inclusive",
        )),
    }
}

fn service(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let ports = spec["ports"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let headless = spec["clusterIP"] == "None" || spec["type"] == "ExternalName";
    if ports.is_empty() && !headless {
        causes.push(Cause::required("spec.ports", ""));
    }
    for (index, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{index}]");
        if ports.len() > 1 && port["name"].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("{path}.name"), ""));
        }
        causes.extend(port_range(&port["port"], &format!("{path}.port")));
    }
    let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    if !types.iter().any(|name| spec["type"] == *name) {
        causes.push(Cause::unsupported(
            "spec.type",
            spec["type"].clone(),
            &types,
        ));
    }
    causes
}

fn event(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let involved = if kind.group.is_empty() {
        &object["involvedObject"]
    } else {
        &object["regarding"]
    };
    let involved = involved["namespace"].as_str().unwrap_or_default();
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    if involved != namespace && !(involved.is_empty() && namespace == "default") {
        causes.push(Cause::invalid(
            "involvedObject.namespace",
            involved,
            "does not match event.namespace",
        ));
    }
    if kind.group == "events.k8s.io" {
        if object["eventTime"].is_null() {
            causes.push(Cause::required("eventTime", ""));
        }
        let class = object["type"].as_str().unwrap_or_default();
        if !matches!(class, "Normal" | "Warning") {
            causes.push(Cause::invalid(
                "type",
                class,
                &format!("has invalid value: {class}"),
            ));
        }
    }
    causes
}

fn binding(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if object["roleRef"]["name"].as_str().is_none_or(str::is_empty) {
        causes.push(Cause::required("roleRef.name", ""));
    }
    if !matches!(
        object["roleRef"]["kind"].as_str(),
        Some("Role" | "ClusterRole")
    ) {
        let kind = object["roleRef"]["kind"].as_str().unwrap_or_default();
        causes.push(Cause::unsupported(
            "roleRef.kind",
            kind,
            &["ClusterRole", "Role"],
        ));
    }
    for (index, subject) in object["subjects"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        if subject["name"].as_str().is_none_or(str::is_empty) {
            causes.push(Cause::required(format!("subjects[{index}].name"), ""));
        }
        if subject["kind"] == "ServiceAccount"
            && subject["namespace"].as_str().is_none_or(str::is_empty)
        {
            causes.push(Cause::required(format!("subjects[{index}].namespace"), ""));
        }
    }
    causes
}
