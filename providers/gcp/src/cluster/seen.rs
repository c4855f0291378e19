//! What is read off a cluster, and how it differs from what is wanted.

use serde_json::{Value, json};
use windlass_provider::{
    Difference, GoogleChannel, GoogleDataplane, Observed, Outputs, Owner, State, Tags,
};

use crate::{
    gke::{self, is_version, number},
    labels, pools,
    want::{ClusterLayout, NODES_POOL},
};

pub(super) fn state(cluster: &Value) -> State {
    match cluster["status"].as_str().unwrap_or_default() {
        "RUNNING" | "RECONCILING" => match own_pool(cluster).map(pools::state) {
            // A cluster whose own nodes do not work does not work.
            Some(State::Failed) => State::Failed,
            _ => State::Ready,
        },
        "STOPPING" => State::Deleting,
        "ERROR" | "DEGRADED" => State::Failed,
        _ => State::Making,
    }
}

/// Returns whether it never came to be: nobody can have put anything into it.
pub(super) fn is_stillborn(cluster: &Value) -> bool {
    let no_address = cluster["endpoint"].as_str().is_none_or(str::is_empty);
    cluster["status"] == "ERROR" && no_address
}

pub(super) fn own_pool(cluster: &Value) -> Option<&Value> {
    let pools = cluster["nodePools"].as_array()?;
    pools.iter().find(|pool| pool["name"] == NODES_POOL)
}

pub(crate) fn channel(channel: GoogleChannel) -> &'static str {
    match channel {
        GoogleChannel::Rapid => "RAPID",
        GoogleChannel::Regular => "REGULAR",
        GoogleChannel::Stable => "STABLE",
        GoogleChannel::Extended => "EXTENDED",
    }
}

pub(super) fn dataplane(cluster: &Value) -> &'static str {
    match cluster["networkConfig"]["datapathProvider"] == "ADVANCED_DATAPATH" {
        true => "v2",
        false => "calico",
    }
}

/// Returns the ranges that may use the cluster's API; none where all may.
pub(super) fn allowed(cluster: &Value) -> Vec<String> {
    let own =
        &cluster["controlPlaneEndpointsConfig"]["ipEndpointsConfig"]["authorizedNetworksConfig"];
    let networks = match own.is_object() {
        true => own,
        false => &cluster["masterAuthorizedNetworksConfig"],
    };
    if networks["enabled"] != true {
        return Vec::new();
    }
    let blocks = networks["cidrBlocks"].as_array().into_iter().flatten();
    let mut blocks: Vec<String> = blocks
        .filter_map(|it| it["cidrBlock"].as_str().map(str::to_owned))
        .collect();
    blocks.sort();
    blocks
}

pub(super) fn networks(allowed: &[String]) -> Value {
    let blocks = allowed.iter().map(|block| json!({ "cidrBlock": block }));
    json!({ "enabled": !allowed.is_empty(), "cidrBlocks": blocks.collect::<Value>() })
}

/// Returns whether `to` is a version that a control plane of `from` can go to at once.
pub(super) fn can_reach(from: &str, to: &str) -> bool {
    match (&number(from)[..], &number(to)[..]) {
        ([major, from, patch @ ..], [to_major, to, to_patch @ ..]) => {
            let same = from == to && to_patch.first() >= patch.first();
            major == to_major && (from + 1 == *to || same)
        }
        _ => false,
    }
}

