//! Managed clusters: a control plane with its system pools, the group for their nodes, and the API server within.

mod access;
mod plane;
mod wanted;

pub(super) use self::access::credential;
pub(crate) use self::access::{authenticator, disk_id, is_on, is_there};

use self::{
    plane::{renew, start},
    wanted::{identity, network, sign_in},
};
use super::{
    Fault, Outcome, Reply,
    account::{
        CLUSTER, Cx, EXTENSION, Fate, POOL, ROLE, group_of, is_busy, show, state, tags, text,
    },
    check, groups, offers, operations, pools, uuid,
};
use crate::{aws::Thing, ground::Running, site::Entry};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

const TYPE: &str = "Microsoft.ContainerService/managedClusters";
/// The service, as faults name it.
pub(super) const SERVICE: &str = "Microsoft.ContainerService";
const WRITE: &str = "Microsoft.ContainerService/managedClusters/write";
const DELETE: &str = "Microsoft.ContainerService/managedClusters/delete";
const START: &str = "Microsoft.ContainerService/managedClusters/start/action";
const STOP: &str = "Microsoft.ContainerService/managedClusters/stop/action";

/// Assumed times: until the API server is there, and then the nodes; of changes; until it is gone.
const PLANE: Duration = Duration::from_secs(150);
const NODES: Duration = Duration::from_secs(120);
const CHANGE: Duration = Duration::from_secs(90);
const UPGRADE: Duration = Duration::from_secs(360);
const GONE: Duration = Duration::from_secs(240);
const POWER: Duration = Duration::from_secs(120);

/// Returns the API server of a cluster, where one runs.
pub(super) fn running(cx: &Cx<'_>, cluster: &Thing) -> Option<Arc<Running>> {
    cx.ground.running(text(&cluster.body["sim"], "server"))
}

fn not_found(id: &str) -> Fault {
    let group = group_of(id);
    let name = id.rsplit('/').next().unwrap_or_default();
    Fault::new(
        404,
        "ResourceNotFound",
        format!(
            "The Resource '{TYPE}/{name}' under resource group '{}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            group.rsplit('/').next().unwrap_or_default()
        ),
    )
}

pub(super) fn find(cx: &Cx<'_>, id: &str) -> Result<Thing, Fault> {
    // A group that is not there is told first.
    groups::within(cx, &group_of(id)).or_else(|fault| match fault.status {
        404 => Err(fault),
        _ => Ok(cx.get(CLUSTER, id).ok_or_else(|| not_found(id))?),
    })?;
    cx.get(CLUSTER, id).ok_or_else(|| not_found(id))
}

/// Returns what AKS tells of a cluster: with the profiles of its pools.
fn tell(cx: &Cx<'_>, cluster: &Thing) -> Value {
    let mut shown = show(cluster);
    let pools = pools::of(cx, cluster);
    shown["properties"]["agentPoolProfiles"] = pools.iter().map(pools::profile).collect();
    shown
}

pub(super) fn get(cx: &Cx<'_>, id: &str) -> Outcome {
    Ok(Reply::ok(tell(cx, &find(cx, id)?)))
}

pub(super) fn list(cx: &Cx<'_>, prefix: &str) -> Outcome {
    let all = cx.under(CLUSTER, prefix);
    let all: Vec<Value> = all.iter().map(|it| tell(cx, it)).collect();
    Ok(Reply::ok(json!({"value": all})))
}

/// Refuses where something is being done to a cluster or to one of its pools.
pub(super) fn idle(cx: &Cx<'_>, cluster: &Thing) -> Result<(), Fault> {
    let pool = pools::of(cx, cluster).into_iter().find(is_busy);
    let busy = Some(cluster).filter(|it| is_busy(it)).cloned().or(pool);
    let Some(busy) = busy else { return Ok(()) };
    Err(Fault::new(
        409,
        "OperationNotAllowed",
        format!(
            "Operation is not allowed because there's an in progress {} operation on {} started at {}. Please wait for it to finish before starting a new operation.",
            state(&busy),
            text(&busy.body, "name"),
            busy.created
        ),
    ))
}

fn bad(code: &str, message: impl Into<String>) -> Fault {
    Fault::new(400, code, message)
}

pub(super) fn put(cx: &Cx<'_>, id: &str, body: &Value) -> Outcome {
    groups::within(cx, &group_of(id))?;
    check::check("ManagedCluster", body)?;
    match cx.get(CLUSTER, id) {
        None => create(cx, id, body),
        Some(cluster) if state(&cluster) == "Failed" && cluster.body["sim"]["server"].is_null() => {
            // One of which nothing came is made again.
            cx.clear(POOL, &format!("{}/", cluster.id));
            groups::drop_nodes(cx, &cluster);
            cx.remove(&cluster);
            create(cx, id, body)
        }
        Some(cluster) => change(cx, cluster, body),
    }
}

