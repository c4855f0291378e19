//! What goes on in the background: operations, each of which moves something when its time has come.

use super::{
    Fault, Outcome,
    account::{Cx, OPERATION, project_of, show, text},
    clusters, compute, pools, projects, usage,
};
use crate::{aws::Thing, clock, faults::CloudEffect, ground::Ground, site::Site};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// What an operation is about.
pub(super) struct Begun<'a> {
    /// The service, and the call that began it.
    pub(super) call: (&'a str, &'a str),
    pub(super) project: &'a str,
    /// Of GKE its location, of compute its place ("regions/r").
    pub(super) place: &'a str,
    /// As GKE's type, or compute's.
    pub(super) kind: &'a str,
    /// What moves: as faults name it.
    pub(super) name: &'a str,
    /// What is done when its time has come.
    pub(super) then: Value,
    /// How long it takes.
    pub(super) takes: Duration,
}

/// Begins an operation, and returns it as its service tells of it.
pub(super) fn begin(cx: &Cx<'_>, begun: Begun<'_>) -> Value {
    let (service, call) = begun.call;
    let attempt = cx.now.to_string();
    let struck = cx
        .ground
        .faults
        .behind(("google", service), call, begun.name, &attempt, cx.now);
    let (takes, fails) = match struck {
        Some(CloudEffect::Stuck(None)) => (None, None),
        Some(CloudEffect::Stuck(Some(longer))) => (Some(begun.takes.saturating_add(longer)), None),
        Some(CloudEffect::Fails(why)) => (Some(begun.takes), Some(why)),
        _ => (Some(begun.takes), None),
    };
    let mark = cx.ground.mint("operation");
    let name = match service {
        "cloudresourcemanager" => format!("operations/cp.{}", &mark[..16]),
        "serviceusage" => format!("operations/acat.p2-{}", &mark[..16]),
        _ => format!("operation-{}-{}", cx.now.as_millisecond(), &mark[..8]),
    };
    let body = json!({
        "-service": service, "-place": begun.place, "-kind": begun.kind, "-name": begun.name, "-then": begun.then, "-fails": fails,
        "name": name, "status": "RUNNING",
    });
    let id = format!("{}/{name}", begun.place);
    let mut operation = cx.make(OPERATION, begun.project, &id, body);
    operation.due = takes.map(|it| clock::add(cx.now, it));
    cx.put(operation.clone());
    told(cx.ground, &operation)
}

/// Returns an operation as its service tells of it.
fn told(ground: &Ground, it: &Thing) -> Value {
    let project = project_of(it);
    let (place, name) = (text(it, "-place"), text(it, "name"));
    let fails = it.body["error"].as_str();
    let done = it.body["status"] == "DONE";
    match text(it, "-service") {
        "container" => {
            let link =
                format!("https://container.googleapis.com/v1/projects/{project}/locations/{place}");
            let mut told = json!({
                "name": name, "zone": place, "location": place, "operationType": it.body["-kind"], "status": it.body["status"],
                "selfLink": format!("{link}/operations/{name}"), "targetLink": format!("{link}/clusters/{}", text(it, "-name")),
                "startTime": super::time(it.created),
            });
            if let Some(why) = fails {
                told["error"] = json!({"code": 13, "message": why});
                told["statusMessage"] = json!(why);
            }
            told
        }
        "compute" => {
            let link = format!(
                "{}/google/compute/compute/v1/projects/{project}/{place}",
                ground.address
            );
            let mut told = json!({
                "kind": "compute#operation", "name": name, "operationType": it.body["-kind"], "status": it.body["status"],
                "progress": if done { 100 } else { 0 }, "selfLink": format!("{link}/operations/{name}"), "targetLink": it.body["-name"],
            });
            if let Some(why) = fails {
                told["error"] = json!({"errors": [{"code": "RESOURCE_OPERATION_RATE_EXCEEDED", "message": why}]});
            }
            told
        }
        _ => {
            let mut told = json!({"name": name});
            if done {
                told["done"] = json!(true);
                match fails {
                    Some(why) => told["error"] = json!({"code": 13, "message": why}),
                    None => {
                        told["response"] =
                            json!({"@type": "type.googleapis.com/google.protobuf.Empty"})
                    }
                }
            }
            told
        }
    }
}

