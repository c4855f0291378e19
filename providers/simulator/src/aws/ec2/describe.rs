//! What EC2 tells of things: by ids, by filters, by pages.

use super::{
    super::{
        Fault, Outcome,
        account::{Cx, Thing},
        page, tag_list,
    },
    PREFIXES,
};
use serde_json::{Value, json};

/// One operation that describes things of a kind.
struct Describe {
    operation: &'static str,
    kind: &'static str,
    /// The member of the answer.
    list: &'static str,
    /// The member of the request that lists ids, and the member of a thing that is one.
    ids: (&'static str, &'static str),
    /// What an unknown id is answered with; `%` stands for it.
    unknown: (&'static str, &'static str),
    /// Filters by their names, and the members that they look at.
    filters: &'static [(&'static str, &'static str)],
}

const DESCRIBES: [Describe; 11] = [
    Describe {
        operation: "DescribeVpcs",
        kind: "ec2:vpc",
        list: "Vpcs",
        ids: ("VpcIds", "VpcId"),
        unknown: ("InvalidVpcID.NotFound", "The vpc ID '%' does not exist"),
        filters: &[
            ("vpc-id", "VpcId"),
            ("state", "State"),
            ("cidr", "CidrBlock"),
            ("is-default", "IsDefault"),
        ],
    },
    Describe {
        operation: "DescribeSubnets",
        kind: "ec2:subnet",
        list: "Subnets",
        ids: ("SubnetIds", "SubnetId"),
        unknown: (
            "InvalidSubnetID.NotFound",
            "The subnet ID '%' does not exist",
        ),
        filters: &[
            ("subnet-id", "SubnetId"),
            ("vpc-id", "VpcId"),
            ("availability-zone", "AvailabilityZone"),
            ("state", "State"),
            ("cidr-block", "CidrBlock"),
            ("default-for-az", "DefaultForAz"),
            ("map-public-ip-on-launch", "MapPublicIpOnLaunch"),
        ],
    },
    Describe {
        operation: "DescribeInternetGateways",
        kind: "ec2:internet-gateway",
        list: "InternetGateways",
        ids: ("InternetGatewayIds", "InternetGatewayId"),
        unknown: (
            "InvalidInternetGatewayID.NotFound",
            "The internetGateway ID '%' does not exist",
        ),
        filters: &[
            ("internet-gateway-id", "InternetGatewayId"),
            ("attachment.vpc-id", "Attachments.VpcId"),
            ("attachment.state", "Attachments.State"),
        ],
    },
    Describe {
        operation: "DescribeNatGateways",
        kind: "ec2:nat-gateway",
        list: "NatGateways",
        ids: ("NatGatewayIds", "NatGatewayId"),
        unknown: ("NatGatewayNotFound", "The Nat Gateway % was not found"),
        filters: &[
            ("nat-gateway-id", "NatGatewayId"),
            ("vpc-id", "VpcId"),
            ("subnet-id", "SubnetId"),
            ("state", "State"),
        ],
    },
    Describe {
        operation: "DescribeRouteTables",
        kind: "ec2:route-table",
        list: "RouteTables",
        ids: ("RouteTableIds", "RouteTableId"),
        unknown: (
            "InvalidRouteTableID.NotFound",
            "The routeTable ID '%' does not exist",
        ),
        filters: &[
            ("route-table-id", "RouteTableId"),
            ("vpc-id", "VpcId"),
            ("association.subnet-id", "Associations.SubnetId"),
            ("association.main", "Associations.Main"),
            ("route.gateway-id", "Routes.GatewayId"),
            ("route.nat-gateway-id", "Routes.NatGatewayId"),
        ],
    },
    Describe {
        operation: "DescribeSecurityGroups",
        kind: "ec2:security-group",
        list: "SecurityGroups",
        ids: ("GroupIds", "GroupId"),
        unknown: (
            "InvalidGroup.NotFound",
            "The security group '%' does not exist",
        ),
        filters: &[
            ("group-id", "GroupId"),
            ("group-name", "GroupName"),
            ("vpc-id", "VpcId"),
            ("description", "Description"),
            (
                "ip-permission.group-id",
                "IpPermissions.UserIdGroupPairs.GroupId",
            ),
            (
                "egress.ip-permission.group-id",
                "IpPermissionsEgress.UserIdGroupPairs.GroupId",
            ),
        ],
    },
    Describe {
        operation: "DescribeNetworkInterfaces",
        kind: "ec2:network-interface",
        list: "NetworkInterfaces",
        ids: ("NetworkInterfaceIds", "NetworkInterfaceId"),
        unknown: (
            "InvalidNetworkInterfaceID.NotFound",
            "The networkInterface ID '%' does not exist",
        ),
        filters: &[
            ("network-interface-id", "NetworkInterfaceId"),
            ("vpc-id", "VpcId"),
            ("subnet-id", "SubnetId"),
            ("status", "Status"),
            ("description", "Description"),
            ("interface-type", "InterfaceType"),
            ("group-id", "Groups.GroupId"),
            ("group-name", "Groups.GroupName"),
            ("requester-id", "RequesterId"),
            ("requester-managed", "RequesterManaged"),
            ("attachment.instance-id", "Attachment.InstanceId"),
            ("attachment.status", "Attachment.Status"),
            ("availability-zone", "AvailabilityZone"),
        ],
    },
    Describe {
        operation: "DescribeAddresses",
        kind: "ec2:address",
        list: "Addresses",
        ids: ("AllocationIds", "AllocationId"),
        unknown: (
            "InvalidAllocationID.NotFound",
            "The allocation ID '%' does not exist",
        ),
        filters: &[
            ("allocation-id", "AllocationId"),
            ("association-id", "AssociationId"),
            ("public-ip", "PublicIp"),
            ("domain", "Domain"),
            ("network-interface-id", "NetworkInterfaceId"),
        ],
    },
    Describe {
        operation: "DescribeVolumes",
        kind: "ec2:volume",
        list: "Volumes",
        ids: ("VolumeIds", "VolumeId"),
        unknown: ("InvalidVolume.NotFound", "The volume '%' does not exist."),
        filters: &[
            ("volume-id", "VolumeId"),
            ("status", "State"),
            ("volume-type", "VolumeType"),
            ("availability-zone", "AvailabilityZone"),
            ("attachment.instance-id", "Attachments.InstanceId"),
        ],
    },
    Describe {
        operation: "DescribeInstances",
        kind: "ec2:instance",
        list: "Reservations",
        ids: ("InstanceIds", "InstanceId"),
        unknown: (
            "InvalidInstanceID.NotFound",
            "The instance ID '%' does not exist",
        ),
        filters: &[
            ("instance-id", "InstanceId"),
            ("instance-state-name", "State.Name"),
            ("vpc-id", "VpcId"),
            ("subnet-id", "SubnetId"),
            ("instance-type", "InstanceType"),
            ("private-dns-name", "PrivateDnsName"),
            ("availability-zone", "Placement.AvailabilityZone"),
        ],
    },
    Describe {
        operation: "DescribeSecurityGroupRules",
        kind: "ec2:security-group",
        list: "SecurityGroupRules",
        ids: ("SecurityGroupRuleIds", "SecurityGroupRuleId"),
        unknown: (
            "InvalidSecurityGroupRuleId.NotFound",
            "The security group rule ID '%' does not exist",
        ),
        filters: &[
            ("group-id", "GroupId"),
            ("security-group-rule-id", "SecurityGroupRuleId"),
        ],
    },
];