fn create(cx: &Cx<'_>, id: &str, body: &Value) -> Outcome {
    let name = id.rsplit('/').next().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let ends = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric());
    if name.len() > 63 || !ends || !name.bytes().all(plain) {
        return Err(bad(
            "InvalidParameter",
            format!("The value of parameter resourceName is invalid: {name}"),
        ));
    }
    let location = offers::location(text(body, "location"))?;
    let wanted = &body["properties"];
    let version = match wanted["kubernetesVersion"].as_str() {
        Some(version) => version.to_owned(),
        None => offers::DEFAULT.to_owned(),
    };
    let exact = offers::patch(&version).ok_or_else(|| {
        bad("K8sVersionNotSupported", format!("Managed cluster {name} is on version {version}, which is not supported in this region. Please use [az aks get-versions] command to get the supported version list in this region."))
    })?;
    if text(wanted, "dnsPrefix").is_empty() {
        return Err(bad(
            "InvalidParameter",
            "Required parameter dnsPrefix is missing (null).",
        ));
    }
    let profiles = wanted["agentPoolProfiles"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if !profiles.iter().any(|it| it["mode"] == "System") {
        return Err(bad(
            "MissingSystemPool",
            "Must define at least one system pool.",
        ));
    }
    sign_in(wanted)?;
    let identity = identity(cx, name, body)?;
    let network = network(&wanted["networkProfile"])?;
    let tags = tags(body)?;
    let group = group_of(id);
    let group = group.rsplit('/').next().unwrap_or_default();
    let mint = cx.ground.mint(name);
    let fqdn = format!(
        "{}-{}.hcp.{location}.azmk8s.io",
        text(wanted, "dnsPrefix"),
        &mint[..8]
    );
    let mut properties = json!({
        "kubernetesVersion": version, "currentKubernetesVersion": exact, "dnsPrefix": wanted["dnsPrefix"], "fqdn": fqdn,
        "azurePortalFQDN": fqdn, "enableRBAC": wanted["enableRBAC"] != false, "supportPlan": "KubernetesOfficial",
        "nodeResourceGroup": wanted["nodeResourceGroup"].as_str().map_or_else(|| format!("MC_{group}_{name}_{location}"), str::to_owned),
        "networkProfile": network, "powerState": {"code": "Running"}, "maxAgentPools": 100,
        "servicePrincipalProfile": {"clientId": "msi"}, "resourceUID": uuid(&mint),
        "disableLocalAccounts": wanted["disableLocalAccounts"] == true,
    });
    if wanted["oidcIssuerProfile"]["enabled"] == true {
        let issuer = format!(
            "https://{location}.oic.prod-aks.azure.com/{}/{}/",
            super::TENANT,
            uuid(&mint)
        );
        properties["oidcIssuerProfile"] = json!({"enabled": true, "issuerURL": issuer});
    }
    for key in CHANGEABLE {
        if !wanted[key].is_null() {
            properties[key] = wanted[key].clone();
        }
    }
    if !wanted["linuxProfile"].is_null() {
        properties["linuxProfile"] = wanted["linuxProfile"].clone();
    }
    let mut told = json!({
        "location": location, "identity": identity, "properties": properties,
        "sku": match &body["sku"] { Value::Null => json!({"name": "Base", "tier": "Free"}), sku => sku.clone() },
    });
    told["sim"] = json!({"uid": mint, "stage": "plane"});
    let mut cluster = cx.make(CLUSTER, (id, TYPE), tags, told);
    for profile in &profiles {
        let pool = profile["name"].as_str().unwrap_or_default();
        // What is wrong with one takes all of it back.
        if let Err(fault) = pools::begin(cx, &cluster, pool, profile, "Creating") {
            cx.clear(POOL, &format!("{}/", cluster.id));
            cx.remove(&cluster);
            return Err(fault);
        }
    }
    if let Err(fault) = groups::of_nodes(cx, &cluster) {
        cx.clear(POOL, &format!("{}/", cluster.id));
        cx.remove(&cluster);
        return Err(fault);
    }
    let fate = cx.fate((SERVICE, WRITE, name), PLANE);
    let operation = operations::begin(cx, &mut cluster, "create", "Creating", &fate);
    cx.put(cluster.clone());
    let [link, _] = operations::links(cx, location, &operation);
    Ok(Reply::new(201, tell(cx, &cluster)).with(link.0, link.1))
}

