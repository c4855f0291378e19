//! The configuration that `kind create` is given.
//!
//! Source: <https://kind.sigs.k8s.io/docs/user/configuration/> and
//! <https://github.com/kubernetes-sigs/kind/blob/main/pkg/apis/config/v1alpha4/types.go>. It is written as JSON, which
//! every reader of YAML reads.

use serde_json::{Value, json};
use windlass_provider::Tags;

use crate::{marker, want::Layout};

/// The label that names a node's pool.
pub(crate) const POOL_LABEL: &str = "windlass.dev/node-pool";
/// Where the ports of this machine are open: to itself only.
///
/// Kind's own default, and that of the scripts before windlass, is every address, which opens a platform with
/// development secrets to the whole network, past most firewalls: the engine writes its own rules. The API server's port
/// is open to this machine only, too.
pub(crate) const LISTEN: &str = "127.0.0.1";

/// Returns the configuration of a cluster.
pub(crate) fn write(layout: &Layout, tags: &Tags) -> Value {
    let mount = json!({
        "hostPath": marker::SOURCE,
        "containerPath": marker::path(tags),
        "readOnly": true,
    });
    let node = |role: &str| {
        let mut node = json!({ "role": role, "extraMounts": [mount] });
        if let Some(image) = &layout.image {
            node["image"] = image.as_str().into();
        }
        node
    };
    let mut control_plane = node("control-plane");
    control_plane["labels"] = json!({ "ingress-ready": "true" });
    let ports = [(80, layout.http_port), (443, layout.https_port)];
    let mapped = ports.iter().filter(|(_, host)| *host != 0);
    control_plane["extraPortMappings"] = mapped
        .map(|(inner, host)| {
            json!({ "containerPort": inner, "hostPort": host, "listenAddress": LISTEN, "protocol": "TCP" })
        })
        .collect();
    let mut nodes = vec![control_plane];
    nodes.extend((1..layout.nodes).map(|_| node("worker")));
    for pool in &layout.pools {
        let mut worker = node("worker");
        worker["labels"] = json!(pool.labels);
        worker["labels"][POOL_LABEL] = pool.name.as_str().into();
        if !pool.taints.is_empty() {
            // A node joins by kubeadm, whose settings hold its taints; kind merges this patch into them.
            let join = json!({
                "kind": "JoinConfiguration",
                "nodeRegistration": { "taints": pool.taints },
            });
            worker["kubeadmConfigPatches"] = json!([join.to_string()]);
        }
        nodes.extend((0..pool.min).map(|_| worker.clone()));
    }
    json!({ "kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": nodes })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use windlass_provider::{NodePool, Taint, TaintEffect};

    use super::*;

    #[test]
    fn a_cluster_of_one_control_plane_workers_and_pools() {
        let layout = Layout {
            image: Some("kindest/node:v1.36.1".into()),
            version: None,
            nodes: 2,
            pools: vec![NodePool {
                name: "gpu".into(),
                min: 1,
                max: 3,
                labels: BTreeMap::from([("tier".into(), "fast".into())]),
                taints: vec![Taint {
                    key: "dedicated".into(),
                    value: String::new(),
                    effect: TaintEffect::NoExecute,
                }],
                ..NodePool::default()
            }],
            http_port: 8080,
            https_port: 0,
            lifetime: None,
        };
        let tags = Tags {
            cluster: "dot".parse().unwrap(),
            created: Timestamp::from_second(7).unwrap(),
            expires: None,
        };
        let mount = json!([{ "hostPath": "/lib/modules", "containerPath": "/windlass/windlass-cluster=dot/windlass-created=7", "readOnly": true }]);
        let image = "kindest/node:v1.36.1";
        assert_eq!(
            write(&layout, &tags),
            json!({
                "kind": "Cluster",
                "apiVersion": "kind.x-k8s.io/v1alpha4",
                "nodes": [
                    { "role": "control-plane", "extraMounts": mount, "image": image,
                      "labels": { "ingress-ready": "true" },
                      "extraPortMappings": [{ "containerPort": 80, "hostPort": 8080, "listenAddress": "127.0.0.1", "protocol": "TCP" }] },
                    { "role": "worker", "extraMounts": mount, "image": image },
                    { "role": "worker", "extraMounts": mount, "image": image,
                      "labels": { "tier": "fast", "windlass.dev/node-pool": "gpu" },
                      "kubeadmConfigPatches": [
                          r#"{"kind":"JoinConfiguration","nodeRegistration":{"taints":[{"key":"dedicated","value":"","effect":"NoExecute"}]}}"#
                      ] },
                ],
            })
        );
    }
}
