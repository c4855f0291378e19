//! Node pools: the cluster's own, of the mode System, and the others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use windlass_provider::{
    Change, Ctx, Difference, Error, Fault, Known, Observed, Outputs, Owner, Resource, Result,
    State, Tags, Taint,
};

use crate::{
    client::{Call, Client, Method, POLL, wait},
    refusal::Answer,
    tagged::{self, Pairs},
    version::{self, Step},
    want::{AKS_API, Place, PoolLayout, SYSTEM_POOL, at, part},
};

/// How often a pool that is as wanted never is changed.
const CHANGES: u32 = 8;
/// What AKS adds of itself to labels and taints.
const OWN: &str = "kubernetes.azure.com/";

/// Reads a pool.
async fn get(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    cluster: &str,
    pool: &str,
) -> Answer<Option<Value>> {
    let path = at(&place.pool(cluster, pool), AKS_API);
    client.get(cx, &format!("node pool {pool}"), path).await
}

/// Reads the pools of a cluster, without the system pool.
pub(crate) async fn others(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    cluster: &str,
) -> Answer<Vec<Value>> {
    let path = at(&format!("{}/agentPools", place.cluster(cluster)), AKS_API);
    let all = client
        .list(cx, &format!("list the node pools of {cluster}"), path)
        .await;
    match all {
        Ok(mut all) => {
            all.retain(|it| it["name"] != SYSTEM_POOL);
            Ok(all)
        }
        // It went while it was looked at.
        Err(trouble) if trouble.is_missing() => Ok(Vec::new()),
        Err(trouble) => Err(trouble),
    }
}

fn provisioning(properties: &Value) -> &str {
    properties["provisioningState"].as_str().unwrap_or_default()
}

fn state(properties: &Value) -> State {
    match provisioning(properties) {
        "Creating" => State::Making,
        "Deleting" => State::Deleting,
        "Failed" | "Canceled" => State::Failed,
        _ if properties["powerState"]["code"] == "Stopped" => State::Failed,
        _ => State::Ready,
    }
}

