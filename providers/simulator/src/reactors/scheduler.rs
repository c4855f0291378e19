//! The scheduler: which node a pod runs on, and why none takes it. It looks at readiness, taints, selectors, the affinity for nodes and
//! host ports; not at resources. Words as in kubernetes/pkg/scheduler/framework/plugins.

use super::{
    Cx, Next,
    object::{Conditions, is_ended, is_true, name, text, uid},
};
use crate::ground::digest;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

const MANAGER: &str = "kube-scheduler";
const AFFINITY: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Puts a pod on a node; `full`: a fault lets there be no room on any.
pub(super) fn schedule(cx: &Cx<'_>, pod: &Value, full: bool) -> Next {
    let nodes = cx.api.list("", "Node", None);
    let pods = cx.api.list("", "Pod", None);
    let mut against: BTreeMap<&str, usize> = BTreeMap::new();
    let mut fits: Vec<&Arc<Value>> = Vec::new();
    for node in &nodes {
        let why = match unfit(node, &pod["spec"]) {
            None if full => Some("Insufficient cpu"),
            None if !has_free_ports(node, &pod["spec"], &pods) => {
                Some("node(s) didn't have free ports for the requested pod ports")
            }
            why => why,
        };
        match why {
            Some(why) => *against.entry(why).or_default() += 1,
            None => fits.push(node),
        }
    }
    let best = fits.iter().map(|node| preference(node, &pod["spec"])).max();
    fits.retain(|node| Some(preference(node, &pod["spec"])) == best);
    if fits.is_empty() {
        let all = nodes.len();
        let why: Vec<String> = against
            .iter()
            .map(|(why, count)| format!("{count} {why}"))
            .collect();
        let message = match all {
            0 => "no nodes available to schedule pods".to_owned(),
            _ => format!("0/{all} nodes are available: {}.", why.join(", ")),
        };
        let mut conditions = Conditions::of(pod, cx.now);
        conditions.set("PodScheduled", "False", "Unschedulable", &message);
        let status = json!({"phase": "Pending", "conditions": conditions.into_value()});
        cx.status(pod, MANAGER, status);
        cx.event(pod, "Warning", "FailedScheduling", &message);
        return Next::NEVER;
    }
    let at = usize::from_str_radix(&digest(uid(pod))[..4], 16).unwrap_or_default() % fits.len();
    let patch = json!({"spec": {"nodeName": name(fits[at])}});
    cx.patch(pod, MANAGER, None, patch);
    Next::NEVER
}

/// Returns whether a pod with this specification may run on a node, apart from what runs there already.
pub(super) fn takes(node: &Value, pod: &Value) -> bool {
    unfit(node, pod).is_none()
}

/// Returns why a pod with this specification may not run on a node.
fn unfit(node: &Value, pod: &Value) -> Option<&'static str> {
    let labels = &node["metadata"]["labels"];
    let selector = pod["nodeSelector"].as_object();
    let selected =
        selector.is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value));
    let terms = &pod["affinity"]["nodeAffinity"][AFFINITY]["nodeSelectorTerms"];
    let wanted = terms
        .as_array()
        .is_none_or(|terms| terms.iter().any(|term| fits_term(node, term)));
    if !selected || !wanted {
        return Some("node(s) didn't match Pod's node affinity/selector");
    }
    let own = node["spec"]["taints"].as_array().into_iter().flatten();
    let mut taints: Vec<Value> = own.cloned().collect();
    // What a node that is not ready, or cordoned, is tainted with.
    for (holds, key) in [
        (!is_true(node, "Ready"), "node.kubernetes.io/not-ready"),
        (
            node["spec"]["unschedulable"] == true,
            "node.kubernetes.io/unschedulable",
        ),
    ] {
        if holds {
            taints.push(json!({"key": key, "effect": "NoSchedule"}));
        }
    }
    let tolerated = taints.iter().all(|taint| tolerates(pod, taint));
    (!tolerated).then_some("node(s) had untolerated taint(s)")
}

fn tolerates(pod: &Value, taint: &Value) -> bool {
    if taint["effect"] == "PreferNoSchedule" {
        return true;
    }
    let tolerations = pod["tolerations"].as_array().into_iter().flatten();
    tolerations.into_iter().any(|toleration| {
        let effect = toleration["effect"]
            .as_str()
            .is_none_or(|effect| taint["effect"] == effect);
        let key = toleration["key"]
            .as_str()
            .is_none_or(|key| taint["key"] == key);
        let exists = toleration["operator"] == "Exists";
        let value = text(toleration, "value") == text(taint, "value");
        effect && key && (exists || (value && !toleration["key"].is_null()))
    })
}

