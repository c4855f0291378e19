//! EC2: what a network is made of, what stands in it, and what is on offer.

mod describe;
mod interfaces;
pub(super) mod network;
mod offer;

pub(super) use interfaces::{Place, advance_instance, attach, end_instance};
pub(super) use offer::{family_quota, is_region, type_of, zones};

use super::{Fault, Outcome, account::Cx, tag_map};
use serde_json::{Value, json};

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    if input["DryRun"] == true {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Fault::new(412, "DryRunOperation", message));
    }
    if let Some(described) = describe::act(cx, operation, input) {
        return described;
    }
    if let Some(offered) = offer::act(cx, operation, input) {
        return offered;
    }
    let text = |key: &str| input[key].as_str().unwrap_or_default();
    match operation {
        "CreateTags" | "DeleteTags" => tag(cx, operation == "CreateTags", input),
        "DescribeTags" => describe::tags(cx, input),
        "DeleteNetworkInterface" => interfaces::delete(cx, text("NetworkInterfaceId")),
        "DetachNetworkInterface" => interfaces::detach(cx, input),
        "CreateNetworkInterface" => interfaces::create(cx, input),
        "CreateSecurityGroup" => network::groups::create(cx, input),
        "DeleteSecurityGroup" => network::groups::delete(cx, text("GroupId"))
            .map(|()| json!({"Return": true, "GroupId": text("GroupId")})),
        "AuthorizeSecurityGroupIngress" => network::groups::allow(cx, input),
        "RevokeSecurityGroupIngress" => network::groups::revoke(cx, input, "IpPermissions"),
        "RevokeSecurityGroupEgress" => network::groups::revoke(cx, input, "IpPermissionsEgress"),
        "DeleteVolume" => delete_volume(cx, text("VolumeId")),
        "ReleaseAddress" => network::release(cx, text("AllocationId")).map(|()| json!({})),
        "TerminateInstances" => terminate(cx, input),
        other => Err(Fault::new(
            400,
            "InvalidAction",
            format!("The action {other} is not valid for this web service."),
        )),
    }
}

/// The prefixes of ids, and the kinds of what has them.
const PREFIXES: [(&str, &str, &str); 11] = [
    ("vpc", "ec2:vpc", "vpc"),
    ("subnet", "ec2:subnet", "subnet"),
    ("igw", "ec2:internet-gateway", "internet-gateway"),
    ("nat", "ec2:nat-gateway", "natgateway"),
    ("rtb", "ec2:route-table", "route-table"),
    ("sg", "ec2:security-group", "security-group"),
    ("eni", "ec2:network-interface", "network-interface"),
    ("eipalloc", "ec2:address", "elastic-ip"),
    ("vol", "ec2:volume", "volume"),
    ("i", "ec2:instance", "instance"),
    ("lt", "ec2:launch-template", "launch-template"),
];

fn tag(cx: &Cx<'_>, add: bool, input: &Value) -> Outcome {
    let tags = tag_map(&input["Tags"]);
    if tags.keys().any(|key| key.starts_with("aws:")) {
        let message = "Tag keys starting with 'aws:' are reserved for internal use";
        return Err(Fault::new(400, "InvalidParameterValue", message));
    }
    let mut found = Vec::new();
    for id in input["Resources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let prefix = id.split('-').next().unwrap_or_default();
        let kind = PREFIXES
            .iter()
            .find(|it| it.0 == prefix)
            .map_or("", |it| it.1);
        let thing = cx
            .get(kind, id)
            .ok_or_else(|| Fault::new(400, "InvalidID", format!("The ID '{id}' is not valid")))?;
        found.push(thing);
    }
    for mut thing in found {
        match add {
            true => thing.tags.extend(tags.clone()),
            false if tags.is_empty() => thing.tags.clear(),
            false => thing
                .tags
                .retain(|key, value| tags.get(key).is_none_or(|it| !it.is_empty() && it != value)),
        }
        cx.put(thing);
    }
    Ok(json!({}))
}

fn delete_volume(cx: &Cx<'_>, id: &str) -> Outcome {
    let volume = cx.get("ec2:volume", id).ok_or_else(|| {
        Fault::new(
            400,
            "InvalidVolume.NotFound",
            format!("The volume '{id}' does not exist."),
        )
    })?;
    if volume.text("State") == "in-use" {
        let instance = volume.body["Attachments"][0]["InstanceId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let message = format!("Volume {id} is currently attached to {instance}");
        return Err(Fault::new(400, "VolumeInUse", message));
    }
    cx.remove("ec2:volume", id);
    Ok(json!({}))
}

fn terminate(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut told = Vec::new();
    for id in input["InstanceIds"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if cx.get("ec2:instance", id).is_none() {
            let message = format!("The instance ID '{id}' does not exist");
            return Err(Fault::new(400, "InvalidInstanceID.NotFound", message));
        }
        interfaces::end_instance(cx, id);
        told.push(json!({
            "InstanceId": id, "CurrentState": {"Code": 32, "Name": "shutting-down"}, "PreviousState": {"Code": 16, "Name": "running"},
        }));
    }
    Ok(json!({"TerminatingInstances": told}))
}
