//! The compute API, as far as users and GKE's controllers have things there: what is on offer, and what can be made and deleted.

mod members;
mod routers;

use super::{
    Fault, Outcome, Query,
    account::{COMPUTE, Cx, show, text},
    clusters, nodes, operations,
    operations::Begun,
    page, versions,
};
use crate::site::Entry;
use serde_json::{Value, json};
use std::time::Duration;

const DELETE: Duration = Duration::from_secs(8);
const INSERT: Duration = Duration::from_secs(3);
/// The quotas of a region that are told, with their limits.
const QUOTAS: [(&str, u64); 8] = [
    ("CPUS", 72),
    ("N2_CPUS", 48),
    ("PREEMPTIBLE_CPUS", 0),
    ("IN_USE_ADDRESSES", 24),
    ("SSD_TOTAL_GB", 2_000),
    ("DISKS_TOTAL_GB", 8_192),
    ("NVIDIA_L4_GPUS", 1),
    ("NVIDIA_T4_GPUS", 1),
];

fn missing(project: &str, path: &str) -> Fault {
    Fault::missing(format!(
        "The resource 'projects/{project}/{path}' was not found"
    ))
}

pub(super) fn act(cx: &Cx<'_>, call: &str, at: &[&str], query: &Query, body: &Value) -> Outcome {
    let project = at[0];
    cx.enabled(project, "compute")?;
    let (kind, verb) = call.split_once('.').unwrap_or((call, ""));
    match call {
        "projects.get" => {
            let found = cx.project(project)?;
            Ok(json!({
                "kind": "compute#project", "name": found.id, "id": found.body["-number"],
                "quotas": [
                    {"metric": "CPUS_ALL_REGIONS", "limit": 200.0, "usage": 0.0},
                    {"metric": "GPUS_ALL_REGIONS", "limit": 1.0, "usage": 0.0},
                ],
            }))
        }
        "zones.list" => {
            let zones = versions::regions().flat_map(|(region, zones)| {
                zones
                    .into_iter()
                    .map(move |zone| json!({"name": zone, "region": region, "status": "UP"}))
            });
            page(zones.collect(), "items", query, "maxResults")
        }
        "regions.get" => region(cx, project, at[1]),
        "machineTypes.get" => {
            let (zone, name) = (at[1], at[2]);
            let there = versions::zones(zone).is_some_and(|it| it == [zone.to_owned()]);
            match nodes::machine(name).filter(|_| there) {
                Some((processors, memory)) => Ok(json!({
                    "kind": "compute#machineType", "name": name, "zone": zone, "guestCpus": processors, "memoryMb": memory * 1024,
                })),
                None => Err(missing(
                    project,
                    &format!("zones/{zone}/machineTypes/{name}"),
                )),
            }
        }
        "networks.get" => get(cx, project, &format!("global/networks/{}", at[1])),
        "routers.patch" => {
            let path = format!("regions/{}/routers/{}", at[1], at[2]);
            routers::patch(cx, call, project, (&path, at), body)
        }
        "routers.list" => {
            let prefix = format!("regions/{}/routers/", at[1]);
            let all = cx.under(COMPUTE, project, &prefix);
            page(
                all.iter().map(|it| show(&it.body)).collect(),
                "items",
                query,
                "maxResults",
            )
        }
        "instanceGroups.listInstances" | "networkEndpointGroups.listNetworkEndpoints" => {
            members::list(cx, project, at, (kind, query))
        }
        "instanceGroups.addInstances" | "networkEndpointGroups.attachNetworkEndpoints" => {
            members::add(cx, project, at, (call, body))
        }
        _ if verb == "insert" => {
            let (place, collection) = place(kind, &[at, &[""]].concat());
            insert(cx, call, project, (&place, &collection), body)
        }
        "globalOperations.get" => operations::find(cx, "compute", at[1], Some("global")),
        "regionOperations.get" => {
            operations::find(cx, "compute", at[2], Some(&format!("regions/{}", at[1])))
        }
        "zoneOperations.get" => {
            operations::find(cx, "compute", at[2], Some(&format!("zones/{}", at[1])))
        }
        _ if verb == "aggregatedList" => aggregated(cx, project, kind, query),
        _ if verb == "list" => {
            let all = cx.under(COMPUTE, project, &format!("global/{kind}/"));
            page(
                all.iter().map(|it| show(&it.body)).collect(),
                "items",
                query,
                "maxResults",
            )
        }
        _ => {
            let (place, collection) = place(kind, at);
            let name = at[at.len() - 1];
            let path = format!("{place}/{collection}/{name}");
            match verb {
                "get" => get(cx, project, &path),
                _ => delete(cx, call, project, (&place, &path)),
            }
        }
    }
}

