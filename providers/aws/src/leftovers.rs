//! What controllers of a cluster left behind: found by their tags and by the VPC that they are in, never by a list of our own.
//!
//! Nobody else's is touched: a thing counts only where its tags name the cluster, or where it lies in a VPC that windlass made and says
//! itself that a controller of EKS made it.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_provider::{
    Change, ClusterName, Ctx, Error, Found, Observed, Outputs, Owner, Resource, ResourceId, Result,
    State, Tags,
};

use crate::{
    balancers::{self, Balancer},
    client::{Client, pause},
    ec2::{self, Thing},
    refusal::{Answer, Trouble},
    service::Service,
    stacks::Stack,
    tagged::{self, Pairs},
    want::{Left, NETWORK, Piece, Shape, Want},
    xml::{self, Read},
};

/// How long something may hang on something else that is just going.
const DEPENDENCIES: Duration = Duration::from_secs(10 * 60);
/// How often it is tried again.
const POLL: Duration = Duration::from_secs(15);

/// Something that was left behind.
#[derive(Clone, Debug)]
pub(crate) struct Leftover {
    pub(crate) left: Left,
    /// What deletes it.
    pub(crate) id: String,
    /// What people call it.
    pub(crate) name: String,
    pub(crate) tags: Pairs,
}

/// Returns the key of the tag by which controllers mark what they make for a cluster.
fn cluster_key(cluster: &str) -> String {
    format!("kubernetes.io/cluster/{cluster}")
}

/// Returns whether tags say that a controller of the cluster made something.
fn is_of(tags: &Pairs, cluster: &str) -> bool {
    let says = |key: &str| tags.get(key).is_some_and(|value| value == cluster);
    // What is shared is only used by the cluster.
    tags.get(&cluster_key(cluster))
        .is_some_and(|value| value == "owned")
        || says("elbv2.k8s.aws/cluster")
        || says("cluster.k8s.amazonaws.com/name")
        || says("KubernetesCluster")
        || says(Tags::CLUSTER)
}

/// Returns whether something is a part of a stack, or EKS's own and goes with its cluster.
fn belongs(tags: &Pairs) -> bool {
    tags.contains_key("aws:cloudformation:stack-id") || tags.contains_key("aws:eks:cluster-name")
}

/// Returns whether a network interface says of itself that a controller of EKS made it.
///
/// Source: <https://github.com/aws/amazon-vpc-cni-k8s> (`aws-K8S-`), <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>
fn is_controllers(interface: &Thing, cluster: &str) -> bool {
    let said = &interface.description;
    said.starts_with("aws-K8S-")
        || said.starts_with("aws-k8s-")
        || *said == format!("Amazon EKS {cluster}")
        || said.starts_with("ELB ")
        || interface
            .tags
            .contains_key("node.k8s.amazonaws.com/instance_id")
}

/// Where leftovers are looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// The cluster.
    pub(crate) cluster: &'a ClusterName,
    /// The VPC, where windlass made it.
    pub(crate) vpc: Option<&'a str>,
    /// Whether the cluster is there: then what it uses is no leftover.
    pub(crate) live: bool,
}

/// Looks for all leftovers of a cluster, in the order in which they could be made again: what hangs on another comes after it.
/// `balancers` are all of the region.
pub(crate) async fn find(
    client: &Client,
    cx: &Ctx,
    place: Place<'_>,
    balancers: &[Balancer],
) -> Answer<Vec<Leftover>> {
    let mut all = disks(client, cx, place.cluster).await?;
    all.extend(in_network(client, cx, place, balancers).await?);
    Ok(all)
}

/// Returns the disks of the cluster's volumes.
async fn disks(client: &Client, cx: &Ctx, cluster: &ClusterName) -> Answer<Vec<Leftover>> {
    let name = cluster.as_str();
    let key = vec![cluster_key(name), Tags::CLUSTER.to_owned()];
    let found = ec2::volumes(client, cx, &[("tag-key", key)]).await?;
    let ours = found
        .into_iter()
        .filter(|it| is_of(&it.tags, name) && !belongs(&it.tags));
    // The disk of a node goes with its node; only volumes have names of the CSI driver's.
    let volumes = ours.filter(|it| {
        let keys = [
            "CSIVolumeName",
            "kubernetes.io/created-for/pv/name",
            "ebs.csi.aws.com/cluster",
        ];
        it.description != "deleting" && keys.iter().any(|key| it.tags.contains_key(*key))
    });
    Ok(volumes
        .map(|it| Leftover {
            left: Left::Volume,
            name: it.id.clone(),
            id: it.id,
            tags: it.tags,
        })
        .collect())
}

