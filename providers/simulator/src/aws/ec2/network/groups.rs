//! Security groups and their rules.

use super::super::super::{
    ACCOUNT, Fault, Outcome,
    account::{Cx, Thing},
    tag_map,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const DEFAULT: &str = "default";

fn missing(id: &str) -> Fault {
    Fault::new(
        400,
        "InvalidGroup.NotFound",
        format!("The security group '{id}' does not exist"),
    )
}

/// Makes a group that lets everything out.
pub(in crate::aws) fn make(
    cx: &Cx<'_>,
    name: &str,
    description: &str,
    vpc: &str,
    tags: BTreeMap<String, String>,
) -> Thing {
    let id = cx.id("sg");
    let out = json!({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []});
    let body = json!({
        "GroupId": id, "GroupName": name, "Description": description, "VpcId": vpc, "OwnerId": ACCOUNT, "IpPermissions": [],
        "IpPermissionsEgress": [out], "SecurityGroupArn": cx.arn("ec2", &format!("security-group/{id}")),
    });
    cx.make("ec2:security-group", &id, tags, body)
}

/// Makes a group, unless its VPC has one of that name.
pub(in crate::aws) fn add(
    cx: &Cx<'_>,
    name: &str,
    description: &str,
    vpc: &str,
    tags: BTreeMap<String, String>,
) -> Result<Thing, Fault> {
    if cx.get("ec2:vpc", vpc).is_none() {
        let message = format!("The vpc ID '{vpc}' does not exist");
        return Err(Fault::new(400, "InvalidVpcID.NotFound", message));
    }
    if cx
        .with("ec2:security-group", "VpcId", vpc)
        .iter()
        .any(|it| it.text("GroupName") == name)
    {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Fault::new(400, "InvalidGroup.Duplicate", message));
    }
    Ok(make(cx, name, description, vpc, tags))
}

pub(in super::super) fn create(cx: &Cx<'_>, input: &Value) -> Outcome {
    let text = |key: &str| input[key].as_str().unwrap_or_default();
    let tags = input["TagSpecifications"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|it| tag_map(&it["Tags"]))
        .collect();
    let made = add(
        cx,
        text("GroupName"),
        text("Description"),
        text("VpcId"),
        tags,
    )?;
    Ok(json!({"GroupId": made.id, "SecurityGroupArn": made.body["SecurityGroupArn"]}))
}

/// Deletes a group that no interface and no other group's rule names.
pub(in crate::aws) fn delete(cx: &Cx<'_>, id: &str) -> Result<(), Fault> {
    let group = cx
        .get("ec2:security-group", id)
        .ok_or_else(|| missing(id))?;
    if group.text("GroupName") == DEFAULT {
        let message =
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user");
        return Err(Fault::new(400, "CannotDelete", message));
    }
    let used = cx.all("ec2:network-interface").iter().any(|it| {
        it.body["Groups"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|it| it["GroupId"] == *id)
    });
    let named = cx.all("ec2:security-group").iter().any(|it| {
        let lists = ["IpPermissions", "IpPermissionsEgress"].map(|key| it.body[key].as_array());
        let mut pairs = lists
            .into_iter()
            .flatten()
            .flatten()
            .flat_map(|it| it["UserIdGroupPairs"].as_array().into_iter().flatten());
        it.id != id && pairs.any(|it| it["GroupId"] == *id)
    });
    if used || named {
        return Err(Fault::new(
            400,
            "DependencyViolation",
            format!("resource {id} has a dependent object"),
        ));
    }
    cx.remove("ec2:security-group", id);
    Ok(())
}

