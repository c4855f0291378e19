//! EKS: clusters with their API servers, node groups with their nodes, add-ons with what they run, and who may do what.

mod access;
mod addons;
mod clusters;
mod identities;
mod machines;
mod nodegroups;
mod nodes;
mod planes;
mod updates;
mod versions;
mod workloads;

pub(super) use access::identity;
pub(super) use identities::may_make_volumes;
pub(super) use nodes::of_cluster as nodes_of;

use super::{
    Fault, Outcome,
    account::{Cx, Thing},
    page,
};
use crate::{clock, faults::CloudEffect};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, time::Duration};

const CLUSTER: &str = "eks:cluster";
const NODEGROUP: &str = "eks:nodegroup";
const ADDON: &str = "eks:addon";
const ENTRY: &str = "eks:access-entry";
const ASSOCIATION: &str = "eks:pod-identity-association";
const UPDATE: &str = "eks:update";

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    match operation {
        "CreateCluster" => clusters::create(cx, input),
        "DescribeCluster" => {
            Ok(json!({"cluster": clusters::show_cluster(cx, &cluster_of(cx, input)?)}))
        }
        "ListClusters" => listed(
            "clusters",
            cx.all(CLUSTER).into_iter().map(|it| json!(it.id)).collect(),
            input,
        ),
        "DeleteCluster" => clusters::delete(cx, input),
        "UpdateClusterConfig" => clusters::configure(cx, input),
        "UpdateClusterVersion" => clusters::upgrade(cx, input),
        "DescribeClusterVersions" => versions::describe(cx, input),
        "CreateNodegroup" => nodegroups::create(cx, input),
        "DescribeNodegroup" => Ok(json!({"nodegroup": show(&nodegroup_of(cx, input)?)})),
        "ListNodegroups" => names(cx, NODEGROUP, "nodegroups", input),
        "DeleteNodegroup" => nodegroups::delete(cx, input),
        "UpdateNodegroupConfig" => nodegroups::configure(cx, input),
        "UpdateNodegroupVersion" => nodegroups::upgrade(cx, input),
        "CreateAddon" => addons::create(cx, input),
        "DescribeAddon" => Ok(json!({"addon": show(&addon_of(cx, input)?)})),
        "ListAddons" => names(cx, ADDON, "addons", input),
        "DeleteAddon" => addons::delete(cx, input),
        "UpdateAddon" => addons::update(cx, input),
        "DescribeAddonVersions" => versions::addons(input),
        "DescribeUpdate" => updates::describe(cx, input),
        "ListUpdates" => updates::list(cx, input),
        "TagResource" | "UntagResource" | "ListTagsForResource" => tag(cx, operation, input),
        other if other.contains("PodIdentity") => identities::act(cx, other, input),
        other => access::act(cx, other, input),
    }
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidParameterException", message)
}

fn refused(message: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidRequestException", message)
}

fn in_use(message: impl Into<String>) -> Fault {
    Fault::new(409, "ResourceInUseException", message)
}

fn missing(message: impl Into<String>) -> Fault {
    Fault::new(404, "ResourceNotFoundException", message)
}

fn text<'a>(input: &'a Value, key: &str) -> &'a str {
    input[key].as_str().unwrap_or_default()
}

/// Returns the cluster that a request names.
fn cluster_of(cx: &Cx<'_>, input: &Value) -> Result<Thing, Fault> {
    let name = input["clusterName"]
        .as_str()
        .or(input["name"].as_str())
        .unwrap_or_default();
    cx.get(CLUSTER, name).ok_or_else(|| {
        missing(format!("No cluster found for name: {name}.")).with(json!({"clusterName": name}))
    })
}

/// Returns the cluster that a request names, where something can be put in it.
fn active_cluster(cx: &Cx<'_>, input: &Value) -> Result<Thing, Fault> {
    let cluster = cluster_of(cx, input)?;
    match cluster.text("status") {
        "ACTIVE" | "UPDATING" => Ok(cluster),
        status => Err(refused(format!(
            "Cluster '{}' is not in ACTIVE status: it is {status}",
            cluster.id
        ))
        .with(json!({"clusterName": cluster.id}))),
    }
}

fn nodegroup_of(cx: &Cx<'_>, input: &Value) -> Result<Thing, Fault> {
    let cluster = cluster_of(cx, input)?;
    let name = text(input, "nodegroupName");
    cx.get(NODEGROUP, &format!("{}/{name}", cluster.id))
        .ok_or_else(|| {
            missing(format!("No node group found for name: {name}."))
                .with(json!({"clusterName": cluster.id, "nodegroupName": name}))
        })
}

fn addon_of(cx: &Cx<'_>, input: &Value) -> Result<Thing, Fault> {
    let cluster = cluster_of(cx, input)?;
    let name = text(input, "addonName");
    cx.get(ADDON, &format!("{}/{name}", cluster.id))
        .ok_or_else(|| {
            missing(format!("No addon: {name} found in cluster: {}", cluster.id))
                .with(json!({"clusterName": cluster.id, "addonName": name}))
        })
}

/// Returns what EKS tells of a thing.
fn show(thing: &Thing) -> Value {
    let mut shown = thing.body.clone();
    shown["tags"] = json!(thing.tags);
    shown
}