/// Answers an operation that describes things; `None` where it is none.
pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Option<Outcome> {
    let describe = DESCRIBES.iter().find(|it| it.operation == operation)?;
    Some(tell(cx, describe, input))
}

fn tell(cx: &Cx<'_>, describe: &Describe, input: &Value) -> Outcome {
    let things = cx.all(describe.kind);
    let mut shown: Vec<(Value, Value)> = match describe.operation {
        "DescribeSecurityGroupRules" => {
            let rules = things.iter().flat_map(super::network::groups::rules);
            rules.map(|rule| (rule, json!([]))).collect()
        }
        _ => things
            .iter()
            .map(|it| (show(it), tag_list(&it.tags, "Key", "Value")))
            .collect(),
    };
    if let Some(wanted) = input[describe.ids.0].as_array().filter(|it| !it.is_empty()) {
        for id in wanted.iter().filter_map(Value::as_str) {
            if !shown.iter().any(|(it, _)| it[describe.ids.1] == *id) {
                let (code, message) = describe.unknown;
                return Err(Fault::new(400, code, message.replace('%', id)));
            }
        }
        shown.retain(|(it, _)| wanted.contains(&it[describe.ids.1]));
    }
    // NAT gateways have their filters under another name.
    for filter in filters(input) {
        let name = filter["Name"].as_str().unwrap_or_default();
        let known = describe
            .filters
            .iter()
            .find(|it| it.0 == name)
            .map(|it| it.1);
        if known.is_none() && !name.starts_with("tag:") && name != "tag-key" {
            return Err(Fault::new(
                400,
                "InvalidParameterValue",
                format!("The filter '{name}' is invalid"),
            ));
        }
        shown.retain(|(it, tags)| passes(it, tags, known, filter));
    }
    let items: Vec<Value> = shown.into_iter().map(|it| it.0).collect();
    let (items, next) = page(
        items,
        input["MaxResults"].as_u64(),
        input["NextToken"].as_str(),
    )
    .map_err(|_| Fault::new(400, "InvalidNextToken", "The token is invalid"))?;
    let items = match describe.operation {
        "DescribeInstances" => items
            .into_iter()
            .map(|it| json!({"ReservationId": format!("r-{}", &it["InstanceId"].as_str().unwrap_or_default()[2..]), "OwnerId": super::super::ACCOUNT, "Instances": [it]}))
            .collect(),
        _ => items,
    };
    Ok(json!({describe.list: items, "NextToken": next}))
}

