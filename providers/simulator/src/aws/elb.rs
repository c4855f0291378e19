//! Elastic Load Balancing, both generations: what clusters make there, until somebody deletes it.

use super::{
    Fault, Outcome,
    account::{Cx, Thing},
    ec2, page, tag_list,
};
use crate::clock;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

pub(super) const CLASSIC: &str = "elb:load-balancer";
pub(super) const NETWORK: &str = "elbv2:load-balancer";
pub(super) const TARGETS: &str = "elbv2:target-group";
const LISTENER: &str = "elbv2:listener";
/// Assumed time until the interfaces of a deleted balancer are gone.
const LINGER: Duration = Duration::from_secs(30);

/// A balancer that is wanted.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) internal: bool,
    pub(super) vpc: String,
    pub(super) subnets: Vec<Thing>,
    pub(super) groups: Vec<String>,
    /// Protocol, port, port of the nodes.
    pub(super) ports: Vec<(String, i64, i64)>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) maker: String,
}

impl Wanted {
    fn scheme(&self) -> &'static str {
        if self.internal {
            "internal"
        } else {
            "internet-facing"
        }
    }

    fn zones(&self) -> Vec<&str> {
        self.subnets
            .iter()
            .map(|it| it.text("AvailabilityZone"))
            .collect()
    }

    fn ids(&self) -> Vec<&str> {
        self.subnets.iter().map(|it| it.id.as_str()).collect()
    }
}

/// Makes the interfaces of a balancer; those that the internet reaches have addresses of AWS's own.
fn attach(cx: &Cx<'_>, wanted: &Wanted, description: &str, kind: &str) {
    for subnet in &wanted.subnets {
        let place = ec2::Place {
            subnet: &subnet.id,
            groups: &wanted.groups,
            description,
            kind,
            requester: "amazon-elb",
            instance: None,
        };
        let made = ec2::attach(cx, &place, BTreeMap::new());
        if let (Some(mut interface), false) = (made, wanted.internal) {
            let number = u32::from_str_radix(&crate::ground::digest(&interface.id)[..4], 16)
                .unwrap_or_default();
            // TEST-NET-3 (RFC 5737): nothing real answers there.
            let address = format!("203.0.113.{}", 1 + number % 254);
            interface.body["Association"] = json!({"PublicIp": address, "IpOwnerId": "amazon-elb"});
            cx.put(interface);
        }
    }
}

/// Lets the interfaces of a balancer go after a while.
fn detach(cx: &Cx<'_>, description: &str) {
    for mut interface in cx.with("ec2:network-interface", "Description", description) {
        interface.due = Some(clock::add(cx.now, LINGER));
        cx.put(interface);
    }
}

/// Makes a classic balancer; returns its host name.
pub(super) fn make_classic(cx: &Cx<'_>, wanted: &Wanted) -> String {
    let number =
        u64::from_str_radix(&crate::ground::digest(&wanted.name)[..8], 16).unwrap_or_default();
    let prefix = if wanted.internal { "internal-" } else { "" };
    let host = format!(
        "{prefix}{}-{number}.{}.elb.amazonaws.com",
        wanted.name, cx.region
    );
    let listeners: Vec<Value> = wanted
        .ports
        .iter()
        .map(|(protocol, port, node)| json!({"PolicyNames": [], "Listener": {"Protocol": protocol, "LoadBalancerPort": port, "InstanceProtocol": protocol, "InstancePort": node}}))
        .collect();
    let check = wanted.ports.first().map_or(0, |it| it.2);
    let body = json!({
        "LoadBalancerName": wanted.name, "DNSName": host, "CanonicalHostedZoneName": host, "CanonicalHostedZoneNameID": "Z35SXDOTRQ7X7K",
        "ListenerDescriptions": listeners, "Policies": {}, "BackendServerDescriptions": [], "AvailabilityZones": wanted.zones(),
        "Subnets": wanted.ids(), "VPCId": wanted.vpc, "Instances": [], "SecurityGroups": wanted.groups, "Scheme": wanted.scheme(),
        "CreatedTime": cx.now.to_string(), "maker": wanted.maker,
        "HealthCheck": {"Target": format!("TCP:{check}"), "Interval": 10, "Timeout": 5, "UnhealthyThreshold": 6, "HealthyThreshold": 2},
    });
    cx.make(CLASSIC, &wanted.name, wanted.tags.clone(), body);
    attach(cx, wanted, &format!("ELB {}", wanted.name), "interface");
    host
}

