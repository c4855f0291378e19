//! Node pools of a cluster: they stand in its body.

use super::{
    Fault, Outcome,
    account::Cx,
    clusters::{self, check_labels, is_name, list},
    nodes, operations,
    operations::Begun,
    versions,
};
use crate::aws::Thing;
use serde_json::{Value, json};
use std::time::Duration;

/// Assumed times.
const MAKE: Duration = Duration::from_secs(120);
const DELETE: Duration = Duration::from_secs(150);
const SCALE: Duration = Duration::from_secs(60);
const CONFIGURE: Duration = Duration::from_secs(30);
const UPGRADE: Duration = Duration::from_secs(240);

/// Checks a pool that is to be made, and returns it with what GKE adds.
pub(super) fn checked(
    cx: &Cx<'_>,
    project: &str,
    wanted: &Value,
    version: &str,
    homes: &[String],
) -> Result<Value, Fault> {
    let name = wanted["name"].as_str().unwrap_or_default();
    if !is_name(name) {
        return Err(Fault::invalid(format!(
            "NodePool.name \"{name}\" is invalid."
        )));
    }
    let config = &wanted["config"];
    let machine = config["machineType"].as_str().unwrap_or("e2-medium");
    if nodes::machine(machine).is_none() {
        return Err(Fault::invalid(format!(
            "Machine type with name '{machine}' does not exist in zone '{}'.",
            homes[0]
        )));
    }
    let account = config["serviceAccount"].as_str().unwrap_or_default();
    if !clusters::is_account(cx, project, account) {
        return Err(Fault::invalid(format!(
            "The specified service account \"{account}\" does not exist."
        )));
    }
    check_labels(&config["resourceLabels"])?;
    let scaling = &wanted["autoscaling"];
    let number = |key: &str| scaling[key].as_u64().unwrap_or(0);
    let total = number("totalMaxNodeCount") > 0 || number("totalMinNodeCount") > 0;
    let each = number("maxNodeCount") > 0 || number("minNodeCount") > 0;
    if scaling["enabled"] == true && (total == each) {
        return Err(Fault::invalid(
            "Exactly one of min/max node count and total min/max node count must be set.",
        ));
    }
    if number("totalMinNodeCount") > number("totalMaxNodeCount")
        || number("minNodeCount") > number("maxNodeCount")
    {
        return Err(Fault::invalid("The minimum of nodes is above the maximum."));
    }
    let mut homes = homes.to_vec();
    let given = list(&wanted["locations"]);
    if !given.is_empty() {
        let region = versions::region(&homes[0]);
        if given
            .iter()
            .any(|zone| versions::region(zone) != region || *zone == region)
        {
            return Err(Fault::invalid(
                "NodePool.locations has a zone that is not in the cluster's region.",
            ));
        }
        homes = given;
    }
    let version = match wanted["version"].as_str() {
        Some(wanted) if wanted != "-" => {
            let found = versions::resolve(wanted, "RAPID")?;
            if versions::numbers(found) > versions::numbers(version) {
                // The patch may be newer than the control plane's: then it is the control plane's.
                if versions::numbers(found)[1] > versions::numbers(version)[1] {
                    return Err(Fault::invalid(format!(
                        "Node version \"{wanted}\" must not be above the master's."
                    )));
                }
                version
            } else {
                found
            }
        }
        _ => version,
    };
    let mut made = wanted.clone();
    let uid = cx.ground.mint(name);
    for (key, value) in [
        ("version", json!(version)),
        ("locations", json!(homes)),
        ("status", json!("PROVISIONING")),
        ("etag", json!(uid[..12])),
    ] {
        made[key] = value;
    }
    made["config"]["machineType"] = json!(machine);
    if made["config"]["diskSizeGb"].is_null() {
        made["config"]["diskSizeGb"] = json!(100);
    }
    Ok(made)
}

/// Returns the pool that an Autopilot cluster is told to have.
pub(super) fn autopilot(version: &str, homes: &[String]) -> Value {
    json!({
        "name": "default-pool", "initialNodeCount": 1, "status": "PROVISIONING", "version": version, "locations": homes,
        "config": {"machineType": "e2-medium", "imageType": "COS_CONTAINERD", "diskSizeGb": 100},
    })
}

/// Returns how many nodes a new pool has, in all its zones.
pub(super) fn initial(pool: &Value) -> usize {
    let each = pool["initialNodeCount"].as_u64().unwrap_or(0);
    let zones = pool["locations"].as_array().map_or(1, Vec::len);
    usize::try_from(each).unwrap_or(0) * zones
}

