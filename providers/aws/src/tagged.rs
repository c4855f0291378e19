//! Tags, as AWS has them.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use windlass_provider::{ClusterName, Ctx, Known, Outputs, Owner, ResourceId, Tags};

use crate::want::{CLUSTER, NETWORK};

/// Under which keys a resource's outputs tell when it was made and when it expires, for what is made later and belongs to it.
const CREATED: &str = "created";
const EXPIRES: &str = "expires";

/// Tags as they are read.
pub(crate) type Pairs = BTreeMap<String, String>;

/// Returns the tags that an EKS answer holds as an object.
pub(crate) fn of(value: &Value) -> Pairs {
    let entries = value.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Returns whether tags say that windlass made what carries them.
pub(crate) fn is_ours(tags: &Pairs) -> bool {
    tags.contains_key(Tags::CLUSTER)
}

/// Returns what tags say: whose, what exactly, and what is doubtful about them.
pub(crate) fn judge(pairs: &Pairs) -> (Owner, Option<Tags>, Option<String>) {
    match Tags::from_pairs(pairs) {
        Ok(Some(tags)) => (Owner::Ours, Some(tags), None),
        Ok(None) => (Owner::Foreign, None, None),
        Err(error) => (Owner::Ours, None, Some(error.to_string())),
    }
}

/// Returns the tags for something that is about to be made: with the times of the network or the cluster that it belongs to.
pub(crate) fn for_new(
    cx: &Ctx,
    cluster: &ClusterName,
    lifetime: Option<u64>,
    known: &Known,
) -> Tags {
    let read = |id: &str, key: &str| {
        let outputs = known.get(&ResourceId::new(id))?;
        let seconds = outputs.get(key)?.parse().ok()?;
        Timestamp::from_second(seconds).ok()
    };
    for id in [NETWORK, CLUSTER] {
        if let Some(created) = read(id, CREATED) {
            return Tags {
                cluster: cluster.clone(),
                created,
                expires: read(id, EXPIRES),
            };
        }
    }
    let now = cx.clock.now();
    let created = Timestamp::from_second(now.as_second()).unwrap_or(now);
    Tags {
        cluster: cluster.clone(),
        created,
        expires: lifetime.map(|seconds| {
            let expires = created.checked_add(Duration::from_secs(seconds));
            expires.unwrap_or(Timestamp::MAX)
        }),
    }
}

/// Adds to outputs what [`for_new`] reads.
pub(crate) fn put_times(outputs: &mut Outputs, tags: &Pairs) {
    for (key, tag) in [(CREATED, Tags::CREATED), (EXPIRES, Tags::EXPIRES)] {
        if let Some(value) = tags.get(tag) {
            outputs.insert(key.to_owned(), value.clone());
        }
    }
}

/// Returns tags as EKS and CloudWatch take them.
pub(crate) fn object(tags: &Tags) -> Value {
    let pairs = tags.to_pairs().into_iter();
    pairs
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Returns how many seconds something lives, by its tags.
pub(crate) fn lifetime(pairs: &Pairs) -> Option<u64> {
    let tags = Tags::from_pairs(pairs).ok()??;
    let seconds = tags.expires?.as_second() - tags.created.as_second();
    u64::try_from(seconds).ok()
}
