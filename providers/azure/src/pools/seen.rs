//! What can be read off a node pool, and how it differs from what is wanted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use windlass_provider::{Difference, Observed, Outputs, Owner, State, Tags, Taint};

use crate::{
    tagged::{self, Pairs},
    version::{self, Step},
    want::{PoolLayout, SYSTEM_POOL},
};

/// What AKS adds of itself to labels and taints.
pub(super) const OWN: &str = "kubernetes.azure.com/";

pub(super) fn provisioning(properties: &Value) -> &str {
    properties["provisioningState"].as_str().unwrap_or_default()
}

pub(super) fn state(properties: &Value) -> State {
    match provisioning(properties) {
        "Creating" => State::Making,
        "Deleting" => State::Deleting,
        "Failed" | "Canceled" => State::Failed,
        _ if properties["powerState"]["code"] == "Stopped" => State::Failed,
        _ => State::Ready,
    }
}

pub(super) fn is_busy(properties: &Value) -> bool {
    !["Succeeded", "Failed", "Canceled"].contains(&provisioning(properties))
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

pub(super) fn strings(value: &Value) -> Vec<String> {
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

pub(super) fn taints(layout: &PoolLayout) -> Vec<String> {
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

pub(super) fn outputs(pool: &Value) -> Outputs {
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
