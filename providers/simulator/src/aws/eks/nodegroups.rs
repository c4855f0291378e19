//! Node groups: instances that become nodes, and what keeps them from it.

use super::{
    super::{
        Fault, Outcome,
        account::{Cx, Thing},
        ec2, quotas, uuid,
    },
    CLUSTER, NODEGROUP, access, active_cluster, clusters, fate, in_use, invalid, machines,
    nodegroup_of, nodes, role, show, tags, text, updates, versions,
};
use crate::clock;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// Assumed times: until instances run, until a group is there at the earliest, and until EKS gives up.
const LAUNCH: Duration = Duration::from_secs(75);
const MAKE: Duration = Duration::from_secs(150);
const PATIENCE: Duration = Duration::from_secs(1500);
/// Until pods and nodes are gone, and then the group.
const DRAIN: Duration = Duration::from_secs(60);
const DELETE: Duration = Duration::from_secs(90);
const CONFIGURE: Duration = Duration::from_secs(45);
const UPGRADE: Duration = Duration::from_secs(300);
/// How many groups a cluster may have.
const GROUPS: usize = 30;

pub(super) fn create(cx: &Cx<'_>, input: &Value) -> Outcome {
    let cluster = active_cluster(cx, input)?;
    let name = text(input, "nodegroupName");
    let about = json!({"clusterName": cluster.id, "nodegroupName": name});
    let id = format!("{}/{name}", cluster.id);
    if let Some(known) = cx.get(NODEGROUP, &id) {
        let token = &input["clientRequestToken"];
        if !token.is_null() && known.body["token"] == *token {
            return Ok(json!({"nodegroup": show(&known)}));
        }
        return Err(in_use(format!(
            "NodeGroup already exists with name {name} and cluster name {}",
            cluster.id
        ))
        .with(about));
    }
    let named = name.len() <= 63
        && name.starts_with(|it: char| it.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '-' || it == '_');
    if !named {
        return Err(invalid("nodegroupName can't contain symbols other than hyphens and underscores, and has 63 characters at most").with(about));
    }
    if cx.under(NODEGROUP, &format!("{}/", cluster.id)).len() >= GROUPS {
        return Err(Fault::new(
            400,
            "ResourceLimitExceededException",
            "Nodegroup limit exceeded for cluster",
        )
        .with(about));
    }
    let arn = text(input, "nodeRole");
    role(cx, arn, "ec2.amazonaws.com").ok_or_else(|| {
        invalid(format!(
            "The role {arn} does not exist, or does not trust ec2.amazonaws.com"
        ))
        .with(about.clone())
    })?;
    let subnets = machines::strings(&input["subnets"]);
    let mut zones = Vec::new();
    for id in &subnets {
        let subnet = cx
            .get("ec2:subnet", id)
            .filter(|it| it.body["VpcId"] == cluster.body["resourcesVpcConfig"]["vpcId"]);
        let subnet = subnet.ok_or_else(|| {
            invalid(format!("Subnet {id} is not in the VPC of the cluster")).with(about.clone())
        })?;
        zones.push(subnet.text("AvailabilityZone").to_owned());
    }
    if subnets.is_empty() {
        return Err(invalid("Subnets are not specified").with(about));
    }
    let (ami, types) = machines::machines(cx, input).map_err(|it| it.with(about.clone()))?;
    let scaling = machines::scaling(
        &json!({"minSize": 1, "maxSize": 2, "desiredSize": 2}),
        &input["scalingConfig"],
    )
    .map_err(|it| it.with(about.clone()))?;
    if input["taints"].as_array().is_some_and(|it| it.len() > 50) {
        return Err(invalid("A node group has 50 taints at most").with(about));
    }
    let version = input["version"]
        .as_str()
        .unwrap_or(cluster.text("version"))
        .to_owned();
    let minor = machines::skew(&version, &cluster).map_err(|it| it.with(about))?;
    let tags = tags(input)?;
    let uid = uuid(&cx.ground.mint("nodegroup"));
    let body = json!({
        "nodegroupName": name, "clusterName": cluster.id, "nodegroupArn": cx.arn("eks", &format!("nodegroup/{id}/{uid}")),
        "version": version, "releaseVersion": input["releaseVersion"].as_str().map_or_else(|| versions::image(minor), str::to_owned),
        "createdAt": cx.now.to_string(), "modifiedAt": cx.now.to_string(), "status": "CREATING",
        "capacityType": input["capacityType"].as_str().unwrap_or("ON_DEMAND"), "scalingConfig": scaling, "instanceTypes": types,
        "subnets": subnets, "amiType": ami, "nodeRole": arn, "labels": input["labels"].as_object().cloned().unwrap_or_default(),
        "taints": input["taints"].as_array().cloned().unwrap_or_default(),
        "resources": {"autoScalingGroups": [{"name": format!("eks-{name}-{uid}")}]},
        "diskSize": input["launchTemplate"].is_null().then(|| input["diskSize"].as_i64().unwrap_or(20)),
        "launchTemplate": input["launchTemplate"], "health": {"issues": []},
        "updateConfig": if input["updateConfig"].is_null() { json!({"maxUnavailable": 1}) } else { input["updateConfig"].clone() },
        "nodeRepairConfig": input["nodeRepairConfig"], "token": input["clientRequestToken"], "uid": uid,
    });
    access::admit_nodes(cx, &cluster, arn);
    let fate = fate(cx, "CreateNodegroup", &id, LAUNCH);
    let mut group = cx.make(NODEGROUP, &id, tags, super::given(body));
    group.body["fails"] = json!(fate.fails);
    group.due = fate.due;
    cx.put(group.clone());
    Ok(json!({"nodegroup": show(&group)}))
}

