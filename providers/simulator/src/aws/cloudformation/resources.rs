//! What resources of a stack stand for: each is made, changed and deleted in its own service. The times are assumed.

use super::super::{
    Fault,
    account::Cx,
    ec2::network::{self, groups},
    iam, logs,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

type Tags = BTreeMap<String, String>;

/// A resource that is to be made.
pub(super) struct Wanted<'a> {
    pub(super) kind: &'a str,
    /// What it is called where nobody names it.
    pub(super) name: String,
    pub(super) properties: &'a Value,
    pub(super) tags: Tags,
}

/// A resource that was made.
pub(super) struct Made {
    pub(super) id: String,
    pub(super) attributes: Value,
}

/// Returns how many seconds it takes to make, or to delete, a resource of a kind.
pub(super) fn duration(kind: &str, deletes: bool) -> Duration {
    let (make, delete) = match kind {
        "AWS::EC2::NatGateway" => (95, 60),
        "AWS::EC2::VPC" => (13, 2),
        "AWS::EC2::InternetGateway" | "AWS::EC2::EIP" => (16, 2),
        "AWS::EC2::RouteTable" => (11, 2),
        "AWS::IAM::Role" => (18, 2),
        "AWS::IAM::ManagedPolicy" | "AWS::IAM::Policy" | "AWS::IAM::RolePolicy" => (16, 1),
        "AWS::IAM::InstanceProfile" => (125, 2),
        "AWS::EC2::SubnetRouteTableAssociation" | "AWS::EC2::Subnet" => (6, 3),
        _ => (4, 2),
    };
    Duration::from_secs(if deletes { delete } else { make })
}

fn text<'a>(properties: &'a Value, key: &str) -> &'a str {
    properties[key].as_str().unwrap_or_default()
}

