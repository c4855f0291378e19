//! What an earlier, unfinished run means for this one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::plan::{Plan, StepId};

/// One setting in which two plans were asked for differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The setting.
    pub setting: String,
    /// What the earlier plan was asked for; `None`: nothing was said.
    pub earlier: Option<String>,
    /// What this one is asked for.
    pub now: Option<String>,
}

/// Lists in which settings two plans were asked for differently, by name. Where there are none and yet the digests differ,
/// the world or windlass itself has changed meanwhile: planning again is right.
#[must_use]
pub fn list_differences(
    earlier: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let settings: BTreeSet<&String> = earlier.keys().chain(now.keys()).collect();
    settings
        .into_iter()
        .filter(|setting| earlier.get(*setting) != now.get(*setting))
        .map(|setting| Difference {
            setting: setting.clone(),
            earlier: earlier.get(setting).cloned(),
            now: now.get(setting).cloned(),
        })
        .collect()
}

/// Returns the steps that need not run again: those that were seen to hold, and all that they need too. What was built on
/// something that has to be made again may hold no longer once that is there.
pub(super) fn keep_holding<A>(plan: &Plan<A>, verified: &BTreeSet<StepId>) -> BTreeSet<StepId> {
    let mut holding = BTreeSet::new();
    for step in &plan.steps {
        if verified.contains(&step.id) && step.needs.iter().all(|need| holding.contains(need)) {
            holding.insert(step.id.clone());
        }
    }
    holding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_what_changed_came_and_went() {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let earlier = map(&[("nodes", "1"), ("image", "x"), ("same", "y")]);
        let now = map(&[("nodes", "3"), ("engine", "podman"), ("same", "y")]);
        let found = list_differences(&earlier, &now);
        let told: Vec<_> = found
            .iter()
            .map(|difference| {
                (
                    difference.setting.as_str(),
                    difference.earlier.as_deref(),
                    difference.now.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("engine", None, Some("podman")),
                ("image", Some("x"), None),
                ("nodes", Some("1"), Some("3")),
            ]
        );
        assert!(list_differences(&now, &now).is_empty());
    }
}
