//! What CloudFormation tells of stacks.

use super::{
    super::{
        Fault, Outcome,
        account::{Cx, Thing},
        page, tag_list,
    },
    checks::{self, invalid},
    stack::{self, STACK},
};
use serde_json::{Value, json};

/// Answers an operation that only tells; `None` where it is none.
pub(super) fn act(cx: &Cx<'_>, operation: &str, input: &Value) -> Option<Outcome> {
    match operation {
        "DescribeStacks" => Some(stacks(cx, input)),
        "DescribeStackEvents" => Some(events(cx, input)),
        "DescribeStackResources" => Some(resources(cx, input)),
        "DescribeStackResource" => Some(resource(cx, input)),
        "ListStackResources" => Some(list_resources(cx, input)),
        "ListStacks" => Some(list(cx, input)),
        "GetTemplate" => Some(template(cx, input)),
        "GetTemplateSummary" => Some(summary(cx, input)),
        "ValidateTemplate" => Some(validate(input)),
        _ => None,
    }
}

fn name(input: &Value) -> &str {
    input["StackName"].as_str().unwrap_or_default()
}

fn paged(key: &str, items: Vec<Value>, input: &Value) -> Outcome {
    let (items, next) = page(items, Some(100), input["NextToken"].as_str())
        .map_err(|_| invalid("Invalid NextToken"))?;
    Ok(json!({key: items, "NextToken": next}))
}

fn stacks(cx: &Cx<'_>, input: &Value) -> Outcome {
    let found = match input["StackName"].as_str() {
        Some(name) => vec![stack::find(cx, name)?],
        None => {
            let mut all = cx.all(STACK);
            all.retain(|it| it.text("StackStatus") != "DELETE_COMPLETE");
            all.sort_by_key(|it| std::cmp::Reverse(it.created));
            all
        }
    };
    let shown = found.iter().map(|it| {
        let mut shown = it.body.clone();
        shown["Tags"] = tag_list(&it.tags, "Key", "Value");
        shown
    });
    paged("Stacks", shown.collect(), input)
}

fn events(cx: &Cx<'_>, input: &Value) -> Outcome {
    let known = stack::find(cx, name(input))?;
    let mut all: Vec<Value> = stack::events(cx, &known)
        .into_iter()
        .map(|it| it.body)
        .collect();
    all.reverse();
    paged("StackEvents", all, input)
}

/// Returns the resources of a stack that were begun.
fn begun(cx: &Cx<'_>, known: &Thing) -> Vec<Value> {
    let mut all = stack::resources(cx, known);
    all.retain(|it| !it.text("ResourceStatus").is_empty());
    all.into_iter().map(|it| it.body).collect()
}

fn resources(cx: &Cx<'_>, input: &Value) -> Outcome {
    let physical = input["PhysicalResourceId"].as_str();
    let mut all = match (input["StackName"].as_str(), physical) {
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid(
                "Either StackName or PhysicalResourceId must be specified, and not both",
            ));
        }
        (Some(name), None) => begun(cx, &stack::find(cx, name)?),
        (None, Some(id)) => {
            let mut stacks = cx.all(STACK).into_iter().map(|it| begun(cx, &it));
            let found = stacks.find(|all| all.iter().any(|it| it["PhysicalResourceId"] == id));
            found.ok_or_else(|| invalid(format!("Stack for {id} does not exist")))?
        }
    };
    if let Some(logical) = input["LogicalResourceId"].as_str() {
        all.retain(|it| it["LogicalResourceId"] == logical);
    }
    Ok(json!({"StackResources": all}))
}

fn resource(cx: &Cx<'_>, input: &Value) -> Outcome {
    let known = stack::find(cx, name(input))?;
    let logical = input["LogicalResourceId"].as_str().unwrap_or_default();
    let all = begun(cx, &known);
    match all
        .into_iter()
        .find(|it| it["LogicalResourceId"] == logical)
    {
        Some(it) => Ok(json!({"StackResourceDetail": it})),
        None => Err(invalid(format!(
            "Resource {logical} does not exist for stack {}",
            known.text("StackName")
        ))),
    }
}

fn list_resources(cx: &Cx<'_>, input: &Value) -> Outcome {
    let known = stack::find(cx, name(input))?;
    paged("StackResourceSummaries", begun(cx, &known), input)
}

fn list(cx: &Cx<'_>, input: &Value) -> Outcome {
    let mut all = cx.all(STACK);
    if let Some(wanted) = input["StackStatusFilter"]
        .as_array()
        .filter(|it| !it.is_empty())
    {
        all.retain(|it| wanted.contains(&it.body["StackStatus"]));
    }
    all.sort_by_key(|it| std::cmp::Reverse(it.created));
    let told = all.into_iter().map(|mut it| {
        let text = it.text("template").to_owned();
        it.body["TemplateDescription"] = super::template::parse(&text)
            .map(|it| it["Description"].clone())
            .unwrap_or_default();
        it.body
    });
    paged("StackSummaries", told.collect(), input)
}

fn template(cx: &Cx<'_>, input: &Value) -> Outcome {
    let known = stack::find(cx, name(input))?;
    Ok(
        json!({"TemplateBody": known.body["template"], "StagesAvailable": ["Original", "Processed"]}),
    )
}

fn read(cx: &Cx<'_>, input: &Value) -> Result<Value, Fault> {
    match input["StackName"].as_str() {
        Some(name) => {
            super::template::parse(stack::find(cx, name)?.text("template")).map_err(invalid)
        }
        None => Ok(checks::template(input)?.1),
    }
}

fn declarations(template: &Value, constraints: bool) -> Vec<Value> {
    let declared = template["Parameters"].as_object().into_iter().flatten();
    declared
        .map(|(name, it)| {
            let default = match &it["Default"] {
                Value::Null | Value::String(_) => it["Default"].clone(),
                other => json!(other.to_string()),
            };
            let mut told = json!({
                "ParameterKey": name, "DefaultValue": default, "ParameterType": it["Type"], "NoEcho": it["NoEcho"] == true, "Description": it["Description"],
            });
            if constraints {
                let allowed = it["AllowedValues"].as_array().into_iter().flatten();
                let allowed: Vec<String> = allowed.map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)).collect();
                told["ParameterConstraints"] = json!({"AllowedValues": allowed});
            }
            told
        })
        .collect()
}

fn summary(cx: &Cx<'_>, input: &Value) -> Outcome {
    let template = read(cx, input)?;
    let wanted = checks::wanted(&template);
    let kinds: Vec<&Value> = template["Resources"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|it| &it.1["Type"])
        .collect();
    Ok(json!({
        "Parameters": declarations(&template, true), "Description": template["Description"], "Version": template["AWSTemplateFormatVersion"],
        "Capabilities": wanted.into_iter().collect::<Vec<_>>(), "ResourceTypes": kinds,
        "CapabilitiesReason": wanted.map(|_| "The following resource(s) require capabilities: IAM resources"),
    }))
}

fn validate(input: &Value) -> Outcome {
    let (_, template) = checks::template(input)?;
    let told: Vec<Value> = declarations(&template, false);
    let wanted = checks::wanted(&template);
    Ok(
        json!({"Parameters": told, "Description": template["Description"], "Capabilities": wanted.into_iter().collect::<Vec<_>>()}),
    )
}
