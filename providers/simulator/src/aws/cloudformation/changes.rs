//! Change sets: what an update would change, told before it is done. `aws cloudformation deploy` works with them.

use super::{
    super::{
        Fault, Outcome,
        account::{Cx, Thing},
        uuid,
    },
    checks::{self, invalid},
    stack, template,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CHANGES: &str = "cloudformation:change-set";
const NOTHING: &str = "The submitted information didn't contain changes. Submit different information to create a change set.";

pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Outcome {
    match operation {
        "CreateChangeSet" => create(cx, input),
        "DescribeChangeSet" => Ok(find(cx, input)?.body),
        "ExecuteChangeSet" => execute(cx, input),
        _ => {
            let changes = find(cx, input)?;
            cx.remove(CHANGES, &changes.id);
            Ok(json!({}))
        }
    }
}

fn find(cx: &Cx<'_>, input: &Value) -> Result<Thing, Fault> {
    let name = input["ChangeSetName"].as_str().unwrap_or_default();
    let of = input["StackName"].as_str();
    let fits = |it: &Thing| match name.starts_with("arn:") {
        true => it.id == name,
        false => {
            it.text("ChangeSetName") == name
                && of.is_some_and(|of| it.text("StackName") == of || it.text("StackId") == of)
        }
    };
    let found = cx.all(CHANGES).into_iter().find(fits);
    found.ok_or_else(|| {
        Fault::new(
            404,
            "ChangeSetNotFound",
            format!("ChangeSet [{name}] does not exist"),
        )
    })
}

fn create(cx: &Cx<'_>, input: &Value) -> Outcome {
    let (name, called) = (text(input, "StackName"), text(input, "ChangeSetName"));
    let known = stack::find(cx, name).ok();
    let creates = input["ChangeSetType"] == "CREATE";
    let known = match (creates, known) {
        (true, Some(known)) if known.text("StackStatus") != "REVIEW_IN_PROGRESS" => {
            return Err(invalid(format!(
                "Stack [{name}] already exists and cannot be created again with the changeSet [{called}]."
            )));
        }
        (false, None) => return Err(invalid(format!("Stack [{name}] does not exist"))),
        (_, known) => known,
    };
    let (wanted, before) = match (&known, creates) {
        (Some(known), false) if input["UsePreviousTemplate"] == true => {
            let old = template::parse(known.text("template")).map_err(invalid)?;
            (
                (known.text("template").to_owned(), old),
                stack::values(known),
            )
        }
        (Some(known), false) => (checks::template(input)?, stack::values(known)),
        _ => (checks::template(input)?, BTreeMap::new()),
    };
    let (text, new) = wanted;
    let values = checks::parameters(&new, &input["Parameters"], &before)?;
    checks::capabilities(&new, &input["Capabilities"])?;
    let stack = match known {
        Some(known) => known,
        None => super::review(cx, name, &text)?,
    };
    let changes = {
        let chosen = checks::chosen(&stack::scope(&new, &stack, &values, &|_| None))?;
        differences(cx, &stack, &new, &chosen, values != before)
    };
    let untouched = !creates && changes.is_empty() && input["Tags"].is_null();
    let id = cx.arn(
        "cloudformation",
        &format!("changeSet/{called}/{}", uuid(&cx.ground.mint("changes"))),
    );
    let mut kept = input.clone();
    kept["TemplateBody"] = json!(text);
    kept["UsePreviousTemplate"] = Value::Null;
    let body = json!({
        "ChangeSetName": called, "ChangeSetId": id, "StackId": stack.id, "StackName": stack.body["StackName"], "CreationTime": cx.now.to_string(),
        "Description": input["Description"], "Parameters": super::shown(&values), "Capabilities": input["Capabilities"], "Tags": input["Tags"],
        "Changes": changes, "Status": if untouched { "FAILED" } else { "CREATE_COMPLETE" },
        "StatusReason": untouched.then_some(NOTHING), "ExecutionStatus": if untouched { "UNAVAILABLE" } else { "AVAILABLE" },
        "asked": kept, "creates": creates,
    });
    cx.make(CHANGES, &id, BTreeMap::new(), body);
    Ok(json!({"Id": id, "StackId": stack.id}))
}

fn text<'a>(input: &'a Value, key: &str) -> &'a str {
    input[key].as_str().unwrap_or_default()
}

/// Returns what would be added, modified and removed, as far as the templates tell.
fn differences(
    cx: &Cx<'_>,
    known: &Thing,
    new: &Value,
    chosen: &[String],
    parameters: bool,
) -> Vec<Value> {
    let old = template::parse(known.text("template")).unwrap_or_default();
    let mut there = stack::resources(cx, known);
    there.retain(|it| it.text("ResourceStatus") != "DELETE_COMPLETE");
    let find = |logical: &str| {
        there
            .iter()
            .find(|it| it.text("LogicalResourceId") == logical)
    };
    let change = |action: &str, logical: &str, kind: &Value| {
        json!({"Type": "Resource", "ResourceChange": {
            "Action": action, "LogicalResourceId": logical, "PhysicalResourceId": find(logical).map(|it| it.body["PhysicalResourceId"].clone()),
            "ResourceType": kind, "Scope": [], "Details": [], "Replacement": (action == "Modify").then_some("Conditional"),
        }})
    };
    let mut told = Vec::new();
    for logical in chosen {
        let of = &new["Resources"][logical];
        let refers = parameters && of.to_string().contains("\"Ref\"");
        match find(logical) {
            None => told.push(change("Add", logical, &of["Type"])),
            Some(_) if old["Resources"][logical] != *of || refers => {
                told.push(change("Modify", logical, &of["Type"]))
            }
            Some(_) => {}
        }
    }
    let removed = there.iter().filter(|it| {
        !chosen
            .iter()
            .any(|chosen| chosen == it.text("LogicalResourceId"))
    });
    told.extend(removed.map(|it| {
        change(
            "Remove",
            it.text("LogicalResourceId"),
            &it.body["ResourceType"],
        )
    }));
    told
}

fn execute(cx: &Cx<'_>, input: &Value) -> Outcome {
    let changes = find(cx, input)?;
    if changes.body["ExecutionStatus"] != "AVAILABLE" {
        let message = format!(
            "ChangeSet [{}] cannot be executed in its current status of [{}]",
            changes.id,
            changes.text("Status")
        );
        return Err(Fault::new(400, "InvalidChangeSetStatus", message));
    }
    let mut asked = changes.body["asked"].clone();
    asked["ClientRequestToken"] = input["ClientRequestToken"].clone();
    asked["DisableRollback"] = input["DisableRollback"].clone();
    match changes.body["creates"] == true {
        true => super::create(cx, &asked)?,
        false => super::update(cx, &asked)?,
    };
    for other in cx.with(CHANGES, "StackId", changes.text("StackId")) {
        cx.remove(CHANGES, &other.id);
    }
    Ok(json!({}))
}
