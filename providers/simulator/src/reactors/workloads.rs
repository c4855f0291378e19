//! Deployments, ReplicaSets, StatefulSets and DaemonSets: their pods, and what their status says of them.

use super::{
    Cx, Next,
    object::{
        Conditions, deleting, find, generation, is_true, mark, name, namespace, owned, reference,
        text, time, uid,
    },
    rollout, scheduler,
};
use crate::clock;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const MANAGER: &str = "kube-controller-manager";
const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) fn deployment(cx: &Cx<'_>, it: &Value) -> Next {
    if deleting(it) {
        return Next::NEVER;
    }
    let template = &it["spec"]["template"];
    let hash = mark(&template.to_string(), 10);
    let current = format!("{}-{hash}", name(it));
    let wanted = it["spec"]["replicas"].as_u64().unwrap_or(1);
    let paused = it["spec"]["paused"] == true;
    let strategy = &it["spec"]["strategy"];
    let mut sets = cx.api.list("apps", "ReplicaSet", Some(namespace(it)));
    sets.retain(|set| owned(set, it));
    let status = |set: &Value, field: &str| set["status"][field].as_u64().unwrap_or(0);
    let replicas = |set: &Value| rollout::Set {
        wanted: set["spec"]["replicas"].as_u64().unwrap_or(1),
        there: status(set, "replicas"),
        available: status(set, "availableReplicas"),
    };
    let old: Vec<Arc<Value>> = sets
        .iter()
        .filter(|set| name(set) != current)
        .cloned()
        .collect();
    let counted: Vec<rollout::Set> = old.iter().map(|set| replicas(set)).collect();
    if old.len() == sets.len() && !paused {
        let revision = (sets.len() + 1).to_string();
        let mut labels = template["metadata"]["labels"].clone();
        labels["pod-template-hash"] = json!(hash);
        let mut selector = it["spec"]["selector"].clone();
        selector["matchLabels"]["pod-template-hash"] = json!(hash);
        let mut template = template.clone();
        template["metadata"]["labels"] = labels.clone();
        let (first, _) = rollout::next(strategy, wanted, rollout::Set::default(), &counted);
        let created = cx.create(json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": current, "namespace": namespace(it), "labels": labels, "annotations": {REVISION: revision},
                "ownerReferences": reference(it),
            },
            "spec": {"replicas": first, "selector": selector, "template": template},
        }));
        sets.extend(created);
        cx.patch(
            it,
            MANAGER,
            None,
            json!({"metadata": {"annotations": {REVISION: revision}}}),
        );
    }
    let Some(new) = sets.iter().find(|set| name(set) == current) else {
        return Next::NEVER;
    };
    let (grown, left) = rollout::next(strategy, wanted, replicas(new), &counted);
    cx.patch(new, MANAGER, None, json!({"spec": {"replicas": grown}}));
    for (old, left) in old.iter().zip(left).filter(|_| !paused) {
        cx.patch(old, MANAGER, None, json!({"spec": {"replicas": left}}));
    }
    let available = status(new, "availableReplicas");
    let sum = |field: &str| sets.iter().map(|set| status(set, field)).sum::<u64>();
    let all_available = sum("availableReplicas");
    let (may_lack, _) = rollout::bounds(strategy, wanted);
    let mut conditions = Conditions::of(it, cx.now);
    match all_available >= wanted.saturating_sub(may_lack) {
        true => conditions.update(
            "Available",
            "True",
            "MinimumReplicasAvailable",
            "Deployment has minimum availability.",
        ),
        false => {
            let message = "Deployment does not have minimum availability.";
            conditions.update("Available", "False", "MinimumReplicasUnavailable", message);
        }
    }
    match find(new, "ReplicaFailure") {
        Some(failure) => {
            let message = text(failure, "message");
            conditions.update("ReplicaFailure", "True", "FailedCreate", message);
        }
        None => conditions.remove("ReplicaFailure"),
    }
    let complete = available >= wanted && sum("replicas") == wanted;
    let deadline = progress(it, &mut conditions, &current, complete, cx);
    let mut fields = json!({
        "observedGeneration": generation(it), "replicas": sum("replicas"), "updatedReplicas": status(new, "replicas"),
        "readyReplicas": sum("readyReplicas"), "availableReplicas": all_available,
        "unavailableReplicas": wanted.saturating_sub(all_available), "conditions": conditions.into_value(),
    });
    sparse(&mut fields);
    cx.status(it, MANAGER, fields);
    deadline
}

