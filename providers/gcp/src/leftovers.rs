//! What controllers of a cluster left behind: found by labels and by the cluster's nodes, never by a list of our own.
//!
//! GKE's controllers give load balancers no labels. Most have a firewall rule that leads to the nodes, and a cluster's nodes share a
//! tag with its name in it; others have a target pool, or a group of instances or endpoints, which names the nodes themselves. That
//! proves whose the part is, and its name, and what hangs on it, lead to all that hangs together with it. Where the name of a node may
//! be that of another cluster's, too, the part is told and not deleted.

mod balancers;
mod nodes;
mod survey;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::try_join_all;
use serde_json::Value;
use windlass_provider::{
    Change, ClusterName, Ctx, Error, Found, Observed, Outputs, Owner, Resource, ResourceId, Result,
    State,
};

pub(crate) use nodes::Nodes;
pub(crate) use survey::{Survey, survey};

use crate::{
    client::{Client, pause},
    labels::{self, Pairs},
    operations,
    refusal::Answer,
    service::Service,
    want::{Left, Piece, Want},
};
use balancers::Balancer;
use nodes::{Proof, cluster_of};
use survey::collection;

/// How long something may hang on something else that is just going.
const DEPENDENCIES: Duration = Duration::from_secs(10 * 60);
/// How often it is tried again.
const POLL: Duration = Duration::from_secs(10);

/// Something that was left behind.
#[derive(Clone, Debug)]
pub(crate) struct Leftover {
    pub(crate) left: Left,
    /// Its path in the compute API: "projects/p/regions/r/addresses/a".
    path: String,
    name: String,
    labels: Pairs,
    /// What it says it was made for.
    about: Value,
    /// How sure it is that it is the cluster's.
    proof: Proof,
}

impl Leftover {
    fn read(left: Left, it: &Value) -> Option<Self> {
        let link = it["selfLink"].as_str()?;
        let (_, path) = link.split_once("/compute/v1/")?;
        let about = it["description"].as_str().unwrap_or_default();
        Some(Self {
            left,
            path: path.to_owned(),
            name: it["name"].as_str()?.to_owned(),
            labels: labels::of(&it["labels"]),
            about: serde_json::from_str(about).unwrap_or_default(),
            proof: Proof::Proven,
        })
    }

    /// Returns whether it is proven to be the cluster's.
    pub(crate) fn is_proven(&self) -> bool {
        self.proof == Proof::Proven
    }
}

/// Returns the clusters of which something is left.
pub(crate) fn clusters(survey: &Survey) -> BTreeSet<ClusterName> {
    let disks = survey.disks.iter().filter_map(|it| {
        let labels = labels::of(&it["labels"]);
        labels.get(windlass_provider::Tags::CLUSTER)?.parse().ok()
    });
    disks.collect()
}

/// Returns the disks of a cluster's volumes.
fn disks<'a>(survey: &'a Survey, cluster: &'a ClusterName) -> impl Iterator<Item = Leftover> + 'a {
    let all = survey.disks.iter();
    let all = all.filter(|it| it["status"] != "DELETING");
    all.filter_map(|it| Leftover::read(Left::Disk, it))
        .filter(|it| {
            let says = |key: &str| it.labels.get(key).map(String::as_str);
            let ours = says("goog-k8s-cluster-name") == Some(cluster.as_str())
                || labels::is_of(&it.labels, cluster);
            // The disk of a node goes with its node.
            let volume = it.labels.contains_key("goog-gke-volume")
                || it.about["kubernetes.io/created-for/pv/name"].is_string();
            ours && volume
        })
}

/// The load balancers of a cluster, each with how sure it is that it is.
type Balancers = BTreeMap<Balancer, Proof>;

/// Adds a load balancer, unless it is known better already.
fn add(all: &mut Balancers, balancer: Balancer, proof: Proof) {
    let known = all.entry(balancer).or_insert(proof);
    *known = (*known).max(proof);
}

fn proof_of(all: &Balancers, name: &str) -> Option<Proof> {
    let of_it = all.iter().filter(|(balancer, _)| balancer.has(name));
    of_it.map(|(_, proof)| *proof).max()
}

