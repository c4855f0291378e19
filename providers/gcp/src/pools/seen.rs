//! What is read off a node pool, and how it differs from what is wanted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use windlass_provider::{Difference, Observed, Outputs, Owner, State, Tags, Taint, TaintEffect};

use crate::{
    gke::{self, is_version, number},
    labels,
    want::PoolLayout,
};

pub(crate) fn state(pool: &Value) -> State {
    match pool["status"].as_str().unwrap_or_default() {
        "RUNNING" | "RECONCILING" => State::Ready,
        "STOPPING" => State::Deleting,
        "ERROR" | "RUNNING_WITH_ERROR" => State::Failed,
        _ => State::Making,
    }
}

/// A taint as it is compared: key, value, effect.
pub(super) type Tainted = (String, String, String);

pub(super) fn effect(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NO_SCHEDULE",
        TaintEffect::PreferNoSchedule => "PREFER_NO_SCHEDULE",
        TaintEffect::NoExecute => "NO_EXECUTE",
    }
}

pub(super) fn wanted_taints(taints: &[Taint]) -> BTreeSet<Tainted> {
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

pub(super) fn there_taints(config: &Value) -> BTreeSet<Tainted> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let taints = config["taints"].as_array().into_iter().flatten();
    taints
        .map(|it| (text(&it["key"]), text(&it["value"]), text(&it["effect"])))
        .collect()
}

pub(super) fn show_taints(taints: &BTreeSet<Tainted>) -> String {
    let shown = taints
        .iter()
        .map(|(key, value, effect)| format!("{key}={value}:{effect}"));
    shown.collect::<Vec<_>>().join(", ")
}

pub(super) fn json_taint((key, value, effect): &Tainted) -> Value {
    json!({ "key": key, "value": value, "effect": effect })
}

pub(super) fn there_labels(config: &Value) -> BTreeMap<String, String> {
    labels::of(&config["labels"])
}

/// Returns how many nodes a pool has at least and at most, over all its zones.
pub(super) fn bounds(pool: &Value) -> (u64, u64) {
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

pub(super) fn accelerator(config: &Value) -> String {
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
