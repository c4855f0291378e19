//! What there is in a world: the entries of its log, and the state that they add up to.
//!
//! Kubernetes objects are part of it only while a log is read: afterwards they live in their cluster's API server.

use crate::{aws::Thing, kube};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The format of the log; a change of meaning bumps it.
pub(crate) const FORMAT: u32 = 1;

/// One line of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// When.
    #[serde(rename = "t")]
    pub(crate) at: Timestamp,
    /// What; `None` = only time went by.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub(crate) what: Option<Entry>,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Entry {
    Opened {
        format: u32,
        port: u16,
    },
    Container(Box<Container>),
    ContainerGone {
        name: String,
    },
    Cluster(Cluster),
    ClusterGone {
        name: String,
    },
    Object {
        cluster: String,
        record: kube::Record,
    },
    Image {
        image: String,
    },
    Machine(Faults),
    /// Whether the clusters of this machine have load balancers, too, as with cloud-provider-kind.
    Balancers(bool),
    Repository(Repository),
    Asset(Asset),
    AssetGone {
        id: String,
    },
    Past(Life),
    /// Something of the simulated AWS account.
    Thing(Box<Thing>),
    ThingGone {
        region: String,
        kind: String,
        id: String,
    },
}

/// A container that stands for a node of a kind cluster, or for its load balancer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) cluster: String,
    pub(crate) role: Role,
    pub(crate) image: String,
    pub(crate) status: Status,
    pub(crate) created: Timestamp,
    pub(crate) started: Timestamp,
    pub(crate) finished: Option<Timestamp>,
    pub(crate) ports: Vec<Port>,
    pub(crate) mounts: Vec<Mount>,
    /// The anonymous volume under /var.
    pub(crate) volume: String,
    pub(crate) address: String,
    /// Labels of the node, from kind's configuration.
    pub(crate) labels: BTreeMap<String, String>,
    /// Taints of the node, as `key=value:effect`.
    pub(crate) taints: Vec<String>,
    /// Whether it has become a node: kubeadm has written its kubelet's configuration, which stays in it.
    #[serde(default)]
    pub(crate) joined: bool,
}

/// What a container does in its cluster, as kind's role label says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Role {
    ControlPlane,
    Worker,
    ExternalLoadBalancer,
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
            Self::ExternalLoadBalancer => "external-load-balancer",
        }
    }
}

/// The state of a container, as docker words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Created,
    Running,
    Paused,
    Exited,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Exited => "exited",
        }
    }
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Port {
    pub(crate) container: u16,
    pub(crate) host: u16,
    pub(crate) address: String,
    pub(crate) protocol: String,
}

/// A bind mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mount {
    pub(crate) source: String,
    pub(crate) destination: String,
    pub(crate) read_only: bool,
}

/// A cluster whose API server has been started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) token: String,
    /// As in "v1.36.1".
    pub(crate) version: String,
    pub(crate) created: Timestamp,
    /// Whether its platform has load balancers, as a cloud has; kind has none.
    #[serde(default)]
    pub(crate) balancers: bool,
    /// Where it runs in the simulated AWS; `None` = on this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) eks: Option<Eks>,
    /// Which managed cluster of the simulated Azure it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) aks: Option<Aks>,
    /// Where it runs in the simulated Google Cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) google: Option<Gke>,
}

/// Which cluster of AKS an API server is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aks {
    /// The path of the managed cluster.
    pub(crate) id: String,
}

/// Where a cluster of GKE runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gke {
    pub(crate) project: String,
    pub(crate) location: String,
    /// What GKE calls it: the name of its API server is another.
    pub(crate) name: String,
}

/// Where a cluster of EKS runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Eks {
    pub(crate) region: String,
    /// What EKS calls it: the name of its API server is another.
    pub(crate) name: String,
}