/// Makes a resource.
pub(super) fn make(cx: &Cx<'_>, wanted: Wanted<'_>) -> Result<Made, Fault> {
    let Wanted {
        kind,
        name,
        properties,
        tags,
    } = wanted;
    let named = |key: &str| {
        properties[key]
            .as_str()
            .map_or_else(|| name.clone(), str::to_owned)
    };
    let made = |id: &str, attributes: Value| {
        Ok(Made {
            id: id.to_owned(),
            attributes,
        })
    };
    match kind {
        "AWS::EC2::VPC" => {
            let vpc = network::vpc(cx, properties, tags)?;
            let group = cx.with("ec2:security-group", "VpcId", &vpc.id);
            let group = group.first().map(|it| it.id.clone());
            let associations: Vec<Value> = vpc.body["CidrBlockAssociationSet"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|it| it["AssociationId"].clone())
                .collect();
            made(
                &vpc.id,
                json!({"VpcId": vpc.id, "CidrBlock": vpc.body["CidrBlock"], "DefaultSecurityGroup": group, "CidrBlockAssociations": associations, "Ipv6CidrBlocks": []}),
            )
        }
        "AWS::EC2::Subnet" => {
            let it = network::subnet(cx, properties, tags)?;
            made(
                &it.id,
                json!({"SubnetId": it.id, "VpcId": it.body["VpcId"], "AvailabilityZone": it.body["AvailabilityZone"], "AvailabilityZoneId": it.body["AvailabilityZoneId"], "CidrBlock": it.body["CidrBlock"], "Ipv6CidrBlocks": []}),
            )
        }
        "AWS::EC2::InternetGateway" => {
            let it = network::internet_gateway(cx, tags);
            made(&it.id, json!({"InternetGatewayId": it.id}))
        }
        "AWS::EC2::VPCGatewayAttachment" => {
            let vpc = text(properties, "VpcId");
            network::attach_gateway(cx, vpc, text(properties, "InternetGatewayId"))?;
            made(&format!("IGW|{vpc}"), json!({"AttachmentType": "IGW"}))
        }
        "AWS::EC2::EIP" => {
            let it = network::address(cx, tags)?;
            made(
                it.text("PublicIp"),
                json!({"AllocationId": it.id, "PublicIp": it.body["PublicIp"]}),
            )
        }
        "AWS::EC2::NatGateway" => {
            let it = network::nat_gateway(cx, properties, tags)?;
            made(&it.id, json!({"NatGatewayId": it.id}))
        }
        "AWS::EC2::RouteTable" => {
            let it = network::route_table(cx, text(properties, "VpcId"), tags)?;
            made(&it.id, json!({"RouteTableId": it.id}))
        }
        "AWS::EC2::Route" => {
            network::route(cx, properties)?;
            let destination = text(properties, "DestinationCidrBlock");
            made(
                &format!("{}|{destination}", text(properties, "RouteTableId")),
                json!({"CidrBlock": destination}),
            )
        }
        "AWS::EC2::SubnetRouteTableAssociation" => {
            let id = network::associate(
                cx,
                text(properties, "RouteTableId"),
                text(properties, "SubnetId"),
            )?;
            made(&id, json!({"Id": id}))
        }
        "AWS::EC2::SecurityGroup" => {
            let it = groups::add(
                cx,
                &named("GroupName"),
                text(properties, "GroupDescription"),
                text(properties, "VpcId"),
                tags,
            )?;
            rules(cx, &it.id, properties)?;
            made(
                &it.id,
                json!({"Id": it.id, "GroupId": it.id, "VpcId": it.body["VpcId"]}),
            )
        }
        "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress" => {
            let (list, other) = side(kind);
            groups::grant(
                cx,
                text(properties, "GroupId"),
                list,
                groups::permission(properties, other),
            )?;
            let id = cx.id("sgr");
            made(&id, json!({"Id": id}))
        }
        "AWS::EC2::VPCEndpoint" => {
            let id = cx.id("vpce");
            let body = json!({"VpcEndpointId": id, "VpcId": properties["VpcId"], "ServiceName": properties["ServiceName"], "State": "available"});
            cx.make("ec2:vpc-endpoint", &id, tags, body);
            made(
                &id,
                json!({"Id": id, "CreationTimestamp": cx.now.to_string(), "NetworkInterfaceIds": [], "DnsEntries": []}),
            )
        }
        "AWS::EC2::LaunchTemplate" => {
            let id = cx.id("lt");
            let body = json!({"LaunchTemplateId": id, "LaunchTemplateName": named("LaunchTemplateName"), "LatestVersionNumber": 1, "data": properties["LaunchTemplateData"]});
            cx.make("ec2:launch-template", &id, tags, body);
            made(
                &id,
                json!({"LaunchTemplateId": id, "LatestVersionNumber": "1", "DefaultVersionNumber": "1"}),
            )
        }
        "AWS::Logs::LogGroup" => {
            let name = named("LogGroupName");
            let it = logs::make(cx, &name, properties["RetentionInDays"].as_i64(), tags)?;
            made(&name, json!({"Arn": it.body["arn"]}))
        }
        kind => iam::resources::make(&cx.global(), kind, &name, properties, tags)
            .map(|(id, attributes)| Made { id, attributes }),
    }
}

fn side(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "AWS::EC2::SecurityGroupIngress" => ("IpPermissions", "SourceSecurityGroupId"),
        _ => ("IpPermissionsEgress", "DestinationSecurityGroupId"),
    }
}

/// Sets the rules that a group's own properties list.
fn rules(cx: &Cx<'_>, id: &str, properties: &Value) -> Result<(), Fault> {
    for (key, kind) in [
        ("SecurityGroupIngress", "AWS::EC2::SecurityGroupIngress"),
        ("SecurityGroupEgress", "AWS::EC2::SecurityGroupEgress"),
    ] {
        let (list, other) = side(kind);
        let Some(wanted) = properties[key].as_array() else {
            continue;
        };
        if let Some(mut group) = cx.get("ec2:security-group", id) {
            group.body[list] = json!([]);
            cx.put(group);
        }
        for rule in wanted {
            groups::grant(cx, id, list, groups::permission(rule, other))?;
        }
    }
    Ok(())
}