fn show(thing: &Thing) -> Value {
    let mut shown = thing.body.clone();
    let key = match thing.kind.as_str() {
        "ec2:network-interface" => "TagSet",
        _ => "Tags",
    };
    shown[key] = tag_list(&thing.tags, "Key", "Value");
    shown
}

fn filters(input: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["Filters", "Filter"].map(|key| input[key].as_array());
    lists.into_iter().flatten().flatten()
}

/// Returns whether something passes a filter: one of its values must fit.
fn passes(it: &Value, tags: &Value, path: Option<&str>, filter: &Value) -> bool {
    let name = filter["Name"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    match (name.strip_prefix("tag:"), path) {
        (Some(key), _) => {
            let tags = tags
                .as_array()
                .into_iter()
                .flatten()
                .filter(|it| it["Key"] == key);
            found.extend(tags.map(|it| text(&it["Value"])));
        }
        (None, Some(path)) => collect(it, path, &mut found),
        (None, None) => found.extend(
            tags.as_array()
                .into_iter()
                .flatten()
                .map(|it| text(&it["Key"])),
        ),
    }
    let wanted: Vec<String> = filter["Values"]
        .as_array()
        .into_iter()
        .flatten()
        .map(text)
        .collect();
    found
        .iter()
        .any(|found| wanted.iter().any(|wanted| like(wanted, found)))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Collects what is at a path, through lists.
fn collect(value: &Value, path: &str, found: &mut Vec<String>) {
    if let Value::Array(items) = value {
        items.iter().for_each(|item| collect(item, path, found));
        return;
    }
    match path.split_once('.') {
        Some((first, rest)) => collect(&value[first], rest, found),
        None => match &value[path] {
            Value::Null => {}
            Value::Array(items) => found.extend(items.iter().map(text)),
            it => found.push(text(it)),
        },
    }
}

/// Returns whether a text fits a filter's value: `*` stands for any text, `?` for one letter.
fn like(pattern: &str, given: &str) -> bool {
    match pattern.chars().next() {
        None => given.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            given.char_indices().any(|(at, _)| like(rest, &given[at..])) || like(rest, "")
        }
        Some(first) => {
            let Some(letter) = given.chars().next() else {
                return false;
            };
            (first == '?' || first == letter)
                && like(&pattern[first.len_utf8()..], &given[letter.len_utf8()..])
        }
    }
}

pub(super) fn tags(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut told = Vec::new();
    for (_, kind, shown) in PREFIXES {
        for thing in cx.all(kind) {
            for (key, value) in &thing.tags {
                told.push(json!({"ResourceId": thing.id, "ResourceType": shown, "Key": key, "Value": value}));
            }
        }
    }
    for filter in filters(input) {
        let path = match filter["Name"].as_str().unwrap_or_default() {
            "key" => "Key",
            "value" => "Value",
            "resource-id" => "ResourceId",
            "resource-type" => "ResourceType",
            name => match name.strip_prefix("tag:") {
                Some(key) => {
                    told.retain(|it| it["Key"] == key);
                    "Value"
                }
                None => {
                    return Err(Fault::new(
                        400,
                        "InvalidParameterValue",
                        format!("The filter '{name}' is invalid"),
                    ));
                }
            },
        };
        let plain = json!({"Name": path, "Values": filter["Values"]});
        told.retain(|it| passes(it, &Value::Null, Some(path), &plain));
    }
    let (told, next) = page(
        told,
        input["MaxResults"].as_u64(),
        input["NextToken"].as_str(),
    )?;
    Ok(json!({"Tags": told, "NextToken": next}))
}