pub(super) fn delete(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut group = nodegroup_of(cx, input)?;
    match group.text("status") {
        "ACTIVE" | "CREATE_FAILED" | "DEGRADED" | "DELETE_FAILED" => {}
        _ => {
            let about = json!({"clusterName": group.body["clusterName"], "nodegroupName": group.body["nodegroupName"]});
            return Err(in_use("Nodegroup cannot be deleted as it is currently not in Active or Create Failed State").with(about));
        }
    }
    let fate = fate(cx, "DeleteNodegroup", &group.id, DRAIN);
    group.body["status"] = json!("DELETING");
    group.limit = None;
    group.body["drained"] = Value::Null;
    group.body["fails"] = json!(fate.fails);
    group.due = fate.due;
    nodes::cordon(cx, &group);
    cx.put(group.clone());
    Ok(json!({"nodegroup": show(&group)}))
}

/// Ends what a group was in the middle of, as far as time decides it.
pub(super) fn advance(cx: &Cx<'_>, mut group: Thing) {
    let failure = group.body["fails"].as_str().map(str::to_owned);
    match group.text("status") {
        "CREATING" if failure.is_some() => fail(
            cx,
            group,
            "CREATE_FAILED",
            "AsgInstanceLaunchFailures",
            &failure.unwrap_or_default(),
        ),
        "CREATING" if group.body["launched"].is_null() => launch(cx, group),
        "CREATING"
            if !observe(cx, group.clone()) && cx.now >= clock::add(born(&group), PATIENCE) =>
        {
            let why = match nodes::joined(cx, &group) {
                true => "Unhealthy nodes in the kubernetes cluster",
                false => "Instances failed to join the kubernetes cluster",
            };
            fail(cx, group, "CREATE_FAILED", "NodeCreationFailure", why);
        }
        "DELETING" if failure.is_some() => fail(
            cx,
            group,
            "DELETE_FAILED",
            "Ec2SecurityGroupDeletionFailure",
            &failure.unwrap_or_default(),
        ),
        "DELETING" if group.body["drained"].is_null() => {
            nodes::remove(cx, &group, usize::MAX);
            group.body["drained"] = json!(true);
            group.due = Some(clock::add(cx.now, DELETE));
            cx.put(group);
        }
        "DELETING" => drop(cx.remove(NODEGROUP, &group.id)),
        _ => {}
    }
}

fn born(group: &Thing) -> Timestamp {
    group.created
}

