//! How a stack is made and changed: its resources one after another, those first that others need.

use super::{
    super::account::{Cx, Thing},
    functions::Scope,
    removal,
    resources::{self, duration},
    stack::{self, STACK},
    template, types,
};
use crate::{clock, faults::CloudEffect};
use serde_json::{Value, json};
use std::time::Duration;

/// Assumed time that a refusal takes.
const REFUSAL: Duration = Duration::from_secs(2);

/// Goes on with a stack.
pub(in crate::aws) fn advance_stack(cx: &Cx<'_>, mut known: Thing) {
    known.due = None;
    cx.put(known.clone());
    go_on(cx, known);
}

/// Ends what a resource was in the middle of, and goes on with its stack.
pub(in crate::aws) fn advance_resource(cx: &Cx<'_>, mut resource: Thing) {
    (resource.due, resource.limit) = (None, None);
    let Some(known) = stack::of(cx, &resource) else {
        cx.put(resource);
        return;
    };
    let status = resource.text("ResourceStatus").to_owned();
    let failure = resource.body["fails"].as_str().map(str::to_owned);
    resource.body["fails"] = Value::Null;
    match (status.as_str(), failure) {
        ("DELETE_IN_PROGRESS", _) => removal::finish(cx, &known, resource),
        (_, Some(why)) => {
            let step = status.split('_').next().unwrap_or("CREATE");
            stack::mark(
                cx,
                &known,
                &mut resource,
                &format!("{step}_FAILED"),
                Some(&why),
            );
        }
        ("CREATE_IN_PROGRESS", None) => {
            stack::mark(cx, &known, &mut resource, "CREATE_COMPLETE", None)
        }
        ("UPDATE_IN_PROGRESS", None) => {
            resource.body["pending"] = Value::Null;
            stack::mark(cx, &known, &mut resource, "UPDATE_COMPLETE", None);
        }
        _ => cx.put(resource),
    }
    if let Some(known) = cx.get(STACK, &known.id) {
        go_on(cx, known);
    }
}

fn go_on(cx: &Cx<'_>, known: Thing) {
    match known.text("StackStatus") {
        "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" => build(cx, known),
        "ROLLBACK_IN_PROGRESS"
        | "DELETE_IN_PROGRESS"
        | "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
        | "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => removal::go_on(cx, known),
        _ => {}
    }
}