/// Returns where a thing is, and its collection: "globalAddresses" and "regionDisks" are addresses and disks.
fn place(kind: &str, at: &[&str]) -> (String, String) {
    let bare = |prefix: &str| {
        let rest = kind.strip_prefix(prefix)?;
        let first = rest.chars().next().filter(char::is_ascii_uppercase)?;
        Some(format!("{}{}", first.to_ascii_lowercase(), &rest[1..]))
    };
    let collection = bare("global")
        .or_else(|| bare("region"))
        .unwrap_or_else(|| kind.to_owned());
    let place = match at {
        [_, _] => "global".to_owned(),
        [_, place, _] if versions::zones(place).is_some_and(|it| it.len() == 1) => {
            format!("zones/{place}")
        }
        [_, place, ..] => format!("regions/{place}"),
        _ => String::new(),
    };
    (place, collection)
}

/// Makes a thing, as users, controllers and drivers of volumes do.
fn insert(
    cx: &Cx<'_>,
    call: &str,
    project: &str,
    (place, collection): (&str, &str),
    wanted: &Value,
) -> Outcome {
    let name = wanted["name"].as_str().unwrap_or_default();
    if !is_name(name) {
        return Err(Fault::invalid(format!(
            "Invalid value for field 'resource.name': '{name}'. Must be a match of regex '[a-z](?:[-a-z0-9]{{0,61}}[a-z0-9])?'"
        )));
    }
    let (scope, here) = place.split_once('/').unwrap_or((place, ""));
    let there = match scope {
        "zones" => versions::zones(here).is_some_and(|it| it == [here.to_owned()]),
        "regions" => versions::regions().any(|it| it.0 == here),
        _ => true,
    };
    if !there {
        return Err(missing(project, place));
    }
    clusters::check_labels(&wanted["labels"])?;
    if collection == "routers" {
        routers::check(cx, project, place, wanted)?;
    }
    let path = format!("{place}/{collection}/{name}");
    if cx.get(COMPUTE, project, &path).is_some() {
        return Err(Fault::exists(format!(
            "The resource 'projects/{project}/{path}' already exists"
        ))
        .because("alreadyExists"));
    }
    let root = format!("https://www.googleapis.com/compute/v1/projects/{project}");
    let mut made = wanted.clone();
    made["selfLink"] = json!(format!("{root}/{path}"));
    made["creationTimestamp"] = json!(super::time(cx.now));
    match scope {
        "zones" => made["zone"] = json!(format!("{root}/{place}")),
        "regions" => made["region"] = json!(format!("{root}/{place}")),
        _ => {}
    }
    if collection == "disks" {
        made["status"] = json!("CREATING");
    }
    cx.make(COMPUTE, project, &path, made);
    let begun = Begun {
        call: ("compute", call),
        project,
        place,
        kind: "insert",
        name,
        then: json!({"do": "insert-compute", "path": path}),
        takes: INSERT,
    };
    Ok(operations::begin(cx, begun))
}

/// Returns whether compute takes a name (<https://cloud.google.com/compute/docs/naming-resources>).
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.bytes().all(plain)
}

/// A thing is made.
pub(super) fn inserted(cx: &Cx<'_>, project: &str, then: &Value) {
    let path = then["path"].as_str().unwrap_or_default();
    if let Some(mut found) = cx.get(COMPUTE, project, path)
        && found.body["status"] == "CREATING"
    {
        found.body["status"] = json!("READY");
        cx.put(found);
    }
}

fn get(cx: &Cx<'_>, project: &str, path: &str) -> Outcome {
    let found = cx.get(COMPUTE, project, path);
    found
        .map(|it| show(&it.body))
        .ok_or_else(|| missing(project, path))
}