fn is_busy(properties: &Value) -> bool {
    !["Succeeded", "Failed", "Canceled"].contains(&provisioning(properties))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn strings(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    let mut list: Vec<String> = list
        .filter_map(|it| it.as_str().map(str::to_owned))
        .collect();
    list.sort();
    list
}

fn taint(taint: &Taint) -> String {
    let effect = serde_json::to_value(taint.effect).unwrap_or_default();
    let effect = effect.as_str().unwrap_or_default();
    match taint.value.is_empty() {
        true => format!("{}:{effect}", taint.key),
        false => format!("{}={}:{effect}", taint.key, taint.value),
    }
}

fn taints(layout: &PoolLayout) -> Vec<String> {
    let mut taints: Vec<String> = layout.taints.iter().map(taint).collect();
    taints.sort();
    taints
}

fn labels_of(properties: &Value) -> Pairs {
    let entries = properties["nodeLabels"].as_object().into_iter().flatten();
    entries
        .filter(|(key, _)| !key.starts_with(OWN))
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn taints_of(properties: &Value) -> Vec<String> {
    let mut taints = strings(&properties["nodeTaints"]);
    taints.retain(|taint| !taint.starts_with(OWN));
    taints
}

/// Returns how a pool differs from what is wanted. `properties` are those of its resource, or its profile in the cluster.
pub(crate) fn differences(properties: &Value, layout: &PoolLayout) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut compare = |field: String, wanted: String, there: String, changeable: bool| {
        if !wanted.eq_ignore_ascii_case(&there) {
            found.push(Difference {
                field,
                wanted,
                found: there,
                changeable,
            });
        }
    };
    let field = |key: &str| layout.field(key);
    let machine = text(&properties["vmSize"]);
    compare(field("machine"), layout.machine.clone(), machine, false);
    let spot = properties["scaleSetPriority"] == "Spot";
    compare(
        field("spot"),
        layout.spot.to_string(),
        spot.to_string(),
        false,
    );
    if let Some(disk) = layout.disk {
        let there = text(&properties["osDiskSizeGB"]);
        compare("azure.disk".to_owned(), disk.to_string(), there, false);
    }
    let key = match layout.pool {
        Some(_) => "zone",
        None => "zones",
    };
    let zones = strings(&properties["availabilityZones"]).join(", ");
    compare(field(key), layout.zones.join(", "), zones, false);
    if layout.scales {
        let (min, max) = limits(properties);
        compare(field("min"), layout.min.to_string(), min, true);
        compare(field("max"), layout.max.to_string(), max, true);
    } else {
        let count = text(&properties["count"]);
        compare(field("min"), layout.min.to_string(), count, true);
    }
    let labels = labels_of(properties);
    let keys: BTreeSet<&String> = layout.labels.keys().chain(labels.keys()).collect();
    for key in keys {
        let value =
            |labels: &BTreeMap<String, String>| labels.get(key).cloned().unwrap_or_default();
        let (wanted, there) = (value(&layout.labels), value(&labels));
        compare(field(&format!("labels.{key}")), wanted, there, true);
    }
    let (wanted, there) = (taints(layout), taints_of(properties));
    compare(field("taints"), wanted.join(", "), there.join(", "), true);
    let current = version::current(properties, "orchestratorVersion");
    match version::compare(&current, &layout.version) {
        Step::Same => {}
        // A pool may be newer than what is wanted only where its cluster is; that is the cluster's to tell.
        Step::Back => {}
        Step::Next | Step::Far => {
            let name = layout.pool.as_deref().unwrap_or(SYSTEM_POOL);
            compare(
                format!("kubernetes-version of {name}"),
                layout.version.clone(),
                current,
                true,
            );
        }
    }
    if layout.pool.is_some() {
        let lived = tagged::lifetime(&tagged::of(properties));
        compare(
            "lifetime".to_owned(),
            tagged::lifetime_words(layout.lifetime),
            tagged::lifetime_words(lived),
            true,
        );
    }
    found
}

/// Returns how many nodes a pool has at least and at most.
pub(crate) fn limits(properties: &Value) -> (String, String) {
    match properties["enableAutoScaling"] == true {
        true => (text(&properties["minCount"]), text(&properties["maxCount"])),
        false => (text(&properties["count"]), text(&properties["count"])),
    }
}

fn outputs(pool: &Value) -> Outputs {
    let properties = &pool["properties"];
    let mut outputs = Outputs::new();
    let mut put = |key: &str, value: &Value| {
        let text = text(value);
        if !text.is_empty() {
            outputs.insert(key.to_owned(), text);
        }
    };
    put("id", &pool["id"]);
    put("machine", &properties["vmSize"]);
    let (min, max) = limits(properties);
    put("min", &json!(min));
    put("max", &json!(max));
    let version = version::current(properties, "orchestratorVersion");
    put("kubernetes-version", &json!(version));
    if properties["scaleSetPriority"] == "Spot" {
        put("spot", &json!(true));
    }
    let zones = strings(&properties["availabilityZones"]);
    put("zone", &json!(zones.join(", ")));
    let labels = labels_of(properties).into_iter();
    let labels: Vec<String> = labels
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    put("labels", &json!(labels.join(", ")));
    put("taints", &json!(taints_of(properties).join(", ")));
    outputs
}

/// Describes a pool that was read.
pub(crate) fn describe(pool: &Value, layout: Option<&PoolLayout>) -> (Observed, Option<Tags>) {
    let properties = &pool["properties"];
    let (_, tags, doubt) = tagged::judge(&tagged::of(properties));
    let state = state(properties);
    let differs = match (layout, state) {
        (Some(layout), State::Ready) => differences(properties, layout),
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
            _ => Some(provisioning(properties).to_owned()),
        },
        unused: state == State::Making,
    };
    (observed, tags)
}

/// Reads what there is of a pool.
pub(crate) async fn observe(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: Option<&PoolLayout>,
) -> Result<Observed> {
    let cluster = resource.cluster.as_str();
    Ok(
        match get(client, cx, place, cluster, part(resource)).await? {
            None => Observed::missing(),
            Some(pool) => describe(&pool, layout).0,
        },
    )
}

/// Returns the properties of a pool that is to be made.
pub(crate) fn properties(layout: &PoolLayout, mode: &str, tags: &Value) -> Value {
    let mut properties = json!({
        "mode": mode,
        "type": "VirtualMachineScaleSets",
        "osType": "Linux",
        "vmSize": layout.machine,
        "count": layout.min,
        "enableAutoScaling": layout.scales,
        "orchestratorVersion": layout.version,
        "tags": tags,
    });
    if layout.scales {
        properties["minCount"] = json!(layout.min);
        properties["maxCount"] = json!(layout.max);
    }
    if let Some(disk) = layout.disk {
        properties["osDiskSizeGB"] = json!(disk);
    }
    if !layout.zones.is_empty() {
        properties["availabilityZones"] = json!(layout.zones);
    }
    if layout.spot {
        properties["scaleSetPriority"] = json!("Spot");
        properties["scaleSetEvictionPolicy"] = json!("Delete");
        // No more than the usual price.
        properties["spotMaxPrice"] = json!(-1);
    }
    if !layout.labels.is_empty() {
        properties["nodeLabels"] = json!(layout.labels);
    }
    let taints = taints(layout);
    if !taints.is_empty() {
        properties["nodeTaints"] = json!(taints);
    }
    properties
}

