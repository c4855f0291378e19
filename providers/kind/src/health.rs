//! How far a cluster is: judged by its containers, and by what its own kubectl says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use windlass_provider::{Ctx, Result, State, Taint};

use crate::{
    containers::{Cluster, Status, absent},
    host::Host,
};

/// The namespaces that a cluster has when kind is done with it.
const OWN_NAMESPACES: &[&str] = &[
    "default",
    "kube-node-lease",
    "kube-public",
    "kube-system",
    "local-path-storage",
];

/// How far a cluster is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// All of it runs.
    Ready,
    /// Kind is done with it, and its nodes are on their way.
    Settling(String),
    /// Its API does not answer (yet).
    Silent(String),
    /// These containers are stopped, or paused.
    Stopped {
        stopped: Vec<String>,
        paused: Vec<String>,
    },
    /// Kind never got to the end with it, and nobody has put anything into it: it can be made again.
    HalfMade(String),
    /// It will not come to work by itself, and may hold something.
    Broken(String),
    /// It is on its way out.
    Deleting,
}

impl Phase {
    /// Returns it in everybody's words.
    pub(crate) fn state(&self) -> State {
        match self {
            Self::Ready => State::Ready,
            Self::Settling(_) | Self::Silent(_) | Self::HalfMade(_) => State::Making,
            Self::Stopped { .. } | Self::Broken(_) => State::Failed,
            Self::Deleting => State::Deleting,
        }
    }

    /// Returns what stands in its way.
    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Self::Ready => None,
            Self::Settling(detail) | Self::Silent(detail) | Self::Broken(detail) => {
                Some(detail.clone())
            }
            Self::HalfMade(detail) => Some(format!("half made: {detail}")),
            Self::Stopped { stopped, paused } => {
                let part = |names: &[String], word: &str| {
                    (!names.is_empty()).then(|| match names {
                        [one] => format!("container {one} is {word}"),
                        many => format!("containers {} are {word}", many.join(", ")),
                    })
                };
                let parts = [part(stopped, "stopped"), part(paused, "paused")];
                Some(parts.into_iter().flatten().collect::<Vec<_>>().join("; "))
            }
            Self::Deleting => Some("it is being deleted".to_owned()),
        }
    }
}

/// A node, as the cluster's API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) taints: Vec<Taint>,
    pub(crate) ready: bool,
    /// Without the leading "v".
    pub(crate) version: String,
}

/// What a look at a cluster showed.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    pub(crate) phase: Phase,
    /// Its nodes, where its API answers.
    pub(crate) nodes: Vec<Node>,
}

/// Looks at a cluster: at its containers and, where they run, at its API.
pub(crate) async fn look(cx: &Ctx, host: &Host, cluster: &Cluster) -> Result<Health> {
    if let Some(phase) = judge(cluster) {
        let phase = match phase {
            Phase::HalfMade(_) if has_lost_control_plane(cx, host, cluster).await? => {
                Phase::Broken("its control-plane is gone".to_owned())
            }
            phase => phase,
        };
        let nodes = Vec::new();
        return Ok(Health { phase, nodes });
    }
    let within = |phase| Health {
        phase,
        nodes: Vec::new(),
    };
    let Some(control_plane) = cluster.control_plane().map(|c| c.name.as_str()) else {
        return Ok(within(Phase::HalfMade(
            "it has no control-plane".to_owned(),
        )));
    };
    let listed = host
        .kubectl(cx, control_plane, &["get", "nodes", "-o", "json"])
        .await?;
    let listed = match listed {
        Ok(ran) => ran,
        Err(reason) => {
            // Kubeadm writes this file early. Only its proven absence says that kind did not get that far.
            let early = host
                .exec(cx, control_plane, &["cat", "/etc/kubernetes/admin.conf"])
                .await?
                .err()
                .is_some_and(|said| said.to_lowercase().contains("no such file"));
            return Ok(within(if early {
                Phase::HalfMade("Kubernetes was never started in it".to_owned())
            } else {
                Phase::Silent(format!("its API does not answer: {reason}"))
            }));
        }
    };
    let nodes = read(listed.json::<Nodes>()?);
    let phase = match unfinished(cx, host, cluster, control_plane, &nodes).await? {
        Some(phase) => phase,
        None => settle(cluster, &nodes),
    };
    Ok(Health { phase, nodes })
}