/// What of a cluster can be changed, besides its version, its tags and its pools.
const CHANGEABLE: [&str; 12] = [
    "aadProfile",
    "apiServerAccessProfile",
    "autoUpgradeProfile",
    "autoScalerProfile",
    "securityProfile",
    "serviceMeshProfile",
    "nodeProvisioningProfile",
    "addonProfiles",
    "storageProfile",
    "workloadAutoScalerProfile",
    "metricsProfile",
    "ingressProfile",
];

fn change(cx: &Cx<'_>, mut cluster: Thing, body: &Value) -> Outcome {
    idle(cx, &cluster)?;
    let wanted = &body["properties"];
    let there = cluster.body["properties"].clone();
    if there["powerState"]["code"] == "Stopped" {
        return Err(Fault::new(
            409,
            "OperationNotAllowed",
            "managed cluster is stopped: start it first.",
        ));
    }
    for key in ["dnsPrefix", "nodeResourceGroup"] {
        if !wanted[key].is_null() && wanted[key] != there[key] {
            return Err(bad(
                "PropertyChangeNotAllowed",
                format!("Changing property 'properties.{key}' is not allowed."),
            ));
        }
    }
    if cluster.body["location"] != body["location"] {
        return Err(bad(
            "PropertyChangeNotAllowed",
            "Changing property 'location' is not allowed.",
        ));
    }
    for key in ["networkPlugin", "networkDataplane"] {
        let (old, new) = (
            &there["networkProfile"][key],
            &wanted["networkProfile"][key],
        );
        if !new.is_null() && old != new && new != "cilium" {
            return Err(bad(
                "PropertyChangeNotAllowed",
                format!("Changing property 'networkProfile.{key}' is not allowed."),
            ));
        }
    }
    if there["aadProfile"]["managed"] == true && wanted["aadProfile"]["managed"] == false {
        return Err(bad(
            "PropertyChangeNotAllowed",
            "Disabling AAD integration is not allowed.",
        ));
    }
    let mut seen = wanted.clone();
    let profiles: Vec<Value> = pools::of(cx, &cluster).iter().map(pools::profile).collect();
    seen["agentPoolProfiles"] = json!(profiles);
    if seen["networkProfile"].is_null() {
        seen["networkProfile"] = there["networkProfile"].clone();
    }
    sign_in(&seen)?;
    let mut takes = CHANGE;
    let mut upgrade = None;
    if let Some(version) = wanted["kubernetesVersion"].as_str()
        && there["kubernetesVersion"] != version
    {
        let from = text(&there, "currentKubernetesVersion").to_owned();
        upgrade = Some(offers::upgrade(&from, version)?);
        takes = UPGRADE;
    }
    let mut next = there.clone();
    for key in CHANGEABLE {
        match &wanted[key] {
            Value::Null => {}
            value => next[key] = value.clone(),
        }
    }
    if !wanted["disableLocalAccounts"].is_null() {
        next["disableLocalAccounts"] = wanted["disableLocalAccounts"].clone();
    }
    if let Some(exact) = upgrade {
        next["kubernetesVersion"] = wanted["kubernetesVersion"].clone();
        next["currentKubernetesVersion"] = json!(exact);
    }
    let name = text(&cluster.body, "name").to_owned();
    let fate = cx.fate((SERVICE, WRITE, &name), takes);
    let state = if takes == UPGRADE {
        "Upgrading"
    } else {
        "Updating"
    };
    cluster.tags = tags(body)?;
    if !body["sku"].is_null() {
        cluster.body["sku"] = body["sku"].clone();
    }
    cluster.body["sim"]["next"] = next;
    reply(cx, cluster, "update", state, &fate, 200)
}

/// Begins an operation on a cluster, and tells of it.
fn reply(
    cx: &Cx<'_>,
    mut cluster: Thing,
    verb: &str,
    state: &str,
    fate: &Fate,
    status: u16,
) -> Outcome {
    let operation = operations::begin(cx, &mut cluster, verb, state, fate);
    cx.put(cluster.clone());
    let location = text(&cluster.body, "location").to_owned();
    let [link, result] = operations::links(cx, &location, &operation);
    let body = match status {
        202 => Value::Null,
        _ => tell(cx, &cluster),
    };
    let reply = Reply::new(status, body).with(link.0, link.1);
    Ok(match status {
        202 => reply.with(result.0, result.1),
        _ => reply,
    })
}

pub(super) fn patch(cx: &Cx<'_>, id: &str, body: &Value) -> Outcome {
    check::check("TagsObject", body)?;
    let mut cluster = find(cx, id)?;
    idle(cx, &cluster)?;
    cluster.tags = tags(body)?;
    let fate = cx.fate((SERVICE, WRITE, text(&cluster.body, "name")), CHANGE);
    reply(cx, cluster, "update", "Updating", &fate, 200)
}