fn fail(cx: &Cx<'_>, mut group: Thing, status: &str, code: &str, why: &str) {
    let ids: Vec<String> = nodes::instances(cx, &group)
        .into_iter()
        .map(|it| it.id)
        .collect();
    group.body["status"] = json!(status);
    group.body["fails"] = Value::Null;
    group.body["health"]["issues"] = json!([{"code": code, "message": why, "resourceIds": ids}]);
    (group.due, group.limit) = (None, None);
    cx.put(group);
}

/// Runs the instances of a group that is new, as far as the account's quota has room.
fn launch(cx: &Cx<'_>, mut group: Thing) {
    let wanted = usize::try_from(
        group.body["scalingConfig"]["desiredSize"]
            .as_u64()
            .unwrap_or(0),
    )
    .unwrap_or(0);
    if let Err(why) = scale(cx, &group, wanted) {
        return fail(
            cx,
            group,
            "CREATE_FAILED",
            "AsgInstanceLaunchFailures",
            &why,
        );
    }
    group.body["launched"] = json!(true);
    let earliest = clock::add(born(&group), MAKE);
    group.due = (cx.now < earliest).then_some(earliest);
    group.limit = Some(clock::add(born(&group), PATIENCE));
    cx.put(group);
}

/// Brings the number of a group's nodes to what is wanted; says why it cannot.
fn scale(cx: &Cx<'_>, group: &Thing, wanted: usize) -> Result<(), String> {
    let have = nodes::instances(cx, group).len();
    if have > wanted {
        nodes::remove(cx, group, have - wanted);
        return Ok(());
    }
    let kind = group.body["instanceTypes"][0]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let spot = group.text("capacityType") == "SPOT";
    let quota = ec2::family_quota(&kind, spot);
    let each = ec2::type_of(&kind).map_or(0, |it| it.cpus);
    let running = |it: &Thing| {
        let name = it.text("InstanceType");
        let mine = it.body["State"]["Name"] == "running"
            && ec2::family_quota(name, it.text("InstanceLifecycle") == "spot") == quota;
        if mine {
            ec2::type_of(name).map_or(0, |it| it.cpus)
        } else {
            0
        }
    };
    let used: u64 = cx.all("ec2:instance").iter().map(running).sum();
    let limit = quotas::value(quota);
    if (used + each * (wanted - have) as u64) as f64 > limit {
        return Err(format!(
            "Could not launch {} Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit. Launching EC2 instance failed.",
            if spot { "Spot" } else { "On-Demand" }
        ));
    }
    for number in have..wanted {
        nodes::add(cx, group, &kind, number);
    }
    Ok(())
}

/// Looks whether the nodes that a group waits for are ready.
pub(super) fn observe(cx: &Cx<'_>, mut group: Thing) -> bool {
    if group.text("status") != "CREATING" || group.body["launched"].is_null() {
        return false;
    }
    let earliest = clock::add(born(&group), MAKE);
    let wanted = usize::try_from(
        group.body["scalingConfig"]["desiredSize"]
            .as_u64()
            .unwrap_or(0),
    )
    .unwrap_or(0);
    if cx.now < earliest || nodes::ready(cx, &group) < wanted {
        return false;
    }
    group.body["status"] = json!("ACTIVE");
    (group.due, group.limit) = (None, None);
    cx.put(group);
    true
}

fn idle(group: &Thing) -> Result<(), Fault> {
    match group.text("status") {
        "ACTIVE" | "DEGRADED" => Ok(()),
        status => {
            let about = json!({"clusterName": group.body["clusterName"], "nodegroupName": group.body["nodegroupName"]});
            Err(in_use(format!("Nodegroup {} is in status {status}", group.id)).with(about))
        }
    }
}

