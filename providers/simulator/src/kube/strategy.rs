//! What the server does to objects of certain kinds as it stores them: admission and the strategies of `k8s.io/kubernetes/pkg/registry`.

use super::{
    defaults::{items, set},
    kinds::Kind,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Returns a new random uid (RFC 9562, version 4).
pub(super) fn uid() -> String {
    let mut bytes: [u8; 32] = Sha256::digest(ulid::Ulid::generate().to_bytes()).into();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..32]
    )
}

/// Returns five random characters, as generated names end in.
pub(super) fn suffix() -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let digest = Sha256::digest(ulid::Ulid::generate().to_bytes());
    digest[..5]
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()]))
        .collect()
}

/// Returns whether the server counts the generations of a kind.
pub(super) fn has_generation(kind: &Kind) -> bool {
    kind.custom().is_some()
        || matches!(
            (kind.group.as_str(), kind.kind.as_str()),
            (
                "apps",
                "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"
            ) | (
                "batch"
                    | "networking.k8s.io"
                    | "flowcontrol.apiserver.k8s.io"
                    | "admissionregistration.k8s.io",
                _
            ) | ("", "Pod" | "ReplicationController")
                | ("policy", "PodDisruptionBudget")
                | ("discovery.k8s.io", "EndpointSlice")
                | ("apiextensions.k8s.io", "CustomResourceDefinition")
                | ("resource.k8s.io", "ResourceSlice")
        )
}

/// Moves `stringData` of a Secret into `data`.
pub(super) fn settle_strings(kind: &Kind, object: &mut Value) {
    if kind.group.is_empty() && kind.kind == "Secret" {
        let Some(fields) = object.as_object_mut() else {
            return;
        };
        if let Some(Value::Object(strings)) = fields.shift_remove("stringData") {
            let data = fields.entry("data").or_insert_with(|| json!({}));
            for (name, text) in strings {
                data[name] = json!(BASE64_STANDARD.encode(text.as_str().unwrap_or_default()));
            }
        }
    }
}

/// Finishes a new object; its identity is set already.
pub(super) fn prepare(kind: &Kind, object: &mut Value) {
    let metadata = object["metadata"].clone();
    let uid = metadata["uid"].as_str().unwrap_or_default();
    let name = metadata["name"].as_str().unwrap_or_default();
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace") => {
            object["status"]["phase"] = json!("Active");
            set(&mut object["spec"], "finalizers", json!([]));
            if let Some(finalizers) = object["spec"]["finalizers"].as_array_mut() {
                finalizers.push(json!("kubernetes"));
            }
        }
        ("", "Pod") => pod(object),
        ("", "Service") => service(object, uid),
        ("", "PersistentVolumeClaim" | "PersistentVolume") => {
            object["status"]["phase"] = json!("Pending")
        }
        ("batch", "Job") if object["spec"]["manualSelector"] != true => job(object, uid, name),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let versions = object["spec"]["versions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let stored: Vec<Value> = versions
                .iter()
                .filter(|version| version["storage"] == true)
                .map(|version| version["name"].clone())
                .collect();
            object["status"]["storedVersions"] = json!(stored);
        }
        _ => {}
    }
}

fn pod(object: &mut Value) {
    let best_effort = |resources: &Value| {
        resources["requests"].as_object().is_none_or(Map::is_empty)
            && resources["limits"].as_object().is_none_or(Map::is_empty)
    };
    let containers: Vec<Value> = ["containers", "initContainers"]
        .iter()
        .flat_map(|list| {
            object["spec"][*list]
                .as_array()
                .cloned()
                .unwrap_or_default()
        })
        .collect();
    let guaranteed = containers.iter().all(|container| {
        let resources = &container["resources"];
        ["cpu", "memory"].iter().all(|name| {
            !resources["limits"][*name].is_null()
                && resources["limits"][*name] == resources["requests"][*name]
        })
    });
    let class = if containers
        .iter()
        .all(|container| best_effort(&container["resources"]))
    {
        "BestEffort"
    } else if guaranteed {
        "Guaranteed"
    } else {
        "Burstable"
    };
    object["status"]["phase"] = json!("Pending");
    object["status"]["qosClass"] = json!(class);
    let spec = &mut object["spec"];
    set(spec, "serviceAccountName", json!("default"));
    let account = spec["serviceAccountName"].clone();
    set(spec, "serviceAccount", account);
    set(spec, "priority", json!(0));
    set(spec, "preemptionPolicy", json!("PreemptLowerPriority"));
    set(spec, "tolerations", json!([]));
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ] {
        if let Some(tolerations) = spec["tolerations"].as_array_mut()
            && !tolerations
                .iter()
                .any(|toleration| toleration["key"] == key)
        {
            tolerations.push(json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300 }));
        }
    }
    if spec["automountServiceAccountToken"] == false {
        return;
    }
    const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
    let volume = format!("kube-api-access-{}", suffix());
    let mut used = false;
    for list in ["initContainers", "containers"] {
        for container in items(spec, list) {
            set(container, "volumeMounts", json!([]));
            if let Some(mounts) = container["volumeMounts"].as_array_mut()
                && !mounts.iter().any(|mount| mount["mountPath"] == MOUNT)
            {
                mounts.push(json!({ "name": volume, "readOnly": true, "mountPath": MOUNT }));
                used = true;
            }
        }
    }
    if used {
        set(spec, "volumes", json!([]));
        if let Some(volumes) = spec["volumes"].as_array_mut() {
            volumes.push(json!({ "name": volume, "projected": { "sources": [
                { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
                { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
                { "downwardAPI": { "items": [
                    { "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } },
                ] } },
            ], "defaultMode": 420 } }));
        }
    }
}

/// Gives a Service addresses and node ports. They follow from its uid, so that nothing has to be remembered of them.
pub(super) fn service(object: &mut Value, uid: &str) {
    let digest = Sha256::digest(uid);
    let spec = &mut object["spec"];
    if spec["type"] == "ExternalName" {
        return;
    }
    let address = format!("10.96.{}.{}", digest[0], digest[1].max(2));
    set(spec, "clusterIP", json!(address));
    let address = spec["clusterIP"].clone();
    set(spec, "clusterIPs", json!([address]));
    set(spec, "ipFamilies", json!(["IPv4"]));
    set(spec, "ipFamilyPolicy", json!("SingleStack"));
    if matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
        for (index, port) in items(spec, "ports").enumerate() {
            let base = (u32::from(digest[2]) << 8 | u32::from(digest[3]))
                + u32::try_from(index).unwrap_or(0);
            set(port, "nodePort", json!(30000 + base % 2768));
        }
    }
}

fn job(object: &mut Value, uid: &str, name: &str) {
    let labels = json!({
        "batch.kubernetes.io/controller-uid": uid, "batch.kubernetes.io/job-name": name,
        "controller-uid": uid, "job-name": name,
    });
    set(&mut object["metadata"], "labels", json!({}));
    super::defaults::lay_under(&mut object["metadata"]["labels"], &labels);
    set(
        &mut object["spec"],
        "selector",
        json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } }),
    );
    set(&mut object["spec"]["template"], "metadata", json!({}));
    set(
        &mut object["spec"]["template"]["metadata"],
        "labels",
        json!({}),
    );
    super::defaults::lay_under(
        &mut object["spec"]["template"]["metadata"]["labels"],
        &labels,
    );
}
