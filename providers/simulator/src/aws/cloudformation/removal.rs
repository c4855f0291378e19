//! How a stack's resources go: those last that others need. What something else still uses is tried again for a while, as
//! CloudFormation does, and then fails.

use super::{
    super::account::{Cx, Thing},
    resources::{self, duration},
    stack,
};
use crate::{clock, faults::CloudEffect};
use serde_json::{Value, json};
use std::time::Duration;

/// Assumed time after which something that is in use is tried again, and for how long.
const AGAIN: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(300);

/// Goes on with a stack that is rolled back, cleaned up or deleted.
pub(super) fn go_on(cx: &Cx<'_>, mut known: Thing) {
    let cleans = known.text("StackStatus").ends_with("CLEANUP_IN_PROGRESS");
    loop {
        let mut all = stack::resources(cx, &known);
        if cleans {
            clean(cx, &known, &mut all);
        }
        let goes = |it: &Thing| !cleans || it.body["removed"] == true;
        let is_gone = |it: &Thing| {
            it.text("ResourceStatus").is_empty()
                || ["DELETE_COMPLETE", "DELETE_SKIPPED"].contains(&it.text("ResourceStatus"))
        };
        let needed = |it: &Thing| {
            let logical = it.text("LogicalResourceId");
            let needs = |other: &&Thing| {
                other.body["needs"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|need| need == logical)
            };
            all.iter()
                .filter(needs)
                .any(|other| goes(other) && !is_gone(other))
        };
        let failed =
            |it: &Thing| it.text("ResourceStatus") == "DELETE_FAILED" && !is_new(it, &known);
        let waits = |it: &&Thing| {
            goes(it)
                && !is_gone(it)
                && it.text("ResourceStatus") != "DELETE_IN_PROGRESS"
                && !failed(it)
                && !needed(it)
        };
        let ready: Vec<Thing> = all.iter().filter(waits).cloned().collect();
        if ready.is_empty() {
            let busy = all
                .iter()
                .any(|it| goes(it) && it.text("ResourceStatus") == "DELETE_IN_PROGRESS");
            if !busy {
                let failed: Vec<&str> = all
                    .iter()
                    .filter(|it| goes(it) && failed(it))
                    .map(|it| it.text("LogicalResourceId"))
                    .collect();
                let failed = failed.join(", ");
                end(cx, &mut known, &failed);
            }
            return;
        }
        for resource in ready {
            begin(cx, &known, resource);
        }
    }
}

/// Returns whether a failure is of an earlier deletion than the one that goes on.
fn is_new(it: &Thing, known: &Thing) -> bool {
    it.body["failed"] != known.body["deletion"]
}

/// Deletes what was replaced; what stays of it, stays.
fn clean(cx: &Cx<'_>, known: &Thing, all: &mut [Thing]) {
    for resource in all {
        let mut old = resource.body["old"].as_array().cloned().unwrap_or_default();
        let was = std::mem::take(&mut resource.body["was"]);
        if !was.is_null() && was["id"] != resource.body["PhysicalResourceId"] {
            old.push(was);
        }
        for it in &old {
            // It is left over, as with CloudFormation.
            let _ = resources::delete(
                cx,
                resource.text("ResourceType"),
                it["id"].as_str().unwrap_or_default(),
                &it["properties"],
            );
        }
        if !old.is_empty() {
            resource.body["old"] = Value::Null;
            stack::mark(cx, known, resource, "UPDATE_COMPLETE", None);
        }
        cx.put(resource.clone());
    }
}

fn begin(cx: &Cx<'_>, known: &Thing, mut resource: Thing) {
    let retained = resource.body["retained"] == true || resource.body["policy"] == "Retain";
    let never = resource.body["PhysicalResourceId"].is_null();
    if retained && !never {
        stack::mark(cx, known, &mut resource, "DELETE_SKIPPED", None);
        return;
    }
    let kind = resource.text("ResourceType").to_owned();
    resource.body["since"] = json!(cx.now.to_string());
    stack::mark(cx, known, &mut resource, "DELETE_IN_PROGRESS", None);
    let name = format!(
        "{}/{}",
        known.text("StackName"),
        resource.text("LogicalResourceId")
    );
    let attempt = format!("{} {}", known.text("uid"), cx.now);
    let fate = cx.ground.faults.behind(
        ("aws", "cloudformation"),
        "DeleteResource",
        &name,
        &attempt,
        cx.now,
    );
    let takes = duration(&kind, true);
    let takes = match fate {
        Some(CloudEffect::Stuck(None)) => None,
        Some(CloudEffect::Stuck(Some(longer))) => Some(takes.saturating_add(longer)),
        Some(CloudEffect::Fails(why)) => {
            resource.body["fails"] = json!(why);
            Some(takes)
        }
        _ => Some(takes),
    };
    resource.due = takes.map(|it| clock::add(cx.now, it));
    cx.put(resource);
}

/// Ends the deletion of a resource.
pub(super) fn finish(cx: &Cx<'_>, known: &Thing, mut resource: Thing) {
    let kind = resource.text("ResourceType").to_owned();
    let told = resource.body["fails"].as_str().map(str::to_owned);
    let deleted = match (told, resource.body["PhysicalResourceId"].as_str()) {
        (Some(why), _) => Err((why, false)),
        (None, None) => Ok(()),
        (None, Some(id)) => {
            resources::delete(cx, &kind, id, &resource.body["properties"]).map_err(|fault| {
                let used = [
                    "DependencyViolation",
                    "DeleteConflict",
                    "InvalidIPAddress.InUse",
                ]
                .contains(&fault.code.as_str());
                (stack::handler(cx, &kind, &fault), used)
            })
        }
    };
    let since: Option<jiff::Timestamp> = resource.text("since").parse().ok();
    let patient = since.is_some_and(|since| cx.now < clock::add(since, PATIENCE));
    match deleted {
        Ok(()) => stack::mark(cx, known, &mut resource, "DELETE_COMPLETE", None),
        Err((_, true)) if patient => {
            // Others are at work meanwhile.
            resource.limit = Some(clock::add(cx.now, AGAIN));
            cx.put(resource);
        }
        Err((why, _)) => {
            resource.body["failed"] = known.body["deletion"].clone();
            stack::mark(cx, known, &mut resource, "DELETE_FAILED", Some(&why));
        }
    }
}

/// Nothing goes any more: a stack is as it will be.
fn end(cx: &Cx<'_>, known: &mut Thing, failed: &str) {
    let told = format!("The following resource(s) failed to delete: [{failed}]. ");
    let status = known.text("StackStatus").to_owned();
    match (status.as_str(), failed.is_empty()) {
        ("DELETE_IN_PROGRESS", true) => {
            known.body["DeletionTime"] = json!(cx.now.to_string());
            stack::turn(cx, known, "DELETE_COMPLETE", None);
        }
        ("DELETE_IN_PROGRESS", false) => stack::turn(cx, known, "DELETE_FAILED", Some(&told)),
        ("ROLLBACK_IN_PROGRESS", true) => stack::turn(cx, known, "ROLLBACK_COMPLETE", None),
        ("ROLLBACK_IN_PROGRESS", false) => stack::turn(cx, known, "ROLLBACK_FAILED", Some(&told)),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", _) => {
            stack::turn(cx, known, "UPDATE_COMPLETE", None)
        }
        _ => stack::turn(cx, known, "UPDATE_ROLLBACK_COMPLETE", None),
    }
}
