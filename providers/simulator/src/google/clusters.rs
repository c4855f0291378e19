//! Clusters: a control plane, with the API server within, and its node pools.

use super::{
    Fault, Outcome,
    account::{ACCOUNT, CLUSTER, COMPUTE, Cx, show, text},
    nodes, operations,
    operations::Begun,
    pools, versions, workloads,
};
use crate::{
    aws::Thing,
    ground::Running,
    site::{self, Entry, Gke},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Assumed times.
const MAKE: Duration = Duration::from_secs(300);
const DELETE: Duration = Duration::from_secs(210);
const CONFIGURE: Duration = Duration::from_secs(60);
const LABEL: Duration = Duration::from_secs(5);
const UPGRADE: Duration = Duration::from_secs(420);
/// How many clusters a region may have.
const CLUSTERS: usize = 100;

/// Returns the API server of a cluster, where one runs.
pub(super) fn running(cx: &Cx<'_>, cluster: &Thing) -> Option<Arc<Running>> {
    cx.ground.running(text(cluster, "-server"))
}

/// Returns a cluster, or what is said where there is none.
pub(super) fn find(cx: &Cx<'_>, project: &str, location: &str, name: &str) -> Result<Thing, Fault> {
    let id = format!("{location}/{name}");
    cx.get(CLUSTER, project, &id).ok_or_else(|| {
        Fault::missing(format!(
            "Not found: projects/{project}/locations/{location}/clusters/{name}.\nNo cluster named '{name}' in {project}."
        ))
    })
}

/// Refuses where something goes on in a cluster.
pub(super) fn idle(cx: &Cx<'_>, project: &str, location: &str, name: &str) -> Result<(), Fault> {
    let site = cx.ground.site();
    match operations::running(&site, project, location, name) {
        None => Ok(()),
        Some(operation) => Err(Fault::busy(format!(
            "Cluster is running incompatible operation {operation}."
        ))
        .because("CLUSTER_ALREADY_HAS_OPERATION")),
    }
}

/// Returns whether a name is what GKE takes for clusters and node pools.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.bytes().all(plain)
}