/// Returns the permissions of a rule as CloudFormation's properties describe it.
pub(in crate::aws) fn permission(wanted: &Value, other: &str) -> Value {
    let mut permission = json!({
        "IpProtocol": wanted["IpProtocol"].as_str().map_or_else(|| wanted["IpProtocol"].to_string(), str::to_owned),
        "FromPort": number(&wanted["FromPort"]), "ToPort": number(&wanted["ToPort"]),
        "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": [],
    });
    let note = &wanted["Description"];
    if !wanted["CidrIp"].is_null() {
        permission["IpRanges"] = json!([{"CidrIp": wanted["CidrIp"], "Description": note}]);
    }
    if !wanted["CidrIpv6"].is_null() {
        permission["Ipv6Ranges"] = json!([{"CidrIpv6": wanted["CidrIpv6"], "Description": note}]);
    }
    if let Some(group) = wanted[other].as_str() {
        permission["UserIdGroupPairs"] =
            json!([{"GroupId": group, "UserId": ACCOUNT, "Description": note}]);
    }
    permission
}

fn number(value: &Value) -> Value {
    match value.as_str().and_then(|it| it.parse::<i64>().ok()) {
        Some(number) => json!(number),
        None => value.clone(),
    }
}

/// Adds a permission to a group's list.
pub(in crate::aws) fn grant(
    cx: &Cx<'_>,
    id: &str,
    list: &str,
    permission: Value,
) -> Result<(), Fault> {
    let mut group = cx
        .get("ec2:security-group", id)
        .ok_or_else(|| missing(id))?;
    for pair in permission["UserIdGroupPairs"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let other = pair["GroupId"].as_str().unwrap_or_default();
        if cx.get("ec2:security-group", other).is_none() {
            return Err(missing(other));
        }
    }
    if let Some(known) = group.body[list].as_array_mut() {
        if known.contains(&permission) {
            let message = "the specified rule already exists";
            return Err(Fault::new(400, "InvalidPermission.Duplicate", message));
        }
        known.push(permission);
    }
    cx.put(group);
    Ok(())
}

/// Takes a permission away; that it is not there is no error.
pub(in crate::aws) fn deny(cx: &Cx<'_>, id: &str, list: &str, permission: &Value) {
    if let Some(mut group) = cx.get("ec2:security-group", id) {
        if let Some(known) = group.body[list].as_array_mut() {
            known.retain(|it| !same(it, permission));
        }
        cx.put(group);
    }
}

pub(in super::super) fn allow(cx: &Cx<'_>, input: &Value) -> Outcome {
    let id = input["GroupId"].as_str().unwrap_or_default();
    for wanted in permissions(input) {
        let whole = json!({
            "IpProtocol": wanted["IpProtocol"], "FromPort": wanted["FromPort"], "ToPort": wanted["ToPort"],
            "IpRanges": list(&wanted["IpRanges"]), "Ipv6Ranges": list(&wanted["Ipv6Ranges"]),
            "PrefixListIds": list(&wanted["PrefixListIds"]), "UserIdGroupPairs": list(&wanted["UserIdGroupPairs"]),
        });
        grant(cx, id, "IpPermissions", whole)?;
    }
    Ok(json!({"Return": true}))
}

fn list(value: &Value) -> Value {
    value.as_array().cloned().unwrap_or_default().into()
}

fn permissions(input: &Value) -> Vec<Value> {
    let given = input["IpPermissions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    match given.is_empty() && !input["IpProtocol"].is_null() {
        true => vec![permission(input, "SourceSecurityGroupId")],
        false => given,
    }
}

