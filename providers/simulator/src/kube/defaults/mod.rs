//! What the server fills in: fields that are always there, and defaults, as `k8s.io/kubernetes/pkg/apis/*/v1/defaults.go` has them.
//!
//! [`fill`] runs before field managers are noted, so that its fields belong to whoever wrote the object; what admission and
//! strategies add later, and nobody owns, is in [`super::strategy`].

mod pods;

use serde_json::{Value, json};

/// Fills an object of a built-in kind.
pub(super) fn fill(group: &str, kind: &str, object: &mut Value) {
    if let Some(skeleton) = skeleton(group, kind) {
        lay_under(object, &skeleton);
    }
    match (group, kind) {
        ("", "Namespace") => {
            let name = object["metadata"]["name"].clone();
            if name.as_str().is_some_and(|name| !name.is_empty()) {
                set(&mut object["metadata"], "labels", json!({}));
                object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            }
        }
        ("", "Pod") => {
            set(&mut object["spec"], "enableServiceLinks", json!(true));
            pods::fill(&mut object["spec"]);
        }
        ("", "Secret") => set(object, "type", json!("Opaque")),
        ("", "Service") => service(&mut object["spec"]),
        ("", "PersistentVolumeClaim") => {
            set(&mut object["spec"], "volumeMode", json!("Filesystem"))
        }
        ("", "PersistentVolume") => {
            set(
                &mut object["spec"],
                "persistentVolumeReclaimPolicy",
                json!("Retain"),
            );
            set(&mut object["spec"], "volumeMode", json!("Filesystem"));
        }
        ("apps", "Deployment") => deployment(&mut object["spec"]),
        ("apps", "ReplicaSet") => {
            set(&mut object["spec"], "replicas", json!(1));
            pods::fill(&mut object["spec"]["template"]["spec"]);
        }
        ("apps", "StatefulSet") => stateful_set(&mut object["spec"]),
        ("apps", "DaemonSet") => daemon_set(&mut object["spec"]),
        ("batch", "Job") => job(&mut object["spec"]),
        ("batch", "CronJob") => {
            let spec = &mut object["spec"];
            set(spec, "concurrencyPolicy", json!("Allow"));
            set(spec, "suspend", json!(false));
            set(spec, "successfulJobsHistoryLimit", json!(3));
            set(spec, "failedJobsHistoryLimit", json!(1));
            pods::fill(&mut spec["jobTemplate"]["spec"]["template"]["spec"]);
        }
        ("autoscaling", "HorizontalPodAutoscaler") => {
            set(&mut object["spec"], "minReplicas", json!(1))
        }
        ("storage.k8s.io", "StorageClass") => {
            set(object, "reclaimPolicy", json!("Delete"));
            set(object, "volumeBindingMode", json!("Immediate"));
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            set(object, "preemptionPolicy", json!("PreemptLowerPriority"))
        }
        ("networking.k8s.io", "NetworkPolicy") => network_policy(&mut object["spec"]),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => binding(object),
        (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
        ) => {
            webhooks(object, kind == "MutatingWebhookConfiguration");
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(&mut object["spec"]),
        _ => {}
    }
}

/// Returns the fields that are in every object of a kind, because Go writes them even where they are empty.
pub(super) fn skeleton(group: &str, kind: &str) -> Option<Value> {
    let template = || json!({ "metadata": {}, "spec": { "containers": null } });
    Some(match (group, kind) {
        (
            "",
            "Namespace" | "Node" | "PersistentVolume" | "PersistentVolumeClaim" | "ResourceQuota",
        ) => {
            json!({ "spec": {}, "status": {} })
        }
        ("", "Pod") => json!({ "spec": { "containers": null }, "status": {} }),
        ("", "Service") => json!({ "spec": {}, "status": { "loadBalancer": {} } }),
        ("", "Event") => json!({
            "involvedObject": {}, "source": {}, "firstTimestamp": null, "lastTimestamp": null, "eventTime": null,
            "reportingComponent": "", "reportingInstance": "",
        }),
        ("events.k8s.io", "Event") => json!({
            "eventTime": null, "regarding": {}, "deprecatedSource": {}, "deprecatedFirstTimestamp": null,
            "deprecatedLastTimestamp": null, "reportingController": "", "reportingInstance": "",
        }),
        ("apps", "Deployment") => {
            json!({ "spec": { "selector": null, "template": template(), "strategy": {} }, "status": {} })
        }
        ("apps", "StatefulSet") => json!({
            "spec": { "selector": null, "template": template(), "updateStrategy": {} },
            "status": { "replicas": 0 },
        }),
        ("apps", "DaemonSet") => json!({
            "spec": { "selector": null, "template": template(), "updateStrategy": {} },
            "status": { "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0 },
        }),
        ("apps", "ReplicaSet") => {
            json!({ "spec": { "selector": null, "template": { "metadata": {}, "spec": { "containers": null } } }, "status": { "replicas": 0 } })
        }
        ("batch", "Job") => json!({ "spec": { "template": template() }, "status": {} }),
        ("batch", "CronJob") => json!({
            "spec": { "schedule": "", "jobTemplate": { "metadata": {}, "spec": { "template": template() } } },
            "status": {},
        }),
        ("networking.k8s.io", "Ingress") => json!({ "spec": {}, "status": { "loadBalancer": {} } }),
        ("networking.k8s.io", "NetworkPolicy") => json!({ "spec": { "podSelector": {} } }),
        ("policy", "PodDisruptionBudget") => json!({
            "spec": {},
            "status": { "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0 },
        }),
        ("autoscaling", "HorizontalPodAutoscaler") => json!({
            "spec": { "scaleTargetRef": {}, "maxReplicas": 0 },
            "status": { "desiredReplicas": 0, "currentMetrics": null },
        }),
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => json!({ "rules": null }),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            json!({ "roleRef": {} })
        }
        ("coordination.k8s.io", "Lease") => json!({ "spec": {} }),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => json!({
            "spec": { "group": "", "names": { "plural": "", "kind": "" }, "scope": "", "versions": null },
            "status": { "conditions": null, "acceptedNames": { "plural": "", "kind": "" }, "storedVersions": null },
        }),
        ("apiregistration.k8s.io", "APIService") => json!({ "spec": {}, "status": {} }),
        ("certificates.k8s.io", "CertificateSigningRequest") => json!({ "spec": {}, "status": {} }),
        ("flowcontrol.apiserver.k8s.io", "FlowSchema" | "PriorityLevelConfiguration") => {
            json!({ "spec": {}, "status": { "conditions": null } })
        }
        _ => return None,
    })
}

/// Adds what an object lacks of another.
pub(super) fn lay_under(object: &mut Value, under: &Value) {
    let Value::Object(under) = under else { return };
    if object.is_null() {
        *object = json!({});
    }
    let Some(fields) = object.as_object_mut() else {
        return;
    };
    for (name, value) in under {
        match fields.get_mut(name) {
            Some(inner) if !inner.is_null() => lay_under(inner, value),
            Some(_) | None => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Sets a field where it is missing or null; where the object itself is missing, nothing happens.
pub(super) fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        let entry = fields.entry(name).or_insert(Value::Null);
        if entry.is_null() {
            *entry = value;
        }
    }
}

/// Returns the items of a list field.
pub(super) fn items<'a>(object: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    object
        .get_mut(name)
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

fn service(spec: &mut Value) {
    set(spec, "sessionAffinity", json!("None"));
    set(spec, "type", json!("ClusterIP"));
    if spec["type"] != "ExternalName" {
        set(spec, "internalTrafficPolicy", json!("Cluster"));
    }
    if matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
        set(spec, "externalTrafficPolicy", json!("Cluster"));
    }
    if spec["type"] == "LoadBalancer" {
        set(spec, "allocateLoadBalancerNodePorts", json!(true));
    }
    for port in items(spec, "ports") {
        set(port, "protocol", json!("TCP"));
        let number = port["port"].clone();
        set(port, "targetPort", number);
    }
}

fn deployment(spec: &mut Value) {
    set(spec, "replicas", json!(1));
    set(spec, "revisionHistoryLimit", json!(10));
    set(spec, "progressDeadlineSeconds", json!(600));
    set(&mut spec["strategy"], "type", json!("RollingUpdate"));
    if spec["strategy"]["type"] == "RollingUpdate" {
        set(&mut spec["strategy"], "rollingUpdate", json!({}));
        set(
            &mut spec["strategy"]["rollingUpdate"],
            "maxUnavailable",
            json!("25%"),
        );
        set(
            &mut spec["strategy"]["rollingUpdate"],
            "maxSurge",
            json!("25%"),
        );
    }
    pods::fill(&mut spec["template"]["spec"]);
}

fn stateful_set(spec: &mut Value) {
    set(spec, "replicas", json!(1));
    set(spec, "revisionHistoryLimit", json!(10));
    set(spec, "podManagementPolicy", json!("OrderedReady"));
    set(&mut spec["updateStrategy"], "type", json!("RollingUpdate"));
    if spec["updateStrategy"]["type"] == "RollingUpdate" {
        set(&mut spec["updateStrategy"], "rollingUpdate", json!({}));
        set(
            &mut spec["updateStrategy"]["rollingUpdate"],
            "partition",
            json!(0),
        );
    }
    set(
        spec,
        "persistentVolumeClaimRetentionPolicy",
        json!({ "whenDeleted": "Retain", "whenScaled": "Retain" }),
    );
    for claim in items(spec, "volumeClaimTemplates") {
        set(claim, "apiVersion", json!("v1"));
        set(claim, "kind", json!("PersistentVolumeClaim"));
        set(&mut claim["spec"], "volumeMode", json!("Filesystem"));
        set(claim, "status", json!({ "phase": "Pending" }));
    }
    pods::fill(&mut spec["template"]["spec"]);
}

fn daemon_set(spec: &mut Value) {
    set(spec, "revisionHistoryLimit", json!(10));
    set(&mut spec["updateStrategy"], "type", json!("RollingUpdate"));
    if spec["updateStrategy"]["type"] == "RollingUpdate" {
        set(&mut spec["updateStrategy"], "rollingUpdate", json!({}));
        set(
            &mut spec["updateStrategy"]["rollingUpdate"],
            "maxUnavailable",
            json!(1),
        );
        set(
            &mut spec["updateStrategy"]["rollingUpdate"],
            "maxSurge",
            json!(0),
        );
    }
    pods::fill(&mut spec["template"]["spec"]);
}

fn job(spec: &mut Value) {
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        set(spec, "completions", json!(1));
    }
    set(spec, "parallelism", json!(1));
    let most = match spec["backoffLimitPerIndex"].is_null() {
        true => 6,
        false => i32::MAX,
    };
    set(spec, "backoffLimit", json!(most));
    set(spec, "completionMode", json!("NonIndexed"));
    set(spec, "suspend", json!(false));
    set(spec, "podReplacementPolicy", json!("TerminatingOrFailed"));
    set(spec, "manualSelector", json!(false));
    pods::fill(&mut spec["template"]["spec"]);
}

fn network_policy(spec: &mut Value) {
    if spec["policyTypes"].is_null() {
        let types = if spec["egress"].is_array() {
            json!(["Ingress", "Egress"])
        } else {
            json!(["Ingress"])
        };
        set(spec, "policyTypes", types);
    }
    for direction in ["ingress", "egress"] {
        for rule in items(spec, direction) {
            for port in items(rule, "ports") {
                set(port, "protocol", json!("TCP"));
            }
        }
    }
}

fn binding(object: &mut Value) {
    set(
        &mut object["roleRef"],
        "apiGroup",
        json!("rbac.authorization.k8s.io"),
    );
    for subject in items(object, "subjects") {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            set(subject, "apiGroup", json!("rbac.authorization.k8s.io"));
        }
    }
}

fn webhooks(object: &mut Value, mutating: bool) {
    for webhook in items(object, "webhooks") {
        set(webhook, "failurePolicy", json!("Fail"));
        set(webhook, "matchPolicy", json!("Equivalent"));
        set(webhook, "namespaceSelector", json!({}));
        set(webhook, "objectSelector", json!({}));
        set(webhook, "timeoutSeconds", json!(10));
        if mutating {
            set(webhook, "reinvocationPolicy", json!("Never"));
        }
        if let Some(service) = webhook.pointer_mut("/clientConfig/service") {
            set(service, "port", json!(443));
        }
        for rule in items(webhook, "rules") {
            set(rule, "scope", json!("*"));
        }
    }
}

fn definition(spec: &mut Value) {
    set(spec, "conversion", json!({ "strategy": "None" }));
    let kind = spec["names"]["kind"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    set(&mut spec["names"], "singular", json!(kind.to_lowercase()));
    set(&mut spec["names"], "listKind", json!(format!("{kind}List")));
}