/// Returns the properties of a pool that is there, with what is wanted of it.
fn changed(there: &Value, layout: &PoolLayout, version: bool, tags: Option<&Value>) -> Value {
    let mut properties = there.clone();
    if version {
        // A version goes alone: AKS refuses to change more at a time.
        properties["orchestratorVersion"] = json!(layout.version);
        return properties;
    }
    let count = there["count"].as_u64().unwrap_or_default();
    let (min, max) = (u64::from(layout.min), u64::from(layout.max));
    properties["enableAutoScaling"] = json!(layout.scales);
    if layout.scales {
        properties["minCount"] = json!(min);
        properties["maxCount"] = json!(max);
        properties["count"] = json!(count.clamp(min, max));
    } else {
        properties["count"] = json!(min);
        for key in ["minCount", "maxCount"] {
            properties.as_object_mut().map(|it| it.remove(key));
        }
    }
    // What AKS added itself stays.
    let own = |list: &Value| -> Vec<String> {
        let mut own = strings(list);
        own.retain(|it| it.starts_with(OWN));
        own
    };
    let mut all = taints(layout);
    all.extend(own(&there["nodeTaints"]));
    properties["nodeTaints"] = json!(all);
    let mut labels = layout.labels.clone();
    let added = there["nodeLabels"].as_object().into_iter().flatten();
    labels.extend(
        added
            .filter(|(key, _)| key.starts_with(OWN))
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))),
    );
    properties["nodeLabels"] = json!(labels);
    if let Some(tags) = tags {
        properties["tags"] = tags.clone();
    }
    properties
}

/// Brings the first of what differs of a pool into line: its version alone, or all else.
pub(crate) async fn update(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    (cluster, name): (&str, &str),
    layout: &PoolLayout,
    tags: Option<&Value>,
) -> Result<()> {
    let Some(pool) = get(client, cx, place, cluster, name).await? else {
        return Ok(());
    };
    let there = &pool["properties"];
    let differs = differences(there, layout);
    let of_version = |it: &Difference| it.field.starts_with("kubernetes-version");
    let version = !differs.is_empty() && differs.iter().all(of_version);
    let body = json!({ "properties": changed(there, layout, version, tags) });
    put(client, cx, place, (cluster, name), &body).await
}

async fn put(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    (cluster, name): (&str, &str),
    body: &Value,
) -> Result<()> {
    let call = Call {
        action: format!("make node pool {name} as wanted"),
        method: Method::Put,
        path: at(&place.pool(cluster, name), AKS_API),
        body: Some(body),
    };
    loop {
        match client.carry_out(cx, &call).await {
            Ok(()) => return Ok(()),
            // AKS does one thing to a cluster at a time.
            Err(trouble) if trouble.is_busy() => {
                let what = format!("waiting for what else AKS does to {cluster}");
                wait(cx, &what, POLL).await?;
            }
            Err(trouble) => {
                let told = format!("cannot make node pool \"{name}\" as wanted");
                let error = Error::from(trouble).context(told);
                return Err(match error.fault {
                    Fault::Failed => {
                        error.hint("mend what it names, and run the same command again")
                    }
                    _ => error,
                });
            }
        }
    }
}

/// Brings a pool about.
pub(crate) async fn ensure(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
    layout: &PoolLayout,
    known: &Known,
) -> Result<(Change, Outputs)> {
    let (cluster, name) = (resource.cluster.as_str(), part(resource));
    let mut change = Change::Unchanged;
    let mut mended = false;
    for _ in 0..CHANGES {
        let pool = settled(client, cx, place, (cluster, name), &mut change).await?;
        let Some(pool) = pool else {
            let tags = tagged::for_new(cx, &resource.cluster, layout.lifetime, known);
            let tags = tagged::object(&tags, &Pairs::new());
            let body = json!({ "properties": properties(layout, "User", &tags) });
            if change == Change::Unchanged {
                change = Change::Made;
            }
            put(client, cx, place, (cluster, name), &body).await?;
            continue;
        };
        let there = &pool["properties"];
        let differs = differences(there, layout);
        match state(there) {
            State::Failed if mended => return Err(broken(resource, there)),
            State::Failed => {
                mended = true;
                if change == Change::Unchanged {
                    change = Change::Updated;
                }
                cx.progress.say(format!(
                    "node pool {name} is broken: AKS is asked to mend it"
                ));
                let body = json!({ "properties": changed(there, layout, false, None) });
                put(client, cx, place, (cluster, name), &body).await?;
            }
            _ => {
                let fixed: Vec<_> = differs.iter().filter(|it| !it.changeable).collect();
                if !fixed.is_empty() {
                    return Err(refuse(resource, &fixed));
                }
                if differs.is_empty() {
                    return Ok((change, outputs(&pool)));
                }
                let pairs = tagged::of(there);
                let tags = tagged::again(cx, &resource.cluster, &pairs, layout.lifetime);
                let tags = tagged::object(&tags, &pairs);
                update(client, cx, place, (cluster, name), layout, Some(&tags)).await?;
                if change == Change::Unchanged {
                    change = Change::Updated;
                }
            }
        }
    }
    Err(never(
        &format!("node pool \"{name}\""),
        &get(client, cx, place, cluster, name)
            .await?
            .map(|pool| differences(&pool["properties"], layout))
            .unwrap_or_default(),
    ))
}

