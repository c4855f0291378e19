//! Networks: VPCs, subnets, gateways, routes and addresses. What still has something in it is not deleted.

mod gateways;
pub(in crate::aws) mod groups;
mod routes;

pub(in crate::aws) use gateways::{
    address, attach_gateway, delete_gateway, delete_nat_gateway, detach_gateway, internet_gateway,
    nat_gateway, release,
};
pub(in crate::aws) use routes::{
    associate, delete_route, delete_route_table, disassociate, is_main, is_public, route,
    route_table,
};

use super::super::{
    ACCOUNT, Fault,
    account::{Cx, Thing},
};
use super::offer;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Tags = BTreeMap<String, String>;
type Made = Result<Thing, Fault>;

/// How many VPCs an account may have in a region.
const VPCS: usize = 5;

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidParameterValue", message)
}

fn depends(message: impl Into<String>) -> Fault {
    Fault::new(400, "DependencyViolation", message)
}

/// Returns the address and the size of a block as "10.0.0.0/16"; none where it is malformed.
pub(in crate::aws) fn block(text: &str) -> Option<(u32, u32)> {
    let (address, size) = text.split_once('/')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    let size: u32 = size.parse().ok().filter(|it| *it <= 32)?;
    Some((u32::from(address), size))
}

pub(in crate::aws) fn dotted(address: u32) -> String {
    std::net::Ipv4Addr::from(address).to_string()
}

fn mask(size: u32) -> u32 {
    u32::MAX.checked_shl(32 - size).unwrap_or(0)
}

