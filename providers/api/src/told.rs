//! What outputs tell, read back: lists, and node pools as settings have them.

use crate::{NodePool, Outputs, Taint, TaintEffect};

/// Returns the items of a list among outputs, which has commas between them; empty where it is not there.
#[must_use]
pub fn list(outputs: &Outputs, key: &str) -> Vec<String> {
    let text = outputs.get(key).map(String::as_str).unwrap_or_default();
    let parts = text.split(',').map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// Returns a node pool as settings have it, by the outputs `min`, `max`, `labels` (key=value), `taints` (key=value:effect, the effect as
/// Kubernetes or as a cloud writes it), `machine`, `zone` and `spot`.
#[must_use]
pub fn node_pool(name: &str, outputs: &Outputs) -> NodePool {
    let number = |key: &str| outputs.get(key).and_then(|text| text.parse().ok());
    let labels = list(outputs, "labels");
    let labels = labels.iter().filter_map(|label| label.split_once('='));
    let taints = list(outputs, "taints");
    NodePool {
        name: name.to_owned(),
        min: number("min").unwrap_or(0),
        max: number("max").unwrap_or(1),
        labels: labels
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        taints: taints.iter().filter_map(|text| taint(text)).collect(),
        machine: outputs.get("machine").cloned(),
        zone: outputs.get("zone").cloned(),
        spot: outputs.contains_key("spot"),
        accelerator: None,
    }
}

fn taint(text: &str) -> Option<Taint> {
    let (pair, effect) = text.rsplit_once(':')?;
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    // NoSchedule is NO_SCHEDULE at some.
    let effect = match effect.replace('_', "").to_lowercase().as_str() {
        "noschedule" => TaintEffect::NoSchedule,
        "prefernoschedule" => TaintEffect::PreferNoSchedule,
        "noexecute" => TaintEffect::NoExecute,
        _ => return None,
    };
    Some(Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_read_back_from_what_is_told_of_it() {
        let told = [
            ("min", "1"),
            ("max", "3"),
            ("labels", "tier=fast, team="),
            ("taints", "a=b:NO_SCHEDULE,c:PreferNoSchedule,d=:Never"),
            ("machine", "large"),
            ("spot", "true"),
        ];
        let told = told.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let pool = node_pool("batch", &told.into_iter().collect());
        assert_eq!((pool.min, pool.max, pool.spot), (1, 3, true));
        assert_eq!(pool.labels["tier"], "fast");
        assert_eq!(pool.labels["team"], "");
        let taints: Vec<_> = pool
            .taints
            .iter()
            .map(|it| (it.key.as_str(), it.effect))
            .collect();
        assert_eq!(
            taints,
            [
                ("a", TaintEffect::NoSchedule),
                ("c", TaintEffect::PreferNoSchedule)
            ]
        );
    }
}
