//! What is in the simulated Google Cloud: projects, and things in them.

use super::{Fault, projects};
use crate::{
    aws::Thing,
    ground::Ground,
    site::{Entry, Gke, Site},
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc};

pub(super) const PROJECT: &str = "google:project";
pub(super) const CLUSTER: &str = "google:cluster";
pub(super) const ACCOUNT: &str = "google:service-account";
pub(super) const OPERATION: &str = "google:operation";
pub(super) const POLICY: &str = "google:policy";
/// What the compute API has, by its path.
pub(super) const COMPUTE: &str = "google:compute";

/// The place of what is in no project: projects themselves.
const WORLD: &str = "google";

/// What a call, or the engine, acts through.
#[derive(Clone, Copy)]
pub(super) struct Cx<'a> {
    pub(super) ground: &'a Arc<Ground>,
    pub(super) now: Timestamp,
}

fn place(kind: &str, project: &str) -> String {
    match kind {
        PROJECT => WORLD.to_owned(),
        _ => format!("google:{project}"),
    }
}

/// Returns the project that a thing is in.
pub(super) fn project_of(thing: &Thing) -> &str {
    thing.region.strip_prefix("google:").unwrap_or(&thing.id)
}

/// Returns a text of a thing's body.
pub(super) fn text<'t>(thing: &'t Thing, key: &str) -> &'t str {
    thing.body[key].as_str().unwrap_or_default()
}

/// Returns a thing's body as it is told: what begins with a hyphen only the simulator knows.
pub(super) fn show(body: &Value) -> Value {
    let mut told = body.clone();
    if let Some(fields) = told.as_object_mut() {
        fields.retain(|key, value| !key.starts_with('-') && !value.is_null());
    }
    told
}

impl Cx<'_> {
    pub(super) fn get(&self, kind: &str, project: &str, id: &str) -> Option<Thing> {
        let key = Thing::key(&place(kind, project), kind, id);
        self.ground.site().things.get(&key).cloned()
    }

    /// Returns the things of a kind in a project whose ids begin so.
    pub(super) fn under(&self, kind: &str, project: &str, prefix: &str) -> Vec<Thing> {
        let prefix = Thing::key(&place(kind, project), kind, prefix);
        let site = self.ground.site();
        let from = site.things.range(prefix.clone()..);
        from.take_while(|(key, _)| key.starts_with(&prefix))
            .map(|(_, it)| it.clone())
            .collect()
    }

    pub(super) fn put(&self, thing: Thing) {
        self.ground.write(Entry::Thing(Box::new(thing)));
    }

    pub(super) fn make(&self, kind: &str, project: &str, id: &str, body: Value) -> Thing {
        let thing = Thing {
            kind: kind.to_owned(),
            region: place(kind, project),
            id: id.to_owned(),
            created: self.now,
            tags: BTreeMap::new(),
            body,
            due: None,
            limit: None,
        };
        self.put(thing.clone());
        thing
    }

    pub(super) fn remove(&self, thing: &Thing) {
        self.ground.write(Entry::ThingGone {
            region: thing.region.clone(),
            kind: thing.kind.clone(),
            id: thing.id.clone(),
        });
    }

    /// Returns a project that is there, or what is said of one that is not, or that one may not see.
    pub(super) fn project(&self, id: &str) -> Result<Thing, Fault> {
        let named = |it: &Thing| it.body["-number"] == *id;
        let found = self.get(PROJECT, id, id).or_else(|| {
            let all = self.under(PROJECT, "", "");
            all.into_iter().find(named)
        });
        found.ok_or_else(|| {
            Fault::denied(format!(
                "The caller does not have permission on project '{id}' (or it may not exist)."
            ))
            .because("IAM_PERMISSION_DENIED")
        })
    }

    /// Refuses where a project has not enabled an API, or has only just done so.
    pub(super) fn enabled(&self, project: &str, api: &str) -> Result<(), Fault> {
        let found = self.project(project)?;
        if projects::answers(&found, api, self.now) {
            return Ok(());
        }
        let number = text(&found, "-number");
        let message = format!(
            "{api} API has not been used in project {number} before or it is disabled. Enable it by visiting \
             https://console.developers.google.com/apis/api/{api}.googleapis.com/overview?project={number} then retry. If you enabled \
             this API recently, wait a few minutes for the action to propagate to our systems and retry."
        );
        let reason = match api {
            "compute" => "accessNotConfigured",
            _ => "SERVICE_DISABLED",
        };
        Err(Fault::denied(message).because(reason))
    }
}