/// Returns what lies in the network.
async fn in_network(
    client: &Client,
    cx: &Ctx,
    place: Place<'_>,
    balancers: &[Balancer],
) -> Answer<Vec<Leftover>> {
    let name = place.cluster.as_str();
    let mut all = Vec::new();
    let filter = match place.vpc {
        Some(vpc) => ("vpc-id", vec![vpc.to_owned()]),
        None => ("tag-key", vec![cluster_key(name)]),
    };
    if !place.live {
        let groups = ec2::security_groups(client, cx, filter).await?;
        let groups = groups.into_iter().filter(|group| {
            let own = place.vpc.is_some() && group.tags.contains_key("aws:eks:cluster-name");
            let ours = is_of(&group.tags, name) || group.name.starts_with("k8s-elb-");
            let stack = group.tags.contains_key("aws:cloudformation:stack-id");
            group.name != "default" && !stack && (ours || own)
        });
        all.extend(groups.map(|it| Leftover {
            left: Left::SecurityGroup,
            name: it.id.clone(),
            id: it.id,
            tags: it.tags,
        }));
        if let Some(vpc) = place.vpc {
            let loose = ec2::loose_interfaces(client, cx, vpc).await?;
            let loose = loose
                .into_iter()
                .filter(|it| is_of(&it.tags, name) || is_controllers(it, name));
            all.extend(loose.map(|it| Leftover {
                left: Left::Interface,
                name: it.id.clone(),
                id: it.id,
                tags: it.tags,
            }));
        }
    }
    let (mut groups, mut balancers): (Vec<_>, Vec<_>) = balancers
        .iter()
        .filter(|it| is_of(&it.tags, name) && !belongs(&it.tags))
        .map(|it| Leftover {
            left: it.left,
            id: it.id.clone(),
            name: it.name.clone(),
            tags: it.tags.clone(),
        })
        .partition(|it| it.left == Left::TargetGroup);
    all.append(&mut groups);
    all.append(&mut balancers);
    Ok(all)
}

/// Returns the OpenID Connect provider that somebody made in IAM for a cluster.
pub(crate) async fn open_id(client: &Client, cx: &Ctx, issuer: &str) -> Answer<Option<Leftover>> {
    let action = "ListOpenIDConnectProviders";
    let text = client.query(cx, Service::Iam, action, &[]).await?;
    let document = xml::parse(&text)?;
    let result = xml::result(&document, action);
    let host = issuer.trim_start_matches("https://");
    let members = result.members("OpenIDConnectProviderList").into_iter();
    let mut arns = members.map(|it| it.text_of("Arn"));
    let found =
        arns.find(|arn| !host.is_empty() && arn.ends_with(&format!("oidc-provider/{host}")));
    Ok(found.map(|arn| Leftover {
        left: Left::OpenId,
        name: host.to_owned(),
        id: arn,
        tags: Pairs::new(),
    }))
}

