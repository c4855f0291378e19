//! Node pools: alike nodes, between a least and a most of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Difference, Driver, Error, Fault, Known, Observed, Outputs, Owner, Resource,
    Result, State, Tags, Taint, TaintEffect,
};

use crate::{
    client::{Client, wait},
    gke::{self, Place, is_version, number},
    labels, machine,
    want::{NODES, PoolLayout, account_id, account_name, email},
};

/// How often a pool that is being made is looked at.
const POLL: std::time::Duration = std::time::Duration::from_secs(10);

pub(crate) fn state(pool: &Value) -> State {
    match pool["status"].as_str().unwrap_or_default() {
        "RUNNING" | "RECONCILING" => State::Ready,
        "STOPPING" => State::Deleting,
        "ERROR" | "RUNNING_WITH_ERROR" => State::Failed,
        _ => State::Making,
    }
}

/// A taint as it is compared: key, value, effect.
type Tainted = (String, String, String);

fn effect(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NO_SCHEDULE",
        TaintEffect::PreferNoSchedule => "PREFER_NO_SCHEDULE",
        TaintEffect::NoExecute => "NO_EXECUTE",
    }
}

fn wanted_taints(taints: &[Taint]) -> BTreeSet<Tainted> {
    let taints = taints.iter();
    taints
        .map(|it| {
            (
                it.key.clone(),
                it.value.clone(),
                effect(it.effect).to_owned(),
            )
        })
        .collect()
}

fn there_taints(config: &Value) -> BTreeSet<Tainted> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let taints = config["taints"].as_array().into_iter().flatten();
    taints
        .map(|it| (text(&it["key"]), text(&it["value"]), text(&it["effect"])))
        .collect()
}

fn show_taints(taints: &BTreeSet<Tainted>) -> String {
    let shown = taints
        .iter()
        .map(|(key, value, effect)| format!("{key}={value}:{effect}"));
    shown.collect::<Vec<_>>().join(", ")
}

fn json_taint((key, value, effect): &Tainted) -> Value {
    json!({ "key": key, "value": value, "effect": effect })
}

fn there_labels(config: &Value) -> BTreeMap<String, String> {
    labels::of(&config["labels"])
}

/// Returns how many nodes a pool has at least and at most, over all its zones.
fn bounds(pool: &Value) -> (u64, u64) {
    let scaling = &pool["autoscaling"];
    let zones = pool["locations"].as_array().map_or(1, Vec::len).max(1) as u64;
    let number = |key: &str| scaling[key].as_u64();
    match scaling["enabled"] == true {
        true => (
            number("totalMinNodeCount")
                .filter(|it| *it > 0)
                .or(number("minNodeCount").map(|it| it * zones))
                .unwrap_or(0),
            number("totalMaxNodeCount")
                .filter(|it| *it > 0)
                .or(number("maxNodeCount").map(|it| it * zones))
                .unwrap_or(0),
        ),
        false => {
            let count = pool["initialNodeCount"].as_u64().unwrap_or(0) * zones;
            (count, count)
        }
    }
}