pub(super) fn differences(cluster: &Value, layout: &ClusterLayout) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field: &str, wanted: String, there: String, changeable: bool| {
        if wanted != there {
            found.push(Difference {
                field: field.to_owned(),
                wanted,
                found: there,
                changeable,
            });
        }
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mode = |autopilot: bool| match autopilot {
        true => "autopilot".to_owned(),
        false => "standard".to_owned(),
    };
    let autopilot = cluster["autopilot"]["enabled"] == true;
    compare(
        "google.mode",
        mode(layout.nodes.is_none()),
        mode(autopilot),
        false,
    );
    if layout.nodes.is_some() {
        let wanted = match layout.dataplane {
            GoogleDataplane::V2 => "v2",
            GoogleDataplane::Calico => "calico",
        };
        let there = dataplane(cluster).to_owned();
        compare("google.dataplane", wanted.to_owned(), there, false);
        let wanted = layout.private_nodes.to_string();
        compare(
            "google.private-nodes",
            wanted,
            is_private(cluster).to_string(),
            false,
        );
    }
    let last = |value: &Value| {
        text(value)
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    for (field, wanted, key) in [
        ("google.network", &layout.network, "network"),
        ("google.subnetwork", &layout.subnetwork, "subnetwork"),
    ] {
        if let Some(wanted) = wanted {
            let wanted = wanted.rsplit('/').next().unwrap_or_default().to_owned();
            compare(field, wanted, last(&cluster[key]), false);
        }
    }
    if let Some(wanted) = &layout.version {
        let there = text(&cluster["currentMasterVersion"]);
        if !is_version(&there, wanted) {
            let can = can_reach(&there, wanted);
            compare("kubernetes-version", wanted.clone(), there, can);
        }
    }
    let there = text(&cluster["releaseChannel"]["channel"]);
    compare(
        "google.channel",
        channel(layout.channel).to_lowercase(),
        there.to_lowercase(),
        true,
    );
    compare(
        "google.gateway-api",
        layout.gateway_api.to_string(),
        has_gateway(cluster).to_string(),
        true,
    );
    let wanted = layout.allowed.join(", ");
    compare(
        "google.allowed-cidrs",
        wanted,
        allowed(cluster).join(", "),
        true,
    );
    let pairs = labels::of(&cluster["resourceLabels"]);
    found.extend(labels::lifetime(&pairs, layout.lifetime));
    if let Some(layout) = &layout.nodes
        && let Some(pool) = own_pool(cluster)
    {
        found.extend(pools::differences(pool, layout));
    }
    found
}

pub(super) fn outputs(cluster: &Value) -> Outputs {
    let mut outputs = match own_pool(cluster) {
        Some(pool) => pools::outputs(pool),
        None => Outputs::new(),
    };
    // The zone of a zonal cluster's nodes is the cluster's own.
    outputs.remove("zone");
    let mut put = |key: &str, text: &str| {
        if !text.is_empty() {
            outputs.insert(key.to_owned(), text.to_owned());
        }
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for (key, field) in [
        ("id", "id"),
        ("location", "location"),
        ("kubernetes-version", "currentMasterVersion"),
        ("endpoint", "endpoint"),
        ("network", "network"),
        ("subnetwork", "subnetwork"),
    ] {
        put(key, &text(&cluster[field]));
    }
    put(
        "workload-pool",
        &text(&cluster["workloadIdentityConfig"]["workloadPool"]),
    );
    put(
        "channel",
        &text(&cluster["releaseChannel"]["channel"]).to_lowercase(),
    );
    put("allowed-cidrs", &allowed(cluster).join(","));
    let autopilot = cluster["autopilot"]["enabled"] == true;
    put("mode", if autopilot { "autopilot" } else { "standard" });
    put("dataplane", dataplane(cluster));
    put("gateway-api", &has_gateway(cluster).to_string());
    put("private-nodes", &is_private(cluster).to_string());
    labels::put_times(&mut outputs, &labels::of(&cluster["resourceLabels"]));
    outputs
}

pub(super) fn has_gateway(cluster: &Value) -> bool {
    cluster["networkConfig"]["gatewayApiConfig"]["channel"] == "CHANNEL_STANDARD"
}

pub(super) fn is_private(cluster: &Value) -> bool {
    cluster["networkConfig"]["defaultEnablePrivateNodes"] == true
        || cluster["privateClusterConfig"]["enablePrivateNodes"] == true
}

/// Describes a cluster that was read.
pub(crate) fn describe(
    cluster: &Value,
    layout: Option<&ClusterLayout>,
) -> (Observed, Option<Tags>) {
    let (owner, tags, doubt) = labels::judge(&labels::of(&cluster["resourceLabels"]));
    let state = state(cluster);
    let detail = match state {
        State::Ready => doubt,
        _ => Some(trouble(cluster)),
    };
    let differs = match (layout, state) {
        (Some(layout), State::Ready) if owner == Owner::Ours => differences(cluster, layout),
        _ => Vec::new(),
    };
    let observed = Observed {
        state,
        owner,
        differs,
        outputs: outputs(cluster),
        detail,
        // Nobody could reach it yet.
        unused: state == State::Making || is_stillborn(cluster),
    };
    (observed, tags)
}

/// Returns what GKE says is wrong with a cluster, or with its own nodes.
pub(super) fn trouble(cluster: &Value) -> String {
    match own_pool(cluster).filter(|pool| pools::state(pool) == State::Failed) {
        Some(pool) => format!(
            "{}; its nodes: {}",
            gke::trouble(cluster),
            gke::trouble(pool)
        ),
        None => gke::trouble(cluster),
    }
}