/// Returns how much a pod with this specification would like to run on a node.
fn preference(node: &Value, pod: &Value) -> i64 {
    let terms = &pod["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"];
    let terms = terms.as_array().into_iter().flatten();
    let fitting = terms.filter(|term| fits_term(node, &term["preference"]));
    fitting.filter_map(|term| term["weight"].as_i64()).sum()
}

/// Returns whether a node fits a term of a node selector; one that says nothing fits none.
fn fits_term(node: &Value, term: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let holds = |expression: &Value, value: Option<&str>| {
        let listed = expression["values"].as_array().into_iter().flatten();
        let is_listed = listed.into_iter().any(|it| it.as_str() == value);
        match text(expression, "operator") {
            "In" => value.is_some() && is_listed,
            "NotIn" => value.is_none() || !is_listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    };
    let list = |field: &str| term[field].as_array().into_iter().flatten();
    let some = list("matchExpressions")
        .chain(list("matchFields"))
        .next()
        .is_some();
    some && list("matchExpressions").all(|it| holds(it, labels[text(it, "key")].as_str()))
        && list("matchFields").all(|it| holds(it, Some(name(node))))
}

/// Returns the pod's specification as the DaemonSet controller binds it to a node.
pub(super) fn bind(specification: &mut Value, node: &str) {
    let field = json!([{"key": "metadata.name", "operator": "In", "values": [node]}]);
    let required = &mut specification["affinity"]["nodeAffinity"][AFFINITY];
    match required["nodeSelectorTerms"].as_array_mut() {
        Some(terms) => terms
            .iter_mut()
            .for_each(|term| term["matchFields"] = field.clone()),
        None => *required = json!({"nodeSelectorTerms": [{"matchFields": field}]}),
    }
}

/// Returns the node that a DaemonSet's pod is for: where it is, or is bound to.
pub(super) fn target(pod: &Value) -> &str {
    let terms = &pod["spec"]["affinity"]["nodeAffinity"][AFFINITY]["nodeSelectorTerms"];
    match pod["spec"]["nodeName"].as_str() {
        Some(node) if !node.is_empty() => node,
        _ => terms[0]["matchFields"][0]["values"][0]
            .as_str()
            .unwrap_or_default(),
    }
}

/// Returns whether a pod with this specification asks for ports of its node.
pub(super) fn has_ports(pod: &Value) -> bool {
    ports(pod).next().is_some()
}

/// Returns the ports of the node that a pod asks for: number, protocol and address.
fn ports(pod: &Value) -> impl Iterator<Item = (u64, &str, &str)> {
    let containers = pod["containers"].as_array().into_iter().flatten();
    let ports = containers.flat_map(|it| it["ports"].as_array().into_iter().flatten());
    ports.filter_map(|port| {
        let address = port["hostIP"].as_str().unwrap_or("0.0.0.0");
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        Some((port["hostPort"].as_u64()?, protocol, address))
    })
}

fn has_free_ports(node: &Value, pod: &Value, pods: &[Arc<Value>]) -> bool {
    let there = || {
        let on = |it: &&Arc<Value>| text(&it["spec"], "nodeName") == name(node) && !is_ended(it);
        pods.iter().filter(on).flat_map(|it| ports(&it["spec"]))
    };
    ports(pod).all(|(number, protocol, address)| {
        !there().any(|(other, of, at)| {
            let everywhere = at == "0.0.0.0" || address == "0.0.0.0";
            (other, of) == (number, protocol) && (everywhere || at == address)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_select_nodes() {
        let node =
            json!({"metadata": {"name": "one", "labels": {"zone": "a", "ingress-ready": "true"}}});
        let expression = |key: &str, operator: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        for (term, fits) in [
            (expression("zone", "In", json!(["a", "b"])), true),
            (expression("zone", "NotIn", json!(["a"])), false),
            (expression("disk", "NotIn", json!(["a"])), true),
            (expression("disk", "Exists", json!([])), false),
            (expression("disk", "DoesNotExist", json!([])), true),
            (json!({}), false),
            (
                json!({"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["two"]}]}),
                false,
            ),
        ] {
            assert_eq!(fits_term(&node, &term), fits, "{term}");
        }
        let mut pod = json!({});
        bind(&mut pod, "one");
        assert_eq!(target(&json!({"spec": pod})), "one");
        assert!(fits_term(
            &node,
            &pod["affinity"]["nodeAffinity"][AFFINITY]["nodeSelectorTerms"][0]
        ));
    }
}
