//! Node pools: their nodes, and how they change.

use super::{
    Fault, Outcome, Reply,
    account::{CLUSTER, Cx, POOL, group_of, show, state, text},
    check, clusters, groups, nodes, offers, operations,
};
use crate::{aws::Thing, clock};
use serde_json::{Value, json};
use std::time::Duration;

const TYPE: &str = "Microsoft.ContainerService/managedClusters/agentPools";
const WRITE: &str = "Microsoft.ContainerService/managedClusters/agentPools/write";
const DELETE: &str = "Microsoft.ContainerService/managedClusters/agentPools/delete";

/// Assumed times: until machines run, and nodes are ready then; of changes; until all is gone.
const LAUNCH: Duration = Duration::from_secs(75);
const READY: Duration = Duration::from_secs(60);
const CHANGE: Duration = Duration::from_secs(60);
const UPGRADE: Duration = Duration::from_secs(240);
const GONE: Duration = Duration::from_secs(120);

fn bad(code: &str, message: impl Into<String>) -> Fault {
    Fault::new(400, code, message)
}

/// Returns the pools of a cluster, the oldest first.
pub(super) fn of(cx: &Cx<'_>, cluster: &Thing) -> Vec<Thing> {
    let mut all = cx.under(POOL, &format!("{}/agentpools/", cluster.id));
    all.sort_by_key(|it| it.created);
    all
}

/// Returns what stands of a pool in its cluster.
pub(super) fn profile(pool: &Thing) -> Value {
    let mut profile = pool.body["properties"].clone();
    profile["name"] = pool.body["name"].clone();
    profile
}

fn path(cluster: &Thing, name: &str) -> String {
    format!("{}/agentPools/{name}", text(&cluster.body, "id"))
}

fn not_found(name: &str) -> Fault {
    Fault::new(
        404,
        "NotFound",
        format!("Could not find the agent pool: {name}"),
    )
}

fn parent(cx: &Cx<'_>, id: &str) -> Result<Thing, Fault> {
    let parent = id
        .rsplit_once("/agentPools")
        .or(id.rsplit_once("/agentpools"));
    let (parent, _) = parent.unwrap_or((id, ""));
    groups::within(cx, &group_of(id))?;
    cx.get(CLUSTER, parent).ok_or_else(|| {
        let name = parent.rsplit('/').next().unwrap_or_default();
        Fault::new(
            404,
            "ParentResourceNotFound",
            format!("Failed to perform 'read' on resource(s) of type 'managedClusters/agentPools', because the parent resource '{name}' could not be found."),
        )
    })
}

pub(super) fn list(cx: &Cx<'_>, id: &str) -> Outcome {
    let cluster = parent(cx, id)?;
    let all: Vec<Value> = of(cx, &cluster).iter().map(show).collect();
    Ok(Reply::ok(json!({"value": all})))
}

pub(super) fn get(cx: &Cx<'_>, id: &str) -> Outcome {
    parent(cx, id)?;
    let name = id.rsplit('/').next().unwrap_or_default();
    let pool = cx.get(POOL, id).ok_or_else(|| not_found(name))?;
    Ok(Reply::ok(show(&pool)))
}