/// Begins with every resource whose needs are there.
fn build(cx: &Cx<'_>, mut known: Thing) {
    let Ok(template) = template::shared(known.text("template")) else {
        return;
    };
    loop {
        let all = stack::resources(cx, &known);
        let failed: Vec<&str> = all
            .iter()
            .filter(|it| is_failed(it))
            .map(|it| it.text("LogicalResourceId"))
            .collect();
        if !failed.is_empty() {
            let failed = failed.join(", ");
            return give_up(cx, known, &failed);
        }
        let done = |logical: &str| {
            all.iter().any(|it| {
                it.text("LogicalResourceId") == logical
                    && it.text("ResourceStatus").ends_with("_COMPLETE")
                    && it.body["pending"].is_null()
            })
        };
        let ready = |it: &&Thing| {
            let waits = it.text("ResourceStatus").is_empty()
                || (it.body["pending"] == true
                    && !it.text("ResourceStatus").ends_with("IN_PROGRESS"));
            waits
                && it.body["removed"].is_null()
                && it.body["needs"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    // What its condition leaves out is not waited for.
                    .filter(|name| all.iter().any(|it| it.text("LogicalResourceId") == *name))
                    .all(done)
        };
        let ready: Vec<Thing> = all.iter().filter(ready).cloned().collect();
        if ready.is_empty() {
            let kept = all.iter().filter(|it| it.body["removed"].is_null());
            if kept.clone().all(|it| done(it.text("LogicalResourceId"))) {
                complete(cx, &mut known, &template);
            }
            return;
        }
        for resource in ready {
            match resource.text("ResourceStatus") {
                "" => make(cx, &known, &template, resource),
                _ => change(cx, &known, &template, resource),
            }
        }
    }
}

fn is_failed(it: &Thing) -> bool {
    it.text("ResourceStatus") == "CREATE_FAILED" || it.text("ResourceStatus") == "UPDATE_FAILED"
}

/// Calls `with` with what a stack's functions look things up in.
fn within<T>(
    cx: &Cx<'_>,
    known: &Thing,
    template: &Value,
    with: impl FnOnce(&Scope<'_>) -> T,
) -> T {
    let all = stack::resources(cx, known);
    let find = |logical: &str| {
        let it = all
            .iter()
            .find(|it| it.text("LogicalResourceId") == logical)?;
        let id = it.body["PhysicalResourceId"].as_str()?.to_owned();
        Some((id, it.body["attributes"].clone()))
    };
    let values = stack::values(known);
    with(&stack::scope(template, known, &values, &find))
}

fn properties(
    cx: &Cx<'_>,
    known: &Thing,
    template: &Value,
    resource: &Thing,
) -> Result<Value, String> {
    let wanted = &template["Resources"][resource.text("LogicalResourceId")]["Properties"];
    let resolved = within(cx, known, template, |scope| scope.resolve(wanted))?;
    let resolved = if resolved.is_null() {
        json!({})
    } else {
        resolved
    };
    match types::find(resource.text("ResourceType")).and_then(|it| it.values(&resolved)) {
        Some(wrong) => Err(wrong),
        None => Ok(resolved),
    }
}

/// Decides whether a fault holds or fails what begins with a resource; returns how long it takes, `None` = for ever.
fn fated(
    cx: &Cx<'_>,
    known: &Thing,
    resource: &mut Thing,
    action: &str,
    takes: Duration,
) -> Option<Duration> {
    let name = format!(
        "{}/{}",
        known.text("StackName"),
        resource.text("LogicalResourceId")
    );
    let attempt = format!("{} {}", known.text("uid"), resource.text("Timestamp"));
    match cx
        .ground
        .faults
        .behind(("aws", "cloudformation"), action, &name, &attempt, cx.now)
    {
        Some(CloudEffect::Stuck(None)) => None,
        Some(CloudEffect::Stuck(Some(longer))) => Some(takes.saturating_add(longer)),
        Some(CloudEffect::Fails(why)) => {
            resource.body["fails"] = json!(why);
            Some(REFUSAL)
        }
        _ => Some(takes),
    }
}

fn make(cx: &Cx<'_>, known: &Thing, template: &Value, mut resource: Thing) {
    let kind = resource.text("ResourceType").to_owned();
    stack::mark(cx, known, &mut resource, "CREATE_IN_PROGRESS", None);
    let takes = fated(
        cx,
        known,
        &mut resource,
        "CreateResource",
        duration(&kind, false),
    );
    let mut due = takes.map(|it| clock::add(cx.now, it));
    if resource.body["fails"].is_null() {
        match produce(cx, known, template, &mut resource) {
            Ok(()) => stack::mark(
                cx,
                known,
                &mut resource,
                "CREATE_IN_PROGRESS",
                Some("Resource creation Initiated"),
            ),
            Err(why) => {
                resource.body["fails"] = json!(why);
                due = Some(clock::add(cx.now, REFUSAL));
            }
        }
    }
    resource.due = due;
    cx.put(resource);
}

fn produce(
    cx: &Cx<'_>,
    known: &Thing,
    template: &Value,
    resource: &mut Thing,
) -> Result<(), String> {
    let properties = properties(cx, known, template, resource)?;
    let mark = cx.ground.mint("resource");
    let wanted = stack::wanted(known, resource, &properties, &mark);
    let made = resources::make(cx, wanted)
        .map_err(|fault| stack::handler(cx, resource.text("ResourceType"), &fault))?;
    resource.body["PhysicalResourceId"] = json!(made.id);
    resource.body["attributes"] = made.attributes;
    resource.body["tags"] = json!(known.tags);
    resource.body["properties"] = properties;
    Ok(())
}

/// Changes a resource as far as its properties differ: in place, or by another in its place.
fn change(cx: &Cx<'_>, known: &Thing, template: &Value, mut resource: Thing) {
    let kind = resource.text("ResourceType").to_owned();
    let policy =
        template["Resources"][resource.text("LogicalResourceId")]["DeletionPolicy"].clone();
    resource.body["policy"] = policy;
    let wanted = properties(cx, known, template, &resource);
    let before = resource.body["properties"].clone();
    let tagged = types::find(&kind).is_some_and(|it| it.tags())
        && resource.body["tags"] != json!(known.tags);
    if wanted.as_ref().is_ok_and(|it| *it == before) && !tagged {
        resource.body["pending"] = Value::Null;
        cx.put(resource);
        return;
    }
    stack::mark(cx, known, &mut resource, "UPDATE_IN_PROGRESS", None);
    let takes = fated(
        cx,
        known,
        &mut resource,
        "UpdateResource",
        duration(&kind, false),
    );
    let mut due = takes.map(|it| clock::add(cx.now, it));
    if resource.body["fails"].is_null() {
        let was = json!({
            "properties": before, "id": resource.body["PhysicalResourceId"], "attributes": resource.body["attributes"], "tags": resource.body["tags"],
        });
        let changed = wanted.and_then(|wanted| {
            let differs = |key: &&String| before[*key] != wanted[*key];
            let keys = [&before, &wanted]
                .into_iter()
                .filter_map(Value::as_object)
                .flat_map(|it| it.keys());
            let replaces = types::find(&kind)
                .is_some_and(|it| keys.filter(differs).any(|key| it.replaces(key)));
            if replaces {
                return produce(cx, known, template, &mut resource);
            }
            let id = resource.text("PhysicalResourceId").to_owned();
            let mark = cx.ground.mint("resource");
            let order = stack::wanted(known, &resource, &wanted, &mark);
            resources::change(cx, &id, &before, order)
                .map_err(|fault| stack::handler(cx, &kind, &fault))?;
            resource.body["properties"] = wanted;
            resource.body["tags"] = json!(known.tags);
            Ok(())
        });
        match changed {
            Ok(()) => resource.body["was"] = was,
            Err(why) => {
                resource.body["fails"] = json!(why);
                due = Some(clock::add(cx.now, REFUSAL));
            }
        }
    }
    resource.due = due;
    cx.put(resource);
}

/// Everything is there: the outputs are told, and what is not needed any more goes.
fn complete(cx: &Cx<'_>, known: &mut Thing, template: &Value) {
    let mut told = Vec::new();
    let mut wrong = None;
    within(cx, known, template, |scope| {
        for (name, output) in template["Outputs"].as_object().into_iter().flatten() {
            if output["Condition"]
                .as_str()
                .is_some_and(|it| !scope.condition(it).unwrap_or(false))
            {
                continue;
            }
            let export = scope.resolve(&output["Export"]["Name"]).unwrap_or_default();
            match scope.resolve(&output["Value"]) {
                Ok(value) => {
                    let text = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    told.push(json!({"OutputKey": name, "OutputValue": text, "Description": output["Description"], "ExportName": export}));
                }
                Err(why) => wrong = Some(why),
            }
        }
    });
    known.body["Outputs"] = json!(told);
    match (known.text("StackStatus"), wrong) {
        (_, Some(why)) => give_up(cx, known.clone(), &why),
        ("CREATE_IN_PROGRESS", None) => stack::turn(cx, known, "CREATE_COMPLETE", None),
        _ => {
            stack::turn(cx, known, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", None);
            removal::go_on(cx, known.clone());
        }
    }
}

/// Something failed: what is in the middle of something is cancelled, and all goes back, unless it is to stay.
fn give_up(cx: &Cx<'_>, mut known: Thing, failed: &str) {
    let creates = known.text("StackStatus") == "CREATE_IN_PROGRESS";
    for mut resource in stack::resources(cx, &known) {
        let status = resource.text("ResourceStatus").to_owned();
        if status == "CREATE_IN_PROGRESS" || status == "UPDATE_IN_PROGRESS" {
            resource.due = None;
            let (step, word) = if status.starts_with("CREATE") {
                ("CREATE", "creation")
            } else {
                ("UPDATE", "update")
            };
            stack::mark(
                cx,
                &known,
                &mut resource,
                &format!("{step}_FAILED"),
                Some(&format!("Resource {word} cancelled")),
            );
        }
    }
    let what = if creates { "create" } else { "update" };
    let told = format!("The following resource(s) failed to {what}: [{failed}]. ");
    match (creates, known.text("onFailure")) {
        (true, "DO_NOTHING") => stack::turn(cx, &mut known, "CREATE_FAILED", Some(&told)),
        (true, "DELETE") => {
            stack::turn(
                cx,
                &mut known,
                "DELETE_IN_PROGRESS",
                Some(&format!("{told}Delete requested by user.")),
            );
            removal::go_on(cx, known);
        }
        (true, _) => {
            stack::turn(
                cx,
                &mut known,
                "ROLLBACK_IN_PROGRESS",
                Some(&format!("{told}Rollback requested by user.")),
            );
            removal::go_on(cx, known);
        }
        (false, _) => {
            stack::turn(cx, &mut known, "UPDATE_ROLLBACK_IN_PROGRESS", Some(&told));
            go_back(cx, known);
        }
    }
}

/// Brings a stack back to what it was before an update.
fn go_back(cx: &Cx<'_>, mut known: Thing) {
    let before = known.body["before"].clone();
    known.body["template"] = before["template"].clone();
    known.body["values"] = before["values"].clone();
    known.tags = serde_json::from_value(before["tags"].clone()).unwrap_or_default();
    for mut resource in stack::resources(cx, &known) {
        let was = std::mem::take(&mut resource.body["was"]);
        resource.body["pending"] = Value::Null;
        resource.body["removed"] = Value::Null;
        let kind = resource.text("ResourceType").to_owned();
        match resource.text("ResourceStatus").starts_with("CREATE_") {
            // What was there before the update has no other status than these two.
            true if !is_older(&resource, &known) => resource.body["removed"] = json!(true),
            _ if was.is_null() => {}
            _ if was["id"] != resource.body["PhysicalResourceId"] => {
                let made = json!({"id": resource.body["PhysicalResourceId"], "properties": resource.body["properties"]});
                restore(&mut resource, &was);
                resource.body["old"] = json!([made]);
            }
            _ => {
                let changed = resource.body["properties"].clone();
                restore(&mut resource, &was);
                let mark = cx.ground.mint("resource");
                let order = stack::wanted(&known, &resource, &was["properties"], &mark);
                // What cannot go back stays as it is, and says so in its own service.
                let _ =
                    resources::change(cx, was["id"].as_str().unwrap_or_default(), &changed, order);
            }
        }
        if resource.text("ResourceStatus").starts_with("UPDATE_")
            && kind != "AWS::CloudFormation::Stack"
        {
            stack::mark(cx, &known, &mut resource, "UPDATE_COMPLETE", None);
        }
        cx.put(resource);
    }
    stack::turn(
        cx,
        &mut known,
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        None,
    );
    removal::go_on(cx, known);
}

fn restore(resource: &mut Thing, was: &Value) {
    for (key, from) in [
        ("PhysicalResourceId", "id"),
        ("properties", "properties"),
        ("attributes", "attributes"),
        ("tags", "tags"),
    ] {
        resource.body[key] = was[from].clone();
    }
}

/// Returns whether a resource was there before a stack's last update began.
fn is_older(resource: &Thing, known: &Thing) -> bool {
    let updated: Option<jiff::Timestamp> = known.text("LastUpdatedTime").parse().ok();
    updated.is_none_or(|updated| resource.created < updated)
}