/// Checks labels (<https://cloud.google.com/resource-manager/docs/labels-overview#requirements>).
pub(super) fn check_labels(labels: &Value) -> Result<(), Fault> {
    let plain = |text: &str| {
        text.len() <= 63
            && text
                .chars()
                .all(|c| c.is_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
    };
    let entries = labels.as_object().into_iter().flatten();
    for (key, value) in entries {
        let value = value.as_str().unwrap_or_default();
        let good = plain(key) && key.starts_with(char::is_lowercase) && plain(value);
        if !good {
            return Err(Fault::invalid(format!(
                "Invalid resource label: \"{key}\" = \"{value}\"."
            )));
        }
    }
    Ok(())
}

/// Returns a cluster as it is told. Where its API server answers is known now: the world may be served elsewhere later.
fn show_cluster(cx: &Cx<'_>, cluster: &Thing) -> Value {
    let mut shown = show(&cluster.body);
    if !shown["masterAuth"].is_null() {
        let address = cx.ground.address.trim_start_matches("http://");
        let server = text(cluster, "-server");
        shown["endpoint"] = json!(format!("{address}/clusters/{server}"));
    }
    shown
}

pub(super) fn act(cx: &Cx<'_>, call: &str, at: &[&str], body: &Value) -> Outcome {
    let (project, location) = (at[0], at[1]);
    match call {
        "clusters.create" => create(cx, project, location, &body["cluster"]),
        "clusters.list" => {
            let all = cx.under(CLUSTER, project, "");
            let here = all
                .into_iter()
                .filter(|it| location == "-" || it.body["location"] == location);
            let told: Vec<Value> = here.map(|it| show_cluster(cx, &it)).collect();
            Ok(match told.is_empty() {
                true => json!({}),
                false => json!({"clusters": told}),
            })
        }
        "clusters.get" => Ok(show_cluster(cx, &find(cx, project, location, at[2])?)),
        "clusters.delete" => {
            let mut cluster = find(cx, project, location, at[2])?;
            idle(cx, project, location, at[2])?;
            cluster.body["status"] = json!("STOPPING");
            cx.put(cluster);
            Ok(begin(
                cx,
                call,
                at,
                "DELETE_CLUSTER",
                json!({"do": "delete-cluster"}),
                DELETE,
            ))
        }
        "clusters.setResourceLabels" => label(cx, at, body),
        "clusters.update" => update(cx, at, &body["update"]),
        _ => Err(Fault::missing(format!("there is no call {call}"))),
    }
}

/// Begins an operation of a cluster.
fn begin(cx: &Cx<'_>, call: &str, at: &[&str], kind: &str, then: Value, takes: Duration) -> Value {
    let mut then = then;
    then["id"] = json!(format!("{}/{}", at[1], at[2]));
    let begun = Begun {
        call: ("container", call),
        project: at[0],
        place: at[1],
        kind,
        name: at[2],
        then,
        takes,
    };
    operations::begin(cx, begun)
}

fn create(cx: &Cx<'_>, project: &str, location: &str, wanted: &Value) -> Outcome {
    let name = wanted["name"].as_str().unwrap_or_default();
    if !is_name(name) {
        return Err(Fault::invalid(format!(
            "Cluster.name \"{name}\" is invalid: it must match ^[a-z]([-a-z0-9]{{0,38}}[a-z0-9])?$."
        )));
    }
    let zones = versions::zones(location)
        .ok_or_else(|| Fault::invalid(format!("Location \"{location}\" does not exist.")))?;
    let id = format!("{location}/{name}");
    if cx.get(CLUSTER, project, &id).is_some() {
        return Err(Fault::exists(format!(
            "Already exists: projects/{project}/locations/{location}/clusters/{name}."
        )));
    }
    if cx.under(CLUSTER, project, "").len() >= CLUSTERS {
        return Err(Fault::denied(
            "Insufficient project quota to satisfy request: resource \"CLUSTERS\".",
        ));
    }
    cx.enabled(project, "compute")?;
    check_labels(&wanted["resourceLabels"])?;
    let channel = wanted["releaseChannel"]["channel"]
        .as_str()
        .unwrap_or_default();
    let version = versions::resolve(
        wanted["initialClusterVersion"].as_str().unwrap_or_default(),
        channel,
    )?;
    let autopilot = wanted["autopilot"]["enabled"] == true;
    let network = wanted["network"].as_str().unwrap_or("default");
    let network = network.rsplit('/').next().unwrap_or_default();
    let path = format!("global/networks/{network}");
    if cx.get(COMPUTE, project, &path).is_none() {
        return Err(Fault::invalid(format!(
            "Network \"{network}\" does not exist."
        )));
    }
    let pool = wanted["workloadIdentityConfig"]["workloadPool"].as_str();
    if pool.is_some_and(|it| it != format!("{project}.svc.id.goog")) {
        return Err(Fault::invalid(format!(
            "Workload Identity pool {} is not the project's.",
            pool.unwrap_or_default()
        )));
    }
    let given: Vec<String> = list(&wanted["locations"]);
    if given.iter().any(|zone| !zones.contains(zone)) {
        return Err(Fault::invalid(
            "Cluster.locations has a zone that is not in the cluster's region.",
        ));
    }
    let homes: Vec<String> = match given.is_empty() {
        true => zones.into_iter().take(3).collect(),
        false => given,
    };
    let mut made = wanted.clone();
    let uid = cx.ground.mint(name);
    made["nodePools"] = json!([]);
    let pools = wanted["nodePools"].as_array().cloned().unwrap_or_default();
    if autopilot {
        if !pools.is_empty() {
            return Err(Fault::invalid(
                "Autopilot clusters have no node pools of one's own.",
            ));
        }
        if location.rsplit('-').next().is_some_and(|it| it.len() == 1) {
            return Err(Fault::invalid(
                "Autopilot clusters must be regional clusters.",
            ));
        }
        made["nodePools"] = json!([pools::autopilot(version, &homes)]);
        made["workloadIdentityConfig"] = json!({"workloadPool": format!("{project}.svc.id.goog")});
        made["networkConfig"]["datapathProvider"] = json!("ADVANCED_DATAPATH");
    } else {
        if pools.is_empty() && wanted["initialNodeCount"].as_u64().unwrap_or(0) == 0 {
            return Err(Fault::invalid(
                "Cluster.initial_node_count must be greater than zero.",
            ));
        }
        let mut checked = Vec::new();
        for pool in &pools {
            checked.push(pools::checked(cx, project, pool, version, &homes)?);
        }
        if pools.is_empty() {
            let usual = json!({"name": "default-pool", "initialNodeCount": wanted["initialNodeCount"], "config": wanted["nodeConfig"]});
            checked.push(pools::checked(cx, project, &usual, version, &homes)?);
        }
        made["nodePools"] = json!(checked);
    }
    for (key, value) in [
        ("id", json!(uid)),
        ("location", json!(location)),
        ("zone", json!(location)),
        ("locations", json!(homes)),
        ("network", json!(network)),
        (
            "subnetwork",
            json!(wanted["subnetwork"].as_str().unwrap_or("default")),
        ),
        ("status", json!("PROVISIONING")),
        ("initialClusterVersion", json!(version)),
        ("currentMasterVersion", json!(version)),
        ("labelFingerprint", json!(uid[..8])),
        ("createTime", json!(super::time(cx.now))),
        (
            "selfLink",
            json!(format!(
                "https://container.googleapis.com/v1/projects/{project}/locations/{location}/clusters/{name}"
            )),
        ),
        (
            "-server",
            json!(format!(
                "gke_{}_{location}_{name}_{}",
                project.replace([':', '.'], "-"),
                &uid[..8]
            )),
        ),
    ] {
        made[key] = value;
    }
    if channel.is_empty() {
        made["releaseChannel"] = json!({"channel": "REGULAR"});
    }
    cx.make(CLUSTER, project, &id, made);
    let then = json!({"do": "create-cluster"});
    Ok(begin(
        cx,
        "clusters.create",
        &[project, location, name],
        "CREATE_CLUSTER",
        then,
        MAKE,
    ))
}

pub(super) fn list(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect()
}

/// Sets labels: by whom knows those that are there.
fn label(cx: &Cx<'_>, at: &[&str], body: &Value) -> Outcome {
    let cluster = find(cx, at[0], at[1], at[2])?;
    idle(cx, at[0], at[1], at[2])?;
    if body["labelFingerprint"] != cluster.body["labelFingerprint"] {
        return Err(Fault::new(
            412,
            "FAILED_PRECONDITION",
            "Labels could not be set due to fingerprint mismatch.",
        ));
    }
    check_labels(&body["resourceLabels"])?;
    let then = json!({"do": "update-cluster", "set": {"resourceLabels": body["resourceLabels"], "labelFingerprint": cx.ground.mint("labels")[..8]}});
    Ok(begin(
        cx,
        "clusters.setResourceLabels",
        at,
        "UPDATE_CLUSTER",
        then,
        LABEL,
    ))
}

/// Begins a change: one at a time.
fn update(cx: &Cx<'_>, at: &[&str], wanted: &Value) -> Outcome {
    let cluster = find(cx, at[0], at[1], at[2])?;
    idle(cx, at[0], at[1], at[2])?;
    let keys: Vec<&String> = wanted
        .as_object()
        .map(|it| it.keys().collect())
        .unwrap_or_default();
    let [key] = keys[..] else {
        return Err(Fault::invalid("Must specify exactly one update."));
    };
    let value = &wanted[key];
    let (kind, set, takes) = match key.as_str() {
        "desiredMasterVersion" => {
            let channel = cluster.body["releaseChannel"]["channel"]
                .as_str()
                .unwrap_or_default();
            let to = versions::resolve(value.as_str().unwrap_or_default(), channel)?;
            let (from, target) = (
                versions::numbers(text(&cluster, "currentMasterVersion")),
                versions::numbers(to),
            );
            if target < from {
                return Err(Fault::invalid(format!(
                    "Master cannot be downgraded to \"{to}\"."
                )));
            }
            if target[1] > from[1] + 1 {
                return Err(Fault::invalid(format!(
                    "Master cannot be upgraded to \"{to}\": cannot upgrade the master more than a minor version at a time."
                )));
            }
            (
                "UPGRADE_MASTER",
                json!({"currentMasterVersion": to}),
                UPGRADE,
            )
        }
        "desiredReleaseChannel" => (
            "UPDATE_CLUSTER",
            json!({"releaseChannel": value}),
            CONFIGURE,
        ),
        "desiredGatewayApiConfig" => {
            let mut network = cluster.body["networkConfig"].clone();
            network["gatewayApiConfig"] = value.clone();
            (
                "UPDATE_CLUSTER",
                json!({"networkConfig": network}),
                CONFIGURE,
            )
        }
        "desiredControlPlaneEndpointsConfig" => (
            "UPDATE_CLUSTER",
            json!({"controlPlaneEndpointsConfig": value}),
            CONFIGURE,
        ),
        other => {
            return Err(Fault::invalid(format!(
                "the simulated GKE does not know how to change {other}"
            )));
        }
    };
    let mut cluster = cluster;
    cluster.body["status"] = json!("RECONCILING");
    cx.put(cluster);
    let then = json!({"do": "update-cluster", "set": set});
    Ok(begin(cx, "clusters.update", at, kind, then, takes))
}

fn of(cx: &Cx<'_>, project: &str, then: &Value) -> Option<Thing> {
    cx.get(CLUSTER, project, then["id"].as_str().unwrap_or_default())
}

/// A cluster is made, or could not be.
pub(super) fn created(cx: &Cx<'_>, project: &str, then: &Value, failed: Option<&str>) {
    let Some(mut cluster) = of(cx, project, then) else {
        return;
    };
    if let Some(why) = failed {
        cluster.body["status"] = json!("ERROR");
        cluster.body["statusMessage"] = json!(why);
        return cx.put(cluster);
    }
    let server = text(&cluster, "-server").to_owned();
    cluster.body["status"] = json!("RUNNING");
    cluster.body["masterAuth"] =
        json!({"clusterCaCertificate": BASE64_STANDARD.encode(&cx.ground.identity.authority)});
    let as_made = cluster.clone();
    for pool in cluster.body["nodePools"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        pool["status"] = json!("RUNNING");
        pool["instanceGroupUrls"] = json!(nodes::groups(&as_made, pool));
    }
    cx.put(cluster.clone());
    // The pool of the project's identities is there from the first cluster on.
    if cluster.body["workloadIdentityConfig"]["workloadPool"].is_string()
        && let Ok(mut found) = cx.project(project)
    {
        found.body["-pool"] = json!(true);
        cx.put(found);
    }
    let entry = site::Cluster {
        name: server,
        id: text(&cluster, "id").to_owned(),
        token: cx.ground.mint("token"),
        version: format!("v{}", text(&cluster, "currentMasterVersion")),
        created: cx.now,
        balancers: true,
        eks: None,
        aks: None,
        google: Some(Gke {
            project: project.to_owned(),
            location: text(&cluster, "location").to_owned(),
            name: text(&cluster, "name").to_owned(),
        }),
    };
    cx.ground.write(Entry::Cluster(entry.clone()));
    let running = cx.ground.serve(&entry, Vec::new());
    workloads::begin(&running.api);
    let pools = cluster.body["nodePools"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for pool in &pools {
        nodes::fit(cx, &cluster, pool, pools::initial(pool));
    }
}

/// A cluster is gone, with its nodes: what its controllers made stays.
pub(super) fn deleted(cx: &Cx<'_>, project: &str, then: &Value, failed: Option<&str>) {
    let Some(mut cluster) = of(cx, project, then) else {
        return;
    };
    if let Some(why) = failed {
        // It is as it was: who deletes it sees that it did not go.
        cluster.body["status"] = json!("ERROR");
        cluster.body["statusMessage"] = json!(why);
        return cx.put(cluster);
    }
    cx.remove(&cluster);
    cx.ground.settle();
}

/// A change is done.
pub(super) fn updated(cx: &Cx<'_>, project: &str, then: &Value, failed: Option<&str>) {
    let Some(mut cluster) = of(cx, project, then) else {
        return;
    };
    cluster.body["status"] = json!("RUNNING");
    if failed.is_some() {
        return cx.put(cluster);
    }
    for (key, value) in then["set"].as_object().into_iter().flatten() {
        cluster.body[key] = value.clone();
    }
    cx.put(cluster.clone());
    if let Some(version) = then["set"]["currentMasterVersion"].as_str()
        && let Some(running) = running(cx, &cluster)
    {
        running.api.upgrade(&format!("v{version}"));
    }
}

/// Returns whether a service account is one that nodes can run as.
pub(super) fn is_account(cx: &Cx<'_>, project: &str, email: &str) -> bool {
    email == "default" || email.is_empty() || cx.get(ACCOUNT, project, email).is_some()
}