/// Returns the load balancers of which a part names the cluster's nodes.
async fn balancers(
    client: &Client,
    cx: &Ctx,
    cluster: &ClusterName,
    (survey, nodes): (&Survey, &Nodes),
) -> Answer<Balancers> {
    let mut all = Balancers::new();
    let name = |it: &Value| it["name"].as_str().unwrap_or_default().to_owned();
    for firewall in &survey.firewalls {
        if cluster_of(firewall) == Some(cluster.as_str())
            && let Some(balancer) = Balancer::of_firewall(&name(firewall))
        {
            add(&mut all, balancer, Proof::Proven);
        }
    }
    for pool in &survey.pools {
        let links = pool["instances"].as_array().into_iter().flatten();
        let proof = nodes.judge_all(cluster.as_str(), links.filter_map(Value::as_str));
        if let (Some(balancer), Some(proof)) = (Balancer::of(&name(pool)), proof) {
            add(&mut all, balancer, proof);
        }
    }
    let groups = survey.groups.iter().map(|it| (Left::InstanceGroup, it));
    let endpoints = survey.endpoints.iter().map(|it| (Left::EndpointGroup, it));
    let mut known = BTreeSet::new();
    for (left, group) in groups.chain(endpoints) {
        let Some(balancer) = Balancer::of(&name(group)) else {
            continue;
        };
        // Groups of no zone hold no nodes.
        let is_empty = group["zone"].is_null() || group["size"] == 0;
        // One group is enough to know all of a mark.
        let is_known =
            known.contains(&balancer) || proof_of(&all, &name(group)) == Some(Proof::Proven);
        if is_empty || is_known {
            continue;
        }
        let Some(group) = Leftover::read(left, group) else {
            continue;
        };
        let links = survey.members(client, cx, left, &group.path).await?;
        if !links.is_empty() {
            known.insert(balancer.clone());
        }
        let links = links.iter().map(String::as_str);
        if let Some(proof) = nodes.judge_all(cluster.as_str(), links) {
            add(&mut all, balancer, proof);
        }
    }
    Ok(all)
}

/// Returns whether something hangs on one of these links.
fn hangs_on(it: &Value, links: &BTreeSet<&str>) -> bool {
    match it {
        Value::String(text) => links.contains(text.as_str()),
        Value::Array(items) => items.iter().any(|it| hangs_on(it, links)),
        Value::Object(fields) => fields
            .iter()
            .any(|(key, it)| key != "selfLink" && hangs_on(it, links)),
        _ => false,
    }
}

/// Adds the load balancers of which a part hangs on a part that is known: those of Ingresses carry another mark in front than behind.
fn follow(all: &mut Balancers, parts: &[(Left, Vec<Value>)]) {
    let parts: Vec<(&str, &str, &Value)> = parts
        .iter()
        .flat_map(|(_, items)| items)
        .filter_map(|it| Some((it["name"].as_str()?, it["selfLink"].as_str()?, it)))
        .collect();
    loop {
        let mut new = Balancers::new();
        for proof in [Proof::Likely, Proof::Proven] {
            let known = parts.iter();
            let known = known.filter(|(name, ..)| proof_of(all, name) == Some(proof));
            let links: BTreeSet<&str> = known.map(|(_, link, _)| *link).collect();
            let users = parts.iter().filter(|(name, _, it)| {
                proof_of(all, name).is_none_or(|known| known < proof) && hangs_on(it, &links)
            });
            for (name, ..) in users {
                if let Some(balancer) = Balancer::of(name) {
                    add(&mut new, balancer, proof);
                }
            }
        }
        if new.is_empty() {
            return;
        }
        for (balancer, proof) in new {
            add(all, balancer, proof);
        }
    }
}

/// Looks for all leftovers of a cluster, the last to go first. What a cluster that is there uses is no leftover of it, but for disks
/// and load balancers, which outlive it.
pub(crate) async fn find(
    client: &Client,
    cx: &Ctx,
    (project, cluster): (&str, &ClusterName),
    known: (&Survey, &Nodes),
) -> Answer<Vec<Leftover>> {
    let survey = known.0;
    let mut all: Vec<Leftover> = disks(survey, cluster).collect();
    let mut balancers = balancers(client, cx, cluster, known).await?;
    if balancers.is_empty() {
        return Ok(all);
    }
    let kinds = Left::ALL.into_iter().filter(|left| *left != Left::Disk);
    let looks = kinds.map(|left| async move {
        let found = match left {
            Left::Firewall => survey.firewalls.clone(),
            Left::TargetPool => survey.pools.clone(),
            Left::InstanceGroup => survey.groups.clone(),
            Left::EndpointGroup => survey.endpoints.clone(),
            left => collection(client, cx, project, left).await?,
        };
        Answer::Ok((left, found))
    });
    let mut found = try_join_all(looks).await?;
    follow(&mut balancers, &found);
    // Reversed, this is the order in which they go.
    found.reverse();
    for (left, items) in &found {
        let items = items.iter().filter_map(|it| Leftover::read(*left, it));
        all.extend(items.filter_map(|it| {
            let proof = proof_of(&balancers, &it.name)?;
            Some(Leftover { proof, ..it })
        }));
    }
    Ok(all)
}