/// Checks a pool, and returns its properties with what AKS adds.
fn settle(cx: &Cx<'_>, cluster: &Thing, name: &str, wanted: &Value) -> Result<Value, Fault> {
    let letters = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if !letters || !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.len() > 12 {
        return Err(bad(
            "InvalidParameter",
            format!(
                "The value of parameter agentPoolProfile.name is invalid: '{name}'. A Linux agent pool's name has 1 to 12 lower-case letters and digits, and begins with a letter."
            ),
        ));
    }
    let location = text(&cluster.body, "location");
    let size = offers::size(location, text(wanted, "vmSize"))?;
    let mut told = wanted.clone();
    if let Some(members) = told.as_object_mut() {
        members.retain(|key, value| key != "name" && !value.is_null());
    }
    told["vmSize"] = json!(size.name);
    for (key, usual) in [
        ("osType", json!("Linux")),
        ("osSKU", json!("Ubuntu")),
        ("type", json!("VirtualMachineScaleSets")),
        ("mode", json!("User")),
        ("count", json!(1)),
        ("maxPods", json!(250)),
        ("osDiskSizeGB", json!(128)),
        ("osDiskType", json!("Managed")),
        ("kubeletDiskType", json!("OS")),
        ("enableAutoScaling", json!(false)),
        ("powerState", json!({"code": "Running"})),
        (
            "nodeImageVersion",
            json!("AKSUbuntu-2404gen2containerd-202611.12.0"),
        ),
    ] {
        if told[key].is_null() {
            told[key] = usual;
        }
    }
    let number = |key: &str| told[key].as_i64().unwrap_or_default();
    let system = told["mode"] == "System";
    if told["enableAutoScaling"] == true {
        let (count, min, max) = (number("count"), number("minCount"), number("maxCount"));
        if told["minCount"].is_null() || told["maxCount"].is_null() {
            return Err(bad(
                "InvalidParameter",
                "minCount and maxCount are required where enableAutoScaling is true.",
            ));
        }
        if min > max || count < min || count > max {
            return Err(bad(
                "InvalidParameter",
                format!("count {count} must be within minCount {min} and maxCount {max}."),
            ));
        }
        if system && min < 1 {
            return Err(bad(
                "InvalidParameter",
                "The minCount of a system pool must be at least 1.",
            ));
        }
    } else if !told["minCount"].is_null() || !told["maxCount"].is_null() {
        return Err(bad(
            "InvalidParameter",
            "minCount and maxCount can only be set where enableAutoScaling is true.",
        ));
    }
    if number("count") > 1000 || number("maxCount") > 1000 || (system && number("count") < 1) {
        return Err(bad(
            "InvalidParameter",
            "The number of nodes is invalid: 0 to 1000 are allowed, and 1 to 1000 in a system pool.",
        ));
    }
    let zones = told["availabilityZones"].as_array().into_iter().flatten();
    for zone in zones {
        if !size.zones.iter().any(|it| *zone == **it) {
            return Err(bad(
                "AvailabilityZoneNotSupported",
                format!(
                    "The zone(s) {zone} for resource '{name}' is not supported. The supported zones for location '{location}' are '{}'.",
                    size.zones.join(",")
                ),
            ));
        }
    }
    let spot = told["scaleSetPriority"] == "Spot";
    if spot && system {
        return Err(bad(
            "InvalidParameter",
            "A system pool cannot have the priority Spot.",
        ));
    }
    let version = told["orchestratorVersion"].as_str().map(str::to_owned);
    let plane = text(&cluster.body["properties"], "currentKubernetesVersion").to_owned();
    let exact = match &version {
        None => plane.clone(),
        Some(version) => offers::patch(version).map_or_else(|| plane.clone(), str::to_owned),
    };
    if offers::number(&exact) > offers::number(&plane) {
        return Err(bad(
            "NodePoolMcVersionIncompatible",
            format!(
                "Node pool version {exact} and control plane version {plane} are incompatible. Version of node pool must be less than or equal to control plane version."
            ),
        ));
    }
    told["orchestratorVersion"] = json!(version.unwrap_or(exact.clone()));
    told["currentOrchestratorVersion"] = json!(exact);
    if spot {
        let taints = told["nodeTaints"].as_array().cloned().unwrap_or_default();
        let mark = json!("kubernetes.azure.com/scalesetpriority=spot:NoSchedule");
        if !taints.contains(&mark) {
            told["nodeTaints"] = taints.into_iter().chain([mark]).collect();
        }
        told["nodeLabels"]["kubernetes.azure.com/scalesetpriority"] = json!("spot");
    }
    for taint in told["nodeTaints"].as_array().into_iter().flatten() {
        if nodes::taint(taint.as_str().unwrap_or_default()).is_none() {
            return Err(bad(
                "InvalidParameter",
                format!("The node taint {taint} is invalid: it must be key=value:effect."),
            ));
        }
    }
    offers::quota(cx, location, size, &told, name)?;
    Ok(told)
}

/// Makes a pool that is to have nodes once its cluster has an API server.
pub(super) fn begin(
    cx: &Cx<'_>,
    cluster: &Thing,
    name: &str,
    wanted: &Value,
    state: &str,
) -> Result<Thing, Fault> {
    let mut properties = settle(cx, cluster, name, wanted)?;
    properties["provisioningState"] = json!(state);
    let body = json!({"properties": properties});
    let id = path(cluster, name);
    Ok(cx.make(POOL, (&id, TYPE), Default::default(), body))
}