/// Answers for GKE's operations.
pub(super) fn act(cx: &Cx<'_>, call: &str, at: &[&str]) -> Outcome {
    let (project, location) = (at[0], at[1]);
    let all = cx.under(OPERATION, project, "");
    let mut all = all
        .into_iter()
        .filter(|it| it.body["-service"] == "container");
    match call {
        "operations.get" => all
            .find(|it| it.body["-place"] == location && it.body["name"] == at[2])
            .map(|it| told(cx.ground, &it))
            .ok_or_else(|| Fault::missing(format!("Not found: operations/{}.", at[2]))),
        _ => {
            let here = all.filter(|it| location == "-" || it.body["-place"] == location);
            let told: Vec<Value> = here.map(|it| told(cx.ground, &it)).collect();
            Ok(json!({"operations": told}))
        }
    }
}

/// Answers for an operation of another service, in any project.
pub(super) fn find(cx: &Cx<'_>, service: &str, name: &str, place: Option<&str>) -> Outcome {
    let found = {
        let site = cx.ground.site();
        let fits = |it: &&Thing| {
            it.kind == OPERATION
                && it.body["-service"] == service
                && it.body["name"] == name
                && place.is_none_or(|place| it.body["-place"] == place)
        };
        site.things.values().find(fits).cloned()
    };
    found.map(|it| told(cx.ground, &it)).ok_or_else(|| {
        Fault::missing(format!("The operation {name} was not found.")).because("notFound")
    })
}

/// Returns whether something goes on in a cluster.
pub(super) fn running<'s>(
    site: &'s Site,
    project: &str,
    location: &str,
    cluster: &str,
) -> Option<&'s str> {
    let begins = format!("{cluster}/");
    site.things
        .values()
        .find(|it| {
            it.kind == OPERATION
                && it.body["status"] == "RUNNING"
                && it.body["-service"] == "container"
                && project_of(it) == project
                && it.body["-place"] == location
                && (text(it, "-name") == cluster || text(it, "-name").starts_with(&begins))
        })
        .map(|it| text(it, "name"))
}

/// Moves a thing that is due.
pub(crate) fn advance(ground: &Arc<Ground>, mut thing: Thing) {
    let cx = Cx {
        ground,
        now: ground.clock.now(),
    };
    thing.due = None;
    if thing.kind != OPERATION || thing.body["status"] == "DONE" {
        return cx.put(thing);
    }
    let then = thing.body["-then"].clone();
    let fails = thing.body["-fails"].as_str().map(str::to_owned);
    let project = project_of(&thing).to_owned();
    thing.body["status"] = json!("DONE");
    thing.body["error"] = json!(fails);
    cx.put(show_keeping(thing));
    let failed = fails.as_deref();
    match then["do"].as_str().unwrap_or_default() {
        "create-cluster" => clusters::created(&cx, &project, &then, failed),
        "delete-cluster" => clusters::deleted(&cx, &project, &then, failed),
        "update-cluster" => clusters::updated(&cx, &project, &then, failed),
        "create-pool" => pools::created(&cx, &project, &then, failed),
        "delete-pool" => pools::deleted(&cx, &project, &then, failed),
        "update-pool" => pools::updated(&cx, &project, &then, failed),
        "insert-compute" if failed.is_none() => compute::inserted(&cx, &project, &then),
        "delete-compute" if failed.is_none() => compute::deleted(&cx, &project, &then),
        "create-project" if failed.is_none() => projects::created(&cx, &then),
        "delete-project" if failed.is_none() => projects::deleted(&cx, &then),
        "label-project" if failed.is_none() => projects::labelled(&cx, &then),
        "enable" if failed.is_none() => usage::enabled(&cx, &then),
        _ => {}
    }
}

/// An operation that is done is told for as long as the world stands, as Google tells of it for some days.
fn show_keeping(mut thing: Thing) -> Thing {
    if thing.body["error"].is_null() {
        let kept = show(&thing.body);
        let hidden =
            ["-service", "-place", "-kind", "-name"].map(|key| (key, thing.body[key].clone()));
        thing.body = kept;
        for (key, value) in hidden {
            thing.body[key] = value;
        }
    }
    thing
}