/// Makes a network balancer, with a target group and a listener for each port; returns its host name.
pub(super) fn make_network(cx: &Cx<'_>, wanted: &Wanted) -> String {
    let mark = &crate::ground::digest(&wanted.name)[..16];
    let path = format!("net/{}/{mark}", wanted.name);
    let arn = cx.arn("elasticloadbalancing", &format!("loadbalancer/{path}"));
    let host = format!("{}-{mark}.elb.{}.amazonaws.com", wanted.name, cx.region);
    let zones: Vec<Value> = wanted
        .subnets
        .iter()
        .map(|it| json!({"ZoneName": it.body["AvailabilityZone"], "SubnetId": it.id, "LoadBalancerAddresses": []}))
        .collect();
    let body = json!({
        "LoadBalancerArn": arn, "DNSName": host, "CanonicalHostedZoneId": "Z26RNL4JYFTOTI", "CreatedTime": cx.now.to_string(),
        "LoadBalancerName": wanted.name, "Scheme": wanted.scheme(), "VpcId": wanted.vpc, "State": {"Code": "active"}, "Type": "network",
        "AvailabilityZones": zones, "SecurityGroups": wanted.groups, "IpAddressType": "ipv4", "maker": wanted.maker,
    });
    cx.make(NETWORK, &arn, wanted.tags.clone(), body);
    attach(cx, wanted, &format!("ELB {path}"), "network_load_balancer");
    for (protocol, port, node) in &wanted.ports {
        let mark = &crate::ground::digest(&format!("{} {port}", wanted.name))[..16];
        let name = format!("k8s-{}", &mark[..10]);
        let targets = cx.arn(
            "elasticloadbalancing",
            &format!("targetgroup/{name}/{mark}"),
        );
        let body = json!({
            "TargetGroupArn": targets, "TargetGroupName": name, "Protocol": protocol, "Port": node, "VpcId": wanted.vpc, "TargetType": "instance",
            "HealthCheckProtocol": "TCP", "HealthCheckPort": "traffic-port", "HealthCheckEnabled": true, "LoadBalancerArns": [arn], "IpAddressType": "ipv4",
            "maker": wanted.maker,
        });
        cx.make(TARGETS, &targets, wanted.tags.clone(), body);
        let listener = cx.arn("elasticloadbalancing", &format!("listener/{path}/{mark}"));
        let body = json!({
            "ListenerArn": listener, "LoadBalancerArn": arn, "Port": port, "Protocol": protocol,
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": targets}],
        });
        cx.make(LISTENER, &listener, BTreeMap::new(), body);
    }
    host
}

pub(super) fn delete_classic(cx: &Cx<'_>, name: &str) {
    if cx.remove(CLASSIC, name) {
        detach(cx, &format!("ELB {name}"));
    }
}

/// Deletes a network balancer with its listeners: its target groups stay.
pub(super) fn delete_network(cx: &Cx<'_>, arn: &str) {
    if !cx.remove(NETWORK, arn) {
        return;
    }
    for listener in cx.with(LISTENER, "LoadBalancerArn", arn) {
        cx.remove(LISTENER, &listener.id);
    }
    for mut targets in cx.all(TARGETS) {
        if targets.body["LoadBalancerArns"][0] == *arn {
            targets.body["LoadBalancerArns"] = json!([]);
            cx.put(targets);
        }
    }
    detach(
        cx,
        &format!(
            "ELB {}",
            arn.split_once("loadbalancer/").map_or("", |it| it.1)
        ),
    );
}

fn text<'a>(input: &'a Value, key: &str) -> &'a str {
    input[key].as_str().unwrap_or_default()
}

fn paged(key: &str, items: Vec<Value>, input: &Value) -> Outcome {
    let (items, next) = page(
        items,
        input["PageSize"].as_u64().or(Some(400)),
        input["Marker"].as_str(),
    )
    .map_err(|fault| Fault::new(400, "ValidationError", fault.message))?;
    Ok(json!({key: items, "NextMarker": next}))
}

