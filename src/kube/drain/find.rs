//! What there is to drain: found afresh each time, for controllers and people go on making things.

use std::collections::BTreeSet;

use serde_json::Value;
use windlass_provider::{Ctx, Result};

use super::Target;
use crate::kube::{Cluster, Kind, ObjectRef, Selector};

/// The groups of Azure Service Operator: each object there is a resource of Azure.
pub(super) const ASO: &str = ".azure.com";
/// What helm-controller labels the objects of a release with.
const HELM: &str = "helm.toolkit.fluxcd.io";

impl Cluster {
    /// Returns what there is of a target; for [`Target::Volumes`] the disks of clouds.
    ///
    /// # Errors
    /// Those of the API.
    pub async fn find_drainable(&self, cx: &Ctx, target: Target) -> Result<Vec<Value>> {
        match target {
            Target::Claims => {
                self.list_where(cx, |kind| kind.is_in("claim") || kind.is_in("composite"))
                    .await
            }
            Target::Managed => {
                self.list_where(cx, |kind| {
                    kind.is_in("managed") || kind.group().ends_with(ASO)
                })
                .await
            }
            Target::Releases => self.find_releases(cx).await,
            Target::Network => self.find_network(cx).await,
            Target::Volumes => self.find_volumes(cx).await,
        }
    }

    /// Lists the objects of all kinds that `wanted` chooses, side by side.
    async fn list_where(&self, cx: &Ctx, wanted: impl Fn(&Kind) -> bool) -> Result<Vec<Value>> {
        let kinds = self.list_kinds(cx, wanted).await?;
        let everything = Selector::default();
        let lists = kinds
            .iter()
            .map(|kind| self.list(cx, kind, None, &everything));
        let found = futures::future::try_join_all(lists).await?;
        Ok(found.into_iter().flatten().collect())
    }

    pub(super) async fn list_of(
        &self,
        cx: &Ctx,
        api_version: &str,
        kind: &str,
    ) -> Result<Vec<Value>> {
        match self.find_kind(cx, api_version, kind).await? {
            Some(kind) => self.list(cx, &kind, None, &Selector::default()).await,
            None => Ok(Vec::new()),
        }
    }

    async fn find_network(&self, cx: &Ctx) -> Result<Vec<Value>> {
        let (services, ingresses, gateways) = futures::try_join!(
            self.list_of(cx, "v1", "Service"),
            self.list_of(cx, "networking.k8s.io/v1", "Ingress"),
            self.list_of(cx, "gateway.networking.k8s.io/v1", "Gateway"),
        )?;
        let balancers = services
            .into_iter()
            .filter(|service| service["spec"]["type"] == "LoadBalancer");
        Ok(balancers.chain(ingresses).chain(gateways).collect())
    }

    /// Returns the volumes that are disks of a cloud and go with their claims; one on the node's own disk goes with the node.
    async fn find_volumes(&self, cx: &Ctx) -> Result<Vec<Value>> {
        let volumes = self.list_of(cx, "v1", "PersistentVolume").await?;
        Ok(volumes.into_iter().filter(is_disk).collect())
    }