/// Says that AKS takes a change on, and does not carry it out.
pub(crate) fn never(what: &str, differs: &[Difference]) -> Error {
    let error = Error::new(
        Fault::Failed,
        format!("{what} does not become what is wanted"),
    );
    let causes = differs.iter().map(|it| {
        format!(
            "{}: {} is wanted, {} is there",
            it.field, it.wanted, it.found
        )
    });
    causes
        .fold(error, Error::cause)
        .hint("run the same command again in a while; if it stays so, take the settings back to what is there")
}

/// Waits until nothing is being done to a pool, and returns what there is of it then.
async fn settled(
    client: &Client,
    cx: &Ctx,
    place: &Place,
    (cluster, name): (&str, &str),
    change: &mut Change,
) -> Result<Option<Value>> {
    loop {
        let Some(pool) = get(client, cx, place, cluster, name).await? else {
            return Ok(None);
        };
        let there = &pool["properties"];
        if !is_busy(there) {
            return Ok(Some(pool));
        }
        if *change == Change::Unchanged {
            *change = Change::Updated;
        }
        let what = format!("waiting for node pool {name}: {}", provisioning(there));
        wait(cx, &what, POLL).await?;
    }
}

fn broken(resource: &Resource, there: &Value) -> Error {
    let name = part(resource);
    let said = text(&there["status"]["provisioningError"]["message"]);
    let error = Error::new(Fault::Failed, format!("node pool \"{name}\" does not work"));
    let error = match said.is_empty() {
        true => error.cause(provisioning(there)),
        false => error.cause(said),
    };
    error
        .hint("mend what it names, and run the same command again")
        .hint(anew(resource))
}

fn anew(resource: &Resource) -> String {
    format!(
        "or delete the pool, and run the same command again: it is made anew ({} of cluster {})",
        part(resource),
        resource.cluster
    )
}

fn refuse(resource: &Resource, fixed: &[&Difference]) -> Error {
    let error = Error::new(
        Fault::Invalid,
        format!(
            "node pool \"{}\" is not as wanted, and AKS cannot change it",
            part(resource)
        ),
    );
    let error = fixed.iter().fold(error, |error, it| {
        error.cause(format!(
            "{}: {} is wanted, {} is there",
            it.field, it.wanted, it.found
        ))
    });
    error
        .hint("take the settings back to what is there")
        .hint(anew(resource))
}

/// Deletes a pool, and waits until it is gone. Its pods are not asked whether they can be spared: their cluster goes, or somebody wants
/// the pool gone.
pub(crate) async fn delete(
    client: &Client,
    cx: &Ctx,
    resource: &Resource,
    place: &Place,
) -> Result<Change> {
    let (cluster, name) = (resource.cluster.as_str(), part(resource));
    let what = format!("delete node pool {name}");
    let mut change = Change::Absent;
    loop {
        let pool = match get(client, cx, place, cluster, name).await {
            Ok(Some(pool)) => pool,
            Ok(None) => return Ok(change),
            // So it is said where the cluster is gone.
            Err(trouble) if trouble.is(&["ParentResourceNotFound"]) => return Ok(change),
            Err(trouble) => return Err(trouble.into()),
        };
        change = Change::Removed;
        if state(&pool["properties"]) == State::Deleting {
            wait(cx, &format!("waiting: {what}"), POLL).await?;
            continue;
        }
        let call = Call {
            action: what.clone(),
            method: Method::Delete,
            path: format!(
                "{}&ignore-pod-disruption-budget=true",
                at(&place.pool(cluster, name), AKS_API)
            ),
            body: None,
        };
        match client.carry_out(cx, &call).await {
            Ok(()) => {}
            Err(trouble) if trouble.is_missing() => {}
            Err(trouble) if trouble.is_busy() => {
                wait(cx, &format!("waiting: {what}"), POLL).await?;
            }
            Err(trouble) => {
                return Err(
                    Error::from(trouble).context(format!("cannot delete node pool \"{name}\""))
                );
            }
        }
    }
}
