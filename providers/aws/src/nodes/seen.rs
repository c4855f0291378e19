//! What a node group is like, and how it differs from what is wanted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use windlass_provider::{Difference, Observed, Outputs, Owner, State, Tags, Taint, TaintEffect};

use crate::{eks, machine::ami_type, tagged, want::NodesLayout};

/// The tag that says to which one zone a pool is bound.
pub(super) const ZONE: &str = "windlass-zone";

pub(super) fn state(group: &Value) -> State {
    match group["status"].as_str().unwrap_or_default() {
        "ACTIVE" | "UPDATING" => State::Ready,
        "DELETING" => State::Deleting,
        "CREATING" => State::Making,
        _ => State::Failed,
    }
}

fn effect(effect: TaintEffect) -> &'static str {
    match effect {
        TaintEffect::NoSchedule => "NO_SCHEDULE",
        TaintEffect::PreferNoSchedule => "PREFER_NO_SCHEDULE",
        TaintEffect::NoExecute => "NO_EXECUTE",
    }
}

/// A taint as EKS has it: key, value, effect.
pub(super) type Tainted = (String, String, String);

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

pub(super) fn there_taints(group: &Value) -> BTreeSet<Tainted> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let taints = group["taints"].as_array().into_iter().flatten();
    taints
        .map(|it| (text(&it["key"]), text(&it["value"]), text(&it["effect"])))
        .collect()
}

pub(super) fn show_taints(taints: &BTreeSet<Tainted>) -> String {
    let taints = taints.iter();
    let shown: Vec<String> = taints
        .map(|(key, value, effect)| format!("{key}={value}:{effect}"))
        .collect();
    shown.join(", ")
}

pub(super) fn json_taint((key, value, effect): &Tainted) -> Value {
    match value.is_empty() {
        true => json!({ "key": key, "effect": effect }),
        false => json!({ "key": key, "value": value, "effect": effect }),
    }
}

pub(super) fn there_labels(group: &Value) -> BTreeMap<String, String> {
    tagged::of(&group["labels"])
}

fn is_older(there: &str, wanted: &str) -> bool {
    let number = |version: &str| -> Vec<u32> {
        version
            .split('.')
            .take(2)
            .filter_map(|part| part.parse().ok())
            .collect()
    };
    number(there) < number(wanted)
}

pub(super) fn differences(group: &Value, layout: &NodesLayout) -> Vec<Difference> {
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
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let pairs = tagged::of(&group["tags"]);
    let field = |key: &str| layout.field(key);
    compare(
        field("machine"),
        layout.machine.clone(),
        text(&group["instanceTypes"][0]),
        false,
    );
    let spot = group["capacityType"] == "SPOT";
    compare(
        field("spot"),
        layout.spot.to_string(),
        spot.to_string(),
        false,
    );
    let image = ami_type(layout.image, &layout.machine);
    compare(
        "aws.image".to_owned(),
        image,
        text(&group["amiType"]),
        false,
    );
    if let Some(disk) = layout.disk {
        compare(
            "aws.disk".to_owned(),
            disk.to_string(),
            text(&group["diskSize"]),
            false,
        );
    }
    let zone = pairs.get(ZONE).cloned().unwrap_or_default();
    compare(
        field("zone"),
        layout.zone.clone().unwrap_or_default(),
        zone,
        false,
    );
    let scaling = &group["scalingConfig"];
    compare(
        field("min"),
        layout.min.to_string(),
        text(&scaling["minSize"]),
        true,
    );
    compare(
        field("max"),
        layout.max.to_string(),
        text(&scaling["maxSize"]),
        true,
    );
    let labels = there_labels(group);
    let keys: BTreeSet<&String> = layout.labels.keys().chain(labels.keys()).collect();
    for key in keys {
        let value =
            |labels: &BTreeMap<String, String>| labels.get(key).cloned().unwrap_or_default();
        compare(
            field(&format!("labels.{key}")),
            value(&layout.labels),
            value(&labels),
            true,
        );
    }
    let (wanted, there) = (wanted_taints(&layout.taints), there_taints(group));
    compare(
        field("taints"),
        show_taints(&wanted),
        show_taints(&there),
        true,
    );
    let version = text(&group["version"]);
    if version != layout.version {
        let older = is_older(&version, &layout.version);
        let name = group["nodegroupName"].as_str().unwrap_or_default();
        compare(
            format!("kubernetes-version of {name}"),
            layout.version.clone(),
            version,
            older,
        );
    }
    if tagged::is_ours(&pairs) {
        let words = |seconds: Option<u64>| seconds.map_or("none".to_owned(), |s| format!("{s} s"));
        compare(
            "lifetime".to_owned(),
            words(layout.lifetime),
            words(tagged::lifetime(&pairs)),
            true,
        );
    }
    found
}

pub(super) fn outputs(group: &Value) -> Outputs {
    let mut outputs = Outputs::new();
    let mut put = |key: &str, value: &Value| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => return,
            other => other.to_string(),
        };
        outputs.insert(key.to_owned(), text);
    };
    put("arn", &group["nodegroupArn"]);
    put("machine", &group["instanceTypes"][0]);
    put("image", &group["amiType"]);
    put("min", &group["scalingConfig"]["minSize"]);
    put("max", &group["scalingConfig"]["maxSize"]);
    put("kubernetes-version", &group["version"]);
    if group["capacityType"] == "SPOT" {
        put("spot", &json!(true));
    }
    if let Some(zone) = group["tags"].get(ZONE) {
        put("zone", zone);
    }
    let labels = there_labels(group);
    let labels: Vec<String> = labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let taints = show_taints(&there_taints(group)).replace(' ', "");
    let subnets: Vec<&str> = group["subnets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (key, value) in [
        ("labels", labels.join(",")),
        ("taints", taints),
        ("subnets", subnets.join(",")),
    ] {
        if !value.is_empty() {
            put(key, &value.into());
        }
    }
    outputs
}

pub(super) fn trouble(group: &Value) -> String {
    let status = group["status"].as_str().unwrap_or_default();
    match &eks::issues(group)[..] {
        [] => status.to_owned(),
        issues => format!("{status}: {}", issues.join("; ")),
    }
}

/// Describes a node group that was read.
pub(crate) fn describe(group: &Value, layout: Option<&NodesLayout>) -> (Observed, Option<Tags>) {
    let (_, tags, doubt) = tagged::judge(&tagged::of(&group["tags"]));
    let state = state(group);
    let detail = match state {
        State::Ready => doubt,
        _ => Some(trouble(group)),
    };
    let differs = match (layout, state) {
        (Some(layout), State::Ready) => differences(group, layout),
        _ => Vec::new(),
    };
    let observed = Observed {
        state,
        // Whatever is in a cluster of ours goes with it.
        owner: Owner::Ours,
        differs,
        outputs: outputs(group),
        detail,
        unused: !matches!(state, State::Ready | State::Failed),
    };
    (observed, tags)
}
