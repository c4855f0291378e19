//! What is in the account: things, each in a region, with a kind and an id. They are in the world's log.

use super::{ACCOUNT, KEY};
use crate::{azure, ground::Ground, reactors::Unrest, site::Entry};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// The region of what has none, as roles.
pub(super) const GLOBAL: &str = "global";

/// One thing of the account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thing {
    /// As "eks:cluster" or "ec2:vpc".
    pub(crate) kind: String,
    pub(crate) region: String,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    /// What its service answers, with the members of its shape, and what only the simulator knows: no shape names that.
    pub(crate) body: Value,
    /// When it moves on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<Timestamp>,
    /// When it moves on unless something else happens: the clock does not hurry there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<Timestamp>,
}

impl Thing {
    /// Returns the key of a thing among all.
    pub(crate) fn key(region: &str, kind: &str, id: &str) -> String {
        format!("{region} {kind} {id}")
    }

    /// Returns what people call it.
    pub(crate) fn name(&self) -> &str {
        let name = self.tags.get("Name").map(String::as_str);
        name.unwrap_or_else(|| self.id.rsplit('/').next().unwrap_or_default())
    }

    /// Returns by which name and id it counts as alive, if it does: the parts of networks come and go with their stacks.
    pub(crate) fn life(&self) -> Option<(String, String)> {
        let own = [
            "elb:",
            "elbv2:",
            "logs:",
            "eks:",
            "iam:",
            "ec2:volume",
            "cloudformation:stack",
        ];
        // Of Azure the paths are the names; what is made again under one is another.
        if self.region == azure::REGION {
            let id = format!("{} {}", self.id, self.created);
            let counts = azure::lives(&self.kind);
            return counts.then(|| (self.id.clone(), id));
        }
        let counts = own.iter().any(|it| self.kind.starts_with(it)) && self.kind != "eks:update";
        if !counts || self.text("StackStatus") == "DELETE_COMPLETE" {
            return None;
        }
        let name = self.body["StackName"].as_str().unwrap_or(&self.id);
        let id = self.body["uid"].as_str().unwrap_or(&self.id);
        Some((name.to_owned(), id.to_owned()))
    }

    /// Returns whether it is to move.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        [self.due, self.limit]
            .into_iter()
            .flatten()
            .any(|it| it <= now)
    }

    /// Returns whether it is in the middle of something, and nothing tells when that ends: a fault holds it.
    pub(super) fn is_stuck(&self) -> bool {
        let begun = ["eks:", "cloudformation:resource", "google:operation"]
            .iter()
            .any(|it| self.kind.starts_with(it));
        let moving = |it: &str| {
            ["CREATING", "DELETING", "InProgress", "RUNNING"].contains(&it)
                || it.ends_with("_IN_PROGRESS")
        };
        let status = [self.text("status"), self.text("ResourceStatus")];
        begun && self.due.is_none() && self.limit.is_none() && status.into_iter().any(moving)
    }

    /// Returns a text of its body.
    pub(super) fn text(&self, key: &str) -> &str {
        self.body[key].as_str().unwrap_or_default()
    }

    /// Returns the cluster that it belongs to, as far as its tags or its name tell.
    fn cluster(&self) -> &str {
        let owned = self
            .tags
            .keys()
            .find_map(|it| it.strip_prefix("kubernetes.io/cluster/"));
        let tagged = [
            "aws:eks:cluster-name",
            "eks:cluster-name",
            "cluster.k8s.amazonaws.com/name",
        ];
        let tagged = || {
            tagged
                .iter()
                .find_map(|it| self.tags.get(*it).map(String::as_str))
        };
        match self.kind.as_str() {
            "eks:cluster" => &self.id,
            kind if kind.starts_with("eks:") => self.id.split('/').next().unwrap_or_default(),
            _ => owned.or_else(tagged).unwrap_or_default(),
        }
    }
}

/// Returns everything in the account, as `control/assets` shows it; a region's default network is as good as nothing.
pub(crate) fn inventory(ground: &Ground) -> Vec<Value> {
    let site = ground.site();
    let passing = [
        "sts:session",
        "cloudformation:resource",
        "cloudformation:event",
        "cloudformation:change-set",
        "eks:update",
    ];
    let gone = ["DELETE_COMPLETE", "terminated", "deleted"];
    let there = site.things.values().filter(|it| {
        it.region != azure::REGION
            && !it.kind.starts_with("google:")
            && it.body["IsDefault"] != true
            && !passing.contains(&it.kind.as_str())
            && !gone.contains(&state(it))
    });
    there
        .map(|it| {
            let maker = match it.tags.get("aws:cloudformation:stack-name") {
                Some(stack) => format!("stack {stack}"),
                None => it.text("maker").to_owned(),
            };
            json!({
                "kind": it.kind, "id": it.id, "name": it.name(), "cluster": it.cluster(), "maker": maker, "created": it.created,
                "provider": "aws", "region": it.region, "tags": it.tags, "state": state(it),
            })
        })
        .collect()
}

fn state(it: &Thing) -> &str {
    let keys = ["status", "StackStatus", "State", "Status"];
    let told = keys
        .iter()
        .map(|key| it.text(key))
        .find(|it| !it.is_empty());
    told.unwrap_or_else(|| it.body["State"]["Name"].as_str().unwrap_or_default())
}

/// What lets one at a time act on the things of a cloud, and wakes the engine that moves them.
pub(crate) struct Desk {
    lock: Mutex<()>,
    pub(crate) stirred: Notify,
    unrest: Unrest,
}