/// Returns what there is of a collection, by the place.
fn aggregated(cx: &Cx<'_>, project: &str, kind: &str, query: &Query) -> Outcome {
    let mut places = serde_json::Map::new();
    for it in cx.under(COMPUTE, project, "") {
        let mut parts: Vec<&str> = it.id.split('/').collect();
        parts.pop();
        if parts.pop() != Some(kind) {
            continue;
        }
        let place = parts.join("/");
        let told = places.entry(place).or_insert_with(|| json!({kind: []}));
        if let Some(list) = told[kind].as_array_mut() {
            list.push(show(&it.body));
        }
    }
    // Places without any are told, too.
    for (region, _) in versions::regions().take(2) {
        let nothing = json!({"warning": {"code": "NO_RESULTS_ON_PAGE", "message": format!("There are no results for scope 'regions/{region}' on this page.")}});
        places.entry(format!("regions/{region}")).or_insert(nothing);
    }
    let _ = query;
    Ok(json!({"kind": format!("compute#{kind}AggregatedList"), "items": places}))
}

fn delete(cx: &Cx<'_>, call: &str, project: &str, (place, path): (&str, &str)) -> Outcome {
    let found = cx
        .get(COMPUTE, project, path)
        .ok_or_else(|| missing(project, path))?;
    let link = text(&found, "selfLink").to_owned();
    let user = cx
        .under(COMPUTE, project, "")
        .into_iter()
        .find(|it| text(it, "selfLink") != link && names(&it.body, &link));
    if let Some(user) = user {
        let message = format!(
            "The {path} resource is already being used by '{}'",
            text(&user, "selfLink")
        );
        return Err(Fault::new(400, "FAILED_PRECONDITION", message)
            .because("resourceInUseByAnotherResource"));
    }
    let begun = Begun {
        call: ("compute", call),
        project,
        place,
        kind: "delete",
        name: path.rsplit('/').next().unwrap_or_default(),
        then: json!({"do": "delete-compute", "path": path}),
        takes: DELETE,
    };
    Ok(operations::begin(cx, begun))
}

/// Returns whether a thing that is told hangs on what this link leads to. Nodes' groups tell of no balancer.
fn names(body: &Value, link: &str) -> bool {
    match body {
        Value::String(text) => text == link,
        Value::Array(items) => items.iter().any(|it| names(it, link)),
        Value::Object(fields) => fields
            .iter()
            .any(|(key, it)| !key.starts_with('-') && names(it, link)),
        _ => false,
    }
}

/// A thing is gone; so is what it was outside of its cluster, with the last part of it.
pub(super) fn deleted(cx: &Cx<'_>, project: &str, then: &Value) {
    let Some(found) = cx.get(COMPUTE, project, then["path"].as_str().unwrap_or_default()) else {
        return;
    };
    cx.remove(&found);
    let Some(asset) = found.body["-asset"].as_str() else {
        return;
    };
    let left = cx
        .under(COMPUTE, project, "")
        .iter()
        .any(|it| it.body["-asset"] == asset);
    if !left && cx.ground.site().assets.contains_key(asset) {
        cx.ground.write(Entry::AssetGone {
            id: asset.to_owned(),
        });
    }
}

fn region(cx: &Cx<'_>, project: &str, name: &str) -> Outcome {
    if !versions::regions().any(|it| it.0 == name) {
        return Err(missing(project, &format!("regions/{name}")));
    }
    let mut used = std::collections::BTreeMap::<&str, u64>::new();
    for cluster in cx.under(super::account::CLUSTER, project, "") {
        if versions::region(text(&cluster, "location")) != name {
            continue;
        }
        for pool in cluster.body["nodePools"].as_array().into_iter().flatten() {
            let count = nodes::count(cx, &cluster, pool) as u64;
            let machine = pool["config"]["machineType"].as_str().unwrap_or_default();
            let metric = if machine.starts_with("n2-") {
                "N2_CPUS"
            } else {
                "CPUS"
            };
            *used.entry(metric).or_default() +=
                nodes::machine(machine).map_or(0, |it| it.0) * count;
            if cluster.body["networkConfig"]["defaultEnablePrivateNodes"] != true {
                *used.entry("IN_USE_ADDRESSES").or_default() += count;
            }
        }
    }
    let quotas = QUOTAS.iter().map(|(metric, limit)| {
        json!({"metric": metric, "limit": *limit as f64, "usage": used.get(metric).copied().unwrap_or(0) as f64})
    });
    Ok(
        json!({"kind": "compute#region", "name": name, "status": "UP", "quotas": quotas.collect::<Vec<_>>()}),
    )
}