/// Takes rules away, by their ids or by what they permit.
pub(in super::super) fn revoke(cx: &Cx<'_>, input: &Value, key: &str) -> Outcome {
    let id = input["GroupId"].as_str().unwrap_or_default();
    let mut group = cx
        .get("ec2:security-group", id)
        .ok_or_else(|| missing(id))?;
    let ids: Vec<&Value> = input["SecurityGroupRuleIds"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let egress = key == "IpPermissionsEgress";
    let named: Vec<Value> = rules(&group)
        .into_iter()
        .filter(|rule| rule["IsEgress"] == egress && ids.contains(&&rule["SecurityGroupRuleId"]))
        .collect();
    if named.len() < ids.len() {
        let message = "The specified security group rule does not exist in this security group.";
        return Err(Fault::new(
            400,
            "InvalidSecurityGroupRuleId.NotFound",
            message,
        ));
    }
    let wanted = permissions(input);
    let known = group.body[key].as_array().cloned().unwrap_or_default();
    if let Some(unknown) = wanted
        .iter()
        .find(|wanted| !known.iter().any(|it| covers(it, wanted)))
    {
        let message =
            format!("The specified rule does not exist in this security group: {unknown}");
        return Err(Fault::new(400, "InvalidPermission.NotFound", message));
    }
    let mut kept = Vec::new();
    for mut permission in known {
        for source in SOURCES {
            let Some(list) = permission[source.0].as_array().cloned() else {
                continue;
            };
            let left = list.into_iter().filter(|it| {
                let revoked = wanted.iter().any(|wanted| {
                    ports(wanted) == ports(&permission)
                        && wanted[source.0]
                            .as_array()
                            .into_iter()
                            .flatten()
                            .any(|given| given[source.1] == it[source.1])
                });
                let rule = rule_id(id, egress, &permission, source.0, it);
                !revoked && !named.iter().any(|it| it["SecurityGroupRuleId"] == rule)
            });
            permission[source.0] = left.collect();
        }
        if SOURCES
            .iter()
            .any(|it| permission[it.0].as_array().is_some_and(|it| !it.is_empty()))
        {
            kept.push(permission);
        }
    }
    group.body[key] = json!(kept);
    cx.put(group);
    Ok(json!({"Return": true}))
}

/// The lists of a permission, and what tells their entries apart.
const SOURCES: [(&str, &str); 4] = [
    ("IpRanges", "CidrIp"),
    ("Ipv6Ranges", "CidrIpv6"),
    ("PrefixListIds", "PrefixListId"),
    ("UserIdGroupPairs", "GroupId"),
];

fn ports(it: &Value) -> (&Value, &Value, &Value) {
    (&it["IpProtocol"], &it["FromPort"], &it["ToPort"])
}

fn same(one: &Value, other: &Value) -> bool {
    covers(one, other) && covers(other, one)
}

/// Returns whether a permission has all that another has.
fn covers(it: &Value, wanted: &Value) -> bool {
    ports(it) == ports(wanted)
        && SOURCES.iter().all(|(list, key)| {
            wanted[list].as_array().into_iter().flatten().all(|given| {
                it[list]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|known| known[key] == given[key])
            })
        })
}

fn rule_id(group: &str, egress: bool, permission: &Value, list: &str, source: &Value) -> String {
    let key = SOURCES.iter().find(|it| it.0 == list).map_or("", |it| it.1);
    let (protocol, from, to) = ports(permission);
    let text = format!("{group} {egress} {protocol} {from} {to} {}", source[key]);
    format!("sgr-0{}", &crate::ground::digest(&text)[..16])
}

/// Returns the rules of a group, one for each source.
pub(in super::super) fn rules(group: &Thing) -> Vec<Value> {
    let mut rules = Vec::new();
    for (key, egress) in [("IpPermissions", false), ("IpPermissionsEgress", true)] {
        for permission in group.body[key].as_array().into_iter().flatten() {
            for (list, _) in SOURCES {
                for source in permission[list].as_array().into_iter().flatten() {
                    let (protocol, from, to) = ports(permission);
                    let referenced = (list == "UserIdGroupPairs")
                        .then(|| json!({"GroupId": source["GroupId"], "UserId": ACCOUNT}));
                    rules.push(json!({
                        "SecurityGroupRuleId": rule_id(&group.id, egress, permission, list, source), "GroupId": group.id, "GroupOwnerId": ACCOUNT,
                        "IsEgress": egress, "IpProtocol": protocol, "FromPort": from.as_i64().unwrap_or(-1),
                        "ToPort": to.as_i64().unwrap_or(-1), "CidrIpv4": source["CidrIp"], "CidrIpv6": source["CidrIpv6"],
                        "ReferencedGroupInfo": referenced, "Description": source["Description"],
                    }));
                }
            }
        }
    }
    rules
}