/// Returns whether a cluster has no control-plane any more, as opposed to not yet: a node that had joined keeps this file, and kind
/// does not stop nodes before it is done.
async fn has_lost_control_plane(cx: &Ctx, host: &Host, cluster: &Cluster) -> Result<bool> {
    if cluster.control_plane().is_some() {
        return Ok(false);
    }
    for node in cluster.nodes() {
        let stopped = matches!(node.status, Status::Exited | Status::Paused | Status::Dead);
        let file = ["cat", "/etc/kubernetes/kubelet.conf"];
        if stopped || host.exec(cx, &node.name, &file).await?.is_ok() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Judges a cluster by its containers alone; `None` where all of them run.
pub(crate) fn judge(cluster: &Cluster) -> Option<Phase> {
    let with = |status: Status| {
        let containers = cluster.containers.iter();
        let names = containers
            .filter(move |c| c.status == status)
            .map(|c| c.name.clone());
        names.collect::<Vec<_>>()
    };
    if !with(Status::Removing).is_empty() {
        return Some(Phase::Deleting);
    }
    if cluster.control_plane().is_none() {
        return Some(Phase::HalfMade("it has no control-plane".to_owned()));
    }
    if let Some(name) = with(Status::Dead).first() {
        return Some(Phase::Broken(format!("container {name} is dead")));
    }
    if let Some(name) = with(Status::Created).first() {
        return Some(Phase::HalfMade(format!(
            "container {name} was never started"
        )));
    }
    let (stopped, paused) = (with(Status::Exited), with(Status::Paused));
    if !stopped.is_empty() || !paused.is_empty() {
        return Some(Phase::Stopped { stopped, paused });
    }
    let restarting = with(Status::Restarting);
    let name = restarting.first()?;
    Some(Phase::Silent(format!("container {name} is restarting")))
}

/// Returns how far kind got with a cluster whose API answers; `None` where it got to the end.
///
/// Kind installs the StorageClass and then lets the workers join, so that a cluster with both is done. Where one is
/// missing, somebody may have removed it from a cluster in use: one namespace that is not kind's proves that.
async fn unfinished(
    cx: &Ctx,
    host: &Host,
    cluster: &Cluster,
    control_plane: &str,
    nodes: &[Node],
) -> Result<Option<Phase>> {
    let silent = |reason| {
        Ok(Some(Phase::Silent(format!(
            "its API does not answer: {reason}"
        ))))
    };
    let classes = ["get", "storageclasses", "-o", "name"];
    let stored = match host.kubectl(cx, control_plane, &classes).await? {
        Ok(ran) => ran.lines().iter().any(|line| line.ends_with("/standard")),
        Err(reason) => return silent(reason),
    };
    let joined: BTreeSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let outside: Vec<&str> = cluster
        .nodes()
        .map(|container| container.name.as_str())
        .filter(|name| !joined.contains(name))
        .collect();
    if stored && outside.is_empty() {
        return Ok(None);
    }
    let spaces = ["get", "namespaces", "-o", "name"];
    let namespaces = match host.kubectl(cx, control_plane, &spaces).await? {
        Ok(ran) => ran.lines(),
        Err(reason) => return silent(reason),
    };
    let mut names = namespaces
        .iter()
        .map(|line| line.trim_start_matches("namespace/"));
    if names.any(|name| !OWN_NAMESPACES.contains(&name)) {
        return Ok(None);
    }
    for name in outside.iter().filter(|_| stored) {
        // A node that had joined once keeps this file: it was taken out by hand.
        if host
            .exec(cx, name, &["cat", "/etc/kubernetes/kubelet.conf"])
            .await?
            .is_ok()
        {
            return Ok(None);
        }
    }
    Ok(Some(Phase::HalfMade(if stored {
        format!(
            "{} of {} nodes have joined",
            nodes.len(),
            cluster.nodes().count()
        )
    } else {
        "its storage was never installed".to_owned()
    })))
}

/// Judges a cluster that kind is done with by its nodes.
fn settle(cluster: &Cluster, nodes: &[Node]) -> Phase {
    let containers: BTreeSet<&str> = cluster.nodes().map(|c| c.name.as_str()).collect();
    let orphan = nodes
        .iter()
        .find(|node| !containers.contains(node.name.as_str()));
    if let Some(node) = orphan {
        return Phase::Broken(format!("node {} has lost its container", node.name));
    }
    let ready = nodes.iter().filter(|node| node.ready).count();
    if ready == containers.len() {
        Phase::Ready
    } else {
        Phase::Settling(format!("{ready} of {} nodes ready", containers.len()))
    }
}

/// The part of a list of Nodes that is read here.
///
/// Source: <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/>
#[derive(Deserialize)]
struct Nodes {
    items: Vec<NodeObject>,
}

#[derive(Deserialize)]
struct NodeObject {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: NodeStatus,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default, deserialize_with = "absent")]
    labels: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(deserialize_with = "absent")]
    taints: Vec<NodeTaint>,
}

