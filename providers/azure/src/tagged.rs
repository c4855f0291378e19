//! Tags, as Azure has them.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::{Value, json};
use windlass_provider::{ClusterName, Ctx, Known, Outputs, Owner, ResourceId, Tags};

use crate::want::{CLUSTER, GROUP};

/// Under which keys a resource's outputs tell when it was made and when it expires, for what is made later and belongs to it.
const CREATED: &str = "created";
const EXPIRES: &str = "expires";

/// Tags as they are read.
pub(crate) type Pairs = BTreeMap<String, String>;

/// Returns the tags of something.
pub(crate) fn of(thing: &Value) -> Pairs {
    let entries = thing["tags"].as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Returns what tags say: whose, what exactly, and what is doubtful about them.
pub(crate) fn judge(pairs: &Pairs) -> (Owner, Option<Tags>, Option<String>) {
    match Tags::from_pairs(pairs) {
        Ok(Some(tags)) => (Owner::Ours, Some(tags), None),
        Ok(None) => (Owner::Foreign, None, None),
        Err(error) => (Owner::Ours, None, Some(error.to_string())),
    }
}

/// Returns whether windlass made something.
pub(crate) fn is_ours(thing: &Value) -> bool {
    of(thing).contains_key(Tags::CLUSTER)
}

/// Returns the tags for something that is about to be made: with the times of the group or the cluster that it belongs to.
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
    let earlier = [GROUP, CLUSTER].into_iter();
    let created = earlier.filter_map(|id| read(id, CREATED)).next();
    let now = cx.clock.now();
    let created = created.unwrap_or_else(|| Timestamp::from_second(now.as_second()).unwrap_or(now));
    Tags {
        cluster: cluster.clone(),
        created,
        expires: expires(created, lifetime),
    }
}

/// Returns tags with the time that something was made at, and another lifetime.
pub(crate) fn again(cx: &Ctx, cluster: &ClusterName, there: &Pairs, lifetime: Option<u64>) -> Tags {
    let read = Tags::from_pairs(there).ok().flatten();
    let created = read.map_or_else(|| cx.clock.now(), |tags| tags.created);
    Tags {
        cluster: cluster.clone(),
        created,
        expires: expires(created, lifetime),
    }
}

fn expires(created: Timestamp, lifetime: Option<u64>) -> Option<Timestamp> {
    lifetime.map(|seconds| {
        let expires = created.checked_add(Duration::from_secs(seconds));
        expires.unwrap_or(Timestamp::MAX)
    })
}

/// Adds to outputs what [`for_new`] reads.
pub(crate) fn put_times(outputs: &mut Outputs, tags: &Pairs) {
    for (key, tag) in [(CREATED, Tags::CREATED), (EXPIRES, Tags::EXPIRES)] {
        if let Some(value) = tags.get(tag) {
            outputs.insert(key.to_owned(), value.clone());
        }
    }
}

/// Returns tags as Azure takes them, with others that are there already and are not ours.
pub(crate) fn object(tags: &Tags, others: &Pairs) -> Value {
    let ours = [Tags::CLUSTER, Tags::CREATED, Tags::EXPIRES];
    let others = others
        .iter()
        .filter(|(key, _)| !ours.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), json!(value)));
    let pairs = tags.to_pairs().into_iter();
    others
        .chain(pairs.map(|(key, value)| (key.to_owned(), json!(value))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Returns how many seconds something lives, by its tags.
pub(crate) fn lifetime(pairs: &Pairs) -> Option<u64> {
    let tags = Tags::from_pairs(pairs).ok()??;
    let seconds = tags.expires?.as_second() - tags.created.as_second();
    u64::try_from(seconds).ok()
}

/// Returns a lifetime in words.
pub(crate) fn lifetime_words(seconds: Option<u64>) -> String {
    seconds.map_or("none".to_owned(), |seconds| format!("{seconds} s"))
}