/// Returns everything in the projects, as `control/assets` shows it; a project that a rehearsal assumes is as good as nothing.
pub(crate) fn inventory(ground: &Ground) -> Vec<Value> {
    let site = ground.site();
    let there = site.things.values().filter(|it| {
        it.kind.starts_with("google:")
            && it.kind != OPERATION
            && it.kind != POLICY
            && it.body["-assumed"] != true
            && it.body["state"] != "DELETE_REQUESTED"
    });
    let mut all = Vec::new();
    for it in there {
        let project = project_of(it);
        // What is in a project that goes goes with it.
        let key = Thing::key(WORLD, PROJECT, project);
        if site
            .things
            .get(&key)
            .is_some_and(|it| it.body["state"] == "DELETE_REQUESTED")
        {
            continue;
        }
        let (kind, labels) = match it.kind.as_str() {
            COMPUTE => {
                let kind = it.id.rsplit('/').nth(1).unwrap_or_default();
                let tags = match kind {
                    // Those have no labels.
                    "routers" => words(text(it, "description")),
                    _ => labels(&it.body["labels"]),
                };
                (format!("google:{kind}"), tags)
            }
            ACCOUNT => (it.kind.clone(), words(text(it, "description"))),
            CLUSTER => (it.kind.clone(), labels(&it.body["resourceLabels"])),
            _ => (it.kind.clone(), labels(&it.body["labels"])),
        };
        let name = it.id.rsplit('/').next().unwrap_or_default();
        let cluster = match it.kind.as_str() {
            CLUSTER => name,
            _ => text(it, "-cluster"),
        };
        let asset = |kind: &str, id: &str, name: &str, labels: &Map<String, Value>, state: &str| {
            json!({
                "kind": kind, "id": id, "name": name, "cluster": cluster, "maker": text(it, "-maker"), "created": it.created,
                "provider": "google", "region": project, "tags": labels, "state": state,
            })
        };
        let status = it.body["status"].as_str().or(it.body["state"].as_str());
        all.push(asset(
            &kind,
            &it.id,
            name,
            &labels,
            status.unwrap_or_default(),
        ));
        for pool in it.body["nodePools"].as_array().into_iter().flatten() {
            let pool_name = pool["name"].as_str().unwrap_or_default();
            let id = format!("{}/{pool_name}", it.id);
            let labels = self::labels(&pool["config"]["resourceLabels"]);
            let state = pool["status"].as_str().unwrap_or_default();
            all.push(asset(
                "google:node-pool",
                &id,
                &format!("{name}/{pool_name}"),
                &labels,
                state,
            ));
        }
    }
    all
}

fn labels(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// Returns the pairs of a description: "a=b c=d".
fn words(text: &str) -> Map<String, Value> {
    let pairs = text.split_whitespace().filter_map(|it| it.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect()
}

/// Returns whether the cluster behind an API server still is.
pub(crate) fn is_there(site: &Site, gke: &Gke, server: &str) -> bool {
    let id = format!("{}/{}", gke.location, gke.name);
    let key = Thing::key(&place(CLUSTER, &gke.project), CLUSTER, &id);
    site.things
        .get(&key)
        .is_some_and(|it| it.body["-server"] == server)
}