    /// Returns the releases whose objects hold something outside of the cluster. Beneath a release that stays, helm-controller
    /// would bring them back.
    async fn find_releases(&self, cx: &Ctx) -> Result<Vec<Value>> {
        let (releases, network, volumes) = futures::try_join!(
            self.list_of(cx, "helm.toolkit.fluxcd.io/v2", "HelmRelease"),
            self.find_network(cx),
            self.find_volumes(cx),
        )?;
        if releases.is_empty() {
            return Ok(Vec::new());
        }
        let users = match deletable(&volumes).next() {
            Some(_) => self.find_users(cx, &claims_of(&volumes)).await?.owners,
            None => Vec::new(),
        };
        let holding: BTreeSet<(String, String)> = network
            .iter()
            .chain(&users)
            .filter_map(release_of)
            .collect();
        let name = |release: &Value, field: &str| {
            release["metadata"][field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        Ok(releases
            .into_iter()
            .filter(|release| {
                holding.contains(&(name(release, "namespace"), name(release, "name")))
            })
            .collect())
    }

    /// Returns who uses claims: the pods that mount them, and what keeps those pods alive.
    pub(super) async fn find_users(&self, cx: &Ctx, claims: &[ObjectRef]) -> Result<Users> {
        let pods = self.list_of(cx, "v1", "Pod").await?;
        let pods: Vec<Value> = pods
            .into_iter()
            .filter(|pod| {
                super::chain::mounted(pod).any(|name| {
                    claims.iter().any(|claim| {
                        claim.name == name
                            && pod["metadata"]["namespace"].as_str() == claim.namespace.as_deref()
                    })
                })
            })
            .collect();
        let mut owners: Vec<Value> = Vec::new();
        for pod in &pods {
            let mut at = pod.clone();
            // Pod → ReplicaSet → Deployment, Pod → Job → CronJob; an operator's own object stands above those.
            while let Some(owner) = self.owner_of(cx, &at).await? {
                at = owner;
            }
            if ObjectRef::of(&at) != ObjectRef::of(pod) && !owners.contains(&at) {
                owners.push(at);
            }
        }
        Ok(Users { pods, owners })
    }

    /// Returns the object that controls another, where it is there.
    async fn owner_of(&self, cx: &Ctx, object: &Value) -> Result<Option<Value>> {
        let owners = object["metadata"]["ownerReferences"].as_array();
        let owner = owners
            .into_iter()
            .flatten()
            .find(|owner| owner["controller"] == true);
        let text = |field: &str| owner.and_then(|owner| owner[field].as_str());
        let (Some(api_version), Some(kind), Some(name)) =
            (text("apiVersion"), text("kind"), text("name"))
        else {
            return Ok(None);
        };
        let namespace = object["metadata"]["namespace"].as_str();
        let name = ObjectRef {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        };
        self.get(cx, &name).await
    }
}

/// Who uses claims.
pub(super) struct Users {
    pub(super) pods: Vec<Value>,
    /// What made those pods, and would make them again.
    pub(super) owners: Vec<Value>,
}

/// Returns those of `found` that nothing else of it belongs to: children go before their parents.
pub(super) fn leaves(found: &[Value]) -> Vec<&Value> {
    let parents: BTreeSet<&str> = found.iter().flat_map(owner_uids).collect();
    let is_parent = |object: &&Value| {
        let uid = object["metadata"]["uid"].as_str();
        uid.is_some_and(|uid| parents.contains(uid))
    };
    let leaves: Vec<&Value> = found.iter().filter(|object| !is_parent(object)).collect();
    // A ring has none.
    if leaves.is_empty() {
        found.iter().collect()
    } else {
        leaves
    }
}

/// Returns those of `found` that belong to nothing else of it: composites that others made go with those.
pub(super) fn roots(found: &[Value]) -> Vec<&Value> {
    let uids: BTreeSet<&str> = found
        .iter()
        .filter_map(|object| object["metadata"]["uid"].as_str())
        .collect();
    let roots: Vec<&Value> = found
        .iter()
        .filter(|object| {
            !owner_uids(object).any(|uid| uids.contains(uid))
                // A claim is bound to its composite by name.
                && object["spec"]["claimRef"].is_null()
        })
        .collect();
    if roots.is_empty() {
        found.iter().collect()
    } else {
        roots
    }
}

pub(super) fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    object["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|owner| owner["uid"].as_str())
}

/// Tells whether a volume is a disk of a cloud, and not a folder of a node or a share of somebody's server.
fn is_disk(volume: &Value) -> bool {
    const DISKS: [&str; 6] = [
        "csi",
        "awsElasticBlockStore",
        "gcePersistentDisk",
        "azureDisk",
        "azureFile",
        "cinder",
    ];
    DISKS
        .iter()
        .any(|source| volume["spec"][source].is_object())
}

/// Returns the volumes that go with their claims; the others are to be kept.
pub(super) fn deletable(volumes: &[Value]) -> impl Iterator<Item = &Value> {
    volumes.iter().filter(|volume| is_deletable(volume))
}

/// Tells whether a volume goes with its claim.
pub(super) fn is_deletable(volume: &Value) -> bool {
    volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
}

/// Returns the claims of the volumes that go with them.
pub(super) fn claims_of(volumes: &[Value]) -> Vec<ObjectRef> {
    deletable(volumes)
        .filter_map(|volume| {
            let claim = &volume["spec"]["claimRef"];
            Some(ObjectRef::namespaced(
                "v1",
                "PersistentVolumeClaim",
                claim["namespace"].as_str()?,
                claim["name"].as_str()?,
            ))
        })
        .collect()
}

/// Returns namespace and name of the release that an object is part of.
fn release_of(object: &Value) -> Option<(String, String)> {
    let label = |name: &str| {
        object["metadata"]["labels"][format!("{HELM}/{name}")]
            .as_str()
            .map(str::to_owned)
    };
    Some((label("namespace")?, label("name")?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, owner: Option<&str>) -> Value {
        let owners: Vec<Value> = owner.iter().map(|uid| json!({ "uid": uid })).collect();
        json!({ "metadata": { "name": name, "uid": name, "ownerReferences": owners } })
    }

    fn names(objects: Vec<&Value>) -> Vec<&str> {
        objects
            .into_iter()
            .filter_map(|object| object["metadata"]["name"].as_str())
            .collect()
    }

    #[test]
    fn children_go_before_their_parents_and_composites_with_their_makers() {
        let all = [
            object("group", None),
            object("server", Some("group")),
            object("database", Some("server")),
            object("alone", Some("somebody-else")),
        ];
        assert_eq!(names(leaves(&all)), ["database", "alone"]);
        assert_eq!(names(roots(&all)), ["group", "alone"]);
        let ring = [object("a", Some("b")), object("b", Some("a"))];
        assert_eq!(names(leaves(&ring)), ["a", "b"]);
        assert_eq!(names(roots(&ring)), ["a", "b"]);
    }

    #[test]
    fn only_disks_of_clouds_are_drained() {
        let volume = |source: &str, policy: &str| {
            json!({ "spec": {
                source: {}, "persistentVolumeReclaimPolicy": policy,
                "claimRef": { "namespace": "a", "name": "data" },
            } })
        };
        assert!(is_disk(&volume("csi", "Delete")));
        assert!(!is_disk(&volume("hostPath", "Delete")));
        assert!(!is_disk(&volume("local", "Delete")));
        let volumes = [volume("csi", "Delete"), volume("csi", "Retain")];
        assert_eq!(
            claims_of(&volumes),
            [ObjectRef::namespaced(
                "v1",
                "PersistentVolumeClaim",
                "a",
                "data"
            )]
        );
    }
}
