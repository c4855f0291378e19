//! Lists what a cluster is made of. Does no I/O.

use std::collections::BTreeSet;

use windlass_provider::{
    ClusterSpec, Error, Facts, Fault, NodePool, NodeSize, Resource, ResourceId, Result, Taint,
    TaintEffect,
};

use crate::{
    facts::{Seen, minor},
    machine,
    want::{
        AddOnLayout, CLUSTER, ClusterLayout, IdentityLayout, LOGS, LogsLayout, NETWORK, NODES,
        NODES_GROUP, NodesLayout, Piece, Shape, StackLayout, VPC, Want, add_on_id, identity_id,
        log_group_name, nodes_id, stack_name,
    },
};

/// The add-ons that nodes need to become Ready, and those that need nodes.
///
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html>
pub(crate) const EARLY: [&str; 3] = ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"];
/// The add-ons whose pods need nodes.
pub(crate) const LATE: [&str; 2] = ["coredns", "aws-ebs-csi-driver"];

/// The logs that a control plane can write.
pub(crate) const LOG_TYPES: [&str; 5] = [
    "api",
    "audit",
    "authenticator",
    "controllerManager",
    "scheduler",
];

/// After how many days CloudWatch can let logs go.
///
/// Source: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
pub(crate) const LOG_DAYS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// Returns the instance type that a size stands for: those of the scripts before windlass.
pub(crate) fn machine_of(size: NodeSize) -> &'static str {
    match size {
        NodeSize::Small => "t3.medium",
        NodeSize::Medium => "t3.xlarge",
        NodeSize::Large => "t3.2xlarge",
    }
}

/// Lists what `spec` needs, each after what it needs.
///
/// # Errors
/// `Invalid`, naming the setting, and what is allowed.
pub(crate) fn resources(spec: &ClusterSpec, facts: &Facts) -> Result<Vec<Resource>> {
    let seen = Seen::read(facts)?;
    let plan = Plan { spec, seen: &seen };
    // Of a cluster that somebody else made nothing but itself is windlass's business.
    if seen.foreign {
        return Ok(vec![plan.cluster(Vec::new())?]);
    }
    check(spec, &seen)?;
    let network = ResourceId::new(NETWORK);
    let cluster = ResourceId::new(CLUSTER);
    let mut all = Vec::new();
    let mut needs = Vec::new();
    if let Some(vpc) = &spec.aws.vpc {
        needs.push(ResourceId::new(VPC));
        all.push(plan.make(Piece::Vpc, VPC, vpc.clone(), Vec::new())?);
    }
    all.push(plan.make(
        Piece::Stack(Some(plan.stack())),
        NETWORK,
        stack_name(&spec.name),
        needs,
    )?);
    let mut needs = vec![network];
    if !spec.aws.logs.is_empty() {
        let logs = LogsLayout {
            days: spec.aws.log_days.unwrap_or(30),
            lifetime: plan.lifetime(),
        };
        needs.push(ResourceId::new(LOGS));
        let name = log_group_name(&spec.name);
        all.push(plan.make(Piece::Logs(Some(logs)), LOGS, name, Vec::new())?);
    }
    all.push(plan.cluster(needs)?);
    for add_on in EARLY {
        all.push(plan.add_on(add_on, vec![cluster.clone()])?);
    }
    for controller in &spec.aws.controllers {
        let layout = IdentityLayout {
            lifetime: plan.lifetime(),
        };
        all.push(plan.make(
            Piece::Identity(Some(layout)),
            identity_id(controller).as_str(),
            format!("{}/{controller}", spec.name),
            vec![cluster.clone()],
        )?);
    }
    let early: Vec<ResourceId> = std::iter::once(cluster.clone())
        .chain(EARLY.map(add_on_id))
        .collect();
    let mut groups = Vec::new();
    for layout in plan.groups() {
        let group = layout
            .pool
            .clone()
            .unwrap_or_else(|| NODES_GROUP.to_owned());
        let id = nodes_id(&group);
        let name = format!("{}/{group}", spec.name);
        all.push(plan.make(Piece::Nodes(Some(layout)), id.as_str(), name, early.clone())?);
        groups.push(id);
    }
    // They run on the nodes that every cluster has: those of a pool may all be tainted, or none.
    for add_on in LATE {
        all.push(plan.add_on(add_on, vec![cluster.clone(), ResourceId::new(NODES)])?);
    }
    Ok(all)
}