/// Sets the condition Progressing, and returns when its deadline is.
fn progress(
    it: &Value,
    conditions: &mut Conditions,
    set: &str,
    complete: bool,
    cx: &Cx<'_>,
) -> Next {
    if complete {
        let message = format!("ReplicaSet \"{set}\" has successfully progressed.");
        conditions.update("Progressing", "True", "NewReplicaSetAvailable", &message);
        return Next::NEVER;
    }
    let known = find(it, "Progressing");
    let same = known
        .filter(|it| text(it, "message").contains(set) && it["reason"] != "NewReplicaSetAvailable");
    let since = same
        .and_then(|it| time(&it["lastUpdateTime"]))
        .unwrap_or(cx.now);
    let allowed = it["spec"]["progressDeadlineSeconds"]
        .as_u64()
        .unwrap_or(600);
    let limit = clock::add(since, Duration::from_secs(allowed));
    if same.is_some() && (cx.now >= limit || same.is_some_and(|it| it["status"] == "False")) {
        let message = format!("ReplicaSet \"{set}\" has timed out progressing.");
        conditions.update("Progressing", "False", "ProgressDeadlineExceeded", &message);
        return Next::NEVER;
    }
    conditions.update(
        "Progressing",
        "True",
        "ReplicaSetUpdated",
        &format!("ReplicaSet \"{set}\" is progressing."),
    );
    Next::limit(limit)
}

pub(super) fn replica_set(cx: &Cx<'_>, it: &Value) -> Next {
    if deleting(it) {
        return Next::NEVER;
    }
    let wanted =
        usize::try_from(it["spec"]["replicas"].as_u64().unwrap_or(1)).unwrap_or(usize::MAX);
    let pods = pods(cx, it);
    let living: Vec<_> = pods
        .iter()
        .filter(|pod| !deleting(pod) && pod["status"]["phase"] != "Failed")
        .collect();
    let mut made = Vec::new();
    let mut number = 0;
    let mut refused = None;
    while living.len() + made.len() < wanted {
        let pod = format!("{}-{}", name(it), mark(&format!("{} {number}", uid(it)), 5));
        number += 1;
        if pods.iter().all(|known| name(known) != pod) {
            match make_pod(cx, it, &pod, &json!({})) {
                Ok(pod) => made.push(pod),
                Err(refusal) => {
                    refused = Some(refusal).filter(|it| !it.ends_with("already exists"));
                    break;
                }
            }
        }
    }
    // Those that are not ready go first.
    let mut surplus = living.clone();
    surplus.sort_by_key(|pod| is_true(pod, "Ready"));
    surplus
        .iter()
        .take(living.len().saturating_sub(wanted))
        .for_each(|pod| cx.delete(pod));
    let alive = living.len().min(wanted) + made.len();
    let ready = living
        .iter()
        .filter(|pod| is_true(pod, "Ready"))
        .count()
        .min(wanted);
    let mut fields = json!({
        "observedGeneration": generation(it), "replicas": alive, "fullyLabeledReplicas": alive, "readyReplicas": ready,
        "availableReplicas": ready,
    });
    let mut conditions = Conditions::of(it, cx.now);
    match refused {
        Some(refusal) => conditions.set("ReplicaFailure", "True", "FailedCreate", &refusal),
        None => conditions.remove("ReplicaFailure"),
    }
    let conditions = conditions.into_value();
    fields["conditions"] = match conditions == json!([]) {
        true => Value::Null,
        false => conditions,
    };
    // The number of replicas is always said.
    let replicas = fields["replicas"].take();
    sparse(&mut fields);
    fields["replicas"] = replicas;
    cx.status(it, MANAGER, fields);
    Next::NEVER
}