/// How the machine misbehaves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Faults {
    /// Whether the docker daemon answers.
    pub(crate) docker: Docker,
    /// Host ports that something else holds.
    pub(crate) taken_ports: BTreeSet<u16>,
    /// The stage of `kind create cluster` that fails.
    pub(crate) fail_create: Option<Stage>,
    /// The disk is full: images cannot be pulled, containers not be made.
    pub(crate) no_space: bool,
    /// No registry can be reached: images that are not there yet cannot be pulled.
    pub(crate) offline: bool,
}

/// The docker daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Docker {
    #[default]
    Ok,
    Stopped,
    Absent,
}

/// A stage of `kind create cluster`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stage {
    Image,
    Nodes,
    Config,
    ControlPlane,
    Cni,
    StorageClass,
    Workers,
}

/// A Git repository that exists in this world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repository {
    pub(crate) url: String,
    #[serde(default = "main_branch")]
    pub(crate) branch: String,
    /// Contents by path.
    pub(crate) files: BTreeMap<String, String>,
    /// Tags, all of them at the head of the branch.
    #[serde(default)]
    pub(crate) tags: BTreeSet<String>,
    /// Whether nobody said what is in it: it then has every branch, tag and commit, and every folder, with nothing in it.
    #[serde(default)]
    pub(crate) assumed: bool,
}

impl Repository {
    /// Returns one of which nothing is known but its URL.
    pub(crate) fn assumed(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            branch: main_branch(),
            files: BTreeMap::new(),
            tags: BTreeSet::new(),
            assumed: true,
        }
    }
}

fn main_branch() -> String {
    "main".to_owned()
}

/// Something outside of a cluster that a controller within it made: a load balancer, a disk, what Crossplane manages. It outlives
/// its cluster: what nobody deletes is left over in the cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asset {
    /// "load-balancer", "volume", or a kind of managed resources.
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) cluster: String,
    /// The object for which it was made, as "Service default/web".
    pub(crate) maker: String,
    pub(crate) created: Timestamp,
}

/// From when to when a container or a cluster was alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Life {
    /// "container", "cluster", or a kind of things in AWS.
    pub(crate) what: String,
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) born: Timestamp,
    pub(crate) died: Option<Timestamp>,
}

/// Everything alive, and who has lived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Site {
    pub(crate) port: u16,
    pub(crate) containers: BTreeMap<String, Container>,
    pub(crate) clusters: BTreeMap<String, Cluster>,
    pub(crate) images: BTreeSet<String>,
    pub(crate) faults: Faults,
    pub(crate) balancers: bool,
    pub(crate) repositories: BTreeMap<String, Repository>,
    /// By id.
    pub(crate) assets: BTreeMap<String, Asset>,
    /// What is in the simulated AWS account, by region, kind and id.
    pub(crate) things: BTreeMap<String, Thing>,
    pub(crate) lives: Vec<Life>,
}

/// The objects of the clusters, by cluster, as a log is read.
pub(crate) type Objects = BTreeMap<String, BTreeMap<kube::Key, kube::Record>>;

