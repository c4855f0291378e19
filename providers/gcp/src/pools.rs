//! Node pools: alike nodes, between a least and a most of them.

mod seen;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use windlass_provider::{
    Accelerator, Change, Ctx, Difference, Driver, Error, Fault, Known, NodePool, Observed, Outputs,
    Resource, Result, State, Tags,
};

pub(crate) use seen::{describe, differences, outputs, state};

use crate::{
    client::{Client, wait},
    gke::{self, Place},
    labels, machine,
    want::{NODES, PoolLayout, account_id, account_name, email},
};
use seen::{json_taint, wanted_taints};

/// How often a pool that is being made is looked at.
const POLL: std::time::Duration = std::time::Duration::from_secs(10);

/// Returns a pool as requests hold it.
pub(crate) fn body(layout: &PoolLayout, account: &str, tags: &Tags) -> Value {
    let mut config = json!({
        "machineType": layout.machine,
        "imageType": "COS_CONTAINERD",
        "serviceAccount": account,
        "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"],
        "resourceLabels": labels::object(tags),
        // Pods reach Google Cloud as themselves, and never as their node.
        "workloadMetadataConfig": { "mode": "GKE_METADATA" },
        "shieldedInstanceConfig": { "enableSecureBoot": true, "enableIntegrityMonitoring": true },
        "metadata": { "disable-legacy-endpoints": "true" },
    });
    if layout.spot {
        config["spot"] = json!(true);
    }
    if let Some(disk) = layout.disk {
        config["diskSizeGb"] = json!(disk);
    }
    if !layout.labels.is_empty() {
        config["labels"] = json!(layout.labels);
    }
    let taints = wanted_taints(&layout.taints);
    if !taints.is_empty() {
        config["taints"] = taints.iter().map(json_taint).collect();
    }
    if let Some(it) = &layout.accelerator {
        let driver = match it.driver {
            Driver::Default => "DEFAULT",
            Driver::Latest => "LATEST",
            Driver::None => "INSTALLATION_DISABLED",
        };
        // Unsigned drivers do not load where only what is signed may boot.
        config["shieldedInstanceConfig"]["enableSecureBoot"] = json!(it.driver != Driver::None);
        config["accelerators"] = json!([{
            // A number of 64 bits is text in JSON: https://developers.google.com/discovery/v1/type-format
            "acceleratorCount": it.count.to_string(),
            "acceleratorType": it.kind,
            "gpuDriverInstallationConfig": { "gpuDriverVersion": driver },
        }]);
    }
    let mut pool = json!({
        "name": layout.name(),
        // In each zone so many.
        "initialNodeCount": layout.min.div_ceil(layout.spread.max(1)),
        "autoscaling": scaling(layout),
        "management": { "autoUpgrade": true, "autoRepair": true },
        "config": config,
    });
    if let Some(zone) = &layout.zone {
        pool["locations"] = json!([zone]);
    }
    if let Some(version) = layout.version.as_ref().filter(|_| layout.pool.is_some()) {
        pool["version"] = json!(version);
    }
    pool
}

fn scaling(layout: &PoolLayout) -> Value {
    json!({
        "enabled": true,
        "totalMinNodeCount": layout.min,
        "totalMaxNodeCount": layout.max,
        "locationPolicy": match layout.spot { true => "ANY", false => "BALANCED" },
    })
}

/// Reads what there is of a node pool.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
    layout: Option<&PoolLayout>,
) -> Result<Observed> {
    let at = (resource.cluster.as_str(), part(resource));
    Ok(match gke::pool(client, cx, place, at).await? {
        None => Observed::missing(),
        Some(pool) => describe(&pool, layout).0,
    })
}

/// Returns the pool's name: what stands behind the cluster's in the resource's.
pub(crate) fn part(resource: &Resource) -> &str {
    let name = resource.name.as_str();
    name.split_once('/').map_or(name, |(_, part)| part)
}

/// Brings a node pool about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
    layout: &PoolLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let (cluster, name) = (resource.cluster.as_str(), part(resource));
    let mut change = Change::Unchanged;
    loop {
        let Some(pool) = gke::pool(client, cx, place, (cluster, name)).await? else {
            let tags = labels::for_new(cx, &resource.cluster, layout.lifetime, known);
            let account = account(resource, place.project, known);
            let body = json!({ "nodePool": body(layout, &account, &tags) });
            let path = format!("{}/nodePools", place.cluster(cluster));
            let what = format!("creating node pool {name}");
            if change == Change::Unchanged {
                change = Change::Made;
            }
            let call = ("nodePools.create", what.as_str());
            match gke::change(client, cx, place, call, ("POST", &path), Some(&body)).await {
                Ok(()) => {}
                // An answer was lost.
                Err(trouble) if trouble.is_there() => {}
                Err(trouble) => {
                    let error = Error::from(trouble);
                    return Err(error.context(format!("cannot create node pool \"{name}\"")));
                }
            }
            continue;
        };
        match state(&pool) {
            State::Making => {
                change = begun(change);
                let told = format!("waiting for node pool {name}: {}", gke::trouble(&pool));
                wait(cx, &told, POLL).await?;
            }
            State::Deleting => {
                wait(
                    cx,
                    &format!("waiting until the old node pool {name} is gone"),
                    POLL,
                )
                .await?;
            }
            State::Ready => {
                let differs = differences(&pool, layout);
                refuse_fixed(resource, layout, &differs)?;
                let Some(first) = differs.first() else {
                    return Ok((change, outputs(&pool)));
                };
                update(client, cx, resource, place, layout, (&pool, first)).await?;
                change = begun(change);
            }
            State::Failed | State::Missing => {
                let error = gke::broken(&format!("node pool \"{name}\" does not work"), &pool);
                return Err(error.hint(format!(
                    "or make it anew: windlass cluster node-pool recreate {name} --cluster {cluster}"
                )));
            }
        }
    }
}

