//! Route tables: where what leaves a subnet goes.

use super::super::super::{
    ACCOUNT, Fault,
    account::{Cx, Thing},
};
use super::{Made, Tags, block, depends, gateways::gateway_of, invalid, vpc_of};
use serde_json::{Value, json};

pub(in crate::aws) fn route_table(cx: &Cx<'_>, vpc: &str, tags: Tags) -> Made {
    let vpc = vpc_of(cx, vpc)?;
    let id = cx.id("rtb");
    let local = json!({
        "DestinationCidrBlock": vpc.body["CidrBlock"], "GatewayId": "local", "State": "active", "Origin": "CreateRouteTable",
    });
    let body = json!({
        "RouteTableId": id, "VpcId": vpc.id, "OwnerId": ACCOUNT, "Associations": [], "PropagatingVgws": [], "Routes": [local],
    });
    Ok(cx.make("ec2:route-table", &id, tags, body))
}

fn table_of(cx: &Cx<'_>, id: &str) -> Made {
    cx.get("ec2:route-table", id).ok_or_else(|| {
        Fault::new(
            400,
            "InvalidRouteTableID.NotFound",
            format!("The routeTable ID '{id}' does not exist"),
        )
    })
}

pub(in crate::aws) fn delete_route_table(cx: &Cx<'_>, id: &str) -> Result<(), Fault> {
    let Ok(table) = table_of(cx, id) else {
        return Ok(());
    };
    if table.body["Associations"]
        .as_array()
        .is_some_and(|it| !it.is_empty())
    {
        return Err(depends(format!(
            "The routeTable '{id}' has dependencies and cannot be deleted."
        )));
    }
    cx.remove("ec2:route-table", id);
    Ok(())
}

pub(in crate::aws) fn route(cx: &Cx<'_>, wanted: &Value) -> Result<(), Fault> {
    let mut table = table_of(cx, wanted["RouteTableId"].as_str().unwrap_or_default())?;
    let destination = wanted["DestinationCidrBlock"].as_str().unwrap_or_default();
    block(destination).ok_or_else(|| invalid(format!("Value ({destination}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.")))?;
    let (gateway, nat) = (
        wanted["GatewayId"].as_str(),
        wanted["NatGatewayId"].as_str(),
    );
    match (gateway, nat) {
        (Some(id), None) => {
            let thing = gateway_of(cx, id)?;
            if thing.body["Attachments"][0]["VpcId"] != table.body["VpcId"] {
                let message = format!(
                    "route table {} and network gateway {id} belong to different networks",
                    table.id
                );
                return Err(invalid(message));
            }
        }
        (None, Some(id))
            if cx
                .get("ec2:nat-gateway", id)
                .is_some_and(|it| it.text("State") == "available") => {}
        (None, Some(id)) => {
            return Err(Fault::new(
                400,
                "InvalidNatGatewayID.NotFound",
                format!("The natGateway ID '{id}' does not exist"),
            ));
        }
        _ => {
            return Err(Fault::new(
                400,
                "MissingParameter",
                "The request must contain exactly one of gatewayId, natGatewayId",
            ));
        }
    }
    let routes = table.body["Routes"].as_array().cloned().unwrap_or_default();
    if routes
        .iter()
        .any(|it| it["DestinationCidrBlock"] == destination)
    {
        let message = format!("The route identified by {destination} already exists.");
        return Err(Fault::new(400, "RouteAlreadyExists", message));
    }
    let mut route =
        json!({"DestinationCidrBlock": destination, "State": "active", "Origin": "CreateRoute"});
    let key = if gateway.is_some() {
        "GatewayId"
    } else {
        "NatGatewayId"
    };
    route[key] = json!(gateway.or(nat));
    table.body["Routes"] = routes.into_iter().chain([route]).collect();
    cx.put(table);
    Ok(())
}

pub(in crate::aws) fn delete_route(cx: &Cx<'_>, table: &str, destination: &str) {
    let Ok(mut table) = table_of(cx, table) else {
        return;
    };
    if let Some(routes) = table.body["Routes"].as_array_mut() {
        routes.retain(|it| it["DestinationCidrBlock"] != *destination);
    }
    cx.put(table);
}

/// Returns the id of a new association.
pub(in crate::aws) fn associate(cx: &Cx<'_>, table: &str, subnet: &str) -> Result<String, Fault> {
    let mut table = table_of(cx, table)?;
    let known = cx
        .get("ec2:subnet", subnet)
        .filter(|it| it.body["VpcId"] == table.body["VpcId"]);
    known.ok_or_else(|| {
        Fault::new(
            400,
            "InvalidSubnetID.NotFound",
            format!("The subnet ID '{subnet}' does not exist"),
        )
    })?;
    let taken = cx.all("ec2:route-table").iter().any(|it| {
        it.body["Associations"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|it| it["SubnetId"] == *subnet)
    });
    if taken {
        let message = format!(
            "the specified association for subnet {subnet} conflicts with an existing association"
        );
        return Err(Fault::new(400, "Resource.AlreadyAssociated", message));
    }
    let id = cx.id("rtbassoc");
    if let Some(list) = table.body["Associations"].as_array_mut() {
        list.push(json!({
            "Main": false, "RouteTableAssociationId": id, "RouteTableId": table.id, "SubnetId": subnet, "AssociationState": {"State": "associated"},
        }));
    }
    cx.put(table);
    Ok(id)
}

pub(in crate::aws) fn disassociate(cx: &Cx<'_>, id: &str) {
    for mut table in cx.all("ec2:route-table") {
        if let Some(list) = table.body["Associations"].as_array_mut() {
            let had = list.len();
            list.retain(|it| it["RouteTableAssociationId"] != *id);
            if list.len() < had {
                cx.put(table);
            }
        }
    }
}

/// Returns whether what is in a subnet reaches the internet by a gateway.
pub(in crate::aws) fn is_public(cx: &Cx<'_>, subnet: &Thing) -> bool {
    let tables = cx.with("ec2:route-table", "VpcId", subnet.text("VpcId"));
    let own = |it: &&Thing| {
        it.body["Associations"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|it| it["SubnetId"] == *subnet.id)
    };
    let table = tables
        .iter()
        .find(own)
        .or_else(|| tables.iter().find(|it| is_main(it)));
    let leaves = |route: &Value| {
        route["GatewayId"]
            .as_str()
            .is_some_and(|it| it.starts_with("igw-"))
    };
    table.is_some_and(|it| {
        it.body["Routes"]
            .as_array()
            .into_iter()
            .flatten()
            .any(leaves)
    })
}

pub(in crate::aws) fn is_main(table: &Thing) -> bool {
    table.body["Associations"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|it| it["Main"] == true)
}