pub(super) fn stateful_set(cx: &Cx<'_>, it: &Value) -> Next {
    if deleting(it) {
        return Next::NEVER;
    }
    let wanted = it["spec"]["replicas"].as_u64().unwrap_or(1);
    let revision = format!(
        "{}-{}",
        name(it),
        mark(&it["spec"]["template"].to_string(), 10)
    );
    let pods = pods(cx, it);
    let parallel = it["spec"]["podManagementPolicy"] == "Parallel";
    let labelled =
        |pod: &Value| pod["metadata"]["labels"]["controller-revision-hash"] == revision.as_str();
    for ordinal in 0..wanted {
        let pod = format!("{}-{ordinal}", name(it));
        match pods.iter().find(|known| name(known) == pod) {
            None => {
                claims(cx, it, &pod);
                let labels = json!({
                    "controller-revision-hash": revision, "statefulset.kubernetes.io/pod-name": pod,
                    "apps.kubernetes.io/pod-index": ordinal.to_string(),
                });
                // What is refused is told by an event.
                let _ = make_pod(cx, it, &pod, &labels);
                if !parallel {
                    break;
                }
            }
            Some(pod) if !is_true(pod, "Ready") && !parallel => break,
            Some(_) => {}
        }
    }
    let ordinal = |pod: &Value| {
        name(pod)
            .rsplit('-')
            .next()
            .and_then(|it| it.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let mut beyond: Vec<&Arc<Value>> = pods
        .iter()
        .filter(|pod| ordinal(pod) >= wanted && !deleting(pod))
        .collect();
    beyond.sort_by_key(|pod| std::cmp::Reverse(ordinal(pod)));
    if let Some(last) = beyond.first() {
        cx.delete(last);
    }
    // A new template replaces one pod after the other, from the last on.
    if pods
        .iter()
        .all(|pod| is_true(pod, "Ready") && !deleting(pod))
    {
        let mut outdated: Vec<&Arc<Value>> = pods.iter().filter(|pod| !labelled(pod)).collect();
        outdated.sort_by_key(|pod| std::cmp::Reverse(ordinal(pod)));
        if let Some(last) = outdated.first() {
            cx.delete(last);
        }
    }
    let living = || {
        pods.iter()
            .filter(|pod| !deleting(pod) && ordinal(pod) < wanted)
    };
    let ready = living().filter(|pod| is_true(pod, "Ready")).count();
    let updated = living().filter(|pod| labelled(pod)).count();
    let current = if updated == living().count() {
        &revision
    } else {
        text(&it["status"], "currentRevision")
    };
    let status = json!({
        "observedGeneration": generation(it), "replicas": living().count(), "readyReplicas": ready, "availableReplicas": ready,
        "currentReplicas": updated, "updatedReplicas": updated, "currentRevision": current, "updateRevision": revision,
        "collisionCount": 0,
    });
    cx.status(it, MANAGER, status);
    Next::NEVER
}

/// Makes the claims of a StatefulSet's pod.
fn claims(cx: &Cx<'_>, it: &Value, pod: &str) {
    for template in it["spec"]["volumeClaimTemplates"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let mut claim = template.clone();
        claim["apiVersion"] = json!("v1");
        claim["kind"] = json!("PersistentVolumeClaim");
        claim["metadata"] = json!({
            "name": format!("{}-{pod}", name(template)), "namespace": namespace(it),
            "labels": it["spec"]["selector"]["matchLabels"],
        });
        // A claim of an earlier pod of this name is used again.
        let _ = cx.create(claim);
    }
}

pub(super) fn daemon_set(cx: &Cx<'_>, it: &Value) -> Next {
    if deleting(it) {
        return Next::NEVER;
    }
    let mut specification = it["spec"]["template"]["spec"].clone();
    tolerate(&mut specification);
    let hash = mark(&it["spec"]["template"].to_string(), 10);
    let pods = pods(cx, it);
    let on = |node: &Value| pods.iter().find(|pod| scheduler::target(pod) == name(node));
    let nodes = cx.api.list("", "Node", None);
    let wanted: Vec<_> = nodes
        .iter()
        .filter(|node| scheduler::takes(node, &specification))
        .collect();
    for node in &wanted {
        if on(node).is_none() {
            let pod = format!(
                "{}-{}",
                name(it),
                mark(&format!("{}{}{hash}", uid(it), uid(node)), 5)
            );
            let labels = json!({"controller-revision-hash": hash, "": name(node)});
            // What is refused is told by an event.
            let _ = make_pod(cx, it, &pod, &labels);
        }
    }
    let current =
        |pod: &Value| pod["metadata"]["labels"]["controller-revision-hash"] == hash.as_str();
    for pod in pods.iter().filter(|pod| !deleting(pod)) {
        let stray = !wanted
            .iter()
            .any(|node| name(node) == scheduler::target(pod));
        if stray || !current(pod) {
            cx.delete(pod);
        }
    }
    let living = || pods.iter().filter(|pod| !deleting(pod));
    let ready = living().filter(|pod| is_true(pod, "Ready")).count();
    let mut status = json!({
        "observedGeneration": generation(it), "desiredNumberScheduled": wanted.len(), "currentNumberScheduled": wanted.len(),
        "numberMisscheduled": 0, "numberReady": ready, "updatedNumberScheduled": living().filter(|pod| current(pod)).count(),
        "numberAvailable": ready, "numberUnavailable": wanted.len().saturating_sub(ready),
    });
    if status["numberUnavailable"] == 0 {
        status["numberUnavailable"] = Value::Null;
    }
    cx.status(it, MANAGER, status);
    Next::NEVER
}

/// Adds what the DaemonSet controller adds: its pods run on nodes that are not ready.
fn tolerate(specification: &mut Value) {
    let mut tolerations = specification["tolerations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for key in [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/unschedulable",
    ] {
        tolerations.push(json!({"key": key, "operator": "Exists"}));
    }
    specification["tolerations"] = json!(tolerations);
}

/// Returns the pods that an object controls.
pub(super) fn pods(cx: &Cx<'_>, owner: &Value) -> Vec<Arc<Value>> {
    let mut pods = cx.api.list("", "Pod", Some(namespace(owner)));
    pods.retain(|pod| owned(pod, owner));
    pods
}

/// Makes a pod from an object's template; what is refused is told by an event, too. The label "" stands for the node that a
/// DaemonSet wants it on.
pub(super) fn make_pod(
    cx: &Cx<'_>,
    owner: &Value,
    pod: &str,
    labels: &Value,
) -> Result<Arc<Value>, String> {
    let template = &owner["spec"]["template"];
    let mut metadata = json!({
        "name": pod, "namespace": namespace(owner), "generateName": format!("{}-", name(owner)), "ownerReferences": reference(owner),
        "labels": template["metadata"]["labels"],
    });
    let mut specification = template["spec"].clone();
    for (key, value) in labels.as_object().into_iter().flatten() {
        match key.as_str() {
            "" => {
                scheduler::bind(&mut specification, value.as_str().unwrap_or_default());
                tolerate(&mut specification);
            }
            key => metadata["labels"][key] = value.clone(),
        }
    }
    if metadata["labels"].is_null() {
        metadata["labels"] = json!({});
    }
    if !template["metadata"]["annotations"].is_null() {
        metadata["annotations"] = template["metadata"]["annotations"].clone();
    }
    let object =
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": specification});
    cx.create(object).map_err(|refusal| {
        if refusal.reason != "AlreadyExists" {
            let message = format!("Error creating: {}", refusal.message);
            cx.event(owner, "Warning", "FailedCreate", &message);
        }
        refusal.message
    })
}

/// Leaves numbers out that are zero, as the real status does.
fn sparse(status: &mut Value) {
    for value in status
        .as_object_mut()
        .into_iter()
        .flat_map(|it| it.values_mut())
    {
        if *value == json!(0) {
            *value = Value::Null;
        }
    }
}
