//! The cluster itself: GKE's control plane, with the nodes that every cluster has.

mod seen;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Difference, Error, Fault, GoogleDataplane, Known, Observed, Outputs, Owner,
    Resource, Result, State, Tags,
};

pub(crate) use seen::{channel, describe};

use crate::{
    apis::patiently,
    client::{Client, wait},
    gke::{self, Place, minor, number},
    labels, pools,
    want::{ClusterLayout, is_zone},
};
use seen::{differences, is_stillborn, networks, outputs, own_pool, state, trouble};

/// How often a cluster that is being made is looked at.
const POLL: Duration = Duration::from_secs(15);

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
    // APIs that were just enabled, by an earlier run too, do not answer at once.
    let made = patiently(cx, "the project", || {
        gke::change(client, cx, place, call, ("POST", &path), Some(&body))
    });
    match made.await {
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
