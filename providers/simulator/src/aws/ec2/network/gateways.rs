//! Gateways to the internet, and the public addresses that they have.

use super::super::super::{
    ACCOUNT, Fault,
    account::{Cx, Thing},
};
use super::{super::interfaces, Made, Tags, depends, invalid, vpc_of};
use crate::clock;
use serde_json::{Value, json};
use std::time::Duration;

/// How many addresses an account may have in a region.
const ADDRESSES: usize = 5;
/// How long a NAT gateway that is deleted is told of.
const TOLD: Duration = Duration::from_secs(3600);

pub(in crate::aws) fn internet_gateway(cx: &Cx<'_>, tags: Tags) -> Thing {
    let id = cx.id("igw");
    let body = json!({"InternetGatewayId": id, "OwnerId": ACCOUNT, "Attachments": []});
    cx.make("ec2:internet-gateway", &id, tags, body)
}

pub(in crate::aws) fn attach_gateway(cx: &Cx<'_>, vpc: &str, gateway: &str) -> Result<(), Fault> {
    vpc_of(cx, vpc)?;
    let mut thing = gateway_of(cx, gateway)?;
    let taken = cx
        .all("ec2:internet-gateway")
        .iter()
        .any(|it| it.body["Attachments"][0]["VpcId"] == *vpc);
    if taken || !thing.body["Attachments"][0].is_null() {
        let message = format!(
            "resource {gateway} is already associated: or the network {vpc} already has an internet gateway attached"
        );
        return Err(Fault::new(400, "Resource.AlreadyAssociated", message));
    }
    thing.body["Attachments"] = json!([{"State": "available", "VpcId": vpc}]);
    cx.put(thing);
    Ok(())
}

pub(super) fn gateway_of(cx: &Cx<'_>, id: &str) -> Made {
    cx.get("ec2:internet-gateway", id).ok_or_else(|| {
        Fault::new(
            400,
            "InvalidInternetGatewayID.NotFound",
            format!("The internetGateway ID '{id}' does not exist"),
        )
    })
}

