use std::collections::BTreeMap;

use windlass_provider::{
    ClusterSpec, Facts, Fault, KindOptions, NodePool, NodeSize, Nodes, ProviderId, Taint,
    TaintEffect,
};

use crate::want;

fn spec() -> ClusterSpec {
    ClusterSpec {
        name: "dot".parse().unwrap(),
        provider: ProviderId::Kind,
        kubernetes_version: None,
        nodes: Nodes {
            min: 1,
            max: 1,
            size: NodeSize::Small,
        },
        node_pools: Vec::new(),
        lifetime: None,
        aws: Default::default(),
        azure: Default::default(),
        google: Default::default(),
        kind: KindOptions {
            http_port: 80,
            https_port: 443,
            ..KindOptions::default()
        },
    }
}

fn pool(name: &str, label: (&str, &str)) -> NodePool {
    NodePool {
        name: name.into(),
        min: 1,
        max: 1,
        labels: BTreeMap::from([(label.0.into(), label.1.into())]),
        taints: Vec::new(),
        ..NodePool::default()
    }
}

/// Asserts that the spec is refused with this message.
fn refused(change: impl Fn(&mut ClusterSpec), message: &str) {
    let mut spec = spec();
    change(&mut spec);
    let error = want::resources(&spec, &Facts::default()).unwrap_err();
    assert_eq!(error.fault, Fault::Invalid);
    let story = format!("{error}: {}", error.causes.join(": "));
    assert!(story.contains(message), "{story}");
}

#[test]
fn what_kind_could_not_make_is_refused_by_name() {
    refused(|s| s.nodes.min = 0, "nodes.min is 0");
    refused(|s| s.nodes.min = u32::MAX, "more than 100 are not allowed");
    refused(
        |s| s.kind.https_port = 80,
        "http-port and https-port are both 80",
    );
    refused(
        |s| s.kind.engine = Some("rkt".into()),
        "\"rkt\" is not a container engine",
    );
    refused(
        |s| s.kind.image = Some("a b".into()),
        "is not the name of an image",
    );
    refused(
        |s| s.node_pools = vec![pool("a", ("x", "y")), pool("a", ("x", "y"))],
        "node pool \"a\" is there twice",
    );
    refused(
        |s| s.node_pools = vec![pool("A", ("x", "y"))],
        "must be a DNS label",
    );
    refused(
        |s| s.node_pools = vec![pool("a", ("x\"", "y"))],
        "label \"x\"\" is not valid",
    );
    refused(
        |s| s.node_pools = vec![pool("a", ("x", "y,z=1"))],
        "which is not a label's",
    );
    refused(
        |s| s.node_pools = vec![pool("a", ("node-role.kubernetes.io/gpu", ""))],
        "Kubernetes' own",
    );
    refused(
        |s| {
            let mut pool = pool("a", ("x", "y"));
            pool.taints.push(Taint {
                key: "/x".into(),
                value: String::new(),
                effect: TaintEffect::NoSchedule,
            });
            s.node_pools = vec![pool];
        },
        "taint \"/x\" is not valid",
    );
    refused(
        |s| {
            let mut pool = pool("a", ("x", "y"));
            pool.machine = Some("g6.xlarge".into());
            s.node_pools = vec![pool];
        },
        "machine is for clouds",
    );
}

#[test]
fn a_version_must_be_whole_unless_the_image_is_named() {
    refused(
        |s| s.kubernetes_version = Some("1.36".into()),
        "does not name a node image",
    );
    for bad in ["latest", "1", "1.36.1.2", "1..2", "1.36.", "v"] {
        refused(
            |s| s.kubernetes_version = Some(bad.into()),
            "is not a version",
        );
    }
    refused(
        |s| {
            s.kubernetes_version = Some("1.36.1".into());
            s.kind.image = Some("kindest/node:v1.35.0@sha256:00".into());
        },
        "do not go together",
    );
    let mut spec = spec();
    spec.kubernetes_version = Some("v1.36.1".into());
    let made = |spec: &ClusterSpec| {
        let resources = want::resources(spec, &Facts::default()).unwrap();
        resources[0].want["layout"]["image"].clone()
    };
    assert_eq!(made(&spec), "kindest/node:v1.36.1");
    spec.kubernetes_version = Some("1.36".into());
    spec.kind.image = Some("registry:5000/node:v1.36.4".into());
    assert_eq!(made(&spec), "registry:5000/node:v1.36.4");
}

#[test]
fn a_domains_own_labels_are_allowed() {
    let mut spec = spec();
    spec.node_pools = vec![
        pool("a", ("example.com/tier", "Fast_1.0")),
        pool("b", ("node.kubernetes.io/instance-type", "x")),
        pool("c", ("notkubernetes.io/x", "")),
    ];
    assert!(want::resources(&spec, &Facts::default()).is_ok());
}
