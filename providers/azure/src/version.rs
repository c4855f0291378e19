//! Versions of Kubernetes, as AKS has them: "1.36" stands for its newest patch.

use std::cmp::Ordering;

use serde_json::Value;

/// How far it is from one version to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// They are the same, or one is a patch of the other.
    Same,
    /// To a patch of the same minor version, or to the next minor version.
    Next,
    /// Further on.
    Far,
    /// Back.
    Back,
}

/// Returns the version that something has: the patch where it is told.
pub(crate) fn current(properties: &Value, key: &str) -> String {
    let exact = match key {
        "orchestratorVersion" => "currentOrchestratorVersion",
        _ => "currentKubernetesVersion",
    };
    let text = |key: &str| properties[key].as_str().filter(|it| !it.is_empty());
    text(exact).or(text(key)).unwrap_or_default().to_owned()
}

/// Returns the minor version that a version names: "1.36" of "1.36.1".
pub(crate) fn minor(version: &str) -> String {
    let parts: Vec<&str> = version.trim_start_matches('v').split('.').collect();
    parts[..parts.len().min(2)].join(".")
}

pub(crate) fn number(version: &str) -> Vec<u32> {
    let parts = version.trim_start_matches('v').split('.');
    parts.filter_map(|part| part.parse().ok()).collect()
}

/// Returns how far it is from a version that is there to one that is wanted.
pub(crate) fn compare(there: &str, wanted: &str) -> Step {
    let (from, to) = (number(there), number(wanted));
    let common = from.len().min(to.len());
    match from[..common].cmp(&to[..common]) {
        Ordering::Equal => Step::Same,
        Ordering::Greater => Step::Back,
        Ordering::Less => match (&from[..], &to[..]) {
            ([major, minor, ..], [to_major, to_minor, ..])
                if major == to_major && minor + 1 >= *to_minor =>
            {
                Step::Next
            }
            _ => Step::Far,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minor_version_stands_for_its_patches_and_the_next_is_one_on() {
        for (there, wanted, step) in [
            ("1.36.1", "1.36", Step::Same),
            ("1.36", "1.36.1", Step::Same),
            ("1.36.1", "1.36.2", Step::Next),
            ("1.36.1", "1.37", Step::Next),
            ("1.36.1", "1.38", Step::Far),
            ("1.36.1", "1.35", Step::Back),
            ("1.36.1", "1.36.0", Step::Back),
        ] {
            assert_eq!(compare(there, wanted), step, "{there} to {wanted}");
        }
        assert_eq!(minor("v1.36.1"), "1.36");
    }
}
