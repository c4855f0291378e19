//! Network interfaces, and the instances that have them.

use super::super::{
    ACCOUNT, Fault, Outcome,
    account::{Cx, Thing},
    tag_map,
};
use crate::clock;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Assumed time that an instance takes to end, and that it is still told of then.
const SHUTDOWN: Duration = Duration::from_secs(25);
const TOLD: Duration = Duration::from_secs(600);

/// Where an interface is, and for whom.
pub(in crate::aws) struct Place<'a> {
    pub(in crate::aws) subnet: &'a str,
    pub(in crate::aws) groups: &'a [String],
    pub(in crate::aws) description: &'a str,
    /// As in "interface" or "network_load_balancer".
    pub(in crate::aws) kind: &'a str,
    /// The service that manages it, as "amazon-elb"; "" = nobody but its owner.
    pub(in crate::aws) requester: &'a str,
    pub(in crate::aws) instance: Option<&'a str>,
}

/// Makes a network interface; `None` where there is no such subnet.
pub(in crate::aws) fn attach(
    cx: &Cx<'_>,
    place: &Place<'_>,
    tags: BTreeMap<String, String>,
) -> Option<Thing> {
    let subnet = cx.get("ec2:subnet", place.subnet)?;
    let id = cx.id("eni");
    let address = address(cx, &subnet);
    let groups: Vec<Value> = place
        .groups
        .iter()
        .map(|id| json!({"GroupId": id, "GroupName": cx.get("ec2:security-group", id).map(|it| it.body["GroupName"].clone())}))
        .collect();
    let mut body = json!({
        "NetworkInterfaceId": id, "SubnetId": subnet.id, "VpcId": subnet.body["VpcId"], "AvailabilityZone": subnet.body["AvailabilityZone"],
        "Description": place.description, "Groups": groups, "InterfaceType": place.kind, "OwnerId": ACCOUNT,
        "PrivateIpAddress": address, "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": true}],
        "RequesterManaged": !place.requester.is_empty(), "RequesterId": place.requester, "SourceDestCheck": true, "Status": "available",
    });
    let owner = match place.instance {
        Some(instance) => Some(json!({"InstanceId": instance, "InstanceOwnerId": ACCOUNT})),
        None if !place.requester.is_empty() => Some(json!({"InstanceOwnerId": place.requester})),
        None => None,
    };
    if let Some(mut attachment) = owner {
        attachment["AttachmentId"] = json!(cx.id("eni-attach"));
        attachment["Status"] = json!("attached");
        attachment["AttachTime"] = json!(cx.now.to_string());
        // The network plug-in's further ones are the plug-in's to delete.
        attachment["DeleteOnTermination"] = json!(!place.description.starts_with("aws-K8S-"));
        attachment["DeviceIndex"] = json!(1);
        body["Attachment"] = attachment;
        body["Status"] = json!("in-use");
    }
    Some(cx.make("ec2:network-interface", &id, tags, body))
}

/// Returns a private address that nobody in the subnet has.
fn address(cx: &Cx<'_>, subnet: &Thing) -> String {
    let (base, size) = super::network::block(subnet.text("CidrBlock")).unwrap_or((0, 24));
    let taken = cx.with("ec2:network-interface", "SubnetId", &subnet.id);
    let room = 1_u32 << (32 - size);
    // The first four and the last are AWS's own.
    let mut number = 4 + u32::try_from(taken.len()).unwrap_or_default();
    loop {
        let address = super::network::dotted(base + number % room.saturating_sub(1).max(1));
        if taken
            .iter()
            .all(|it| it.text("PrivateIpAddress") != address)
        {
            return address;
        }
        number += 1;
    }
}

pub(super) fn create(cx: &Cx<'_>, input: &Value) -> Outcome {
    let groups: Vec<String> = input["Groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let place = Place {
        subnet: input["SubnetId"].as_str().unwrap_or_default(),
        groups: &groups,
        description: input["Description"].as_str().unwrap_or_default(),
        kind: "interface",
        requester: "",
        instance: None,
    };
    let tags = input["TagSpecifications"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|it| tag_map(&it["Tags"]))
        .collect();
    let made = attach(cx, &place, tags).ok_or_else(|| {
        Fault::new(
            400,
            "InvalidSubnetID.NotFound",
            format!("The subnet ID '{}' does not exist", place.subnet),
        )
    })?;
    Ok(json!({"NetworkInterface": made.body}))
}

pub(super) fn delete(cx: &Cx<'_>, id: &str) -> Outcome {
    let interface = cx.get("ec2:network-interface", id).ok_or_else(|| {
        Fault::new(
            400,
            "InvalidNetworkInterfaceID.NotFound",
            format!("The networkInterface ID '{id}' does not exist"),
        )
    })?;
    if interface.text("Status") != "available" {
        let message = format!("Network interface '{id}' is currently in use.");
        return Err(Fault::new(400, "InvalidParameterValue", message));
    }
    cx.remove("ec2:network-interface", id);
    Ok(json!({}))
}

pub(super) fn detach(cx: &Cx<'_>, input: &Value) -> Outcome {
    let id = input["AttachmentId"].as_str().unwrap_or_default();
    let all = cx.all("ec2:network-interface");
    let mut interface = all
        .into_iter()
        .find(|it| it.body["Attachment"]["AttachmentId"] == id)
        .ok_or_else(|| {
            Fault::new(
                400,
                "InvalidAttachmentID.NotFound",
                format!("The attachment ID '{id}' does not exist"),
            )
        })?;
    if interface.body["RequesterManaged"] == true {
        let message = "You do not have permission to access the specified resource.";
        return Err(Fault::new(403, "AuthFailure", message));
    }
    release(&mut interface);
    cx.put(interface);
    Ok(json!({}))
}

fn release(interface: &mut Thing) {
    interface.body["Attachment"] = Value::Null;
    interface.body["Status"] = json!("available");
}

/// Begins to end an instance; its volumes and the plug-in's interfaces are left over.
pub(in crate::aws) fn end_instance(cx: &Cx<'_>, id: &str) {
    let Some(mut instance) = cx.get("ec2:instance", id) else {
        return;
    };
    if instance.body["State"]["Name"] == "running" {
        instance.body["State"] = json!({"Code": 32, "Name": "shutting-down"});
        instance.due = Some(clock::add(cx.now, SHUTDOWN));
        cx.put(instance);
    }
}

/// Ends an instance that was shutting down, and forgets it after a while.
pub(in crate::aws) fn advance_instance(cx: &Cx<'_>, mut instance: Thing) {
    if instance.body["State"]["Name"] == "terminated" {
        cx.remove("ec2:instance", &instance.id);
        return;
    }
    for mut interface in cx.all("ec2:network-interface") {
        if interface.body["Attachment"]["InstanceId"] != *instance.id {
            continue;
        }
        if interface.body["Attachment"]["DeleteOnTermination"] == true {
            cx.remove("ec2:network-interface", &interface.id);
        } else {
            release(&mut interface);
            cx.put(interface);
        }
    }
    for mut volume in cx.all("ec2:volume") {
        if volume.body["Attachments"][0]["InstanceId"] == *instance.id {
            volume.body["Attachments"] = json!([]);
            volume.body["State"] = json!("available");
            cx.put(volume);
        }
    }
    instance.body["State"] = json!({"Code": 48, "Name": "terminated"});
    instance.due = None;
    instance.limit = Some(clock::add(cx.now, TOLD));
    cx.put(instance);
}
