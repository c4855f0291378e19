//! What a control plane has in the account: its place in a network, its interfaces, its security group and its logs.

use super::{
    super::{
        Fault,
        account::{Cx, Thing},
        ec2::{self, network::groups},
        logs,
    },
    invalid,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const LOGS: [&str; 5] = [
    "api",
    "audit",
    "authenticator",
    "controllerManager",
    "scheduler",
];

/// Checks where a control plane is to be.
pub(super) fn network(cx: &Cx<'_>, name: &str, wanted: &Value) -> Result<Value, Fault> {
    let list = |key: &str| -> Vec<String> {
        wanted[key]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let (subnets, security) = (list("subnetIds"), list("securityGroupIds"));
    let mut found = Vec::new();
    for id in &subnets {
        let subnet = cx.get("ec2:subnet", id).ok_or_else(|| {
            invalid(format!("The subnet ID '{id}' does not exist (Service: AmazonEC2; Status Code: 400; Error Code: InvalidSubnetID.NotFound)"))
        })?;
        found.push(subnet);
    }
    let zones: std::collections::BTreeSet<&str> =
        found.iter().map(|it| it.text("AvailabilityZone")).collect();
    if zones.len() < 2 {
        return Err(invalid(
            "Subnets specified must be in at least two different AZs",
        ));
    }
    let vpc = found[0].text("VpcId");
    if found.iter().any(|it| it.text("VpcId") != vpc) {
        return Err(invalid("Subnets specified must be in the same VPC"));
    }
    // The one zone of Virginia's that has no control planes.
    if let Some(subnet) = found
        .iter()
        .find(|it| it.text("AvailabilityZoneId") == "use1-az3")
    {
        let zone = subnet.text("AvailabilityZone");
        let valid: Vec<String> = ec2::zones(cx.region)
            .into_iter()
            .filter(|it| it.1 != "use1-az3")
            .map(|it| it.0)
            .collect();
        let message = format!(
            "Cannot create cluster '{name}' because EKS does not support creating control plane instances in {zone}, the targeted availability zone. Retry cluster creation using control plane subnets that span at least two of these availability zones: {}. Note, post cluster creation, you can run worker nodes in separate subnets/availability zones from control plane subnets/availability zones passed during cluster creation",
            valid.join(", ")
        );
        return Err(
            Fault::new(400, "UnsupportedAvailabilityZoneException", message)
                .with(json!({"clusterName": name, "validZones": valid})),
        );
    }
    for id in &security {
        if cx
            .get("ec2:security-group", id)
            .is_none_or(|it| it.text("VpcId") != vpc)
        {
            return Err(invalid(format!(
                "The security group '{id}' does not exist in VPC {vpc}"
            )));
        }
    }
    let (public, private) = (
        wanted["endpointPublicAccess"] != false,
        wanted["endpointPrivateAccess"] == true,
    );
    if !public && !private {
        return Err(invalid(
            "Private and public endpoint access cannot be false",
        ));
    }
    let mut cidrs = list("publicAccessCidrs");
    if let Some(cidr) = cidrs.iter().find(|it| ec2::network::block(it).is_none()) {
        return Err(invalid(format!("The CIDR {cidr} is invalid")));
    }
    if cidrs.is_empty() && public {
        cidrs.push("0.0.0.0/0".to_owned());
    }
    Ok(json!({
        "subnetIds": subnets, "securityGroupIds": security, "vpcId": vpc, "endpointPublicAccess": public, "endpointPrivateAccess": private,
        "publicAccessCidrs": cidrs,
    }))
}

/// Makes the group that control plane and nodes share.
pub(super) fn cluster_group(
    cx: &Cx<'_>,
    name: &str,
    id: &str,
    vpc: &str,
    tags: &BTreeMap<String, String>,
) -> Thing {
    let number = u64::from_str_radix(&id[..8], 16).unwrap_or_default();
    let called = format!("eks-cluster-sg-{name}-{number}");
    let mut own = tags.clone();
    own.insert("Name".to_owned(), called.clone());
    own.insert("aws:eks:cluster-name".to_owned(), name.to_owned());
    own.insert(format!("kubernetes.io/cluster/{name}"), "owned".to_owned());
    let note = "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.";
    let group = groups::make(cx, &called, note, vpc, own);
    let within = groups::permission(&json!({"IpProtocol": "-1", "Source": group.id}), "Source");
    // It is new: it has no such rule.
    let _ = groups::grant(cx, &group.id, "IpPermissions", within);
    group
}

/// Makes the interfaces of a control plane, in two zones.
pub(super) fn interfaces(cx: &Cx<'_>, name: &str, network: &Value, group: &str) {
    let mut zones = Vec::new();
    for id in network["subnetIds"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let zone = cx
            .get("ec2:subnet", id)
            .map(|it| it.text("AvailabilityZone").to_owned())
            .unwrap_or_default();
        if zones.len() < 2 && !zones.contains(&zone) {
            let place = ec2::Place {
                subnet: id,
                groups: &[group.to_owned()],
                description: &format!("Amazon EKS {name}"),
                kind: "interface",
                requester: "amazon-eks",
                instance: None,
            };
            ec2::attach(cx, &place, BTreeMap::new());
            zones.push(zone);
        }
    }
}

/// Returns which logs are on.
pub(super) fn logging(wanted: &Value, before: &Value) -> Result<Value, Fault> {
    let mut on: Vec<&str> = Vec::new();
    let all = |value: &'_ Value| {
        value["clusterLogging"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    for setting in all(before).into_iter().chain(all(wanted)) {
        for kind in setting["types"].as_array().into_iter().flatten() {
            let known = LOGS
                .iter()
                .find(|it| *kind == **it)
                .ok_or_else(|| invalid(format!("Unknown log type {kind}")))?;
            on.retain(|it| it != known);
            if setting["enabled"] == true {
                on.push(known);
            }
        }
    }
    let off: Vec<&&str> = LOGS.iter().filter(|it| !on.contains(it)).collect();
    let mut told = Vec::new();
    if !on.is_empty() {
        told.push(json!({"types": on, "enabled": true}));
    }
    if !off.is_empty() {
        told.push(json!({"types": off, "enabled": false}));
    }
    Ok(json!({"clusterLogging": told}))
}

/// Makes the log group of a control plane that writes logs; it outlives the cluster.
pub(super) fn log_group(cx: &Cx<'_>, cluster: &Thing) {
    let on = cluster.body["logging"]["clusterLogging"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|it| it["enabled"] == true);
    if on {
        // One that is there is used.
        let _ = logs::make(
            cx,
            &format!("/aws/eks/{}/cluster", cluster.id),
            None,
            BTreeMap::new(),
        );
    }
}