/// A gateway is not detached while something in the VPC has a public address through it.
pub(in crate::aws) fn detach_gateway(cx: &Cx<'_>, vpc: &str, gateway: &str) -> Result<(), Fault> {
    let Ok(mut thing) = gateway_of(cx, gateway) else {
        return Ok(());
    };
    let mapped = cx
        .with("ec2:network-interface", "VpcId", vpc)
        .iter()
        .any(|it| !it.body["Association"].is_null());
    if mapped {
        let message = format!(
            "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        );
        return Err(depends(message));
    }
    thing.body["Attachments"] = json!([]);
    cx.put(thing);
    Ok(())
}

pub(in crate::aws) fn delete_gateway(cx: &Cx<'_>, id: &str) -> Result<(), Fault> {
    let Ok(thing) = gateway_of(cx, id) else {
        return Ok(());
    };
    if !thing.body["Attachments"][0].is_null() {
        return Err(depends(format!(
            "The internetGateway '{id}' has dependencies and cannot be deleted."
        )));
    }
    cx.remove("ec2:internet-gateway", id);
    Ok(())
}

pub(in crate::aws) fn address(cx: &Cx<'_>, tags: Tags) -> Made {
    let all = cx.all("ec2:address");
    if all.len() >= ADDRESSES {
        let message = "The maximum number of addresses has been reached.";
        return Err(Fault::new(400, "AddressLimitExceeded", message));
    }
    // TEST-NET-2 (RFC 5737): nothing real answers there.
    let free = (1..=254)
        .map(|it| format!("198.51.100.{it}"))
        .find(|ip| all.iter().all(|it| it.text("PublicIp") != ip));
    let id = cx.id("eipalloc");
    let body = json!({"AllocationId": id, "PublicIp": free, "Domain": "vpc", "NetworkBorderGroup": cx.region, "PublicIpv4Pool": "amazon"});
    Ok(cx.make("ec2:address", &id, tags, body))
}

pub(in crate::aws) fn release(cx: &Cx<'_>, id: &str) -> Result<(), Fault> {
    let address = cx.get("ec2:address", id).ok_or_else(|| {
        Fault::new(
            400,
            "InvalidAllocationID.NotFound",
            format!("The allocation ID '{id}' does not exist"),
        )
    })?;
    if !address.body["AssociationId"].is_null() {
        let message = format!(
            "You do not have permission to access the specified resource: the address {id} is in use."
        );
        return Err(Fault::new(400, "InvalidIPAddress.InUse", message));
    }
    cx.remove("ec2:address", id);
    Ok(())
}

/// Makes a NAT gateway, with its interface.
pub(in crate::aws) fn nat_gateway(cx: &Cx<'_>, wanted: &Value, tags: Tags) -> Made {
    let subnet = wanted["SubnetId"].as_str().unwrap_or_default();
    let allocation = wanted["AllocationId"].as_str().unwrap_or_default();
    let place = interfaces::Place {
        subnet,
        groups: &[],
        description: "Interface for NAT Gateway",
        kind: "nat_gateway",
        requester: "amazon-nat",
        instance: None,
    };
    let known = cx.get("ec2:subnet", subnet).ok_or_else(|| {
        Fault::new(
            400,
            "InvalidSubnetID.NotFound",
            format!("The subnet ID '{subnet}' does not exist"),
        )
    })?;
    let address = match wanted["ConnectivityType"].as_str() {
        Some("private") => None,
        _ => Some(cx.get("ec2:address", allocation).ok_or_else(|| {
            let message = format!("The allocation ID '{allocation}' does not exist");
            Fault::new(400, "InvalidAllocationID.NotFound", message)
        })?),
    };
    if address
        .as_ref()
        .is_some_and(|it| !it.body["AssociationId"].is_null())
    {
        let message = format!("Elastic IP address [{allocation}] is already associated");
        return Err(Fault::new(400, "Resource.AlreadyAssociated", message));
    }
    let mut interface =
        interfaces::attach(cx, &place, Tags::new()).ok_or_else(|| invalid("no interface"))?;
    let id = cx.id("nat");
    interface.body["Description"] = json!(format!("Interface for NAT Gateway {id}"));
    let mut shown = json!({
        "NetworkInterfaceId": interface.id, "PrivateIp": interface.body["PrivateIpAddress"], "IsPrimary": true, "Status": "succeeded",
        "AvailabilityZone": known.body["AvailabilityZone"],
    });
    if let Some(mut address) = address {
        let association = cx.id("eipassoc");
        shown["AllocationId"] = json!(address.id);
        shown["PublicIp"] = address.body["PublicIp"].clone();
        shown["AssociationId"] = json!(association);
        interface.body["Association"] = json!({"AllocationId": address.id, "AssociationId": association, "PublicIp": address.body["PublicIp"], "IpOwnerId": ACCOUNT});
        address.body["AssociationId"] = json!(association);
        address.body["NetworkInterfaceId"] = json!(interface.id);
        cx.put(address);
    }
    cx.put(interface);
    let body = json!({
        "NatGatewayId": id, "SubnetId": subnet, "VpcId": known.body["VpcId"], "State": "available", "CreateTime": cx.now.to_string(),
        "ConnectivityType": wanted["ConnectivityType"].as_str().unwrap_or("public"), "NatGatewayAddresses": [shown],
    });
    Ok(cx.make("ec2:nat-gateway", &id, tags, body))
}

pub(in crate::aws) fn delete_nat_gateway(cx: &Cx<'_>, id: &str) {
    let Some(mut gateway) = cx.get("ec2:nat-gateway", id) else {
        return;
    };
    let address = gateway.body["NatGatewayAddresses"][0].clone();
    cx.remove(
        "ec2:network-interface",
        address["NetworkInterfaceId"].as_str().unwrap_or_default(),
    );
    if let Some(mut address) = cx.get(
        "ec2:address",
        address["AllocationId"].as_str().unwrap_or_default(),
    ) {
        address.body["AssociationId"] = Value::Null;
        address.body["NetworkInterfaceId"] = Value::Null;
        cx.put(address);
    }
    // It is told of for a while.
    gateway.body["State"] = json!("deleted");
    gateway.body["DeleteTime"] = json!(cx.now.to_string());
    gateway.limit = Some(clock::add(cx.now, TOLD));
    cx.put(gateway);
}