struct Plan<'a> {
    spec: &'a ClusterSpec,
    seen: &'a Seen,
}

impl Plan<'_> {
    fn make(
        &self,
        piece: Piece,
        id: &str,
        name: String,
        needs: Vec<ResourceId>,
    ) -> Result<Resource> {
        let minutes = piece.minutes();
        let want = Want {
            region: self.seen.region.clone(),
            piece,
        };
        want.resource(Shape {
            id: id.to_owned(),
            cluster: &self.spec.name,
            name,
            needs,
            minutes,
        })
    }

    fn lifetime(&self) -> Option<u64> {
        self.spec.lifetime.map(|lifetime| lifetime.as_secs())
    }

    fn stack(&self) -> StackLayout {
        let vpc = self.spec.aws.vpc.clone();
        StackLayout {
            zones: match vpc {
                None => self.seen.zones.clone(),
                Some(_) => Vec::new(),
            },
            nat: self.spec.aws.nat,
            vpc: vpc.map(|vpc| (vpc, self.seen.vpc_cidr.clone().unwrap_or_default())),
            controllers: {
                let mut controllers = self.spec.aws.controllers.clone();
                controllers.sort();
                controllers
            },
            lifetime: self.lifetime(),
        }
    }

    fn cluster(&self, needs: Vec<ResourceId>) -> Result<Resource> {
        let aws = &self.spec.aws;
        let mut allowed = aws.allowed_cidrs.clone();
        allowed.sort();
        let logs = LOG_TYPES
            .iter()
            .filter(|kind| aws.logs.iter().any(|it| it == *kind));
        let layout = ClusterLayout {
            version: self.seen.version.clone(),
            endpoint: aws.endpoint,
            allowed,
            logs: logs.map(|kind| (*kind).to_owned()).collect(),
            subnets: aws.subnets.clone(),
            lifetime: self.lifetime(),
        };
        let name = self.spec.name.to_string();
        self.make(Piece::Cluster(Some(layout)), CLUSTER, name, needs)
    }

    fn add_on(&self, add_on: &str, needs: Vec<ResourceId>) -> Result<Resource> {
        let layout = AddOnLayout {
            version: self.seen.version.clone(),
            lifetime: self.lifetime(),
        };
        let name = format!("{}/{add_on}", self.spec.name);
        self.make(
            Piece::AddOn(Some(layout)),
            add_on_id(add_on).as_str(),
            name,
            needs,
        )
    }

    /// Returns the node groups: that which every cluster has, and the pools.
    fn groups(&self) -> Vec<NodesLayout> {
        let spec = self.spec;
        let machine = spec.aws.machine.as_deref();
        let own = NodePool {
            min: spec.nodes.min,
            max: spec.nodes.max,
            spot: spec.aws.spot,
            machine: Some(machine.unwrap_or(machine_of(spec.nodes.size)).to_owned()),
            ..NodePool::default()
        };
        let usual = own.machine.clone().unwrap_or_default();
        let layout = |pool: &NodePool, name: Option<String>| {
            let machine = pool.machine.clone().unwrap_or_else(|| usual.clone());
            let mut taints = pool.taints.clone();
            if taints.is_empty() && name.is_some() && machine::has_gpu(&machine) {
                taints.push(gpu_taint());
            }
            let subnets = spec.aws.subnets.iter().filter(|subnet| {
                let zone = self.seen.subnets.get(*subnet);
                pool.zone.is_none() || pool.zone.as_ref() == zone
            });
            NodesLayout {
                pool: name,
                version: self.seen.version.clone(),
                machine,
                spot: pool.spot,
                image: spec.aws.image,
                disk: spec.aws.disk,
                min: pool.min,
                max: pool.max,
                labels: pool.labels.clone(),
                taints,
                zone: pool.zone.clone(),
                subnets: subnets.cloned().collect(),
                lifetime: self.lifetime(),
            }
        };
        let pools = spec.node_pools.iter();
        std::iter::once(layout(&own, None))
            .chain(pools.map(|pool| layout(pool, Some(pool.name.clone()))))
            .collect()
    }
}