fn names(cx: &Cx<'_>, kind: &str, key: &str, input: &Value) -> Outcome {
    let cluster = cluster_of(cx, input)?;
    let prefix = format!("{}/", cluster.id);
    let all = cx
        .under(kind, &prefix)
        .into_iter()
        .map(|it| json!(it.id[prefix.len()..]))
        .collect();
    listed(key, all, input)
}

fn listed(key: &str, items: Vec<Value>, input: &Value) -> Outcome {
    let most = input["maxResults"].as_u64().or(Some(100));
    let (items, next) = page(items, most, input["nextToken"].as_str())?;
    Ok(json!({key: items, "nextToken": next}))
}

/// Returns the tags of a request.
fn tags(input: &Value) -> Result<BTreeMap<String, String>, Fault> {
    let given = input["tags"].as_object().cloned().unwrap_or_default();
    let tags: BTreeMap<String, String> = given
        .into_iter()
        .map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned()))
        .collect();
    match tags.keys().find(|it| it.to_lowercase().starts_with("aws:")) {
        Some(key) => Err(invalid(format!(
            "The tag key {key} is reserved: keys must not begin with aws:"
        ))),
        None if tags.len() > 50 => Err(invalid("A resource has 50 tags at most")),
        None => Ok(tags),
    }
}

/// The kinds that have ARNs, and the members that these are in.
const NAMED: [(&str, &str); 5] = [
    (CLUSTER, "arn"),
    (NODEGROUP, "nodegroupArn"),
    (ADDON, "addonArn"),
    (ENTRY, "accessEntryArn"),
    (ASSOCIATION, "associationArn"),
];

fn tag(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    let arn = text(input, "resourceArn");
    let found = NAMED
        .iter()
        .find_map(|(kind, key)| cx.with(kind, key, arn).into_iter().next());
    let mut thing = found.ok_or_else(|| {
        let code = if arn.starts_with("arn:aws:eks:") {
            "NotFoundException"
        } else {
            "BadRequestException"
        };
        Fault::new(
            if code == "NotFoundException" {
                404
            } else {
                400
            },
            code,
            format!("Resource not found: {arn}"),
        )
    })?;
    match operation {
        "ListTagsForResource" => return Ok(json!({"tags": thing.tags})),
        "TagResource" => thing.tags.extend(tags(input)?),
        _ => {
            let keys: Vec<&Value> = input["tagKeys"].as_array().into_iter().flatten().collect();
            thing
                .tags
                .retain(|key, _| !keys.iter().any(|it| *it == key));
        }
    }
    cx.put(thing);
    Ok(json!({}))
}

/// What becomes of something that a request began: when it is done, and why it fails then.
struct Fate {
    /// `None` = never.
    due: Option<Timestamp>,
    fails: Option<String>,
}

/// Decides on what a request began; `attempt` tells it from others of its name.
fn fate(cx: &Cx<'_>, action: &str, name: &str, takes: Duration) -> Fate {
    let attempt = cx.now.to_string();
    let struck = cx
        .ground
        .faults
        .behind(("aws", "eks"), action, name, &attempt, cx.now);
    let (takes, fails) = match struck {
        Some(CloudEffect::Stuck(None)) => (None, None),
        Some(CloudEffect::Stuck(Some(longer))) => (Some(takes.saturating_add(longer)), None),
        Some(CloudEffect::Fails(why)) => (Some(takes), Some(why)),
        _ => (Some(takes), None),
    };
    Fate {
        due: takes.map(|it| clock::add(cx.now, it)),
        fails,
    }
}

/// Checks that a role is there and trusts a service.
fn role(cx: &Cx<'_>, arn: &str, service: &str) -> Option<Thing> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let role = cx
        .global()
        .get("iam:role", name)
        .filter(|it| it.text("Arn") == arn)?;
    let statements = role.body["trust"]["Statement"].clone();
    let statements = match statements {
        Value::Array(list) => list,
        one => vec![one],
    };
    let trusts = |it: &Value| {
        let named = &it["Principal"]["Service"];
        let named = named
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![named.clone()]);
        it["Effect"] == "Allow" && named.iter().any(|it| it == service)
    };
    statements.iter().any(trusts).then_some(role)
}

/// Moves a thing of EKS that is due.
pub(super) fn advance(cx: &Cx<'_>, mut thing: Thing) {
    thing.due = None;
    thing.limit = thing.limit.filter(|it| *it > cx.now);
    cx.put(thing.clone());
    match thing.kind.as_str() {
        CLUSTER => clusters::advance(cx, thing),
        NODEGROUP => nodegroups::advance(cx, thing),
        ADDON => addons::advance(cx, thing),
        UPDATE => updates::advance(cx, thing),
        _ => {}
    }
}

/// Looks at what waits for something in a cluster; returns whether anything moved.
pub(super) fn observe(cx: &Cx<'_>, thing: Thing) -> bool {
    match thing.kind.as_str() {
        NODEGROUP => nodegroups::observe(cx, thing),
        ADDON => addons::observe(cx, thing),
        _ => false,
    }
}

/// Returns an object without what is null.
fn given(value: Value) -> Value {
    let fields = value.as_object().cloned().unwrap_or_default();
    let kept: Map<String, Value> = fields.into_iter().filter(|it| !it.1.is_null()).collect();
    Value::Object(kept)
}