/// Returns the region's default network, which every account has from the beginning.
pub(in crate::aws) fn begin(cx: &Cx<'_>) {
    if cx.get("ec2:region", cx.region).is_some() {
        return;
    }
    cx.make(
        "ec2:region",
        cx.region,
        Tags::new(),
        json!({"IsDefault": true}),
    );
    let Ok(vpc) = vpc(
        cx,
        &json!({"CidrBlock": "172.31.0.0/16", "EnableDnsHostnames": true}),
        Tags::new(),
    ) else {
        return;
    };
    let default = |kind: &str, id: &str| {
        if let Some(mut thing) = cx.get(kind, id) {
            thing.body["IsDefault"] = json!(true);
            cx.put(thing);
        }
    };
    default("ec2:vpc", &vpc.id);
    for group in cx.with("ec2:security-group", "VpcId", &vpc.id) {
        default("ec2:security-group", &group.id);
    }
    let gateway = internet_gateway(cx, Tags::new());
    default("ec2:internet-gateway", &gateway.id);
    let attached = attach_gateway(cx, &vpc.id, &gateway.id);
    for mut table in cx.with("ec2:route-table", "VpcId", &vpc.id) {
        table.body["IsDefault"] = json!(true);
        if attached.is_ok()
            && let Some(routes) = table.body["Routes"].as_array_mut()
        {
            routes.push(json!({"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway.id, "State": "active", "Origin": "CreateRoute"}));
        }
        cx.put(table);
    }
    for (number, (zone, _)) in offer::zones(cx.region).iter().enumerate() {
        let wanted = json!({
            "VpcId": vpc.id, "CidrBlock": format!("172.31.{}.0/20", number * 16), "AvailabilityZone": zone, "MapPublicIpOnLaunch": true,
        });
        if let Ok(subnet) = subnet(cx, &wanted, Tags::new()) {
            default("ec2:subnet", &subnet.id);
            if let Some(mut subnet) = cx.get("ec2:subnet", &subnet.id) {
                subnet.body["DefaultForAz"] = json!(true);
                cx.put(subnet);
            }
        }
    }
}

/// Makes a VPC of the properties that CloudFormation has for it, with its main route table and its default security group.
pub(in crate::aws) fn vpc(cx: &Cx<'_>, wanted: &Value, tags: Tags) -> Made {
    let cidr = wanted["CidrBlock"].as_str().unwrap_or_default();
    let (address, size) = block(cidr).ok_or_else(|| {
        invalid(format!(
            "Value ({cidr}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        ))
    })?;
    if !(16..=28).contains(&size) || address & !mask(size) != 0 {
        return Err(Fault::new(
            400,
            "InvalidVpc.Range",
            format!("The CIDR '{cidr}' is invalid."),
        ));
    }
    if cx.all("ec2:vpc").len() >= VPCS {
        let message = "The maximum number of VPCs has been reached.";
        return Err(Fault::new(400, "VpcLimitExceeded", message));
    }
    let id = cx.id("vpc");
    let vpc = cx.make(
        "ec2:vpc",
        &id,
        tags,
        json!({
            "VpcId": id, "CidrBlock": cidr, "State": "available", "IsDefault": false, "OwnerId": ACCOUNT, "DhcpOptionsId": "default",
            "InstanceTenancy": wanted["InstanceTenancy"].as_str().unwrap_or("default"),
            "CidrBlockAssociationSet": [{
                "AssociationId": cx.id("vpc-cidr-assoc"), "CidrBlock": cidr, "CidrBlockState": {"State": "associated"},
            }],
            "dnsHostnames": wanted["EnableDnsHostnames"] == true, "dnsSupport": wanted["EnableDnsSupport"] != false,
        }),
    );
    groups::make(
        cx,
        "default",
        "default VPC security group",
        &id,
        Tags::new(),
    );
    let main = route_table(cx, &id, Tags::new());
    if let Ok(mut main) = main {
        main.body["Associations"] = json!([{
            "Main": true, "RouteTableAssociationId": cx.id("rtbassoc"), "RouteTableId": main.id, "AssociationState": {"State": "associated"},
        }]);
        cx.put(main);
    }
    Ok(vpc)
}

fn vpc_of(cx: &Cx<'_>, id: &str) -> Made {
    cx.get("ec2:vpc", id).ok_or_else(|| {
        Fault::new(
            400,
            "InvalidVpcID.NotFound",
            format!("The vpc ID '{id}' does not exist"),
        )
    })
}

/// A VPC goes with its main route table and its default group, and with nothing else in it.
pub(in crate::aws) fn delete_vpc(cx: &Cx<'_>, id: &str) -> Result<(), Fault> {
    vpc_of(cx, id)?;
    let held = || {
        Err(depends(format!(
            "The vpc '{id}' has dependencies and cannot be deleted."
        )))
    };
    let attached = |it: &Thing| it.body["Attachments"][0]["VpcId"] == *id;
    let groups = cx.with("ec2:security-group", "VpcId", id);
    let tables = cx.with("ec2:route-table", "VpcId", id);
    let others = ["ec2:subnet", "ec2:network-interface", "ec2:vpc-endpoint"];
    if others
        .iter()
        .any(|kind| !cx.with(kind, "VpcId", id).is_empty())
        || cx.all("ec2:internet-gateway").iter().any(attached)
        || groups.iter().any(|it| it.text("GroupName") != "default")
        || tables.iter().any(|it| !is_main(it))
    {
        return held();
    }
    for thing in groups.iter().chain(&tables) {
        cx.remove(&thing.kind, &thing.id);
    }
    cx.remove("ec2:vpc", id);
    Ok(())
}

pub(in crate::aws) fn subnet(cx: &Cx<'_>, wanted: &Value, tags: Tags) -> Made {
    let vpc = vpc_of(cx, wanted["VpcId"].as_str().unwrap_or_default())?;
    let cidr = wanted["CidrBlock"].as_str().unwrap_or_default();
    let range = || {
        Fault::new(
            400,
            "InvalidSubnet.Range",
            format!("The CIDR '{cidr}' is invalid."),
        )
    };
    let (address, size) = block(cidr).ok_or_else(range)?;
    let (base, width) = block(vpc.text("CidrBlock")).ok_or_else(range)?;
    if size > 28 || size < width || address & mask(width) != base || address & !mask(size) != 0 {
        return Err(range());
    }
    let conflicts = |it: &Thing| {
        let (other, wide) = block(it.text("CidrBlock")).unwrap_or_default();
        let both = mask(size.min(wide));
        other & both == address & both
    };
    if cx
        .with("ec2:subnet", "VpcId", &vpc.id)
        .iter()
        .any(conflicts)
    {
        let message = format!("The CIDR '{cidr}' conflicts with another subnet");
        return Err(Fault::new(400, "InvalidSubnet.Conflict", message));
    }
    let zones = offer::zones(cx.region);
    let zone = match wanted["AvailabilityZone"].as_str() {
        None => zones.first(),
        Some(name) => zones.iter().find(|it| it.0 == name),
    };
    let (zone, zone_id) = zone.ok_or_else(|| {
        let given = wanted["AvailabilityZone"].as_str().unwrap_or_default();
        invalid(format!("Value ({given}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
            zones.iter().map(|it| it.0.as_str()).collect::<Vec<_>>().join(", ")))
    })?;
    let id = cx.id("subnet");
    let body = json!({
        "SubnetId": id, "VpcId": vpc.id, "CidrBlock": cidr, "AvailabilityZone": zone, "AvailabilityZoneId": zone_id, "State": "available",
        "AvailableIpAddressCount": (1_u32 << (32 - size)) - 5, "DefaultForAz": false, "OwnerId": ACCOUNT,
        "MapPublicIpOnLaunch": wanted["MapPublicIpOnLaunch"] == true, "SubnetArn": cx.arn("ec2", &format!("subnet/{id}")),
    });
    Ok(cx.make("ec2:subnet", &id, tags, body))
}

pub(in crate::aws) fn delete_subnet(cx: &Cx<'_>, id: &str) -> Result<(), Fault> {
    if !cx.with("ec2:network-interface", "SubnetId", id).is_empty() {
        return Err(depends(format!(
            "The subnet '{id}' has dependencies and cannot be deleted."
        )));
    }
    for mut table in cx.all("ec2:route-table") {
        if let Some(list) = table.body["Associations"].as_array_mut() {
            let had = list.len();
            list.retain(|it| it["SubnetId"] != *id);
            if list.len() < had {
                cx.put(table);
            }
        }
    }
    cx.remove("ec2:subnet", id);
    Ok(())
}
