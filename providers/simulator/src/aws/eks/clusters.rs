//! Clusters: a control plane, its interfaces and its security group, and the API server within.

use super::{
    super::{
        Fault, Outcome,
        account::{Cx, Thing},
        ec2::{self, network::groups},
    },
    ADDON, ASSOCIATION, CLUSTER, ENTRY, NODEGROUP, UPDATE, access, cluster_of, fate, given, in_use,
    invalid, planes, refused, role, show, tags, text, updates, versions, workloads,
};
use crate::{
    ground::Running,
    site::{self, Eks, Entry},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// Assumed times.
const MAKE: Duration = Duration::from_secs(540);
const DELETE: Duration = Duration::from_secs(240);
const CONFIGURE: Duration = Duration::from_secs(150);
const UPGRADE: Duration = Duration::from_secs(480);
/// How many clusters a region may have.
const CLUSTERS: usize = 100;

/// Returns the API server of a cluster, where one runs.
pub(in crate::aws) fn running(cx: &Cx<'_>, cluster: &Thing) -> Option<Arc<Running>> {
    cx.ground.running(cluster.text("server"))
}

pub(super) fn create(cx: &Cx<'_>, input: &Value) -> Outcome {
    let name = text(input, "name");
    let token = &input["clientRequestToken"];
    if let Some(known) = cx.get(CLUSTER, name) {
        if !token.is_null() && known.body["token"] == *token {
            return Ok(json!({"cluster": show_cluster(cx, &known)}));
        }
        return Err(in_use(format!("Cluster already exists with name: {name}"))
            .with(json!({"clusterName": name})));
    }
    if cx.all(CLUSTER).len() >= CLUSTERS {
        return Err(Fault::new(
            400,
            "ResourceLimitExceededException",
            "Cluster limit exceeded",
        ));
    }
    for key in ["outpostConfig", "remoteNetworkConfig", "encryptionConfig"] {
        if !input[key].is_null() && input[key] != json!([]) {
            return Err(invalid(format!("{key} is not supported in this region")));
        }
    }
    if input["computeConfig"]["enabled"] == true
        || input["storageConfig"]["blockStorage"]["enabled"] == true
    {
        return Err(invalid("EKS Auto Mode is not supported in this region"));
    }
    let version = input["version"]
        .as_str()
        .map_or_else(|| format!("1.{}", versions::DEFAULT), str::to_owned);
    let minor = versions::minor(&version).filter(|it| versions::is_offered(*it, cx.now));
    let minor =
        minor.ok_or_else(|| invalid(format!("unsupported Kubernetes version {version}")))?;
    let arn = text(input, "roleArn");
    role(cx, arn, "eks.amazonaws.com").ok_or_else(|| {
        invalid(format!("Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct"))
    })?;
    let network = planes::network(cx, name, &input["resourcesVpcConfig"])?;
    let cidr = input["kubernetesNetworkConfig"]["serviceIpv4Cidr"]
        .as_str()
        .unwrap_or("172.20.0.0/16");
    if ec2::network::block(cidr).is_none_or(|(_, size)| !(12..=24).contains(&size)) {
        return Err(invalid(format!(
            "The specified service IPv4 CIDR {cidr} is invalid"
        )));
    }
    if input["kubernetesNetworkConfig"]["ipFamily"] == "ipv6" {
        return Err(invalid("The ipFamily ipv6 needs subnets with IPv6 blocks"));
    }
    let tags = tags(input)?;
    let id = cx.ground.mint(name);
    let mode = input["accessConfig"]["authenticationMode"]
        .as_str()
        .unwrap_or("CONFIG_MAP");
    let creator = input["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] != false;
    let group = planes::cluster_group(cx, name, &id, text(&network, "vpcId"), &tags);
    planes::interfaces(cx, name, &network, &group.id);
    let mut network = network;
    network["clusterSecurityGroupId"] = json!(group.id);
    let fate = fate(cx, "CreateCluster", name, MAKE);
    let body = json!({
        "name": name, "arn": cx.arn("eks", &format!("cluster/{name}")), "createdAt": cx.now.to_string(), "version": version, "roleArn": arn,
        "resourcesVpcConfig": network,
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": cidr, "ipFamily": "ipv4", "elasticLoadBalancing": {"enabled": false}},
        "logging": planes::logging(&input["logging"], &Value::Null)?, "status": "CREATING", "certificateAuthority": {}, "platformVersion": "eks.3",
        "health": {"issues": []}, "upgradePolicy": {"supportType": input["upgradePolicy"]["supportType"].as_str().unwrap_or("EXTENDED")},
        "accessConfig": {"authenticationMode": mode, "bootstrapClusterCreatorAdminPermissions": creator},
        "deletionProtection": input["deletionProtection"] == true, "clientRequestToken": token, "token": token,
        "zonalShiftConfig": input["zonalShiftConfig"], "server": format!("eks_{}_{name}_{}", cx.region, &id[..8]), "uid": id,
        "selfManaged": input["bootstrapSelfManagedAddons"] != false, "creator": creator.then(|| cx.caller.principal()),
        "git": versions::git(minor), "fails": fate.fails,
    });
    let mut cluster = cx.make(CLUSTER, name, tags, given(body));
    cluster.due = fate.due;
    cx.put(cluster.clone());
    if creator && mode != "CONFIG_MAP" {
        access::bootstrap(cx, name, &cx.caller.principal());
    }
    Ok(json!({"cluster": show_cluster(cx, &cluster)}))
}

pub(super) fn delete(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut cluster = cluster_of(cx, input)?;
    let name = json!({"clusterName": cluster.id});
    if cluster.body["deletionProtection"] == true {
        return Err(refused("Cannot delete cluster: deletion protection is enabled").with(name));
    }
    if !cx.under(NODEGROUP, &format!("{}/", cluster.id)).is_empty() {
        return Err(in_use("Cluster has nodegroups attached").with(name));
    }
    match cluster.text("status") {
        "ACTIVE" | "FAILED" => {}
        status => {
            let message = format!(
                "Cannot delete because cluster {} currently has an update in progress: it is {status}",
                cluster.id
            );
            return Err(in_use(message).with(name));
        }
    }
    let fate = fate(cx, "DeleteCluster", &cluster.id, DELETE);
    cluster.body["status"] = json!("DELETING");
    cluster.body["fails"] = json!(fate.fails);
    cluster.due = fate.due;
    cx.put(cluster.clone());
    Ok(json!({"cluster": show_cluster(cx, &cluster)}))
}

/// Ends what a cluster was in the middle of.
pub(super) fn advance(cx: &Cx<'_>, mut cluster: Thing) {
    let failure = std::mem::take(&mut cluster.body["fails"]);
    match (cluster.text("status"), failure.as_str()) {
        ("CREATING", Some(why)) => {
            cluster.body["status"] = json!("FAILED");
            cluster.body["health"]["issues"] =
                json!([{"code": "InternalFailure", "message": why, "resourceIds": [cluster.id]}]);
            cx.put(cluster);
        }
        ("CREATING", None) => start(cx, cluster),
        // Who deletes it sees that it did not go.
        ("DELETING", Some(why)) => {
            cluster.body["status"] = json!("FAILED");
            cluster.body["health"]["issues"] =
                json!([{"code": "InternalFailure", "message": why, "resourceIds": [cluster.id]}]);
            cx.put(cluster);
        }
        ("DELETING", None) => end(cx, &cluster),
        _ => {}
    }
}

/// Returns what EKS tells of a cluster: its API server is where the world is now.
pub(super) fn show_cluster(cx: &Cx<'_>, cluster: &Thing) -> Value {
    let mut shown = show(cluster);
    if shown["certificateAuthority"]["data"].is_string() {
        let address = cx.ground.address.replacen("http:", "https:", 1);
        let server = cluster.text("server");
        shown["endpoint"] = json!(format!("{address}/clusters/{server}"));
    }
    shown
}

/// Starts the API server.
fn start(cx: &Cx<'_>, mut cluster: Thing) {
    let server = cluster.text("server").to_owned();
    cluster.body["status"] = json!("ACTIVE");
    cluster.body["certificateAuthority"] =
        json!({"data": BASE64_STANDARD.encode(&cx.ground.identity.authority)});
    let issuer = format!(
        "https://oidc.eks.{}.amazonaws.com/id/{}",
        cx.region,
        cluster.text("uid")[..32].to_uppercase()
    );
    cluster.body["identity"] = json!({"oidc": {"issuer": issuer}});
    cx.put(cluster.clone());
    planes::log_group(cx, &cluster);
    let entry = site::Cluster {
        name: server,
        id: cluster.text("uid").to_owned(),
        token: cx.ground.mint("token"),
        version: cluster.text("git").to_owned(),
        created: cx.now,
        balancers: false,
        eks: Some(Eks {
            region: cx.region.to_owned(),
            name: cluster.id.clone(),
        }),
        aks: None,
        google: None,
    };
    cx.ground.write(Entry::Cluster(entry.clone()));
    let running = cx.ground.serve(&entry, Vec::new());
    workloads::begin(&running.api);
    if cluster.body["selfManaged"] == true {
        for addon in ["vpc-cni", "kube-proxy", "coredns"] {
            workloads::install(&running.api, addon, "self-managed");
        }
    }
}

/// A cluster is gone, with all that is its own: what its controllers made stays.
fn end(cx: &Cx<'_>, cluster: &Thing) {
    let prefix = format!("{}/", cluster.id);
    for kind in [ADDON, ENTRY, ASSOCIATION, UPDATE] {
        for thing in cx.under(kind, &prefix) {
            cx.remove(kind, &thing.id);
        }
    }
    let description = format!("Amazon EKS {}", cluster.id);
    let group = cluster.body["resourcesVpcConfig"]["clusterSecurityGroupId"]
        .as_str()
        .unwrap_or_default();
    for interface in cx.with("ec2:network-interface", "Description", &description) {
        if interface.body["Groups"][0]["GroupId"] == group {
            cx.remove("ec2:network-interface", &interface.id);
        }
    }
    // What still has the group keeps it.
    let _ = groups::delete(cx, group);
    cx.remove(CLUSTER, &cluster.id);
    cx.ground.settle();
}

/// Refuses where a cluster is in the middle of something.
fn idle(cluster: &Thing) -> Result<(), Fault> {
    match cluster.text("status") {
        "ACTIVE" => Ok(()),
        status => {
            let message = format!(
                "Cannot update because cluster {} currently is in status {status}",
                cluster.id
            );
            Err(in_use(message).with(json!({"clusterName": cluster.id})))
        }
    }
}

pub(super) fn configure(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut cluster = cluster_of(cx, input)?;
    idle(&cluster)?;
    let kinds = [
        "resourcesVpcConfig",
        "logging",
        "accessConfig",
        "upgradePolicy",
        "deletionProtection",
    ];
    let asked: Vec<&&str> = kinds.iter().filter(|key| !input[**key].is_null()).collect();
    let [key] = asked[..] else {
        return Err(invalid(
            "One type of update is allowed, and one must be given",
        ));
    };
    let wanted = &input[*key];
    let before = cluster.body[*key].clone();
    let (kind, after, params) = match *key {
        "logging" => {
            let after = planes::logging(wanted, &before)?;
            (
                "LoggingUpdate",
                after.clone(),
                json!([{"type": "ClusterLogging", "value": after.to_string()}]),
            )
        }
        "resourcesVpcConfig" => {
            let mut whole = before.clone();
            for (key, value) in wanted.as_object().into_iter().flatten() {
                whole[key] = value.clone();
            }
            let mut after = planes::network(cx, &cluster.id, &whole)?;
            after["clusterSecurityGroupId"] = before["clusterSecurityGroupId"].clone();
            let params = json!([
                {"type": "EndpointPublicAccess", "value": after["endpointPublicAccess"].to_string()},
                {"type": "EndpointPrivateAccess", "value": after["endpointPrivateAccess"].to_string()},
                {"type": "PublicAccessCidrs", "value": after["publicAccessCidrs"].to_string()},
            ]);
            ("EndpointAccessUpdate", after, params)
        }
        "accessConfig" => {
            let mode = text(wanted, "authenticationMode");
            let order = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"];
            let place = |mode: &str| order.iter().position(|it| *it == mode).unwrap_or_default();
            if place(mode) < place(text(&before, "authenticationMode")) {
                return Err(invalid(format!(
                    "Unsupported authentication mode update from {} to {mode}",
                    text(&before, "authenticationMode")
                )));
            }
            let mut after = before.clone();
            after["authenticationMode"] = json!(mode);
            (
                "AccessConfigUpdate",
                after,
                json!([{"type": "AuthenticationMode", "value": mode}]),
            )
        }
        "upgradePolicy" => (
            "UpgradePolicyUpdate",
            wanted.clone(),
            json!([{"type": "UpgradePolicy", "value": wanted.to_string()}]),
        ),
        _ => (
            "DeletionProtectionUpdate",
            wanted.clone(),
            json!([{"type": "DeletionProtection", "value": wanted.to_string()}]),
        ),
    };
    if after == before {
        return Err(invalid(format!(
            "No changes needed for the {key} config provided"
        )));
    }
    cluster.body["status"] = json!("UPDATING");
    cx.put(cluster.clone());
    let takes = if *key == "deletionProtection" {
        Duration::from_secs(5)
    } else {
        CONFIGURE
    };
    updates::begin(
        cx,
        "UpdateClusterConfig",
        &cluster,
        kind,
        params,
        takes,
        json!({"key": key, "value": after}),
    )
}

pub(super) fn upgrade(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut cluster = cluster_of(cx, input)?;
    idle(&cluster)?;
    let (from, to) = (
        cluster.text("version").to_owned(),
        text(input, "version").to_owned(),
    );
    let (old, new) = (
        versions::minor(&from).unwrap_or_default(),
        versions::minor(&to).unwrap_or_default(),
    );
    if new != old + 1 {
        return Err(invalid(format!(
            "Unsupported Kubernetes minor version update from {from} to {to}"
        ))
        .with(json!({"clusterName": cluster.id})));
    }
    if !versions::is_offered(new, cx.now) {
        return Err(invalid(format!("unsupported Kubernetes version {to}")));
    }
    for group in cx.under(NODEGROUP, &format!("{}/", cluster.id)) {
        let minor = versions::minor(group.text("version")).unwrap_or_default();
        // Kubelets may be three minors older than the API server.
        if minor + 3 < new {
            let name = group.text("nodegroupName");
            return Err(refused(format!(
                "Nodegroup(s) {name} must be updated to match cluster version {from} before updating cluster version"
            )));
        }
    }
    cluster.body["status"] = json!("UPDATING");
    cx.put(cluster.clone());
    let params =
        json!([{"type": "Version", "value": to}, {"type": "PlatformVersion", "value": "eks.3"}]);
    updates::begin(
        cx,
        "UpdateClusterVersion",
        &cluster,
        "VersionUpdate",
        params,
        UPGRADE,
        json!({"version": to}),
    )
}

/// Takes an update over that is done.
pub(super) fn updated(cx: &Cx<'_>, mut cluster: Thing, what: &Value, failed: bool) {
    cluster.body["status"] = json!("ACTIVE");
    if failed {
        return cx.put(cluster);
    }
    if let Some(key) = what["key"].as_str() {
        cluster.body[key] = what["value"].clone();
        cx.put(cluster.clone());
        planes::log_group(cx, &cluster);
        return;
    }
    let version = text(what, "version");
    let git = versions::git(versions::minor(version).unwrap_or_default());
    cluster.body["version"] = json!(version);
    cluster.body["git"] = json!(git);
    cx.put(cluster.clone());
    let known = cx
        .ground
        .site()
        .clusters
        .get(cluster.text("server"))
        .cloned();
    if let Some(known) = known {
        let version = git.clone();
        cx.ground
            .write(Entry::Cluster(site::Cluster { version, ..known }));
    }
    if let Some(running) = running(cx, &cluster) {
        running.api.upgrade(&git);
    }
}
