//! What controllers in a cluster of EKS make of its objects, outside of it: load balancers of Services, and volumes of claims. A
//! cluster that goes first leaves them behind.

use super::{
    account::{Caller, Cx, Thing},
    ec2::{
        self,
        network::{self, groups},
    },
    eks, elb,
};
use crate::{ground::Ground, site::Eks};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// Calls `with` with what the controllers of a cluster act through.
fn within<T>(ground: &Arc<Ground>, eks: &Eks, with: impl FnOnce(&Cx<'_>) -> T) -> T {
    let _turn = ground.aws.enter();
    let caller = Caller::administrator();
    let cx = Cx {
        ground,
        region: &eks.region,
        now: ground.clock.now(),
        caller: &caller,
    };
    with(&cx)
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Returns the tags of what a cluster's controllers make.
fn tags(eks: &Eks) -> BTreeMap<String, String> {
    [(
        format!("kubernetes.io/cluster/{}", eks.name),
        "owned".to_owned(),
    )]
    .into()
}

const KIND: &str = "service.beta.kubernetes.io/aws-load-balancer-type";
const INTERNAL: &str = "service.beta.kubernetes.io/aws-load-balancer-internal";
const SCHEME: &str = "service.beta.kubernetes.io/aws-load-balancer-scheme";

/// Returns whether the platform's own controller leaves a Service to another.
pub(crate) fn is_foreign(service: &Value) -> bool {
    let kind = text(&service["metadata"]["annotations"], KIND);
    !service["spec"]["loadBalancerClass"].is_null() || ["external", "nlb-ip"].contains(&kind)
}

/// Returns what a Service's balancer is called.
fn name(service: &Value) -> String {
    let name = format!("a{}", text(&service["metadata"], "uid").replace('-', ""));
    name.chars().take(32).collect()
}

/// Makes the balancer of a Service, unless it is there; returns since when, and its host name.
pub(crate) fn ensure_balancer(
    ground: &Arc<Ground>,
    eks: &Eks,
    service: &Value,
) -> Result<(jiff::Timestamp, String), String> {
    let made = within(ground, eks, |cx| {
        let name = name(service);
        let there = find(cx, &name);
        if let Some(known) = there {
            return Ok((known.created, known.text("DNSName").to_owned()));
        }
        make(cx, eks, service, name).map(|host| (cx.now, host))
    });
    ground.aws.stir();
    made
}

fn find(cx: &Cx<'_>, name: &str) -> Option<Thing> {
    cx.get(elb::CLASSIC, name)
        .or_else(|| cx.with(elb::NETWORK, "LoadBalancerName", name).pop())
}

fn make(cx: &Cx<'_>, eks: &Eks, service: &Value, name: String) -> Result<String, String> {
    let cluster = cx
        .get("eks:cluster", &eks.name)
        .ok_or("the cluster is gone")?;
    let network = &cluster.body["resourcesVpcConfig"];
    let vpc = text(network, "vpcId").to_owned();
    let annotations = &service["metadata"]["annotations"];
    let internal = ["true", "0.0.0.0/0"].contains(&text(annotations, INTERNAL))
        || text(annotations, SCHEME) == "internal";
    let subnets = subnets(cx, eks, network, &vpc, internal);
    if subnets.is_empty() {
        return Err("could not find any suitable subnets for creating the ELB".to_owned());
    }
    let path = format!(
        "{}/{}",
        text(&service["metadata"], "namespace"),
        text(&service["metadata"], "name")
    );
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let ports = ports
        .map(|it| {
            (
                text(it, "protocol").to_owned(),
                it["port"].as_i64().unwrap_or_default(),
                it["nodePort"].as_i64().unwrap_or_default(),
            )
        })
        .collect();
    let mut own = tags(eks);
    own.insert("kubernetes.io/service-name".to_owned(), path.clone());
    let mut wanted = elb::Wanted {
        internal,
        vpc,
        subnets,
        groups: Vec::new(),
        ports,
        tags: own,
        maker: format!("Service {path}"),
        name,
    };
    if text(annotations, KIND) == "nlb" {
        return Ok(elb::make_network(cx, &wanted));
    }
    let note = format!("Security group for Kubernetes ELB {} ({path})", wanted.name);
    let group = groups::add(
        cx,
        &format!("k8s-elb-{}", wanted.name),
        &note,
        &wanted.vpc,
        tags(eks),
    )
    .map_err(|fault| fault.message)?;
    for (protocol, port, _) in &wanted.ports {
        let rule = json!({"IpProtocol": protocol.to_lowercase(), "FromPort": port, "ToPort": port, "CidrIp": "0.0.0.0/0"});
        groups::grant(
            cx,
            &group.id,
            "IpPermissions",
            groups::permission(&rule, ""),
        )
        .map_err(|fault| fault.message)?;
    }
    // Nodes let the balancer in.
    let rule = json!({"IpProtocol": "-1", "Source": group.id});
    let shared = text(network, "clusterSecurityGroupId");
    groups::grant(
        cx,
        shared,
        "IpPermissions",
        groups::permission(&rule, "Source"),
    )
    .map_err(|fault| fault.message)?;
    wanted.groups.push(group.id);
    Ok(elb::make_classic(cx, &wanted))
}

/// Returns one subnet of each zone that a balancer can be in: those tagged for it first.
fn subnets(cx: &Cx<'_>, eks: &Eks, network: &Value, vpc: &str, internal: bool) -> Vec<Thing> {
    let role = if internal {
        "kubernetes.io/role/internal-elb"
    } else {
        "kubernetes.io/role/elb"
    };
    let tagged = format!("kubernetes.io/cluster/{}", eks.name);
    let own: Vec<&str> = network["subnetIds"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let all = cx.with("ec2:subnet", "VpcId", vpc);
    let known: Vec<&Thing> = match all.iter().any(|it| it.tags.contains_key(&tagged)) {
        true => all
            .iter()
            .filter(|it| it.tags.contains_key(&tagged))
            .collect(),
        false => all
            .iter()
            .filter(|it| it.tags.contains_key(role) || own.contains(&it.id.as_str()))
            .collect(),
    };
    let mut chosen: BTreeMap<String, &Thing> = BTreeMap::new();
    for subnet in known
        .into_iter()
        .filter(|it| internal || network::is_public(cx, it))
    {
        let zone = subnet.text("AvailabilityZone").to_owned();
        let better = chosen
            .get(&zone)
            .is_none_or(|it| !it.tags.contains_key(role) && subnet.tags.contains_key(role));
        if better {
            chosen.insert(zone, subnet);
        }
    }
    chosen.into_values().cloned().collect()
}

/// Deletes the balancer of a Service, with what was made for it.
pub(crate) fn release_balancer(ground: &Arc<Ground>, eks: &Eks, service: &Value) {
    within(ground, eks, |cx| {
        let name = name(service);
        for balancer in cx.with(elb::NETWORK, "LoadBalancerName", &name) {
            elb::delete_network(cx, &balancer.id);
            for targets in cx.with(elb::TARGETS, "maker", balancer.text("maker")) {
                cx.remove(elb::TARGETS, &targets.id);
            }
        }
        elb::delete_classic(cx, &name);
        let called = format!("k8s-elb-{name}");
        for group in cx.with("ec2:security-group", "GroupName", &called) {
            let rule = json!({"IpProtocol": "-1", "Source": group.id});
            let shared = cx.get("eks:cluster", &eks.name);
            if let Some(shared) = shared
                .as_ref()
                .and_then(|it| it.body["resourcesVpcConfig"]["clusterSecurityGroupId"].as_str())
            {
                groups::deny(
                    cx,
                    shared,
                    "IpPermissions",
                    &groups::permission(&rule, "Source"),
                );
            }
            // The interfaces that still have it are the balancer's own, and go on their own.
            cx.remove("ec2:security-group", &group.id);
        }
    });
    ground.aws.stir();
}

/// Returns why the driver of disks cannot make one, if so.
pub(crate) fn refuses_volumes(ground: &Arc<Ground>, eks: &Eks) -> Option<String> {
    let may = within(ground, eks, |cx| eks::may_make_volumes(cx, &eks.name));
    (!may).then(|| {
        "failed to provision volume with StorageClass: rpc error: code = Internal desc = Could not create volume in EC2: operation error EC2: CreateVolume, \
         https response error StatusCode: 403, api error UnauthorizedOperation: You are not authorized to perform this operation."
            .to_owned()
    })
}

/// Makes the disk of a volume, unless it is there, as the driver of EBS tags it.
pub(crate) fn ensure_volume(
    ground: &Arc<Ground>,
    eks: &Eks,
    volume: &Value,
    id: &str,
    node: Option<&str>,
) {
    within(ground, eks, |cx| {
        if cx.get("ec2:volume", id).is_some() {
            return;
        }
        let instance = node.and_then(|node| eks::nodes_of(cx, &eks.name, node));
        let zone = match &instance {
            Some(it) => it.body["Placement"]["AvailabilityZone"].clone(),
            None => json!(ec2::zones(cx.region).first().map(|it| it.0.clone())),
        };
        let name = text(&volume["metadata"], "name");
        let claim = &volume["spec"]["claimRef"];
        let mut tags = tags(eks);
        for (key, value) in [
            ("KubernetesCluster", eks.name.as_str()),
            ("CSIVolumeName", name),
            ("ebs.csi.aws.com/cluster", "true"),
            ("kubernetes.io/created-for/pv/name", name),
            ("kubernetes.io/created-for/pvc/name", text(claim, "name")),
            (
                "kubernetes.io/created-for/pvc/namespace",
                text(claim, "namespace"),
            ),
            ("Name", &format!("{}-dynamic-{name}", eks.name)),
        ] {
            tags.insert(key.to_owned(), value.to_owned());
        }
        let attached: Vec<Value> = instance
            .iter()
            .map(|it| json!({"VolumeId": id, "InstanceId": it.id, "Device": "/dev/xvdaa", "State": "attached", "AttachTime": cx.now.to_string(), "DeleteOnTermination": false}))
            .collect();
        let body = json!({
            "VolumeId": id, "VolumeType": "gp3", "Size": gibibytes(text(&volume["spec"]["capacity"], "storage")), "Iops": 3000, "Throughput": 125,
            "State": if attached.is_empty() { "available" } else { "in-use" }, "AvailabilityZone": zone, "CreateTime": cx.now.to_string(),
            "Attachments": attached, "Encrypted": false, "SnapshotId": "", "MultiAttachEnabled": false, "maker": format!("PersistentVolume {name}"),
        });
        cx.make("ec2:volume", id, tags, body);
    });
    ground.aws.stir();
}

fn gibibytes(quantity: &str) -> u64 {
    let digits: String = quantity.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().unwrap_or(1);
    match quantity.trim_start_matches(|it: char| it.is_ascii_digit()) {
        "Ti" => number * 1024,
        "Mi" => number.div_ceil(1024),
        _ => number,
    }
}

/// Deletes the disk of a volume.
pub(crate) fn release_volume(ground: &Arc<Ground>, eks: &Eks, id: &str) {
    within(ground, eks, |cx| cx.remove("ec2:volume", id));
    ground.aws.stir();
}