/// Answers for the first generation.
pub(super) fn act_classic(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    let names: Vec<&str> = input["LoadBalancerNames"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut all = cx.all(CLASSIC);
    if !names.is_empty() {
        if let Some(name) = names
            .iter()
            .find(|name| all.iter().all(|it| it.id != **name))
        {
            let message = format!("There is no ACTIVE Load Balancer named '{name}'");
            return Err(Fault::new(400, "LoadBalancerNotFound", message));
        }
        all.retain(|it| names.contains(&it.id.as_str()));
    }
    match operation {
        "DescribeLoadBalancers" => paged(
            "LoadBalancerDescriptions",
            all.into_iter().map(|it| it.body).collect(),
            input,
        ),
        "DescribeTags" => {
            let told = all.iter().map(
                |it| json!({"LoadBalancerName": it.id, "Tags": tag_list(&it.tags, "Key", "Value")}),
            );
            Ok(json!({"TagDescriptions": told.collect::<Vec<_>>()}))
        }
        _ => {
            delete_classic(cx, text(input, "LoadBalancerName"));
            Ok(json!({}))
        }
    }
}

/// Answers for the second generation.
pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    let not_found = |code: &str, what: &str, id: &str| {
        Fault::new(400, code, format!("{what} '[{id}]' not found"))
    };
    // Things of a kind by their ARNs or names; all, where none are named.
    let pick = |kind: &str,
                (arns, names): (&str, &str),
                name: &str,
                fault: (&str, &str)|
     -> Result<Vec<Thing>, Fault> {
        let list = |key: &str| -> Vec<String> {
            input[key]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        let (arns, names) = (list(arns), list(names));
        let mut all = cx.all(kind);
        if let Some(id) = arns.iter().find(|id| all.iter().all(|it| it.id != **id)) {
            return Err(not_found(fault.0, fault.1, id));
        }
        if let Some(id) = names
            .iter()
            .find(|id| all.iter().all(|it| it.text(name) != **id))
        {
            return Err(not_found(fault.0, fault.1, id));
        }
        if !arns.is_empty() || !names.is_empty() {
            all.retain(|it| {
                arns.contains(&it.id) || names.iter().any(|name_| it.text(name) == name_)
            });
        }
        Ok(all)
    };
    match operation {
        "DescribeLoadBalancers" => {
            let found = pick(
                NETWORK,
                ("LoadBalancerArns", "Names"),
                "LoadBalancerName",
                ("LoadBalancerNotFound", "Load balancers"),
            )?;
            paged(
                "LoadBalancers",
                found.into_iter().map(|it| it.body).collect(),
                input,
            )
        }
        "DescribeTargetGroups" => {
            let mut found = pick(
                TARGETS,
                ("TargetGroupArns", "Names"),
                "TargetGroupName",
                ("TargetGroupNotFound", "Target groups"),
            )?;
            if let Some(arn) = input["LoadBalancerArn"].as_str() {
                found.retain(|it| {
                    it.body["LoadBalancerArns"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|it| it == arn)
                });
            }
            paged(
                "TargetGroups",
                found.into_iter().map(|it| it.body).collect(),
                input,
            )
        }
        "DescribeListeners" => {
            let mut found = pick(
                LISTENER,
                ("ListenerArns", ""),
                "",
                ("ListenerNotFound", "Listeners"),
            )?;
            if let Some(arn) = input["LoadBalancerArn"].as_str() {
                found.retain(|it| it.text("LoadBalancerArn") == arn);
            }
            paged(
                "Listeners",
                found.into_iter().map(|it| it.body).collect(),
                input,
            )
        }
        "DescribeTags" => {
            let mut told = Vec::new();
            for arn in input["ResourceArns"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                let found = [NETWORK, TARGETS, LISTENER]
                    .iter()
                    .find_map(|kind| cx.get(kind, arn));
                let it = found
                    .ok_or_else(|| not_found("LoadBalancerNotFound", "Load balancers", arn))?;
                told.push(json!({"ResourceArn": arn, "Tags": tag_list(&it.tags, "Key", "Value")}));
            }
            Ok(json!({"TagDescriptions": told}))
        }
        "DeleteLoadBalancer" => {
            delete_network(cx, text(input, "LoadBalancerArn"));
            Ok(json!({}))
        }
        "DeleteListener" => match cx.remove(LISTENER, text(input, "ListenerArn")) {
            true => Ok(json!({})),
            false => Err(not_found(
                "ListenerNotFound",
                "Listeners",
                text(input, "ListenerArn"),
            )),
        },
        _ => {
            let arn = text(input, "TargetGroupArn");
            if cx
                .all(LISTENER)
                .iter()
                .any(|it| it.body["DefaultActions"][0]["TargetGroupArn"] == arn)
            {
                let message =
                    format!("Target group '{arn}' is currently in use by a listener or a rule");
                return Err(Fault::new(400, "ResourceInUse", message));
            }
            cx.remove(TARGETS, arn);
            Ok(json!({}))
        }
    }
}
