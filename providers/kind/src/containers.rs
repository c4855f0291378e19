//! Containers as an engine's `inspect` shows them, and the kind clusters that they make up.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use windlass_provider::{Owner, Tags};

use crate::marker::{self, Marker};

/// The label with which kind names a container's cluster.
pub(crate) const CLUSTER: &str = "io.x-k8s.kind.cluster";
/// The label with which kind says what a container is.
const ROLE: &str = "io.x-k8s.kind.role";

/// How a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It was never started.
    Created,
    Running,
    Restarting,
    Paused,
    /// It ended.
    Exited,
    /// It is being removed.
    Removing,
    /// The engine could neither run nor remove it; or its word for it is unknown.
    Dead,
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) status: Status,
    /// The kind cluster that it is a node of.
    pub(crate) cluster: Option<String>,
    /// `control-plane`, `worker` or `external-load-balancer`.
    pub(crate) role: Option<String>,
    /// Where it has mounts.
    pub(crate) mounts: Vec<String>,
    /// Ports of the machine that lead into it, by the container's port: "80/tcp" → 8080.
    pub(crate) ports: BTreeMap<String, Vec<u16>>,
}

impl Container {
    /// Whether it is a node, and not a load balancer before several control-planes.
    pub(crate) fn is_node(&self) -> bool {
        self.role.as_deref() != Some("external-load-balancer")
    }

    /// Whether a control-plane runs in it.
    pub(crate) fn is_control_plane(&self) -> bool {
        self.role.as_deref() == Some("control-plane")
    }

    /// Returns the port of the machine that leads to `port` of the container.
    pub(crate) fn port(&self, port: u16) -> Option<u16> {
        self.ports.get(&format!("{port}/tcp"))?.first().copied()
    }
}

/// A kind cluster, as its containers show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    /// By name; at least one.
    pub(crate) containers: Vec<Container>,
    pub(crate) owner: Owner,
    pub(crate) tags: Option<Tags>,
    /// What is odd about its marker.
    pub(crate) doubt: Option<String>,
}

impl Cluster {
    /// Returns the first control-plane, in which kind runs kubectl.
    pub(crate) fn control_plane(&self) -> Option<&Container> {
        self.containers.iter().find(|c| c.is_control_plane())
    }

    /// Returns the containers that are nodes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Container> {
        self.containers
            .iter()
            .filter(|container| container.is_node())
    }
}

/// Puts containers together into clusters, by name.
pub(crate) fn group(containers: Vec<Container>) -> Vec<Cluster> {
    let mut clusters: BTreeMap<String, Vec<Container>> = BTreeMap::new();
    for container in containers {
        if let Some(name) = container.cluster.clone() {
            clusters.entry(name).or_default().push(container);
        }
    }
    let clusters = clusters.into_iter();
    clusters
        .map(|(name, mut containers)| {
            containers.sort_by(|a, b| a.name.cmp(&b.name));
            let (owner, tags, doubt) = owner(&name, &containers);
            Cluster {
                name,
                containers,
                owner,
                tags,
                doubt,
            }
        })
        .collect()
}

/// One marked node makes the cluster ours: kind had been given the marker for all of them.
fn owner(name: &str, containers: &[Container]) -> (Owner, Option<Tags>, Option<String>) {
    let mut doubt = None;
    for container in containers {
        match marker::read(container.mounts.iter().map(String::as_str)) {
            Marker::None => {}
            Marker::Tags(tags) if tags.cluster.as_str() == name => {
                return (Owner::Ours, Some(tags), None);
            }
            // Somebody took our settings for a cluster of their own.
            Marker::Tags(tags) => {
                doubt = Some((
                    Owner::Foreign,
                    format!("its marker is that of cluster \"{}\"", tags.cluster),
                ));
            }
            Marker::Unreadable(reason) => doubt = Some((Owner::Ours, reason)),
        }
    }
    match doubt {
        Some((owner, reason)) => (owner, None, Some(reason)),
        None => (Owner::Foreign, None, None),
    }
}

/// Reads the JSON of `inspect`.
pub(crate) fn read(inspected: Vec<Inspected>) -> Vec<Container> {
    inspected.into_iter().map(Container::from).collect()
}