impl Leftover {
    /// Returns the id of its resource.
    fn resource_id(&self) -> ResourceId {
        let kind = self.left.kind().to_lowercase().replace(' ', "-");
        // One name may be there in several places.
        let place = self
            .path
            .split('/')
            .rev()
            .nth(2)
            .filter(|it| *it != "global");
        let place = place.map(|it| format!("-{it}")).unwrap_or_default();
        ResourceId::new(format!("{kind}-{}{place}", self.name))
    }

    /// Returns what was found. `others` are all leftovers of the cluster.
    pub(crate) fn found(
        &self,
        cluster: &ClusterName,
        (project, location): (&str, &str),
        others: &[Self],
    ) -> Result<Found> {
        // What is below in the order of deletion hangs on what is above.
        let below = others
            .iter()
            .filter(|it| it.left > self.left && it.left != Left::Disk && self.left != Left::Disk)
            .filter(|it| it.proof == self.proof);
        let want = Want {
            project: project.to_owned(),
            location: location.to_owned(),
            piece: Piece::Leftover(self.left, self.path.clone()),
        };
        let needs = below.map(Self::resource_id).collect();
        let resource = want.resource(cluster, self.resource_id(), self.name.clone(), needs)?;
        let (_, tags, _) = labels::judge(&self.labels);
        let mut outputs = Outputs::new();
        for (key, about) in [
            ("volume", "kubernetes.io/created-for/pv/name"),
            ("claim", "kubernetes.io/created-for/pvc/name"),
            ("claim-namespace", "kubernetes.io/created-for/pvc/namespace"),
            ("service", "kubernetes.io/service-name"),
        ] {
            if let Some(value) = self.about[about].as_str() {
                outputs.insert(key.to_owned(), value.to_owned());
            }
        }
        Ok(Found {
            resource,
            observed: Observed {
                state: State::Ready,
                owner: match self.proof {
                    Proof::Proven => Owner::Ours,
                    Proof::Likely => Owner::Unproven,
                },
                differs: Vec::new(),
                outputs,
                detail: (self.proof == Proof::Likely).then(|| {
                    format!("it leads to nodes whose names may be those of {cluster}, or of another cluster that is gone")
                }),
                unused: true,
            },
            tags,
        })
    }
}

/// Reads whether a leftover is still there.
pub(crate) async fn observe(client: &Client, cx: &Ctx, path: &str) -> Result<Observed> {
    let call = (Service::Compute, "get");
    let found = client
        .find(cx, call, &format!("/compute/v1/{path}"))
        .await?;
    Ok(match found {
        None => Observed::missing(),
        Some(_) => Observed {
            state: State::Ready,
            ..Observed::missing()
        },
    })
}

/// Deletes a leftover. Absence is success.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    (left, path): (Left, &str),
) -> Result<Change> {
    let name = &resource.name;
    let what = format!("deleting {} {name}", left.kind());
    let path = format!("/compute/v1/{path}");
    let until = cx.clock.now() + DEPENDENCIES;
    loop {
        let call = (Service::Compute, "delete");
        match client.call(cx, call, ("DELETE", &path), None).await {
            Ok(begun) => {
                operations::compute(client, cx, &begun, &what).await?;
                return Ok(Change::Removed);
            }
            Err(trouble) if trouble.is_missing() || trouble.is_disabled() => {
                return Ok(Change::Absent);
            }
            // It still hangs on something that is going.
            Err(trouble) if trouble.is_used() && cx.clock.now() < until => {
                cx.progress.say(format!("{what}: something still uses it"));
                pause(cx, &what, POLL).await?;
            }
            Err(trouble) => {
                let error = Error::from(trouble);
                return Err(error.context(format!("cannot delete {} \"{name}\"", left.kind())));
            }
        }
    }
}