fn accelerator(config: &Value) -> String {
    let all = config["accelerators"].as_array().into_iter().flatten();
    let shown = all.map(|it| {
        let text = |key: &str| match &it[key] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        format!("{} {}", text("acceleratorCount"), text("acceleratorType"))
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Returns how a pool is not as wanted.
pub(crate) fn differences(pool: &Value, layout: &PoolLayout) -> Vec<Difference> {
    let config = &pool["config"];
    let mut found = Vec::new();
    let mut compare = |field: String, wanted: String, there: String, changeable: bool| {
        if wanted != there {
            found.push(Difference {
                field,
                wanted,
                found: there,
                changeable,
            });
        }
    };
    let field = |key: &str| layout.field(key);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    compare(
        field("machine"),
        layout.machine.clone(),
        text(&config["machineType"]),
        false,
    );
    compare(
        field("spot"),
        layout.spot.to_string(),
        (config["spot"] == true).to_string(),
        false,
    );
    if let Some(disk) = layout.disk {
        let there = config["diskSizeGb"].as_u64().unwrap_or(0);
        compare(field("disk"), disk.to_string(), there.to_string(), false);
    }
    let wanted = match &layout.accelerator {
        Some(it) => format!("{} {}", it.count, it.kind),
        None => String::new(),
    };
    compare(field("accelerator"), wanted, accelerator(config), false);
    if let Some(zone) = &layout.zone {
        let there: Vec<&str> = pool["locations"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        compare(field("zone"), zone.clone(), there.join(", "), false);
    }
    let (min, max) = bounds(pool);
    compare(field("min"), layout.min.to_string(), min.to_string(), true);
    compare(field("max"), layout.max.to_string(), max.to_string(), true);
    let there = there_labels(config);
    let keys: BTreeSet<&String> = layout.labels.keys().chain(there.keys()).collect();
    for key in keys {
        let value =
            |labels: &BTreeMap<String, String>| labels.get(key).cloned().unwrap_or_default();
        let label = field(&format!("labels.{key}"));
        compare(label, value(&layout.labels), value(&there), true);
    }
    let (wanted, there) = (wanted_taints(&layout.taints), there_taints(config));
    compare(
        field("taints"),
        show_taints(&wanted),
        show_taints(&there),
        true,
    );
    if let Some(wanted) = &layout.version {
        let there = text(&pool["version"]);
        if !is_version(&there, wanted) {
            let older = number(&there) < number(wanted);
            let of = format!("kubernetes-version of {}", layout.name());
            compare(of, wanted.clone(), there, older);
        }
    }
    if layout.pool.is_some() {
        let pairs = labels::of(&config["resourceLabels"]);
        found.extend(labels::lifetime(&pairs, layout.lifetime));
    }
    found
}

/// Returns what can be read off a pool.
pub(crate) fn outputs(pool: &Value) -> Outputs {
    let config = &pool["config"];
    let (min, max) = bounds(pool);
    let mut outputs = Outputs::from([
        ("min".to_owned(), min.to_string()),
        ("max".to_owned(), max.to_string()),
    ]);
    let mut put = |key: &str, text: &str| {
        if !text.is_empty() {
            outputs.insert(key.to_owned(), text.to_owned());
        }
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    put("machine", &text(&config["machineType"]));
    put("image", &text(&config["imageType"]));
    put("kubernetes-version", &text(&pool["version"]));
    put("accelerator", &accelerator(config));
    put(
        "taints",
        &show_taints(&there_taints(config)).replace(", ", ","),
    );
    let labels = there_labels(config).into_iter();
    let labels: Vec<String> = labels
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    put("labels", &labels.join(","));
    if config["spot"] == true {
        put("spot", "true");
    }
    if let Some([zone]) = pool["locations"].as_array().map(Vec::as_slice) {
        put("zone", &text(zone));
    }
    outputs
}

/// Describes a node pool that was read.
pub(crate) fn describe(pool: &Value, layout: Option<&PoolLayout>) -> (Observed, Option<Tags>) {
    let pairs = labels::of(&pool["config"]["resourceLabels"]);
    let (_, tags, doubt) = labels::judge(&pairs);
    let state = state(pool);
    let differs = match (layout, state) {
        (Some(layout), State::Ready) => differences(pool, layout),
        _ => Vec::new(),
    };
    let observed = Observed {
        state,
        // Whatever is in a cluster of ours goes with it.
        owner: Owner::Ours,
        differs,
        outputs: outputs(pool),
        detail: match state {
            State::Ready => doubt,
            _ => Some(gke::trouble(pool)),
        },
        unused: !matches!(state, State::Ready | State::Failed),
    };
    (observed, tags)
}

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
pub(crate) fn accelerator_of(
    pool: &windlass_provider::NodePool,
    machine: &str,
) -> Option<windlass_provider::Accelerator> {
    pool.accelerator
        .clone()
        .or_else(|| machine::accelerator(machine))
}

#[cfg(test)]
mod tests {
    use windlass_provider::Accelerator;

    use super::*;

    fn layout() -> PoolLayout {
        PoolLayout {
            pool: Some("gpu".into()),
            version: None,
            machine: "n1-standard-4".into(),
            spot: true,
            disk: Some(50),
            min: 0,
            max: 4,
            spread: 3,
            labels: [("tier".to_owned(), "fast".to_owned())].into(),
            taints: vec![Taint {
                key: "a".into(),
                value: String::new(),
                effect: TaintEffect::NoExecute,
            }],
            zone: Some("us-east1-b".into()),
            accelerator: Some(Accelerator {
                kind: "nvidia-tesla-t4".into(),
                count: 1,
                driver: Driver::Latest,
            }),
            lifetime: None,
        }
    }

    fn tags() -> Tags {
        Tags {
            cluster: "dot".parse().unwrap(),
            created: jiff::Timestamp::from_second(1_764_300_000).unwrap(),
            expires: None,
        }
    }

    #[test]
    fn what_is_made_is_as_wanted() {
        let layout = layout();
        let mut made = body(&layout, "a@b", &tags());
        made["status"] = json!("RUNNING");
        assert_eq!(differences(&made, &layout), []);
        assert_eq!(made["initialNodeCount"], 0);
        assert_eq!(
            made["config"]["accelerators"][0]["gpuDriverInstallationConfig"]["gpuDriverVersion"],
            "LATEST"
        );
    }

    #[test]
    fn each_difference_says_whether_it_can_be_changed() {
        let mut made = body(&layout(), "a@b", &tags());
        made["version"] = json!("1.35.2-gke.1");
        let mut other = layout();
        other.max = 5;
        other.machine = "n1-standard-8".into();
        other.labels.clear();
        other.version = Some("1.36".into());
        let differs = differences(&made, &other);
        let told: Vec<(&str, bool)> = differs
            .iter()
            .map(|it| (it.field.as_str(), it.changeable))
            .collect();
        assert_eq!(
            told,
            [
                ("node-pools.gpu.machine", false),
                ("node-pools.gpu.max", true),
                ("node-pools.gpu.labels.tier", true),
                ("kubernetes-version of gpu", true),
            ]
        );
    }

    #[test]
    fn bounds_of_each_zone_add_up() {
        let pool = json!({
            "locations": ["a", "b", "c"],
            "autoscaling": { "enabled": true, "minNodeCount": 1, "maxNodeCount": 3 },
        });
        assert_eq!(bounds(&pool), (3, 9));
    }
}