/// The part of `inspect` that is read here; docker, podman and nerdctl agree on it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Inspected {
    name: String,
    state: InspectedState,
    config: InspectedConfig,
    host_config: InspectedHostConfig,
    #[serde(deserialize_with = "absent")]
    mounts: Vec<InspectedMount>,
    network_settings: InspectedNetwork,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedState {
    status: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedConfig {
    image: String,
    #[serde(deserialize_with = "absent")]
    labels: BTreeMap<String, String>,
}

type Bindings = BTreeMap<String, Option<Vec<InspectedBinding>>>;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedHostConfig {
    #[serde(deserialize_with = "absent")]
    port_bindings: Bindings,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedMount {
    destination: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedNetwork {
    #[serde(deserialize_with = "absent")]
    ports: Bindings,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct InspectedBinding {
    host_port: String,
}

/// Reads null as nothing: the engines write it for empty lists and maps.
pub(crate) fn absent<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl From<Inspected> for Container {
    fn from(seen: Inspected) -> Self {
        // A container that is not running publishes nothing at the moment, but its settings say what it will.
        let bindings = if seen.network_settings.ports.is_empty() {
            seen.host_config.port_bindings
        } else {
            seen.network_settings.ports
        };
        let ports = bindings.into_iter().map(|(port, bound)| {
            let bound = bound.unwrap_or_default();
            let host = bound
                .iter()
                .filter_map(|binding| binding.host_port.parse().ok());
            (port, host.collect())
        });
        let labels = seen.config.labels;
        Self {
            name: seen.name.trim_start_matches('/').to_owned(),
            image: seen.config.image,
            status: match seen.state.status.as_str() {
                "created" | "configured" | "initialized" => Status::Created,
                "running" => Status::Running,
                "restarting" => Status::Restarting,
                "paused" | "pausing" => Status::Paused,
                "exited" | "stopped" | "stopping" => Status::Exited,
                "removing" => Status::Removing,
                _ => Status::Dead,
            },
            cluster: labels.get(CLUSTER).cloned(),
            role: labels.get(ROLE).cloned(),
            mounts: seen
                .mounts
                .into_iter()
                .map(|mount| mount.destination)
                .collect(),
            ports: ports.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected(name: &str, marker: &str) -> Container {
        let json = serde_json::json!({
            "Name": format!("/{name}"),
            "State": { "Status": "running" },
            "Config": { "Image": "kindest/node:v1", "Labels": { CLUSTER: "dot", ROLE: "worker" } },
            "HostConfig": { "PortBindings": { "80/tcp": [{ "HostIp": "", "HostPort": "81" }] } },
            "Mounts": [{ "Destination": "/var" }, { "Destination": marker }],
            "NetworkSettings": { "Ports": { "80/tcp": [{ "HostPort": "80" }, { "HostPort": "80" }], "443/tcp": null } },
        });
        serde_json::from_value::<Inspected>(json).unwrap().into()
    }

    #[test]
    fn one_marked_node_makes_a_cluster_ours() {
        let ours = "/windlass/windlass-cluster=dot/windlass-created=1";
        let clusters = group(vec![inspected("b", ""), inspected("a", ours)]);
        assert_eq!(clusters.len(), 1);
        assert_eq!(clusters[0].owner, Owner::Ours);
        assert_eq!(clusters[0].containers[0].name, "a");
        assert_eq!(clusters[0].containers[0].port(80), Some(80));
        assert_eq!(clusters[0].containers[0].port(443), None);

        let foreign = group(vec![inspected("a", "/data")]);
        assert_eq!(
            (foreign[0].owner, &foreign[0].doubt),
            (Owner::Foreign, &None)
        );
    }

    #[test]
    fn a_torn_marker_is_ours_and_another_clusters_is_not() {
        let torn = group(vec![inspected(
            "a",
            "/windlass/windlass-cluster=dot/windlass-created=x",
        )]);
        assert_eq!((torn[0].owner, &torn[0].tags), (Owner::Ours, &None));
        assert!(torn[0].doubt.as_ref().unwrap().contains("windlass-created"));

        let copied = group(vec![inspected("a", "/windlass/windlass-cluster=other")]);
        assert_eq!(copied[0].owner, Owner::Foreign);
        assert!(copied[0].doubt.as_ref().unwrap().contains("\"other\""));
    }

    #[test]
    fn nulls_of_a_stopped_container_are_nothing() {
        let json = r#"{"Name":"x","State":{"Status":"exited"},"Config":{"Labels":null},"Mounts":null,
            "HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"8080"}]}},"NetworkSettings":{"Ports":null}}"#;
        let container = Container::from(serde_json::from_str::<Inspected>(json).unwrap());
        assert_eq!(container.status, Status::Exited);
        assert_eq!(container.port(80), Some(8080));
        assert_eq!(group(vec![container]), []);
    }
}
