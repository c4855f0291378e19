//! What is in the subscription: things, each with the path that is its id. They are in the world's log.

use super::{Fault, SUBSCRIPTION};
use crate::{aws::Thing, clock, faults::CloudEffect, ground::Ground, site::Entry};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Under which region the world keeps what is of Azure, wherever it lies there.
pub(crate) const REGION: &str = "azure";

pub(super) const GROUP: &str = "azure:group";
pub(super) const CLUSTER: &str = "azure:cluster";
pub(super) const POOL: &str = "azure:pool";
pub(super) const IDENTITY: &str = "azure:identity";
pub(super) const FEDERATION: &str = "azure:federation";
pub(super) const ROLE: &str = "azure:role";
pub(super) const ADDRESS: &str = "azure:address";
pub(super) const EXTENSION: &str = "azure:extension";
pub(super) const VAULT: &str = "azure:vault";
/// A vault that is deleted and can be recovered.
pub(super) const DELETED_VAULT: &str = "azure:deleted-vault";
pub(super) const OPERATION: &str = "azure:operation";
/// A resource provider that is not as a subscription usually has it.
pub(super) const REGISTRATION: &str = "azure:registration";

/// Returns everything in the subscription, as `control/assets` shows it.
pub(crate) fn inventory(ground: &Ground) -> Vec<Value> {
    let site = ground.site();
    let things = site.things.values().filter(|it| it.region == REGION);
    let there = things.filter(|it| ![OPERATION, REGISTRATION].contains(&it.kind.as_str()));
    there
        .map(|it| {
            let steps: Vec<&str> = text(&it.body, "id").split('/').collect();
            let cluster = steps.iter().position(|step| *step == "managedClusters");
            let cluster = cluster.and_then(|at| steps.get(at + 1)).unwrap_or(&"");
            json!({
                "kind": it.kind, "id": it.body["id"], "name": it.body["name"], "cluster": cluster, "maker": it.body["managedBy"],
                "created": it.created, "provider": "azure", "region": it.body["location"], "tags": tags_of(it),
                "state": it.body["properties"]["provisioningState"],
            })
        })
        .collect()
}

/// Returns the tags of a thing: pools have theirs among their properties.
fn tags_of(thing: &Thing) -> Value {
    match thing.kind.as_str() {
        POOL => thing.body["properties"]["tags"].clone(),
        _ => json!(thing.tags),
    }
}

/// Returns whether things of a kind are told as alive, from when to when.
pub(crate) fn lives(kind: &str) -> bool {
    let alive = [
        GROUP, CLUSTER, POOL, IDENTITY, ROLE, ADDRESS, EXTENSION, VAULT,
    ];
    alive.contains(&kind)
}

/// Returns a text of a value.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Returns how far something is.
pub(super) fn state(thing: &Thing) -> &str {
    text(&thing.body["properties"], "provisioningState")
}

/// Returns whether something is being done to a thing.
pub(super) fn is_busy(thing: &Thing) -> bool {
    !["Succeeded", "Failed", "Canceled", ""].contains(&state(thing))
}

/// Returns what the resource manager tells of a thing.
pub(super) fn show(thing: &Thing) -> Value {
    let mut shown = thing.body.clone();
    if let Some(members) = shown.as_object_mut() {
        members.remove("sim");
    }
    if !thing.tags.is_empty() {
        shown["tags"] = json!(thing.tags);
    }
    shown
}

/// Returns tags of a body.
pub(super) fn tags(body: &Value) -> Result<BTreeMap<String, String>, Fault> {
    let given = body["tags"].as_object().cloned().unwrap_or_default();
    let tags: BTreeMap<String, String> = given
        .into_iter()
        .map(|(key, value)| (key, value.as_str().unwrap_or_default().to_owned()))
        .collect();
    let bad = |key: &String| key.len() > 512 || key.contains(['<', '>', '%', '&', '\\', '?', '/']);
    match tags
        .iter()
        .find(|(key, value)| bad(key) || value.len() > 256)
    {
        Some((key, _)) => Err(Fault::new(
            400,
            "InvalidTagNameCharacters",
            format!("The tag name '{key}' or its value is invalid."),
        )),
        None if tags.len() > 50 => Err(Fault::new(
            400,
            "InvalidTags",
            "A resource has 50 tags at most.",
        )),
        None => Ok(tags),
    }
}

