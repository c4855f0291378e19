//! What is sent of a node pool: that it be made, or be changed.

use serde_json::{Value, json};

use super::seen::{OWN, strings, taints};
use crate::want::PoolLayout;

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
pub(super) fn changed(
    there: &Value,
    layout: &PoolLayout,
    version: bool,
    tags: Option<&Value>,
) -> Value {
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
