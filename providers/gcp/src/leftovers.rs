//! What controllers of a cluster left behind: found by labels and by the tag of the cluster's nodes, never by a list of our own.
//!
//! GKE's controllers give load balancers no labels. Each has a firewall rule that leads to the nodes, and a cluster's nodes share a
//! tag with its name in it: that proves whose the rule is, and the rule's name leads to all that hangs together with it.

use std::{collections::BTreeSet, time::Duration};

use futures::future::try_join_all;
use serde_json::Value;
use windlass_provider::{
    Change, ClusterName, Ctx, Error, Found, Observed, Outputs, Owner, Resource, ResourceId, Result,
    State, Tags,
};

use crate::{
    client::{Client, encode, pause},
    labels::{self, Pairs},
    operations,
    refusal::Answer,
    service::Service,
    want::{Left, Piece, Want},
};

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
        })
    }
}

/// Returns the cluster of the tag that its nodes share, and its mark, with which its id begins: "gke-dot-0a1b2c3d-node" is of "dot".
fn tag(text: &str) -> Option<(&str, &str)> {
    let (name, mark) = text
        .strip_prefix("gke-")?
        .strip_suffix("-node")?
        .rsplit_once('-')?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (mark.len() == 8 && mark.bytes().all(hex)).then_some((name, mark))
}

fn tagged(text: &str) -> Option<&str> {
    tag(text).map(|it| it.0)
}

fn mark(text: &str) -> Option<&str> {
    tag(text).map(|it| it.1)
}

/// Returns the cluster whose nodes a firewall rule leads to.
fn cluster_of(firewall: &Value) -> Option<&str> {
    let mut tags = firewall["targetTags"].as_array()?.iter();
    tags.find_map(|tag| tagged(tag.as_str()?))
}

/// A load balancer, as its firewall rule names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Balancer {
    /// Of a Service: all that belongs to it has its name.
    Service(String),
    /// Of Ingresses: all that belongs to it has the mark of the cluster's uid.
    Ingress(String),
}

impl Balancer {
    /// Sources: <https://github.com/kubernetes/cloud-provider-gcp/blob/master/providers/gce/gce_loadbalancer_naming.go>,
    /// <https://github.com/kubernetes/ingress-gce/blob/master/pkg/utils/namer/namer.go>
    fn of_firewall(name: &str) -> Option<Self> {
        if let Some(uid) = name.strip_prefix("k8s-fw-l7--") {
            return Some(Self::Ingress(uid.to_owned()));
        }
        let service = name.strip_prefix("k8s-fw-")?;
        Some(Self::Service(service.to_owned()))
    }

    fn has(&self, name: &str) -> bool {
        match self {
            Self::Service(own) => {
                name == own
                    || name == format!("k8s-{own}-http-hc")
                    || name == format!("k8s-fw-{own}")
            }
            Self::Ingress(uid) => {
                let short: String = uid.chars().take(8).collect();
                let newer = name.starts_with("k8s1-") || name.starts_with("k8s2-");
                let marked = name.split('-').any(|part| part == short);
                (name.starts_with("k8s-") && name.ends_with(&format!("--{uid}")))
                    || (newer && short.len() == 8 && marked)
            }
        }
    }
}

/// What of a project's compute API tells of leftovers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    firewalls: Vec<Value>,
    disks: Vec<Value>,
}

impl Survey {
    /// Leaves out the disks that lie where nobody looks. Firewall rules lie nowhere.
    pub(crate) fn look_within(&mut self, near: impl Fn(Option<&str>) -> bool) {
        self.disks.retain(|it| {
            let link = it["zone"].as_str().or(it["region"].as_str());
            near(link.and_then(|it| it.rsplit('/').next()))
        });
    }

    /// Returns what is left without that of these clusters: their mark is in the tag of their nodes, and their place on their disks.
    pub(crate) fn without(&self, clusters: &[&Value]) -> Self {
        let has = |it: &Value| {
            let tags = it["targetTags"].as_array().into_iter().flatten();
            let marks: Vec<&str> = tags.filter_map(|it| mark(it.as_str()?)).collect();
            let place = it["labels"]["goog-k8s-cluster-location"].as_str();
            clusters.iter().any(|cluster| {
                let id = cluster["id"].as_str().unwrap_or_default();
                let of_it = it["labels"]["goog-k8s-cluster-name"] == cluster["name"];
                let ours = !it["labels"][Tags::CLUSTER].is_null();
                marks.iter().any(|mark| id.starts_with(mark))
                    || of_it && !ours && place.is_none_or(|place| cluster["location"] == place)
            })
        };
        let mut rest = self.clone();
        rest.firewalls.retain(|it| !has(it));
        rest.disks.retain(|it| !has(it));
        rest
    }
}