/// What a request, or the engine, acts through.
#[derive(Clone, Copy)]
pub(super) struct Cx<'a> {
    pub(super) ground: &'a Arc<Ground>,
    pub(super) now: Timestamp,
    /// The URL under which everything is; empty for the engine.
    pub(super) base: &'a str,
}

/// What becomes of something that a request began: when it is done, and why it fails then.
pub(super) struct Fate {
    /// `None` = never.
    pub(super) due: Option<Timestamp>,
    pub(super) fails: Option<String>,
}

impl Cx<'_> {
    fn key(kind: &str, id: &str) -> String {
        // Paths are the same in whichever case.
        Thing::key(REGION, kind, &id.to_lowercase())
    }

    pub(super) fn get(&self, kind: &str, id: &str) -> Option<Thing> {
        self.ground.site().things.get(&Self::key(kind, id)).cloned()
    }

    /// Returns the things of a kind whose paths begin so.
    pub(super) fn under(&self, kind: &str, prefix: &str) -> Vec<Thing> {
        let prefix = Self::key(kind, prefix);
        let site = self.ground.site();
        let from = site.things.range(prefix.clone()..);
        from.take_while(|(key, _)| key.starts_with(&prefix))
            .map(|(_, it)| it.clone())
            .collect()
    }

    pub(super) fn put(&self, thing: Thing) {
        self.ground.write(Entry::Thing(Box::new(thing)));
    }

    /// Makes a thing that tells its path, its name and its type.
    pub(super) fn make(
        &self,
        kind: &str,
        (id, of): (&str, &str),
        tags: BTreeMap<String, String>,
        mut body: Value,
    ) -> Thing {
        body["id"] = json!(id);
        body["name"] = json!(id.rsplit('/').next().unwrap_or_default());
        body["type"] = json!(of);
        let thing = Thing {
            kind: kind.to_owned(),
            region: REGION.to_owned(),
            id: id.to_lowercase(),
            created: self.now,
            tags,
            body,
            due: None,
            limit: None,
        };
        self.put(thing.clone());
        thing
    }

    pub(super) fn remove(&self, thing: &Thing) {
        self.ground.write(Entry::ThingGone {
            region: REGION.to_owned(),
            kind: thing.kind.clone(),
            id: thing.id.clone(),
        });
    }

    /// Removes all of a kind whose paths begin so.
    pub(super) fn clear(&self, kind: &str, prefix: &str) {
        for thing in self.under(kind, prefix) {
            self.remove(&thing);
        }
    }

    /// Decides on what a request began; `attempt` tells it from others of its name.
    pub(super) fn fate(
        &self,
        (service, action, name): (&str, &str, &str),
        takes: Duration,
    ) -> Fate {
        let attempt = self.now.to_string();
        let place = ("azure", service);
        let struck = self
            .ground
            .faults
            .behind(place, action, name, &attempt, self.now);
        let (takes, fails) = match struck {
            Some(CloudEffect::Stuck(None)) => (None, None),
            Some(CloudEffect::Stuck(Some(longer))) => (Some(takes.saturating_add(longer)), None),
            Some(CloudEffect::Fails(why)) => (Some(takes), Some(why)),
            _ => (Some(takes), None),
        };
        Fate {
            due: takes.map(|it| clock::add(self.now, it)),
            fails,
        }
    }
}

/// Returns the path of the subscription.
pub(super) fn root() -> String {
    format!("/subscriptions/{SUBSCRIPTION}")
}

/// Returns the path of the resource group that a path lies in.
pub(super) fn group_of(id: &str) -> String {
    let steps: Vec<&str> = id.split('/').collect();
    steps[..steps.len().min(5)].join("/")
}
