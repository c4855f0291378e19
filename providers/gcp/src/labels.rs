//! Labels, as Google Cloud has them; and descriptions in their place where it has none.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use windlass_provider::{ClusterName, Ctx, Difference, Known, Outputs, Owner, ResourceId, Tags};

use crate::want::{CLUSTER, NODES, PROJECT, account_id};

/// Under which keys a resource's outputs tell when it was made and when it expires, for what is made later and belongs to it.
const CREATED: &str = "created";
const EXPIRES: &str = "expires";

/// In a description: where the cluster is. Service accounts themselves are nowhere.
const LOCATION: &str = "windlass-location";

/// Labels as they are read.
pub(crate) type Pairs = BTreeMap<String, String>;

/// Returns the labels that an answer holds as an object.
pub(crate) fn of(value: &Value) -> Pairs {
    let entries = value.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Returns what a description says in place of labels: "windlass-cluster=dot windlass-created=1764300000".
pub(crate) fn of_description(text: &str) -> Pairs {
    let words = text.split_whitespace();
    words
        .filter_map(|word| word.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Returns such a description, of what belongs to a cluster at this location.
pub(crate) fn description(tags: &Tags, location: &str) -> String {
    let mut pairs = tags.to_pairs();
    if !location.is_empty() {
        pairs.push((LOCATION, location.to_owned()));
    }
    let pairs = pairs.into_iter();
    let words: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    words.join(" ")
}

/// Returns where the cluster is that a description speaks of.
pub(crate) fn location(pairs: &Pairs) -> Option<&str> {
    pairs.get(LOCATION).map(String::as_str)
}

/// Returns whether labels say that windlass made what carries them.
pub(crate) fn is_ours(pairs: &Pairs) -> bool {
    pairs.contains_key(Tags::CLUSTER)
}

/// Returns whether labels say that it belongs to this cluster.
pub(crate) fn is_of(pairs: &Pairs, cluster: &ClusterName) -> bool {
    pairs
        .get(Tags::CLUSTER)
        .is_some_and(|it| it == cluster.as_str())
}

/// Returns what labels say: whose, what exactly, and what is doubtful about them.
pub(crate) fn judge(pairs: &Pairs) -> (Owner, Option<Tags>, Option<String>) {
    match Tags::from_pairs(pairs) {
        Ok(Some(tags)) => (Owner::Ours, Some(tags), None),
        Ok(None) => (Owner::Foreign, None, None),
        Err(error) => (Owner::Ours, None, Some(error.to_string())),
    }
}

/// Returns the labels for something that is about to be made: with the times of what was made first for the cluster.
pub(crate) fn for_new(
    cx: &Ctx,
    cluster: &ClusterName,
    lifetime: Option<u64>,
    known: &Known,
) -> Tags {
    let read = |id: &ResourceId, key: &str| {
        let seconds = known.get(id)?.get(key)?.parse().ok()?;
        Timestamp::from_second(seconds).ok()
    };
    let first = [
        ResourceId::new(PROJECT),
        account_id(NODES),
        ResourceId::new(CLUSTER),
    ];
    for id in &first {
        if let Some(created) = read(id, CREATED) {
            return made(cluster, created, lifetime);
        }
    }
    let now = cx.clock.now();
    let created = Timestamp::from_second(now.as_second()).unwrap_or(now);
    made(cluster, created, lifetime)
}

fn made(cluster: &ClusterName, created: Timestamp, lifetime: Option<u64>) -> Tags {
    Tags {
        cluster: cluster.clone(),
        created,
        expires: lifetime.map(|seconds| {
            let expires = created.checked_add(Duration::from_secs(seconds));
            expires.unwrap_or(Timestamp::MAX)
        }),
    }
}

/// Returns the labels of something that is there and is to live for another time.
pub(crate) fn again(cx: &Ctx, cluster: &ClusterName, there: &Pairs, lifetime: Option<u64>) -> Tags {
    let created = Tags::from_pairs(there).ok().flatten().map(|it| it.created);
    made(cluster, created.unwrap_or_else(|| cx.clock.now()), lifetime)
}

/// Adds to outputs what [`for_new`] reads.
pub(crate) fn put_times(outputs: &mut Outputs, pairs: &Pairs) {
    for (key, tag) in [(CREATED, Tags::CREATED), (EXPIRES, Tags::EXPIRES)] {
        if let Some(value) = pairs.get(tag) {
            outputs.insert(key.to_owned(), value.clone());
        }
    }
}

/// Returns labels as requests hold them.
pub(crate) fn object(tags: &Tags) -> Value {
    let pairs = tags.to_pairs().into_iter();
    pairs
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Returns labels that are there with ours in place of what ours were.
pub(crate) fn over(there: &Pairs, tags: &Tags) -> Pairs {
    let mut all = there.clone();
    all.remove(Tags::EXPIRES);
    let own = tags.to_pairs().into_iter();
    all.extend(own.map(|(key, value)| (key.to_owned(), value)));
    all
}

/// Returns how the time to live differs from what is wanted.
pub(crate) fn lifetime(pairs: &Pairs, wanted: Option<u64>) -> Option<Difference> {
    let there = Tags::from_pairs(pairs).ok().flatten().and_then(|tags| {
        let seconds = tags.expires?.as_second() - tags.created.as_second();
        u64::try_from(seconds).ok()
    });
    let words = |seconds: Option<u64>| seconds.map_or("none".to_owned(), |s| format!("{s} s"));
    (there != wanted).then(|| Difference {
        field: "lifetime".to_owned(),
        wanted: words(wanted),
        found: words(there),
        changeable: true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_says_what_labels_would() {
        let tags = made(
            &"dot".parse().unwrap(),
            Timestamp::from_second(1_764_300_000).unwrap(),
            Some(60),
        );
        let text = description(&tags, "us-east1");
        assert_eq!(location(&of_description(&text)), Some("us-east1"));
        // https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts: 256 bytes of UTF-8
        assert!(text.len() <= 256);
        assert_eq!(
            judge(&of_description(&text)),
            (Owner::Ours, Some(tags), None)
        );
        assert_eq!(
            judge(&of_description("Compute Engine default")).0,
            Owner::Foreign
        );
    }
}
