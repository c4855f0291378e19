//! What CloudFormation checks of a template and its parameters before a stack is touched.

use super::{
    functions::{Scope, references},
    types,
};
use crate::aws::Fault;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The largest template that a request may have in it.
const LARGEST: usize = 51_200;
const SECTIONS: [&str; 10] = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Resources",
    "Outputs",
];
const KEYS: [&str; 9] = [
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
];

pub(super) fn invalid(message: impl Into<String>) -> Fault {
    Fault::new(400, "ValidationError", message)
}

/// Reads a template, and checks all that can be told without its parameters.
pub(super) fn template(input: &Value) -> Result<(String, Value), Fault> {
    let Some(text) = input["TemplateBody"].as_str() else {
        return Err(invalid(match input["TemplateURL"].is_null() {
            true => "Either Template URL or Template Body must be specified.",
            false => "S3 error: Access Denied",
        }));
    };
    if text.len() > LARGEST {
        let shown: String = text.chars().take(40).collect();
        return Err(invalid(format!(
            "1 validation error detected: Value '{shown}…' at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to {LARGEST}"
        )));
    }
    let template = super::template::parse(text).map_err(invalid)?;
    check(&template).map_err(invalid)?;
    Ok((text.to_owned(), template))
}

fn check(template: &Value) -> Result<(), String> {
    let keys = |value: &Value| -> Vec<String> {
        value
            .as_object()
            .into_iter()
            .flat_map(|it| it.keys().cloned())
            .collect()
    };
    let unknown: Vec<String> = keys(template)
        .into_iter()
        .filter(|it| !SECTIONS.contains(&it.as_str()))
        .collect();
    if !unknown.is_empty() {
        return Err(format!(
            "Invalid template property or properties [{}]",
            unknown.join(", ")
        ));
    }
    if let Some(version) = template.get("AWSTemplateFormatVersion")
        && version != "2010-09-09"
    {
        return Err(
            "Template format error: unsupported value for AWSTemplateFormatVersion.".to_owned(),
        );
    }
    if template.get("Transform").is_some() {
        return Err("the simulated CloudFormation knows no transforms".to_owned());
    }
    let resources = template["Resources"]
        .as_object()
        .filter(|it| !it.is_empty());
    let resources =
        resources.ok_or("Template format error: At least one Resources member must be defined.")?;
    let parameters: BTreeSet<String> = keys(&template["Parameters"]).into_iter().collect();
    let known = |name: &str| {
        name.starts_with("AWS::") || parameters.contains(name) || resources.contains_key(name)
    };
    let strange: Vec<String> = resources
        .values()
        .filter_map(|it| it["Type"].as_str())
        .filter(|it| types::find(it).is_none())
        .map(str::to_owned)
        .collect();
    if !strange.is_empty() {
        return Err(format!(
            "Template format error: Unrecognized resource types: [{}]",
            strange.join(", ")
        ));
    }
    let mut unresolved = BTreeSet::new();
    for (name, resource) in resources {
        if !name.chars().all(|it| it.is_ascii_alphanumeric()) {
            return Err(format!(
                "Template format error: Resource name {name} is non alphanumeric."
            ));
        }
        if let Some(key) = keys(resource)
            .iter()
            .find(|it| !KEYS.contains(&it.as_str()))
        {
            return Err(format!("Invalid template resource property '{key}'"));
        }
        let Some(kind) = resource["Type"].as_str().and_then(types::find) else {
            return Err(format!(
                "Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
            ));
        };
        if let Some(wrong) = kind.names(resource.get("Properties").unwrap_or(&Value::Null)) {
            return Err(format!("Resource {name}: {wrong}"));
        }
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            let given = &resource[policy];
            if !given.is_null()
                && !["Delete", "Retain", "RetainExceptOnCreate", "Snapshot"]
                    .iter()
                    .any(|it| given == it)
            {
                return Err(format!(
                    "Template format error: Unrecognized {policy} {given} for resource {name}"
                ));
            }
        }
        for other in depends(resource) {
            if !resources.contains_key(&other) {
                unresolved.insert(other);
            }
        }
        let mut named = BTreeSet::new();
        references(&resource["Properties"], &mut named);
        unresolved.extend(named.into_iter().filter(|it| !known(it)));
        attributes(&resource["Properties"], resources)?;
    }
    for (_, output) in template["Outputs"].as_object().into_iter().flatten() {
        let mut named = BTreeSet::new();
        references(&output["Value"], &mut named);
        let missing: Vec<String> = named.into_iter().filter(|it| !known(it)).collect();
        if !missing.is_empty() {
            return Err(format!(
                "Template format error: Unresolved dependencies {missing:?}. Cannot reference resources in the Conditions block of the template"
            ));
        }
        attributes(&output["Value"], resources)?;
    }
    if !unresolved.is_empty() {
        let list: Vec<String> = unresolved.into_iter().collect();
        return Err(format!(
            "Template format error: Unresolved resource dependencies [{}] in the Resources block of the template",
            list.join(", ")
        ));
    }
    circles(resources)
}