fn begun(change: Change) -> Change {
    match change {
        Change::Unchanged => Change::Updated,
        change => change,
    }
}

/// Returns the address of the nodes' service account.
pub(crate) fn account(resource: &Resource, project: &str, known: &Known) -> String {
    let told = known.get(&account_id(NODES)).and_then(|it| it.get("email"));
    told.cloned()
        .unwrap_or_else(|| email(project, &account_name(&resource.cluster, NODES)))
}

/// Refuses what cannot be changed.
pub(crate) fn refuse_fixed(
    resource: &Resource,
    layout: &PoolLayout,
    differs: &[Difference],
) -> Result<()> {
    let fixed = differs.iter().filter(|it| !it.changeable);
    let fixed: Vec<String> = fixed
        .map(|it| {
            format!(
                "{}: {} is wanted, {} is there",
                it.field,
                show(&it.wanted),
                show(&it.found)
            )
        })
        .collect();
    if fixed.is_empty() {
        return Ok(());
    }
    let name = layout.name();
    let error = Error::new(
        Fault::Invalid,
        format!("node pool \"{name}\" is not as wanted, and GKE cannot change it"),
    );
    let error = fixed.into_iter().fold(error, Error::cause);
    let error = error.hint("take the settings back to what is there");
    Err(match layout.pool {
        Some(_) => error.hint(format!(
            "or make it anew: windlass cluster node-pool recreate {name} --cluster {}",
            resource.cluster
        )),
        None => {
            error.hint("or add nodes of another kind beside them: [[clusters.NAME.node-pools]]")
        }
    })
}

fn show(text: &str) -> &str {
    match text.is_empty() {
        true => "none",
        false => text,
    }
}

/// Brings one kind of difference into line; GKE takes one change at a time.
pub(crate) async fn update(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
    layout: &PoolLayout,
    (pool, first): (&Value, &Difference),
) -> Result<()> {
    let name = layout.name();
    let at = place.pool(resource.cluster.as_str(), name);
    let bound = [layout.field("min"), layout.field("max")].contains(&first.field);
    let (action, request, body) = if bound {
        let body = json!({ "autoscaling": scaling(layout) });
        (
            "nodePools.setAutoscaling",
            ("POST", format!("{at}:setAutoscaling")),
            body,
        )
    } else if first.field.starts_with("kubernetes-version") {
        // Pods move by their disruption budgets: nothing is forced.
        let body = json!({ "nodeVersion": layout.version });
        ("nodePools.update", ("PUT", at), body)
    } else if first.field == layout.field("taints") {
        let taints: Value = wanted_taints(&layout.taints)
            .iter()
            .map(json_taint)
            .collect();
        (
            "nodePools.update",
            ("PUT", at),
            json!({ "taints": { "taints": taints } }),
        )
    } else if first.field == "lifetime" {
        let there = labels::of(&pool["config"]["resourceLabels"]);
        let tags = labels::again(cx, &resource.cluster, &there, layout.lifetime);
        let body = json!({ "resourceLabels": { "labels": labels::over(&there, &tags) } });
        ("nodePools.update", ("PUT", at), body)
    } else {
        let body = json!({ "labels": { "labels": layout.labels } });
        ("nodePools.update", ("PUT", at), body)
    };
    let what = format!("changing {} of node pool {name}", first.field);
    let request = (request.0, request.1.as_str());
    gke::change(client, cx, place, (action, &what), request, Some(&body))
        .await
        .map_err(|trouble| {
            Error::from(trouble).context(format!("cannot change node pool \"{name}\""))
        })
}

/// Deletes a node pool.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: Place<'_>,
) -> Result<Change> {
    let name = part(resource);
    let path = place.pool(resource.cluster.as_str(), name);
    let what = format!("deleting node pool {name}");
    let call = ("nodePools.delete", what.as_str());
    Ok(match gke::remove(client, cx, place, call, &path).await? {
        true => Change::Removed,
        false => Change::Absent,
    })
}

/// Returns what a pool is to have besides processors: what was asked for, or what its machine type brings along.
pub(crate) fn accelerator_of(pool: &NodePool, machine: &str) -> Option<Accelerator> {
    pool.accelerator
        .clone()
        .or_else(|| machine::accelerator(machine))
}
