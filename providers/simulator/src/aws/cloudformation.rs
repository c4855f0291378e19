//! CloudFormation: stacks of templates. A request leaves a stack in progress; the engine goes on with it.

mod changes;
mod checks;
mod functions;
mod progress;
mod removal;
mod resources;
mod show;
mod stack;
mod template;
#[cfg(test)]
mod tests;
mod types;

pub(super) use progress::{advance_resource, advance_stack};

use super::{Fault, Outcome, Thing, account::Cx, tag_map, uuid};
use checks::invalid;
use serde_json::{Value, json};
use stack::{RESOURCE, STACK};
use std::collections::BTreeMap;

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    if let Some(shown) = show::act(cx, operation, input) {
        return shown;
    }
    match operation {
        "CreateStack" => create(cx, input),
        "UpdateStack" => update(cx, input),
        "DeleteStack" => delete(cx, input),
        other if other.ends_with("ChangeSet") => changes::act(cx, other, input),
        other => Err(Fault::new(
            501,
            "NotImplemented",
            format!("the simulated CloudFormation does not know {other}"),
        )),
    }
}

/// Returns the tags of a request that are allowed.
fn tags(input: &Value) -> Result<BTreeMap<String, String>, Fault> {
    let tags = tag_map(&input["Tags"]);
    match tags.keys().find(|it| it.to_lowercase().starts_with("aws:")) {
        Some(key) => Err(invalid(format!(
            "Tag key {key} is reserved: aws: prefixed tag key names are not allowed for external use."
        ))),
        None => Ok(tags),
    }
}

fn shown(values: &BTreeMap<String, Value>) -> Value {
    let text = |value: &Value| match value {
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(","),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    values
        .iter()
        .map(|(key, value)| json!({"ParameterKey": key, "ParameterValue": text(value)}))
        .collect()
}

/// Checks what a stack is to be called.
fn named(name: &str) -> Result<(), Fault> {
    let valid = name.len() <= 128
        && name.starts_with(|it: char| it.is_ascii_alphabetic())
        && name
            .chars()
            .all(|it| it.is_ascii_alphanumeric() || it == '-');
    match valid {
        true => Ok(()),
        false => Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        ))),
    }
}