/// What keeps pods away from costly nodes that they have no use for; NVIDIA's device plugin and its users tolerate it.
fn gpu_taint() -> Taint {
    Taint {
        key: "nvidia.com/gpu".to_owned(),
        value: "present".to_owned(),
        effect: TaintEffect::NoSchedule,
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Fault::Invalid, message)
}

/// Checks what AWS would find wrong only after minutes, or never.
fn check(spec: &ClusterSpec, seen: &Seen) -> Result<()> {
    let aws = &spec.aws;
    if let Some(wanted) = &spec.kubernetes_version
        && wanted.split('.').count() > 2
    {
        return Err(invalid(format!(
            "kubernetes-version \"{wanted}\" names a patch version: EKS chooses that itself"
        ))
        .hint(format!("write kubernetes-version = \"{}\"", minor(wanted))));
    }
    if aws.vpc.is_none() && !(2..=3).contains(&seen.zones.len()) {
        return Err(invalid(format!(
            "aws.zones are {}: a cluster has two or three",
            seen.zones.join(", ")
        ))
        .hint(format!("{} has: {}", seen.region, seen.offered.join(", "))));
    }
    if let Some(zone) = seen.zones.iter().find(|zone| !seen.offered.contains(zone)) {
        return Err(
            invalid(format!("aws.zones: {} has no zone {zone}", seen.region))
                .hint(format!("it has: {}", seen.offered.join(", "))),
        );
    }
    if aws.vpc.is_none() && !aws.subnets.is_empty() {
        return Err(invalid("aws.subnets are given, and aws.vpc is not")
            .hint("name the VPC that they are in, or leave them out"));
    }
    if aws.vpc.is_some() {
        let zones: BTreeSet<&String> = seen.subnets.values().collect();
        if zones.len() < 2 {
            return Err(
                invalid("aws.subnets must be in two zones at least: EKS wants that")
                    .hint("name a subnet in each of two zones: subnets in [clusters.NAME.aws]"),
            );
        }
    }
    if let Some(days) = aws.log_days
        && !LOG_DAYS.contains(&days)
    {
        let allowed = LOG_DAYS.map(|days| days.to_string()).join(", ");
        return Err(invalid(format!(
            "aws.log-days is {days}, which CloudWatch does not know"
        ))
        .hint(format!("choose one of {allowed}")));
    }
    if !aws.allowed_cidrs.is_empty() && aws.endpoint == windlass_provider::AwsEndpoint::Private {
        return Err(invalid(
            "aws.allowed-cidrs are about the public endpoint, and aws.endpoint is private",
        )
        .hint("leave out one of the two"));
    }
    let mut names = BTreeSet::from([NODES_GROUP]);
    for pool in &spec.node_pools {
        if !names.insert(&pool.name) {
            return Err(
                invalid(format!("node pool \"{}\" is there twice", pool.name)).hint(format!(
                    "\"{NODES_GROUP}\" is the name of the nodes that every cluster has"
                )),
            );
        }
        if let Some(zone) = &pool.zone {
            let zones: BTreeSet<&String> = match aws.vpc {
                None => seen.zones.iter().collect(),
                Some(_) => seen.subnets.values().collect(),
            };
            if !zones.contains(zone) {
                let zones: Vec<&str> = zones.into_iter().map(String::as_str).collect();
                return Err(invalid(format!(
                    "node-pools.{}.zone: the cluster is not in {zone}",
                    pool.name
                ))
                .hint(format!("it is in {}", zones.join(", "))));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use windlass_provider::{AwsOptions, KindOptions, Nodes, ProviderId};

    use super::*;
    use crate::eks::Support;

    fn spec() -> ClusterSpec {
        ClusterSpec {
            name: "dot".parse().unwrap(),
            provider: ProviderId::Aws,
            kubernetes_version: None,
            nodes: Nodes {
                min: 2,
                max: 4,
                size: NodeSize::Small,
            },
            node_pools: Vec::new(),
            lifetime: None,
            kind: KindOptions::default(),
            aws: AwsOptions::default(),
            azure: Default::default(),
            google: Default::default(),
        }
    }

    fn facts(change: impl Fn(&mut Seen)) -> Facts {
        let zones: Vec<String> = ["a", "b", "c"].map(|it| format!("eu-west-1{it}")).into();
        let mut seen = Seen {
            region: "eu-west-1".into(),
            version: "1.36".into(),
            versions: vec![("1.36".into(), Support::Standard, String::new())],
            zones: zones.clone(),
            offered: zones,
            ..Seen::default()
        };
        change(&mut seen);
        Facts {
            identity: String::new(),
            values: BTreeMap::from([("aws".into(), json!(seen))]),
        }
    }

    fn ids(spec: &ClusterSpec, facts: &Facts) -> Vec<String> {
        let all = resources(spec, facts).unwrap();
        all.iter().map(|it| it.id.to_string()).collect()
    }

    #[test]
    fn a_cluster_is_its_network_itself_what_nodes_need_the_nodes_and_what_needs_them() {
        let mut spec = spec();
        spec.aws.logs = vec!["audit".into()];
        spec.node_pools = vec![NodePool {
            name: "gpu".into(),
            max: 1,
            machine: Some("g6.xlarge".into()),
            zone: Some("eu-west-1b".into()),
            ..NodePool::default()
        }];
        let facts = facts(|_| ());
        assert_eq!(
            ids(&spec, &facts),
            [
                "network",
                "logs",
                "cluster",
                "add-on-vpc-cni",
                "add-on-kube-proxy",
                "add-on-eks-pod-identity-agent",
                "nodes",
                "node-pool-gpu",
                "add-on-coredns",
                "add-on-aws-ebs-csi-driver"
            ]
        );
        let all = resources(&spec, &facts).unwrap();
        let pool = &all[7].want["piece"]["nodes"];
        // Nothing but what is meant for them comes to costly nodes.
        assert_eq!(pool["taints"][0]["key"], "nvidia.com/gpu");
        assert_eq!(
            (&pool["min"], &pool["zone"]),
            (&json!(0), &json!("eu-west-1b"))
        );
    }

    #[test]
    fn of_somebody_else_s_cluster_nothing_else_is_made() {
        assert_eq!(
            ids(&spec(), &facts(|seen| seen.foreign = true)),
            ["cluster"]
        );
    }

    #[test]
    fn what_eks_could_not_make_is_refused_by_its_setting() {
        let refused = |change: &dyn Fn(&mut ClusterSpec), seen: &dyn Fn(&mut Seen), said: &str| {
            let mut spec = spec();
            change(&mut spec);
            let error = resources(&spec, &facts(seen)).unwrap_err();
            assert_eq!(error.fault, Fault::Invalid);
            assert!(
                error.to_line().contains(said) && !error.hints.is_empty(),
                "{error:?}"
            );
        };
        let nothing = |_: &mut Seen| ();
        refused(
            &|s| s.kubernetes_version = Some("1.36.1".into()),
            &nothing,
            "names a patch version",
        );
        refused(&|_| (), &|seen| seen.zones.truncate(1), "two or three");
        refused(
            &|_| (),
            &|seen| seen.zones[0] = "eu-west-1z".into(),
            "no zone eu-west-1z",
        );
        refused(
            &|s| s.aws.subnets = vec!["subnet-1".into()],
            &nothing,
            "aws.vpc is not",
        );
        refused(&|s| s.aws.vpc = Some("vpc-1".into()), &nothing, "two zones");
        refused(&|s| s.aws.log_days = Some(2), &nothing, "CloudWatch");
        refused(
            &|s| {
                s.aws.allowed_cidrs = vec!["10.0.0.0/8".into()];
                s.aws.endpoint = windlass_provider::AwsEndpoint::Private;
            },
            &nothing,
            "public endpoint",
        );
        let pool = |name: &str, zone: Option<&str>| NodePool {
            name: name.into(),
            max: 1,
            zone: zone.map(str::to_owned),
            ..NodePool::default()
        };
        refused(
            &|s| s.node_pools = vec![pool("default", None)],
            &nothing,
            "there twice",
        );
        refused(
            &|s| s.node_pools = vec![pool("a", Some("eu-west-1d"))],
            &nothing,
            "not in eu-west-1d",
        );
    }
}