fn position(cluster: &Thing, name: &str) -> Option<usize> {
    let pools = cluster.body["nodePools"].as_array()?;
    pools.iter().position(|it| it["name"] == name)
}

fn find(cx: &Cx<'_>, at: &[&str]) -> Result<(Thing, usize), Fault> {
    let cluster = clusters::find(cx, at[0], at[1], at[2])?;
    let found = position(&cluster, at[3]).ok_or_else(|| {
        Fault::missing(format!(
            "Not found: projects/{}/locations/{}/clusters/{}/nodePools/{}.",
            at[0], at[1], at[2], at[3]
        ))
    })?;
    Ok((cluster, found))
}

pub(super) fn act(cx: &Cx<'_>, call: &str, at: &[&str], body: &Value) -> Outcome {
    match call {
        "clusters.nodePools.list" => {
            let cluster = clusters::find(cx, at[0], at[1], at[2])?;
            Ok(json!({"nodePools": cluster.body["nodePools"]}))
        }
        "clusters.nodePools.get" => {
            let (cluster, found) = find(cx, at)?;
            Ok(cluster.body["nodePools"][found].clone())
        }
        "clusters.nodePools.create" => create(cx, at, &body["nodePool"]),
        "clusters.nodePools.delete" => {
            let (mut cluster, found) = find(cx, at)?;
            clusters::idle(cx, at[0], at[1], at[2])?;
            cluster.body["nodePools"][found]["status"] = json!("STOPPING");
            cx.put(cluster);
            Ok(begin(
                cx,
                call,
                at,
                "DELETE_NODE_POOL",
                json!({"do": "delete-pool"}),
                DELETE,
            ))
        }
        "clusters.nodePools.setAutoscaling" => {
            let set = json!({"autoscaling": body["autoscaling"]});
            change(cx, call, at, ("SET_NODE_POOL_SIZE", set, SCALE))
        }
        "clusters.nodePools.update" => update(cx, call, at, body),
        _ => Err(Fault::missing(format!("there is no call {call}"))),
    }
}

fn begin(cx: &Cx<'_>, call: &str, at: &[&str], kind: &str, then: Value, takes: Duration) -> Value {
    let mut then = then;
    then["id"] = json!(format!("{}/{}", at[1], at[2]));
    then["pool"] = json!(at[3]);
    let begun = Begun {
        call: ("container", call),
        project: at[0],
        place: at[1],
        kind,
        name: &format!("{}/{}", at[2], at[3]),
        then,
        takes,
    };
    operations::begin(cx, begun)
}

