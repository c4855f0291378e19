//! What controllers of a cluster left behind: found by their tags and by the VPC that they are in, never by a list of our own.
//!
//! Nobody else's is touched: a thing counts only where its tags name the cluster, or where it lies in a VPC that windlass made and says
//! itself that a controller of EKS made it.

mod removal;

use serde_json::{Value, json};
use windlass_provider::{
    ClusterName, Ctx, Found, Observed, Outputs, Owner, ResourceId, Result, State, Tags,
};

use crate::{
    balancers::Balancer,
    client::Client,
    ec2::{self, Thing},
    refusal::Answer,
    service::Service,
    tagged::{self, Pairs},
    want::{Left, NETWORK, Piece, Shape, Want},
    xml::{self, Read},
};

pub(crate) use removal::{clear, delete, observe};

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
    /// Whether the cluster is there: then what goes with it is no leftover.
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
    let mut groups = Vec::new();
    let tagged = Some(("tag-key", vec![cluster_key(name)]));
    let here = place.vpc.map(|vpc| ("vpc-id", vec![vpc.to_owned()]));
    for filter in tagged.into_iter().chain(here) {
        groups.extend(ec2::security_groups(client, cx, filter).await?);
    }
    groups.sort_by(|one, other| one.id.cmp(&other.id));
    groups.dedup_by(|one, other| one.id == other.id);
    let groups = groups.into_iter().filter(|group| {
        // EKS's own group goes with its cluster, where that is still there.
        let eks = group.tags.contains_key("aws:eks:cluster-name");
        let ours = is_of(&group.tags, name) || group.name.starts_with("k8s-elb-");
        let left = match eks {
            true => !place.live && (ours || place.vpc.is_some()),
            false => ours,
        };
        let stack = group.tags.contains_key("aws:cloudformation:stack-id");
        group.name != "default" && !stack && left
    });
    all.extend(groups.map(|it| Leftover {
        left: Left::SecurityGroup,
        name: it.id.clone(),
        id: it.id,
        tags: it.tags,
    }));
    if let Some(vpc) = place.vpc.filter(|_| !place.live) {
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