/// Checks that each attribute that is asked for is one of its resource's.
fn attributes(value: &Value, resources: &serde_json::Map<String, Value>) -> Result<(), String> {
    let of = |resource: &str, attribute: &str| {
        let kind = resources
            .get(resource)
            .and_then(|it| it["Type"].as_str())
            .and_then(types::find);
        match kind {
            Some(kind) if !kind.has(attribute) => Err(format!(
                "Template error: resource {resource} does not support attribute type {attribute} in Fn::GetAtt"
            )),
            _ => Ok(()),
        }
    };
    match value {
        Value::Object(fields) => {
            for (key, argument) in fields {
                if key == "Fn::GetAtt"
                    && let (Some(resource), Some(attribute)) =
                        (argument[0].as_str(), argument[1].as_str())
                {
                    of(resource, attribute)?;
                }
                if key == "Fn::Sub" {
                    let text = argument
                        .as_str()
                        .or(argument[0].as_str())
                        .unwrap_or_default();
                    for part in text.split("${").skip(1) {
                        let name = part.split('}').next().unwrap_or_default();
                        if let Some((resource, attribute)) = name.split_once('.') {
                            of(resource, attribute)?;
                        }
                    }
                }
                attributes(argument, resources)?;
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|it| attributes(it, resources)),
        _ => Ok(()),
    }
}

fn depends(resource: &Value) -> Vec<String> {
    match &resource["DependsOn"] {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => names
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// Returns the resources that a resource must wait for.
pub(super) fn needs(template: &Value, resource: &Value) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    references(&resource["Properties"], &mut named);
    named.extend(depends(resource));
    named.retain(|it| template["Resources"].get(it).is_some());
    named
}

fn circles(resources: &serde_json::Map<String, Value>) -> Result<(), String> {
    let template = json!({"Resources": resources});
    let mut left: BTreeMap<&String, BTreeSet<String>> = resources
        .iter()
        .map(|(name, it)| (name, needs(&template, it)))
        .collect();
    loop {
        let free: Vec<String> = left
            .iter()
            .filter(|(_, needs)| needs.is_empty())
            .map(|(name, _)| (*name).clone())
            .collect();
        if free.is_empty() {
            break;
        }
        left.retain(|name, _| !free.contains(name));
        left.values_mut()
            .for_each(|needs| needs.retain(|it| !free.contains(it)));
    }
    if left.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = left.keys().map(|it| it.as_str()).collect();
    Err(format!(
        "Circular dependency between resources: [{}]",
        names.join(", ")
    ))
}

/// Returns the values of a template's parameters, of what is given, what was before, and its defaults.
pub(super) fn parameters(
    template: &Value,
    given: &Value,
    before: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, Fault> {
    let declared = template["Parameters"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let given: Vec<&Value> = given.as_array().into_iter().flatten().collect();
    let strange: Vec<&str> = given
        .iter()
        .filter_map(|it| it["ParameterKey"].as_str())
        .filter(|it| !declared.contains_key(*it))
        .collect();
    if !strange.is_empty() {
        return Err(invalid(format!(
            "Parameters: [{}] do not exist in the template",
            strange.join(", ")
        )));
    }
    let (mut values, mut missing) = (BTreeMap::new(), Vec::new());
    for (name, declaration) in &declared {
        let mine = given.iter().find(|it| it["ParameterKey"] == *name);
        let value = match mine {
            Some(it) if it["UsePreviousValue"] == true => before.get(name).cloned(),
            Some(it) => it.get("ParameterValue").cloned(),
            None => declaration.get("Default").cloned(),
        };
        match value {
            None => missing.push(name.as_str()),
            Some(value) => {
                let text = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned);
                values.insert(name.clone(), parameter(name, declaration, &text)?);
            }
        }
    }
    if !missing.is_empty() {
        return Err(invalid(format!(
            "Parameters: [{}] must have values",
            missing.join(", ")
        )));
    }
    Ok(values)
}

fn parameter(name: &str, declaration: &Value, text: &str) -> Result<Value, Fault> {
    let kind = declaration["Type"].as_str().unwrap_or_default();
    let told = declaration["ConstraintDescription"].as_str();
    let fails = |why: String| {
        invalid(format!(
            "Parameter '{name}' {}",
            told.map_or(why, |it| format!("failed to satisfy constraint: {it}"))
        ))
    };
    let plain = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    if kind.starts_with("AWS::SSM::") {
        return Err(invalid(format!(
            "Template validation error: the simulated CloudFormation knows no parameters of type {kind}"
        )));
    }
    let list = kind == "CommaDelimitedList" || kind.starts_with("List<");
    let items: Vec<&str> = match list {
        true if text.is_empty() => Vec::new(),
        true => text.split(',').map(str::trim).collect(),
        false => vec![text],
    };
    if let Some(allowed) = declaration["AllowedValues"].as_array()
        && let Some(item) = items
            .iter()
            .find(|item| !allowed.iter().any(|it| plain(it) == **item))
    {
        let allowed: Vec<String> = allowed.iter().map(plain).collect();
        let _ = item;
        return Err(fails(format!(
            "must be one of AllowedValues: [{}]",
            allowed.join(", ")
        )));
    }
    if let Some(pattern) = declaration["AllowedPattern"].as_str() {
        let regex = regex::Regex::new(&format!("\\A(?:{pattern})\\z"));
        let regex = regex.map_err(|_| {
            invalid(format!(
                "Template format error: AllowedPattern of parameter {name} is malformed"
            ))
        })?;
        if items.iter().any(|it| !regex.is_match(it)) {
            return Err(fails(format!("must match pattern {pattern}")));
        }
    }
    let bound = |key: &str| {
        declaration[key]
            .as_f64()
            .or_else(|| declaration[key].as_str()?.parse().ok())
    };
    let length = text.chars().count() as f64;
    if bound("MinLength").is_some_and(|it| length < it)
        || bound("MaxLength").is_some_and(|it| length > it)
    {
        return Err(fails("has a length that is not allowed".to_owned()));
    }
    if kind == "Number" || kind == "List<Number>" {
        for item in &items {
            let number: f64 = item
                .parse()
                .map_err(|_| invalid(format!("Parameter '{name}' must be a number")))?;
            if bound("MinValue").is_some_and(|it| number < it)
                || bound("MaxValue").is_some_and(|it| number > it)
            {
                return Err(fails("is out of its range".to_owned()));
            }
        }
    }
    Ok(if list { json!(items) } else { json!(text) })
}

/// Refuses a stack that makes identities without that being acknowledged.
pub(super) fn capabilities(template: &Value, given: &Value) -> Result<(), Fault> {
    let wanted = wanted(template);
    let has = |name: &str| given.as_array().into_iter().flatten().any(|it| it == name);
    match wanted {
        Some("CAPABILITY_IAM") if has("CAPABILITY_IAM") || has("CAPABILITY_NAMED_IAM") => Ok(()),
        Some(wanted) if !has(wanted) => Err(Fault::new(
            400,
            "InsufficientCapabilitiesException",
            format!("Requires capabilities : [{wanted}]"),
        )),
        _ => Ok(()),
    }
}

/// Returns the capability that a template needs.
pub(super) fn wanted(template: &Value) -> Option<&'static str> {
    let resources = || {
        template["Resources"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|it| it.1)
    };
    let identities = [
        "AWS::IAM::Role",
        "AWS::IAM::ManagedPolicy",
        "AWS::IAM::Policy",
        "AWS::IAM::RolePolicy",
        "AWS::IAM::InstanceProfile",
    ];
    let makes = |it: &&Value| identities.iter().any(|kind| it["Type"] == *kind);
    let names = ["RoleName", "ManagedPolicyName", "InstanceProfileName"];
    let named = |it: &Value| {
        it["Type"] != "AWS::IAM::RolePolicy"
            && names.iter().any(|key| it["Properties"].get(key).is_some())
    };
    match (
        resources().any(|it| makes(&it)),
        resources().any(|it| makes(&it) && named(it)),
    ) {
        (true, true) => Some("CAPABILITY_NAMED_IAM"),
        (true, false) => Some("CAPABILITY_IAM"),
        _ => None,
    }
}

/// Checks that the conditions can be told, and returns the resources that are to be made.
pub(super) fn chosen(scope: &Scope<'_>) -> Result<Vec<String>, Fault> {
    let mut chosen = Vec::new();
    for (name, resource) in scope.template["Resources"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let holds = match resource["Condition"].as_str() {
            Some(condition) => scope.condition(condition).map_err(invalid)?,
            None => true,
        };
        if holds {
            chosen.push(name.clone());
        }
    }
    Ok(chosen)
}