fn create(cx: &Cx<'_>, at: &[&str], wanted: &Value) -> Outcome {
    let mut cluster = clusters::find(cx, at[0], at[1], at[2])?;
    let name = wanted["name"].as_str().unwrap_or_default();
    if position(&cluster, name).is_some() {
        return Err(Fault::exists(format!("Already exists: node pool {name}.")));
    }
    clusters::idle(cx, at[0], at[1], at[2])?;
    if cluster.body["status"] != "RUNNING" {
        return Err(Fault::busy(
            "Cluster is not running: its node pools cannot be changed.",
        ));
    }
    if cluster.body["autopilot"]["enabled"] == true {
        return Err(Fault::invalid(
            "Autopilot clusters have no node pools of one's own.",
        ));
    }
    let version = cluster.body["currentMasterVersion"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let homes = list(&cluster.body["locations"]);
    let made = checked(cx, at[0], wanted, &version, &homes)?;
    if let Some(pools) = cluster.body["nodePools"].as_array_mut() {
        pools.push(made);
    }
    cx.put(cluster);
    let at = [at[0], at[1], at[2], name];
    let then = json!({"do": "create-pool"});
    Ok(begin(
        cx,
        "clusters.nodePools.create",
        &at,
        "CREATE_NODE_POOL",
        then,
        MAKE,
    ))
}

fn change(
    cx: &Cx<'_>,
    call: &str,
    at: &[&str],
    (kind, set, takes): (&str, Value, Duration),
) -> Outcome {
    let (mut cluster, found) = find(cx, at)?;
    clusters::idle(cx, at[0], at[1], at[2])?;
    cluster.body["nodePools"][found]["status"] = json!("RECONCILING");
    cx.put(cluster);
    Ok(begin(
        cx,
        call,
        at,
        kind,
        json!({"do": "update-pool", "set": set}),
        takes,
    ))
}

fn update(cx: &Cx<'_>, call: &str, at: &[&str], body: &Value) -> Outcome {
    let (cluster, found) = find(cx, at)?;
    let pool = &cluster.body["nodePools"][found];
    let keys: Vec<&String> = body
        .as_object()
        .map(|it| it.keys().collect())
        .unwrap_or_default();
    let [key] = keys[..] else {
        return Err(Fault::invalid("Must specify exactly one update."));
    };
    let mut config = pool["config"].clone();
    let what = match key.as_str() {
        "nodeVersion" => {
            let wanted = body["nodeVersion"].as_str().unwrap_or_default();
            let master = cluster.body["currentMasterVersion"]
                .as_str()
                .unwrap_or_default();
            let to = match versions::resolve(wanted, "RAPID")? {
                to if versions::numbers(to) <= versions::numbers(master) => to,
                to if versions::numbers(to)[1] == versions::numbers(master)[1] => master,
                to => {
                    return Err(Fault::invalid(format!(
                        "Node version \"{to}\" must not be above the master's."
                    )));
                }
            };
            ("UPGRADE_NODES", json!({"version": to}), UPGRADE)
        }
        "labels" => {
            config["labels"] = body["labels"]["labels"].clone();
            ("UPDATE_CLUSTER", json!({"config": config}), CONFIGURE)
        }
        "taints" => {
            config["taints"] = body["taints"]["taints"].clone();
            ("UPDATE_CLUSTER", json!({"config": config}), CONFIGURE)
        }
        "resourceLabels" => {
            check_labels(&body["resourceLabels"]["labels"])?;
            config["resourceLabels"] = body["resourceLabels"]["labels"].clone();
            ("UPDATE_CLUSTER", json!({"config": config}), CONFIGURE)
        }
        other => {
            return Err(Fault::invalid(format!(
                "the simulated GKE does not know how to change {other}"
            )));
        }
    };
    change(cx, call, at, what)
}

fn of(cx: &Cx<'_>, project: &str, then: &Value) -> Option<(Thing, usize)> {
    let id = then["id"].as_str()?;
    let cluster = cx.get(super::account::CLUSTER, project, id)?;
    let found = position(&cluster, then["pool"].as_str()?)?;
    Some((cluster, found))
}

/// A pool is made, or could not be.
pub(super) fn created(cx: &Cx<'_>, project: &str, then: &Value, failed: Option<&str>) {
    let Some((mut cluster, found)) = of(cx, project, then) else {
        return;
    };
    let groups = nodes::groups(&cluster, &cluster.body["nodePools"][found]);
    let pool = &mut cluster.body["nodePools"][found];
    match failed {
        Some(why) => {
            pool["status"] = json!("ERROR");
            pool["statusMessage"] = json!(why);
        }
        None => {
            pool["status"] = json!("RUNNING");
            pool["instanceGroupUrls"] = json!(groups);
        }
    }
    let pool = pool.clone();
    cx.put(cluster.clone());
    if failed.is_none() {
        nodes::fit(cx, &cluster, &pool, initial(&pool));
    }
}

/// A pool is gone, with its nodes.
pub(super) fn deleted(cx: &Cx<'_>, project: &str, then: &Value, failed: Option<&str>) {
    let Some((mut cluster, found)) = of(cx, project, then) else {
        return;
    };
    if let Some(why) = failed {
        cluster.body["nodePools"][found]["status"] = json!("ERROR");
        cluster.body["nodePools"][found]["statusMessage"] = json!(why);
        return cx.put(cluster);
    }
    let pool = cluster.body["nodePools"][found].clone();
    nodes::fit(cx, &cluster, &pool, 0);
    if let Some(pools) = cluster.body["nodePools"].as_array_mut() {
        pools.remove(found);
    }
    cx.put(cluster);
}

/// A change of a pool is done.
pub(super) fn updated(cx: &Cx<'_>, project: &str, then: &Value, failed: Option<&str>) {
    let Some((mut cluster, found)) = of(cx, project, then) else {
        return;
    };
    let pool = &mut cluster.body["nodePools"][found];
    pool["status"] = json!("RUNNING");
    if failed.is_none() {
        for (key, value) in then["set"].as_object().into_iter().flatten() {
            pool[key] = value.clone();
        }
    }
    let pool = pool.clone();
    cx.put(cluster.clone());
    if failed.is_some() {
        return;
    }
    let count = nodes::count(cx, &cluster, &pool);
    if then["set"]["version"].is_string() {
        // Each node gives way to one of the new version.
        nodes::fit(cx, &cluster, &pool, 0);
    }
    let bound =
        |key: &str| usize::try_from(pool["autoscaling"][key].as_u64().unwrap_or(0)).unwrap_or(0);
    let (least, most) = (bound("totalMinNodeCount"), bound("totalMaxNodeCount"));
    nodes::fit(cx, &cluster, &pool, count.clamp(least, most.max(least)));
    nodes::relabel(cx, &cluster, &pool);
}
