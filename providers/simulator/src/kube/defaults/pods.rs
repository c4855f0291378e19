//! Defaults of a pod's specification, wherever it stands.

use super::{items, set};
use serde_json::{Value, json};

/// Fills a `PodSpec`.
pub(super) fn fill(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    set(spec, "restartPolicy", json!("Always"));
    set(spec, "terminationGracePeriodSeconds", json!(30));
    set(spec, "dnsPolicy", json!("ClusterFirst"));
    set(spec, "securityContext", json!({}));
    set(spec, "schedulerName", json!("default-scheduler"));
    if let Some(account) = spec["serviceAccountName"].as_str().map(str::to_owned) {
        set(spec, "serviceAccount", json!(account));
    }
    let host_network = spec["hostNetwork"] == true;
    for list in ["initContainers", "containers"] {
        for item in items(spec, list) {
            container(item, host_network);
        }
    }
    for item in items(spec, "volumes") {
        volume(item);
    }
}

fn container(container: &mut Value, host_network: bool) {
    set(container, "resources", json!({}));
    set(
        container,
        "terminationMessagePath",
        json!("/dev/termination-log"),
    );
    set(container, "terminationMessagePolicy", json!("File"));
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().unwrap_or_default();
    let moving = !image.contains('@') && tag.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    set(
        container,
        "imagePullPolicy",
        json!(if moving { "Always" } else { "IfNotPresent" }),
    );
    for port in items(container, "ports") {
        set(port, "protocol", json!("TCP"));
        if host_network {
            let number = port["containerPort"].clone();
            set(port, "hostPort", number);
        }
    }
    for variable in items(container, "env") {
        if let Some(field) = variable.pointer_mut("/valueFrom/fieldRef") {
            set(field, "apiVersion", json!("v1"));
        }
    }
    if let Some(resources) = container.get_mut("resources") {
        // What is limited but not requested is requested at its limit.
        if let Some(limits) = resources["limits"].as_object().cloned() {
            set(resources, "requests", json!({}));
            for (name, limit) in limits {
                set(&mut resources["requests"], &name, limit);
            }
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(name) {
            set(probe, "timeoutSeconds", json!(1));
            set(probe, "periodSeconds", json!(10));
            set(probe, "successThreshold", json!(1));
            set(probe, "failureThreshold", json!(3));
            if let Some(get) = probe.get_mut("httpGet") {
                set(get, "path", json!("/"));
                set(get, "scheme", json!("HTTP"));
            }
        }
    }
}

fn volume(volume: &mut Value) {
    for (name, field) in [
        ("secret", "defaultMode"),
        ("configMap", "defaultMode"),
        ("projected", "defaultMode"),
        ("downwardAPI", "defaultMode"),
    ] {
        if let Some(source) = volume.get_mut(name) {
            set(source, field, json!(420));
        }
    }
    if let Some(source) = volume.get_mut("hostPath") {
        set(source, "type", json!(""));
    }
    if let Some(source) = volume.get_mut("projected") {
        for source in items(source, "sources") {
            if let Some(token) = source.get_mut("serviceAccountToken") {
                set(token, "expirationSeconds", json!(3600));
            }
        }
    }
    if volume.as_object().is_some_and(|fields| fields.len() == 1) {
        set(volume, "emptyDir", json!({}));
    }
}
