//! How a Deployment goes from its old pods to new ones: as many at a time as its strategy allows. The arithmetic of
//! kubernetes/pkg/controller/deployment: `rolling.go`, `recreate.go` and `util/deployment_util.go`.

use serde_json::Value;

/// The replicas of a ReplicaSet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Set {
    /// How many are wanted.
    pub(super) wanted: u64,
    /// How many there are.
    pub(super) there: u64,
    pub(super) available: u64,
}

/// Returns how many pods may be unavailable, and how many may be too many, where `wanted` are wanted.
pub(super) fn bounds(strategy: &Value, wanted: u64) -> (u64, u64) {
    if strategy["type"] == "Recreate" {
        return (wanted, 0);
    }
    let rolling = &strategy["rollingUpdate"];
    let share = |value: &Value, round: fn(f64) -> f64| match value.as_str() {
        None => value.as_u64().unwrap_or(0),
        Some(text) => {
            let percent: f64 = text.trim_end_matches('%').parse().unwrap_or(0.0);
            round(wanted as f64 * percent / 100.0) as u64
        }
    };
    let surge = share(&rolling["maxSurge"], f64::ceil);
    let unavailable = share(&rolling["maxUnavailable"], f64::floor);
    match (unavailable, surge) {
        // Otherwise nothing would ever move.
        (0, 0) => (1.min(wanted), 0),
        (unavailable, surge) => (unavailable.min(wanted), surge),
    }
}

/// Returns how many replicas the new set is to have next, and each of the old ones.
pub(super) fn next(strategy: &Value, wanted: u64, new: Set, old: &[Set]) -> (u64, Vec<u64>) {
    if strategy["type"] == "Recreate" {
        let all_gone = old.iter().all(|set| set.there == 0);
        let grown = if all_gone { wanted } else { new.wanted };
        return (grown, vec![0; old.len()]);
    }
    let (unavailable, surge) = bounds(strategy, wanted);
    let asked: Vec<u64> = old.iter().map(|set| set.wanted).collect();
    let total = new.wanted + asked.iter().sum::<u64>();
    let room = (wanted + surge).saturating_sub(total);
    let grown = match new.wanted > wanted {
        true => wanted,
        false => new.wanted + room.min(wanted - new.wanted),
    };
    if grown != new.wanted {
        return (grown, asked);
    }
    let least = wanted - unavailable;
    let pending = new.wanted.saturating_sub(new.available);
    let mut down = total.saturating_sub(least + pending);
    // Those that do not work anyway go first.
    let mut left: Vec<Set> = old.to_vec();
    for set in &mut left {
        let broken = set.wanted.saturating_sub(set.available).min(down);
        set.wanted -= broken;
        down -= broken;
    }
    let available = new.available + old.iter().map(|set| set.available).sum::<u64>();
    let mut spare = available.saturating_sub(least).min(down);
    for set in &mut left {
        let fewer = set.wanted.min(spare);
        set.wanted -= fewer;
        spare -= fewer;
    }
    (grown, left.iter().map(|set| set.wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Goes on until nothing changes, and returns the steps as "new+old".
    fn walk(strategy: &Value, wanted: u64, before: u64) -> Vec<String> {
        let whole = |wanted: u64| Set {
            wanted,
            there: wanted,
            available: wanted,
        };
        let (mut new, mut old) = (Set::default(), whole(before));
        let mut steps = Vec::new();
        loop {
            let (grown, left) = next(strategy, wanted, new, &[old]);
            if (grown, left[0]) == (new.wanted, old.wanted) {
                return steps;
            }
            steps.push(format!("{grown}+{}", left[0]));
            (new, old) = (whole(grown), whole(left[0]));
        }
    }

    #[test]
    fn strategies_bound_what_goes_and_comes() {
        let rolling = |surge: Value, unavailable: Value| json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}});
        let usual = rolling(json!("25%"), json!("25%"));
        assert_eq!(bounds(&usual, 1), (0, 1));
        assert_eq!(bounds(&usual, 10), (2, 3));
        assert_eq!(bounds(&rolling(json!(0), json!("10%")), 3), (1, 0));
        assert_eq!(walk(&usual, 1, 1), ["1+1", "1+0"]);
        assert_eq!(
            walk(&usual, 3, 3),
            ["1+3", "1+2", "2+2", "2+1", "3+1", "3+0"]
        );
        // Ports of the node cannot be held twice.
        let in_place = rolling(json!(0), json!(1));
        assert_eq!(walk(&in_place, 1, 1), ["0+0", "1+0"]);
        assert_eq!(walk(&json!({"type": "Recreate"}), 2, 2), ["0+0", "2+0"]);
        assert_eq!(walk(&usual, 2, 0), ["2+0"]);
    }

    #[test]
    fn what_is_broken_goes_first() {
        let usual =
            json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}});
        let broken = Set {
            wanted: 2,
            there: 2,
            available: 0,
        };
        let new = Set {
            wanted: 1,
            there: 1,
            available: 1,
        };
        assert_eq!(next(&usual, 2, new, &[broken]), (1, vec![1]));
    }
}
