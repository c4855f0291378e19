//! How a cluster differs from what is wanted. Kind cannot change a cluster, so that nothing here is changeable.

use windlass_provider::{Difference, Outputs, TaintEffect};

use crate::{
    config::{LISTEN, POOL_LABEL},
    containers::Cluster,
    health::Node,
    validate::matches,
    want::Layout,
};

/// The setting whose difference stops nothing: a cluster serves as well with another lifetime.
pub(crate) const LIFETIME: &str = "lifetime";

/// Returns the differences, by setting. `nodes` is empty where the API does not answer: then what only it knows is left out.
pub(crate) fn find(layout: &Layout, cluster: &Cluster, nodes: &[Node]) -> Vec<Difference> {
    let mut found = Differences::default();
    let containers: Vec<_> = cluster.nodes().collect();
    if nodes.is_empty() {
        found.compare("nodes", &layout.total(), &containers.len());
    } else {
        found.compare_nodes(layout, nodes);
    }
    if let Some(image) = &layout.image
        && let Some(other) = containers.iter().find(|c| !same_image(image, &c.image))
    {
        // Where the image was named only by its version, the version says it better.
        if layout
            .version
            .as_ref()
            .is_none_or(|v| *image != format!("kindest/node:v{v}"))
        {
            found.compare("kind.image", image, &other.image);
        } else if nodes.is_empty() {
            found.compare("kubernetes-version", image, &other.image);
        }
    }
    if let Some(control_plane) = cluster.control_plane() {
        for (field, inner, wanted) in [
            ("kind.http-port", 80, layout.http_port),
            ("kind.https-port", 443, layout.https_port),
        ] {
            found.compare(field, &wanted, &control_plane.port(inner).unwrap_or(0));
        }
    }
    if let Some(tags) = &cluster.tags {
        let lifetime = tags
            .expires
            .map(|at| at.as_second() - tags.created.as_second());
        let words = |seconds: Option<i64>| seconds.map_or("none".to_owned(), |s| format!("{s} s"));
        let wanted = layout
            .lifetime
            .map(|s| i64::try_from(s).unwrap_or(i64::MAX));
        found.compare(LIFETIME, &words(wanted), &words(lifetime));
    }
    found.0
}

#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn compare(&mut self, field: impl Into<String>, wanted: &impl ToString, found: &impl ToString) {
        let (wanted, found) = (wanted.to_string(), found.to_string());
        if wanted != found {
            self.0.push(Difference {
                field: field.into(),
                wanted,
                found,
                changeable: false,
            });
        }
    }

    fn compare_nodes(&mut self, layout: &Layout, nodes: &[Node]) {
        let pool = |node: &Node| node.labels.get(POOL_LABEL).cloned();
        let plain = nodes.iter().filter(|node| pool(node).is_none()).count();
        self.compare("nodes.min", &layout.nodes, &plain);
        for wanted in &layout.pools {
            let field = |name: &str| format!("node-pools.{}.{name}", wanted.name);
            let members = || {
                nodes
                    .iter()
                    .filter(|node| pool(node).as_ref() == Some(&wanted.name))
            };
            self.compare(field("min"), &wanted.min, &members().count());
            // A node may carry more labels and taints than it was made with; it must not lack any.
            for (key, value) in &wanted.labels {
                if let Some(other) = members().find(|node| node.labels.get(key) != Some(value)) {
                    let there = other.labels.get(key).map_or("none", String::as_str);
                    self.compare(field(&format!("labels.{key}")), value, &there);
                }
            }
            for taint in &wanted.taints {
                if members().any(|node| !node.taints.contains(taint)) {
                    let effect = effect(taint.effect);
                    let words = format!("{}={}:{effect}", taint.key, taint.value);
                    self.compare(field("taints"), &words, &"none");
                }
            }
        }
        let mut strangers: Vec<String> = nodes.iter().filter_map(pool).collect();
        strangers.sort();
        strangers.dedup();
        strangers.retain(|name| layout.pools.iter().all(|pool| pool.name != *name));
        for name in strangers {
            let count = nodes
                .iter()
                .filter(|node| pool(node).as_ref() == Some(&name))
                .count();
            self.compare(format!("node-pools.{name}.min"), &0, &count);
        }
        if let Some(version) = &layout.version
            && let Some(other) = nodes.iter().find(|node| !matches(version, &node.version))
        {
            self.compare("kubernetes-version", version, &other.version);
        }
    }
}

fn effect(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    }
}

/// Whether two names are of one image. Podman writes the registry out and leaves out a tag beside a digest.
fn same_image(wanted: &str, found: &str) -> bool {
    let digest = |name: &str| name.split_once('@').map(|(_, digest)| digest.to_owned());
    if let (Some(one), Some(other)) = (digest(wanted), digest(found)) {
        return one == other;
    }
    let short = |name: &str| {
        let name = name.split('@').next().unwrap_or_default();
        name.trim_start_matches("docker.io/")
            .trim_start_matches("library/")
            .to_owned()
    };
    short(wanted) == short(found)
}