/// Looks through a project's firewall rules and disks.
pub(crate) async fn survey(client: &Client, cx: &Ctx, project: &str) -> Answer<Survey> {
    let firewalls = collection(client, cx, project, Left::Firewall);
    let disks = collection(client, cx, project, Left::Disk);
    let (firewalls, disks) = futures::future::join(firewalls, disks).await;
    let none_where_disabled = |found: Answer<Vec<Value>>| match found {
        Err(trouble) if trouble.is_disabled() => Ok(Vec::new()),
        found => found,
    };
    Ok(Survey {
        firewalls: none_where_disabled(firewalls)?,
        disks: none_where_disabled(disks)?,
    })
}

/// Returns all of a collection of the compute API, in all places.
async fn collection(client: &Client, cx: &Ctx, project: &str, left: Left) -> Answer<Vec<Value>> {
    let kind = left.collection();
    let project = encode(project);
    let call = (Service::Compute, left.list());
    if left.is_global() {
        let path = format!("/compute/v1/projects/{project}/global/{kind}?maxResults=500");
        return client.list(cx, call, &path, "items").await;
    }
    let path = format!("/compute/v1/projects/{project}/aggregated/{kind}?maxResults=500");
    let places = client.list(cx, call, &path, "items").await?;
    let items = places
        .into_iter()
        .filter_map(|mut place| match place[kind].take() {
            Value::Array(items) => Some(items),
            _ => None,
        });
    Ok(items.flatten().collect())
}

impl Left {
    /// Returns whether there are such only for the whole world.
    fn is_global(self) -> bool {
        matches!(self, Self::Firewall | Self::HttpHealthCheck)
    }