#[derive(Deserialize)]
struct NodeTaint {
    key: String,
    #[serde(default)]
    value: String,
    effect: windlass_provider::TaintEffect,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeStatus {
    #[serde(deserialize_with = "absent")]
    conditions: Vec<Condition>,
    node_info: NodeInfo,
}

#[derive(Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    kubelet_version: String,
}

fn read(nodes: Nodes) -> Vec<Node> {
    let nodes = nodes.items.into_iter();
    nodes
        .map(|node| {
            let mut conditions = node.status.conditions.iter();
            let taints = node.spec.taints.into_iter();
            Node {
                ready: conditions.any(|c| c.r#type == "Ready" && c.status == "True"),
                name: node.metadata.name,
                labels: node.metadata.labels,
                taints: taints
                    .map(|NodeTaint { key, value, effect }| Taint { key, value, effect })
                    .collect(),
                version: node
                    .status
                    .node_info
                    .kubelet_version
                    .trim_start_matches('v')
                    .to_owned(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use windlass_provider::Owner;

    use super::*;
    use crate::containers::Container;

    fn cluster(statuses: &[(&str, Status)]) -> Cluster {
        let containers = statuses.iter().map(|(role, status)| Container {
            name: format!("dot-{role}"),
            image: String::new(),
            status: *status,
            cluster: Some("dot".into()),
            role: Some((*role).to_owned()),
            mounts: Vec::new(),
            ports: BTreeMap::new(),
        });
        Cluster {
            name: "dot".into(),
            containers: containers.collect(),
            owner: Owner::Ours,
            tags: None,
            doubt: None,
        }
    }

    #[test]
    fn containers_alone_tell_what_cannot_work() {
        use Status::{Created, Dead, Exited, Paused, Removing, Restarting, Running};
        let cp = "control-plane";
        for (statuses, state, detail) in [
            (
                vec![(cp, Running), ("worker", Removing)],
                State::Deleting,
                "it is being deleted",
            ),
            (
                vec![("worker", Running)],
                State::Making,
                "half made: it has no control-plane",
            ),
            (
                vec![(cp, Dead), ("worker", Created)],
                State::Failed,
                "container dot-control-plane is dead",
            ),
            (
                vec![(cp, Running), ("worker", Created)],
                State::Making,
                "half made: container dot-worker was never started",
            ),
            (
                vec![(cp, Exited), ("worker", Paused)],
                State::Failed,
                "container dot-control-plane is stopped; container dot-worker is paused",
            ),
            (
                vec![(cp, Restarting)],
                State::Making,
                "container dot-control-plane is restarting",
            ),
        ] {
            let phase = judge(&cluster(&statuses)).unwrap();
            assert_eq!(phase.state(), state, "{phase:?}");
            assert_eq!(phase.detail().unwrap(), detail);
        }
        assert_eq!(judge(&cluster(&[(cp, Running)])), None);
    }

    #[test]
    fn a_node_without_a_container_is_broken_and_not_waited_for() {
        let json = r#"{"items":[
            {"metadata":{"name":"dot-control-plane"},"status":{"conditions":[{"type":"Ready","status":"True"}],"nodeInfo":{"kubeletVersion":"v1.37.0"}}},
            {"metadata":{"name":"dot-worker"},"spec":{"taints":[{"key":"node.kubernetes.io/unreachable","effect":"NoExecute","timeAdded":"2026-01-01T00:00:00Z"}]}}]}"#;
        let nodes = read(serde_json::from_str(json).unwrap());
        assert!(nodes[0].ready && nodes[0].version == "1.37.0" && !nodes[1].ready);
        let one = cluster(&[("control-plane", Status::Running)]);
        assert_eq!(
            settle(&one, &nodes),
            Phase::Broken("node dot-worker has lost its container".into())
        );
        assert_eq!(settle(&one, &nodes[..1]), Phase::Ready);
    }
}