/// Returns a stack that nothing is in yet.
fn blank(cx: &Cx<'_>, name: &str, text: &str) -> Thing {
    let uid = uuid(&cx.ground.mint("stack"));
    let id = cx.arn("cloudformation", &format!("stack/{name}/{uid}"));
    let body = json!({
        "StackName": name, "StackId": id, "StackStatus": "REVIEW_IN_PROGRESS", "CreationTime": cx.now.to_string(), "template": text, "uid": uid,
        "RollbackConfiguration": {}, "NotificationARNs": [], "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    });
    Thing {
        kind: STACK.to_owned(),
        region: cx.region.to_owned(),
        id,
        created: cx.now,
        tags: BTreeMap::new(),
        body,
        due: None,
        limit: None,
    }
}

/// Makes a stack that waits for its first change set to be executed.
fn review(cx: &Cx<'_>, name: &str, text: &str) -> Result<Thing, Fault> {
    named(name)?;
    let mut made = blank(cx, name, text);
    stack::turn(cx, &mut made, "REVIEW_IN_PROGRESS", Some("User Initiated"));
    Ok(made)
}

fn create(cx: &Cx<'_>, input: &Value) -> Outcome {
    let name = input["StackName"].as_str().unwrap_or_default();
    let known = match name.starts_with("arn:") {
        true => Some(stack::find(cx, name)?),
        false => stack::alive(cx, name),
    };
    let known = match known {
        Some(known) if known.text("StackStatus") != "REVIEW_IN_PROGRESS" => {
            let token = &input["ClientRequestToken"];
            if !token.is_null() && known.body["token"] == *token {
                return Ok(json!({"StackId": known.id}));
            }
            return Err(Fault::new(
                400,
                "AlreadyExistsException",
                format!("Stack [{name}] already exists"),
            ));
        }
        known => known,
    };
    if known.is_none() {
        named(name)?;
    }
    if input["DisableRollback"].is_boolean() && !input["OnFailure"].is_null() {
        return Err(invalid(
            "Either DisableRollback or OnFailure can be specified, not both.",
        ));
    }
    let (text, template) = checks::template(input)?;
    let values = checks::parameters(&template, &input["Parameters"], &BTreeMap::new())?;
    checks::capabilities(&template, &input["Capabilities"])?;
    let mut made = known.unwrap_or_else(|| blank(cx, name, &text));
    made.tags = tags(input)?;
    made.due = Some(cx.now);
    let on_failure = match (
        input["OnFailure"].as_str(),
        input["DisableRollback"] == true,
    ) {
        (Some(what), _) => what,
        (None, true) => "DO_NOTHING",
        (None, false) => "ROLLBACK",
    };
    for (key, value) in [
        ("template", json!(text)),
        ("values", json!(values)),
        ("Parameters", shown(&values)),
        ("Description", template["Description"].clone()),
        ("Capabilities", input["Capabilities"].clone()),
        (
            "EnableTerminationProtection",
            json!(input["EnableTerminationProtection"] == true),
        ),
        ("DisableRollback", json!(on_failure == "DO_NOTHING")),
        ("onFailure", json!(on_failure)),
        ("token", input["ClientRequestToken"].clone()),
    ] {
        made.body[key] = value;
    }
    let chosen = checks::chosen(&stack::scope(&template, &made, &values, &|_| None))?;
    stack::turn(cx, &mut made, "CREATE_IN_PROGRESS", Some("User Initiated"));
    for logical in chosen {
        stack::add(cx, &made, &template, &logical);
    }
    Ok(json!({"StackId": made.id}))
}

fn update(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut known = stack::find(cx, input["StackName"].as_str().unwrap_or_default())?;
    let token = &input["ClientRequestToken"];
    if !token.is_null() && known.body["token"] == *token {
        return Ok(json!({"StackId": known.id}));
    }
    let status = known.text("StackStatus").to_owned();
    let stable = [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
    ];
    if !stable.contains(&status.as_str()) {
        return Err(invalid(format!(
            "Stack:{} is in {status} state and can not be updated.",
            known.id
        )));
    }
    let (text, template) = match input["UsePreviousTemplate"] == true {
        true => {
            let text = known.text("template").to_owned();
            let template = template::parse(&text).map_err(invalid)?;
            (text, template)
        }
        false => checks::template(input)?,
    };
    let before = stack::values(&known);
    let values = checks::parameters(&template, &input["Parameters"], &before)?;
    checks::capabilities(&template, &input["Capabilities"])?;
    let wanted = match input["Tags"].is_null() {
        true => known.tags.clone(),
        false => tags(input)?,
    };
    let old = template::parse(known.text("template")).map_err(invalid)?;
    if old == template && values == before && wanted == known.tags {
        return Err(invalid("No updates are to be performed."));
    }
    known.body["before"] = json!({"template": known.body["template"], "values": known.body["values"], "tags": known.tags});
    known.tags = wanted;
    known.body["template"] = json!(text);
    known.body["values"] = json!(values);
    known.body["Parameters"] = shown(&values);
    known.body["Description"] = template["Description"].clone();
    known.body["LastUpdatedTime"] = json!(cx.now.to_string());
    known.body["token"] = token.clone();
    let chosen = checks::chosen(&stack::scope(&template, &known, &values, &|_| None))?;
    for mut resource in stack::resources(cx, &known) {
        let logical = resource.text("LogicalResourceId").to_owned();
        let there = resource.text("ResourceStatus") != "DELETE_COMPLETE";
        match chosen.contains(&logical) {
            true if there => {
                resource.body["pending"] = json!(true);
                resource.body["needs"] =
                    json!(checks::needs(&template, &template["Resources"][&logical]));
                cx.put(resource);
            }
            true => drop(cx.remove(RESOURCE, &resource.id)),
            false => {
                resource.body["removed"] = json!(true);
                cx.put(resource);
            }
        }
    }
    let there: Vec<String> = stack::resources(cx, &known)
        .iter()
        .map(|it| it.text("LogicalResourceId").to_owned())
        .collect();
    for logical in chosen.iter().filter(|it| !there.contains(it)) {
        stack::add(cx, &known, &template, logical);
    }
    known.due = Some(cx.now);
    stack::turn(cx, &mut known, "UPDATE_IN_PROGRESS", Some("User Initiated"));
    Ok(json!({"StackId": known.id}))
}

fn delete(cx: &Cx<'_>, input: &Value) -> Outcome {
    // That there is none is as good.
    let Ok(mut known) = stack::find(cx, input["StackName"].as_str().unwrap_or_default()) else {
        return Ok(json!({}));
    };
    let status = known.text("StackStatus").to_owned();
    let name = known.text("StackName").to_owned();
    if known.body["EnableTerminationProtection"] == true {
        return Err(invalid(format!(
            "Stack [{name}] cannot be deleted while TerminationProtection is enabled"
        )));
    }
    let retain: Vec<&str> = input["RetainResources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !retain.is_empty() && status != "DELETE_FAILED" {
        let message = format!(
            "Invalid operation on stack [{}]. Specified resources can only be retained when the stack is in DELETE_FAILED state.",
            known.id
        );
        return Err(invalid(message));
    }
    if status == "DELETE_COMPLETE" || status == "DELETE_IN_PROGRESS" {
        return Ok(json!({}));
    }
    if status.starts_with("UPDATE_") && status.ends_with("IN_PROGRESS") {
        return Err(invalid(format!(
            "Stack [{name}] cannot be deleted while in status {status}"
        )));
    }
    for mut resource in stack::resources(cx, &known) {
        let logical = resource.text("LogicalResourceId").to_owned();
        if resource.text("ResourceStatus") == "CREATE_IN_PROGRESS" {
            resource.due = None;
            stack::mark(
                cx,
                &known,
                &mut resource,
                "CREATE_FAILED",
                Some("Resource creation cancelled"),
            );
        }
        resource.body["retained"] = json!(retain.contains(&logical.as_str()));
        cx.put(resource);
    }
    known.due = Some(cx.now);
    // Tells the failures of this deletion from those of earlier ones.
    known.body["deletion"] = json!(cx.ground.mint("deletion"));
    stack::turn(cx, &mut known, "DELETE_IN_PROGRESS", Some("User Initiated"));
    Ok(json!({}))
}