    /// Returns the call that lists them, as permissions name it.
    fn list(self) -> &'static str {
        match self {
            Self::ForwardingRule => "forwardingRules.list",
            Self::HttpProxy => "targetHttpProxies.list",
            Self::HttpsProxy => "targetHttpsProxies.list",
            Self::UrlMap => "urlMaps.list",
            Self::BackendService => "backendServices.list",
            Self::TargetPool => "targetPools.list",
            Self::HealthCheck => "healthChecks.list",
            Self::HttpHealthCheck => "httpHealthChecks.list",
            Self::EndpointGroup => "networkEndpointGroups.list",
            Self::Address => "addresses.list",
            Self::Firewall => "firewalls.list",
            Self::Disk => "disks.list",
        }
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

/// Looks for all leftovers of a cluster, the last to go first. What a cluster that is there uses is no leftover of it, but for disks
/// and load balancers, which outlive it.
pub(crate) async fn find(
    client: &Client,
    cx: &Ctx,
    (project, cluster): (&str, &ClusterName),
    survey: &Survey,
) -> Answer<Vec<Leftover>> {
    let mut all: Vec<Leftover> = disks(survey, cluster).collect();
    let firewalls: Vec<Leftover> = survey
        .firewalls
        .iter()
        .filter(|it| cluster_of(it) == Some(cluster.as_str()))
        .filter_map(|it| Leftover::read(Left::Firewall, it))
        // GKE's own, which go with the cluster, are none of a load balancer's.
        .filter(|it| it.name.starts_with("k8s-"))
        .collect();
    let balancers: BTreeSet<Balancer> = firewalls
        .iter()
        .filter_map(|it| Balancer::of_firewall(&it.name))
        .collect();
    all.extend(firewalls);
    if balancers.is_empty() {
        return Ok(all);
    }
    let kinds = Left::ALL
        .into_iter()
        .filter(|left| !matches!(left, Left::Firewall | Left::Disk));
    let looks = kinds.map(|left| async move {
        let found = collection(client, cx, project, left).await?;
        Answer::Ok((left, found))
    });
    let mut found = try_join_all(looks).await?;
    // Reversed, this is the order in which they go.
    found.reverse();
    for (left, items) in found {
        let items = items.iter().filter_map(|it| Leftover::read(left, it));
        all.extend(items.filter(|it| balancers.iter().any(|balancer| balancer.has(&it.name))));
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
            .filter(|it| it.left > self.left && it.left != Left::Disk && self.left != Left::Disk);
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
                owner: Owner::Ours,
                differs: Vec::new(),
                outputs,
                detail: None,
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_tag_says_whose_nodes_carry_it() {
        assert_eq!(tagged("gke-dot-0a1b2c3d-node"), Some("dot"));
        assert_eq!(tagged("gke-dot-2-0a1b2c3d-node"), Some("dot-2"));
        for other in [
            "gke-dot-node",
            "gke-dot-0a1b2c3d",
            "dot-0a1b2c3d-node",
            "gke-dot-xxxxxxxx-node",
        ] {
            assert_eq!(tagged(other), None, "{other}");
        }
    }

    #[test]
    fn what_belongs_to_a_load_balancer_has_its_mark() {
        let service = Balancer::of_firewall("k8s-fw-a0123").unwrap();
        assert!(service.has("a0123") && service.has("k8s-a0123-http-hc"));
        assert!(!service.has("a01234") && !service.has("k8s-fw-a9"));
        let ingress = Balancer::of_firewall("k8s-fw-l7--0123456789abcdef").unwrap();
        assert!(ingress.has("k8s2-fr-01234567-default-web-0a0b0c0d"));
        assert!(ingress.has("k8s1-01234567-default-web-80-0a0b0c0d"));
        assert!(ingress.has("k8s-be-30080--0123456789abcdef"));
        assert!(!ingress.has("k8s2-fr-76543210-default-web-0a0b0c0d") && !ingress.has("01234567"));
        assert_eq!(Balancer::of_firewall("default-allow-ssh"), None);
    }

    #[test]
    fn only_disks_of_volumes_of_the_cluster_are_leftovers() {
        let disk = |labels: Value, about: &str| {
            json!({
                "name": "d", "selfLink": "https://x/compute/v1/projects/p/zones/z/disks/d",
                "labels": labels, "description": about,
            })
        };
        let cluster: ClusterName = "dot".parse().unwrap();
        let volume = r#"{"kubernetes.io/created-for/pv/name":"pvc-1"}"#;
        for (labels, about, wanted) in [
            (
                json!({ "goog-k8s-cluster-name": "dot", "goog-gke-volume": "" }),
                "",
                true,
            ),
            (json!({ "windlass-cluster": "dot" }), volume, true),
            (json!({ "goog-k8s-cluster-name": "dot" }), "", false),
            (
                json!({ "goog-k8s-cluster-name": "dot-2", "goog-gke-volume": "" }),
                volume,
                false,
            ),
            (json!({}), volume, false),
        ] {
            let survey = Survey {
                disks: vec![disk(labels.clone(), about)],
                ..Survey::default()
            };
            assert_eq!(disks(&survey, &cluster).count() == 1, wanted, "{labels}");
        }
    }

    #[test]
    fn what_is_of_a_namesake_is_no_leftover() {
        let firewall =
            |mark: &str| json!({ "name": mark, "targetTags": [format!("gke-dot-{mark}-node")] });
        let disk = |labels: Value| json!({ "name": "d", "labels": labels, "zone": "https://x/zones/us-east1-b" });
        let at = |place: &str| {
            disk(json!({ "goog-k8s-cluster-name": "dot", "goog-k8s-cluster-location": place }))
        };
        let mut survey = Survey {
            firewalls: vec![firewall("0a1b2c3d"), firewall("ffffffff")],
            disks: vec![
                at("us-east1"),
                at("us-west1"),
                disk(json!({ "goog-k8s-cluster-name": "dot", "windlass-cluster": "dot" })),
                disk(json!({ "goog-k8s-cluster-name": "dot" })),
            ],
        };
        let theirs = json!({ "name": "dot", "location": "us-east1", "id": "0a1b2c3d4e5f" });
        let rest = survey.without(&[&theirs]);
        assert_eq!((rest.firewalls.len(), rest.disks.len()), (1, 2));
        assert_eq!(rest.firewalls[0]["name"], "ffffffff");
        assert_eq!(survey.without(&[]).disks.len(), 4);
        survey.look_within(|place| place == Some("us-west1-a"));
        assert_eq!((survey.firewalls.len(), survey.disks.len()), (2, 0));
    }
}