/// Deletes a resource; that it is gone is no error.
pub(super) fn delete(cx: &Cx<'_>, kind: &str, id: &str, properties: &Value) -> Result<(), Fault> {
    let gone = |result: Result<(), Fault>| match result {
        Err(fault) if fault.code.contains("NotFound") => Ok(()),
        other => other,
    };
    match kind {
        "AWS::EC2::VPC" => gone(network::delete_vpc(cx, id)),
        "AWS::EC2::Subnet" => network::delete_subnet(cx, id),
        "AWS::EC2::InternetGateway" => network::delete_gateway(cx, id),
        "AWS::EC2::VPCGatewayAttachment" => network::detach_gateway(
            cx,
            text(properties, "VpcId"),
            text(properties, "InternetGatewayId"),
        ),
        "AWS::EC2::EIP" => match cx.with("ec2:address", "PublicIp", id).first() {
            Some(address) => network::release(cx, &address.id),
            None => Ok(()),
        },
        "AWS::EC2::NatGateway" => {
            network::delete_nat_gateway(cx, id);
            Ok(())
        }
        "AWS::EC2::RouteTable" => network::delete_route_table(cx, id),
        "AWS::EC2::Route" => {
            network::delete_route(
                cx,
                text(properties, "RouteTableId"),
                text(properties, "DestinationCidrBlock"),
            );
            Ok(())
        }
        "AWS::EC2::SubnetRouteTableAssociation" => {
            network::disassociate(cx, id);
            Ok(())
        }
        "AWS::EC2::SecurityGroup" => gone(groups::delete(cx, id)),
        "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress" => {
            let (list, other) = side(kind);
            groups::deny(
                cx,
                text(properties, "GroupId"),
                list,
                &groups::permission(properties, other),
            );
            Ok(())
        }
        "AWS::EC2::VPCEndpoint" => {
            cx.remove("ec2:vpc-endpoint", id);
            Ok(())
        }
        "AWS::EC2::LaunchTemplate" => {
            cx.remove("ec2:launch-template", id);
            Ok(())
        }
        "AWS::Logs::LogGroup" => {
            cx.remove("logs:log-group", id);
            Ok(())
        }
        kind => gone(iam::resources::delete(&cx.global(), kind, id, properties)),
    }
}

/// The kinds of things behind types of resources that can be changed as they are.
fn thing(kind: &str) -> &'static str {
    match kind {
        "AWS::EC2::VPC" => "ec2:vpc",
        "AWS::EC2::Subnet" => "ec2:subnet",
        "AWS::EC2::InternetGateway" => "ec2:internet-gateway",
        "AWS::EC2::NatGateway" => "ec2:nat-gateway",
        "AWS::EC2::RouteTable" => "ec2:route-table",
        "AWS::EC2::SecurityGroup" => "ec2:security-group",
        "AWS::EC2::VPCEndpoint" => "ec2:vpc-endpoint",
        "AWS::EC2::LaunchTemplate" => "ec2:launch-template",
        "AWS::Logs::LogGroup" => "logs:log-group",
        _ => "",
    }
}

/// Changes a resource as it is.
pub(super) fn change(
    cx: &Cx<'_>,
    id: &str,
    before: &Value,
    wanted: Wanted<'_>,
) -> Result<(), Fault> {
    let Wanted {
        kind,
        properties,
        tags,
        ..
    } = wanted;
    match kind {
        "AWS::EC2::Route" | "AWS::EC2::SecurityGroupIngress" | "AWS::EC2::SecurityGroupEgress" => {
            delete(cx, kind, id, before)?;
            let name = String::new();
            return make(
                cx,
                Wanted {
                    kind,
                    name,
                    properties,
                    tags,
                },
            )
            .map(drop);
        }
        kind if kind.starts_with("AWS::IAM::") => {
            return iam::resources::change(&cx.global(), kind, id, properties, tags);
        }
        _ => {}
    }
    let found = match kind {
        "AWS::EC2::EIP" => cx.with("ec2:address", "PublicIp", id).into_iter().next(),
        kind => cx.get(thing(kind), id),
    };
    let Some(mut thing) = found else {
        let message = format!("Resource of type '{kind}' with identifier '{id}' was not found.");
        return Err(Fault::new(400, "NotFound", message));
    };
    thing.tags = tags;
    match kind {
        "AWS::EC2::Subnet" => {
            thing.body["MapPublicIpOnLaunch"] = json!(
                properties["MapPublicIpOnLaunch"] == true
                    || properties["MapPublicIpOnLaunch"] == "true"
            );
        }
        "AWS::Logs::LogGroup" => {
            thing.body["retentionInDays"] = properties["RetentionInDays"].clone()
        }
        _ => {}
    }
    cx.put(thing);
    match kind {
        "AWS::EC2::SecurityGroup" => rules(cx, id, properties),
        _ => Ok(()),
    }
}