impl Site {
    /// Takes one entry over. Objects are the business of [`remember`].
    pub(crate) fn take(&mut self, at: Timestamp, entry: Entry) {
        match entry {
            Entry::Opened { port, .. } => self.port = port,
            Entry::Container(container) => {
                let known = self.containers.get(&container.name);
                if known.is_none_or(|known| known.id != container.id) {
                    self.bear(
                        "container",
                        &container.name,
                        &container.id,
                        container.created,
                    );
                }
                self.containers.insert(container.name.clone(), *container);
            }
            Entry::ContainerGone { name } => {
                self.containers.remove(&name);
                self.bury("container", &name, at);
            }
            Entry::Cluster(cluster) => {
                let known = self.clusters.get(&cluster.name);
                if known.is_none_or(|known| known.id != cluster.id) {
                    self.bear("cluster", &cluster.name, &cluster.id, cluster.created);
                }
                self.clusters.insert(cluster.name.clone(), cluster);
            }
            Entry::ClusterGone { name } => {
                self.clusters.remove(&name);
                self.bury("cluster", &name, at);
            }
            Entry::Object { .. } => {}
            Entry::Image { image } => {
                self.images.insert(image);
            }
            Entry::Machine(faults) => self.faults = faults,
            Entry::Balancers(there) => self.balancers = there,
            Entry::Repository(repository) => {
                self.repositories.insert(repository.url.clone(), repository);
            }
            Entry::Asset(asset) => {
                self.assets.insert(asset.id.clone(), asset);
            }
            Entry::AssetGone { id } => {
                self.assets.remove(&id);
            }
            Entry::Past(life) => self.lives.push(life),
            Entry::Thing(thing) => {
                let key = Thing::key(&thing.region, &thing.kind, &thing.id);
                let known = self.things.get(&key).and_then(Thing::life);
                match (known, thing.life()) {
                    (None, Some((name, id))) => {
                        self.bear(&thing.kind, &name, &id, thing.created);
                    }
                    (Some((name, _)), None) => self.bury(&thing.kind, &name, at),
                    _ => {}
                }
                self.things.insert(key, *thing);
            }
            Entry::ThingGone { region, kind, id } => {
                let gone = self.things.remove(&Thing::key(&region, &kind, &id));
                if let Some((name, _)) = gone.as_ref().and_then(Thing::life) {
                    self.bury(&kind, &name, at);
                }
            }
        }
    }

    /// Returns the entries that add up to this state, with when each began.
    pub(crate) fn entries(&self, now: Timestamp) -> Vec<(Timestamp, Entry)> {
        let mut entries = Vec::new();
        let past = self.lives.iter().filter(|life| life.died.is_some());
        entries.extend(past.map(|life| (life.born, Entry::Past(life.clone()))));
        let containers = self.containers.values().cloned();
        entries.extend(containers.map(|it| (it.created, Entry::Container(Box::new(it)))));
        let clusters = self.clusters.values().cloned();
        entries.extend(clusters.map(|cluster| (cluster.created, Entry::Cluster(cluster))));
        let images = self.images.iter().cloned();
        entries.extend(images.map(|image| (now, Entry::Image { image })));
        let repositories = self.repositories.values().cloned();
        entries.extend(repositories.map(|repository| (now, Entry::Repository(repository))));
        let assets = self.assets.values().cloned();
        entries.extend(assets.map(|asset| (asset.created, Entry::Asset(asset))));
        let things = self.things.values().cloned();
        entries.extend(things.map(|it| (it.created, Entry::Thing(Box::new(it)))));
        if self.balancers {
            entries.push((now, Entry::Balancers(true)));
        }
        if self.faults != Faults::default() {
            entries.push((now, Entry::Machine(self.faults.clone())));
        }
        entries
    }

    fn bear(&mut self, what: &str, name: &str, id: &str, born: Timestamp) {
        self.lives.push(Life {
            what: what.to_owned(),
            name: name.to_owned(),
            id: id.to_owned(),
            born,
            died: None,
        });
    }

    fn bury(&mut self, what: &str, name: &str, died: Timestamp) {
        let living =
            |life: &&mut Life| life.what == what && life.name == name && life.died.is_none();
        if let Some(life) = self.lives.iter_mut().rev().find(living) {
            life.died = Some(died);
        }
    }
}

/// Takes what an entry says of objects over. The record of the highest revision is kept even where it is a removal, so that
/// revisions never repeat.
pub(crate) fn remember(objects: &mut Objects, entry: &Entry) {
    match entry {
        Entry::Object { cluster, record } => {
            let records = objects.entry(cluster.clone()).or_default();
            records.retain(|key, known| known.object.is_some() || *key == record.key);
            records.insert(record.key.clone(), record.clone());
        }
        Entry::ClusterGone { name } => {
            objects.remove(name);
        }
        _ => {}
    }
}