pub(super) fn configure(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut group = nodegroup_of(cx, input)?;
    idle(&group)?;
    let mut what = json!({});
    if !input["scalingConfig"].is_null() {
        what["scalingConfig"] =
            machines::scaling(&group.body["scalingConfig"], &input["scalingConfig"])?;
    }
    if !input["labels"].is_null() {
        let mut labels = group.body["labels"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        labels.extend(
            input["labels"]["addOrUpdateLabels"]
                .as_object()
                .cloned()
                .unwrap_or_default(),
        );
        for key in machines::strings(&input["labels"]["removeLabels"]) {
            labels.remove(&key);
        }
        what["labels"] = json!(labels);
    }
    if !input["taints"].is_null() {
        let same = |one: &Value, other: &Value| {
            one["key"] == other["key"] && one["effect"] == other["effect"]
        };
        let list = |key: &str| input["taints"][key].as_array().cloned().unwrap_or_default();
        let mut taints = group.body["taints"].as_array().cloned().unwrap_or_default();
        let (added, removed) = (list("addOrUpdateTaints"), list("removeTaints"));
        taints.retain(|it| !added.iter().chain(&removed).any(|other| same(it, other)));
        taints.extend(added);
        what["taints"] = json!(taints);
    }
    if !input["updateConfig"].is_null() {
        what["updateConfig"] = input["updateConfig"].clone();
    }
    if what == json!({}) {
        return Err(invalid("Nothing is to be updated"));
    }
    let params = ["minSize", "maxSize", "desiredSize"]
        .iter()
        .filter_map(|key| {
            let value = input["scalingConfig"][*key].as_i64()?;
            let kind = format!("{}{}", key[..1].to_uppercase(), &key[1..]);
            Some(json!({"type": kind, "value": value.to_string()}))
        });
    let params: Value = params.collect();
    group.body["status"] = json!("UPDATING");
    cx.put(group.clone());
    updates::begin(
        cx,
        "UpdateNodegroupConfig",
        &group,
        "ConfigUpdate",
        params,
        CONFIGURE,
        what,
    )
}

pub(super) fn upgrade(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut group = nodegroup_of(cx, input)?;
    idle(&group)?;
    let cluster = active_cluster(cx, input)?;
    let version = input["version"]
        .as_str()
        .unwrap_or(cluster.text("version"))
        .to_owned();
    let minor = machines::skew(&version, &cluster)?;
    let release = input["releaseVersion"]
        .as_str()
        .map_or_else(|| versions::image(minor), str::to_owned);
    if minor < versions::minor(group.text("version")).unwrap_or_default() {
        return Err(invalid(format!(
            "Nodegroup Kubernetes version {version} cannot be less than the current version"
        )));
    }
    group.body["status"] = json!("UPDATING");
    cx.put(group.clone());
    let params = json!([{"type": "Version", "value": version}, {"type": "ReleaseVersion", "value": release}]);
    let what = json!({"version": version, "releaseVersion": release});
    updates::begin(
        cx,
        "UpdateNodegroupVersion",
        &group,
        "VersionUpdate",
        params,
        UPGRADE,
        what,
    )
}

/// Takes an update over that is done.
pub(super) fn updated(cx: &Cx<'_>, mut group: Thing, what: &Value, failed: bool) {
    group.body["status"] = json!("ACTIVE");
    group.body["modifiedAt"] = json!(cx.now.to_string());
    if failed {
        return cx.put(group);
    }
    for (key, value) in what.as_object().into_iter().flatten() {
        group.body[key] = value.clone();
    }
    cx.put(group.clone());
    let wanted = usize::try_from(
        group.body["scalingConfig"]["desiredSize"]
            .as_u64()
            .unwrap_or(0),
    )
    .unwrap_or(0);
    if !what["version"].is_null() {
        // Each node gives way to one of the new version.
        nodes::remove(cx, &group, usize::MAX);
    }
    match scale(cx, &group, wanted) {
        Ok(()) => nodes::relabel(cx, &group),
        Err(why) => {
            group.body["status"] = json!("DEGRADED");
            group.body["health"]["issues"] =
                json!([{"code": "AsgInstanceLaunchFailures", "message": why, "resourceIds": []}]);
            cx.put(group);
        }
    }
}

/// Returns the API server that a group's nodes join.
pub(super) fn server(cx: &Cx<'_>, group: &Thing) -> Option<std::sync::Arc<crate::ground::Running>> {
    clusters::running(cx, &cx.get(CLUSTER, group.text("clusterName"))?)
}