/// Returns the clusters whose leftovers the tagging API knows in this region, where nothing else of them is left.
pub(crate) async fn clusters(client: &Client, cx: &Ctx) -> Answer<Vec<ClusterName>> {
    let mut names = Vec::new();
    let mut body = json!({ "TagFilters": [{ "Key": Tags::CLUSTER }], "ResourcesPerPage": 100 });
    loop {
        let answer = client
            .target(cx, Service::Tagging, "GetResources", &body)
            .await?;
        let listed = answer["ResourceTagMappingList"]
            .as_array()
            .into_iter()
            .flatten();
        for resource in listed {
            let tags = resource["Tags"].as_array().into_iter().flatten();
            let value = tags
                .filter(|tag| tag["Key"] == Tags::CLUSTER)
                .find_map(|tag| tag["Value"].as_str()?.parse::<ClusterName>().ok());
            names.extend(value);
        }
        match answer["PaginationToken"]
            .as_str()
            .filter(|token| !token.is_empty())
        {
            Some(token) => body["PaginationToken"] = Value::from(token),
            None => break,
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

impl Leftover {
    /// Returns the id of its resource.
    pub(crate) fn resource_id(&self) -> ResourceId {
        // Names of load balancers have capitals, and those of OpenID Connect providers slashes.
        let text = match self.left {
            Left::OpenId => self.name.rsplit('/').next().unwrap_or_default(),
            _ => &self.name,
        };
        ResourceId::new(format!("{}-{}", self.left.prefix(), text.to_lowercase()))
    }

    /// Returns what was found. `others` are all leftovers of the cluster.
    pub(crate) fn found(
        &self,
        cluster: &ClusterName,
        region: &str,
        others: &[Self],
    ) -> Result<Found> {
        // Reversed, this is the order of deletion: load balancers before their target groups and security groups, and
        // interfaces before the groups that they are in.
        let below: &[Left] = match self.left {
            Left::ClassicBalancer | Left::Balancer => {
                &[Left::TargetGroup, Left::SecurityGroup, Left::Interface]
            }
            Left::Interface => &[Left::SecurityGroup],
            _ => &[],
        };
        let lies = match self.left {
            Left::Volume | Left::OpenId => None,
            _ => Some(ResourceId::new(NETWORK)),
        };
        let hangs = others.iter().filter(|it| below.contains(&it.left));
        let piece = Piece::Leftover(self.left, self.id.clone());
        let minutes = piece.minutes();
        let want = Want {
            region: region.to_owned(),
            piece,
        };
        let resource = want.resource(Shape {
            id: self.resource_id().as_str().to_owned(),
            cluster,
            name: self.name.clone(),
            needs: lies
                .into_iter()
                .chain(hangs.map(Self::resource_id))
                .collect(),
            minutes,
        })?;
        let (_, tags, _) = tagged::judge(&self.tags);
        let mut outputs = Outputs::new();
        for (key, tag) in [
            ("volume", "kubernetes.io/created-for/pv/name"),
            ("claim", "kubernetes.io/created-for/pvc/name"),
            ("claim-namespace", "kubernetes.io/created-for/pvc/namespace"),
            ("service", "kubernetes.io/service-name"),
        ] {
            if let Some(value) = self.tags.get(tag) {
                outputs.insert(key.to_owned(), value.clone());
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

/// Deletes a leftover. Absence is success.
pub(crate) async fn delete(client: &Client, cx: &Ctx, left: Left, id: &str) -> Result<Change> {
    let what = format!("deleting {} {id}", left.kind());
    let until = cx.clock.now() + DEPENDENCIES;
    loop {
        match try_delete(client, cx, left, id).await {
            Ok(()) => break,
            Err(trouble) if trouble.is_missing() => return Ok(Change::Absent),
            // It still hangs on something that is going.
            Err(trouble) if is_held(&trouble) && cx.clock.now() < until => {
                if left == Left::SecurityGroup {
                    ec2::empty_group(client, cx, id).await?;
                }
                cx.progress.say(format!("{what}: something still uses it"));
                pause(cx, &what, POLL).await?;
            }
            Err(trouble) => {
                let error = Error::from(trouble);
                return Err(error.context(format!("cannot delete {} \"{id}\"", left.kind())));
            }
        }
    }
    if left == Left::Volume {
        await_volume(client, cx, id, &what).await?;
    }
    Ok(Change::Removed)
}

fn is_held(trouble: &Trouble) -> bool {
    trouble.is(&[
        "DependencyViolation",
        "InvalidParameterValue",
        "InvalidNetworkInterface.InUse",
        "InvalidGroup.InUse",
        "ResourceInUse",
        "VolumeInUse",
        "OperationNotPermitted",
    ])
}

async fn try_delete(client: &Client, cx: &Ctx, left: Left, id: &str) -> Answer<()> {
    match left {
        Left::Volume => ec2::delete(client, cx, ("DeleteVolume", "VolumeId"), id).await,
        Left::SecurityGroup => {
            ec2::delete(client, cx, ("DeleteSecurityGroup", "GroupId"), id).await
        }
        Left::Interface => {
            let call = ("DeleteNetworkInterface", "NetworkInterfaceId");
            ec2::delete(client, cx, call, id).await
        }
        Left::TargetGroup | Left::ClassicBalancer | Left::Balancer => {
            // The calls succeed whether or not there is one: only a look tells.
            let there = balancers::all(client, cx).await?;
            if !there.iter().any(|it| it.left == left && it.id == id) {
                return Err(gone(client, left));
            }
            balancers::delete(client, cx, left, id).await
        }
        Left::OpenId => {
            let parameters = [("OpenIDConnectProviderArn".to_owned(), id.to_owned())];
            let action = "DeleteOpenIDConnectProvider";
            client
                .query(cx, Service::Iam, action, &parameters)
                .await
                .map(drop)
        }
    }
}

fn gone(client: &Client, left: Left) -> Trouble {
    Trouble::Refused(crate::refusal::Refusal {
        service: Service::ElbV2,
        region: client.region().to_owned(),
        action: "DescribeLoadBalancers",
        status: 404,
        code: match left {
            Left::TargetGroup => "TargetGroupNotFound",
            _ => "LoadBalancerNotFound",
        }
        .to_owned(),
        message: String::new(),
    })
}

/// Waits until a disk is gone: it is deleted in the background.
async fn await_volume(client: &Client, cx: &Ctx, id: &str, what: &str) -> Result<()> {
    loop {
        let filter = ("volume-id", vec![id.to_owned()]);
        let found = ec2::volumes(client, cx, &[filter])
            .await
            .map_err(Error::from)?;
        if found.is_empty() {
            return Ok(());
        }
        cx.progress.say(what);
        pause(cx, what, POLL).await?;
    }
}

/// Removes what blocks a stack, where a controller of the cluster left it in the network; returns what that was.
pub(crate) async fn clear(
    client: &Client,
    cx: &Ctx,
    cluster: &ClusterName,
    stack: &Stack,
) -> Result<Vec<String>> {
    let made = stack.parameters.get("Vpc").is_none_or(String::is_empty);
    let vpc = stack.outputs.get("Vpc").filter(|_| made);
    let place = Place {
        cluster,
        vpc: vpc.map(String::as_str),
        live: false,
    };
    let mut removed = Vec::new();
    let balancers = balancers::all(client, cx).await?;
    let mut found = in_network(client, cx, place, &balancers).await?;
    // Load balancers first, and what they hang on after them.
    found.reverse();
    // A group goes only when no rule of another names it.
    for group in found.iter().filter(|it| it.left == Left::SecurityGroup) {
        ec2::empty_group(client, cx, &group.id).await?;
    }
    for leftover in found {
        let what = format!("{} {}", leftover.left.kind(), leftover.name);
        cx.progress
            .say(format!("removing {what}, which a controller left behind"));
        if delete(client, cx, leftover.left, &leftover.id).await? == Change::Removed {
            removed.push(what);
        }
    }
    Ok(removed)
}

/// Reads whether a leftover is still there.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    left: Left,
    id: &str,
) -> Result<Observed> {
    let there = match left {
        Left::Volume => {
            let filter = ("volume-id", vec![id.to_owned()]);
            !ec2::volumes(client, cx, &[filter]).await?.is_empty()
        }
        Left::SecurityGroup => {
            let filter = ("group-id", vec![id.to_owned()]);
            !ec2::security_groups(client, cx, filter).await?.is_empty()
        }
        Left::Interface => {
            let filter = ("network-interface-id", vec![id.to_owned()]);
            !ec2::interfaces(client, cx, &[filter]).await?.is_empty()
        }
        Left::TargetGroup | Left::ClassicBalancer | Left::Balancer => {
            let all = balancers::all(client, cx).await?;
            all.iter().any(|it| it.left == left && it.id == id)
        }
        Left::OpenId => open_id(client, cx, &resource.name).await?.is_some(),
    };
    Ok(match there {
        false => Observed::missing(),
        true => Observed {
            state: State::Ready,
            ..Observed::missing()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Pairs {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn only_what_names_the_cluster_as_its_own_is_a_leftover() {
        assert!(is_of(
            &tags(&[("kubernetes.io/cluster/dot", "owned")]),
            "dot"
        ));
        assert!(is_of(&tags(&[("elbv2.k8s.aws/cluster", "dot")]), "dot"));
        for others in [
            &[("kubernetes.io/cluster/dot", "shared")][..],
            &[("kubernetes.io/cluster/dot-2", "owned")],
            &[("elbv2.k8s.aws/cluster", "dot-2")],
            &[("Name", "dot")],
            &[],
        ] {
            assert!(!is_of(&tags(others), "dot"), "{others:?}");
        }
        assert!(belongs(&tags(&[("aws:cloudformation:stack-id", "arn")])));
    }

    #[test]
    fn an_interface_of_somebody_else_s_is_left_alone() {
        let interface = |description: &str| Thing {
            id: "eni-1".into(),
            name: String::new(),
            description: description.into(),
            tags: Pairs::new(),
        };
        assert!(is_controllers(&interface("aws-K8S-i-0123"), "dot"));
        assert!(is_controllers(&interface("Amazon EKS dot"), "dot"));
        assert!(!is_controllers(&interface("Amazon EKS dot-2"), "dot"));
        assert!(!is_controllers(
            &interface("Interface for NAT Gateway nat-1"),
            "dot"
        ));
        assert!(!is_controllers(&interface(""), "dot"));
    }

    #[test]
    fn what_hangs_on_another_is_deleted_before_it() {
        let leftover = |left, name: &str| Leftover {
            left,
            id: name.into(),
            name: name.into(),
            tags: Pairs::new(),
        };
        let all = [
            leftover(Left::SecurityGroup, "sg-1"),
            leftover(Left::Interface, "eni-1"),
            leftover(Left::TargetGroup, "T1"),
            leftover(Left::Balancer, "L1"),
        ];
        let needs = |at: usize| {
            let found = all[at]
                .found(&"dot".parse().unwrap(), "eu-west-1", &all)
                .unwrap();
            let needs = found.resource.needs.iter().map(ToString::to_string);
            needs.collect::<Vec<_>>()
        };
        assert_eq!(needs(0), ["network"]);
        assert_eq!(needs(1), ["network", "security-group-sg-1"]);
        assert_eq!(
            needs(3),
            [
                "network",
                "security-group-sg-1",
                "network-interface-eni-1",
                "target-group-t1"
            ]
        );
    }
}