impl Desk {
    pub(crate) fn new(clock: crate::clock::Clock) -> Self {
        Self {
            lock: Mutex::default(),
            stirred: Notify::new(),
            unrest: Unrest::new(clock),
        }
    }

    /// Lets nobody else act until the guard is dropped.
    pub(crate) fn enter(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the engine look at everything; time stands still until it has.
    pub(crate) fn stir(&self) {
        self.unrest.stir();
        self.stirred.notify_one();
    }

    pub(crate) fn calm(&self) {
        self.unrest.calm();
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) arn: String,
    pub(super) id: String,
}

impl Caller {
    /// Returns the administrator.
    pub(super) fn administrator() -> Self {
        Self {
            arn: format!("arn:aws:iam::{ACCOUNT}:user/rehearsal"),
            id: "AIDAREHEARSALUSER0001".to_owned(),
        }
    }

    /// Returns the IAM principal: of a session its role.
    pub(super) fn principal(&self) -> String {
        match self.arn.split_once(":assumed-role/") {
            Some((_, rest)) => {
                let role = rest.split('/').next().unwrap_or_default();
                format!("arn:aws:iam::{ACCOUNT}:role/{role}")
            }
            None => self.arn.clone(),
        }
    }
}

/// Returns whose an access key is, and its secret.
pub(super) fn principal(
    ground: &Ground,
    key: &str,
    token: Option<&str>,
) -> Option<(Caller, String)> {
    if key == KEY.0 {
        return token
            .is_none()
            .then(|| (Caller::administrator(), KEY.1.to_owned()));
    }
    let site = ground.site();
    let session = site.things.get(&Thing::key(GLOBAL, "sts:session", key))?;
    let holds = session.text("SessionToken") == token.unwrap_or_default();
    let until: Option<Timestamp> = session.text("Expiration").parse().ok();
    let fresh = until.is_some_and(|until| ground.clock.now() < until || Timestamp::now() < until);
    let caller = Caller {
        arn: session.text("Arn").to_owned(),
        id: session.text("AssumedRoleId").to_owned(),
    };
    (holds && fresh).then(|| (caller, session.text("SecretAccessKey").to_owned()))
}

/// What an operation, or the engine, acts through.
#[derive(Clone, Copy)]
pub(super) struct Cx<'a> {
    pub(super) ground: &'a Arc<Ground>,
    pub(super) region: &'a str,
    pub(super) now: Timestamp,
    pub(super) caller: &'a Caller,
}

impl<'a> Cx<'a> {
    /// Returns the same elsewhere.
    pub(super) fn at(self, region: &'a str) -> Self {
        Self { region, ..self }
    }

    pub(super) fn global(self) -> Self {
        self.at(GLOBAL)
    }

    pub(super) fn get(&self, kind: &str, id: &str) -> Option<Thing> {
        let key = Thing::key(self.region, kind, id);
        self.ground.site().things.get(&key).cloned()
    }

    /// Returns the things of a kind in the region.
    pub(super) fn all(&self, kind: &str) -> Vec<Thing> {
        self.under(kind, "")
    }

    /// Returns the things of a kind whose ids begin so.
    pub(super) fn under(&self, kind: &str, prefix: &str) -> Vec<Thing> {
        let prefix = Thing::key(self.region, kind, prefix);
        let site = self.ground.site();
        let from = site.things.range(prefix.clone()..);
        from.take_while(|(key, _)| key.starts_with(&prefix))
            .map(|(_, it)| it.clone())
            .collect()
    }

    /// Returns how many things of a kind there are whose ids begin so.
    pub(super) fn count(&self, kind: &str, prefix: &str) -> usize {
        let prefix = Thing::key(self.region, kind, prefix);
        let site = self.ground.site();
        let from = site.things.range(prefix.clone()..);
        from.take_while(|(key, _)| key.starts_with(&prefix)).count()
    }

    /// Returns the things of a kind whose body says so.
    pub(super) fn with(&self, kind: &str, key: &str, value: &str) -> Vec<Thing> {
        let mut all = self.all(kind);
        all.retain(|it| it.text(key) == value);
        all
    }

    pub(super) fn put(&self, thing: Thing) {
        self.ground.write(Entry::Thing(Box::new(thing)));
    }

    /// Makes a thing.
    pub(super) fn make(
        &self,
        kind: &str,
        id: &str,
        tags: BTreeMap<String, String>,
        body: Value,
    ) -> Thing {
        let thing = Thing {
            kind: kind.to_owned(),
            region: self.region.to_owned(),
            id: id.to_owned(),
            created: self.now,
            tags,
            body,
            due: None,
            limit: None,
        };
        self.put(thing.clone());
        thing
    }

    /// Removes a thing; returns whether it was there.
    pub(super) fn remove(&self, kind: &str, id: &str) -> bool {
        let there = self.get(kind, id).is_some();
        if there {
            self.ground.write(Entry::ThingGone {
                region: self.region.to_owned(),
                kind: kind.to_owned(),
                id: id.to_owned(),
            });
        }
        there
    }

    /// Returns a new id as "vpc-0123456789abcdef0".
    pub(super) fn id(&self, prefix: &str) -> String {
        format!("{prefix}-0{}", &self.ground.mint(prefix)[..16])
    }

    /// Returns the ARN of something in the region.
    pub(super) fn arn(&self, service: &str, rest: &str) -> String {
        let region = if self.region == GLOBAL {
            ""
        } else {
            self.region
        };
        format!("arn:aws:{service}:{region}:{ACCOUNT}:{rest}")
    }
}