pub(super) fn put(cx: &Cx<'_>, id: &str, body: &Value) -> Outcome {
    check::check("AgentPool", body)?;
    let cluster = parent(cx, id)?;
    clusters::idle(cx, &cluster)?;
    if cluster.body["properties"]["powerState"]["code"] == "Stopped" {
        return Err(Fault::new(
            409,
            "OperationNotAllowed",
            "managed cluster is stopped: start it first.",
        ));
    }
    let name = id.rsplit('/').next().unwrap_or_default();
    let wanted = &body["properties"];
    let service = clusters::SERVICE;
    let full = format!("{}/{name}", text(&cluster.body, "name"));
    let location = text(&cluster.body, "location").to_owned();
    let (mut pool, fate, verb, state, status) = match cx.get(POOL, id) {
        None => {
            let pool = begin(cx, &cluster, name, wanted, "Creating")?;
            (
                pool,
                cx.fate((service, WRITE, &full), LAUNCH),
                "create",
                "Creating",
                201,
            )
        }
        Some(mut pool) => {
            let there = pool.body["properties"].clone();
            for key in [
                "vmSize",
                "osType",
                "availabilityZones",
                "scaleSetPriority",
                "osDiskSizeGB",
            ] {
                if !wanted[key].is_null() && wanted[key] != there[key] {
                    return Err(bad(
                        "PropertyChangeNotAllowed",
                        format!("Changing property 'properties.{key}' is not allowed."),
                    ));
                }
            }
            let mut merged = there.clone();
            for key in ["minCount", "maxCount"] {
                if let Some(members) = merged.as_object_mut() {
                    members.remove(key);
                }
            }
            for (key, value) in wanted.as_object().into_iter().flatten() {
                merged[key] = value.clone();
            }
            let mut next = settle(cx, &cluster, name, &merged)?;
            let version = next["currentOrchestratorVersion"] != there["currentOrchestratorVersion"];
            if version
                && offers::number(text(&next, "currentOrchestratorVersion"))
                    < offers::number(text(&there, "currentOrchestratorVersion"))
            {
                return Err(bad(
                    "OperationNotAllowed",
                    "Downgrading node pools is not allowed.",
                ));
            }
            next["provisioningState"] = Value::Null;
            pool.body["sim"]["next"] = next;
            let (takes, state) = match version {
                true => (UPGRADE, "Upgrading"),
                false => (CHANGE, "Updating"),
            };
            (
                pool,
                cx.fate((service, WRITE, &full), takes),
                "update",
                state,
                200,
            )
        }
    };
    let operation = operations::begin(cx, &mut pool, verb, state, &fate);
    cx.put(pool.clone());
    let [link, _] = operations::links(cx, &location, &operation);
    Ok(Reply::new(status, show(&pool)).with(link.0, link.1))
}

pub(super) fn delete(cx: &Cx<'_>, id: &str) -> Outcome {
    let Ok(cluster) = parent(cx, id) else {
        return Ok(Reply::new(204, Value::Null));
    };
    let Some(mut pool) = cx.get(POOL, id) else {
        return Ok(Reply::new(204, Value::Null));
    };
    let name = text(&pool.body, "name").to_owned();
    let location = text(&cluster.body, "location").to_owned();
    let operation = if state(&pool) == "Deleting" {
        text(&pool.body["sim"]["operation"], "id").to_owned()
    } else {
        clusters::idle(cx, &cluster)?;
        let systems = of(cx, &cluster)
            .into_iter()
            .filter(|it| it.body["properties"]["mode"] == "System");
        if pool.body["properties"]["mode"] == "System" && systems.count() < 2 {
            return Err(bad(
                "OperationNotAllowed",
                format!(
                    "There has to be at least one system agent pool: {name} cannot be deleted."
                ),
            ));
        }
        let full = format!("{}/{name}", text(&cluster.body, "name"));
        let fate = cx.fate((clusters::SERVICE, DELETE, &full), GONE);
        nodes::scale(cx, &cluster, &pool, 0);
        let operation = operations::begin(cx, &mut pool, "delete", "Deleting", &fate);
        cx.put(pool);
        operation
    };
    let [link, result] = operations::links(cx, &location, &operation);
    Ok(Reply::new(202, Value::Null)
        .with(link.0, link.1)
        .with(result.0, result.1))
}

/// Ends what a pool was in the middle of.
pub(super) fn advance(cx: &Cx<'_>, mut pool: Thing) {
    let parent = pool
        .id
        .rsplit_once("/agentpools/")
        .map_or("", |it| it.0)
        .to_owned();
    let Some(cluster) = cx.get(CLUSTER, &parent) else {
        return cx.remove(&pool);
    };
    let count = |pool: &Thing| {
        pool.body["properties"]["count"]
            .as_u64()
            .unwrap_or_default()
    };
    let fails = pool.body["sim"]["operation"]["fails"].as_str().is_some();
    if state(&pool) == "Creating" && !fails && pool.body["sim"]["launched"].is_null() {
        pool.body["sim"]["launched"] = json!(true);
        nodes::scale(cx, &cluster, &pool, count(&pool));
        pool.due = Some(clock::add(cx.now, READY));
        return cx.put(pool);
    }
    let (verb, failed) = operations::end(cx, &mut pool);
    let next = pool.body["sim"]["next"].take();
    if let Some(why) = failed {
        pool.body["properties"]["provisioningState"] = json!("Failed");
        pool.body["properties"]["status"] = json!({"provisioningError": operations::error(&why)});
        return cx.put(pool);
    }
    if verb == "delete" {
        return cx.remove(&pool);
    }
    if next.is_object() {
        let upgraded = next["currentOrchestratorVersion"]
            != pool.body["properties"]["currentOrchestratorVersion"];
        pool.body["properties"] = next;
        if upgraded {
            nodes::scale(cx, &cluster, &pool, 0);
        }
        nodes::scale(cx, &cluster, &pool, count(&pool));
        nodes::relabel(cx, &cluster, &pool);
    }
    pool.body["properties"]["provisioningState"] = json!("Succeeded");
    if let Some(members) = pool.body["properties"].as_object_mut() {
        members.remove("status");
    }
    cx.put(pool);
}
