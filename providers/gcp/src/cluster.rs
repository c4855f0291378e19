//! The cluster itself: GKE's control plane, with the nodes that every cluster has.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Difference, Error, Fault, GoogleChannel, GoogleDataplane, Known, Observed,
    Outputs, Owner, Resource, Result, State, Tags,
};

use crate::{
    client::{Client, wait},
    gke::{self, Place, is_version, minor, number},
    labels, pools,
    want::{ClusterLayout, NODES_POOL, is_zone},
};

/// How often a cluster that is being made is looked at.
const POLL: Duration = Duration::from_secs(15);

fn state(cluster: &Value) -> State {
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
fn is_stillborn(cluster: &Value) -> bool {
    let no_address = cluster["endpoint"].as_str().is_none_or(str::is_empty);
    cluster["status"] == "ERROR" && no_address
}

fn own_pool(cluster: &Value) -> Option<&Value> {
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

fn dataplane(cluster: &Value) -> &'static str {
    match cluster["networkConfig"]["datapathProvider"] == "ADVANCED_DATAPATH" {
        true => "v2",
        false => "calico",
    }
}

/// Returns the ranges that may use the cluster's API; none where all may.
fn allowed(cluster: &Value) -> Vec<String> {
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

fn networks(allowed: &[String]) -> Value {
    let blocks = allowed.iter().map(|block| json!({ "cidrBlock": block }));
    json!({ "enabled": !allowed.is_empty(), "cidrBlocks": blocks.collect::<Value>() })
}

/// Returns whether `to` is a version that a control plane of `from` can go to at once.
fn can_reach(from: &str, to: &str) -> bool {
    match (&number(from)[..], &number(to)[..]) {
        ([major, from, patch @ ..], [to_major, to, to_patch @ ..]) => {
            let same = from == to && to_patch.first() >= patch.first();
            major == to_major && (from + 1 == *to || same)
        }
        _ => false,
    }
}

fn differences(cluster: &Value, layout: &ClusterLayout) -> Vec<Difference> {
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

fn outputs(cluster: &Value) -> Outputs {
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

fn has_gateway(cluster: &Value) -> bool {
    cluster["networkConfig"]["gatewayApiConfig"]["channel"] == "CHANNEL_STANDARD"
}

fn is_private(cluster: &Value) -> bool {
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
fn trouble(cluster: &Value) -> String {
    match own_pool(cluster).filter(|pool| pools::state(pool) == State::Failed) {
        Some(pool) => format!(
            "{}; its nodes: {}",
            gke::trouble(cluster),
            gke::trouble(pool)
        ),
        None => gke::trouble(cluster),
    }
}

/// Reads what there is of the cluster.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
    layout: Option<&ClusterLayout>,
) -> Result<Observed> {
    Ok(
        match gke::cluster(client, cx, place, &resource.name).await? {
            None => Observed::missing(),
            Some(cluster) => describe(&cluster, layout).0,
        },
    )
}

/// Brings the cluster about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
    layout: &ClusterLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let name = &resource.name;
    let mut change = Change::Unchanged;
    let mut rebuilt = false;
    loop {
        let Some(cluster) = gke::cluster(client, cx, place, name).await? else {
            if change == Change::Unchanged {
                change = Change::Made;
            }
            create(client, cx, resource, place, layout, known).await?;
            continue;
        };
        let owner = labels::judge(&labels::of(&cluster["resourceLabels"])).0;
        match state(&cluster) {
            State::Making => {
                if change == Change::Unchanged {
                    change = Change::Updated;
                }
                wait(cx, &format!("waiting for GKE cluster {name}"), POLL).await?;
            }
            State::Deleting => {
                let told = format!("waiting until the old GKE cluster {name} is gone");
                wait(cx, &told, POLL).await?;
            }
            State::Failed | State::Missing => {
                if owner == Owner::Ours
                    && is_stillborn(&cluster)
                    && !rebuilt
                    && change != Change::Made
                {
                    cx.progress.say(format!(
                        "GKE cluster {name} could not be made: making it again"
                    ));
                    remove(client, cx, place, name).await?;
                    (rebuilt, change) = (true, Change::Updated);
                    continue;
                }
                return Err(Error::new(
                    crate::refusal::explain(&trouble(&cluster)).0,
                    format!("GKE cluster \"{name}\" does not work"),
                )
                .cause(trouble(&cluster))
                .hint("mend what it names, and run the same command again"));
            }
            State::Ready if owner == Owner::Foreign => {
                return Ok((Change::Unchanged, outputs(&cluster)));
            }
            State::Ready => {
                let differs = differences(&cluster, layout);
                refuse(resource, layout, &differs)?;
                let Some(first) = differs.first() else {
                    return Ok((change, outputs(&cluster)));
                };
                update(client, cx, resource, place, layout, (&cluster, first)).await?;
                if change == Change::Unchanged {
                    change = Change::Updated;
                }
            }
        }
    }
}

/// Refuses what GKE cannot change.
fn refuse(resource: &Resource, layout: &ClusterLayout, differs: &[Difference]) -> Result<()> {
    let name = &resource.name;
    let Some(first) = differs.iter().find(|it| !it.changeable) else {
        return Ok(());
    };
    if first.field == "kubernetes-version" {
        return Err(refuse_version(name, first));
    }
    if let Some(nodes) = &layout.nodes
        && pools::refuse_fixed(resource, nodes, std::slice::from_ref(first)).is_err()
        && ["machine", "spot", "disk", "accelerator"]
            .map(|key| nodes.field(key))
            .contains(&first.field)
    {
        return pools::refuse_fixed(resource, nodes, differs);
    }
    let error = Error::new(
        Fault::Invalid,
        format!("GKE cluster \"{name}\" is not as wanted, and GKE cannot change it"),
    );
    let fixed = differs.iter().filter(|it| !it.changeable);
    Err(fixed
        .fold(error, |error, it| {
            error.cause(format!(
                "{}: {} is wanted, {} is there",
                it.field, it.wanted, it.found
            ))
        })
        .hint("take the settings back to what is there")
        .hint(format!(
            "or make it anew: windlass destroy google --cluster {name}, then the same command again"
        )))
}

/// Says why a version cannot be reached.
fn refuse_version(name: &str, differs: &Difference) -> Error {
    let error = Error::new(
        Fault::Invalid,
        format!(
            "GKE cluster \"{name}\" has Kubernetes {}, and cannot go to {} at once",
            differs.found, differs.wanted
        ),
    );
    match (&number(&differs.found)[..], &number(&differs.wanted)[..]) {
        ([major, from, ..], [_, to, ..]) if from < to => error
            .cause("GKE goes one minor version at a time")
            .hint(format!(
                "go to the next first: windlass cluster upgrade --kubernetes-version {major}.{}",
                from + 1
            )),
        _ => error.cause("a control plane never goes back").hint(format!(
            "write kubernetes-version = \"{}\"",
            minor(&differs.found)
        )),
    }
}

async fn create(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
    layout: &ClusterLayout,
    known: &Known,
) -> Result<()> {
    let name = &resource.name;
    let tags = labels::for_new(cx, &resource.cluster, layout.lifetime, known);
    let account = pools::account(resource, place.project, known);
    let body = creation(name, place, layout, &account, &tags);
    let path = format!("/v1/{}/clusters", place.path());
    let what = format!("creating GKE cluster {name}");
    let call = ("clusters.create", what.as_str());
    match gke::change(client, cx, place, call, ("POST", &path), Some(&body)).await {
        Ok(()) => Ok(()),
        // An answer was lost: it is there.
        Err(trouble) if trouble.is_there() => Ok(()),
        Err(trouble) => {
            Err(Error::from(trouble).context(format!("cannot create GKE cluster \"{name}\"")))
        }
    }
}

/// Returns the body of the call that makes the cluster.
fn creation(
    name: &str,
    place: Place<'_>,
    layout: &ClusterLayout,
    account: &str,
    tags: &Tags,
) -> Value {
    let gateway = match layout.gateway_api {
        true => "CHANNEL_STANDARD",
        false => "CHANNEL_DISABLED",
    };
    let mut cluster = json!({
        "name": name,
        "resourceLabels": labels::object(tags),
        "releaseChannel": { "channel": channel(layout.channel) },
        "ipAllocationPolicy": { "useIpAliases": true },
        "networkConfig": { "gatewayApiConfig": { "channel": gateway } },
    });
    for (key, value) in [
        ("initialClusterVersion", &layout.version),
        ("network", &layout.network),
        ("subnetwork", &layout.subnetwork),
    ] {
        if let Some(value) = value {
            cluster[key] = json!(value);
        }
    }
    if layout.private_nodes {
        cluster["networkConfig"]["defaultEnablePrivateNodes"] = json!(true);
    }
    if !layout.allowed.is_empty() {
        cluster["controlPlaneEndpointsConfig"] = json!({ "ipEndpointsConfig": { "authorizedNetworksConfig": networks(&layout.allowed) } });
    }
    let Some(nodes) = &layout.nodes else {
        cluster["autopilot"] = json!({ "enabled": true });
        // The nodes that come by themselves run as it.
        cluster["autoscaling"] =
            json!({ "autoprovisioningNodePoolDefaults": { "serviceAccount": account } });
        return json!({ "cluster": cluster });
    };
    match layout.dataplane {
        GoogleDataplane::V2 => {
            cluster["networkConfig"]["datapathProvider"] = json!("ADVANCED_DATAPATH");
        }
        GoogleDataplane::Calico => {
            cluster["networkPolicy"] = json!({ "enabled": true, "provider": "CALICO" });
            cluster["addonsConfig"]["networkPolicyConfig"] = json!({ "disabled": false });
        }
    }
    cluster["addonsConfig"]["gcePersistentDiskCsiDriverConfig"] = json!({ "enabled": true });
    cluster["workloadIdentityConfig"] =
        json!({ "workloadPool": format!("{}.svc.id.goog", place.project) });
    cluster["shieldedNodes"] = json!({ "enabled": true });
    if !layout.zones.is_empty() && !is_zone(place.location) {
        cluster["locations"] = json!(layout.zones);
    }
    cluster["nodePools"] = json!([pools::body(nodes, account, tags)]);
    json!({ "cluster": cluster })
}

/// Brings the first of the differences into line; GKE takes one change at a time.
async fn update(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
    layout: &ClusterLayout,
    (cluster, first): (&Value, &Difference),
) -> Result<()> {
    let name = &resource.name;
    let at = place.cluster(name);
    let field = first.field.as_str();
    let update = |key: &str, value: Value| json!({ "update": { key: value } });
    let (action, request, body) = match field {
        "kubernetes-version" => (
            "clusters.update",
            ("PUT", at),
            update("desiredMasterVersion", json!(layout.version)),
        ),
        "google.channel" => (
            "clusters.update",
            ("PUT", at),
            update(
                "desiredReleaseChannel",
                json!({ "channel": channel(layout.channel) }),
            ),
        ),
        "google.gateway-api" => {
            let channel = match layout.gateway_api {
                true => "CHANNEL_STANDARD",
                false => "CHANNEL_DISABLED",
            };
            let config = json!({ "channel": channel });
            (
                "clusters.update",
                ("PUT", at),
                update("desiredGatewayApiConfig", config),
            )
        }
        "google.allowed-cidrs" => {
            let networks = json!({ "authorizedNetworksConfig": networks(&layout.allowed) });
            let config = json!({ "ipEndpointsConfig": networks });
            (
                "clusters.update",
                ("PUT", at),
                update("desiredControlPlaneEndpointsConfig", config),
            )
        }
        "lifetime" => {
            let there = labels::of(&cluster["resourceLabels"]);
            let tags = labels::again(cx, &resource.cluster, &there, layout.lifetime);
            let body = json!({
                "resourceLabels": labels::over(&there, &tags),
                "labelFingerprint": cluster["labelFingerprint"],
            });
            (
                "clusters.setResourceLabels",
                ("POST", format!("{at}:setResourceLabels")),
                body,
            )
        }
        _ => {
            let (Some(nodes), Some(pool)) = (&layout.nodes, own_pool(cluster)) else {
                return Err(Error::new(
                    Fault::Failed,
                    format!("nothing is known of how to change {field}"),
                ));
            };
            return pools::update(client, cx, resource, place, nodes, (pool, first)).await;
        }
    };
    let what = format!("changing {field} of GKE cluster {name}");
    let request = (request.0, request.1.as_str());
    gke::change(client, cx, place, (action, &what), request, Some(&body))
        .await
        .map_err(|trouble| {
            Error::from(trouble).context(format!("cannot change GKE cluster \"{name}\""))
        })
}

async fn remove(client: &Client, cx: &Ctx, place: Place<'_>, name: &str) -> Result<bool> {
    let what = format!("deleting GKE cluster {name}");
    let call = ("clusters.delete", what.as_str());
    gke::remove(client, cx, place, call, &place.cluster(name)).await
}

/// Deletes the cluster, with all its nodes.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
) -> Result<Change> {
    let name = &resource.name;
    let Some(cluster) = gke::cluster(client, cx, place, name).await? else {
        return Ok(Change::Absent);
    };
    if labels::judge(&labels::of(&cluster["resourceLabels"])).0 == Owner::Foreign {
        return Ok(Change::Kept);
    }
    Ok(match remove(client, cx, place, name).await? {
        true => Change::Removed,
        false => Change::Absent,
    })
}

#[cfg(test)]
mod tests {
    use crate::want::PoolLayout;

    use super::*;

    fn layout() -> ClusterLayout {
        ClusterLayout {
            version: Some("1.35".into()),
            channel: GoogleChannel::Regular,
            dataplane: GoogleDataplane::V2,
            gateway_api: true,
            private_nodes: false,
            network: Some("projects/p/global/networks/net".into()),
            subnetwork: None,
            allowed: vec!["203.0.113.0/24".into()],
            zones: Vec::new(),
            nodes: Some(PoolLayout {
                pool: None,
                version: Some("1.35".into()),
                machine: "e2-standard-2".into(),
                spot: false,
                disk: None,
                min: 2,
                max: 4,
                spread: 3,
                labels: Default::default(),
                taints: Vec::new(),
                zone: None,
                accelerator: None,
                lifetime: None,
            }),
            lifetime: Some(60),
        }
    }

    fn made(layout: &ClusterLayout) -> Value {
        let place = Place {
            project: "p",
            location: "us-east1",
        };
        let created = jiff::Timestamp::from_second(1_764_300_000).unwrap();
        let tags = Tags {
            cluster: "dot".parse().unwrap(),
            created,
            expires: Some(created + Duration::from_secs(60)),
        };
        let mut made = creation("dot", place, layout, "a@b", &tags)["cluster"].take();
        made["status"] = json!("RUNNING");
        made["endpoint"] = json!("192.0.2.1");
        made["currentMasterVersion"] = json!("1.35.2-gke.100");
        if let Some(pool) = made["nodePools"].get_mut(0) {
            pool["version"] = json!("1.35.2-gke.100");
            pool["status"] = json!("RUNNING");
        }
        made
    }

    #[test]
    fn what_is_made_is_as_wanted() {
        let (mut autopilot, mut calico) = (layout(), layout());
        (autopilot.nodes, autopilot.private_nodes) = (None, true);
        calico.dataplane = GoogleDataplane::Calico;
        for layout in [layout(), autopilot, calico] {
            assert_eq!(differences(&made(&layout), &layout), []);
        }
    }

    #[test]
    fn each_difference_says_whether_it_can_be_changed() {
        let there = made(&layout());
        let mut other = layout();
        other.version = Some("1.36".into());
        other.dataplane = GoogleDataplane::Calico;
        other.allowed.clear();
        other.lifetime = None;
        if let Some(nodes) = &mut other.nodes {
            nodes.min = 1;
        }
        let differs = differences(&there, &other);
        let told: Vec<(&str, bool)> = differs
            .iter()
            .map(|it| (it.field.as_str(), it.changeable))
            .collect();
        assert_eq!(
            told,
            [
                ("google.dataplane", false),
                ("kubernetes-version", true),
                ("google.allowed-cidrs", true),
                ("lifetime", true),
                ("nodes.min", true),
            ]
        );
    }

    #[test]
    fn a_control_plane_goes_on_one_minor_version_at_a_time_and_never_back() {
        assert!(can_reach("1.35.2-gke.1", "1.36") && can_reach("1.35.2-gke.1", "1.35.4"));
        assert!(!can_reach("1.35.2-gke.1", "1.37") && !can_reach("1.35.2-gke.1", "1.34"));
        assert!(!can_reach("1.35.2-gke.1", "1.35.1"));
    }

    #[test]
    fn what_never_came_to_be_is_told_from_what_broke() {
        let mut it = made(&layout());
        it["status"] = json!("ERROR");
        assert!(!describe(&it, None).0.unused);
        it["endpoint"] = json!("");
        assert!(describe(&it, None).0.unused);
    }
}