/// Returns what can be read off a cluster.
pub(crate) fn outputs(engine: &str, cluster: &Cluster, nodes: &[Node]) -> Outputs {
    let mut outputs = Outputs::from([
        ("engine".to_owned(), engine.to_owned()),
        ("address".to_owned(), LISTEN.to_owned()),
        ("nodes".to_owned(), cluster.nodes().count().to_string()),
    ]);
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            outputs.insert(key.to_owned(), value);
        }
    };
    let control_plane = cluster.control_plane();
    put("image", control_plane.map(|c| c.image.clone()));
    put(
        "http-port",
        control_plane
            .and_then(|c| c.port(80))
            .map(|port| port.to_string()),
    );
    put(
        "https-port",
        control_plane
            .and_then(|c| c.port(443))
            .map(|port| port.to_string()),
    );
    put(
        "kubernetes-version",
        nodes.first().map(|node| node.version.clone()),
    );
    outputs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use windlass_provider::{NodePool, Taint};

    use super::*;
    use crate::containers::{self, Container, Status};

    fn node(name: &str, pool: Option<&str>, taints: Vec<Taint>) -> Node {
        let pool = pool.map(|pool| (POOL_LABEL.to_owned(), pool.to_owned()));
        Node {
            name: name.into(),
            labels: pool.into_iter().collect(),
            taints,
            ready: true,
            version: "1.36.1".into(),
        }
    }

    fn layout() -> Layout {
        Layout {
            image: None,
            version: None,
            nodes: 1,
            pools: Vec::new(),
            http_port: 0,
            https_port: 0,
            lifetime: None,
        }
    }

    fn cluster(image: &str) -> Cluster {
        containers::group(vec![Container {
            name: "dot-control-plane".into(),
            image: image.into(),
            status: Status::Running,
            cluster: Some("dot".into()),
            role: Some("control-plane".into()),
            mounts: Vec::new(),
            ports: BTreeMap::new(),
        }])
        .remove(0)
    }

    fn told(layout: &Layout, cluster: &Cluster, nodes: &[Node]) -> Vec<String> {
        let found = find(layout, cluster, nodes).into_iter();
        found
            .map(|d| format!("{} {} {}", d.field, d.wanted, d.found))
            .collect()
    }

    #[test]
    fn pools_are_told_apart_by_their_label() {
        let taint = Taint {
            key: "k".into(),
            value: "v".into(),
            effect: TaintEffect::NoSchedule,
        };
        let mut layout = layout();
        layout.pools.push(NodePool {
            name: "gpu".into(),
            min: 2,
            max: 2,
            labels: BTreeMap::from([("tier".into(), "fast".into())]),
            taints: vec![taint.clone()],
            ..NodePool::default()
        });
        let nodes = [
            node("cp", None, vec![]),
            node("w", Some("gpu"), vec![taint]),
            node("w2", Some("old"), vec![]),
        ];
        assert_eq!(
            told(&layout, &cluster("x"), &nodes),
            [
                "node-pools.gpu.min 2 1",
                "node-pools.gpu.labels.tier fast none",
                "node-pools.old.min 0 1"
            ]
        );
        let untainted = [node("cp", None, vec![]), node("w", Some("gpu"), vec![])];
        assert!(
            told(&layout, &cluster("x"), &untainted)
                .contains(&"node-pools.gpu.taints k=v:NoSchedule none".to_owned())
        );
    }

    #[test]
    fn an_image_is_the_same_under_each_engines_name_for_it() {
        let mut layout = layout();
        layout.image = Some("kindest/node:v1.36.1@sha256:aa".into());
        for same in [
            "kindest/node:v1.36.1",
            "docker.io/kindest/node@sha256:aa",
            "kindest/node:v1.36.1@sha256:aa",
        ] {
            assert_eq!(told(&layout, &cluster(same), &[]), [""; 0], "{same}");
        }
        assert_eq!(
            told(&layout, &cluster("kindest/node:v1.35.0"), &[]),
            ["kind.image kindest/node:v1.36.1@sha256:aa kindest/node:v1.35.0"]
        );
        // Where the user gave the version alone, it is the version that differs.
        layout.image = Some("kindest/node:v1.36.2".into());
        layout.version = Some("1.36.2".into());
        assert_eq!(
            told(
                &layout,
                &cluster("kindest/node:v1.36.1"),
                &[node("cp", None, vec![])]
            ),
            ["kubernetes-version 1.36.2 1.36.1"]
        );
        layout.image = None;
        layout.version = Some("1.36".into());
        assert_eq!(
            told(&layout, &cluster("x"), &[node("cp", None, vec![])]),
            [""; 0]
        );
    }
}
