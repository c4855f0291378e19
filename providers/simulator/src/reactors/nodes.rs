//! Nodes: Ready once the network plug-in has started on them.

use super::{
    Cx, Next,
    object::{Conditions, is_true, second, time},
};
use crate::clock;
use serde_json::{Value, json};
use std::time::Duration;

/// Assumed time that the network plug-in takes to start on a node.
const NETWORK: Duration = Duration::from_secs(9);
/// The DaemonSets that are network plug-ins: kind's, and those of EKS, AKS and GKE.
const PLUGINS: [&str; 5] = ["kindnet", "aws-node", "cilium", "azure-cns", "anetd"];
const NOT_READY: &str = "node.kubernetes.io/not-ready";

pub(super) fn node(cx: &Cx<'_>, node: &Value) -> Next {
    if is_true(node, "Ready") {
        return Next::NEVER;
    }
    let plugins = cx.api.list("apps", "DaemonSet", Some("kube-system"));
    let Some(plugin) = plugins
        .iter()
        .find(|it| PLUGINS.iter().any(|name| it["metadata"]["name"] == *name))
    else {
        return Next::NEVER;
    };
    let born = |object: &Value| time(&object["metadata"]["creationTimestamp"]).unwrap_or(cx.now);
    let ready = clock::add(born(node).max(born(plugin)), NETWORK);
    if cx.now < ready {
        return Next::at(ready);
    }
    let mut conditions = Conditions::of(node, cx.now);
    for kind in ["MemoryPressure", "DiskPressure", "PIDPressure"] {
        conditions.set(
            kind,
            "False",
            &format!("KubeletHasNo{kind}"),
            "kubelet has no pressure",
        );
    }
    conditions.set(
        "Ready",
        "True",
        "KubeletReady",
        "kubelet is posting ready status",
    );
    let mut conditions = conditions.into_value();
    for condition in conditions.as_array_mut().into_iter().flatten() {
        condition["lastHeartbeatTime"] = second(cx.now);
    }
    if let Some(node) = cx.status(node, "kubelet", json!({"conditions": conditions})) {
        let taints = node["spec"]["taints"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let kept: Vec<Value> = taints
            .into_iter()
            .filter(|taint| taint["key"] != NOT_READY)
            .collect();
        let kept = if kept.is_empty() {
            Value::Null
        } else {
            json!(kept)
        };
        cx.patch(
            &node,
            "kube-controller-manager",
            None,
            json!({"spec": {"taints": kept}}),
        );
    }
    Next::NEVER
}