pub(super) fn delete(cx: &Cx<'_>, id: &str) -> Outcome {
    let Ok(cluster) = find(cx, id) else {
        return Ok(Reply::new(204, Value::Null));
    };
    if state(&cluster) != "Deleting" {
        // It may go while it is being made, but not while it is changed.
        if state(&cluster) != "Creating" {
            idle(cx, &cluster)?;
        }
        let fate = cx.fate((SERVICE, DELETE, text(&cluster.body, "name")), GONE);
        return reply(cx, cluster, "delete", "Deleting", &fate, 202);
    }
    let operation = text(&cluster.body["sim"]["operation"], "id").to_owned();
    let [link, result] = operations::links(cx, text(&cluster.body, "location"), &operation);
    Ok(Reply::new(202, Value::Null)
        .with(link.0, link.1)
        .with(result.0, result.1))
}

/// Starts or stops a cluster.
pub(super) fn power(cx: &Cx<'_>, id: &str, on: bool) -> Outcome {
    let cluster = find(cx, id)?;
    idle(cx, &cluster)?;
    let name = text(&cluster.body, "name").to_owned();
    let (verb, action, state) = match on {
        true => ("start", START, "Starting"),
        false => ("stop", STOP, "Stopping"),
    };
    let fate = cx.fate((SERVICE, action, &name), POWER);
    reply(cx, cluster, verb, state, &fate, 202)
}

/// Ends what a cluster was in the middle of.
pub(super) fn advance(cx: &Cx<'_>, mut cluster: Thing) {
    let creating = state(&cluster) == "Creating";
    let fails = cluster.body["sim"]["operation"]["fails"].as_str().is_some();
    if creating && !fails && cluster.body["sim"]["stage"] == "plane" {
        start(cx, &mut cluster);
        cluster.body["sim"]["stage"] = json!("nodes");
        cluster.due = Some(crate::clock::add(cx.now, NODES));
        return cx.put(cluster);
    }
    let (verb, failed) = operations::end(cx, &mut cluster);
    let next = cluster.body["sim"]["next"].take();
    let properties = &mut cluster.body["properties"];
    if let Some(why) = failed {
        properties["provisioningState"] = json!("Failed");
        properties["status"] = json!({"provisioningError": operations::error(&why)});
        if verb == "create" {
            for mut pool in pools::of(cx, &cluster) {
                pool.body["properties"]["provisioningState"] = json!("Failed");
                cx.put(pool);
            }
        }
        return cx.put(cluster);
    }
    match verb.as_str() {
        "delete" => return end(cx, &cluster),
        "update" if next.is_object() => {
            let upgraded =
                next["currentKubernetesVersion"] != properties["currentKubernetesVersion"];
            *properties = next;
            if upgraded {
                let version = text(properties, "currentKubernetesVersion").to_owned();
                renew(cx, &cluster, &version);
            }
        }
        "stop" => cluster.body["properties"]["powerState"] = json!({"code": "Stopped"}),
        "start" => cluster.body["properties"]["powerState"] = json!({"code": "Running"}),
        _ => {}
    }
    let properties = &mut cluster.body["properties"];
    properties["provisioningState"] = json!("Succeeded");
    if let Some(members) = properties.as_object_mut() {
        members.remove("status");
    }
    for mut pool in pools::of(cx, &cluster) {
        let its = &mut pool.body["properties"];
        let power = if verb == "stop" { "Stopped" } else { "Running" };
        if verb == "stop" || verb == "start" {
            its["powerState"] = json!({"code": power});
        }
        if verb == "create" {
            its["provisioningState"] = json!("Succeeded");
        }
        cx.put(pool);
    }
    cx.put(cluster);
    cx.ground.settle();
}

/// Takes a cluster away with all that AKS made for it: its nodes' group goes with its disks, addresses and load balancers.
pub(super) fn end(cx: &Cx<'_>, cluster: &Thing) {
    let prefix = format!("{}/", cluster.id);
    cx.clear(POOL, &prefix);
    cx.clear(ROLE, &prefix);
    cx.clear(EXTENSION, &prefix);
    groups::drop_nodes(cx, cluster);
    cx.remove(cluster);
    let server = text(&cluster.body["sim"], "server");
    let kinds = ["load-balancer", "volume"];
    let assets: Vec<String> = {
        let site = cx.ground.site();
        let of = site.assets.values();
        let of = of.filter(|it| it.cluster == server && kinds.contains(&it.kind.as_str()));
        of.map(|it| it.id.clone()).collect()
    };
    for id in assets {
        cx.ground.write(Entry::AssetGone { id });
    }
    cx.ground.settle();
}
